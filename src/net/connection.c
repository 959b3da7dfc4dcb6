/* A connection's life, from top to bottom:
 *
 *     accepted -> PROXY header -> TLS handshake -> HTTP -> WebSocket -> closing -> ending -> closed
 *
 * Each state may be skipped forward as the table below allows, never back. What goes well leads
 * from HTTP requests to an upgrade, then to messages, then to a close frame each way. All that
 * fails comes to connection_lost(). */
#include "net/connection.h"

#include <assert.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/connection_state.h"

static const char *const state_names[STATE_COUNT] = {
    "accepted", "proxy", "handshake", "http", "websocket", "closing", "ending", "closed",
};

#define TO(state) (1u << (state))

static const unsigned legal_moves[STATE_COUNT] = {
    [STATE_NEW] = TO(STATE_PROXY) | TO(STATE_TLS) | TO(STATE_HTTP) | TO(STATE_CLOSED),
    [STATE_PROXY] = TO(STATE_TLS) | TO(STATE_HTTP) | TO(STATE_CLOSED),
    [STATE_TLS] = TO(STATE_HTTP) | TO(STATE_CLOSED),
    [STATE_HTTP] = TO(STATE_WEBSOCKET) | TO(STATE_ENDING) | TO(STATE_CLOSED),
    [STATE_WEBSOCKET] = TO(STATE_CLOSING) | TO(STATE_ENDING) | TO(STATE_CLOSED),
    [STATE_CLOSING] = TO(STATE_ENDING) | TO(STATE_CLOSED),
    [STATE_ENDING] = TO(STATE_CLOSED),
};

static void enter(struct connection *connection, enum state state)
{
    assert((legal_moves[connection->state] & TO(state)) != 0);
    struct server_counts *counts = &connection_loop(connection)->counts;
    counts->websockets += state == STATE_WEBSOCKET;
    counts->websockets -= connection->state == STATE_WEBSOCKET;
    connection->state = state;
}

uint64_t connection_number(const struct connection *connection)
{
    return connection->number;
}

struct connection *connection_next(const struct connection *connection)
{
    return LIST_NEXT(connection, link);
}

struct slice connection_address(const struct connection *connection, char text[IP_TEXT_SIZE])
{
    return ip_text(&connection->address, text);
}

uint64_t connection_took(const struct connection *connection)
{
    return (uv_hrtime() - connection->began) / 1000;
}

void connection_expect(struct connection *connection, uint64_t timeout)
{
    struct net_loop *loop = connection_loop(connection);
    if (timeout == 0)
        wheel_disarm(&connection->deadline);
    else
        wheel_arm(&loop->wheel, &connection->deadline, uv_now(loop->io.uv) + timeout);
}

/* --- Accepted. */

static void on_due(struct deadline *deadline);
static const struct stream_events events;

/* Too many connections: says so where that is cheap, and does not wait for the client to end. */
static void refuse(struct connection *connection)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                               "Connection: close\r\nRetry-After: 5\r\n\r\n";
    connection_loop(connection)->counts.refused++;
    if (!connection->secure)
        send(connection->stream.fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
    connection_cut(connection);
}

static struct ip peer_of(const struct connection *connection)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    getpeername(connection->stream.fd, (struct sockaddr *)&address, &size);
    return ip_from_sockaddr((const struct sockaddr *)&address);
}

static bool admit(struct connection *connection)
{
    const struct connection_handler *handler = &connection_loop(connection)->handler;
    if (handler->on_accept == NULL)
        return true;
    connection->admitted = handler->on_accept(
        handler->context, connection->shared ? NULL : &connection->address, &connection->ticket);
    return connection->admitted;
}

static void dismiss(struct connection *connection)
{
    const struct connection_handler *handler = &connection_loop(connection)->handler;
    if (connection->admitted)
        handler->on_gone(handler->context, connection->ticket);
    connection->admitted = false;
}

void connection_is_for(struct connection *connection, const struct http_request *request)
{
    const struct proxy_rules *rules = &connection_loop(connection)->options.proxy;
    if (!proxy_forwarded_for(rules, request, &connection->address))
        connection->address = peer_of(connection);
}

bool connection_readmit(struct connection *connection)
{
    dismiss(connection);
    connection->shared = false;
    return admit(connection);
}

static struct connection *connection_new(struct net_loop *loop, int fd)
{
    struct connection *connection = mem_zero(sizeof(*connection));
    if (connection == NULL)
        return NULL;
    stream_init(&connection->stream, &loop->io, &events, fd);
    connection->number = ++loop->last_number;
    connection->last_seen = uv_now(loop->io.uv);
    connection->deadline.on_due = on_due;
    LIST_INSERT_HEAD(&loop->connections, connection, link);
    loop->counts.connections++;
    return connection;
}

static struct tls *make_tls(struct connection *connection)
{
    struct tls_context *context = connection_loop(connection)->tls;
    return context == NULL ? NULL : tls_new(context);
}

/* Who it is for is known. What may have come already is `rest`. */
static void begin(struct connection *connection, struct slice rest)
{
    struct net_loop *loop = connection_loop(connection);
    struct tls *tls = NULL;
    if (!admit(connection)) {
        refuse(connection);
        return;
    }
    loop->counts.accepted++;
    if (connection->secure && (tls = make_tls(connection)) == NULL) {
        connection_cut(connection);
    } else if (connection->secure) {
        if (connection->state == STATE_NEW) /* else it runs since then */
            connection_expect(connection, loop->options.tls_handshake_timeout);
        connection->began = uv_hrtime();
        enter(connection, STATE_TLS);
        stream_secure(&connection->stream, tls, rest);
    } else {
        enter(connection, STATE_HTTP);
        http_wait(connection);
        if (rest.len > 0)
            http_input(connection, rest);
    }
}

static void await_header(struct connection *connection)
{
    const struct server_options *options = &connection_loop(connection)->options;
    connection->proxy = mem_zero(sizeof(*connection->proxy));
    if (connection->proxy == NULL) {
        connection_cut(connection);
        return;
    }
    enter(connection, STATE_PROXY);
    connection_expect(connection, connection->secure ? options->tls_handshake_timeout
                                                     : options->headers_timeout);
}

bool connection_accepted(struct net_loop *loop, int fd, const struct sockaddr *address, bool secure)
{
    const struct proxy_rules *rules = &loop->options.proxy;
    struct connection *connection = connection_new(loop, fd);
    if (connection == NULL)
        return false;
    connection->secure = secure;
    connection->address = ip_from_sockaddr(address);
    bool proxied = proxy_is_trusted(rules, &connection->address);
    connection->shared = proxied && rules->mode == PROXY_FORWARDED_FOR;
    if (stream_start(&connection->stream, NULL) != 0)
        connection_cut(connection);
    else if (proxied && rules->mode == PROXY_PROTOCOL)
        await_header(connection);
    else
        begin(connection, SLICE_NONE);
    return true;
}

static void refuse_header(struct connection *connection)
{
    char text[IP_TEXT_SIZE];
    log_event(LOG_INFO, "proxy-header-refused", LOG_UINT("connection", connection->number),
              LOG_SLICE("address", connection_address(connection, text)), LOG_END);
    connection_cut(connection);
}

static void proxy_input(struct connection *connection, struct slice bytes)
{
    struct ip client;
    bool known;
    switch (proxy_read(connection->proxy, &bytes, &known, &client)) {
    case PROXY_MORE: return;
    case PROXY_BAD: refuse_header(connection); return;
    case PROXY_DONE: break;
    }
    if (known)
        connection->address = client;
    mem_free(connection->proxy);
    connection->proxy = NULL;
    begin(connection, bytes);
}

static void on_open(struct stream *stream)
{
    struct connection *connection = connection_of(stream);
    histogram_add(&connection_loop(connection)->tally->tls_handshake, &histogram_slow,
                  connection_took(connection));
    enter(connection, STATE_HTTP);
    http_wait(connection);
}

/* --- Upgraded. */

bool connection_keep_host(struct connection *connection, const struct http_request *request)
{
    struct slice host = request->host;
    const char *colon = host.len == 0 ? NULL : memrchr(host.ptr, ':', host.len);
    if (colon != NULL && host.ptr[host.len - 1] != ']') /* which ends an IPv6 address */
        host.len = (size_t)(colon - host.ptr);
    char *copy = mem_alloc(host.len + 1);
    if (copy == NULL)
        return false;
    if (host.len > 0)
        memcpy(copy, host.ptr, host.len);
    copy[host.len] = '\0';
    mem_free(connection->host);
    connection->host = copy;
    return true;
}

struct slice connection_host(const struct connection *connection)
{
    return connection->host == NULL ? SLICE_NONE : slice_of(connection->host);
}

void connection_upgraded(struct connection *connection, void *session)
{
    enter(connection, STATE_WEBSOCKET);
    http_done(connection);
    connection->session = session;
    connection_expect(connection, connection_loop(connection)->options.ping_interval);
}

/* --- Closing. */

static void count_close(const struct connection *connection, unsigned index)
{
    tally_add(&connection_loop(connection)->tally->closes[index], 1);
}

void connection_end_politely(struct connection *connection)
{
    enter(connection, STATE_ENDING);
    http_done(connection);
    stream_end(&connection->stream);
    stream_resume(&connection->stream);
    connection_expect(connection, connection_loop(connection)->options.close_timeout);
}

/* The one way out of WebSocket that is ours. */
static void say_goodbye(struct connection *connection, enum close_code code)
{
    websocket_send_close(connection, code, close_reason(code));
    count_close(connection, close_index(code));
    enter(connection, STATE_CLOSING);
    connection_expect(connection, connection_loop(connection)->options.close_timeout);
}

/* The client's word is the last: nothing of ours comes behind its close frame but the echo (RFC
 * 6455 section 5.5.1). */
void connection_close_frame(struct connection *connection, struct slice payload)
{
    unsigned code;
    enum close_code wrong = ws_close_read(payload, &code);
    void *session = connection->session;
    connection->session = NULL;
    if (connection->state == STATE_WEBSOCKET) {
        websocket_send_close(connection, wrong != CLOSE_NONE ? (unsigned)wrong : code, "");
        count_close(connection, wrong != CLOSE_NONE ? close_index(wrong) : NET_CLOSE_CLIENT);
    }
    connection_end_politely(connection);
    if (session != NULL)
        connection_loop(connection)->handler.on_lost(session, wrong);
}

void connection_close(struct connection *connection, enum close_code code)
{
    connection->session = NULL;
    if (connection->state == STATE_WEBSOCKET)
        say_goodbye(connection, code);
}

void connection_lost(struct connection *connection, enum close_code cause)
{
    void *session = connection->session;
    connection->session = NULL;
    if (connection->state == STATE_WEBSOCKET && cause != CLOSE_NONE)
        say_goodbye(connection, cause);
    else
        connection_cut(connection);
    if (session != NULL)
        connection_loop(connection)->handler.on_lost(session, cause);
}

void connection_end(struct connection *connection, enum close_code code)
{
    switch (connection->state) {
    case STATE_WEBSOCKET: connection_lost(connection, code); break;
    case STATE_HTTP:
        if (!http_owes(connection)) /* else its answer is the last anyway */
            connection_end_politely(connection);
        break;
    case STATE_CLOSING:
    case STATE_ENDING:
    case STATE_CLOSED: break;
    default: connection_cut(connection);
    }
}

/* --- What the stream and the clock report. */

static void on_bytes(struct stream *stream, struct slice bytes)
{
    struct connection *connection = connection_of(stream);
    connection->last_seen = uv_now(stream->loop->uv);
    if (connection->state == STATE_PROXY)
        proxy_input(connection, bytes);
    else if (connection->state == STATE_HTTP)
        http_input(connection, bytes);
    else if (connection->state == STATE_WEBSOCKET || connection->state == STATE_CLOSING)
        websocket_input(connection, bytes);
}

static void on_end(struct stream *stream, int error)
{
    struct connection *connection = connection_of(stream);
    bool unsent = stream_waiting(stream) > 0;
    if (error == UV_ENOBUFS) {
        stream_forget(stream); /* too much for the client: the close frame goes first */
        net_hit(connection_loop(connection), NET_LIMIT_OUTPUT_QUEUE);
    }
    if (connection->state == STATE_WEBSOCKET)
        connection_lost(connection, error == UV_ENOBUFS ? CLOSE_OVERLOADED : CLOSE_NONE);
    else if (error == 0 && connection->state == STATE_HTTP && http_owes(connection))
        http_last(connection);
    else if (error == 0 && unsent && connection->state != STATE_ENDING)
        connection_end_politely(connection); /* it only closed its half */
    else
        connection_cut(connection);
}

static void on_drained(struct stream *stream)
{
    websocket_drained(connection_of(stream));
    http_drained(connection_of(stream));
}

bool connection_still_reading(struct connection *connection)
{
    size_t before = connection->waiting;
    connection->waiting = stream_waiting(&connection->stream);
    return connection->waiting > 0 && connection->waiting != before;
}

static void on_due(struct deadline *deadline)
{
    struct connection *connection = WHEEL_OWNER(deadline, struct connection, deadline);
    switch (connection->state) {
    case STATE_TLS:
        net_hit(connection_loop(connection), NET_LIMIT_TLS_HANDSHAKE);
        connection_cut(connection);
        break;
    case STATE_HTTP: http_overdue(connection); break;
    case STATE_WEBSOCKET: websocket_overdue(connection); break;
    case STATE_ENDING:
        if (connection_still_reading(connection))
            connection_expect(connection, connection_loop(connection)->options.close_timeout);
        else
            connection_cut(connection);
        break;
    default: connection_cut(connection);
    }
}

/* --- Closed. */

void connection_cut(struct connection *connection)
{
    if (connection->state == STATE_CLOSED)
        return;
    log_event(LOG_DEBUG, "connection-closed", LOG_UINT("connection", connection->number),
              LOG_STR("state", state_names[connection->state]), LOG_END);
    if (connection->state == STATE_WEBSOCKET)
        count_close(connection, NET_CLOSE_LOST);
    if (connection->state == STATE_TLS)
        tally_add(&connection_loop(connection)->tally->tls_failures, 1);
    enter(connection, STATE_CLOSED);
    wheel_disarm(&connection->deadline);
    stream_close(&connection->stream);
}

static void on_closed(struct stream *stream)
{
    struct connection *connection = connection_of(stream);
    dismiss(connection);
    mem_free(connection->proxy);
    mem_free(connection->host);
    http_done(connection);
    websocket_done(connection);
    LIST_REMOVE(connection, link);
    connection_loop(connection)->counts.connections--;
    mem_free(connection);
}

static const struct stream_events events = {on_open, on_bytes, on_end, on_drained, on_closed};
