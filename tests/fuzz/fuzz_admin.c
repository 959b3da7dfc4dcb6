/* The admin API: whatever a request is, and whatever the directory says, the answer is HTTP and
 * JSON, never a 5xx but 503, and there is exactly one.
 *
 *     u8: outcome (3 bits), clustered, error, instance is ours | u16 length, request |
 *     u16 length, first answer's data | second answer's data */
#include "api/admin.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/log.h"
#include "core/control.h"
#include "core/json.h"
#include "must.h"
#include "net/http_parser.h"

#define TOKEN "fuzz-token-0123456789"
#define REQUEST_SIZE ((size_t)64 * 1024)

static struct {
    struct frame asked;
    bool asks;
    unsigned answers;
} seen;

static const char *not_ready(void *context)
{
    (void)context;
    return NULL;
}

static uint64_t now(void *context)
{
    (void)context;
    return 1;
}

static void write_text(void *context, struct buf *out)
{
    (void)context;
    buf_add_text(out, "text\n");
}

static void write_card(void *context, struct buf *out)
{
    (void)context;
    buf_add_text(out, "{\"instance\":\"us\",\"version\":\"1\",\"started\":1}");
}

static void drain(void *context)
{
    (void)context;
}

static worker_id ask(void *context, const struct frame *frame)
{
    struct control_query query;
    struct control_change change;
    struct control_ban_time ban;
    (void)context;
    must(frame->kind == FRAME_CONTROL && frame->request > 0 && frame->request < CONTROL_REQUESTS);
    must(frame->reason < CONTROL_OP_COUNT);
    must(frame->reason != CONTROL_LIST || control_query_read(frame->data, &query));
    must(frame->reason != CONTROL_SET || control_change_read(frame->data, &change));
    must(frame->reason != CONTROL_KICK || control_ban_time_read(frame->data, &ban));
    must(frame->reason != CONTROL_NOTICE || json_check(frame->data) != JSON_INVALID);
    must(frame->reason != CONTROL_NOTICE || frame->data.len <= CONTROL_NOTICE_MAX);
    seen.asked = *frame;
    seen.asks = true;
    return WORKER_RESERVED + 1;
}

/* Each line is "Name: value", and nothing in a value ends it. */
static void check_headers(struct slice headers)
{
    for (size_t i = 0; i < headers.len; i++) {
        unsigned char c = (unsigned char)headers.ptr[i];
        must(c >= ' ' || c == '\r' || c == '\n');
        must(c != '\r' || (i + 1 < headers.len && headers.ptr[i + 1] == '\n'));
        must(c != '\n' || (i > 0 && headers.ptr[i - 1] == '\r'));
    }
}

static bool has(struct slice headers, const char *line)
{
    return headers.len > 0 && memmem(headers.ptr, headers.len, line, strlen(line)) != NULL;
}

static void take(struct http_response *response)
{
    struct slice headers = buf_slice(&response->headers);
    int status = response->status;
    must(status >= 200 && (status < 500 || status == 503));
    check_headers(headers);
    must(has(headers, "Cache-Control: no-store\r\n"));
    if (has(headers, "json\r\n"))
        must(json_check(response->body) == JSON_OBJECT);
    must(has(headers, "Content-Type: application/problem+json\r\n") == (status >= 400) ||
         has(headers, "Content-Type: text/plain") || status == 204);
    seen.answers++;
    http_response_done(response);
}

static bool answer(void *context, uint64_t connection, struct http_response *response)
{
    (void)context;
    must(connection == 7);
    take(response);
    return true;
}

static struct slice take_part(struct slice *data)
{
    size_t len = 0;
    if (data->len >= 2) {
        len = (size_t)(unsigned char)data->ptr[0] | (size_t)(unsigned char)data->ptr[1] << 8;
        *data = (struct slice){data->ptr + 2, data->len - 2};
    }
    len = len < data->len ? len : data->len;
    struct slice part = {data->ptr, len};
    *data = (struct slice){data->ptr + len, data->len - len};
    return part;
}

static void say(struct admin *admin, unsigned flags, struct slice data)
{
    struct frame frame = {.kind = FRAME_CONTROLLED,
                          .request = seen.asked.request,
                          .reason = flags & 7,
                          .error = (flags & 16) != 0 ? ERR_UNAVAILABLE : 0,
                          .version = flags,
                          .data = data};
    seen.asks = false;
    admin_answered(admin, &frame);
}

static void run(struct admin *admin, const struct http_request *request, unsigned flags,
                struct slice answers)
{
    struct admin_client client = {7, SLICE("127.0.0.1")};
    struct http_response response = http_response_init();
    seen.answers = 0;
    seen.asks = false;
    admin_respond(admin, &client, request, &response);
    must(response.later == seen.asks);
    if (!response.later)
        take(&response);
    else
        http_response_done(&response);
    if (seen.asks)
        say(admin, flags, take_part(&answers));
    if (seen.asks)
        say(admin, 0, answers);
    must(!seen.asks && seen.answers == 1);
}

static struct admin *start(unsigned flags)
{
    struct admin_tokens tokens = {.count = 0};
    struct admin_world world = {
        .instance = (flags & 32) != 0 ? SLICE("us") : SLICE("them"),
        .clustered = (flags & 8) != 0,
        .workers = 1,
        .now = now,
        .not_ready = not_ready,
        .write_checks = write_text,
        .write_metrics = write_text,
        .answer = answer,
        .ask = ask,
        .card = write_card,
        .drain = drain,
    };
    struct admin *admin = admin_new(&world);
    must(admin_tokens_add(&tokens, SLICE(TOKEN)) == NULL);
    admin_use_tokens(admin, &tokens);
    return admin;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_limits limits = {.header_size = REQUEST_SIZE,
                                              .body_size = REQUEST_SIZE};
    static bool initialised;
    struct http_result result;
    if (!initialised) {
        crypto_init();
        log_init(LOG_ERROR, LOG_JSON, -1);
        initialised = true;
    }
    if (size < 3)
        return 0;
    unsigned flags = data[0];
    struct slice rest = {(const char *)data + 1, size - 1};
    struct slice bytes = take_part(&rest);
    struct http_parser *parser = http_parser_new(&limits);
    struct admin *admin = start(flags);
    while (bytes.len > 0) {
        http_parser_feed(parser, &bytes, &result);
        if (result.event == PARSED_REQUEST)
            run(admin, &result.request, flags, rest);
        else if (result.event != PARSED_CONTINUE)
            break;
    }
    admin_free(admin);
    http_parser_free(parser);
    return 0;
}
