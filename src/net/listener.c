#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/loop.h"

/* A burst of newcomers must not hold up those who are connected. */
#define ACCEPTS_PER_PASS 10

#define REST 100 /* ms after a failure, which will not pass at once: too many open files, say */

struct listener {
    uv_poll_t poll; /* first: callbacks come with its address */
    struct net_loop *loop;
    int fd;
    bool secure;
    struct deadline rested;
    LIST_ENTRY(listener) link;
};

static void log_failure(int error)
{
    log_event(LOG_WARN, "accept-failed", LOG_STR("cause", uv_strerror(error)), LOG_END);
}

static void rest(struct listener *listener, int error)
{
    struct net_loop *loop = listener->loop;
    log_failure(error);
    uv_poll_stop(&listener->poll);
    wheel_arm(&loop->wheel, &listener->rested, uv_now(loop->io.uv) + REST);
}

/* Whether there may be more. */
static bool accept_one(struct listener *listener)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    struct sockaddr *any = (struct sockaddr *)&address;
    socklen_t size = sizeof(address);
    int fd = accept4(listener->fd, any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == ECONNABORTED || errno == EINTR || errno == EPROTO))
        return true;
    if (fd < 0 && errno != EAGAIN)
        rest(listener, uv_translate_sys_error(errno));
    if (fd < 0)
        return false;
    if (!connection_accepted(listener->loop, fd, any, listener->secure)) {
        close(fd);
        log_failure(UV_ENOMEM);
    }
    return true;
}

static void ready_cb(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = (struct listener *)poll;
    (void)status;
    (void)events;
    for (unsigned i = 0; i < ACCEPTS_PER_PASS && accept_one(listener); i++)
        continue;
}

static void on_rested(struct deadline *deadline)
{
    struct listener *listener = WHEEL_OWNER(deadline, struct listener, rested);
    uv_poll_start(&listener->poll, UV_READABLE, ready_cb);
}

static void close_cb(uv_handle_t *handle)
{
    struct listener *listener = (struct listener *)handle;
    LIST_REMOVE(listener, link);
    mem_free(listener);
}

static void listener_close(struct listener *listener)
{
    if (uv_is_closing((uv_handle_t *)&listener->poll))
        return;
    wheel_disarm(&listener->rested);
    uv_close((uv_handle_t *)&listener->poll, close_cb);
    close(listener->fd);
}

int listener_start(struct net_loop *loop, struct listener_list *list, int fd, bool secure)
{
    struct listener *listener = mem_must(sizeof(*listener));
    int on = 1;
    int error = uv_poll_init(loop->io.uv, &listener->poll, fd); /* from here on it does not block */
    if (error != 0) {
        close(fd);
        mem_free(listener);
        return error;
    }
    listener->loop = loop;
    listener->fd = fd;
    listener->secure = secure;
    listener->rested.on_due = on_rested;
    LIST_INSERT_HEAD(list, listener, link);
    /* What is accepted inherits this, and saves a system call each. */
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        listen(fd, loop->options.backlog) != 0)
        error = uv_translate_sys_error(errno);
    else
        error = uv_poll_start(&listener->poll, UV_READABLE, ready_cb);
    if (error != 0)
        listener_close(listener);
    return error;
}

void listener_close_all(struct listener_list *list)
{
    struct listener *listener;
    LIST_FOREACH(listener, list, link)
    listener_close(listener);
}
