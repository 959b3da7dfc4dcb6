/* A worker's struct store over two simulated connections to a simulated Redis, each of which can be
 * cut, delayed and held up. */
#ifndef ROOMLINE_TESTS_STORE_H
#define ROOMLINE_TESTS_STORE_H

#include "bus/store.h"
#include "sim/pipe.h"
#include "sim/redis.h"

#define SHARD_STORES 16
#define SHARD_SERVERS 16

struct sim_store;

/* What all workers share: the servers, of which one is the master. */
struct shard {
    struct world *world;
    struct redis *redis;                  /* the master; NULL: down */
    struct redis *servers[SHARD_SERVERS]; /* all that ever were */
    unsigned server_count;
    uint64_t paused_until; /* the master executes nothing before */
    struct sim_store *stores[SHARD_STORES];
    unsigned store_count;
};

/* One connection. Requests of one that broke may still arrive, and get no answer. */
struct line {
    struct pipe up, down;
    struct source redial;
    struct sim_store *owner;
    struct redis *server; /* who the requests in `up` are for; NULL: never connected */
    uint64_t epoch;       /* counts connections */
    bool connected;       /* as the network knows */
    bool is_up;           /* as the worker knows */
    bool deaf;            /* looks alive, and is not subscribed any more */
};

struct sim_store {
    struct store store; /* first, so that one is the other */
    struct world *world;
    struct shard *shard;
    worker_id self;
    const uint64_t *gate; /* the worker is frozen until then */
    struct line commands, inbox;
    struct buf queue; /* requests since the last flush() */
    uint64_t partitioned_until;
    void (*woken)(void *context); /* before each event */
    void *woken_context;

    /* A subscription whose end the server has not noticed yet. */
    struct source linger;
    struct redis *linger_server;
    uint64_t linger_epoch;
};

/* ---- the shard */

void shard_start(struct shard *shard, struct world *world, const struct redis_options *options);
void shard_stop(struct shard *shard);

/* The master is gone with all it knew; another starts when shard_restart() is called. */
void shard_crash(struct shard *shard);
void shard_restart(struct shard *shard, const struct redis_options *options);

/* A replica that lacks the last changes becomes master; the old one serves who is still connected
 * to it. */
void shard_fail_over(struct shard *shard, unsigned lost_changes);
void shard_pause(struct shard *shard, uint64_t until);

/* ---- a worker's side */

/* gate: the worker takes nothing before that time. */
void sim_store_start(struct sim_store *store, struct shard *shard, worker_id self,
                     const uint64_t *gate);

/* The process is gone, its connections with it. */
void sim_store_stop(struct sim_store *store);

/* ---- faults */

void sim_store_cut_commands(struct sim_store *store);
void sim_store_cut_inbox(struct sim_store *store);

/* The subscription is gone, and the connection looks alive. */
void sim_store_deafen(struct sim_store *store);

/* Nothing gets through until then. */
void sim_store_partition(struct sim_store *store, uint64_t until);

/* Takes *gate, partition and pause anew. */
void sim_store_update(struct sim_store *store);

/* Both connections work, to the master. */
bool sim_store_is_up(const struct sim_store *store);

#endif
