/* Decides who may enter (world.authorize of the exchange), as `auth` of the configuration says. */
#ifndef ROOMLINE_APP_GATE_H
#define ROOMLINE_APP_GATE_H

#include "app/config.h"
#include "app/settings.h"
#include "core/access.h"

struct gate;

/* The config outlives it. Never NULL; without keys yet. */
struct gate *gate_new(const struct config *config);
void gate_free(struct gate *gate);

/* Whether anybody is asked at all. */
bool gate_is_guarded(const struct config *config);

/* Reads the keys, at start and again. 0, or -1 with a line that says why those before stay. */
int gate_load(struct gate *gate, char ret_error[SETTINGS_ERROR_SIZE]);

/* The answer of world.authorize; `connection` names it in the log. The grant's slices are good until
 * the next call. */
int gate_ask(struct gate *gate, uint64_t connection, const struct access_request *asked,
             struct grant *ret_grant);

#endif
