/* What the service_*.c share. */
#ifndef ROOMLINE_APP_SERVICE_STATE_H
#define ROOMLINE_APP_SERVICE_STATE_H

#include "api/event_webhook.h"
#include "api/ice.h"
#include "api/routes.h"
#include "app/gate.h"
#include "app/service.h"
#include "app/service_bus.h"
#include "core/exchange.h"
#include "net/server.h"
#include "net/stun_server.h"

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

/* --- service_clock.c --- */

void service_clock_start(struct service *service);

/* Calls on_ended(), once for all. */
void service_clock_close(struct service *service);

/* The clock of an idle exchange stands still; it must be right before anything happens. */
void service_wind_clock(struct service *service);

/* Answers for the supervisor go by its link, which only is the bus where that is the hub. */
void service_flush(struct service *service);

void service_publish_counts(struct service *service);

/* --- service_clients.c --- */

void service_make_server(struct service *service);

/* --- service_exchange.c --- */

void service_make_exchange(struct service *service, const struct hello *hello);
void service_on_verdict(void *context, uint32_t ticket, int error, const struct grant *grant);

#endif
