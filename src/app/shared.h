/* Counters in memory that supervisor and workers share: metrics and limits over all workers without
 * asking any.
 *
 * One row for each worker, which only that worker writes; the supervisor takes over what one had
 * counted that is no more, and clears its row. Everybody reads. Sums over rows may be a moment old,
 * so a limit may be passed by as many as come in that moment.
 *
 * Connections per address are counted in a sketch (Cormode and Muthukrishnan 2005, count-min with
 * two hashes): it never counts too few, and so few too many that it does not matter for a limit.
 * IPv6 is counted by /64, which is what one subscriber gets; IPv4 in IPv6 as IPv4. */
#ifndef ROOMLINE_APP_SHARED_H
#define ROOMLINE_APP_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/metrics.h"
#include "base/crypto.h"
#include "base/ip.h"

#define SHARED_ROW_MAX 256
#define SHARED_SKETCH_DEPTH 2
#define SHARED_SKETCH_WIDTH 32768 /* a power of two */

struct shared_row {
    struct metrics metrics;
    _Atomic uint32_t sketch[SHARED_SKETCH_DEPTH][SHARED_SKETCH_WIDTH];
};

struct shared_memory;

struct shared {
    struct shared_memory *memory;
    unsigned rows;
    int fd; /* for workers to inherit; -1 in a worker */

    /* Of the supervisor; NULL in a worker. Has inherited what workers counted that are no more. */
    struct metrics *own;
};

/* In the supervisor. 0 or a negative errno. */
int shared_create(struct shared *shared, unsigned rows);

/* In a worker: takes over the inherited descriptor, and closes it. 0 or a negative errno; EINVAL
 * where another version of the program made it. */
int shared_attach(struct shared *shared, int fd, unsigned rows);

void shared_done(struct shared *shared);

struct shared_row *shared_row(const struct shared *shared, unsigned index);

/* A worker is no more. */
void shared_bury(struct shared *shared, unsigned index);

/* For metrics_write(), in the supervisor. */
struct metrics_sources shared_sources(const struct shared *shared);

enum shared_gauge {
#define X(name, help) SHARED_##name,
    METRICS_GAUGES(X)
#undef X
};

/* Over all rows. */
uint64_t shared_sum(const struct shared *shared, enum shared_gauge gauge);

/* Limits over all rows; 0: none. */
struct shared_limits {
    uint64_t connections;
    uint64_t connections_per_address;
};

/* Counts a connection in the worker's own row, if the limits let it in; ret_ticket is for
 * shared_release(). Without an address only the limit of all connections holds. */
bool shared_admit(struct shared *shared, unsigned index, const struct shared_limits *limits,
                  const struct ip *address, uint64_t *ret_ticket);
void shared_release(struct shared *shared, unsigned index, uint64_t ticket);

#endif
