/* Workers, a store, and peers of two rooms that signal each other while things break. */
#ifndef ROOMLINE_TESTS_SWARM_H
#define ROOMLINE_TESTS_SWARM_H

#include "sim/ledger.h"
#include "sim/mutation.h"
#include "sim/peer.h"
#include "sim/wild.h"
#include "sim/worker.h"

#define SWARM_WORKERS 4
#define SWARM_PEERS 6
#define SWARM_WILD 2
#define SWARM_ROOMS 2

/* What a run is about. In mild ones nothing breaks for longer than sessions and links bridge, and
 * nobody is killed: so nothing at all may be lost. */
struct temper {
    const char *name;
    bool calm; /* mild, and nothing breaks but the clients' sockets */
    bool mild;
    bool restless;  /* mild, peers move all the time, and only connections to Redis break, often */
    bool frantic;   /* so often that sessions may not be bridged, and so not mild */
    bool strict;    /* also each single signal's fate, where not mild */
    bool forgetful; /* Redis may lose what it knew, and channels go deaf unnoticed */
    bool wild;      /* two more peers do as they like */
};

extern const struct temper tempers[];
extern const unsigned temper_count;

struct swarm {
    struct world world;
    struct temper temper;
    struct shard shard;
    struct redis_options redis_options;
    struct exchange_options options;
    struct worker workers[SWARM_WORKERS];
    worker_id last_id;
    struct peer peers[SWARM_PEERS];
    struct wild wild[SWARM_WILD];
    struct ledger ledger;
    const struct mutation *mutation; /* or NULL */
    struct sim_socket *orphans;      /* of processes that are gone */
    struct source fault, look;
    bool quiet;                       /* no faults any more */
    bool hushed;                      /* nobody says anything any more */
    uint64_t whole_at;                /* when the last fault is over */
    uint64_t starts[SWARM_WORKERS];   /* when a worker that is gone comes back */
    uint64_t moves[SWARM_WORKERS][2]; /* when its connections leave the old master */
    uint64_t redis_back_at;
    uint64_t cut_off_at[SWARM_WORKERS]; /* when it was last seen to be */
    uint64_t two_lives[SWARM_PEERS];    /* since when it has more than one live session */
};

/* Runs one seed. 0: all invariants held; else swarm->world.violation says which did not. The swarm
 * is to be ended either way. */
int swarm_run(struct swarm *swarm, uint64_t seed, const struct temper *temper,
              const struct mutation *mutation, bool tracing);
void swarm_end(struct swarm *swarm);

const char *swarm_room(unsigned peer);

/* One that is ready, or NULL. */
struct worker *swarm_worker(struct swarm *swarm);

/* ---- faults.c */

void faults_start(struct swarm *swarm);
void faults_stop(struct swarm *swarm);

/* Starts workers that are due to come back. */
void faults_tend(struct swarm *swarm);

/* ---- checks.c */

/* Looks at what must hold at any time. */
void checks_look(struct swarm *swarm);

/* Long enough after the last fault. */
void checks_settled(struct swarm *swarm);

/* After everybody has left, and all windows are over. */
void checks_empty(struct swarm *swarm);

#endif
