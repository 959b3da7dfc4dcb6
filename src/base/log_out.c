#include "base/log_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum kind {
    OUT_UNKNOWN, /* before log_out_open() */
    OUT_FILE,    /* or anything else that has no reader to wait for */
    OUT_SOCKET,
    OUT_OWN,    /* a pipe or terminal, by a description of our own that does not block */
    OUT_SHARED, /* the same where it can't be opened again: it is another user's, say */
};

static struct {
    enum kind kind;
    int fd;
    size_t len; /* of `waiting` */
    uint64_t dropped;
    void (*on_wait)(void *context);
    void *context;
    char waiting[LOG_OUT_WAITING_MAX]; /* whole lines, but for the first, which may be begun */
} out = {.fd = STDERR_FILENO};

static bool is_pipe_or_terminal(mode_t mode)
{
    return S_ISFIFO(mode) || (S_ISCHR(mode) && isatty(STDERR_FILENO));
}

void log_out_open(void)
{
    struct stat status = {.st_mode = 0};
    if (out.kind == OUT_OWN)
        close(out.fd);
    out.fd = STDERR_FILENO;
    out.kind = OUT_FILE;
    out.len = 0;
    out.dropped = 0;
    if (fstat(STDERR_FILENO, &status) != 0)
        return;
    if (S_ISSOCK(status.st_mode))
        out.kind = OUT_SOCKET;
    if (!is_pipe_or_terminal(status.st_mode))
        return;
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    out.kind = fd < 0 ? OUT_SHARED : OUT_OWN;
    out.fd = fd < 0 ? STDERR_FILENO : fd;
}

static bool is_ready(int patience)
{
    struct pollfd ready = {.fd = out.fd, .events = POLLOUT};
    return poll(&ready, 1, patience) > 0;
}

/* The bytes taken, 0 where that would wait, or -1: lost. */
static ssize_t put(const char *bytes, size_t len)
{
    ssize_t taken;
    /* Another process may take the last room between the two calls; there is no better way. */
    if (out.kind == OUT_SHARED && !is_ready(0))
        return 0;
    do
        taken = out.kind == OUT_SOCKET ? send(out.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                                       : write(out.fd, bytes, len);
    while (taken < 0 && errno == EINTR);
    return taken < 0 && errno == EAGAIN ? 0 : taken;
}

bool log_out_flush(void)
{
    while (out.len > 0) {
        /* Line by line: a pipe takes that much whole, and those of several workers never mix. */
        const char *end = memchr(out.waiting, '\n', out.len);
        size_t line = (size_t)(end - out.waiting) + 1;
        ssize_t taken = put(out.waiting, line);
        if (taken == 0)
            return false;
        out.dropped += taken < 0;
        size_t gone = taken < 0 ? line : (size_t)taken;
        out.len -= gone;
        memmove(out.waiting, out.waiting + gone, out.len);
    }
    return true;
}

/* Once one is dropped so are the next, until all that wait are written: what is missing is missing
 * in one place, where it is told. */
static void wait_in_line(const char *line, size_t len)
{
    if (out.dropped > 0 || len > sizeof(out.waiting) - out.len) {
        out.dropped++;
        return;
    }
    memcpy(out.waiting + out.len, line, len);
    out.len += len;
    if (out.len == len && out.on_wait != NULL)
        out.on_wait(out.context);
}

void log_out_line(const char *line, size_t len)
{
    if (out.kind == OUT_UNKNOWN)
        log_out_open();
    ssize_t taken = log_out_flush() && out.dropped == 0 ? put(line, len) : 0;
    if (taken < 0)
        out.dropped++;
    else if ((size_t)taken < len)
        wait_in_line(line + taken, len - (size_t)taken);
}

uint64_t log_out_dropped(void)
{
    uint64_t dropped = out.len == 0 ? out.dropped : 0;
    out.dropped -= dropped;
    return dropped;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void log_out_finish(int patience)
{
    int64_t until = now_ms() + patience;
    while (!log_out_flush()) {
        int64_t left = until - now_ms();
        if (left <= 0 || !is_ready((int)left))
            return;
    }
}

void log_out_watch(void (*on_wait)(void *context), void *context)
{
    out.on_wait = on_wait;
    out.context = context;
}
