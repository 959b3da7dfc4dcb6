/* Decides who may enter (world.authorize of the exchange), as `auth` of the configuration says: by a
 * token, or by asking a webhook. */
#ifndef ROOMLINE_APP_GATE_H
#define ROOMLINE_APP_GATE_H

#include <uv.h>

#include "app/config.h"
#include "app/settings.h"
#include "core/access.h"

struct gate;

struct gate_events {
    void *context;

    /* What a webhook decided: as for exchange_authorized(). */
    void (*on_verdict)(void *context, uint32_t ticket, int error, const struct grant *grant);
};

/* Who asks. */
struct gate_visitor {
    uint64_t connection; /* its number, for the log */
    struct slice address;
};

/* The config outlives it. Never NULL; knows nobody until gate_load(). */
struct gate *gate_new(uv_loop_t *loop, const struct config *config,
                      const struct gate_events *events);
void gate_free(struct gate *gate);

/* Asks nobody any more, so that the loop can end. */
void gate_close(struct gate *gate);

/* Whether anybody is asked at all. */
bool gate_is_guarded(const struct config *config);

/* Reads the keys, at start and again. 0, or -1 with a line that says why those before stay. */
int gate_load(struct gate *gate, char ret_error[SETTINGS_ERROR_SIZE]);

/* The answer of world.authorize. The grant's slices are good until the next call. */
int gate_ask(struct gate *gate, uint32_t ticket, const struct gate_visitor *visitor,
             const struct access_request *asked, struct grant *ret_grant);

#endif
