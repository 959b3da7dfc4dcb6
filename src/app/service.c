#include "app/service.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "api/jwt.h"
#include "api/routes.h"
#include "app/gate.h"
#include "app/service_bus.h"
#include "app/settings.h"
#include "app/settings_ice.h"
#include "app/settings_webhooks.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/message.h"
#include "core/control.h"
#include "core/exchange.h"
#include "net/server.h"
#include "net/stun_server.h"

#define TICK_MS 50
#define MEASURE_MS 1000

struct service {
    uv_loop_t *loop;
    const struct config *config;
    struct shared *shared;
    unsigned index; /* of the worker */
    struct metrics *metrics;
    uint64_t ticked_at;   /* ns; 0: the tick has just been started */
    uint64_t measured_at; /* ms */
    struct service_bus *bus;
    struct exchange *exchange;
    struct gate *gate;
    struct event_webhook *events; /* NULL: nobody wants to know */
    struct server *server;
    struct connection_handler handler;
    struct routes routes;
    struct ice_rules ice;
    struct stun_server *stun; /* NULL: none */
    uint16_t stun_port;       /* that clients are told of; 0: they are not */
    uv_prepare_t prepare;     /* after timers: flush the bus */
    uv_check_t check;         /* after sockets: the same, and publish counts */
    uv_timer_t tick;          /* runs while there is anything that time could change */
    unsigned open;            /* of these three */
    bool ending;
    bool served; /* the server has ended, the bus is about to */
    bool left;   /* so has the bus */
    bool told;   /* so has the webhook for events */
    bool hurry;
    void (*on_ended)(void *context);
    void *context;
    void (*on_controlled)(void *context, const struct frame *answer);
    void *controlled_context;
    struct bus *hub; /* of the link to the supervisor */
    bool answered;   /* something waits there to be flushed */
    worker_id self;
    struct instance instance;
    struct buf card;
};

/* --- time --- */

static bool is_idle(const struct service *service)
{
    struct exchange_counts counts = exchange_count(service->exchange);
    return counts.connections == 0 && counts.sessions == 0 && counts.rooms == 0 &&
           service_bus_is_idle(service->bus);
}

static void pass_time(struct service *service)
{
    service_bus_tick(service->bus);
    exchange_tick(service->exchange, uv_now(service->loop));
}

/* How late this tick is, and now and then the rest. */
static void measure(struct service *service)
{
    uint64_t now = uv_hrtime(), due = service->ticked_at + TICK_MS * UINT64_C(1000000);
    if (service->ticked_at != 0)
        histogram_add(&service->metrics->process.loop_lag, &histogram_slow,
                      now > due ? (now - due) / 1000 : 0);
    service->ticked_at = now;
    if (uv_now(service->loop) - service->measured_at < MEASURE_MS)
        return;
    service->measured_at = uv_now(service->loop);
    metrics_measure_process(&service->metrics->process);
    service_bus_measure(service->bus);
}

static void tick_cb(uv_timer_t *timer)
{
    struct service *service = timer->data;
    measure(service);
    pass_time(service);
    service->routes.starting = !service_bus_is_ready(service->bus);
    if (is_idle(service)) {
        uv_timer_stop(timer);
        service->ticked_at = 0;
    }
}

/* The clock of an idle exchange stands still; it must be right before anything happens. */
static void wind_clock(struct service *service)
{
    if (uv_is_active((uv_handle_t *)&service->tick))
        return;
    uv_timer_start(&service->tick, tick_cb, TICK_MS, TICK_MS);
    pass_time(service);
}

/* --- what clients ask --- */

static bool on_accept(void *context, const struct ip *address, uint64_t *ret_ticket)
{
    struct service *service = context;
    struct shared_limits limits = {service->config->limits.connections,
                                   service->config->limits.connections_per_address};
    return shared_admit(service->shared, service->index, &limits, address, ret_ticket);
}

static void on_gone(void *context, uint64_t ticket)
{
    struct service *service = context;
    shared_release(service->shared, service->index, ticket);
}

static void on_request(void *context, struct connection *connection,
                       const struct http_request *request, struct http_response *response)
{
    struct service *service = context;
    (void)connection;
    routes_respond(&service->routes, request, response);
}

static void log_refusal(const struct connection *connection, const struct http_request *request,
                        int status)
{
    char address[IP_TEXT_SIZE];
    log_event(LOG_INFO, "upgrade-refused", LOG_UINT("connection", connection_number(connection)),
              LOG_SLICE("address", connection_address(connection, address)),
              LOG_INT("status", status), LOG_SLICE("origin", http_header(request, "Origin")),
              LOG_END);
}

/* A token that is too long to be any good is left out: who shows it then has none. */
static bool keep_bearer(struct session *session, const struct http_request *request)
{
    struct slice token = http_bearer(request);
    return exchange_bear(session, token.len > JWT_SIZE_MAX ? SLICE_NONE : token,
                         http_header(request, "Origin"));
}

static int on_upgrade(void *context, struct connection *connection,
                      const struct http_request *request, struct upgrade *upgrade,
                      struct http_response *refusal)
{
    struct service *service = context;
    struct room_request asked;
    int status = routes_upgrade(&service->routes, request, &asked, refusal);
    if (status != 0) {
        log_refusal(connection, request, status);
        return status;
    }
    if (service->ending)
        return 503;
    if (service->stun_port != 0 && !connection_keep_host(connection, request))
        return 503;
    wind_clock(service);
    upgrade->subprotocol = asked.subprotocol;
    upgrade->session =
        exchange_open(service->exchange, connection, (struct slice){asked.room, asked.room_len},
                      connection_number(connection));
    if (upgrade->session == NULL)
        return 503;
    if (!gate_is_guarded(service->config) || keep_bearer(upgrade->session, request))
        return 0;
    exchange_lost(upgrade->session, CLOSE_NONE);
    return 503;
}

static void on_message(void *session, struct slice text)
{
    exchange_receive(session, text);
}

static void on_pong(void *session, uint64_t number)
{
    exchange_pong(session, number);
}

static void on_lost(void *session, enum close_code cause)
{
    exchange_lost(session, cause);
}

/* --- what the exchange asks --- */

static void deliver(void *connection, struct message *message)
{
    connection_deliver(connection, message);
}

static void ping(void *connection, uint64_t number)
{
    connection_ping(connection, number);
}

static void close_connection(void *connection, enum close_code code)
{
    connection_close(connection, code);
}

static void send_frame(void *context, const struct frame *frame)
{
    struct service *service = context;
    service_bus_send(service->bus, frame);
}

static void make_random(void *context, void *bytes, size_t len)
{
    (void)context;
    crypto_random(bytes, len);
}

static uint64_t clock_us(void *context)
{
    (void)context;
    return uv_hrtime() / 1000;
}

static struct ice_validity ice_servers(void *context, void *connection, struct slice peer,
                                       struct buf *out)
{
    struct service *service = context;
    return ice_rules_write(&service->ice, connection_host(connection), peer, (uint64_t)time(NULL),
                           out);
}

static struct slice address_of(void *connection, char ret_text[FRAME_ADDRESS_MAX])
{
    return connection_address(connection, ret_text);
}

static int authorize(void *context, void *connection, uint32_t ticket,
                     const struct access_request *asked, struct grant *ret_grant)
{
    struct service *service = context;
    char address[FRAME_ADDRESS_MAX];
    struct gate_visitor visitor = {connection_number(connection),
                                   connection_address(connection, address)};
    return gate_ask(service->gate, ticket, &visitor, asked, ret_grant);
}

static void on_verdict(void *context, uint32_t ticket, int error, const struct grant *grant)
{
    struct service *service = context;
    wind_clock(service);
    exchange_authorized(service->exchange, ticket, error, grant);
}

/* --- the bus --- */

static void pass_answer(struct service *service, const struct frame *frame)
{
    struct frame answer = *frame;
    answer.request -= CONTROL_REQUESTS;
    service->answered = true;
    service->on_controlled(service->controlled_context, &answer);
}

static void on_frame(void *context, const struct frame *frame)
{
    struct service *service = context;
    wind_clock(service);
    if (frame->kind == FRAME_CONTROLLED && frame->request >= CONTROL_REQUESTS)
        pass_answer(service, frame);
    else if (frame->kind == FRAME_HAPPENED)
        event_webhook_tell(service->events, frame);
    else
        exchange_on_frame(service->exchange, frame);
}

static void export_room(void *context, struct slice room, node_emit emit, void *to)
{
    struct service *service = context;
    exchange_export_room(service->exchange, room, emit, to);
}

static void on_restore(void *context)
{
    struct service *service = context;
    exchange_restore(service->exchange);
}

static struct slice card(void *context)
{
    struct service *service = context;
    buf_clear(&service->card);
    card_write(&service->instance, service->shared, service->routes.draining, &service->card);
    return buf_failed(&service->card) ? SLICE_NONE : buf_slice(&service->card);
}

static bool is_settled(void *context)
{
    struct service *service = context;
    return exchange_count(service->exchange).sessions == 0;
}

static void publish_counts(struct service *service)
{
    struct metrics *metrics = service->metrics;
    struct exchange_counts exchange = exchange_count(service->exchange);
    struct server_counts server = server_count(service->server);
    tally_set(&metrics->accepted, server.accepted);
    tally_set(&metrics->websockets, server.websockets);
    tally_set(&metrics->sessions, exchange.sessions);
    tally_set(&metrics->rooms, exchange.rooms);
    tally_set(&metrics->bytes_in, server.bytes_in);
    tally_set(&metrics->bytes_out, server.bytes_out);
    tally_set(&metrics->ready, service_bus_is_ready(service->bus));
}

/* Answers for the supervisor go by its link, which only is the bus where that is the hub. */
static void flush(struct service *service)
{
    service_bus_flush(service->bus);
    if (service->answered)
        service->hub->flush(service->hub);
    service->answered = false;
}

static void prepare_cb(uv_prepare_t *prepare)
{
    struct service *service = prepare->data;
    flush(service);
    publish_counts(service); /* when all has been said that somebody waits for */
}

static void check_cb(uv_check_t *check)
{
    struct service *service = check->data;
    flush(service);
}

/* --- start --- */

static int complain(const char *event, const char *cause)
{
    log_event(LOG_ERROR, event, LOG_STR("cause", cause), LOG_END);
    return -1;
}

static int load_files(struct service *service)
{
    char cause[STATIC_ERROR_SIZE];
    struct static_options options = settings_static(service->config);
    struct static_table *table = static_load(&options, service->routes.files, cause);
    if (table == NULL)
        return complain("client-not-loaded", cause);
    static_unref(service->routes.files);
    service->routes.files = table;
    return 0;
}

static int load_certificates(struct service *service)
{
    char cause[TLS_ERROR_SIZE];
    struct tls_options options = settings_tls(service->config);
    if (settings_use_tls(service->config) && server_tls(service->server, &options, cause) != 0)
        return complain("certificate-not-loaded", cause);
    return 0;
}

static int load_ice(struct service *service)
{
    char cause[SETTINGS_ERROR_SIZE];
    struct ice_rules rules;
    if (settings_ice(service->config, &rules, cause) != 0)
        return complain("turn-secret-not-loaded", cause);
    service->ice = rules;
    service->ice.stun_port = service->stun_port;
    if (service->stun == NULL)
        service->ice.stun = NULL;
    explicit_bzero(&rules, sizeof(rules));
    return 0;
}

static int load_keys(struct service *service)
{
    char cause[SETTINGS_ERROR_SIZE];
    if (gate_is_guarded(service->config) && gate_load(service->gate, cause) != 0)
        return complain("keys-not-loaded", cause);
    return 0;
}

static int start_events(struct service *service)
{
    char cause[HTTP_CLIENT_ERROR_SIZE];
    struct event_webhook_options options = settings_event_webhook(service->config);
    if (!settings_has_events(service->config))
        return 0;
    options.client.loop = service->loop;
    options.instance = service->instance.name;
    options.tally = &service->metrics->events;
    service->events = event_webhook_new(&options, cause);
    return service->events != NULL ? 0 : complain("no-event-webhook", cause);
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any.sa_family = AF_UNSPEC};
    socklen_t len = sizeof(address);
    getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* Behind a load balancer the host that clients ask for is the load balancer's, and it passes no
 * STUN: there they are told only what stun.url says. */
static int start_stun(struct service *service)
{
    const struct config *config = service->config;
    int first = WORKER_FD_LISTENERS + (int)config->server.listen.count;
    if (config->stun.listen.count == 0)
        return 0;
    if (config->proxy.mode == CONFIG_PROXY_NONE)
        service->stun_port = port_of(first);
    service->stun =
        stun_server_new(service->loop, config->stun.requests_per_second, &service->metrics->net);
    for (size_t i = 0; i < config->stun.listen.count; i++) {
        int error = stun_server_listen(service->stun, first + (int)i);
        if (error != 0)
            return complain("cannot-answer-stun", uv_strerror(error));
    }
    return 0;
}

static int start_listeners(struct service *service)
{
    const struct config_listeners *listen = &service->config->server.listen;
    for (size_t i = 0; i < listen->count; i++) {
        bool secure = listen->items[i].scheme == CONFIG_SCHEME_HTTPS;
        int error = server_listen(service->server, WORKER_FD_LISTENERS + (int)i, secure);
        if (error != 0)
            return complain("cannot-accept", uv_strerror(error));
    }
    return 0;
}

static bool load_all(struct service *service)
{
    return load_files(service) == 0 && load_certificates(service) == 0 && load_ice(service) == 0 &&
           load_keys(service) == 0;
}

int service_start(struct service *service)
{
    if (start_stun(service) != 0 || start_events(service) != 0 || !load_all(service) ||
        start_listeners(service) != 0)
        return -1;
    publish_counts(service); /* before the supervisor hears that we accept, and says so */
    return 0;
}

void service_reload(struct service *service)
{
    if (load_all(service))
        log_event(LOG_DEBUG, "reloaded", LOG_END);
}

void service_ticket_keys(struct service *service, const struct tls_ticket_keys *keys)
{
    server_ticket_keys(service->server, keys);
}

static void make_exchange(struct service *service, const struct hello *hello)
{
    struct exchange_options options = settings_exchange(service->config, hello->id);
    options.mailbox = service_bus_has_mailbox(service->bus);
    options.tally = &service->metrics->core;
    struct exchange_world world = {
        .context = service,
        .deliver = deliver,
        .ping = ping,
        .close = close_connection,
        .send = send_frame,
        .random = make_random,
        .clock = clock_us,
        .ice_servers = ice_servers,
        .address = address_of,
        .authorize = gate_is_guarded(service->config) ? authorize : NULL,
    };
    service->exchange = exchange_new(&options, &world, uv_now(service->loop));
}

static int make_bus(struct service *service, const struct hello *hello, struct bus *hub)
{
    struct service_bus_events events = {
        .context = service,
        .on_frame = on_frame,
        .export_room = export_room,
        .on_restore = on_restore,
        .card = card,
        .is_settled = is_settled,
    };
    service->bus = service_bus_new(service->loop, service->config, hello, hub, &events,
                                   &service->metrics->bus);
    return service->bus == NULL ? -1 : 0;
}

static void make_server(struct service *service)
{
    struct server_options options = settings_server(service->config);
    options.tally = &service->metrics->net;
    service->handler = (struct connection_handler){
        .context = service,
        .on_accept = on_accept,
        .on_gone = on_gone,
        .on_request = on_request,
        .on_upgrade = on_upgrade,
        .on_message = on_message,
        .on_pong = on_pong,
        .on_lost = on_lost,
    };
    service->routes.origins = settings_origins(service->config);
    service->server = server_new(service->loop, &options, &service->handler);
}

static void make_handles(struct service *service)
{
    uv_prepare_init(service->loop, &service->prepare);
    uv_check_init(service->loop, &service->check);
    uv_timer_init(service->loop, &service->tick);
    service->prepare.data = service->check.data = service->tick.data = service;
    service->open = 3;
    /* Started after the server's own, libuv runs them before: what the bus brings is written in the
     * same pass. */
    uv_prepare_start(&service->prepare, prepare_cb);
    uv_check_start(&service->check, check_cb);
}

struct service *service_new(uv_loop_t *loop, const struct config *config, struct shared *shared,
                            const struct hello *hello, struct bus *hub)
{
    struct service *service = mem_must(sizeof(*service));
    service->loop = loop;
    service->config = config;
    service->shared = shared;
    service->index = hello->index;
    service->self = hello->id;
    service->instance = hello->instance;
    buf_init(&service->card, CONTROL_CARD_MAX);
    service->hub = hub;
    service->metrics = &shared_row(shared, hello->index)->metrics;
    if (make_bus(service, hello, hub) != 0) {
        mem_free(service);
        return NULL;
    }
    service->gate = gate_new(loop, config, &(struct gate_events){service, on_verdict});
    make_exchange(service, hello);
    make_server(service);
    make_handles(service);
    service->routes.starting = !service_bus_is_ready(service->bus);
    wind_clock(service);
    server_ticket_keys(service->server, &hello->keys);
    return service;
}

void service_control(struct service *service, const struct frame *frame)
{
    struct frame asked = *frame;
    asked.from = service->self;
    asked.to = DIRECTORY;
    asked.request += CONTROL_REQUESTS;
    wind_clock(service);
    service_bus_send(service->bus, &asked);
}

void service_on_controlled(struct service *service,
                           void (*on_controlled)(void *context, const struct frame *answer),
                           void *context)
{
    service->on_controlled = on_controlled;
    service->controlled_context = context;
}

void service_dead(struct service *service, worker_id dead)
{
    service_bus_dead(service->bus, dead);
}

/* --- the end --- */

void service_drain(struct service *service)
{
    service->routes.draining = true;
}

void service_goaway(struct service *service)
{
    uint64_t linger = service->config->drain.linger;
    uint64_t deadline = service->config->drain.deadline;
    server_stop_accepting(service->server);
    wind_clock(service);
    exchange_drain(service->exchange, service->config->drain.spread,
                   deadline > linger ? deadline - linger : 0);
}

static void close_cb(uv_handle_t *handle)
{
    struct service *service = handle->data;
    if (--service->open == 0)
        service->on_ended(service->context);
}

static void on_events_ended(void *context)
{
    struct service *service = context;
    service->events = NULL;
    service->told = true;
    publish_counts(service);
    gate_close(service->gate);
    uv_close((uv_handle_t *)&service->prepare, close_cb);
    uv_close((uv_handle_t *)&service->check, close_cb);
    uv_close((uv_handle_t *)&service->tick, close_cb);
}

static void end_events(struct service *service)
{
    if (!service->told)
        event_webhook_end(service->events, service->hurry ? 0 : SERVICE_EVENTS_END_MS,
                          on_events_ended, service);
}

static void on_bus_ended(void *context)
{
    struct service *service = context;
    service->left = true;
    end_events(service);
}

static void on_server_ended(void *context)
{
    struct service *service = context;
    stun_server_close(service->stun);
    service->stun = NULL;
    service->served = true;
    flush(service);
    service_bus_end(service->bus, service->hurry, on_bus_ended);
}

void service_end(struct service *service, uint64_t deadline, void (*on_ended)(void *context),
                 void *context)
{
    service->on_ended = on_ended;
    service->context = context;
    service->hurry = deadline == 0;
    wind_clock(service);
    if (!service->ending && service_bus_has_mailbox(service->bus))
        exchange_deposit(service->exchange);
    else if (!service->ending)
        exchange_close_all(service->exchange, CLOSE_DRAINING);
    service->ending = true;
    if (service->left)
        end_events(service);
    else if (service->served)
        service_bus_end(service->bus, service->hurry, on_bus_ended);
    else
        server_end(service->server, CLOSE_DRAINING, deadline, on_server_ended, service);
}

void service_free(struct service *service)
{
    server_free(service->server);
    exchange_free(service->exchange);
    gate_free(service->gate);
    message_free_kept();
    service_bus_free(service->bus);
    static_unref(service->routes.files);
    explicit_bzero(&service->ice, sizeof(service->ice));
    buf_done(&service->card);
    mem_free(service);
}
