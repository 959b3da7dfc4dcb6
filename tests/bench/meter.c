#include "meter.h"

#include "load_net.h"

#include <stdio.h>

void meter_start(struct meter *meter, pid_t pid)
{
    proc_tree_find(&meter->tree, pid);
    meter->time_then = time_now();
    meter->cpu_then = proc_tree_cpu(&meter->tree);
}

void meter_stop(struct meter *meter)
{
    meter->cpu_seconds = (double)(proc_tree_cpu(&meter->tree) - meter->cpu_then) / 1e9;
    meter->seconds = (double)(time_now() - meter->time_then) / 1e9;
}

void meter_print(const struct meter *meter, const char *what, uint64_t count)
{
    double per_cpu_second = meter->cpu_seconds > 0 ? (double)count / meter->cpu_seconds : 0;
    printf("\"%s\":%llu,\"seconds\":%.3f,\"cpuSeconds\":%.6f,\"perSecond\":%.1f,"
           "\"perCpuSecond\":%.1f,\"busy\":%.3f",
           what, (unsigned long long)count, meter->seconds, meter->cpu_seconds,
           (double)count / meter->seconds, per_cpu_second, meter->cpu_seconds / meter->seconds);
}
