/* The HTTP part of a connection's life: requests are read one at a time, answered by the handler,
 * and perhaps the last of them turns the connection into a WebSocket. */
#include "base/mem.h"
#include "net/connection_state.h"
#include "net/upgrade.h"

/* What a connection needs to read a request; it has none while it waits for one. */
struct http_talk {
    struct http_parser *parser;
    struct buf held; /* came while the answer to an earlier request was still being sent */
    bool paused;     /* for that reason, or since the answer itself is still to come */
    bool timed;      /* the deadline is that of the request */
    bool owed;       /* the handler answers later */
    bool last;       /* and that is the end */
    struct http_request asked; /* method and version of what is owed; none of its slices */
    struct connection *connection;
    LIST_ENTRY(http_talk) link; /* in the loop's list of those owed */
};

void http_done(struct connection *connection)
{
    struct http_talk *talk = connection->talk;
    if (talk == NULL)
        return;
    if (talk->owed)
        LIST_REMOVE(talk, link);
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
    talk->connection = connection;
    buf_init(&talk->held, 2 * STREAM_READ_SIZE);
    talk->parser = http_parser_new(&connection_loop(connection)->http_limits);
    return talk->parser != NULL;
}

void http_wait(struct connection *connection)
{
    http_done(connection);
    connection_expect(connection, connection_loop(connection)->options.http_idle_timeout);
}

static void count_response(struct connection *connection, int status)
{
    unsigned class = (unsigned)status / 100;
    struct tally *responses = connection_loop(connection)->tally->responses;
    tally_add(&responses[class < NET_STATUS_CLASSES ? class : 0], 1);
}

/* Queues the answer; takes over the body. 0, or negative: no memory. */
static int send_response(struct connection *connection, const struct http_request *request,
                         struct http_response *response, bool keep_alive)
{
    struct stream *stream = &connection->stream;
    count_response(connection, response->status);
    struct buf head = http_response_head(response, request->version, keep_alive,
                                         connection_loop(connection)->date);
    struct slice body = response->body;
    if (request->method == METHOD_HEAD || !http_status_has_body(response->status))
        body.len = 0; /* released at once */
    buf_done(&response->headers);
    int error = buf_failed(&head) ? ERR_UNAVAILABLE : 0;
    if (error != 0)
        buf_done(&head);
    else
        error = stream_push(stream, buf_slice(&head), head.data, mem_free);
    if (error != 0)
        body.len = 0;
    int body_error = stream_push(stream, body, response->owner, response->release);
    return error != 0 ? error : body_error;
}

static void answer(struct connection *connection, const struct http_request *request,
                   struct http_response *response, bool keep_alive)
{
    keep_alive = keep_alive && !response->close && !connection_loop(connection)->ending;
    stream_offer_ticket(&connection->stream); /* pages open more connections */
    if (send_response(connection, request, response, keep_alive) != 0)
        connection_lost(connection, CLOSE_NONE);
    else if (!keep_alive)
        connection_end_politely(connection);
}

static void count_limit(struct connection *connection, int status)
{
    static const struct {
        int status;
        enum net_limit limit;
    } limits[] = {{408, NET_LIMIT_HEADERS},
                  {413, NET_LIMIT_BODY_SIZE},
                  {414, NET_LIMIT_HEADER_SIZE},
                  {431, NET_LIMIT_HEADER_SIZE}};
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (limits[i].status == status)
            net_hit(connection_loop(connection), limits[i].limit);
}

static void respond_with_reason(struct http_response *response, int status)
{
    http_response_text(response, status, http_reason(status));
    http_response_add(response, "X-Content-Type-Options", SLICE("nosniff"));
}

static void refuse_request(struct connection *connection, int status)
{
    const struct connection_handler *handler = &connection_loop(connection)->handler;
    count_limit(connection, status);
    const struct http_request none = {.version = 11};
    struct http_response response = http_response_init();
    if (handler->on_refused != NULL)
        handler->on_refused(handler->context, status, &response);
    else
        respond_with_reason(&response, status);
    answer(connection, &none, &response, false);
}

/* The client has as many connections as it may have, as was found out just now. */
static int too_many(struct http_response *response)
{
    respond_with_reason(response, 503);
    http_response_add(response, "Retry-After", SLICE("5"));
    response->close = true;
    return 503;
}

static void try_upgrade(struct connection *connection, const struct http_request *request,
                        bool keep_alive)
{
    const struct connection_handler *handler = &connection_loop(connection)->handler;
    struct upgrade upgrade = {0};
    struct http_response response = http_response_init();
    bool shared = connection->shared;
    int status = upgrade_check(request, &response);
    if (status == 0 && shared && !connection_readmit(connection))
        status = too_many(&response);
    if (status == 0)
        status = handler->on_upgrade(handler->context, connection, request, &upgrade, &response);
    if (status != 0) {
        response.status = status;
        response.close = response.close || shared; /* it may be counted for one client by now */
        answer(connection, request, &response, keep_alive);
        return;
    }
    upgrade_accept(request, upgrade.subprotocol, &response);
    int error = send_response(connection, request, &response, true);
    stream_flush(&connection->stream); /* what is forgotten later must not be the 101 */
    histogram_add(&connection_loop(connection)->tally->upgrade, &histogram_slow,
                  connection_took(connection));
    connection_upgraded(connection, upgrade.session);
    if (error != 0)
        connection_lost(connection, CLOSE_NONE);
}

/* Meanwhile nothing more is read of this client than what is on its way already. */
static void owe(struct connection *connection, const struct http_request *request, bool keep_alive)
{
    struct http_talk *talk = connection->talk;
    talk->owed = true;
    talk->last = !keep_alive;
    talk->asked = (struct http_request){.method = request->method, .version = request->version};
    LIST_INSERT_HEAD(&connection_loop(connection)->owed, talk, link);
    connection_expect(connection, 0);
}

bool http_owes(const struct connection *connection)
{
    return connection->talk != NULL && connection->talk->owed;
}

void http_last(struct connection *connection)
{
    connection->talk->last = true;
}

static void go_on(struct connection *connection)
{
    stream_flush(&connection->stream);
    if (!connection->talk->paused)
        http_wait(connection);
    else if (stream_waiting(&connection->stream) == 0)
        http_drained(connection);
    else
        connection_expect(connection, connection_loop(connection)->options.http_idle_timeout);
}

bool connection_answer(struct net_loop *loop, uint64_t number, struct http_response *response)
{
    struct http_talk *talk;
    LIST_FOREACH(talk, &loop->owed, link)
    {
        if (talk->connection->number == number)
            break;
    }
    if (talk == NULL || talk->connection->state != STATE_HTTP) {
        http_response_done(response);
        return false;
    }
    struct connection *connection = talk->connection;
    LIST_REMOVE(talk, link);
    talk->owed = false;
    answer(connection, &talk->asked, response, !talk->last);
    if (connection->state == STATE_HTTP)
        go_on(connection);
    return true;
}

static void handle_request(struct connection *connection, struct http_request *request,
                           bool keep_alive)
{
    const struct connection_handler *handler = &connection_loop(connection)->handler;
    request->secure = connection->secure;
    if (connection->shared) {
        connection_is_for(connection, request);
        request->secure = request->secure || proxy_forwarded_secure(request);
    }
    if (upgrade_is(request)) {
        try_upgrade(connection, request, keep_alive);
        return;
    }
    struct http_response response = http_response_init();
    handler->on_request(handler->context, connection, request, &response);
    if (response.later)
        owe(connection, request, keep_alive);
    else
        answer(connection, request, &response, keep_alive);
}

static void handle_result(struct connection *connection, struct http_result *result)
{
    switch (result->event) {
    case PARSED_MORE: break;
    case PARSED_CONTINUE:
        stream_push(&connection->stream, SLICE("HTTP/1.1 100 Continue\r\n\r\n"), NULL, NULL);
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
    if (!talk->paused && !talk->owed && stream_waiting(&connection->stream) == 0)
        return false;
    talk->paused = true;
    stream_pause(&connection->stream);
    buf_add_slice(&talk->held, bytes);
    if (buf_failed(&talk->held))
        connection_lost(connection, CLOSE_NONE);
    return true;
}

/* The deadline for a request runs from its first byte, not from each. */
static void http_time(struct connection *connection)
{
    struct http_talk *talk = connection->talk;
    if (talk->paused || talk->owed)
        return;
    if (!http_parser_busy(talk->parser)) {
        http_wait(connection);
    } else if (!talk->timed) {
        talk->timed = true;
        connection_expect(connection, connection_loop(connection)->options.headers_timeout);
    }
}

void http_input(struct connection *connection, struct slice bytes)
{
    if (connection->talk == NULL && !talk_begin(connection)) {
        connection_lost(connection, CLOSE_NONE);
        return;
    }
    if (!http_parser_busy(connection->talk->parser))
        connection->began = uv_hrtime();
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

void http_drained(struct connection *connection)
{
    if (connection->talk == NULL || !connection->talk->paused || connection->talk->owed)
        return;
    struct buf held = connection->talk->held;
    buf_init(&connection->talk->held, held.max);
    connection->talk->paused = false;
    stream_resume(&connection->stream);
    http_input(connection, buf_slice(&held));
    buf_done(&held);
}

void http_overdue(struct connection *connection)
{
    if (connection_still_reading(connection))
        connection_expect(connection, connection_loop(connection)->options.http_idle_timeout);
    else if (connection->waiting > 0)
        connection_lost(connection, CLOSE_NONE);
    else if (connection->talk != NULL)
        refuse_request(connection, 408);
    else
        connection_end_politely(connection);
}
