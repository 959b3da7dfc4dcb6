#include "app/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t make_address(const struct config_listener *from, union address *ret_address)
{
    memset(ret_address, 0, sizeof(*ret_address));
    if (from->family == AF_INET6) {
        ret_address->v6.sin6_family = AF_INET6;
        ret_address->v6.sin6_port = htons(from->port);
        inet_pton(AF_INET6, from->host, &ret_address->v6.sin6_addr);
        return sizeof(ret_address->v6);
    }
    ret_address->v4.sin_family = AF_INET;
    ret_address->v4.sin_port = htons(from->port);
    inet_pton(AF_INET, from->host, &ret_address->v4.sin_addr);
    return sizeof(ret_address->v4);
}

void listener_url(const struct config_listener *address, char ret_url[LISTEN_URL_SIZE])
{
    bool v6 = address->family == AF_INET6;
    snprintf(ret_url, LISTEN_URL_SIZE, "%s://%s%s%s:%u", config_scheme_name(address->scheme),
             v6 ? "[" : "", address->host, v6 ? "]" : "", address->port);
}

/* [::] alone takes IPv4 along, as people expect; next to an IPv4 address of the same port it must
 * not. */
static bool is_only_v6(const struct config_listeners *wanted, const struct config_listener *address)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->items[i].family == AF_INET && wanted->items[i].port == address->port)
            return true;
    return false;
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}

/* Returns the socket, bound, or -1 with errno. */
static int open_bound(const struct config_listener *from, bool shared, bool only_v6)
{
    union address address;
    socklen_t len = make_address(from, &address);
    bool udp = from->scheme == CONFIG_SCHEME_UDP;
    int fd =
        socket(from->family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* Of UDP it would let anybody share the port. */
    if ((!udp && set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0) ||
        (shared && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0) ||
        (from->family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, only_v6) < 0) ||
        bind(fd, &address.any, len) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static int start_listening(const struct config_listener *address, int fd, int backlog)
{
    return address->scheme == CONFIG_SCHEME_UDP ? 0 : listen(fd, backlog);
}

/* SO_REUSEPORT would quietly share the port with another roomline of the same user: first see
 * whether we could have it alone. */
static int probe(const struct config_listener *address, bool only_v6)
{
    if (address->port == 0)
        return 0;
    int fd = open_bound(address, false, only_v6);
    if (fd < 0)
        return -1;
    int result = start_listening(address, fd, 1);
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

static int read_port(int fd, uint16_t *ret_port)
{
    union address address = {.any.sa_family = AF_UNSPEC};
    socklen_t len = sizeof(address);
    if (getsockname(fd, &address.any, &len) < 0)
        return -1;
    *ret_port =
        ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
    return 0;
}

/* Port 0 is chosen by the first socket; the others follow. */
static int open_address(struct listeners *listeners, size_t index, unsigned backlog, bool only_v6)
{
    struct config_listener *address = &listeners->addresses[index];
    if (probe(address, only_v6) < 0)
        return -1;
    for (unsigned worker = 0; worker < listeners->workers; worker++) {
        int fd = open_bound(address, true, only_v6);
        if (fd < 0)
            return -1;
        listeners->fds[index * listeners->workers + worker] = fd;
        if (start_listening(address, fd, (int)backlog) < 0 || read_port(fd, &address->port) < 0)
            return -1;
    }
    return 0;
}

static void describe(const struct config_listener *address, int error,
                     char ret_error[LISTEN_ERROR_SIZE])
{
    static const struct {
        int error;
        const char *text;
    } known[] = {
        {EADDRINUSE, "the port is in use by another program"},
        {EACCES, "no permission; ports below 1024 need root or CAP_NET_BIND_SERVICE"},
        {EADDRNOTAVAIL, "this machine has no such address"},
        {EAFNOSUPPORT, "this machine does not speak this kind of IP"},
        {EMFILE, "too many open files; raise the limit (ulimit -n)"},
    };
    char url[LISTEN_URL_SIZE];
    const char *text = strerror(error);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].error == error)
            text = known[i].text;
    listener_url(address, url);
    snprintf(ret_error, LISTEN_ERROR_SIZE, "cannot listen on %s: %s", url, text);
}

int listeners_open(struct listeners *listeners, const struct config_listeners *wanted,
                   unsigned workers, unsigned backlog, char ret_error[LISTEN_ERROR_SIZE])
{
    size_t sockets = wanted->count * workers;
    *listeners = (struct listeners){
        .count = wanted->count,
        .workers = workers,
        .addresses = mem_must((wanted->count + 1) * sizeof(struct config_listener)),
        .fds = mem_must((sockets + 1) * sizeof(int)),
    };
    for (size_t i = 0; i < sockets; i++)
        listeners->fds[i] = -1;
    for (size_t i = 0; i < wanted->count; i++) {
        listeners->addresses[i] = wanted->items[i];
        if (open_address(listeners, i, backlog, is_only_v6(wanted, &wanted->items[i])) < 0) {
            describe(&wanted->items[i], errno, ret_error);
            listeners_done(listeners);
            return -1;
        }
    }
    return 0;
}

void listeners_join(struct listeners *listeners, struct listeners *others)
{
    size_t count = listeners->count + others->count, workers = listeners->workers;
    struct config_listener *addresses = mem_must((count + 1) * sizeof(*addresses));
    int *fds = mem_must((count * workers + 1) * sizeof(*fds));
    for (size_t i = 0; i < count; i++) {
        const struct listeners *from = i < listeners->count ? listeners : others;
        size_t index = i < listeners->count ? i : i - listeners->count;
        addresses[i] = from->addresses[index];
        memcpy(&fds[i * workers], &from->fds[index * workers], workers * sizeof(*fds));
    }
    for (struct listeners *from = listeners; from != NULL;
         from = from == listeners ? others : NULL) {
        mem_free(from->addresses);
        mem_free(from->fds);
    }
    *others = (struct listeners){.count = 0};
    *listeners = (struct listeners){count, (unsigned)workers, addresses, fds};
}

int listeners_fd(const struct listeners *listeners, size_t address, unsigned worker)
{
    return listeners->fds[address * listeners->workers + worker];
}

int listeners_take(struct listeners *listeners, size_t address, unsigned worker)
{
    int fd = listeners_fd(listeners, address, worker);
    listeners->fds[address * listeners->workers + worker] = -1;
    return fd;
}

void listeners_close_worker(struct listeners *listeners, unsigned worker)
{
    for (size_t i = 0; i < listeners->count; i++) {
        int *fd = &listeners->fds[i * listeners->workers + worker];
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
    }
}

void listeners_done(struct listeners *listeners)
{
    for (unsigned worker = 0; worker < listeners->workers; worker++)
        listeners_close_worker(listeners, worker);
    mem_free(listeners->addresses);
    mem_free(listeners->fds);
    *listeners = (struct listeners){.count = 0};
}
