/* What a Redis says it has done. */
#ifndef BENCH_REDIS_INFO_H
#define BENCH_REDIS_INFO_H

#include <stdint.h>
#include <sys/types.h>

struct redis_info {
    pid_t pid;
    uint64_t commands; /* all, also those that scripts call */
    uint64_t publishes;
    uint64_t output_bytes; /* to all its clients */
};

/* Asks the Redis at IPV4:PORT over a connection of its own, and waits for the answer. */
void redis_info_read(const char *address, struct redis_info *ret_info);

#endif
