#include "bus/channel.h"

#include <unistd.h>

#define READ_SIZE ((size_t)64 << 10)
#define KEPT_SIZE                                                                                  \
    ((size_t)1 << 20) /* a buffer that grew beyond this is given back once it is empty */

void channel_break(struct channel *channel, const char *cause)
{
    if (channel->broken == NULL)
        channel->broken = cause;
}

static void report_loss(struct channel *channel)
{
    if (channel->broken == NULL || channel->told || channel->closing)
        return;
    channel->told = true;
    uv_read_stop((uv_stream_t *)&channel->pipe);
    channel->events->on_lost(channel, channel->broken);
}

static void shrink(struct buf *buf)
{
    if (buf->len == 0 && buf->capacity > KEPT_SIZE)
        buf_done(buf);
}

/* --- in --- */

static void alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct channel *channel = handle->data;
    (void)suggested;
    char *space = buf_reserve(&channel->in, READ_SIZE);
    channel->in.failed = false;
    *ret_buf = uv_buf_init(space, space == NULL ? 0 : READ_SIZE);
}

static void take_packets(struct channel *channel)
{
    struct slice bytes = buf_slice(&channel->in);
    enum packet_kind kind;
    struct slice payload;
    int got = 0;
    while (!channel->closing && channel->broken == NULL &&
           (got = packet_next(&bytes, channel->peer, &kind, &payload)) > 0)
        channel->events->on_packet(channel, kind, payload);
    if (got < 0)
        channel_break(channel, "malformed packet");
    if (bytes.len < channel->in.len) /* a large packet comes in many reads; move nothing for each */
        buf_drop(&channel->in, channel->in.len - bytes.len);
    shrink(&channel->in);
}

static void read_cb(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct channel *channel = stream->data;
    (void)buf;
    if (len < 0) {
        channel_break(channel, len == UV_EOF ? "end of file" : uv_strerror((int)len));
    } else {
        channel->in.len += (size_t)len;
        take_packets(channel);
    }
    report_loss(channel);
}

/* --- out --- */

void channel_send(struct channel *channel, enum packet_kind kind, struct slice payload)
{
    if (!packet_add(&channel->out, kind, payload))
        channel_break(channel, "output over its maximum");
}

/* No less than its encoding takes. */
static size_t frame_weight(const struct frame *frame)
{
    return 256 + frame->room.len + frame->peer.len + frame->sender.len + frame->id.len +
           frame->info.len + frame->data.len + frame->roster.len;
}

bool channel_send_frame(struct channel *channel, const struct frame *frame)
{
    return channel_send_packed(channel, PACKET_FRAME, frame);
}

bool channel_send_packed(struct channel *channel, enum packet_kind kind, const struct frame *frame)
{
    if (frame_weight(frame) > PACKET_MAX)
        return false;
    size_t begin = packet_begin(&channel->out, kind);
    frame_encode(frame, &channel->out);
    if (!packet_end(&channel->out, begin))
        channel_break(channel, "output over its maximum");
    return true;
}

size_t channel_waiting(const struct channel *channel)
{
    return channel->out.len + channel->unwritten;
}

static void write_some(struct channel *channel);

static void write_cb(uv_write_t *write, int status)
{
    struct channel *channel = write->handle->data;
    channel->busy = false;
    channel->unwritten = 0;
    if (channel->closing)
        return;
    if (status < 0)
        channel_break(channel, uv_strerror(status));
    write_some(channel);
    report_loss(channel);
}

/* What the socket takes at once needs no round through the loop; the rest waits with libuv. */
static void write_some(struct channel *channel)
{
    if (channel->busy || channel->broken != NULL || channel->out.len == 0)
        return;
    struct buf empty = channel->writing;
    channel->writing = channel->out;
    channel->out = empty;
    buf_clear(&channel->out);
    shrink(&channel->out);

    uv_stream_t *stream = (uv_stream_t *)&channel->pipe;
    uv_buf_t all = uv_buf_init(channel->writing.data, (unsigned)channel->writing.len);
    int taken = uv_try_write(stream, &all, 1);
    if (taken == (int)all.len)
        return;
    if (taken < 0 && taken != UV_EAGAIN) {
        channel_break(channel, uv_strerror(taken));
        return;
    }
    size_t written = taken > 0 ? (size_t)taken : 0;
    uv_buf_t rest = uv_buf_init(all.base + written, (unsigned)(all.len - written));
    int error = uv_write(&channel->write, stream, &rest, 1, write_cb);
    if (error != 0) {
        channel_break(channel, uv_strerror(error));
        return;
    }
    channel->busy = true;
    channel->unwritten = rest.len;
}

void channel_flush(struct channel *channel)
{
    if (channel->closing)
        return;
    if (channel_waiting(channel) > BUS_QUEUE_MAX)
        channel_break(channel, "output over its maximum");
    write_some(channel);
    report_loss(channel);
}

/* --- life --- */

int channel_open(struct channel *channel, uv_loop_t *loop, int fd, enum packet_side peer,
                 const struct channel_events *events)
{
    *channel = (struct channel){.events = events, .peer = peer};
    buf_init(&channel->in, PACKET_HEADER_SIZE + PACKET_MAX + READ_SIZE);
    buf_init(&channel->out, BUS_QUEUE_MAX);
    buf_init(&channel->writing, BUS_QUEUE_MAX);
    uv_pipe_init(loop, &channel->pipe, 0);
    channel->pipe.data = channel;
    int error = uv_pipe_open(&channel->pipe, fd);
    if (error != 0) {
        close(fd);
        return error;
    }
    return uv_read_start((uv_stream_t *)&channel->pipe, alloc_cb, read_cb);
}

static void close_cb(uv_handle_t *handle)
{
    struct channel *channel = handle->data;
    buf_done(&channel->in);
    buf_done(&channel->out);
    buf_done(&channel->writing);
    channel->events->on_closed(channel);
}

void channel_close(struct channel *channel)
{
    if (channel->closing)
        return;
    channel->closing = true;
    uv_close((uv_handle_t *)&channel->pipe, close_cb);
}
