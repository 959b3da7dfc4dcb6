/* What a stretch of time cost the servers, and the Redis that joins them. */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include "proc.h"
#include "redis_info.h"

struct options;

struct meter_reading {
    uint64_t time;      /* ns */
    uint64_t cpu;       /* ns, of the servers */
    uint64_t redis_cpu; /* ns */
    struct redis_info redis;
};

struct meter {
    const char *redis; /* IPV4:PORT or NULL */
    struct proc_tree servers;
    struct proc_tree redis_tree;
    struct meter_reading start, end;
};

void meter_start(struct meter *meter, const struct options *options);
void meter_stop(struct meter *meter);
/* Prints the figures that `count` signals or calls give, as the members of a JSON object. */
void meter_print(const struct meter *meter, const char *what, uint64_t count);

#endif
