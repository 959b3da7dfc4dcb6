/* What is counted, and its one table: name, type, help and labels of each metric. The exposition at
 * /metrics and docs/metrics.md follow it.
 *
 * Each process has one struct metrics that it alone writes. Those of the workers are in memory shared
 * with the supervisor (app/shared.h), which sums them up. No label has a value that a stranger
 * chooses: all are enumerated at compile time, so the exposition has a known size. */
#ifndef ROOMLINE_APP_METRICS_H
#define ROOMLINE_APP_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "api/tally.h"
#include "base/buf.h"
#include "bus/tally.h"
#include "core/tally.h"
#include "net/tally.h"

/* X(name, what it counts): those that also rule something: limits, the drain. */
#define METRICS_GAUGES(X)                                                                          \
    X(accepted, "connections since the worker started")                                            \
    X(connections, "open connections")                                                             \
    X(websockets, "open WebSockets")                                                               \
    X(sessions, "memberships held, here or away")                                                  \
    X(rooms, "rooms with a member")                                                                \
    X(ready, "1: the worker takes clients")

/* X(name, key of the configuration) */
#define ADMISSION_LIMITS(X)                                                                        \
    X(CONNECTIONS, "connections")                                                                  \
    X(PER_ADDRESS, "connections_per_address")

#define X(name, word) ADMISSION_##name,
enum admission_limit { ADMISSION_LIMITS(X) ADMISSION_LIMIT_COUNT };
#undef X

struct process_tally {
    struct tally resident; /* bytes */
    struct tally cpu;      /* µs, user and system */
    struct histogram loop_lag;
};

/* Of the supervisor. */
struct instance_tally {
    struct tally workers, workers_ready;
    struct tally restarts;
    struct tally draining;
    struct tally connections_limit;
    struct tally started; /* Unix time, µs */
    struct tally build;   /* 1 */
};

struct metrics {
#define X(name, help) struct tally name;
    METRICS_GAUGES(X)
#undef X
    struct tally admission[ADMISSION_LIMIT_COUNT];
    struct tally bytes_in, bytes_out; /* of sockets */
    struct net_tally net;
    struct core_tally core;
    struct bus_tally bus;
    struct event_tally events;
    struct process_tally process;
    struct instance_tally instance;
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_WORD_SIZE 32

/* The value of a label: a static text, or one written into `space`. NULL: this one is left out. */
typedef const char *metric_word(unsigned index, char space[METRIC_WORD_SIZE]);

struct metric_label {
    const char *name; /* NULL: none */
    unsigned count;
    metric_word *word;
};

/* One row of the table. Rows of one name follow each other, and have one type and help. */
struct metric {
    const char *name;
    enum metric_type type;
    const char *help;
    size_t offset;                       /* in struct metrics, of the first value */
    struct metric_label outer, inner;    /* values are in the order of the first, then the second */
    const struct histogram_scale *scale; /* of a histogram */
    bool microseconds;                   /* the tally's unit, where the metric's is seconds */
    bool by_process;                     /* one value for each process, not the sum */
};

extern const struct metric metrics_table[];
extern const unsigned metrics_table_rows;

/* Adds what a process that is no more had counted, lest sums go backwards. Gauges end with it. */
void metrics_inherit(struct metrics *heir, const struct metrics *dead);

/* Identifies the table: both sides of shared memory must have the same. */
uint32_t metrics_layout(void);

/* Where the process' values are: the supervisor's first, then those of `count` workers. */
struct metrics_sources {
    const struct metrics *supervisor;
    const struct metrics *(*worker)(const void *context, unsigned index);
    const void *context;
    unsigned count;
};

/* Of the tally at this place in struct metrics, over all processes. */
uint64_t metrics_sum(const struct metrics_sources *sources, size_t offset);

/* Prometheus' text format, version 0.0.4. */
void metrics_write(const struct metrics_sources *sources, struct buf *out);

/* Brings what the system knows of this process up to date. */
void metrics_measure_process(struct process_tally *process);

#endif
