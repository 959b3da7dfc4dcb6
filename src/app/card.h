/* Who an instance is, and how it does: what it says about itself to the others (core/control.h,
 * WORKERS) and in the admin API. */
#ifndef ROOMLINE_APP_CARD_H
#define ROOMLINE_APP_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include "app/config.h"
#include "app/shared.h"
#include "base/buf.h"

#define INSTANCE_NAME_SIZE 65 /* bytes, with the NUL */

/* Chosen by the supervisor when it starts; the same for all of its workers. */
struct instance {
    char name[INSTANCE_NAME_SIZE];
    uint64_t started; /* Unix ms */
};

/* server.instance, or the host's name and a random end: two on one machine are told apart. */
void instance_init(struct instance *instance, const struct config *config);

/* Appends {"instance","version","started","connections","websockets","rooms","draining"}: at most
 * CONTROL_CARD_MAX bytes of JSON. Numbers are those of all workers; a room is counted by each that
 * has a member of it. */
void card_write(const struct instance *instance, const struct shared *shared, bool draining,
                struct buf *out);

#endif
