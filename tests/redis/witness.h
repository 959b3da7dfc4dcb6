/* A store and what it told. */
#ifndef ROOMLINE_TESTS_REDIS_WITNESS_H
#define ROOMLINE_TESTS_REDIS_WITNESS_H

#include "bus/redis_fixture.h"
#include "bus/redis_store.h"

struct witness {
    struct store *store;
    bool up, listening, closed;
    unsigned ups, downs, deafs;
    char cause[128];   /* of the last on_down() */
    struct buf frames; /* answers, encoded */
    unsigned dones, failures;
    struct buf inbox; /* what came, a '|' behind each message */
    unsigned messages;
    unsigned beaten, lost;
    uint64_t number, time; /* of the last beat */
    unsigned published, receivers;
};

struct redis_store_options witness_options(struct redis_fixture *fixture, worker_id self);

void witness_start(struct witness *witness, const struct redis_store_options *options);

/* Closes it, if the test has not, and waits. */
void witness_stop(struct witness *witness, struct redis_fixture *fixture);

/* The nth answer, 0 the first. */
struct frame witness_frame(const struct witness *witness, unsigned n);

/* Asks and flushes. */
void witness_ask(struct witness *witness, uint64_t number, const struct frame *frame);

#endif
