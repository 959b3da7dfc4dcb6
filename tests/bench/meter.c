#include "meter.h"

#include "load_net.h"
#include "options.h"

#include <stdio.h>

static void read_clocks(const struct meter *meter, struct meter_reading *reading)
{
    reading->time = time_now();
    reading->cpu = proc_tree_cpu(&meter->servers);
    reading->redis_cpu = proc_tree_cpu(&meter->redis_tree);
}

/* What Redis spends on telling of itself is outside of the measured stretch. */
void meter_start(struct meter *meter, const struct options *options)
{
    *meter = (struct meter){.redis = options->redis};
    proc_tree_find(&meter->servers, options->pids, options->pid_count);
    if (meter->redis) {
        redis_info_read(meter->redis, &meter->start.redis);
        proc_tree_find(&meter->redis_tree, &meter->start.redis.pid, 1);
    }
    read_clocks(meter, &meter->start);
}

void meter_stop(struct meter *meter)
{
    read_clocks(meter, &meter->end);
    if (meter->redis)
        redis_info_read(meter->redis, &meter->end.redis);
}

static void print_redis(const struct meter *meter, double count)
{
    const struct redis_info *start = &meter->start.redis, *end = &meter->end.redis;
    double microseconds = (double)(meter->end.redis_cpu - meter->start.redis_cpu) / 1e3;
    printf(",\"redis\":{\"cpuMicroseconds\":%.3f,\"commands\":%.4f,\"publishes\":%.4f,"
           "\"outputBytes\":%.1f}",
           microseconds / count, (double)(end->commands - start->commands) / count,
           (double)(end->publishes - start->publishes) / count,
           (double)(end->output_bytes - start->output_bytes) / count);
}

void meter_print(const struct meter *meter, const char *what, uint64_t count)
{
    const struct meter_reading *start = &meter->start, *end = &meter->end;
    double seconds = (double)(end->time - start->time) / 1e9;
    double cpu = (double)(end->cpu - start->cpu + end->redis_cpu - start->redis_cpu) / 1e9;
    printf("\"%s\":%llu,\"seconds\":%.3f,\"cpuSeconds\":%.6f,\"perSecond\":%.1f,"
           "\"perCpuSecond\":%.1f,\"busy\":%.3f",
           what, (unsigned long long)count, seconds, cpu, (double)count / seconds,
           cpu > 0 ? (double)count / cpu : 0, cpu / seconds);
    if (meter->redis)
        print_redis(meter, (double)(count > 0 ? count : 1)); /* each figure for one of them */
}
