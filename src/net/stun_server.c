#include "net/stun_server.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "net/stun.h"

#define SOCKETS_MAX 16
#define SOURCES 4096 /* a power of two; addresses that fall on the same one share its limit */

/* What one address may still ask. All zero: as much as ever. */
struct source {
    uint32_t seen;  /* ms, in 32 bits */
    uint32_t spent; /* thousandths of a request, less what has come back since */
};

struct stun_server {
    uv_loop_t *loop;
    unsigned rate;
    unsigned open; /* sockets that are not closed */
    bool closing;
    struct net_tally *tally;
    uv_udp_t sockets[SOCKETS_MAX];
    unsigned socket_count;
    struct source sources[SOURCES];
    char bytes[STUN_REQUEST_MAX + 1]; /* one datagram; a longer one is cut, and too long */
};

/* --- how often --- */

static struct source *source_of(struct stun_server *server, const struct ip *from)
{
    bool v4 = ip_is_v4(from);
    unsigned hash = crypto_keyed_hash(from->bytes + (v4 ? 12 : 0), v4 ? 4 : 8);
    return &server->sources[hash & (SOURCES - 1)];
}

static bool is_within_limit(struct stun_server *server, const struct ip *from)
{
    if (server->rate == 0)
        return true;
    struct source *source = source_of(server, from);
    uint32_t now = (uint32_t)uv_now(server->loop);
    uint64_t returned = (uint64_t)(uint32_t)(now - source->seen) * server->rate;
    source->spent = returned >= source->spent ? 0 : source->spent - (uint32_t)returned;
    source->seen = now;
    if ((uint64_t)source->spent + 1000 > (uint64_t)2000 * server->rate)
        return false;
    source->spent += 1000;
    return true;
}

/* --- sockets --- */

static uint16_t port_of(const struct sockaddr *address)
{
    return ntohs(address->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                                : ((const struct sockaddr_in *)address)->sin_port);
}

/* What does not go at once does not go: the client asks again. */
static enum net_stun answer(struct stun_server *server, uv_udp_t *socket, struct slice request,
                            const struct sockaddr *from)
{
    unsigned char bytes[STUN_ANSWER_MAX];
    struct ip ip = ip_from_sockaddr(from);
    size_t len = stun_answer(request, &ip, port_of(from), bytes);
    if (len == 0)
        return NET_STUN_IGNORED;
    if (!is_within_limit(server, &ip))
        return NET_STUN_LIMITED;
    uv_buf_t run = uv_buf_init((char *)bytes, (unsigned)len);
    return uv_udp_try_send(socket, &run, 1, from) > 0 ? NET_STUN_ANSWERED : NET_STUN_IGNORED;
}

static void recv_cb(uv_udp_t *socket, ssize_t len, const uv_buf_t *buffer,
                    const struct sockaddr *from, unsigned flags)
{
    struct stun_server *server = socket->data;
    if (len <= 0 || from == NULL) /* nothing more, or what ICMP said of an answer */
        return;
    enum net_stun outcome = NET_STUN_IGNORED;
    if ((flags & UV_UDP_PARTIAL) == 0)
        outcome = answer(server, socket, (struct slice){buffer->base, (size_t)len}, from);
    tally_add(&server->tally->stun[outcome], 1);
}

static void alloc_cb(uv_handle_t *handle, size_t size, uv_buf_t *ret_buffer)
{
    struct stun_server *server = handle->data;
    (void)size;
    *ret_buffer = uv_buf_init(server->bytes, sizeof(server->bytes));
}

struct stun_server *stun_server_new(uv_loop_t *loop, unsigned rate, struct net_tally *tally)
{
    struct stun_server *server = mem_must(sizeof(*server));
    server->loop = loop;
    server->rate = rate;
    server->tally = tally;
    return server;
}

static void close_cb(uv_handle_t *handle)
{
    struct stun_server *server = handle->data;
    if (--server->open == 0 && server->closing)
        mem_free(server);
}

int stun_server_listen(struct stun_server *server, int fd)
{
    int error = server->socket_count == SOCKETS_MAX ? UV_EMFILE : 0;
    uv_udp_t *socket = &server->sockets[server->socket_count];
    if (error == 0)
        error = uv_udp_init(server->loop, socket);
    if (error != 0) {
        close(fd);
        return error;
    }
    server->socket_count++;
    server->open++;
    socket->data = server;
    error = uv_udp_open(socket, fd);
    if (error != 0)
        close(fd);
    else
        error = uv_udp_recv_start(socket, alloc_cb, recv_cb);
    return error;
}

void stun_server_close(struct stun_server *server)
{
    if (server == NULL)
        return;
    server->closing = true;
    for (unsigned i = 0; i < server->socket_count; i++)
        uv_close((uv_handle_t *)&server->sockets[i], close_cb);
    if (server->open == 0)
        mem_free(server);
}
