/* A count or a state that one thread of one process writes, and anybody may read meanwhile, also
 * from another process: metrics live in memory that is shared with the supervisor.
 *
 * With one writer a load and a store do; on the machines this runs on they are plain ones. */
#ifndef ROOMLINE_BASE_TALLY_H
#define ROOMLINE_BASE_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

struct tally {
    _Atomic uint64_t value;
};

static inline uint64_t tally_get(const struct tally *tally)
{
    return atomic_load_explicit(&tally->value, memory_order_relaxed);
}

static inline void tally_set(struct tally *tally, uint64_t value)
{
    atomic_store_explicit(&tally->value, value, memory_order_relaxed);
}

static inline void tally_add(struct tally *tally, uint64_t more)
{
    tally_set(tally, tally_get(tally) + more);
}

static inline void tally_sub(struct tally *tally, uint64_t less)
{
    tally_set(tally, tally_get(tally) - less);
}

#endif
