#include "unit/bus/far_end.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_MAX ((size_t)512 << 20)
#define PATIENCE_MS 10000

int far_end_open(struct far_end *far, uv_loop_t *loop, enum packet_side peer)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *far = (struct far_end){.loop = loop, .fd = fds[0], .peer = peer};
    buf_init(&far->in, IN_MAX);
    return fds[1];
}

void far_end_close(struct far_end *far)
{
    if (far->fd >= 0)
        close(far->fd);
    far->fd = -1;
    buf_done(&far->in);
}

static void run_once(uv_loop_t *loop)
{
    uv_run(loop, UV_RUN_NOWAIT);
}

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

void run_until(uv_loop_t *loop, bool (*done)(void *context), void *context)
{
    uint64_t start = now_ms();
    while (!done(context)) {
        if (now_ms() - start > PATIENCE_MS)
            fail_msg("nothing happened in %d ms", PATIENCE_MS);
        run_once(loop);
    }
}

void far_end_write(struct far_end *far, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t written = send(far->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (written < 0 && errno == EPIPE)
            return; /* it has hung up on us, as some tests want */
        if (written < 0) {
            assert_int_equal(errno, EAGAIN);
            run_once(far->loop);
            continue;
        }
        bytes.ptr += written;
        bytes.len -= (size_t)written;
    }
}

void far_end_send(struct far_end *far, enum packet_kind kind, struct slice payload)
{
    struct buf out;
    buf_init(&out, IN_MAX);
    assert_true(packet_add(&out, kind, payload));
    far_end_write(far, buf_slice(&out));
    buf_done(&out);
}

void far_end_send_frame(struct far_end *far, const struct frame *frame)
{
    struct buf bytes;
    buf_init(&bytes, IN_MAX);
    frame_encode(frame, &bytes);
    far_end_send(far, PACKET_FRAME, buf_slice(&bytes));
    buf_done(&bytes);
}

/* 1: got some; 0: nothing there; -1: closed */
static int read_some(struct far_end *far)
{
    char *space = buf_reserve(&far->in, 65536);
    ssize_t got = recv(far->fd, space, 65536, 0);
    if (got < 0)
        return errno == ECONNRESET ? -1 : 0;
    far->in.len += (size_t)got;
    return got > 0 ? 1 : -1;
}

enum packet_kind far_end_take(struct far_end *far, struct slice *ret_payload)
{
    uint64_t start = now_ms();
    enum packet_kind kind = PACKET_KIND_COUNT;
    buf_drop(&far->in, far->taken.len);
    far->taken = SLICE_NONE;
    for (;;) {
        struct slice bytes = buf_slice(&far->in);
        int got = packet_next(&bytes, far->peer, &kind, ret_payload);
        assert_true(got >= 0);
        if (got > 0) {
            far->taken = (struct slice){far->in.data, far->in.len - bytes.len};
            return kind;
        }
        if (now_ms() - start > PATIENCE_MS)
            fail_msg("no packet came in %d ms", PATIENCE_MS);
        run_once(far->loop);
        assert_true(read_some(far) >= 0);
    }
}

void far_end_take_frame(struct far_end *far, struct frame *ret_frame)
{
    struct slice payload;
    assert_int_equal(far_end_take(far, &payload), PACKET_FRAME);
    assert_int_equal(frame_decode(payload, ret_frame), 0);
}

bool far_end_is_closed(struct far_end *far)
{
    for (;;) {
        int got = read_some(far);
        if (got <= 0)
            return got < 0;
    }
}
