/* Who waits for an answer of Redis, the oldest first: a ring that grows up to a maximum. */
#ifndef ROOMLINE_BUS_REDIS_PENDING_H
#define ROOMLINE_BUS_REDIS_PENDING_H

#include <stdbool.h>
#include <stddef.h>

#include "bus/redis_client.h"

struct redis_waiter {
    redis_on_reply *on_reply; /* NULL: nobody cares */
    void *context;
};

struct redis_pending {
    struct redis_waiter *waiters;
    size_t capacity; /* a power of two, or 0 */
    size_t head;
    size_t count;
    size_t max;
};

void redis_pending_done(struct redis_pending *pending);

/* Makes sure that the next push has room. False: the maximum is reached, or no memory. */
bool redis_pending_reserve(struct redis_pending *pending);
void redis_pending_push(struct redis_pending *pending, struct redis_waiter waiter);

/* There is one. */
struct redis_waiter redis_pending_pop(struct redis_pending *pending);

#endif
