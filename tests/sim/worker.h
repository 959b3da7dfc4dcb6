/* A worker process: a real exchange on a real node over a simulated store, with a clock of its own,
 * that can be frozen, killed, drained and replaced. */
#ifndef ROOMLINE_TESTS_WORKER_H
#define ROOMLINE_TESTS_WORKER_H

#include "bus/bus.h"
#include "core/exchange.h"
#include "sim/mutation.h"
#include "sim/socket.h"
#include "sim/store.h"

struct node;
struct swarm;

struct worker {
    struct swarm *swarm;
    struct world *world;
    int index;
    worker_id id;              /* new for each process */
    struct exchange *exchange; /* NULL: no process */
    struct node *node;
    struct sim_store store;
    struct sim_socket *sockets;
    const struct mutation *mutation; /* or NULL */
    uint64_t frozen_until;           /* µs */
    uint64_t clock_offset;           /* ms */
    int clock_drift;                 /* parts in ten thousand */
    struct source tick, flush;
    bool draining;
    uint64_t drained_at, gives_up_at, ends_at; /* µs; NEVER: does not */
    unsigned long frames;
};

/* Once, before any worker starts: of what is due at once on a worker, time comes first. */
void worker_init(struct worker *worker, struct swarm *swarm, int index);

/* A process; there must be none. */
void worker_start(struct worker *worker);

/* kill -9. Nothing if there is no process. */
void worker_kill(struct worker *worker);

/* SIGSTOP until then, SIGCONT then. */
void worker_freeze(struct worker *worker, uint64_t until);
void worker_thaw(struct worker *worker);

/* goaway over `spread` µs, 1012 after `lasts` µs, mailboxes, end. */
void worker_drain(struct worker *worker, uint64_t spread, uint64_t lasts);

/* Ready for clients. */
bool worker_is_ready(const struct worker *worker);

/* Cannot know what happens on others. */
bool worker_is_cut_off(const struct worker *worker);

/* Something happens to it: its pass of the loop ends soon after. */
void worker_wake(struct worker *worker);

/* Its supervisor saw that a sibling died. */
void worker_saw_death(struct worker *worker, worker_id dead);

/* What its own clock says, ms. */
uint64_t worker_clock(const struct worker *worker);

#endif
