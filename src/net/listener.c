#include "net/listener.h"

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

struct listener {
    uv_tcp_t tcp;
    struct net_loop *loop;
    unsigned accepted; /* in this pass */
    bool waiting;      /* libuv holds a socket that was not accepted, and looks for no more */
    bool secure;
    LIST_ENTRY(listener) link;
};

static void accept_one(struct listener *listener)
{
    listener->accepted++;
    /* Without memory the socket stays with libuv until the next pass. */
    listener->waiting = connection_accept(listener->loop, (uv_stream_t *)&listener->tcp,
                                          listener->secure) == UV_ENOMEM;
}

static void connection_cb(uv_stream_t *stream, int status)
{
    struct listener *listener = (struct listener *)stream;
    if (status < 0)
        log_event(LOG_WARN, "accept-failed", LOG_STR("cause", uv_strerror(status)), LOG_END);
    else if (listener->accepted >= ACCEPTS_PER_PASS)
        listener->waiting = true;
    else
        accept_one(listener);
}

static void close_cb(uv_handle_t *handle)
{
    struct listener *listener = (struct listener *)handle;
    LIST_REMOVE(listener, link);
    mem_free(listener);
}

int listener_start(struct net_loop *loop, struct listener_list *list, int fd, bool secure)
{
    struct listener *listener = mem_must(sizeof(*listener));
    int on = 1;
    listener->loop = loop;
    listener->secure = secure;
    LIST_INSERT_HEAD(list, listener, link);
    uv_tcp_init(loop->io.uv, &listener->tcp);
    int error = uv_tcp_open(&listener->tcp, fd);
    if (error != 0)
        close(fd);
    /* What is accepted inherits this, and saves a system call each. */
    else if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        error = uv_translate_sys_error(errno);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&listener->tcp, loop->options.backlog, connection_cb);
    if (error != 0)
        uv_close((uv_handle_t *)&listener->tcp, close_cb);
    return error;
}

static void next_pass(struct listener *listener)
{
    listener->accepted = 0;
    if (listener->waiting && !uv_is_closing((uv_handle_t *)&listener->tcp))
        accept_one(listener);
}

void listener_next_pass_all(struct listener_list *list)
{
    struct listener *listener;
    LIST_FOREACH(listener, list, link)
    next_pass(listener);
}

void listener_close_all(struct listener_list *list)
{
    struct listener *listener;
    LIST_FOREACH(listener, list, link)
    if (!uv_is_closing((uv_handle_t *)&listener->tcp))
        uv_close((uv_handle_t *)&listener->tcp, close_cb);
}
