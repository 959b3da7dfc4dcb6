/* The WebSocket part of a connection's life: messages and control frames, each way. */
#include "base/mem.h"
#include "net/connection_state.h"

#define PING_NUMBER_SIZE 8      /* bytes of payload: a number, most significant byte first */
#define UNFINISHED_INTERVALS 10 /* of pings, in which a message has to become whole */

static void release_message(void *owner)
{
    message_unref(owner);
}

/* Queues a message, whose reference it takes over. A client that does not read for too long is lost
 * at the end of the pass. */
static void push_message(struct connection *connection, struct message *message)
{
    struct stream *stream = &connection->stream;
    size_t limit = connection_loop(connection)->options.output_queue;
    bool full = stream_push(stream, message_wire(message), message, release_message) != 0;
    if (limit != 0 && stream_waiting(stream) > limit) {
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
    connection_loop(connection)->counts.messages_out++;
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

/* A ping that asks how far the client has read follows a message that waits to be written: it goes
 * along behind its text. */
static bool ping_behind_message(struct connection *connection, struct slice payload)
{
    struct queue *queue = &connection->stream.queue;
    const struct piece *last = queue_last(queue);
    char frame[2 + PING_NUMBER_SIZE] = {(char)(0x80 | WS_PING), PING_NUMBER_SIZE};
    memcpy(frame + 2, payload.ptr, PING_NUMBER_SIZE);
    if (last == NULL || last->release != release_message ||
        !message_tail(last->owner, frame, sizeof(frame)))
        return false;
    queue_extend(queue, sizeof(frame));
    connection->ws.pongs_due++;
    return true;
}

void connection_ping(struct connection *connection, uint64_t number)
{
    char bytes[PING_NUMBER_SIZE];
    struct slice payload = {bytes, sizeof(bytes)};
    for (size_t i = 0; i < PING_NUMBER_SIZE; i++)
        bytes[i] = (char)(number >> (8 * (PING_NUMBER_SIZE - 1 - i)));
    if (connection->state == STATE_WEBSOCKET && !ping_behind_message(connection, payload))
        push_ping(connection, payload);
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
    if (!connection->stream.blocked) {
        push_control(connection, WS_PONG, payload);
        return;
    }
    message_unref(connection->pong);
    connection->pong = ws_control_frame(WS_PONG, payload);
}

/* What the message caused is queued by now, here or for the bus. */
static void time_routing(struct net_loop *loop)
{
    uint64_t ns = uv_hrtime() - loop->io.read_at;
    histogram_add(&loop->tally->routing, &histogram_fast, (ns + 999) / 1000);
    loop->io.read_at = 0;
}

static void on_message(void *context, struct slice text)
{
    struct connection *connection = context;
    struct net_loop *loop = connection_loop(connection);
    if (connection->session == NULL)
        return;
    loop->counts.messages_in++;
    loop->handler.on_message(connection->session, text);
    if (loop->io.read_at != 0)
        time_routing(loop);
}

static bool on_control(void *context, enum ws_opcode opcode, struct slice payload)
{
    struct connection *connection = context;
    const struct connection_handler *handler = &connection_loop(connection)->handler;
    if (opcode == WS_CLOSE) {
        connection_close_frame(connection, payload);
        return false;
    }
    if (opcode == WS_PING && connection->state == STATE_WEBSOCKET)
        answer_ping(connection, payload);
    else if (opcode == WS_PONG && connection->session != NULL)
        handler->on_pong(connection->session, ping_number(payload));
    return true;
}

static void count_limit(const struct connection *connection, enum close_code code)
{
    struct net_loop *loop = connection_loop(connection);
    size_t most = loop->ws_limits.fragments;
    if (code == CLOSE_TOO_LARGE)
        net_hit(loop, most != 0 && connection->ws.fragments > most ? NET_LIMIT_FRAGMENTS
                                                                   : NET_LIMIT_MESSAGE_SIZE);
    else if (code == CLOSE_RATE_LIMITED)
        net_hit(loop, NET_LIMIT_CONTROL_FRAMES);
}

void websocket_input(struct connection *connection, struct slice bytes)
{
    static const struct ws_events ws_events = {on_message, on_control};
    struct net_loop *loop = connection_loop(connection);
    char *own = (char *)bytes.ptr; /* the loop's buffers, which are read once and overwritten */
    enum close_code code = ws_feed(&connection->ws, &loop->readers, &loop->ws_limits, own,
                                   bytes.len, uv_now(loop->io.uv), &ws_events, connection);
    if (code == CLOSE_NONE)
        return;
    count_limit(connection, code);
    if (connection->state == STATE_WEBSOCKET)
        connection_lost(connection, code);
    if (connection->state == STATE_CLOSING)
        connection_end_politely(
            connection); /* its close frame will not be found behind what can't be read */
}

/* All bytes count as life, but not for ever: those that never become a message only hold memory. */
static bool never_finishes(const struct connection *connection, uint64_t now, uint64_t interval)
{
    uint64_t since = connection->ws.unfinished_since;
    return since != 0 && now - since >= interval * UNFINISHED_INTERVALS;
}

/* Whether it was asked in this silence, and had time to answer: who stood still himself has asked
 * nobody. */
static bool was_asked(const struct connection *connection, uint64_t now, uint64_t interval)
{
    return connection->pinged >= connection->last_seen && now - connection->pinged >= interval / 4;
}

/* A ping after each interval of silence; lost after two and a half. Every message moves last_seen
 * only: the deadline looks at it when it comes due. */
void websocket_overdue(struct connection *connection)
{
    struct net_loop *loop = connection_loop(connection);
    uint64_t interval = loop->options.ping_interval;
    uint64_t now = uv_now(loop->io.uv);
    uint64_t silence = now - connection->last_seen;
    uint64_t last = interval * 5 / 2;
    if ((silence >= last && was_asked(connection, now, interval)) ||
        never_finishes(connection, now, interval)) {
        connection_lost(connection, CLOSE_SILENT);
        return;
    }
    stream_offer_ticket(&connection->stream); /* it stays, and may come back one day */
    if (silence >= interval) {
        push_ping(connection, SLICE_NONE);
        connection->pinged = now;
    }
    uint64_t next = (silence / interval + 1) * interval;
    wheel_arm(&loop->wheel, &connection->deadline,
              silence >= last ? now + interval / 2
                              : connection->last_seen + (next < last ? next : last));
}

void websocket_send_close(struct connection *connection, unsigned code, const char *reason)
{
    struct message *frame = ws_close_frame(code, reason);
    if (frame != NULL)
        stream_push(&connection->stream, message_wire(frame), frame, release_message);
}

void websocket_drained(struct connection *connection)
{
    struct message *pong = connection->pong;
    if (pong == NULL)
        return;
    connection->pong = NULL;
    if (connection->state == STATE_WEBSOCKET)
        push_message(connection, pong);
    else
        message_unref(pong);
}

void websocket_done(struct connection *connection)
{
    ws_done(&connection->ws);
    message_unref(connection->pong);
}
