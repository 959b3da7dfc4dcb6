/* The parts joined by a bus, and their end; what each part asks of the service stands in its
 * service_*.c. */
#include "app/service_state.h"

#include <string.h>

#include "base/mem.h"
#include "base/message.h"
#include "core/control.h"

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
    service_wind_clock(service);
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

/* --- start --- */

void service_ticket_keys(struct service *service, const struct tls_ticket_keys *keys)
{
    server_ticket_keys(service->server, keys);
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
    service->gate = gate_new(loop, config, &(struct gate_events){service, service_on_verdict});
    service_make_exchange(service, hello);
    service_make_server(service);
    service_clock_start(service);
    service->routes.starting = !service_bus_is_ready(service->bus);
    service_wind_clock(service);
    server_ticket_keys(service->server, &hello->keys);
    return service;
}

void service_control(struct service *service, const struct frame *frame)
{
    struct frame asked = *frame;
    asked.from = service->self;
    asked.to = DIRECTORY;
    asked.request += CONTROL_REQUESTS;
    service_wind_clock(service);
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
    service_wind_clock(service);
    exchange_drain(service->exchange, service->config->drain.spread,
                   deadline > linger ? deadline - linger : 0);
}

static void on_events_ended(void *context)
{
    struct service *service = context;
    service->events = NULL;
    service->told = true;
    service_publish_counts(service);
    gate_close(service->gate);
    service_clock_close(service);
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
    service_flush(service);
    service_bus_end(service->bus, service->hurry, on_bus_ended);
}

void service_end(struct service *service, uint64_t deadline, void (*on_ended)(void *context),
                 void *context)
{
    service->on_ended = on_ended;
    service->context = context;
    service->hurry = deadline == 0;
    service_wind_clock(service);
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
