/* A Redis gone mad: whatever it says, what is read keeps to the bounds, does not depend on how it
 * was cut, and means the same when it is written and read again.
 *
 * Input: u8 that says how it is cut, then the bytes. */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "bus/redis_reply.h"
#include "must.h"
#include "split.h"

#define TEXT_MAX ((size_t)1 << 24)

static const struct redis_limits limits = {.size = 64, .elements = 32, .depth = 4};

/* What one reply may take. */
struct used {
    size_t bytes, elements;
};

static void check(const struct redis_reply *reply, unsigned depth, struct used *used)
{
    must(depth <= limits.depth);
    if (reply->kind == REDIS_TEXT || reply->kind == REDIS_STATUS || reply->kind == REDIS_ERROR) {
        must(reply->text.ptr != NULL && reply->text.ptr[reply->text.len] == '\0');
        used->bytes += reply->text.len;
    }
    must(reply->kind == REDIS_LIST || (reply->count == 0 && reply->items == NULL));
    used->elements += reply->count;
    must(used->bytes <= limits.size && used->elements <= limits.elements);
    for (size_t i = 0; i < reply->count; i++)
        check(redis_reply_item(reply, i), depth + (reply->items[i].kind == REDIS_LIST), used);
}

/* As Redis would send it. */
static void write_reply(const struct redis_reply *reply, struct buf *out)
{
    switch (reply->kind) {
    case REDIS_NIL: buf_add_text(out, "$-1\r\n"); break;
    case REDIS_NUMBER: buf_add_format(out, ":%" PRId64 "\r\n", reply->number); break;
    case REDIS_LIST:
        buf_add_format(out, "*%zu\r\n", reply->count);
        for (size_t i = 0; i < reply->count; i++)
            write_reply(&reply->items[i], out);
        break;
    default:
        if (reply->kind == REDIS_TEXT)
            buf_add_format(out, "$%zu\r\n", reply->text.len);
        else
            buf_add_char(out, reply->kind == REDIS_STATUS ? '+' : '-');
        buf_add_slice(out, reply->text);
        buf_add_text(out, "\r\n");
    }
}

/* Appends all that is read; ends with whether it broke. */
static void read_pieces(struct slice bytes, uint8_t cut, struct buf *out)
{
    struct redis_reader *reader = redis_reader_new(&limits);
    struct split split = {cut};
    int got = 0;
    must(reader != NULL);
    while (got >= 0 && bytes.len > 0) {
        const struct redis_reply *reply;
        got = redis_reader_feed(reader, split_next(&split, &bytes));
        while (got >= 0 && (got = redis_reader_next(reader, &reply)) > 0) {
            struct used used = {0, 0};
            check(reply, reply->kind == REDIS_LIST, &used);
            write_reply(reply, out);
        }
    }
    must((got < 0) == (strlen(redis_reader_cause(reader)) > 0));
    buf_add_char(out, got < 0 ? '!' : '.');
    redis_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, parts, again;
    if (size == 0)
        return 0;
    struct slice bytes = {(const char *)data + 1, size - 1};
    buf_init(&whole, TEXT_MAX);
    buf_init(&parts, TEXT_MAX);
    buf_init(&again, TEXT_MAX);
    read_pieces(bytes, 0, &whole);
    read_pieces(bytes, data[0], &parts);
    must(!buf_failed(&whole) && slice_equal(buf_slice(&whole), buf_slice(&parts)));
    read_pieces((struct slice){whole.data, whole.len - 1}, data[0], &again);
    must(again.len == whole.len && memcmp(again.data, whole.data, whole.len - 1) == 0);
    must(again.data[again.len - 1] == '.');
    buf_done(&whole);
    buf_done(&parts);
    buf_done(&again);
    return 0;
}
