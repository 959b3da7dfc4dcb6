/* What joins a worker to the directory and to other workers. One of three: function calls, where it
 * is the only one; the supervisor's hub; or Redis, with the workers of all instances. */
#ifndef ROOMLINE_APP_SERVICE_BUS_H
#define ROOMLINE_APP_SERVICE_BUS_H

#include <uv.h>

#include "app/config.h"
#include "app/hello.h"
#include "bus/bus.h"
#include "bus/node.h"

struct service_bus;

/* What it asks of the service; all but on_frame only with Redis. */
struct service_bus_events {
    void *context;
    void (*on_frame)(void *context, const struct frame *frame);
    void (*export_room)(void *context, struct slice room, node_emit emit, void *to);
    void (*on_restore)(void *context);

    /* What this instance says of itself to the others; valid until the next call. */
    struct slice (*card)(void *context);

    /* Whether nothing is held any more that others still have to be given. */
    bool (*is_settled)(void *context);
};

/* `hub`: the bus of the link to the supervisor. `tally`: where it counts. NULL, with the cause
 * logged. */
struct service_bus *service_bus_new(uv_loop_t *loop, const struct config *config,
                                    const struct hello *hello, struct bus *hub,
                                    const struct service_bus_events *events,
                                    struct bus_tally *tally);

void service_bus_send(struct service_bus *bus, const struct frame *frame);
void service_bus_flush(struct service_bus *bus);

/* Time passes; call every 50 ms while is_idle() says no. */
void service_bus_tick(struct service_bus *bus);

/* Brings the tally up to date; call every second or so. */
void service_bus_measure(struct service_bus *bus);
bool service_bus_is_idle(const struct service_bus *bus);

/* Whether clients may be sent here. Never false again. */
bool service_bus_is_ready(const struct service_bus *bus);

/* Whether what is held can be left to others at the end. */
bool service_bus_has_mailbox(const struct service_bus *bus);

/* Another worker of this instance is no more. */
void service_bus_dead(struct service_bus *bus, worker_id dead);

/* Leaves the cluster: goes on until all is settled, but not for ever, then says goodbye. `at_once`
 * also when called again. on_ended comes from the loop or from this call; then there is
 * service_bus_free(). */
void service_bus_end(struct service_bus *bus, bool at_once, void (*on_ended)(void *context));

void service_bus_free(struct service_bus *bus);

#endif
