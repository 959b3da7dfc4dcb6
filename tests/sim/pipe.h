/* One direction of a connection: parcels arrive in the order they were sent, each some time later,
 * unless the connection is cut first. */
#ifndef ROOMLINE_TESTS_PIPE_H
#define ROOMLINE_TESTS_PIPE_H

#include "base/slice.h"
#include "sim/world.h"

struct parcel {
    struct parcel *next;
    uint64_t due;
    unsigned kind;
    uint64_t number, epoch; /* as the two ends agree */
    size_t len;
    char bytes[];
};

struct pipe {
    struct source source; /* first, so that one is the other */
    struct world *world;
    struct parcel *first, *last;
    uint64_t last_due;
    uint64_t least, most; /* delay */
    uint64_t held_until;  /* nothing arrives before */
    const uint64_t *gate; /* the same, of who is at the receiving end; or NULL */
    void (*take)(struct pipe *pipe, const struct parcel *parcel);
    void *owner;
};

void pipe_start(struct pipe *pipe, struct world *world,
                void (*take)(struct pipe *pipe, const struct parcel *parcel), void *owner);
void pipe_stop(struct pipe *pipe);
void pipe_put(struct pipe *pipe, unsigned kind, uint64_t number, uint64_t epoch,
              struct slice bytes);

/* Loses what is under way. */
void pipe_clear(struct pipe *pipe);

/* Loses what is under way but for the first few, as chance has it. */
void pipe_lose_tail(struct pipe *pipe);

/* To be called after held_until or *gate were changed. */
void pipe_update(struct pipe *pipe);

static inline struct slice parcel_slice(const struct parcel *parcel)
{
    return (struct slice){parcel->bytes, parcel->len};
}

#endif
