/* The worker processes of an instance: started, greeted, restarted when they crash, and told what
 * to do. */
#ifndef ROOMLINE_APP_WORKERS_H
#define ROOMLINE_APP_WORKERS_H

#include <uv.h>

#include "app/config.h"
#include "app/listen.h"
#include "app/shared.h"
#include "bus/packet.h"
#include "core/frame.h"
#include "net/tls.h"

struct workers_events {
    void *context;
    void (*on_all_ready)(void *context); /* each accepts connections, for the first time */
    void (*on_reloaded)(void *context);  /* all have done so since workers_reload() */
    void (*on_gone)(void *context);      /* one ended that is not started again */
    void (*on_hopeless)(void *context, unsigned index); /* it dies whenever it is started */
    void (*on_answer)(void *context, const struct frame *answer); /* to workers_ask() */
    void (*on_ended)(void *context, worker_id worker); /* that one answers nothing any more */
};

/* What they all work with; everything outlives them. */
struct workers_options {
    unsigned count;
    const char *program; /* that is started; in production this one */
    const struct config *config;
    struct listeners *listeners;
    struct shared *shared;
    const struct instance *instance;
    const struct tls_ticket_keys *keys;
};

struct workers;

struct workers *workers_new(uv_loop_t *loop, const struct workers_options *options,
                            const struct workers_events *events);

void workers_start(struct workers *workers);

/* To each that runs. */
void workers_tell(struct workers *workers, enum packet_kind kind, struct slice payload);
void workers_reload(struct workers *workers);

/* Has the next of those that are ready, by turns, ask the directory this FRAME_CONTROL; its request
 * is below CONTROL_REQUESTS. Returns which, DIRECTORY where there is none. */
worker_id workers_ask(struct workers *workers, const struct frame *frame);

/* From now on one that ends is not started again, and its listening sockets are closed. */
void workers_retire(struct workers *workers);

/* Where the directory is here its rooms end; the workers are told before anything else. */
void workers_end_rooms(struct workers *workers);

/* How many processes there are. */
unsigned workers_running(const struct workers *workers);

/* Of them: that accept connections. */
unsigned workers_ready(const struct workers *workers);

void workers_kill(struct workers *workers);

/* Once none runs. Frees itself when the loop has closed all of it. */
void workers_close(struct workers *workers);

#endif
