/* Frames of strangers: in whatever pieces they arrive, they mean the same; and what a client says,
 * in frames of any cut, with pings between, comes out whole. */
#include <stdlib.h>

#include "base/buf.h"
#include "must.h"
#include "net/ws.h"
#include "split.h"

static const struct ws_limits limits = {
    .message_size = 2000, .fragments = 8, .control_frames_per_second = 20};

static struct ws_pool pool;

/* What came out, one after the other, in bytes. */
struct transcript {
    struct buf bytes;
    bool closed; /* on_control() said: no further */
};

static void note(struct transcript *transcript, unsigned char kind, struct slice what)
{
    uint32_t len = (uint32_t)what.len;
    buf_add_char(&transcript->bytes, (char)kind);
    buf_add(&transcript->bytes, &len, sizeof(len));
    buf_add_slice(&transcript->bytes, what);
    must(!buf_failed(&transcript->bytes));
}

static void on_message(void *context, struct slice text)
{
    struct transcript *transcript = context;
    must(!transcript->closed);
    must(text.len <= limits.message_size);
    note(transcript, WS_TEXT, text);
}

static bool on_control(void *context, enum ws_opcode opcode, struct slice payload)
{
    struct transcript *transcript = context;
    unsigned code;
    must(!transcript->closed);
    must(opcode == WS_CLOSE || opcode == WS_PING || opcode == WS_PONG);
    must(payload.len <= WS_CONTROL_MAX);
    note(transcript, opcode, payload);
    if (opcode == WS_CLOSE && ws_close_read(payload, &code) == CLOSE_NONE)
        must(code == 0 || (code >= 1000 && code < 5000));
    transcript->closed = opcode == WS_CLOSE;
    return !transcript->closed;
}

static enum close_code feed(struct slice bytes, struct split split, struct transcript *transcript)
{
    static const struct ws_events events = {on_message, on_control};
    struct ws ws = {0};
    enum close_code code = CLOSE_NONE;
    *transcript = (struct transcript){.closed = false};
    buf_init(&transcript->bytes, 1 << 24);
    while (bytes.len > 0 && code == CLOSE_NONE && !transcript->closed) {
        struct slice piece = split_next(&split, &bytes);
        char *own = malloc(piece.len);
        must(own != NULL);
        memcpy(own, piece.ptr, piece.len);
        code = ws_feed(&ws, &pool, &limits, own, piece.len, 1000, &events, transcript);
        free(own);
    }
    ws_done(&ws);
    return code;
}

static void check_hostile(struct slice bytes, uint32_t seed)
{
    struct transcript whole, split;
    enum close_code code = feed(bytes, (struct split){0}, &whole);
    must(feed(bytes, (struct split){seed}, &split) == code);
    must(slice_equal(buf_slice(&whole.bytes), buf_slice(&split.bytes)));
    buf_done(&whole.bytes);
    buf_done(&split.bytes);
}

/* As a client does (RFC 6455 section 5.3). */
static void add_frame(struct buf *out, unsigned head, struct slice payload, struct split *random)
{
    unsigned char key[4];
    buf_add_char(out, (char)head);
    if (payload.len < 126) {
        buf_add_char(out, (char)(0x80 | payload.len));
    } else {
        buf_add_char(out, (char)(0x80 | 126));
        buf_add_char(out, (char)(payload.len >> 8));
        buf_add_char(out, (char)payload.len);
    }
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (unsigned char)split_random(random);
    buf_add(out, key, sizeof(key));
    for (size_t i = 0; i < payload.len; i++)
        buf_add_char(out, (char)(payload.ptr[i] ^ key[i % 4]));
}

/* The text in up to eight frames, some of them empty, with pings here and there. */
static void add_message(struct buf *out, struct slice text, struct split *random,
                        struct transcript *expected)
{
    unsigned opcode = WS_TEXT, left = split_random(random) % 8;
    struct slice rest = text;
    for (; left > 0; left--) {
        struct slice part = {rest.ptr, split_random(random) % (rest.len + 1)};
        rest = (struct slice){rest.ptr + part.len, rest.len - part.len};
        add_frame(out, opcode, part, random);
        opcode = WS_CONTINUATION;
        if (split_random(random) % 2 == 0) {
            add_frame(out, 0x80 | WS_PING, SLICE("ping"), random);
            note(expected, WS_PING, SLICE("ping"));
        }
    }
    add_frame(out, 0x80 | opcode, rest, random);
    note(expected, WS_TEXT, text);
}

static void check_honest(struct slice text, uint32_t seed)
{
    struct split random = {seed};
    struct transcript expected = {0}, came;
    struct buf bytes;
    if (text.len > limits.message_size)
        return;
    buf_init(&bytes, 1 << 20);
    buf_init(&expected.bytes, 1 << 20);
    add_message(&bytes, text, &random, &expected);
    add_message(&bytes, (struct slice){text.ptr, text.len / 2}, &random, &expected);
    must(feed(buf_slice(&bytes), random, &came) == CLOSE_NONE);
    must(slice_equal(buf_slice(&came.bytes), buf_slice(&expected.bytes)));
    buf_done(&came.bytes);
    buf_done(&expected.bytes);
    buf_done(&bytes);
}

/* The first byte says how the rest is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct slice rest = {(const char *)data + 1, size - 1};
    check_hostile(rest, data[0]);
    check_honest(rest, data[0]);
    return 0;
}
