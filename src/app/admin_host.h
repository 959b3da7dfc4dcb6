/* The admin listener's place in the supervisor: its sockets, certificates and tokens, and what the
 * admin API (api/admin.h) asks of this process. */
#ifndef ROOMLINE_APP_ADMIN_HOST_H
#define ROOMLINE_APP_ADMIN_HOST_H

#include <uv.h>

#include "app/card.h"
#include "app/config.h"
#include "app/listen.h"
#include "app/shared.h"
#include "core/frame.h"

struct admin_host_events {
    void *context;
    const char *(*not_ready)(void *context);                    /* see struct admin_world */
    worker_id (*ask)(void *context, const struct frame *frame); /* workers_ask() */
    void (*drain)(void *context);
    void (*write_checks)(void *context, struct buf *out);
    void (*write_metrics)(void *context, struct buf *out);
};

struct admin_host;

/* Opens the sockets of admin.listen. 0, or -1 with ret_error. Where the default address is taken,
 * as by another instance on this machine, that is logged, and there are none. */
int admin_host_listen(const struct config *config, struct listeners *ret_listeners,
                      char ret_error[LISTEN_ERROR_SIZE]);

/* Takes the sockets out of `listeners`; all else outlives it. NULL: logged, why. */
struct admin_host *admin_host_new(uv_loop_t *loop, const struct config *config,
                                  struct listeners *listeners, const struct shared *shared,
                                  const struct instance *instance,
                                  const struct admin_host_events *events);

/* What workers come to: an answer to ask(), and the end of one that was asked. */
void admin_host_answered(struct admin_host *host, const struct frame *answer);
void admin_host_worker_ended(struct admin_host *host, worker_id worker);

/* Reads tokens and certificates again; what is wrong is logged, and the old ones stay. */
void admin_host_reload(struct admin_host *host);

/* Cuts all off. Frees itself when the loop has closed all of it. NULL is let through. */
void admin_host_close(struct admin_host *host);

#endif
