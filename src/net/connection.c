/* A connection's life, from top to bottom:
 *
 *     accepted -> TLS handshake -> HTTP -> WebSocket -> closing -> ending -> closed
 *
 * Each state may be skipped forward as the table below allows, never back. What goes well leads
 * from HTTP requests to an upgrade, then to messages, then to a close frame each way. All that
 * fails comes to connection_lost(). */
#include "net/connection.h"

#include <assert.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/loop.h"
#include "net/upgrade.h"

#define RESPONSE_HEADERS_MAX 16384 /* bytes */
#define PING_NUMBER_SIZE 8         /* bytes of payload: a number, most significant byte first */

enum state {
    STATE_NEW,
    STATE_TLS,       /* shaking hands */
    STATE_HTTP,      /* waits for, reads or answers requests */
    STATE_WEBSOCKET, /* messages each way */
    STATE_CLOSING,   /* our close frame is sent, theirs awaited */
    STATE_ENDING, /* sends what is left and waits for the client to end, too; what it says is not heard */
    STATE_CLOSED, /* waits for libuv to be done with the handle */
    STATE_COUNT,
};

static const char *const state_names[STATE_COUNT] = {
    "accepted", "handshake", "http", "websocket", "closing", "ending", "closed",
};

#define TO(state) (1u << (state))

static const unsigned legal_moves[STATE_COUNT] = {
    [STATE_NEW] = TO(STATE_TLS) | TO(STATE_HTTP) | TO(STATE_CLOSED),
    [STATE_TLS] = TO(STATE_HTTP) | TO(STATE_CLOSED),
    [STATE_HTTP] = TO(STATE_WEBSOCKET) | TO(STATE_ENDING) | TO(STATE_CLOSED),
    [STATE_WEBSOCKET] = TO(STATE_CLOSING) | TO(STATE_ENDING) | TO(STATE_CLOSED),
    [STATE_CLOSING] = TO(STATE_ENDING) | TO(STATE_CLOSED),
    [STATE_ENDING] = TO(STATE_CLOSED),
};

/* What a connection needs to read a request; it has none while it waits for one. */
struct http_talk {
    struct http_parser *parser;
    struct buf held; /* came while the answer to an earlier request was still being sent */
    bool paused;     /* for that reason */
    bool timed;      /* the deadline is that of the request */
};

struct connection {
    struct stream stream; /* first: stream events come with its address */
    enum state state;
    bool admitted;
    uint64_t number;
    uint64_t last_seen;       /* ms; when bytes came in */
    size_t waiting;           /* bytes of output at the last look: has the client read any since? */
    struct deadline deadline; /* what for depends on the state */
    uint64_t ticket;          /* of on_accept(), where it was admitted */
    struct http_talk *talk;
    struct ws ws;
    void *session; /* NULL before the upgrade, and once the handler knows or knew of the end */
    struct message *pong; /* the last of those that wait for earlier output */
    LIST_ENTRY(connection) link;
};

static void connection_lost(struct connection *connection, enum close_code cause);

static struct connection *connection_of(struct stream *stream)
{
    return (struct connection *)stream;
}

static void enter(struct connection *connection, enum state state)
{
    assert((legal_moves[connection->state] & TO(state)) != 0);
    struct server_counts *counts = &connection->stream.loop->counts;
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

struct slice connection_address(const struct connection *connection, char text[46])
{
    struct sockaddr_storage address;
    int size = sizeof(address);
    text[0] = '\0';
    if (uv_tcp_getpeername(&connection->stream.tcp, (struct sockaddr *)&address, &size) == 0)
        uv_ip_name((const struct sockaddr *)&address, text, 46);
    return slice_of(text);
}

/* Arms the one deadline; a timeout of 0 is none. */
static void expect_by(struct connection *connection, uint64_t timeout)
{
    struct net_loop *loop = connection->stream.loop;
    if (timeout == 0)
        wheel_disarm(&connection->deadline);
    else
        wheel_arm(&loop->wheel, &connection->deadline, uv_now(loop->uv) + timeout);
}

/* --- Accepted. */

static void wait_for_request(struct connection *connection);
static void on_due(struct deadline *deadline);
static const struct stream_events events;

/* Too many connections: says so where that is cheap, and does not wait for the client to end. */
static void refuse(struct connection *connection, bool secure)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                               "Connection: close\r\nRetry-After: 5\r\n\r\n";
    connection->stream.loop->counts.refused++;
    uv_buf_t run = uv_buf_init((char *)text, sizeof(text) - 1);
    if (!secure)
        uv_try_write((uv_stream_t *)&connection->stream.tcp, &run, 1);
    connection_cut(connection);
}

static bool admit(struct connection *connection)
{
    const struct connection_handler *handler = &connection->stream.loop->handler;
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    int size = sizeof(address);
    if (handler->on_accept == NULL)
        return true;
    uv_tcp_getpeername(&connection->stream.tcp, (struct sockaddr *)&address, &size);
    connection->admitted = handler->on_accept(handler->context, (const struct sockaddr *)&address,
                                              &connection->ticket);
    return connection->admitted;
}

static struct connection *connection_new(struct net_loop *loop)
{
    struct connection *connection = mem_zero(sizeof(*connection));
    if (connection == NULL)
        return NULL;
    if (stream_init(&connection->stream, loop, &events) != 0) {
        mem_free(connection);
        return NULL;
    }
    connection->number = ++loop->last_number;
    connection->last_seen = uv_now(loop->uv);
    connection->deadline.on_due = on_due;
    LIST_INSERT_HEAD(&loop->connections, connection, link);
    loop->counts.connections++;
    return connection;
}

int connection_accept(struct net_loop *loop, uv_stream_t *listening, bool secure)
{
    struct connection *connection = connection_new(loop);
    if (connection == NULL)
        return UV_ENOMEM;
    int error = uv_accept(listening, (uv_stream_t *)&connection->stream.tcp);
    if (error != 0) {
        connection_cut(connection);
        return error;
    }
    if (!admit(connection)) {
        refuse(connection, secure);
        return 0;
    }
    loop->counts.accepted++;
    if (stream_start(&connection->stream, secure) != 0) {
        connection_cut(connection);
    } else if (secure) {
        enter(connection, STATE_TLS);
        expect_by(connection, loop->options.tls_handshake_timeout);
    } else {
        enter(connection, STATE_HTTP);
        wait_for_request(connection);
    }
    return 0;
}

static void on_open(struct stream *stream)
{
    struct connection *connection = connection_of(stream);
    enter(connection, STATE_HTTP);
    wait_for_request(connection);
}

/* --- HTTP. */

static void talk_free(struct connection *connection)
{
    struct http_talk *talk = connection->talk;
    if (talk == NULL)
        return;
    http_parser_free(talk->parser);
    buf_done(&talk->held);
    mem_free(talk);
    connection->talk = NULL;
}

static bool talk_begin(struct connection *connection)
{
    struct http_talk *talk = mem_zero(sizeof(*talk));
    if (talk == NULL)
        return false;
    connection->talk = talk;
    buf_init(&talk->held, 2 * READ_SIZE);
    talk->parser = http_parser_new(&connection->stream.loop->http_limits);
    return talk->parser != NULL;
}

static void wait_for_request(struct connection *connection)
{
    talk_free(connection);
    expect_by(connection, connection->stream.loop->options.http_idle_timeout);
}

/* Sends what is left, tells the client that it was all, and waits for it to end as well: closing at
 * once would reset the connection where bytes are unread, and the reset may overtake what was sent
 * (RFC 9112 section 9.6). */
static void end_politely(struct connection *connection)
{
    enter(connection, STATE_ENDING);
    talk_free(connection);
    stream_end(&connection->stream);
    stream_resume(&connection->stream);
    expect_by(connection, connection->stream.loop->options.close_timeout);
}

/* Queues the answer; takes over the body. 0, or negative: no memory. */
static int send_response(struct connection *connection, const struct http_request *request,
                         struct http_response *response, bool keep_alive)
{
    struct stream *stream = &connection->stream;
    struct buf head =
        http_response_head(response, request->version, keep_alive, stream->loop->date);
    struct piece body = {response->body, response->owner, response->release};
    if (request->method == METHOD_HEAD || !http_status_has_body(response->status))
        body.bytes.len = 0; /* released at once */
    buf_done(&response->headers);
    int error = buf_failed(&head) ? ERR_UNAVAILABLE : 0;
    if (error != 0)
        buf_done(&head);
    else
        error = stream_push(stream, (struct piece){buf_slice(&head), head.data, mem_free});
    if (error != 0)
        body.bytes.len = 0;
    int body_error = stream_push(stream, body);
    return error != 0 ? error : body_error;
}

static void answer(struct connection *connection, const struct http_request *request,
                   struct http_response *response, bool keep_alive)
{
    keep_alive = keep_alive && !response->close && !connection->stream.loop->ending;
    if (send_response(connection, request, response, keep_alive) != 0)
        connection_lost(connection, CLOSE_NONE);
    else if (!keep_alive)
        end_politely(connection);
}

static struct http_response response_init(void)
{
    struct http_response response = {0};
    buf_init(&response.headers, RESPONSE_HEADERS_MAX);
    return response;
}

static void refuse_request(struct connection *connection, int status)
{
    const struct http_request none = {.version = 11};
    struct http_response response = response_init();
    http_response_text(&response, status, http_reason(status));
    answer(connection, &none, &response, false);
}

static void enter_websocket(struct connection *connection, void *session);

static void try_upgrade(struct connection *connection, const struct http_request *request,
                        bool keep_alive)
{
    const struct connection_handler *handler = &connection->stream.loop->handler;
    struct upgrade upgrade = {0};
    struct http_response response = response_init();
    int status = upgrade_check(request, &response);
    if (status == 0)
        status = handler->on_upgrade(handler->context, connection, request, &upgrade, &response);
    if (status != 0) {
        response.status = status;
        answer(connection, request, &response, keep_alive);
        return;
    }
    upgrade_accept(request, upgrade.subprotocol, &response);
    int error = send_response(connection, request, &response, true);
    enter_websocket(connection, upgrade.session);
    if (error != 0)
        connection_lost(connection, CLOSE_NONE);
}

static void handle_request(struct connection *connection, struct http_request *request,
                           bool keep_alive)
{
    const struct connection_handler *handler = &connection->stream.loop->handler;
    request->secure = connection->stream.tls != NULL;
    if (upgrade_is(request)) {
        try_upgrade(connection, request, keep_alive);
        return;
    }
    struct http_response response = response_init();
    handler->on_request(handler->context, connection, request, &response);
    answer(connection, request, &response, keep_alive);
}

static void handle_result(struct connection *connection, struct http_result *result)
{
    switch (result->event) {
    case PARSED_MORE: break;
    case PARSED_CONTINUE:
        stream_push(&connection->stream,
                    (struct piece){.bytes = SLICE("HTTP/1.1 100 Continue\r\n\r\n")});
        break;
    case PARSED_REFUSED: refuse_request(connection, result->status); break;
    case PARSED_REQUEST:
        connection->talk->timed = false;
        handle_request(connection, &result->request, result->keep_alive);
        break;
    }
}

/* A client that asks on and on without reading the answers is read no further meanwhile. */
static bool hold_back(struct connection *connection, struct slice bytes)
{
    struct http_talk *talk = connection->talk;
    stream_flush(&connection->stream);
    if (!talk->paused && stream_waiting(&connection->stream) == 0)
        return false;
    talk->paused = true;
    stream_pause(&connection->stream);
    buf_add_slice(&talk->held, bytes);
    if (buf_failed(&talk->held))
        connection_lost(connection, CLOSE_NONE);
    return true;
}

static void http_input(struct connection *connection, struct slice bytes);

static void go_on_reading(struct connection *connection)
{
    struct buf held = connection->talk->held;
    buf_init(&connection->talk->held, held.max);
    connection->talk->paused = false;
    stream_resume(&connection->stream);
    http_input(connection, buf_slice(&held));
    buf_done(&held);
}

/* The deadline for a request runs from its first byte, not from each. */
static void http_time(struct connection *connection)
{
    struct http_talk *talk = connection->talk;
    if (talk->paused)
        return;
    if (!http_parser_busy(talk->parser)) {
        wait_for_request(connection);
    } else if (!talk->timed) {
        talk->timed = true;
        expect_by(connection, connection->stream.loop->options.headers_timeout);
    }
}

static void websocket_input(struct connection *connection, struct slice bytes);

/* What follows an upgrade is read as WebSocket. */
static void http_input(struct connection *connection, struct slice bytes)
{
    if (connection->talk == NULL && !talk_begin(connection)) {
        connection_lost(connection, CLOSE_NONE);
        return;
    }
    while (bytes.len > 0 && connection->state == STATE_HTTP) {
        if (hold_back(connection, bytes))
            return;
        struct http_result result;
        http_parser_feed(connection->talk->parser, &bytes, &result);
        handle_result(connection, &result);
    }
    if (connection->state == STATE_HTTP)
        http_time(connection);
    else if (connection->state == STATE_WEBSOCKET && bytes.len > 0)
        websocket_input(connection, bytes);
}

/* --- WebSocket. */

static void release_message(void *owner)
{
    message_unref(owner);
}

/* Queues a message, whose reference it takes over. A client that does not read for too long is lost
 * at the end of the pass. */
static void push_message(struct connection *connection, struct message *message)
{
    struct stream *stream = &connection->stream;
    size_t limit = stream->loop->options.output_queue;
    struct piece piece = {message_wire(message), message, release_message};
    bool full = stream_push(stream, piece) != 0;
    if (limit != 0 && stream->queue.bytes + stream->in_flight > limit) {
        stream_flush(stream);
        full = full || stream_waiting(stream) > limit;
    }
    if (full)
        stream_fail(stream, UV_ENOBUFS);
}

void connection_deliver(struct connection *connection, struct message *message)
{
    if (connection->state != STATE_WEBSOCKET)
        return;
    message_frame(message);
    connection->stream.loop->counts.messages_out++;
    push_message(connection, message_ref(message));
}

static void push_control(struct connection *connection, enum ws_opcode opcode, struct slice payload)
{
    struct message *frame = ws_control_frame(opcode, payload);
    if (frame == NULL)
        stream_fail(&connection->stream, UV_ENOBUFS);
    else
        push_message(connection, frame);
}

static void push_ping(struct connection *connection, struct slice payload)
{
    connection->ws.pongs_due++;
    push_control(connection, WS_PING, payload);
}

void connection_ping(struct connection *connection, uint64_t number)
{
    char payload[PING_NUMBER_SIZE];
    for (size_t i = 0; i < PING_NUMBER_SIZE; i++)
        payload[i] = (char)(number >> (8 * (PING_NUMBER_SIZE - 1 - i)));
    if (connection->state == STATE_WEBSOCKET)
        push_ping(connection, (struct slice){payload, sizeof(payload)});
}

static uint64_t ping_number(struct slice payload)
{
    uint64_t number = 0;
    if (payload.len != PING_NUMBER_SIZE)
        return 0;
    for (size_t i = 0; i < PING_NUMBER_SIZE; i++)
        number = number << 8 | (unsigned char)payload.ptr[i];
    return number;
}

/* RFC 6455 section 5.5.3 lets us answer only the latest ping, which we do for a client that does
 * not read. */
static void answer_ping(struct connection *connection, struct slice payload)
{
    if (connection->stream.in_flight == 0) {
        push_control(connection, WS_PONG, payload);
        return;
    }
    message_unref(connection->pong);
    connection->pong = ws_control_frame(WS_PONG, payload);
}

static void on_message(void *context, struct message *message)
{
    struct connection *connection = context;
    const struct net_loop *loop = connection->stream.loop;
    if (connection->session == NULL) {
        message_unref(message);
        return;
    }
    connection->stream.loop->counts.messages_in++;
    loop->handler.on_message(connection->session, message);
}

static void on_close_frame(struct connection *connection, struct slice payload);

static bool on_control(void *context, enum ws_opcode opcode, struct slice payload)
{
    struct connection *connection = context;
    const struct connection_handler *handler = &connection->stream.loop->handler;
    if (opcode == WS_CLOSE) {
        on_close_frame(connection, payload);
        return false;
    }
    if (opcode == WS_PING && connection->state == STATE_WEBSOCKET)
        answer_ping(connection, payload);
    else if (opcode == WS_PONG && connection->session != NULL)
        handler->on_pong(connection->session, ping_number(payload));
    return true;
}

static void enter_websocket(struct connection *connection, void *session)
{
    enter(connection, STATE_WEBSOCKET);
    talk_free(connection);
    connection->session = session;
    expect_by(connection, connection->stream.loop->options.ping_interval);
}

static void websocket_input(struct connection *connection, struct slice bytes)
{
    static const struct ws_events ws_events = {on_message, on_control};
    struct net_loop *loop = connection->stream.loop;
    enum close_code code = ws_feed(&connection->ws, &loop->readers, &loop->ws_limits, bytes,
                                   uv_now(loop->uv), &ws_events, connection);
    if (code == CLOSE_NONE)
        return;
    if (connection->state == STATE_WEBSOCKET)
        connection_lost(connection, code);
    if (connection->state == STATE_CLOSING)
        end_politely(connection); /* its close frame will not be found behind what can't be read */
}

/* A ping after each interval of silence; lost after two and a half. Every message moves last_seen
 * only: the deadline looks at it when it comes due. */
static void keep_alive(struct connection *connection)
{
    struct net_loop *loop = connection->stream.loop;
    uint64_t interval = loop->options.ping_interval;
    uint64_t silence = uv_now(loop->uv) - connection->last_seen;
    uint64_t last = interval * 5 / 2;
    if (silence >= last) {
        connection_lost(connection, CLOSE_SILENT);
        return;
    }
    if (silence >= interval)
        push_ping(connection, SLICE_NONE);
    uint64_t next = (silence / interval + 1) * interval;
    wheel_arm(&loop->wheel, &connection->deadline,
              connection->last_seen + (next < last ? next : last));
}

/* --- Closing. */

static void send_close_frame(struct connection *connection, unsigned code, const char *reason)
{
    struct message *frame = ws_close_frame(code, reason);
    if (frame != NULL)
        push_message(connection, frame);
}

/* The one way out of WebSocket that is ours. */
static void say_goodbye(struct connection *connection, enum close_code code)
{
    send_close_frame(connection, code, close_reason(code));
    enter(connection, STATE_CLOSING);
    expect_by(connection, connection->stream.loop->options.close_timeout);
}

/* The client's word is the last: nothing of ours comes behind its close frame but the echo (RFC
 * 6455 section 5.5.1). */
static void on_close_frame(struct connection *connection, struct slice payload)
{
    unsigned code;
    enum close_code wrong = ws_close_read(payload, &code);
    void *session = connection->session;
    connection->session = NULL;
    if (connection->state == STATE_WEBSOCKET)
        send_close_frame(connection, wrong != CLOSE_NONE ? (unsigned)wrong : code, "");
    end_politely(connection);
    if (session != NULL)
        connection->stream.loop->handler.on_lost(session, wrong);
}

void connection_close(struct connection *connection, enum close_code code)
{
    connection->session = NULL;
    if (connection->state == STATE_WEBSOCKET)
        say_goodbye(connection, code);
}

/* Everything that goes wrong ends here. CLOSE_NONE: the socket is of no more use. */
static void connection_lost(struct connection *connection, enum close_code cause)
{
    void *session = connection->session;
    connection->session = NULL;
    if (connection->state == STATE_WEBSOCKET && cause != CLOSE_NONE)
        say_goodbye(connection, cause);
    else
        connection_cut(connection);
    if (session != NULL)
        connection->stream.loop->handler.on_lost(session, cause);
}

void connection_end(struct connection *connection, enum close_code code)
{
    switch (connection->state) {
    case STATE_WEBSOCKET: connection_lost(connection, code); break;
    case STATE_HTTP: end_politely(connection); break;
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
    if (connection->state == STATE_HTTP)
        http_input(connection, bytes);
    else if (connection->state == STATE_WEBSOCKET || connection->state == STATE_CLOSING)
        websocket_input(connection, bytes);
}

static void on_end(struct stream *stream, int error)
{
    struct connection *connection = connection_of(stream);
    bool unsent = stream_waiting(stream) > 0;
    if (error == UV_ENOBUFS)
        stream_forget(stream); /* too much for the client: the close frame goes first */
    if (connection->state == STATE_WEBSOCKET)
        connection_lost(connection, error == UV_ENOBUFS ? CLOSE_OVERLOADED : CLOSE_NONE);
    else if (error == 0 && unsent && connection->state != STATE_ENDING)
        end_politely(connection); /* it only closed its half */
    else
        connection_cut(connection);
}

static void on_drained(struct stream *stream)
{
    struct connection *connection = connection_of(stream);
    if (connection->pong != NULL) {
        struct message *pong = connection->pong;
        connection->pong = NULL;
        if (connection->state == STATE_WEBSOCKET)
            push_message(connection, pong);
        else
            message_unref(pong);
    }
    if (connection->talk != NULL && connection->talk->paused)
        go_on_reading(connection);
}

/* Whether the client has read anything since the last time this was asked. */
static bool still_reading(struct connection *connection)
{
    size_t before = connection->waiting;
    connection->waiting = stream_waiting(&connection->stream);
    return connection->waiting > 0 && connection->waiting != before;
}

static void http_overdue(struct connection *connection)
{
    if (still_reading(connection))
        expect_by(connection, connection->stream.loop->options.http_idle_timeout);
    else if (connection->waiting > 0)
        connection_lost(connection, CLOSE_NONE);
    else if (connection->talk != NULL)
        refuse_request(connection, 408);
    else
        end_politely(connection);
}

static void on_due(struct deadline *deadline)
{
    struct connection *connection =
        (struct connection *)((char *)deadline - offsetof(struct connection, deadline));
    switch (connection->state) {
    case STATE_HTTP: http_overdue(connection); break;
    case STATE_WEBSOCKET: keep_alive(connection); break;
    case STATE_ENDING:
        if (still_reading(connection))
            expect_by(connection, connection->stream.loop->options.close_timeout);
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
    enter(connection, STATE_CLOSED);
    wheel_disarm(&connection->deadline);
    stream_close(&connection->stream);
}

static void on_closed(struct stream *stream)
{
    struct connection *connection = connection_of(stream);
    struct net_loop *loop = stream->loop;
    if (connection->admitted)
        loop->handler.on_gone(loop->handler.context, connection->ticket);
    talk_free(connection);
    ws_done(&connection->ws);
    message_unref(connection->pong);
    LIST_REMOVE(connection, link);
    loop->counts.connections--;
    mem_free(connection);
}

static const struct stream_events events = {on_open, on_bytes, on_end, on_drained, on_closed};
