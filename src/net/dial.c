#include "net/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#define SHARE_MIN 250 /* ms for one address */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

struct dial {
    uv_getaddrinfo_t resolve;
    uv_timer_t timer; /* starts the first try, then ends the one that is under way */
    uv_poll_t *poll;  /* of that try; NULL: none */
    int fd;           /* of that try; -1: none */
    uint16_t port;
    uint64_t timeout;
    dial_on_dialed *on_dialed;
    void *context;
    int error; /* of the last try */
    bool resolving;
    bool over; /* told or cancelled */
    bool timer_closed;
    unsigned count;
    unsigned next;
    union address addresses[DIAL_ADDRESSES_MAX];
};

/* --- the end --- */

static void free_if_unused(struct dial *dial)
{
    if (dial->timer_closed && !dial->resolving)
        mem_free(dial);
}

static void timer_closed_cb(uv_handle_t *handle)
{
    struct dial *dial = handle->data;
    dial->timer_closed = true;
    free_if_unused(dial);
}

static void poll_closed_cb(uv_handle_t *handle)
{
    mem_free(handle);
}

static void drop_poll(struct dial *dial)
{
    if (dial->poll != NULL)
        uv_close((uv_handle_t *)dial->poll, poll_closed_cb);
    dial->poll = NULL;
}

static void drop_try(struct dial *dial)
{
    drop_poll(dial);
    if (dial->fd >= 0)
        close(dial->fd);
    dial->fd = -1;
}

static void end(struct dial *dial)
{
    dial->over = true;
    uv_close((uv_handle_t *)&dial->timer, timer_closed_cb);
}

static void tell(struct dial *dial, int result)
{
    end(dial);
    dial->on_dialed(dial->context, result);
}

void dial_cancel(struct dial *dial)
{
    drop_try(dial);
    if (dial->resolving)
        uv_cancel((uv_req_t *)&dial->resolve); /* where it is too late, its answer is dropped */
    end(dial);
}

/* --- one address after the other --- */

static void try_next(struct dial *dial);

static void succeed(struct dial *dial)
{
    int on = 1;
    int fd = dial->fd;
    if (dial->addresses[0].any.sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    drop_poll(dial); /* before the socket is given away */
    dial->fd = -1;
    tell(dial, fd);
}

static void fail_try(struct dial *dial, int error)
{
    dial->error = error;
    drop_try(dial);
    try_next(dial);
}

static void poll_cb(uv_poll_t *poll, int status, int events)
{
    struct dial *dial = poll->data;
    int error = 0;
    socklen_t size = sizeof(error);
    (void)events;
    if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error != 0)
        fail_try(dial, uv_translate_sys_error(error));
    else if (status < 0)
        fail_try(dial, status);
    else
        succeed(dial);
}

static void timer_cb(uv_timer_t *timer)
{
    struct dial *dial = timer->data;
    if (dial->fd >= 0)
        fail_try(dial, UV_ETIMEDOUT);
    else
        try_next(dial);
}

static socklen_t size_of(const union address *address)
{
    return address->any.sa_family == AF_INET    ? sizeof(address->v4)
           : address->any.sa_family == AF_INET6 ? sizeof(address->v6)
                                                : sizeof(address->local);
}

/* Waits for the outcome of a connect() that is under way. 0 or a libuv error. */
static int await_outcome(struct dial *dial)
{
    dial->poll = mem_alloc(sizeof(*dial->poll));
    if (dial->poll == NULL)
        return UV_ENOMEM;
    int error = uv_poll_init(dial->timer.loop, dial->poll, dial->fd);
    if (error != 0) {
        mem_free(dial->poll);
        dial->poll = NULL;
        return error;
    }
    dial->poll->data = dial;
    uint64_t share = dial->timeout / dial->count;
    uv_timer_start(&dial->timer, timer_cb, share < SHARE_MIN ? SHARE_MIN : share, 0);
    return uv_poll_start(dial->poll, UV_WRITABLE, poll_cb);
}

static void try_next(struct dial *dial)
{
    uv_timer_stop(&dial->timer);
    if (dial->next == dial->count) {
        tell(dial, dial->error);
        return;
    }
    const union address *address = &dial->addresses[dial->next++];
    dial->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = dial->fd < 0 ? uv_translate_sys_error(errno) : 0;
    if (error == 0 && connect(dial->fd, &address->any, size_of(address)) == 0) {
        succeed(dial);
        return;
    }
    if (error == 0)
        error = errno == EINPROGRESS ? await_outcome(dial) : uv_translate_sys_error(errno);
    if (error != 0)
        fail_try(dial, error);
}

/* --- the name --- */

static void set_port(union address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_port = htons(port);
    else
        address->v6.sin6_port = htons(port);
}

static void add_address(struct dial *dial, const struct addrinfo *found)
{
    if (dial->count == DIAL_ADDRESSES_MAX ||
        (found->ai_family != AF_INET && found->ai_family != AF_INET6) ||
        found->ai_addrlen > sizeof(union address))
        return;
    union address *address = &dial->addresses[dial->count++];
    memcpy(address, found->ai_addr, found->ai_addrlen);
    set_port(address, dial->port);
}

static void resolved_cb(uv_getaddrinfo_t *resolve, int status, struct addrinfo *found)
{
    struct dial *dial = resolve->data;
    dial->resolving = false;
    if (!dial->over) {
        dial->error = status < 0 ? status : UV_EAI_NODATA;
        for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
            add_address(dial, at);
        try_next(dial);
    } else {
        free_if_unused(dial);
    }
    uv_freeaddrinfo(found);
}

static int resolve(struct dial *dial, const char *host)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    dial->resolve.data = dial;
    int error = uv_getaddrinfo(dial->timer.loop, &dial->resolve, resolved_cb, host, NULL, &hints);
    dial->resolving = error == 0;
    return error;
}

/* Whether the target is an address already; else it has to be resolved. */
static bool take_address(struct dial *dial, const struct dial_target *target)
{
    union address *address = &dial->addresses[0];
    if (target->local) {
        address->local.sun_family = AF_UNIX;
        snprintf(address->local.sun_path, sizeof(address->local.sun_path), "%s", target->host);
        dial->error = UV_ENAMETOOLONG;
        return strlen(target->host) < sizeof(address->local.sun_path);
    }
    return uv_ip4_addr(target->host, target->port, &address->v4) == 0 ||
           uv_ip6_addr(target->host, target->port, &address->v6) == 0;
}

struct dial *dial_start(uv_loop_t *loop, const struct dial_target *target, uint64_t timeout,
                        dial_on_dialed *on_dialed, void *context)
{
    struct dial *dial = mem_zero(sizeof(*dial));
    if (dial == NULL)
        return NULL;
    dial->port = target->port;
    dial->timeout = timeout;
    dial->on_dialed = on_dialed;
    dial->context = context;
    dial->fd = -1;
    uv_timer_init(loop, &dial->timer);
    dial->timer.data = dial;
    bool known = take_address(dial, target);
    dial->count = known;
    if (!known && !target->local)
        dial->error = resolve(dial, target->host);
    if (!dial->resolving)
        uv_timer_start(&dial->timer, timer_cb, 0, 0); /* also to tell of an error */
    return dial;
}
