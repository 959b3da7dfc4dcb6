/* What a worker serves, put together: server and exchange joined by a bus, routes and static files
 * before them. */
#ifndef ROOMLINE_APP_SERVICE_H
#define ROOMLINE_APP_SERVICE_H

#include <uv.h>

#include "app/config.h"
#include "app/hello.h"
#include "app/shared.h"
#include "bus/bus.h"

struct service;

/* Everything given outlives the service. `hub`: the bus of the link to the supervisor. NULL: with the
 * cause logged. */
struct service *service_new(uv_loop_t *loop, const struct config *config, struct shared *shared,
                            const struct hello *hello, struct bus *hub);

/* Loads files and certificates, and accepts from the inherited sockets. 0, or -1 with the cause
 * logged: then end it. */
int service_start(struct service *service);

/* Reads files and certificates anew; what cannot be read stays as it was, and that is logged. */
void service_reload(struct service *service);

void service_ticket_keys(struct service *service, const struct tls_ticket_keys *keys);

/* What the supervisor asks of the directory by way of this worker: a FRAME_CONTROL, whose answer
 * goes to on_controlled() under the same number. */
void service_control(struct service *service, const struct frame *frame);
void service_on_controlled(struct service *service,
                           void (*on_controlled)(void *context, const struct frame *answer),
                           void *context);

/* Another worker of this instance crashed. */
void service_dead(struct service *service, worker_id dead);

/* Says on /readyz that the end is near. */
void service_drain(struct service *service);

/* Accepts no more, and asks clients to go, spread over drain.spread. */
void service_goaway(struct service *service);

/* ms that events have to be told once all else has ended. */
#define SERVICE_EVENTS_END_MS 3000

/* Closes everybody with 1012 and cuts off who is left after `deadline` ms. Called again, it
 * hurries. on_ended comes last; then service_free() may be called, also from there. */
void service_end(struct service *service, uint64_t deadline, void (*on_ended)(void *context),
                 void *context);

void service_free(struct service *service);

#endif
