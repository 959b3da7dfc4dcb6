#include "load_net.h"

#include "fail.h"
#include "frame.h"
#include "load_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    INPUT_SIZE = 256 * 1024,
    EVENTS_PER_PASS = 256,
    LONGEST_WAIT = 100, /* ms: how late the deadline may be noticed */
    /* Loopback has 2^24 addresses; a few keep the ports of each far from running out. */
    SOURCE_ADDRESSES = 16,
};

/* The key and the answer of RFC 6455, section 1.3: good enough for any number of connections. */
static const char upgrade_format[] = "GET %s HTTP/1.1\r\n"
                                     "Host: %s\r\n"
                                     "Connection: Upgrade\r\n"
                                     "Upgrade: websocket\r\n"
                                     "Sec-WebSocket-Version: 13\r\n"
                                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                     "\r\n";
static const char upgrade_accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
static const uint8_t control_mask[4] = {0x3D, 0xA7, 0x51, 0x8E};

uint64_t time_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Returns whether it is a secure one. */
static bool parse_url(struct instance *instance, const char *url)
{
    char host[32];
    unsigned port;
    bool secure = strncmp(url, "https://", 8) == 0;
    const char *rest = secure ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
    if (!rest || sscanf(rest, "%31[0-9.]:%u", host, &port) != 2 || port > 65535 ||
        inet_pton(AF_INET, host, &instance->address.sin_addr) != 1)
        fail("the URL must be http://IPV4:PORT or https://IPV4:PORT, not %s", url);
    instance->address.sin_family = AF_INET;
    instance->address.sin_port = htons((uint16_t)port);
    snprintf(instance->authority, sizeof(instance->authority), "%s:%u", host, port);
    return secure;
}

static void add_instance(struct net *net, const char *url)
{
    bool secure = parse_url(&net->instances[net->instance_count], url);
    if (net->instance_count++ == 0 && secure)
        net->tls = tls_context_new();
    if (secure != (net->tls != NULL))
        fail("some instances are plain, some not");
}

void net_init(struct net *net, const char *const *urls, unsigned count)
{
    *net = (struct net){0};
    for (unsigned i = 0; i < count; i++)
        add_instance(net, urls[i]);
    net->epoll = epoll_create1(EPOLL_CLOEXEC);
    net->input = malloc(INPUT_SIZE);
    if (net->epoll < 0 || !net->input)
        fail("cannot set up the loop: %s", strerror(errno));
    net_expect(net, "starting", 10);
}

void net_done(struct net *net)
{
    close(net->epoll);
    free(net->input);
    if (net->tls)
        tls_context_free(net->tls);
}

void net_expect(struct net *net, const char *doing, double seconds)
{
    net->doing = doing;
    net->deadline = time_now() + (uint64_t)(seconds * 1e9);
}

/* Closing. */

static void conn_end(struct conn *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    if (conn->tls)
        tls_end(conn);
    close(conn->fd);
    bytes_done(&conn->input);
    bytes_done(&conn->output);
    conn->state = CONN_CLOSED;
    conn->next_closed = conn->net->closed;
    conn->net->closed = conn;
}

void conn_abort(struct conn *conn)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    conn_end(conn);
}

static void report_closed(struct net *net)
{
    while (net->closed) {
        struct conn *conn = net->closed;
        net->closed = conn->next_closed;
        conn->state = CONN_UNUSED;
        conn->events->on_close(conn, conn->close_code);
    }
}

/* Output. */

static void await_output(struct conn *conn, bool wanted)
{
    if (conn->awaits_output == wanted)
        return;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = conn};
    if (epoll_ctl(conn->net->epoll, EPOLL_CTL_MOD, conn->fd, &event))
        fail("epoll_ctl: %s", strerror(errno));
    conn->awaits_output = wanted;
}

static void flush(struct conn *conn)
{
    if (conn->state == CONN_CLOSED || conn->output.length == 0)
        return;
    ssize_t written = stream_write(conn, conn->output.at, conn->output.length);
    if (written < 0) {
        conn_end(conn);
        return;
    }
    bytes_consume(&conn->output, (size_t)written);
    await_output(conn, conn->output.length > 0);
}

static void flush_dirty(struct net *net)
{
    while (net->dirty) {
        struct conn *conn = net->dirty;
        net->dirty = conn->next_dirty;
        conn->dirty = false;
        flush(conn);
    }
}

static void mark_dirty(struct conn *conn)
{
    if (conn->dirty)
        return;
    conn->dirty = true;
    conn->next_dirty = conn->net->dirty;
    conn->net->dirty = conn;
}

static void send_bytes(struct conn *conn, const uint8_t *bytes, size_t size)
{
    if (conn->net->cork || conn->output.length > 0) {
        bytes_append(&conn->output, bytes, size);
        if (conn->net->cork)
            mark_dirty(conn);
        return;
    }
    ssize_t written = stream_write(conn, bytes, size);
    if (written < 0) {
        conn_end(conn);
    } else if ((size_t)written < size) {
        bytes_append(&conn->output, bytes + written, size - (size_t)written);
        await_output(conn, true);
    }
}

void conn_send(struct conn *conn, const uint8_t *frame, size_t size)
{
    if (conn->state == CONN_OPEN || conn->state == CONN_CLOSING)
        send_bytes(conn, frame, size);
}

static void send_control(struct conn *conn, uint8_t opcode, const uint8_t *payload, size_t length)
{
    uint8_t frame[FRAME_HEAD_MAX + 125];
    size_t head = frame_write_head(frame, opcode, length, control_mask);
    frame_mask(frame + head, payload, length, control_mask);
    conn_send(conn, frame, head + length);
}

void conn_close(struct conn *conn)
{
    static const uint8_t normal[2] = {1000 >> 8, 1000 & 0xFF};
    if (conn->close_sent)
        return;
    conn->close_sent = true;
    send_control(conn, FRAME_CLOSE, normal, sizeof(normal));
}

/* Input. */

static void take_close(struct conn *conn, const uint8_t *payload, size_t length)
{
    conn->close_code = length >= 2 ? (unsigned)(payload[0] << 8 | payload[1]) : 1005;
    conn_close(conn);
    conn->state = CONN_CLOSING;
}

static void take_frame(struct conn *conn, const struct frame *frame, const uint8_t *payload)
{
    if (conn->state != CONN_OPEN)
        fail("a frame after the close frame");
    if (frame->opcode == FRAME_TEXT)
        conn->events->on_text(conn, (const char *)payload, frame->length);
    else if (frame->opcode == FRAME_PING)
        send_control(conn, FRAME_PONG, payload, frame->length);
    else if (frame->opcode == FRAME_CLOSE)
        take_close(conn, payload, frame->length);
    else if (frame->opcode != FRAME_PONG)
        fail("a frame with opcode %u", frame->opcode);
}

/* Handles the whole frames and returns how many bytes they were. */
static size_t take_frames(struct conn *conn, const uint8_t *bytes, size_t available)
{
    struct frame frame;
    size_t used = 0;
    while (conn->state == CONN_OPEN || conn->state == CONN_CLOSING) {
        if (!frame_parse(bytes + used, available - used, &frame))
            break;
        if (!frame.fin || frame.masked)
            fail("a frame that is %s", frame.fin ? "masked" : "a fragment");
        if (available - used - frame.head < frame.length)
            break;
        take_frame(conn, &frame, bytes + used + frame.head);
        used += frame.head + frame.length;
    }
    return used;
}

/* Returns the size of the answer to the upgrade, 0 when it is not whole yet. */
static size_t take_upgrade(struct conn *conn, const uint8_t *bytes, size_t available)
{
    const uint8_t *end = memmem(bytes, available, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t size = (size_t)(end - bytes) + 4;
    if (size < 12 || memcmp(bytes, "HTTP/1.1 101", 12) != 0)
        fail("the upgrade was answered with %.*s", (int)size, (const char *)bytes);
    if (!memmem(bytes, size, upgrade_accept, sizeof(upgrade_accept) - 1))
        fail("the upgrade was answered without the right Sec-WebSocket-Accept");
    conn->state = CONN_OPEN;
    conn->events->on_open(conn);
    return size;
}

/* Puts what is left of an earlier read before the new bytes, in the loop's shared buffer. */
static size_t restore_input(struct conn *conn)
{
    size_t kept = conn->input.length;
    if (kept > 0) {
        memcpy(conn->net->input, conn->input.at, kept);
        bytes_done(&conn->input);
    }
    return kept;
}

/* One read. Returns whether it filled the buffer, so that there may be more inside the TLS layer. */
static bool receive(struct conn *conn)
{
    uint8_t *input = conn->net->input;
    size_t kept = restore_input(conn);
    ssize_t result = stream_read(conn, input + kept, INPUT_SIZE - kept);
    if (result < 0) {
        conn_end(conn);
        return false;
    }
    size_t available = kept + (size_t)result;
    size_t used = 0;
    if (conn->state == CONN_UPGRADING)
        used = take_upgrade(conn, input, available);
    used += take_frames(conn, input + used, available - used);
    if (conn->state != CONN_CLOSED && used < available)
        bytes_append(&conn->input, input + used, available - used);
    if (conn->input.length == INPUT_SIZE)
        fail("a frame of more than %d bytes", INPUT_SIZE);
    return available == INPUT_SIZE;
}

/* Opening. */

static void begin_upgrade(struct conn *conn)
{
    char request[512];
    int size =
        snprintf(request, sizeof(request), upgrade_format, conn->path, conn->instance->authority);
    conn->state = CONN_UPGRADING;
    await_output(conn, false);
    send_bytes(conn, (const uint8_t *)request, (size_t)size);
}

static void proceed_handshake(struct conn *conn)
{
    await_output(conn, false);
    if (tls_handshake(conn))
        begin_upgrade(conn);
}

static void finish_connect(struct conn *conn)
{
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error)
        fail("connect: %s", strerror(error));
    if (!conn->net->tls) {
        begin_upgrade(conn);
        return;
    }
    tls_begin(conn, conn->net->tls);
    conn->state = CONN_HANDSHAKING;
    proceed_handshake(conn);
}

static void bind_source(struct conn *conn)
{
    int yes = 1;
    uint32_t address = 0x7F000101u + conn->net->opened++ % SOURCE_ADDRESSES; /* 127.0.1.1 … */
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    setsockopt(conn->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
    if (bind(conn->fd, (struct sockaddr *)&source, sizeof(source)))
        fail("bind: %s", strerror(errno));
}

void conn_open(struct conn *conn, struct net *net, const struct instance *instance,
               const struct conn_events *events, const char *path)
{
    int yes = 1;
    *conn = (struct conn){.net = net,
                          .instance = instance,
                          .events = events,
                          .state = CONN_CONNECTING,
                          .close_code = 1006};
    snprintf(conn->path, sizeof(conn->path), "%s", path);
    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0)
        fail("socket: %s", strerror(errno));
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    const struct sockaddr_in *address = &instance->address;
    if (ntohl(address->sin_addr.s_addr) >> 24 == 127)
        bind_source(conn);
    if (connect(conn->fd, (const struct sockaddr *)address, sizeof(*address)) &&
        errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = conn};
    conn->awaits_output = true;
    if (epoll_ctl(net->epoll, EPOLL_CTL_ADD, conn->fd, &event))
        fail("epoll_ctl: %s", strerror(errno));
}

/* The loop. */

static void proceed(struct conn *conn, uint32_t events)
{
    switch (conn->state) {
    case CONN_CONNECTING: finish_connect(conn); break;
    case CONN_HANDSHAKING: proceed_handshake(conn); break;
    case CONN_UPGRADING:
    case CONN_OPEN:
    case CONN_CLOSING:
        if (events & EPOLLOUT)
            flush(conn);
        if (events & ~(uint32_t)EPOLLOUT)
            while (conn->state != CONN_CLOSED && receive(conn))
                continue;
        break;
    case CONN_UNUSED:
    case CONN_CLOSED: /* ended by an earlier event of this pass */ break;
    }
}

void net_step(struct net *net, int timeout)
{
    struct epoll_event events[EVENTS_PER_PASS];
    int most = timeout < 0 ? LONGEST_WAIT : timeout;
    int count = epoll_wait(net->epoll, events, EVENTS_PER_PASS, most);
    if (count < 0 && errno != EINTR)
        fail("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        proceed(events[i].data.ptr, events[i].events);
        flush_dirty(net);
    }
    flush_dirty(net); /* what was sent from outside the loop */
    report_closed(net);
    if (time_now() > net->deadline)
        fail("gave up while %s", net->doing);
}
