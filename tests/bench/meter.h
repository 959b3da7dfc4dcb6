/* What a stretch of time cost the server. */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include "proc.h"

struct meter {
    struct proc_tree tree;
    uint64_t cpu_then;
    uint64_t time_then;
    double cpu_seconds;
    double seconds;
};

void meter_start(struct meter *meter, pid_t pid);
void meter_stop(struct meter *meter);
/* Prints the figures that `count` signals or calls give, as the members of a JSON object. */
void meter_print(const struct meter *meter, const char *what, uint64_t count);

#endif
