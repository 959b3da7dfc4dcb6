/* How often a duration fell into which range. */
#ifndef ROOMLINE_BASE_HISTOGRAM_H
#define ROOMLINE_BASE_HISTOGRAM_H

#include <stdbool.h>

#include "base/tally.h"

#define HISTOGRAM_BOUNDS 16

/* Upper bounds in ascending order, each within its range. */
struct histogram_scale {
    uint64_t bounds[HISTOGRAM_BOUNDS]; /* µs */
};

extern const struct histogram_scale histogram_fast;  /* 10 µs to 1 s: within a process */
extern const struct histogram_scale histogram_slow;  /* 500 µs to 1 min: over a network */
extern const struct histogram_scale histogram_calls; /* 1 s to a day: what people do */

struct histogram {
    struct tally buckets[HISTOGRAM_BOUNDS + 1]; /* the last is what is over all bounds */
    struct tally sum;                           /* µs */
};

/* `us`: µs. */
void histogram_add(struct histogram *histogram, const struct histogram_scale *scale, uint64_t us);

#endif
