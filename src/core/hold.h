/* What was sent to a peer and not yet acknowledged, or could not be sent while it is away
 * (XEP-0198's queue).
 *
 * Signals are numbered from 1 within a membership; the hold is the run of numbers acked+1 ..
 * acked+count. */
#ifndef ROOMLINE_CORE_HOLD_H
#define ROOMLINE_CORE_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/message.h"

struct hold {
    struct message **ring; /* NULL while empty: an idle peer pays nothing */
    unsigned capacity, first, count;
    size_t bytes;   /* of the texts */
    uint64_t acked; /* the number of the last signal that is not held any more */
};

struct hold_limits {
    size_t messages, bytes; /* 0: none */
};

void hold_done(struct hold *hold);

bool hold_is_full(const struct hold *hold, const struct hold_limits *limits, size_t more_bytes);

/* Makes sure that the next hold_add() succeeds. False: no memory. */
bool hold_reserve(struct hold *hold);

/* Takes a reference. False: no memory. */
bool hold_add(struct hold *hold, struct message *message);

/* The number of the last signal added. */
static inline uint64_t hold_last(const struct hold *hold)
{
    return hold->acked + hold->count;
}

/* Counts a message that is not held, and lets go of all before it. */
void hold_skip(struct hold *hold);

/* Lets go of all up to `number`. False where that number was never given out. */
bool hold_ack(struct hold *hold, uint64_t number);

/* The nth held message from the oldest, 0 to count-1; borrowed. */
struct message *hold_at(const struct hold *hold, unsigned n);

#endif
