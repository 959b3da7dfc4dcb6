/* Asks Redis Sentinels which Redis is the master, and keeps asking.
 *
 * Every sentinel is asked each second, and whenever one of them tells of a switch. The answer with
 * the highest configuration epoch counts: failovers are numbered so, and each needs a majority of
 * the sentinels, so a majority always holds the newest. While only a minority answers, what it says
 * counts if it is newer than what is known, or if nothing is. So a master that was replaced is left
 * although it, and a sentinel that was cut off together with it, can still be reached. */
#ifndef ROOMLINE_BUS_REDIS_SENTINEL_H
#define ROOMLINE_BUS_REDIS_SENTINEL_H

#include <stdint.h>

#include "bus/redis_client.h"
#include "bus/redis_master.h"
#include "bus/redis_url.h"

struct redis_sentinel;

/* `client` is the template of the connections to the sentinels: outgoing, TLS, times, the
 * sentinels' own login. Addresses, channels and limits are set here. */
struct redis_sentinel_options {
    const struct redis_address *addresses; /* copied */
    size_t address_count;                  /* 1 to REDIS_SENTINELS_MAX */
    const char *master;                    /* the name they know it by, copied */
    uint64_t interval;                     /* ms between two questions */
    struct redis_client_options client;
};

/* NULL: no memory. */
struct redis_sentinel *redis_sentinel_new(const struct redis_sentinel_options *options);

/* What redis_client_options.master takes: unknown at first, and lives as long as the sentinel. */
struct redis_master *redis_sentinel_master(struct redis_sentinel *sentinel);

/* To be called when the clients that follow are closed. on_closed: its memory is gone. */
void redis_sentinel_close(struct redis_sentinel *sentinel, void (*on_closed)(void *context),
                          void *context);

#endif
