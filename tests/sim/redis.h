/* A simulated Redis: the directory, the mailboxes, leases, and channels that deliver at most once.
 *
 * It keeps a log of what changed it. A failover makes another server from a log whose last entries
 * never got there. */
#ifndef ROOMLINE_TESTS_REDIS_H
#define ROOMLINE_TESTS_REDIS_H

#include "bus/store.h"
#include "sim/mutation.h"
#include "sim/world.h"

#define REDIS_LEASE 10000 /* ms */
#define REDIS_SUBSCRIPTIONS 32

struct redis_options {
    size_t rooms, peers_per_room; /* limits, 0: none */
    uint64_t resume_window;       /* ms */
    size_t hold_messages, hold_bytes;
    const struct mutation *mutation; /* or NULL */
};

struct redis;

struct redis *redis_new(struct world *world, const struct redis_options *options);
void redis_free(struct redis *redis);

/* What the old one holds but for the last changes. Nobody is subscribed. */
struct redis *redis_fail_over(const struct redis *old, unsigned lost_changes);

/* `answer` is called for each answer, before the call returns. What must not be done twice is not,
 * where the number of the ask is not above the last of this worker's. */
void redis_ask(struct redis *redis, worker_id asker, uint64_t number, const struct frame *frame,
               void (*answer)(void *context, const struct frame *frame), void *context);

/* Returns whether there was no lease any more. */
bool redis_beat(struct redis *redis, worker_id worker, uint64_t number, uint64_t *ret_time);
void redis_reap(struct redis *redis, worker_id dead);
void redis_leave(struct redis *redis, worker_id worker);

/* Returns the number of subscriptions it went to. */
unsigned redis_publish(struct redis *redis, worker_id to, struct slice bytes);

/* `push` is called with what is published, until the subscription of that epoch ends. */
void redis_subscribe(struct redis *redis, worker_id worker, uint64_t epoch,
                     void (*push)(void *context, uint64_t epoch, struct slice bytes),
                     void *context);
void redis_unsubscribe(struct redis *redis, worker_id worker, uint64_t epoch);

/* ---- for the invariants */

/* The room as FRAME_READ is answered, valid until the next call; false: there is none. */
bool redis_room(struct redis *redis, struct slice room, struct frame *ret_frame);
size_t redis_rooms(const struct redis *redis);
bool redis_has_lease(const struct redis *redis, worker_id worker);
size_t redis_leases(const struct redis *redis);

#endif
