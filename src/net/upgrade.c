#include "net/upgrade.h"

#include "base/crypto.h"

#define KEY_LENGTH 24 /* 16 bytes in base64 */

bool upgrade_is(const struct http_request *request)
{
    return request->version >= 11 && http_list_has(request, "Upgrade", "websocket") &&
           http_list_has(request, "Connection", "upgrade");
}

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

static bool key_is_valid(struct slice key)
{
    if (key.len != KEY_LENGTH || memcmp(key.ptr + KEY_LENGTH - 2, "==", 2) != 0)
        return false;
    for (size_t i = 0; i < KEY_LENGTH - 2; i++)
        if (!is_base64(key.ptr[i]))
            return false;
    return true;
}

int upgrade_check(const struct http_request *request, struct http_response *refusal)
{
    if (request->method != METHOD_GET || request->body.len > 0)
        return 400;
    if (!slice_is(http_header(request, "Sec-WebSocket-Version"), "13")) {
        http_response_add(refusal, "Sec-WebSocket-Version", SLICE("13"));
        http_response_add(refusal, "Upgrade", SLICE("websocket"));
        return 426;
    }
    if (http_list_count(request, "Sec-WebSocket-Key") != 1 ||
        !key_is_valid(http_header(request, "Sec-WebSocket-Key")))
        return 400;
    return 0;
}

void upgrade_accept(const struct http_request *request, struct slice subprotocol,
                    struct http_response *response)
{
    char accept[29];
    crypto_websocket_accept(http_header(request, "Sec-WebSocket-Key"), accept);
    response->status = 101;
    http_response_add(response, "Upgrade", SLICE("websocket"));
    http_response_add(response, "Connection", SLICE("Upgrade"));
    http_response_add(response, "Sec-WebSocket-Accept", slice_of(accept));
    if (subprotocol.len > 0)
        http_response_add(response, "Sec-WebSocket-Protocol", subprotocol);
}
