#include "net/http_parser.h"

#include <llhttp.h>
#include <stdint.h>

#include "base/mem.h"

#define HEAD_MAX ((size_t)1 << 20)
#define BODY_MAX ((size_t)1 << 30)

/* Where the collected head stands, as far as its line ends are concerned. */
enum line_state {
    LINE_START,   /* of the first line, nothing read */
    LINE_SKIP_CR, /* of the empty line that may stand before it */
    LINE_SKIPPED,
    LINE_TEXT,
    LINE_CR,
    LINE_BEGINS, /* after CR LF */
    LINE_LAST_CR,
    LINE_END, /* the empty line is over: the head is whole */
    LINE_BROKEN,
};

struct http_parser {
    llhttp_t llhttp;
    struct http_limits limits;
    enum line_state line;
    bool first_line; /* no line end was seen yet */
    bool in_body;
    bool message_complete;
    bool continue_sent;
    bool keep_alive;
    int status;      /* why a callback stopped llhttp */
    size_t body_raw; /* bytes that the body took on the wire, chunk headers and all */
    struct buf head; /* raw; what the slices below point into */
    struct buf body;
    struct slice target;
    size_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
};

/* What comes after each kind of byte. A line that begins with a blank would be folded to the one
 * before. */
static enum line_state line_next(enum line_state line, char c)
{
    if (c == '\0')
        return LINE_BROKEN;
    switch (line) {
    case LINE_START:
        if (c == '\r')
            return LINE_SKIP_CR;
        return c == '\n' ? LINE_BROKEN : LINE_TEXT;
    case LINE_SKIP_CR: return c == '\n' ? LINE_SKIPPED : LINE_BROKEN;
    case LINE_SKIPPED: return c == '\r' || c == '\n' ? LINE_BROKEN : LINE_TEXT;
    case LINE_TEXT: return c == '\r' ? LINE_CR : c == '\n' ? LINE_BROKEN : LINE_TEXT;
    case LINE_CR: return c == '\n' ? LINE_BEGINS : LINE_BROKEN;
    case LINE_BEGINS:
        if (c == '\r')
            return LINE_LAST_CR;
        return c == ' ' || c == '\t' || c == '\n' || c == ':' ? LINE_BROKEN : LINE_TEXT;
    case LINE_LAST_CR: return c == '\n' ? LINE_END : LINE_BROKEN;
    default: return line;
    }
}

static int target_cb(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    parser->target = (struct slice){at, len};
    return 0;
}

static int field_cb(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    if (parser->in_body)
        return 0; /* a trailer: read, not used */
    if (parser->header_count == HTTP_HEADERS_MAX) {
        parser->status = 431;
        return -1;
    }
    parser->headers[parser->header_count++] =
        (struct http_header){.name = {at, len}, .value = {at + len, 0}};
    return 0;
}

static int value_cb(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    if (parser->in_body)
        return 0;
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    parser->headers[parser->header_count - 1].value = (struct slice){at, len};
    return 0;
}

static int body_cb(llhttp_t *llhttp, const char *at, size_t len)
{
    struct http_parser *parser = llhttp->data;
    buf_add(&parser->body, at, len);
    if (!buf_failed(&parser->body))
        return 0;
    parser->status = 413;
    return -1;
}

static int headers_complete_cb(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;
    parser->in_body = true;
    return 0;
}

static int message_complete_cb(llhttp_t *llhttp)
{
    struct http_parser *parser = llhttp->data;
    parser->message_complete = true;
    parser->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = target_cb,
    .on_header_field = field_cb,
    .on_header_value = value_cb,
    .on_headers_complete = headers_complete_cb,
    .on_body = body_cb,
    .on_message_complete = message_complete_cb,
};

/* Ready for the next request; buffers that were used are given back, so that a connection that
 * waits is small. */
static void start_over(struct http_parser *parser)
{
    struct http_limits limits = parser->limits;
    buf_done(&parser->head);
    buf_done(&parser->body);
    memset(parser, 0, offsetof(struct http_parser, headers));
    parser->limits = limits;
    parser->first_line = true;
    buf_init(&parser->head, limits.header_size == 0 ? HEAD_MAX : limits.header_size);
    buf_init(&parser->body, limits.body_size == 0 ? BODY_MAX : limits.body_size);
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->llhttp.data = parser;
}

struct http_parser *http_parser_new(const struct http_limits *limits)
{
    struct http_parser *parser = mem_zero(sizeof(*parser));
    if (parser == NULL)
        return NULL;
    parser->limits = *limits;
    start_over(parser);
    return parser;
}

void http_parser_free(struct http_parser *parser)
{
    if (parser == NULL)
        return;
    buf_done(&parser->head);
    buf_done(&parser->body);
    mem_free(parser);
}

bool http_parser_busy(const struct http_parser *parser)
{
    return !parser->message_complete && (parser->in_body || parser->head.len > 0);
}

/* One empty line in front of a request is forgiven (RFC 9112 section 2.2), in however many pieces.
 */
static int skip_empty_line(struct http_parser *parser, struct slice *bytes)
{
    while (parser->line < LINE_SKIPPED && bytes->len > 0) {
        enum line_state line = line_next(parser->line, bytes->ptr[0]);
        if (line == LINE_TEXT)
            break; /* no such line: the head begins here */
        if (line == LINE_BROKEN)
            return 400;
        parser->line = line;
        *bytes = (struct slice){bytes->ptr + 1, bytes->len - 1};
    }
    return 0;
}

/* Adds to the head as far as it goes. 0, or the status to refuse it with. */
static int collect_head(struct http_parser *parser, struct slice *bytes)
{
    size_t room = parser->head.max - parser->head.len;
    size_t used = 0;
    while (used < bytes->len && parser->line != LINE_END) {
        if (used == room)
            return parser->first_line ? 414 : 431;
        parser->line = line_next(parser->line, bytes->ptr[used++]);
        if (parser->line == LINE_BROKEN)
            return 400;
        if (parser->line == LINE_BEGINS)
            parser->first_line = false;
    }
    buf_add(&parser->head, bytes->ptr, used);
    if (buf_failed(&parser->head))
        return 503; /* no memory */
    *bytes = (struct slice){bytes->ptr + used, bytes->len - used};
    return 0;
}

/* "GET", or the name of a method that we do not know, rather than anything else that may come to a
 * port. */
static bool begins_like_method(struct slice head)
{
    size_t len = 0;
    while (len < head.len && head.ptr[len] >= 'A' && head.ptr[len] <= 'Z')
        len++;
    return len > 0 && len < head.len && head.ptr[len] == ' ';
}

static int status_of(const struct http_parser *parser, llhttp_errno_t error)
{
    if (parser->status != 0)
        return parser->status;
    switch (error) {
    case HPE_INVALID_METHOD: return begins_like_method(buf_slice(&parser->head)) ? 501 : 400;
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE: return 505;
    default: return 400;
    }
}

static enum http_method method_of(const llhttp_t *llhttp)
{
    switch (llhttp->method) {
    case HTTP_GET: return METHOD_GET;
    case HTTP_HEAD: return METHOD_HEAD;
    case HTTP_POST: return METHOD_POST;
    case HTTP_PUT: return METHOD_PUT;
    case HTTP_PATCH: return METHOD_PATCH;
    case HTTP_DELETE: return METHOD_DELETE;
    case HTTP_OPTIONS: return METHOD_OPTIONS;
    default: return METHOD_OTHER;
    }
}

static bool host_is_valid(struct slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        if (!letter && !digit && strchr("-._:[]", c) == NULL)
            return false;
    }
    return host.len <= 255 + 6;
}

/* Cuts "http://host/path" (RFC 9112 section 3.2.2) down to "/path"; its host outranks the header's.
 */
static bool split_absolute(struct slice *target, struct slice *host)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]);
        if (target->len <= len || memcmp(target->ptr, schemes[i], len) != 0)
            continue;
        struct slice rest = {target->ptr + len, target->len - len};
        const char *path = memchr(rest.ptr, '/', rest.len);
        if (path == NULL || path == rest.ptr)
            return false;
        *host = (struct slice){rest.ptr, (size_t)(path - rest.ptr)};
        *target = (struct slice){path, rest.len - host->len};
        return true;
    }
    return false;
}

/* One blank each between method, target and version: llhttp would take more. */
static bool request_line_is_plain(struct slice target)
{
    return target.len > 0 && target.ptr[-2] != ' ' &&
           memcmp(target.ptr + target.len, " HTTP/1.", 8) == 0;
}

static bool split_target(struct http_request *request, struct slice target)
{
    if (slice_is(target, "*") && request->method == METHOD_OPTIONS) {
        request->path = target;
        return true;
    }
    if (target.len == 0 || (target.ptr[0] != '/' && !split_absolute(&target, &request->host)))
        return false;
    if (memchr(target.ptr, '#', target.len) != NULL)
        return false;
    const char *mark = memchr(target.ptr, '?', target.len);
    request->path = target;
    if (mark != NULL) {
        request->path.len = (size_t)(mark - target.ptr);
        request->query = (struct slice){mark + 1, target.len - request->path.len - 1};
    }
    return true;
}

static size_t count_headers(const struct http_request *request, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        struct http_request one = {.header_count = 1, .headers = &request->headers[i]};
        count += http_header(&one, name).ptr != NULL;
    }
    return count;
}

/* What makes two readers of the same bytes see different requests. 0, or the status to refuse it
 * with. */
static int check_framing(const struct http_request *request)
{
    size_t lengths = count_headers(request, "Content-Length");
    size_t codings = count_headers(request, "Transfer-Encoding");
    if (lengths > 1 || codings > 1 || (lengths > 0 && codings > 0))
        return 400;
    if (codings == 1 && !http_list_has(request, "Transfer-Encoding", "chunked"))
        return 501;
    if (codings == 1 && http_list_count(request, "Transfer-Encoding") != 1)
        return 501;
    return 0;
}

static int check_expectation(const struct http_request *request)
{
    struct slice expect = http_header(request, "Expect");
    return expect.ptr == NULL || http_list_has(request, "Expect", "100-continue") ? 0 : 417;
}

static int check_host(struct http_request *request, bool required)
{
    size_t count = count_headers(request, "Host");
    if (count > 1 || (count == 0 && required))
        return 400;
    request->host = http_header(request, "Host");
    return host_is_valid(request->host) ? 0 : 400;
}

/* Fills the request from the head that llhttp has read. 0, or the status to refuse it with. */
static int read_head(const struct http_parser *parser, struct http_request *request)
{
    const llhttp_t *llhttp = &parser->llhttp;
    *request = (struct http_request){.method = method_of(llhttp),
                                     .header_count = parser->header_count,
                                     .headers = parser->headers};
    request->version = llhttp->http_major * 10 + llhttp->http_minor;
    if (request->version != 10 && request->version != 11)
        return 505;
    int status = check_host(request, llhttp->http_minor == 1);
    if (status == 0)
        status = check_framing(request);
    if (status == 0)
        status = check_expectation(request);
    if (status != 0)
        return status;
    if (llhttp->method == HTTP_CONNECT)
        return 501;
    if (!request_line_is_plain(parser->target))
        return 400;
    if (!split_target(request, parser->target) || !host_is_valid(request->host))
        return 400;
    size_t limit = parser->limits.body_size;
    bool too_long =
        (llhttp->flags & F_CONTENT_LENGTH) != 0 && limit != 0 && llhttp->content_length > limit;
    return too_long ? 413 : 0;
}

/* Lets llhttp read bytes; *ret_used is how many it took. 0, or the status to refuse it with. */
static int execute(struct http_parser *parser, struct slice bytes, size_t *ret_used)
{
    llhttp_errno_t error = llhttp_execute(&parser->llhttp, bytes.ptr, bytes.len);
    *ret_used = bytes.len;
    if (error == HPE_OK)
        return 0;
    const char *position = llhttp_get_error_pos(&parser->llhttp);
    if (parser->message_complete && (error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE)) {
        *ret_used = (size_t)(position - bytes.ptr);
        return 0;
    }
    return status_of(parser, error);
}

/* The head is whole. */
static int parse_head(struct http_parser *parser, struct http_request *request)
{
    size_t used;
    int status = execute(parser, buf_slice(&parser->head), &used);
    return status != 0 ? status : read_head(parser, request);
}

static int parse_body(struct http_parser *parser, struct slice *bytes)
{
    size_t used;
    int status = execute(parser, *bytes, &used);
    *bytes = (struct slice){bytes->ptr + used, bytes->len - used};
    parser->body_raw += used;
    size_t limit =
        parser->body.max + parser->head.max; /* chunk headers of one byte each would never end */
    if (status == 0 && parser->limits.body_size != 0 && parser->body_raw > 2 * limit)
        status = 413;
    return status;
}

static void refuse(struct http_result *result, int status)
{
    result->event = PARSED_REFUSED;
    result->status = status;
}

void http_parser_feed(struct http_parser *parser, struct slice *bytes, struct http_result *result)
{
    int status = 0;
    *result = (struct http_result){.event = PARSED_MORE};
    if (parser->message_complete)
        start_over(parser);
    if (!parser->in_body) {
        status = skip_empty_line(parser, bytes);
        if (status == 0)
            status = collect_head(parser, bytes);
        if (status == 0 && parser->line != LINE_END)
            return;
        if (status == 0)
            status = parse_head(parser, &result->request);
    }
    if (status == 0 && !parser->message_complete && bytes->len > 0)
        status = parse_body(parser, bytes);
    if (status != 0) {
        refuse(result, status);
    } else if (parser->message_complete) {
        /* The request was read with its head, but its body came later. */
        read_head(parser, &result->request);
        result->request.body = buf_slice(&parser->body);
        result->keep_alive = parser->keep_alive;
        result->event = PARSED_REQUEST;
    } else if (!parser->continue_sent && parser->body.len == 0) {
        struct http_request head = {.header_count = parser->header_count,
                                    .headers = parser->headers};
        parser->continue_sent = true;
        if (http_header(&head, "Expect").ptr != NULL)
            result->event = PARSED_CONTINUE;
    }
}
