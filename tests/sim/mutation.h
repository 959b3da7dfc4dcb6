/* Deliberate breaks of the product, made at its seams, to test that the simulator notices. */
#ifndef ROOMLINE_TESTS_MUTATION_H
#define ROOMLINE_TESTS_MUTATION_H

#include <stdbool.h>

#include "core/exchange.h"

struct worker;
struct redis;

/* Each function is NULL where the mutation does not touch that seam. */
struct mutation {
    const char *name;
    const char *temper;    /* of runs in which it shows */
    const char *violation; /* how what it breaks is called in the message */

    /* A frame from bus to exchange; may be changed. True: it goes no further. */
    bool (*on_frame)(struct worker *worker, struct frame *frame);

    /* A frame that a worker asks the directory; may be changed. True: it never gets there. */
    bool (*on_ask)(struct redis *redis, struct frame *frame);

    bool never_reaps; /* leases end, and nobody minds */
};

extern const struct mutation mutations[];
extern const unsigned mutation_count;

#endif
