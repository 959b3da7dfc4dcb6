/* Some workers around a Redis with the scripts loaded: what is asked goes through them, and what
 * they answer and publish comes back as frames. */
#ifndef ROOMLINE_TESTS_REDIS_RIG_H
#define ROOMLINE_TESTS_REDIS_RIG_H

#include "bus/redis_words.h"
#include "redis/server.h"

#define RIG_WORKERS 4
#define RIG_FRAMES_MAX 4096

struct rig {
    struct server server;
    redisContext *commands, *listener;
    struct redis_shard shards[RIG_WORKERS]; /* one view for each worker */
    bool tells;                             /* as of the scripts, from the next rig_load() on */
    uint64_t number;                        /* of the last ask */

    /* Since rig_clear(): encoded frames, in order. */
    struct buf answers, events;
    unsigned beats;
    char error[256];  /* of the last command; "": none */
    long long result; /* the number it answered */
    long long list[2];
};

extern const worker_id rig_workers[RIG_WORKERS];

void rig_start(struct rig *rig, const char *const *extra);
void rig_stop(struct rig *rig);
void rig_load(struct rig *rig);
void rig_clear(struct rig *rig);

/* Asks in the name of frame->from, or of the worker that is named. Collects answers and events. */
void rig_ask(struct rig *rig, const struct frame *frame);
void rig_ask_numbered(struct rig *rig, uint64_t number, const struct frame *frame);

/* beat: list[0] the time, list[1] lost. sweep, once: result. */
void rig_beat(struct rig *rig, unsigned worker);
void rig_sweep(struct rig *rig, unsigned worker);
void rig_sweep_all(struct rig *rig, unsigned worker);
void rig_reap(struct rig *rig, unsigned worker, worker_id dead);
void rig_goodbye(struct rig *rig, unsigned worker);

/* Every membership without a holder is due; the leases of the others are over. */
void rig_orphans_due(struct rig *rig);

/* So is every empty room that has less than so many ms left. */
void rig_vacant_due(struct rig *rig, unsigned long ms);
void rig_lease_over(struct rig *rig, unsigned worker);

/* Whether there is a key that matches. */
bool rig_has_key(struct rig *rig, const char *pattern);

#endif
