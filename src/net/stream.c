#include "net/stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define CIPHER_WAITING_MAX (512 * 1024) /* encrypted bytes; more than a flush leaves */

/* --- The set of sockets. */

static void ready_cb(uv_poll_t *poll, int status, int events);

int stream_loop_init(struct stream_loop *loop, uv_loop_t *uv)
{
    loop->uv = uv;
    loop->wire.out = loop->wire_bytes;
    loop->wire.out_size = sizeof(loop->wire_bytes);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0)
        return uv_translate_sys_error(errno);
    int error = uv_poll_init(uv, &loop->poll, loop->epoll);
    if (error != 0) {
        close(loop->epoll);
        return error;
    }
    uv_poll_start(&loop->poll, UV_READABLE, ready_cb);
    uv_unref((uv_handle_t *)&loop->poll);
    return 0;
}

static void loop_closed_cb(uv_handle_t *handle)
{
    struct stream_loop *loop = (struct stream_loop *)handle;
    loop->on_closed(loop);
}

void stream_loop_close(struct stream_loop *loop, void (*on_closed)(struct stream_loop *loop))
{
    loop->on_closed = on_closed;
    uv_close((uv_handle_t *)&loop->poll, loop_closed_cb);
    close(loop->epoll);
}

void stream_init(struct stream *stream, struct stream_loop *loop,
                 const struct stream_events *events, int fd)
{
    *stream = (struct stream){.loop = loop, .events = events, .fd = fd};
    if (loop->streams++ == 0)
        uv_ref((uv_handle_t *)&loop->poll);
}

/* Edge-triggered, or the kernel would look at each socket once more in the next pass, only to find that
 * all was read. Room to write is only asked for once there was none: each newcomer has some. 0 or a
 * libuv error. */
static int watch(struct stream *stream, int operation)
{
    uint32_t output = stream->blocked ? EPOLLOUT : 0;
    struct epoll_event event = {.events = EPOLLIN | output | EPOLLRDHUP | EPOLLET,
                                .data.ptr = stream};
    int result = epoll_ctl(stream->loop->epoll, operation, stream->fd, &event);
    return result == 0 ? 0 : uv_translate_sys_error(errno);
}

/* What was told of already and is still so is told again in the next pass. */
static void watch_again(struct stream *stream)
{
    watch(stream, EPOLL_CTL_MOD);
}

static void block(struct stream *stream)
{
    stream->blocked = true;
    watch_again(stream);
}

static void mark_dirty(struct stream *stream)
{
    if (stream->dirty || stream->closing)
        return;
    stream->dirty = true;
    LIST_INSERT_HEAD(&stream->loop->dirty, stream, link);
}

static void clear_dirty(struct stream *stream)
{
    if (!stream->dirty)
        return;
    stream->dirty = false;
    LIST_REMOVE(stream, link);
}

static bool drained(const struct stream *stream)
{
    return stream->queue.count == 0 && stream->cipher == NULL;
}

size_t stream_waiting(const struct stream *stream)
{
    return stream->queue.bytes + (stream->cipher == NULL ? 0 : stream->cipher->len);
}

/* --- Writing. */

/* Bytes taken, which may be none, or a libuv error. */
static ssize_t try_write(struct stream *stream, struct iovec *runs, unsigned count)
{
    struct msghdr message = {.msg_iov = runs, .msg_iovlen = count};
    ssize_t written = count == 1 ? send(stream->fd, runs->iov_base, runs->iov_len, MSG_NOSIGNAL)
                                 : sendmsg(stream->fd, &message, MSG_NOSIGNAL);
    if (written < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : uv_translate_sys_error(errno);
    stream->loop->bytes_out += (uint64_t)written;
    return written;
}

static int flush_plain(struct stream *stream)
{
    struct iovec *runs = stream->loop->runs;
    while (stream->queue.count > 0 && !stream->blocked) {
        unsigned count = queue_gather(&stream->queue, runs, STREAM_RUNS_MAX);
        size_t len = 0;
        for (unsigned i = 0; i < count; i++)
            len += runs[i].iov_len;
        ssize_t written = try_write(stream, runs, count);
        if (written < 0)
            return (int)written;
        queue_advance(&stream->queue, (size_t)written);
        if ((size_t)written < len)
            block(stream);
    }
    return 0;
}

/* What the kernel did not take of the wire goes out in front of all that is encrypted later. */
static int keep_cipher(struct stream *stream, const char *bytes, size_t len)
{
    if (stream->cipher == NULL) {
        stream->cipher = mem_alloc(sizeof(*stream->cipher));
        if (stream->cipher == NULL)
            return UV_ENOMEM;
        buf_init(stream->cipher, CIPHER_WAITING_MAX);
    }
    buf_add(stream->cipher, bytes, len);
    block(stream);
    mark_dirty(stream);
    return buf_failed(stream->cipher) ? UV_ENOBUFS : 0;
}

static void drop_cipher(struct stream *stream)
{
    if (stream->cipher != NULL)
        buf_done(stream->cipher);
    mem_free(stream->cipher);
    stream->cipher = NULL;
}

/* Sends what TLS has put onto the shared wire. */
static int push_wire(struct stream *stream)
{
    struct tls_wire *wire = &stream->loop->wire;
    struct iovec run = {wire->out, wire->out_len};
    ssize_t written = 0;
    wire->out_len = 0;
    if (run.iov_len == 0)
        return 0;
    if (stream->cipher == NULL)
        written = try_write(stream, &run, 1);
    if (written < 0)
        return (int)written;
    if ((size_t)written == run.iov_len)
        return 0;
    return keep_cipher(stream, wire->out + written, run.iov_len - (size_t)written);
}

static int flush_cipher(struct stream *stream)
{
    struct iovec run = {stream->cipher->data, stream->cipher->len};
    ssize_t written = try_write(stream, &run, 1);
    if (written < 0)
        return (int)written;
    if ((size_t)written == run.iov_len) {
        drop_cipher(stream);
    } else {
        buf_drop(stream->cipher, (size_t)written);
        block(stream);
    }
    return 0;
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
    int error = stream->cipher != NULL && !stream->blocked ? flush_cipher(stream) : 0;
    while (error == 0 && stream->queue.count > 0 && !stream->blocked && !stream->handshaking) {
        error = encrypt(stream);
        if (error == 0)
            error = push_wire(stream);
    }
    return error;
}

/* All is sent: says so, then closes our half. */
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
    if (stream->error != 0 || stream->blocked || stream->closing)
        return;
    if (stream->tls != NULL)
        stream->error = flush_tls(stream);
    else
        stream->error = flush_plain(stream);
    if (stream->error != 0)
        mark_dirty(stream);
}

static void count_waiting(struct stream *stream)
{
    size_t waiting = stream->closing ? 0 : stream_waiting(stream);
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
    queue_truncate(&stream->queue, 0);
}

void stream_offer_ticket(struct stream *stream)
{
    if (stream->tls != NULL)
        tls_offer_ticket(stream->tls);
}

void stream_end(struct stream *stream)
{
    stream->ending = true;
    mark_dirty(stream);
}

/* --- Reading. */

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
    while ((result == TLS_DATA || result == TLS_DONE) && !stream->closing) {
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
    if (stream->closing)
        return;
    if (result == TLS_CLOSED)
        end_of_input(stream);
    else if (result == TLS_BROKEN)
        stream->events->on_end(stream, UV_EPROTO);
}

static void take_input(const struct stream_input *input)
{
    input->stream->loop->read_at = input->read_at;
    if (input->stream->closing)
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

/* Of a few reads one is timed: a look at the clock for each would cost more than it tells. */
static uint64_t time_read(struct stream_loop *loop)
{
    if (++loop->untimed < STREAM_SAMPLE)
        return 0;
    loop->untimed = 0;
    return uv_hrtime();
}

/* What the first inputs of a long pass have caused does not wait for the last one. */
static void add_input(struct stream *stream, struct slice bytes)
{
    struct stream_loop *loop = stream->loop;
    loop->bytes_in += bytes.len;
    loop->inputs[loop->input_count++] = (struct stream_input){stream, bytes, time_read(loop)};
    loop->read_used += bytes.len;
    if (loop->input_count == STREAM_INPUTS_MAX ||
        loop->read_used > sizeof(loop->read_bytes) - STREAM_READ_SIZE)
        stream_flush_all(loop);
}

static void end_reading(struct stream *stream, int error)
{
    stream_read_all(stream->loop); /* the same stream's may be among them */
    if (stream->closing)
        return;
    if (error == 0)
        end_of_input(stream);
    else
        stream->events->on_end(stream, error);
}

/* Less than the space there is was all, but for the end of input where the kernel has told of that. */
static void read_once(struct stream *stream, bool ended)
{
    struct stream_loop *loop = stream->loop;
    char *space = loop->read_bytes + loop->read_used;
    ssize_t len = recv(stream->fd, space, STREAM_READ_SIZE, 0);
    if (len == STREAM_READ_SIZE || (len > 0 && ended) || (len < 0 && errno == EINTR))
        watch_again(stream);
    if (len > 0)
        add_input(stream, (struct slice){space, (size_t)len});
    else if (len == 0)
        end_reading(stream, 0);
    else if (errno != EAGAIN && errno != EINTR)
        end_reading(stream, uv_translate_sys_error(errno));
}

static void proceed(struct stream *stream, uint32_t events)
{
    bool broke = (events & (EPOLLERR | EPOLLHUP)) != 0; /* to write or read gives the reason */
    bool ended = broke || (events & EPOLLRDHUP) != 0;
    if (stream->closing)
        return;
    if (stream->blocked && (broke || (events & EPOLLOUT) != 0)) {
        stream->blocked = false;
        mark_dirty(stream);
    }
    if ((ended || (events & EPOLLIN) != 0) && !stream->paused && !stream->eof)
        read_once(stream, ended);
}

/* The kernel looks at each socket that it tells of: if those were many, the first would have left the
 * processor's caches before it is read. */
static void ready_cb(uv_poll_t *poll, int status, int events)
{
    struct stream_loop *loop = (struct stream_loop *)poll;
    struct epoll_event ready[STREAM_READY_MAX];
    int count = STREAM_READY_MAX;
    (void)status;
    (void)events;
    for (unsigned i = 0; i < STREAM_LOOKS_MAX && count == STREAM_READY_MAX; i++) {
        count = epoll_wait(loop->epoll, ready, STREAM_READY_MAX, 0);
        for (int n = 0; n < count; n++)
            proceed(ready[n].data.ptr, ready[n].events);
    }
}

int stream_start(struct stream *stream, struct tls *tls)
{
    stream->tls = tls;
    stream->handshaking = tls != NULL;
    int error = watch(stream, EPOLL_CTL_ADD);
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
    stream->paused = true;
}

void stream_resume(struct stream *stream)
{
    if (stream->paused && !stream->closing)
        watch_again(stream);
    stream->paused = false;
}

/* --- The end. */

void stream_close(struct stream *stream)
{
    if (stream->closing)
        return;
    clear_dirty(stream);
    stream->closing = true;
    close(stream->fd); /* which takes it out of the set: nobody else has it open */
    count_waiting(stream);
    LIST_INSERT_HEAD(&stream->loop->closed, stream, link);
}

static void tell_closed(struct stream *stream)
{
    struct stream_loop *loop = stream->loop;
    LIST_REMOVE(stream, link);
    queue_clear(&stream->queue);
    drop_cipher(stream);
    tls_free(stream->tls);
    if (--loop->streams == 0)
        uv_unref((uv_handle_t *)&loop->poll);
    stream->events->on_closed(stream);
}

void stream_end_pass(struct stream_loop *loop)
{
    do {
        stream_flush_all(loop);
        while (!LIST_EMPTY(&loop->closed))
            tell_closed(LIST_FIRST(&loop->closed));
    } while (!LIST_EMPTY(&loop->dirty));
}
