/*
 * The limit: what a server could reach that does nothing but move WebSocket frames. One epoll loop
 * accepts, upgrades, reads, unmasks, reframes and writes, plain or with OpenSSL. It knows no JSON, no
 * rooms and no limits. Connections with one path form a pair; a frame goes to the other of the pair,
 * or back to its sender while that is alone.
 *
 * One read per readiness; frames are unmasked in place, a few bytes towards the front, so that all
 * frames of a read lie in a row and leave with one write.
 */
#include "bytes.h"
#include "fail.h"
#include "frame.h"
#include "limit_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    INPUT_SIZE = 256 * 1024,
    EVENTS_PER_PASS = 256,
    ACCEPTS_PER_PASS = 64,
    BACKLOG = 4096,
};

enum state { STATE_HANDSHAKING, STATE_UPGRADING, STATE_OPEN, STATE_CLOSED };

struct peer {
    int fd;
    enum state state;
    bool awaits_output;
    unsigned pair;
    SSL *tls; /* NULL: plain */
    struct peer *other;
    struct peer *next_closed;
    struct bytes input;  /* the beginning of a frame whose rest is to come */
    struct bytes output; /* what the socket did not take */
};

static int epoll;
static int listener;
static SSL_CTX *context; /* NULL: plain */
static struct peer *closed;
static struct peer **waiting; /* by pair: the one that is alone */
static unsigned waiting_count;
static uint8_t input[INPUT_SIZE];
static unsigned lose_every; /* a fault to test the generator with: 0 for none */
static unsigned forwarded;

/* Streams: a count of bytes, 0 when the socket is not ready, -1 at the end. */

static ssize_t tls_result(const struct peer *peer, int result)
{
    int error = SSL_get_error(peer->tls, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t tls_read(struct peer *peer, uint8_t *into, size_t size)
{
    size_t sum = 0;
    do {
        int result = SSL_read(peer->tls, into + sum, (int)(size - sum));
        if (result <= 0)
            return sum > 0 ? (ssize_t)sum : tls_result(peer, result);
        sum += (size_t)result;
    } while (sum < size && SSL_has_pending(peer->tls));
    return (ssize_t)sum;
}

static ssize_t stream_read(struct peer *peer, uint8_t *into, size_t size)
{
    if (peer->tls)
        return tls_read(peer, into, size);
    ssize_t result = recv(peer->fd, into, size, 0);
    if (result > 0)
        return result;
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t stream_write(struct peer *peer, const uint8_t *bytes, size_t size)
{
    if (peer->tls) {
        int result = SSL_write(peer->tls, bytes, (int)size);
        return result > 0 ? result : tls_result(peer, result);
    }
    ssize_t result = send(peer->fd, bytes, size, MSG_NOSIGNAL);
    if (result >= 0)
        return result;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* Pairs. */

static void grow_pairs(unsigned pair)
{
    if (pair < waiting_count)
        return;
    unsigned count = pair < 1024 ? 1024 : 2 * pair;
    waiting = realloc(waiting, count * sizeof(struct peer *));
    if (!waiting)
        fail("no memory for %u pairs", count);
    memset(waiting + waiting_count, 0, (count - waiting_count) * sizeof(struct peer *));
    waiting_count = count;
}

static void pair_join(struct peer *peer, unsigned pair)
{
    grow_pairs(pair);
    peer->pair = pair;
    struct peer *first = waiting[pair];
    if (!first) {
        waiting[pair] = peer;
        return;
    }
    waiting[pair] = NULL;
    peer->other = first;
    first->other = peer;
}

/* The one that stays behind gets its own frames back; it does not wait for a new partner. */
static void pair_leave(struct peer *peer)
{
    if (peer->other)
        peer->other->other = NULL;
    else if (peer->pair < waiting_count && waiting[peer->pair] == peer)
        waiting[peer->pair] = NULL;
}

/* Closing. Memory is freed after the pass, as an event of it may still point there. */

static void peer_close(struct peer *peer)
{
    if (peer->state == STATE_CLOSED)
        return;
    if (peer->state == STATE_OPEN)
        pair_leave(peer);
    SSL_free(peer->tls);
    close(peer->fd);
    peer->state = STATE_CLOSED;
    peer->next_closed = closed;
    closed = peer;
}

static void free_closed(void)
{
    while (closed) {
        struct peer *peer = closed;
        closed = peer->next_closed;
        bytes_done(&peer->input);
        bytes_done(&peer->output);
        free(peer);
    }
}

/* Output. */

static void await_output(struct peer *peer, bool wanted)
{
    if (peer->awaits_output == wanted)
        return;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = peer};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, peer->fd, &event))
        fail("epoll_ctl: %s", strerror(errno));
    peer->awaits_output = wanted;
}

static void peer_flush(struct peer *peer)
{
    ssize_t written = stream_write(peer, peer->output.at, peer->output.length);
    if (written < 0) {
        peer_close(peer);
        return;
    }
    bytes_consume(&peer->output, (size_t)written);
    if (peer->output.length > 0)
        return;
    bytes_done(&peer->output);
    await_output(peer, false);
}

static void peer_send(struct peer *peer, const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return;
    ssize_t written = peer->output.length == 0 ? stream_write(peer, bytes, size) : 0;
    if (written < 0) {
        peer_close(peer);
    } else if ((size_t)written < size) {
        bytes_append(&peer->output, bytes + written, size - (size_t)written);
        await_output(peer, true);
    }
}

/* Frames. */

static void send_control(struct peer *peer, uint8_t opcode, const uint8_t *payload, size_t length)
{
    uint8_t frame[FRAME_HEAD_MAX + 125];
    size_t head = frame_write_head(frame, opcode, length, NULL);
    memcpy(frame + head, payload, length);
    peer_send(peer, frame, head + length);
}

static void take_control(struct peer *peer, const struct frame *frame, uint8_t *payload)
{
    frame_mask(payload, payload, frame->length, frame->mask);
    if (frame->opcode == FRAME_PING)
        send_control(peer, FRAME_PONG, payload, frame->length);
    if (frame->opcode != FRAME_CLOSE)
        return;
    send_control(peer, FRAME_CLOSE, payload, frame->length);
    if (peer->tls && peer->state == STATE_OPEN)
        SSL_shutdown(peer->tls);
    peer_close(peer);
}

static bool is_lost(void)
{
    return lose_every > 0 && ++forwarded % lose_every == 0;
}

/* Where the frames that go to the other are gathered, within the input itself. */
struct gathered {
    uint8_t *begin;
    uint8_t *end;
};

static void pass_on(struct peer *peer, struct gathered *gathered)
{
    struct peer *to = peer->other ? peer->other : peer;
    peer_send(to, gathered->begin, (size_t)(gathered->end - gathered->begin));
    gathered->end = gathered->begin;
}

static void take_frame(struct peer *peer, const struct frame *frame, uint8_t *payload,
                       struct gathered *gathered)
{
    if (frame->opcode >= FRAME_CLOSE) {
        pass_on(peer, gathered);
        if (peer->state == STATE_OPEN)
            take_control(peer, frame, payload);
    } else if (!is_lost()) {
        size_t head = frame_write_head(gathered->end, frame->opcode, frame->length, NULL);
        frame_mask(gathered->end + head, payload, frame->length, frame->mask);
        gathered->end += head + frame->length;
    }
}

/* Handles the whole frames and returns how many bytes they were. */
static size_t take_frames(struct peer *peer, uint8_t *bytes, size_t available)
{
    struct frame frame;
    struct gathered gathered = {bytes, bytes};
    size_t used = 0;
    while (peer->state == STATE_OPEN && frame_parse(bytes + used, available - used, &frame) &&
           available - used - frame.head >= frame.length) {
        if (!frame.masked || !frame.fin || (frame.opcode >= FRAME_CLOSE && frame.length > 125)) {
            peer_close(peer);
            return 0;
        }
        take_frame(peer, &frame, bytes + used + frame.head, &gathered);
        used += frame.head + frame.length;
    }
    if (peer->state == STATE_OPEN)
        pass_on(peer, &gathered);
    return used;
}

static size_t take_upgrade(struct peer *peer, const uint8_t *bytes, size_t available)
{
    struct upgrade upgrade;
    int result = upgrade_parse(&upgrade, (const char *)bytes, available);
    if (result < 0)
        peer_close(peer);
    if (result <= 0)
        return 0;
    peer->state = STATE_OPEN;
    pair_join(peer, upgrade.pair);
    peer_send(peer, (const uint8_t *)upgrade.answer, upgrade.answer_size);
    return upgrade.size;
}

/* Returns whether the read filled the buffer, so that there may be more inside the TLS layer. */
static bool peer_receive(struct peer *peer)
{
    size_t kept = peer->input.length;
    if (kept > 0) {
        memcpy(input, peer->input.at, kept);
        bytes_done(&peer->input);
    }
    ssize_t result = stream_read(peer, input + kept, INPUT_SIZE - kept);
    if (result < 0) {
        peer_close(peer);
        return false;
    }
    size_t available = kept + (size_t)result;
    size_t used = peer->state == STATE_UPGRADING ? take_upgrade(peer, input, available) : 0;
    used += take_frames(peer, input + used, available - used);
    if (peer->state != STATE_CLOSED && used < available)
        bytes_append(&peer->input, input + used, available - used);
    if (peer->input.length == INPUT_SIZE)
        peer_close(peer);
    return available == INPUT_SIZE;
}

/* The loop. */

static void peer_handshake(struct peer *peer)
{
    int result = SSL_do_handshake(peer->tls);
    if (result == 1)
        peer->state = STATE_UPGRADING;
    else if (tls_result(peer, result) < 0)
        peer_close(peer);
}

static void peer_proceed(struct peer *peer, uint32_t events)
{
    if (events & EPOLLOUT && peer->state != STATE_CLOSED)
        peer_flush(peer);
    if (events == EPOLLOUT)
        return;
    if (peer->state == STATE_HANDSHAKING)
        peer_handshake(peer); /* the request may have come along: go on and read */
    while (peer->state != STATE_CLOSED && peer->state != STATE_HANDSHAKING && peer_receive(peer))
        continue;
}

static void peer_accept(int fd)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (!peer || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
        fail("cannot take a connection: %s", strerror(errno));
    peer->fd = fd;
    peer->state = STATE_UPGRADING;
    if (!context)
        return;
    peer->tls = SSL_new(context);
    if (!peer->tls || SSL_set_fd(peer->tls, fd) != 1)
        fail("no TLS session");
    SSL_set_accept_state(peer->tls);
    peer->state = STATE_HANDSHAKING;
}

static void accept_some(void)
{
    for (int i = 0; i < ACCEPTS_PER_PASS; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        peer_accept(fd);
    }
}

static void run(void)
{
    struct epoll_event events[EVENTS_PER_PASS];
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_PER_PASS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                peer_proceed(events[i].data.ptr, events[i].events);
            else
                accept_some();
        }
        free_closed();
    }
}

/* TCP_NODELAY is inherited by the accepted sockets. */
static void start_listening(void)
{
    int yes = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll = epoll_create1(EPOLL_CLOEXEC);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, BACKLOG) ||
        getsockname(listener, (struct sockaddr *)&address, &size) ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
        fail("cannot listen: %s", strerror(errno));
    printf("listening %s://127.0.0.1:%u\n", context ? "https" : "http", ntohs(address.sin_port));
    fflush(stdout);
}

/* The settings that cost least: buffers go when idle, one ticket, one read of the socket a time. */
static void start_tls(const char *certificate, const char *key)
{
    context = SSL_CTX_new(TLS_server_method());
    if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        fail("cannot use %s and %s", certificate, key);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_read_ahead(context, 1);
}

static void raise_file_limit(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"tls-cert", required_argument, NULL, 'c'},
        {"tls-key", required_argument, NULL, 'k'},
        {"lose", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    const char *certificate = NULL;
    const char *key = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'c')
            certificate = optarg;
        else if (option == 'k')
            key = optarg;
        else if (option == 'l')
            lose_every = (unsigned)atoi(optarg);
        else
            fail("usage: bench-limit [--tls-cert FILE --tls-key FILE] [--lose N]");
    }
    if (certificate && key)
        start_tls(certificate, key);
    raise_file_limit();
    start_listening();
    run();
}
