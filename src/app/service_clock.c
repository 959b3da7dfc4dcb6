/* When the service does what nobody asked for: time, the flushes of each pass of the loop, counts. */
#include "app/service_state.h"

#define TICK_MS 50
#define MEASURE_MS 1000

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

void service_wind_clock(struct service *service)
{
    if (uv_is_active((uv_handle_t *)&service->tick))
        return;
    uv_timer_start(&service->tick, tick_cb, TICK_MS, TICK_MS);
    pass_time(service);
}

void service_publish_counts(struct service *service)
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

void service_flush(struct service *service)
{
    service_bus_flush(service->bus);
    if (service->answered)
        service->hub->flush(service->hub);
    service->answered = false;
}

static void prepare_cb(uv_prepare_t *prepare)
{
    struct service *service = prepare->data;
    service_flush(service);
    service_publish_counts(service); /* when all has been said that somebody waits for */
}

static void check_cb(uv_check_t *check)
{
    struct service *service = check->data;
    service_flush(service);
}

void service_clock_start(struct service *service)
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

static void close_cb(uv_handle_t *handle)
{
    struct service *service = handle->data;
    if (--service->open == 0)
        service->on_ended(service->context);
}

void service_clock_close(struct service *service)
{
    uv_close((uv_handle_t *)&service->prepare, close_cb);
    uv_close((uv_handle_t *)&service->check, close_cb);
    uv_close((uv_handle_t *)&service->tick, close_cb);
}
