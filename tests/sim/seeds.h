/* Many seeds, over several processes: a seed that crashes takes only its process along. */
#ifndef ROOMLINE_TESTS_SEEDS_H
#define ROOMLINE_TESTS_SEEDS_H

#include "sim/swarm.h"

#define SEEDS_JOBS 64

struct seeds {
    const struct temper *temper;
    const struct mutation *mutation; /* or NULL */
    uint64_t first, count;
    unsigned jobs;
};

struct seeds_result {
    uint64_t done;
    uint64_t signals, refused, steps; /* in all */
    bool failed;                      /* then: */
    uint64_t seed;                    /* the lowest of those that failed */
    char violation[1024];
};

/* Each job ends at its first failure. */
void seeds_run(const struct seeds *seeds, struct seeds_result *ret_result);

/* Prints what failed, and how to see it again. */
void seeds_report(const struct seeds *seeds, const struct seeds_result *result);

/* The trace of one seed goes to standard output. */
void seeds_trace(const struct seeds *seeds, uint64_t seed);

const struct temper *temper_named(const char *name);

#endif
