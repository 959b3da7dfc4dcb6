#include "net/server.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "net/listener.h"
#include "net/loop.h"

#define TICK_MS WHEEL_SLOT_MS

struct server {
    struct net_loop loop;
    struct listener_list listeners;
    uv_prepare_t prepare; /* writes what timers queued, before the loop may sleep */
    uv_check_t check;     /* writes what came of input; then looks at the deadlines */
    uv_timer_t tick;
    bool ticked;      /* in this pass */
    unsigned handles; /* of these three and the streams' that are not closed */
    time_t date_second;
    struct deadline cut_off;
    void (*on_ended)(void *context);
    void *context;
};

static void set_date(struct server *server)
{
    time_t now = time(NULL);
    struct tm utc;
    if (now == server->date_second)
        return;
    server->date_second = now;
    gmtime_r(&now, &utc);
    strftime(server->loop.date, sizeof(server->loop.date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

static void drop_handle(struct server *server)
{
    if (--server->handles == 0)
        server->on_ended(server->context);
}

static void handle_closed_cb(uv_handle_t *handle)
{
    drop_handle(handle->data);
}

static void streams_closed(struct stream_loop *streams)
{
    drop_handle((struct server *)streams); /* its first member's first */
}

/* Once the last connection and listener are closed, the loop has nothing to do for us. */
static void end_if_empty(struct server *server)
{
    if (!server->loop.ending || !LIST_EMPTY(&server->loop.connections) ||
        !LIST_EMPTY(&server->listeners) || uv_is_closing((uv_handle_t *)&server->tick))
        return;
    wheel_disarm(&server->cut_off);
    uv_close((uv_handle_t *)&server->prepare, handle_closed_cb);
    uv_close((uv_handle_t *)&server->check, handle_closed_cb);
    uv_close((uv_handle_t *)&server->tick, handle_closed_cb);
    stream_loop_close(&server->loop.io, streams_closed);
}

static void prepare_cb(uv_prepare_t *prepare)
{
    struct server *server = prepare->data;
    stream_end_pass(&server->loop.io);
    end_if_empty(server);
}

/* Deadlines come after input: where the process was held up, what meanwhile waited in the sockets
 * still counts as life, and does not find its connection dropped. */
static void check_cb(uv_check_t *check)
{
    struct server *server = check->data;
    stream_read_all(&server->loop.io);
    if (server->ticked) {
        server->ticked = false;
        set_date(server);
        wheel_turn(&server->loop.wheel, uv_now(check->loop));
    }
    stream_end_pass(&server->loop.io);
}

static void tick_cb(uv_timer_t *timer)
{
    struct server *server = timer->data;
    server->ticked = true;
}

static void start_handles(struct server *server)
{
    uv_loop_t *uv = server->loop.io.uv;
    uv_prepare_init(uv, &server->prepare);
    uv_check_init(uv, &server->check);
    uv_timer_init(uv, &server->tick);
    server->prepare.data = server->check.data = server->tick.data = server;
    server->handles = 4;
    uv_prepare_start(&server->prepare, prepare_cb);
    uv_check_start(&server->check, check_cb);
    uv_timer_start(&server->tick, tick_cb, TICK_MS, TICK_MS);
}

struct server *server_new(uv_loop_t *loop, const struct server_options *options,
                          const struct connection_handler *handler)
{
    struct server *server = mem_zero(sizeof(*server));
    if (server == NULL)
        return NULL;
    if (stream_loop_init(&server->loop.io, loop) != 0) {
        mem_free(server);
        return NULL;
    }
    server->loop.options = *options;
    server->loop.handler = *handler;
    server->loop.tally = options->tally != NULL ? options->tally : &server->loop.own_tally;
    server->loop.io.waiting = &server->loop.tally->waiting;
    server->loop.http_limits = (struct http_limits){options->header_size, options->body_size};
    server->loop.ws_limits = (struct ws_limits){options->message_size, options->fragments,
                                                options->control_frames_per_second};
    crypto_random(&server->loop.ticket_keys, sizeof(server->loop.ticket_keys));
    wheel_init(&server->loop.wheel, uv_now(loop));
    set_date(server);
    start_handles(server);
    return server;
}

int server_tls(struct server *server, const struct tls_options *options,
               char ret_error[TLS_ERROR_SIZE])
{
    struct tls_context *context =
        tls_context_new(options, &server->loop.io.wire, &server->loop.ticket_keys, ret_error);
    if (context == NULL)
        return -1;
    tls_context_free(server->loop.tls);
    server->loop.tls = context;
    return 0;
}

void server_ticket_keys(struct server *server, const struct tls_ticket_keys *keys)
{
    server->loop.ticket_keys = *keys;
}

int server_listen(struct server *server, int fd, bool secure)
{
    return listener_start(&server->loop, &server->listeners, fd, secure);
}

bool server_answer(struct server *server, uint64_t connection, struct http_response *response)
{
    return connection_answer(&server->loop, connection, response);
}

void server_stop_accepting(struct server *server)
{
    listener_close_all(&server->listeners);
}

static void cut_all(struct server *server)
{
    struct connection *connection, *next;
    for (connection = LIST_FIRST(&server->loop.connections); connection != NULL;
         connection = next) {
        next = connection_next(connection);
        connection_cut(connection);
    }
}

static void on_cut_off(struct deadline *deadline)
{
    cut_all(WHEEL_OWNER(deadline, struct server, cut_off));
}

void server_end(struct server *server, enum close_code code, uint64_t deadline,
                void (*on_ended)(void *context), void *context)
{
    struct net_loop *loop = &server->loop;
    loop->ending = true;
    server->on_ended = on_ended;
    server->context = context;
    server_stop_accepting(server);
    for (struct connection *connection = LIST_FIRST(&loop->connections); connection != NULL;
         connection = connection_next(connection))
        connection_end(connection, code);
    server->cut_off.on_due = on_cut_off;
    if (deadline == 0)
        cut_all(server);
    else
        wheel_arm(&loop->wheel, &server->cut_off, uv_now(loop->io.uv) + deadline);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    tls_context_free(server->loop.tls);
    ws_pool_done(&server->loop.readers);
    mem_free(server);
}

struct server_counts server_count(const struct server *server)
{
    struct server_counts counts = server->loop.counts;
    counts.bytes_in = server->loop.io.bytes_in;
    counts.bytes_out = server->loop.io.bytes_out;
    return counts;
}
