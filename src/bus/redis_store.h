/* A struct store (store.h) that is a Redis: one shard, by the scripts of redis_scripts.h, over two
 * connections of redis_client.h.
 *
 * What comes to the inbox is handed up only behind the answers to what was asked before it came:
 * it may be a consequence of what was asked, and the two connections know no order. */
#ifndef ROOMLINE_BUS_REDIS_STORE_H
#define ROOMLINE_BUS_REDIS_STORE_H

#include <uv.h>

#include "bus/redis_client.h"
#include "bus/redis_words.h"
#include "bus/store.h"

struct redis_store_options {
    uv_loop_t *loop;

    /* Of both connections; use, channels and channel_count are ours. */
    struct redis_client_options client;

    /* shas are ours; the prefix is copied, at most REDIS_PREFIX_MAX bytes. */
    struct redis_shard shard;

    /* What this worker says of its instance with each beat: JSON, CONTROL_CARD_MAX bytes at most,
     * valid until the next call. NULL: nothing. */
    struct slice (*card)(void *context);
    void *card_context;

    /* After redis_store_close(): its connections are closed and its memory is gone. */
    void (*on_closed)(void *context);
    void *context;
};

/* Starts to connect; its events and context are to be set before the loop runs. NULL: no memory. */
struct store *redis_store_open(const struct redis_store_options *options);

/* What was flushed may not be written any more. No event comes from now on. */
void redis_store_close(struct store *store);

/* Whether no command waits for an answer, or none can come. */
bool redis_store_is_quiet(const struct store *store);

struct redis_store_counts {
    uint64_t asks, publishes, beats, sweeps; /* commands that were sent */
    uint64_t failed;                         /* asks that Redis could not do */
};

struct redis_store_counts redis_store_count(const struct store *store);

#endif
