#include "bus/redis_pending.h"

#include "base/mem.h"
#include "base/ring.h"

#define CAPACITY_MIN 64

static struct redis_waiter *at(const struct redis_pending *pending, size_t place)
{
    return &pending->waiters[(pending->head + place) & (pending->capacity - 1)];
}

void redis_pending_done(struct redis_pending *pending)
{
    mem_free(pending->waiters);
    *pending = (struct redis_pending){.max = pending->max};
}

static bool grow(struct redis_pending *pending)
{
    size_t capacity = pending->capacity == 0 ? CAPACITY_MIN : pending->capacity * 2;
    struct redis_waiter *waiters =
        ring_grow(pending->waiters, pending->capacity, pending->head, capacity, sizeof(*waiters));
    if (waiters == NULL)
        return false;
    pending->waiters = waiters;
    pending->capacity = capacity;
    pending->head = 0;
    return true;
}

bool redis_pending_reserve(struct redis_pending *pending)
{
    if (pending->count >= pending->max)
        return false;
    return pending->count < pending->capacity || grow(pending);
}

void redis_pending_push(struct redis_pending *pending, struct redis_waiter waiter)
{
    *at(pending, pending->count++) = waiter;
}

struct redis_waiter redis_pending_pop(struct redis_pending *pending)
{
    struct redis_waiter waiter = *at(pending, 0);
    pending->head = (pending->head + 1) & (pending->capacity - 1);
    pending->count--;
    return waiter;
}
