/* Virtual time and chance: everything that happens in a simulation is fired by a source when it is
 * due. One seed gives one run, to the byte: nothing here asks the real clock or an address. */
#ifndef ROOMLINE_TESTS_WORLD_H
#define ROOMLINE_TESTS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define MS ((uint64_t)1000) /* of world.now */
#define SECONDS (1000 * MS)
#define NEVER UINT64_MAX

#define WORLD_SOURCES 512
#define WORLD_STEPS 2000000ul

/* Something that will happen: embedded in its owner, who sets `due`. */
struct source {
    uint64_t due; /* µs; NEVER: nothing to come */
    void (*fire)(struct source *source);
    unsigned index;
};

struct world {
    uint64_t now; /* µs */
    uint64_t random;
    struct source *sources[WORLD_SOURCES];
    unsigned source_count;
    unsigned long steps; /* more than WORLD_STEPS: something goes round and round */
    bool tracing;
    struct buf trace;     /* a line for each event, while tracing */
    char violation[1024]; /* of an invariant: the first one; empty: none */
};

void world_start(struct world *world, uint64_t seed, bool tracing);
void world_stop(struct world *world);

/* A number below `below`. */
uint64_t world_random(struct world *world, uint64_t below);
bool world_chance(struct world *world, unsigned percent);

/* Between the two, skewed to the lower end: most things are quick. */
uint64_t world_delay(struct world *world, uint64_t least, uint64_t most);

/* due is NEVER at first. */
void world_add(struct world *world, struct source *source, void (*fire)(struct source *source));
void world_remove(struct world *world, struct source *source);

/* Fires the first source that is due by `until`; of those due at once the oldest. False: none is,
 * and it is `until` now, or an invariant was broken. */
bool world_step(struct world *world, uint64_t until);

/* A line of the trace. */
void world_note(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An invariant does not hold: the run ends. */
void world_violate(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
