/* Requests of strangers: in whatever pieces they arrive, they are read the same, and what is handed
 * on keeps the promises of net/http.h. */
#include "must.h"
#include "net/http_parser.h"
#include "net/upgrade.h"
#include "split.h"

static const struct http_limits limits = {.header_size = 1024, .body_size = 300};

static void note(struct buf *transcript, const char *name, struct slice value)
{
    buf_add_format(transcript, "%s %zu:", name, value.len);
    buf_add_slice(transcript, value);
}

static void check_request(const struct http_request *request)
{
    must(request->path.len > 0);
    must(request->path.ptr[0] == '/' || slice_is(request->path, "*"));
    must(memchr(request->path.ptr, '?', request->path.len) == NULL);
    must(request->version == 10 || request->version == 11);
    must(request->header_count <= HTTP_HEADERS_MAX);
    must(request->body.len <= limits.body_size);
    for (size_t i = 0; i < request->host.len; i++)
        must(request->host.ptr[i] > ' ' && request->host.ptr[i] < 0x7f);
    for (size_t i = 0; i < request->header_count; i++) {
        struct slice value = request->headers[i].value;
        must(request->headers[i].name.len > 0);
        for (size_t k = 0; k < value.len; k++)
            must(value.ptr[k] != '\r' && value.ptr[k] != '\n' && value.ptr[k] != '\0');
    }
}

static void check_upgrade(const struct http_request *request)
{
    struct http_response response = {0};
    buf_init(&response.headers, 4096);
    if (upgrade_is(request)) {
        int status = upgrade_check(request, &response);
        must(status == 0 || (status >= 400 && status < 500));
        if (status == 0)
            upgrade_accept(request, SLICE("roomline.v1"), &response);
        must(!buf_failed(&response.headers));
    }
    buf_done(&response.headers);
}

static void note_request(struct buf *transcript, const struct http_result *result)
{
    const struct http_request *request = &result->request;
    buf_add_format(transcript, "%d %d %d ", request->method, request->version, result->keep_alive);
    note(transcript, "path", request->path);
    note(transcript, "query", request->query);
    note(transcript, "host", request->host);
    note(transcript, "body", request->body);
    for (size_t i = 0; i < request->header_count; i++) {
        note(transcript, "name", request->headers[i].name);
        note(transcript, "value", request->headers[i].value);
    }
}

/* Until the piece is read. False: refused. */
static bool feed_piece(struct http_parser *parser, struct slice piece, struct buf *transcript)
{
    struct http_result result;
    do {
        size_t before = piece.len;
        http_parser_feed(parser, &piece, &result);
        must(piece.len <= before);
        if (result.event == PARSED_REFUSED) {
            must(result.status >= 400 && result.status < 600);
            /* Of a body that is too long and broken as well, either may be seen first. */
            buf_add_format(transcript, "refused %d", result.status == 413 ? 400 : result.status);
            return false;
        }
        if (result.event == PARSED_REQUEST) {
            must(!http_parser_busy(parser));
            check_request(&result.request);
            check_upgrade(&result.request);
            note_request(transcript, &result);
        }
        must(result.event != PARSED_MORE || piece.len == 0);
        must(piece.len < before || before == 0 || result.event == PARSED_CONTINUE);
    } while (piece.len > 0);
    return true;
}

static void feed(struct slice bytes, struct split split, struct buf *transcript)
{
    struct http_parser *parser = http_parser_new(&limits);
    must(parser != NULL);
    buf_init(transcript, 1 << 20);
    while (bytes.len > 0)
        if (!feed_piece(parser, split_next(&split, &bytes), transcript))
            break;
    must(!buf_failed(transcript));
    http_parser_free(parser);
}

/* The first byte says how the rest is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, split;
    if (size < 1)
        return 0;
    struct slice bytes = {(const char *)data + 1, size - 1};
    feed(bytes, (struct split){0}, &whole);
    feed(bytes, (struct split){data[0]}, &split);
    must(slice_equal(buf_slice(&whole), buf_slice(&split)));
    buf_done(&whole);
    buf_done(&split);
    return 0;
}
