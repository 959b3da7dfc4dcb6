#include "net/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define CIPHER_WAITING_MAX (512 * 1024) /* bytes of encrypted rests; more than a flush leaves */

/* One write that libuv finishes. */
struct write {
    uv_write_t request;
    struct stream *stream;
    size_t len;
    char rest[]; /* encrypted; empty where the queue keeps the bytes */
};

static struct stream *stream_of(void *handle)
{
    return handle; /* the handle is its first member */
}

static bool is_closing(const struct stream *stream)
{
    return uv_is_closing((const uv_handle_t *)&stream->tcp);
}

static uv_stream_t *handle_of(struct stream *stream)
{
    return (uv_stream_t *)&stream->tcp;
}

void stream_loop_init(struct stream_loop *loop, uv_loop_t *uv)
{
    loop->uv = uv;
    loop->wire.out = loop->wire_bytes;
    loop->wire.out_size = sizeof(loop->wire_bytes);
}

int stream_init(struct stream *stream, struct stream_loop *loop, const struct stream_events *events)
{
    *stream = (struct stream){.loop = loop, .events = events};
    return uv_tcp_init(loop->uv, &stream->tcp);
}

static void mark_dirty(struct stream *stream)
{
    if (stream->dirty || is_closing(stream))
        return;
    stream->dirty = true;
    LIST_INSERT_HEAD(&stream->loop->dirty, stream, dirty_link);
}

static void clear_dirty(struct stream *stream)
{
    if (!stream->dirty)
        return;
    stream->dirty = false;
    LIST_REMOVE(stream, dirty_link);
}

static bool drained(const struct stream *stream)
{
    return stream->queue.count == 0 && stream->in_flight == 0;
}

size_t stream_waiting(const struct stream *stream)
{
    size_t with_libuv = uv_stream_get_write_queue_size((const uv_stream_t *)&stream->tcp);
    size_t twice = stream->tls == NULL ? stream->in_flight : 0; /* in the queue as well */
    return stream->queue.bytes - twice + with_libuv;
}

/* Writing. */

static void write_cb(uv_write_t *request, int status)
{
    struct write *write = (struct write *)request;
    struct stream *stream = write->stream;
    if (!is_closing(stream)) {
        stream->in_flight -= write->len;
        stream->loop->bytes_out += status == 0 ? write->len : 0;
        if (stream->tls == NULL)
            queue_advance(&stream->queue, write->len);
        if (status < 0)
            stream->error = status;
        mark_dirty(stream);
    }
    mem_free(write);
}

/* Leaves runs to libuv. They stay as they are until write_cb(). */
static int write_later(struct stream *stream, struct write *write, const uv_buf_t *runs,
                       unsigned count)
{
    write->stream = stream;
    write->len = 0;
    for (unsigned i = 0; i < count; i++)
        write->len += runs[i].len;
    int error = uv_write(&write->request, handle_of(stream), runs, count, write_cb);
    if (error != 0)
        mem_free(write);
    else
        stream->in_flight += write->len;
    return error;
}

/* By the system call for sockets: uv_try_write() takes the longer way of write(), and each message
 * comes by here. Only while libuv holds nothing of this socket. Bytes taken, 0 where there is no
 * room, or a libuv error. */
static ssize_t try_write(struct stream *stream, uv_buf_t *runs, unsigned count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)runs, .msg_iovlen = count};
    ssize_t written = count == 1 ? send(stream->fd, runs->base, runs->len, MSG_NOSIGNAL)
                                 : sendmsg(stream->fd, &message, MSG_NOSIGNAL);
    if (written < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : uv_translate_sys_error(errno);
    stream->loop->bytes_out += (uint64_t)written;
    return written;
}

static unsigned gather_runs(struct stream *stream, uv_buf_t *ret_runs)
{
    /* uv_buf_t is struct iovec where libuv runs on Unix; its documentation promises as much. */
    _Static_assert(sizeof(uv_buf_t) == sizeof(struct iovec), "uv_buf_t is an iovec");
    return queue_gather(&stream->queue, (struct iovec *)ret_runs, STREAM_RUNS_MAX);
}

static int flush_plain(struct stream *stream)
{
    uv_buf_t *runs = stream->loop->runs;
    while (stream->queue.count > 0) {
        unsigned count = gather_runs(stream, runs);
        size_t len = 0;
        for (unsigned i = 0; i < count; i++)
            len += runs[i].len;
        ssize_t written = try_write(stream, runs, count);
        if (written < 0)
            return (int)written;
        queue_advance(&stream->queue, (size_t)written);
        if ((size_t)written == len)
            continue;
        struct write *write = mem_alloc(sizeof(*write));
        if (write == NULL)
            return UV_ENOMEM;
        return write_later(stream, write, runs, gather_runs(stream, runs));
    }
    return 0;
}

/* Sends what TLS has put onto the shared wire; what the kernel does not take is copied from it. */
static int push_wire(struct stream *stream)
{
    struct tls_wire *wire = &stream->loop->wire;
    uv_buf_t run = uv_buf_init(wire->out, (unsigned)wire->out_len);
    wire->out_len = 0;
    if (stream->in_flight == 0 && run.len > 0) {
        ssize_t written = try_write(stream, &run, 1);
        if (written < 0)
            return (int)written;
        run.base += written;
        run.len -= (size_t)written;
    }
    if (run.len == 0)
        return 0;
    if (stream->in_flight + run.len > CIPHER_WAITING_MAX)
        return UV_ENOBUFS;
    struct write *write = mem_alloc(sizeof(*write) + run.len);
    if (write == NULL)
        return UV_ENOMEM;
    memcpy(write->rest, run.base, run.len);
    run.base = write->rest;
    return write_later(stream, write, &run, 1);
}

/* One record: of one large run as it lies, or of several small ones. */
static int encrypt_record(struct stream *stream)
{
    struct queue *queue = &stream->queue;
    struct slice text = queue_front(queue);
    if (text.len > TLS_RECORD_MAX) {
        text.len = TLS_RECORD_MAX;
    } else if (queue->count > 1) {
        text.ptr = stream->loop->gather;
        text.len = queue_peek(queue, stream->loop->gather, TLS_RECORD_MAX);
    }
    if (tls_write(stream->tls, text) != 0)
        return UV_EPROTO;
    queue_advance(queue, text.len);
    return 0;
}

/* Fills the wire as far as there is text and room. */
static int encrypt(struct stream *stream)
{
    struct tls_wire *wire = &stream->loop->wire;
    while (stream->queue.count > 0 &&
           wire->out_size - wire->out_len >= TLS_RECORD_MAX + TLS_RECORD_EXTRA) {
        int error = encrypt_record(stream);
        if (error != 0) {
            wire->out_len = 0; /* the next connection's */
            return error;
        }
    }
    return 0;
}

static int flush_tls(struct stream *stream)
{
    int error = 0;
    while (error == 0 && stream->queue.count > 0 && stream->in_flight == 0) {
        error = encrypt(stream);
        if (error == 0)
            error = push_wire(stream);
    }
    return error;
}

/* All is sent: says so, then closes our half. Not by uv_shutdown(), which would let another pass go
 * by only to find that nothing waits. */
static int finish(struct stream *stream)
{
    if (stream->tls != NULL && !stream->handshaking && !stream->notified) {
        stream->notified = true;
        tls_close(stream->tls);
        int error = push_wire(stream);
        if (error != 0 || !drained(stream))
            return error;
    }
    if (shutdown(stream->fd, SHUT_WR) != 0)
        return uv_translate_sys_error(errno);
    stream->ending = false;
    stream->shut = true;
    return 0;
}

void stream_flush(struct stream *stream)
{
    if (stream->error != 0 || stream->in_flight > 0 || stream->handshaking || is_closing(stream))
        return;
    stream->error = stream->tls == NULL ? flush_plain(stream) : flush_tls(stream);
    if (stream->error != 0)
        mark_dirty(stream);
}

static void count_waiting(struct stream *stream)
{
    size_t waiting = is_closing(stream) ? 0 : stream_waiting(stream);
    if (waiting == stream->counted || stream->loop->waiting == NULL)
        return;
    tally_add(stream->loop->waiting, waiting - stream->counted);
    stream->counted = waiting;
}

static void flush_step(struct stream *stream)
{
    stream_flush(stream);
    bool finishing = stream->error == 0 && stream->ending && drained(stream);
    if (finishing)
        stream->error = finish(stream);
    clear_dirty(stream);
    count_waiting(stream);
    int error = stream->error;
    stream->error = 0;
    if (error != 0 || (finishing && stream->shut && stream->eof))
        stream->events->on_end(stream, error);
    else if (drained(stream))
        stream->events->on_drained(stream);
}

void stream_flush_all(struct stream_loop *loop)
{
    struct stream *stream;
    stream_read_all(loop);
    while ((stream = LIST_FIRST(&loop->dirty)) != NULL)
        flush_step(stream);
}

int stream_push(struct stream *stream, struct slice bytes, void *owner,
                void (*release)(void *owner))
{
    mark_dirty(stream);
    return queue_push(&stream->queue, bytes, owner, release);
}

void stream_fail(struct stream *stream, int error)
{
    if (stream->error == 0)
        stream->error = error;
    mark_dirty(stream);
}

void stream_forget(struct stream *stream)
{
    /* What libuv holds has to stay. */
    queue_truncate(&stream->queue, stream->tls == NULL ? stream->in_flight : 0);
}

void stream_end(struct stream *stream)
{
    stream->ending = true;
    mark_dirty(stream);
}

/* Reading. */

static void end_of_input(struct stream *stream)
{
    stream->eof = true;
    if (!stream->ending)
        stream->events->on_end(stream, 0);
}

/* Text out of the bytes on the wire, as much as fits. */
static enum tls_result decrypt(struct stream *stream, size_t *ret_len)
{
    struct stream_loop *loop = stream->loop;
    enum tls_result result = TLS_DATA;
    *ret_len = 0;
    while (result == TLS_DATA && sizeof(loop->text) - *ret_len >= TLS_RECORD_MAX) {
        size_t len = 0;
        result = tls_read(stream->tls, loop->text + *ret_len, sizeof(loop->text) - *ret_len, &len);
        *ret_len += len;
    }
    return result;
}

static enum tls_result shake_hands(struct stream *stream)
{
    enum tls_result result = tls_handshake(stream->tls);
    int error = push_wire(stream);
    if (error != 0)
        return TLS_BROKEN;
    if (result == TLS_DONE) {
        stream->handshaking = false;
        stream->events->on_open(stream);
    }
    return result;
}

/* The wire holds bytes of this connection; reads until it wants more. */
static enum tls_result read_tls(struct stream *stream)
{
    enum tls_result result = TLS_DATA;
    if (stream->handshaking)
        result = shake_hands(stream);
    while ((result == TLS_DATA || result == TLS_DONE) && !is_closing(stream)) {
        size_t len;
        result = decrypt(stream, &len);
        /* Reading may have made an answer, to a key update say. */
        if (push_wire(stream) != 0)
            return TLS_BROKEN;
        if (len > 0)
            stream->events->on_bytes(stream, (struct slice){stream->loop->text, len});
    }
    return result;
}

static void tls_input(struct stream *stream, struct slice bytes)
{
    stream->loop->wire.in = bytes;
    enum tls_result result = read_tls(stream);
    stream->loop->wire.in = SLICE_NONE;
    if (is_closing(stream))
        return;
    if (result == TLS_CLOSED)
        end_of_input(stream);
    else if (result == TLS_BROKEN)
        stream->events->on_end(stream, UV_EPROTO);
}

static void take_input(const struct stream_input *input)
{
    input->stream->loop->read_at = input->read_at;
    if (is_closing(input->stream))
        return;
    if (input->stream->tls != NULL)
        tls_input(input->stream, input->bytes);
    else
        input->stream->events->on_bytes(input->stream, input->bytes);
}

void stream_read_all(struct stream_loop *loop)
{
    for (unsigned i = 0; i < loop->input_count; i++)
        take_input(&loop->inputs[i]);
    loop->read_at = 0;
    loop->input_count = 0;
    loop->read_used = 0;
}

/* Reads at once, as recv() is the shorter way into the kernel than libuv's read(). libuv, which is
 * then given no space, calls read_cb() in place of reading. The end alone it has to see for itself. */
static void alloc_cb(uv_handle_t *handle, size_t size, uv_buf_t *ret_buffer)
{
    (void)size;
    struct stream *stream = stream_of(handle);
    struct stream_loop *loop = stream->loop;
    char *space = loop->read_bytes + loop->read_used;
    ssize_t len = recv(stream->fd, space, STREAM_READ_SIZE, 0);
    *ret_buffer = uv_buf_init(space, len == 0 ? STREAM_READ_SIZE : 0);
    loop->received = len >= 0 ? len : uv_translate_sys_error(errno);
}

/* Of a few reads one is timed: a look at the clock for each would cost more than it tells. */
static uint64_t time_read(struct stream_loop *loop)
{
    if (++loop->untimed < STREAM_SAMPLE)
        return 0;
    loop->untimed = 0;
    return uv_hrtime();
}

/* What the first inputs of a long pass have caused does not wait for the last one. A read that
 * filled its space may be followed by another of the same stream. */
static void add_input(struct stream *stream, struct slice bytes)
{
    struct stream_loop *loop = stream->loop;
    loop->bytes_in += bytes.len;
    loop->inputs[loop->input_count++] = (struct stream_input){stream, bytes, time_read(loop)};
    loop->read_used += bytes.len;
    if (loop->input_count == STREAM_INPUTS_MAX || bytes.len == STREAM_READ_SIZE ||
        loop->read_used > sizeof(loop->read_bytes) - STREAM_READ_SIZE)
        stream_flush_all(loop);
}

static void read_cb(uv_stream_t *handle, ssize_t len, const uv_buf_t *buffer)
{
    struct stream *stream = stream_of(handle);
    if (len == UV_ENOBUFS)
        len = stream->loop->received;
    if (len > 0) {
        add_input(stream, (struct slice){buffer->base, (size_t)len});
        return;
    }
    stream_read_all(stream->loop); /* the same stream's may be among them */
    if (is_closing(stream) || len == 0 || len == UV_EAGAIN || len == UV_EINTR)
        return;
    if (len == UV_EOF)
        end_of_input(stream);
    else
        stream->events->on_end(stream, (int)len);
}

int stream_open(struct stream *stream, int fd)
{
    int error = uv_tcp_open(&stream->tcp, fd); /* to libuv a unix socket is no different */
    if (error != 0)
        close(fd);
    return error;
}

int stream_start(struct stream *stream, struct tls *tls)
{
    stream->tls = tls;
    stream->handshaking = tls != NULL;
    int error = uv_fileno((const uv_handle_t *)&stream->tcp, &stream->fd);
    if (error == 0)
        error = uv_read_start(handle_of(stream), alloc_cb, read_cb);
    if (error == 0 && tls != NULL && tls_speaks_first(tls) && shake_hands(stream) == TLS_BROKEN)
        error = UV_EPROTO;
    return error;
}

void stream_secure(struct stream *stream, struct tls *tls, struct slice rest)
{
    stream->tls = tls;
    stream->handshaking = true;
    if (rest.len > 0)
        tls_input(stream, rest);
}

void stream_pause(struct stream *stream)
{
    uv_read_stop(handle_of(stream));
}

void stream_resume(struct stream *stream)
{
    if (!stream->eof && !is_closing(stream))
        uv_read_start(handle_of(stream), alloc_cb, read_cb);
}

static void close_cb(uv_handle_t *handle)
{
    struct stream *stream = stream_of(handle);
    queue_clear(&stream->queue);
    tls_free(stream->tls);
    stream->events->on_closed(stream);
}

void stream_close(struct stream *stream)
{
    if (is_closing(stream))
        return;
    clear_dirty(stream);
    uv_close((uv_handle_t *)&stream->tcp, close_cb);
    count_waiting(stream);
}
