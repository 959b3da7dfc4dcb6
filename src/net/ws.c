#include "net/ws.h"

#include <wslay/wslay.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/unmask.h"

#define FIN 0x80    /* of a frame's first byte */
#define POOL_MAX 64 /* readers kept; more are made and freed as needed */

/* Space for the text of a message at first: a header may promise much and then send nothing. */
#define TEXT_AT_FIRST_MAX ((size_t)16 * 1024)

struct ws_reader {
    wslay_frame_context_ptr frames;
    struct unmask unmask;
    struct unmask_input input; /* what recv_cb() may take */
    uint64_t frame_received;   /* of the present frame's payload */
    bool in_frame;
    unsigned char control_len;
    char control[WS_CONTROL_MAX];
    struct ws_reader *next;
};

static ssize_t recv_cb(uint8_t *data, size_t len, int flags, void *user_data)
{
    (void)flags;
    struct ws_reader *reader = user_data;
    size_t used = unmask_show(&reader->unmask, &reader->input, data, len);
    return used > 0 ? (ssize_t)used : -1;
}

static struct ws_reader *reader_new(void)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = recv_cb};
    struct ws_reader *reader = mem_zero(sizeof(*reader));
    if (reader == NULL)
        return NULL;
    if (wslay_frame_context_init(&reader->frames, &callbacks, reader) != 0) {
        mem_free(reader);
        return NULL;
    }
    return reader;
}

static void reader_free(struct ws_reader *reader)
{
    if (reader == NULL)
        return;
    wslay_frame_context_free(reader->frames);
    mem_free(reader);
}

static struct ws_reader *pool_take(struct ws_pool *pool)
{
    struct ws_reader *reader = pool->idle;
    if (reader == NULL)
        return reader_new();
    pool->idle = reader->next;
    pool->count--;
    return reader;
}

/* Only a reader between two frames, with nothing in its buffer, is as good as new. */
static void pool_put(struct ws_pool *pool, struct ws_reader *reader)
{
    if (pool->count == POOL_MAX) {
        reader_free(reader);
        return;
    }
    reader->next = pool->idle;
    pool->idle = reader;
    pool->count++;
}

void ws_pool_done(struct ws_pool *pool)
{
    while (pool->idle != NULL)
        reader_free(pool_take(pool));
}

void ws_done(struct ws *ws)
{
    reader_free(ws->reader);
    message_unref(ws->partial);
    *ws = (struct ws){0};
}

/* Everything that one ws_feed() is about. */
struct feed {
    struct ws *ws;
    struct ws_pool *pool;
    struct ws_reader *reader; /* once there is something for wslay */
    const struct ws_limits *limits;
    uint64_t now;
    const struct ws_events *events;
    void *context;
    struct slice whole; /* the payload so far of a message in one frame, where it came */
    bool stopped;
};

static bool over(uint64_t value, size_t limit)
{
    return limit != 0 && value > limit;
}

static enum close_code control_frame_starts(struct feed *feed, uint8_t opcode)
{
    struct ws *ws = feed->ws;
    uint32_t second = (uint32_t)(feed->now / 1000);
    if (opcode == WS_PONG && ws->pongs_due > 0) {
        ws->pongs_due--;
        return CLOSE_NONE;
    }
    if (ws->control_second != second) {
        ws->control_second = second;
        ws->control_frames = 0;
    }
    ws->control_frames++;
    return over(ws->control_frames, feed->limits->control_frames_per_second) ? CLOSE_RATE_LIMITED
                                                                             : CLOSE_NONE;
}

/* A message in one frame needs no memory if all of it came at once. */
static bool is_whole_message(const struct wslay_frame_iocb *frame)
{
    return frame->fin && frame->opcode == WS_TEXT;
}

static bool partial_append(struct ws *ws, struct slice part, size_t expected)
{
    if (expected > TEXT_AT_FIRST_MAX)
        expected = TEXT_AT_FIRST_MAX;
    if (ws->partial == NULL)
        ws->partial = message_new(expected);
    return ws->partial != NULL && message_append(&ws->partial, part.ptr, part.len);
}

static enum close_code data_frame_starts(struct feed *feed, const struct wslay_frame_iocb *frame)
{
    struct ws *ws = feed->ws;
    size_t sofar = ws->partial == NULL ? 0 : ws->partial->len;
    if (frame->opcode == WS_BINARY)
        return CLOSE_BINARY;
    if ((frame->opcode == WS_CONTINUATION) != (ws->fragments > 0))
        return CLOSE_WS_PROTOCOL;
    if (over(frame->payload_length + sofar, feed->limits->message_size))
        return CLOSE_TOO_LARGE;
    if (over(++ws->fragments, feed->limits->fragments))
        return CLOSE_TOO_LARGE;
    feed->whole = SLICE_NONE;
    if (is_whole_message(frame) || partial_append(ws, SLICE_NONE, (size_t)frame->payload_length))
        return CLOSE_NONE;
    return CLOSE_OVERLOADED;
}

static enum close_code frame_starts(struct feed *feed, const struct wslay_frame_iocb *frame)
{
    if (frame->rsv != 0)
        return CLOSE_WS_PROTOCOL; /* no extension was agreed on */
    switch (frame->opcode) {
    case WS_CONTINUATION:
    case WS_TEXT:
    case WS_BINARY: return data_frame_starts(feed, frame);
    case WS_CLOSE:
    case WS_PING:
    case WS_PONG: return control_frame_starts(feed, frame->opcode);
    default: return CLOSE_WS_PROTOCOL;
    }
}

/* The parts of a frame that come in one read lie in a row. */
static enum close_code data_frame_grows(struct feed *feed, const struct wslay_frame_iocb *frame,
                                        struct slice part)
{
    if (!is_whole_message(frame) || feed->ws->partial != NULL)
        return partial_append(feed->ws, part, 0) ? CLOSE_NONE : CLOSE_OVERLOADED;
    if (feed->whole.len == 0)
        feed->whole.ptr = part.ptr;
    feed->whole.len += part.len;
    return CLOSE_NONE;
}

/* wslay has refused control frames that are longer than WS_CONTROL_MAX. */
static enum close_code frame_grows(struct feed *feed, const struct wslay_frame_iocb *frame)
{
    struct ws_reader *reader = feed->reader;
    size_t len = frame->data_length;
    struct slice part = {unmask_take(&reader->unmask, &reader->input, len), len};
    reader->frame_received += len;
    if (!wslay_is_ctrl_frame(frame->opcode))
        return data_frame_grows(feed, frame, part);
    memcpy(reader->control + reader->control_len, part.ptr, len);
    reader->control_len = (unsigned char)(reader->control_len + len);
    return CLOSE_NONE;
}

static void message_ends(struct feed *feed)
{
    struct ws *ws = feed->ws;
    struct message *partial = ws->partial;
    ws->partial = NULL;
    ws->fragments = 0;
    ws->unfinished_since = 0;
    feed->events->on_message(feed->context, partial == NULL ? feed->whole : message_text(partial));
    message_unref(partial);
    feed->whole = SLICE_NONE;
}

static void frame_ends(struct feed *feed, const struct wslay_frame_iocb *frame)
{
    struct ws_reader *reader = feed->reader;
    reader->in_frame = false;
    reader->frame_received = 0;
    if (wslay_is_ctrl_frame(frame->opcode)) {
        struct slice payload = {reader->control, reader->control_len};
        reader->control_len = 0;
        feed->stopped = !feed->events->on_control(feed->context, frame->opcode, payload);
    } else if (frame->fin) {
        message_ends(feed);
    }
}

static enum close_code frame_step(struct feed *feed, const struct wslay_frame_iocb *frame)
{
    struct ws_reader *reader = feed->reader;
    enum close_code code = CLOSE_NONE;
    if (!reader->in_frame) {
        reader->in_frame = true;
        code = frame_starts(feed, frame);
    }
    if (code == CLOSE_NONE && frame->data_length > 0)
        code = frame_grows(feed, frame);
    if (code == CLOSE_NONE && reader->frame_received == frame->payload_length)
        frame_ends(feed, frame);
    return code;
}

static enum close_code read_frames(struct feed *feed)
{
    enum close_code code = CLOSE_NONE;
    while (code == CLOSE_NONE && !feed->stopped) {
        struct wslay_frame_iocb frame;
        ssize_t len = wslay_frame_recv(feed->reader->frames, &frame);
        if (len >= 0)
            code = frame_step(feed, &frame);
        else if (feed->reader->unmask.refused || len != WSLAY_ERR_WANT_READ)
            code = CLOSE_WS_PROTOCOL;
        else
            break;
    }
    return code;
}

/* The rest of the message comes with a later read. */
static enum close_code keep_whole(struct feed *feed)
{
    struct slice part = feed->whole;
    if (part.len == 0 || partial_append(feed->ws, part, 2 * part.len))
        return CLOSE_NONE;
    return CLOSE_OVERLOADED;
}

/* Between two frames of which neither is a part of a message. */
static bool take_whole_message(struct feed *feed, struct unmask_input *input)
{
    size_t limit = feed->limits->message_size;
    struct slice text;
    if (!unmask_whole(input, FIN | WS_TEXT, limit == 0 ? SIZE_MAX : limit, &text))
        return false;
    feed->events->on_message(feed->context, text);
    return true;
}

static bool take_whole_pong(struct feed *feed, struct unmask_input *input,
                            enum close_code *ret_code)
{
    struct slice payload;
    if (!unmask_whole(input, FIN | WS_PONG, WS_CONTROL_MAX, &payload))
        return false;
    *ret_code = control_frame_starts(feed, WS_PONG);
    if (*ret_code == CLOSE_NONE)
        feed->stopped = !feed->events->on_control(feed->context, WS_PONG, payload);
    return true;
}

/* What honest clients send is nearly all messages in one frame, and pongs, which come whole: a look
 * at a few bytes shows that nothing is wrong with them. Whatever else there is, wslay reads. */
static enum close_code read_whole_frames(struct feed *feed, struct unmask_input *input)
{
    enum close_code code = CLOSE_NONE;
    if (feed->ws->reader != NULL || feed->ws->fragments > 0)
        return CLOSE_NONE;
    while (code == CLOSE_NONE && !feed->stopped &&
           (take_whole_message(feed, input) || take_whole_pong(feed, input, &code)))
        continue;
    return code;
}

static enum close_code read_rest(struct feed *feed, struct unmask_input input)
{
    struct ws *ws = feed->ws;
    if (ws->reader == NULL)
        ws->reader = pool_take(feed->pool);
    if (ws->reader == NULL)
        return CLOSE_OVERLOADED;
    feed->reader = ws->reader;
    feed->reader->input = input;
    enum close_code code = read_frames(feed);
    if (code != CLOSE_NONE || feed->stopped)
        return code;
    code = keep_whole(feed);
    if (code == CLOSE_NONE && unmask_at_boundary(&ws->reader->unmask)) {
        pool_put(feed->pool, ws->reader);
        ws->reader = NULL;
    }
    return code;
}

enum close_code ws_feed(struct ws *ws, struct ws_pool *pool, const struct ws_limits *limits,
                        char *bytes, size_t len, uint64_t now, const struct ws_events *events,
                        void *context)
{
    struct unmask_input input = {bytes, len};
    struct feed feed = {
        .ws = ws, .pool = pool, .limits = limits, .now = now, .events = events, .context = context};
    enum close_code code = read_whole_frames(&feed, &input);
    if (code == CLOSE_NONE && !feed.stopped && input.len > 0)
        code = read_rest(&feed, input);
    if (code != CLOSE_NONE || feed.stopped)
        ws_done(ws);
    if (ws->reader == NULL && ws->partial == NULL)
        ws->unfinished_since = 0;
    else if (ws->unfinished_since == 0)
        ws->unfinished_since = now;
    return code;
}

struct message *ws_control_frame(enum ws_opcode opcode, struct slice payload)
{
    char bytes[2 + WS_CONTROL_MAX] = {(char)(0x80 | opcode), (char)payload.len};
    if (payload.len > 0)
        memcpy(bytes + 2, payload.ptr, payload.len);
    return message_of((struct slice){bytes, 2 + payload.len});
}

struct message *ws_close_frame(unsigned code, const char *reason)
{
    char payload[WS_CONTROL_MAX] = {(char)(code >> 8), (char)code};
    if (code == 0)
        return ws_control_frame(WS_CLOSE, SLICE_NONE);
    struct slice text = slice_of(reason);
    if (text.len > sizeof(payload) - 2)
        text.len = 0;
    memcpy(payload + 2, text.ptr, text.len);
    return ws_control_frame(WS_CLOSE, (struct slice){payload, 2 + text.len});
}

/* RFC 6455 section 7.4 and the IANA registry that it opened. */
static bool code_may_be_sent(unsigned code)
{
    static const struct {
        unsigned first, last;
    } ranges[] = {{1000, 1003}, {1007, 1014}, {3000, 4999}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

enum close_code ws_close_read(struct slice payload, unsigned *ret_code)
{
    *ret_code = 0;
    if (payload.len == 0)
        return CLOSE_NONE;
    if (payload.len == 1)
        return CLOSE_WS_PROTOCOL;
    unsigned code = (unsigned)(unsigned char)payload.ptr[0] << 8 | (unsigned char)payload.ptr[1];
    if (!code_may_be_sent(code))
        return CLOSE_WS_PROTOCOL;
    if (!text_is_utf8((struct slice){payload.ptr + 2, payload.len - 2}))
        return CLOSE_NOT_JSON;
    *ret_code = code;
    return CLOSE_NONE;
}
