#include "limit_http.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

enum { KEY_LENGTH = 24 };

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, section 1.3 */
static const char key_header[] = "\r\nSec-WebSocket-Key: ";

static void make_answer(struct upgrade *upgrade, const char *key)
{
    char joined[KEY_LENGTH + sizeof(guid)];
    unsigned char digest[SHA_DIGEST_LENGTH];
    char accept[4 * SHA_DIGEST_LENGTH];
    memcpy(joined, key, KEY_LENGTH);
    memcpy(joined + KEY_LENGTH, guid, sizeof(guid));
    SHA1((const unsigned char *)joined, KEY_LENGTH + sizeof(guid) - 1, digest);
    EVP_EncodeBlock((unsigned char *)accept, digest, sizeof(digest));
    upgrade->answer_size = (size_t)snprintf(upgrade->answer, sizeof(upgrade->answer),
                                            "HTTP/1.1 101 Switching Protocols\r\n"
                                            "Upgrade: websocket\r\n"
                                            "Connection: Upgrade\r\n"
                                            "Sec-WebSocket-Accept: %s\r\n"
                                            "\r\n",
                                            accept);
}

int upgrade_parse(struct upgrade *upgrade, const char *bytes, size_t available)
{
    const char *end = memmem(bytes, available, "\r\n\r\n", 4);
    if (!end)
        return 0;
    upgrade->size = (size_t)(end - bytes) + 4;
    const char *key = memmem(bytes, upgrade->size, key_header, sizeof(key_header) - 1);
    if (!key || end - key < (ptrdiff_t)(sizeof(key_header) - 1 + KEY_LENGTH) ||
        sscanf(bytes, "GET /pair/%u ", &upgrade->pair) != 1)
        return -1;
    make_answer(upgrade, key + sizeof(key_header) - 1);
    return 1;
}
