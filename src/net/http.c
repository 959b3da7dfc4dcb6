#include "net/http.h"

#include <strings.h>

#include "base/error.h"
#include "base/mem.h"

#define RESPONSE_HEADERS_MAX 16384 /* bytes */

static bool same_word(struct slice a, const char *b)
{
    return a.len == strlen(b) && strncasecmp(a.ptr, b, a.len) == 0;
}

struct slice http_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (same_word(request->headers[i].name, name))
            return request->headers[i].value;
    return SLICE_NONE;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool http_list_next(struct slice *list, struct slice *ret_token)
{
    while (list->len > 0) {
        const char *comma = memchr(list->ptr, ',', list->len);
        size_t len = comma == NULL ? list->len : (size_t)(comma - list->ptr);
        struct slice token = {list->ptr, len};
        size_t taken = comma == NULL ? len : len + 1;
        *list = (struct slice){list->ptr + taken, list->len - taken};
        while (token.len > 0 && is_blank(token.ptr[0]))
            token = (struct slice){token.ptr + 1, token.len - 1};
        while (token.len > 0 && is_blank(token.ptr[token.len - 1]))
            token.len--;
        if (token.len > 0) {
            *ret_token = token;
            return true;
        }
    }
    return false;
}

static size_t count_tokens(const struct http_request *request, const char *name, const char *only)
{
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        if (!same_word(request->headers[i].name, name))
            continue;
        struct slice list = request->headers[i].value, token;
        while (http_list_next(&list, &token))
            count += only == NULL || same_word(token, only);
    }
    return count;
}

struct slice http_bearer(const struct http_request *request)
{
    static const char scheme[] = "Bearer ";
    const size_t len = sizeof(scheme) - 1;
    struct slice value = http_header(request, "Authorization");
    /* The scheme's case does not matter (RFC 9110 section 11.1). */
    if (value.len < len || strncasecmp(value.ptr, scheme, len) != 0)
        return SLICE_NONE;
    return (struct slice){value.ptr + len, value.len - len};
}

bool http_list_has(const struct http_request *request, const char *name, const char *token)
{
    return count_tokens(request, name, token) > 0;
}

size_t http_list_count(const struct http_request *request, const char *name)
{
    return count_tokens(request, name, NULL);
}

struct http_response http_response_init(void)
{
    struct http_response response = {0};
    buf_init(&response.headers, RESPONSE_HEADERS_MAX);
    return response;
}

void http_response_done(struct http_response *response)
{
    buf_done(&response->headers);
    if (response->release != NULL)
        response->release(response->owner);
    *response = (struct http_response){0};
}

void http_response_add(struct http_response *response, const char *name, struct slice value)
{
    buf_add_text(&response->headers, name);
    buf_add(&response->headers, ": ", 2);
    buf_add_slice(&response->headers, value);
    buf_add(&response->headers, "\r\n", 2);
}

void http_response_text(struct http_response *response, int status, const char *text)
{
    response->status = status;
    response->body = slice_of(text);
    http_response_add(response, "Content-Type", SLICE("text/plain; charset=utf-8"));
}

int http_response_copy(struct http_response *response, struct slice body)
{
    char *copy = mem_alloc(body.len + 1); /* never 0 bytes */
    if (copy == NULL)
        return ERR_UNAVAILABLE;
    if (body.len > 0)
        memcpy(copy, body.ptr, body.len);
    response->body = (struct slice){copy, body.len};
    response->owner = copy;
    response->release = mem_free;
    return 0;
}

bool http_status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

struct buf http_response_head(const struct http_response *response, int version, bool keep_alive,
                              const char *date)
{
    struct buf head;
    buf_init(&head, response->headers.len + 1024);
    buf_reserve(&head, response->headers.len + 256);
    buf_add_format(&head, "HTTP/1.1 %d %s\r\nDate: %s\r\n", response->status,
                   http_reason(response->status), date);
    if (http_status_has_body(response->status))
        buf_add_format(&head, "Content-Length: %zu\r\n", response->body.len);
    bool upgrade = response->status == 426; /* Connection names its Upgrade: RFC 9110 7.8 */
    if (!keep_alive)
        buf_add_format(&head, "Connection: close%s\r\n", upgrade ? ", Upgrade" : "");
    else if (upgrade)
        buf_add_text(&head, "Connection: Upgrade\r\n");
    else if (version == 10)
        buf_add_text(&head, "Connection: keep-alive\r\n");
    buf_add_slice(&head, buf_slice(&response->headers));
    buf_add_text(&head, "\r\n");
    head.failed = head.failed || response->headers.failed;
    return head;
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {302, "Found"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}
