/* What the parts of a store share: redis_store.c (asks, packets, the inbox), redis_store_up.c (the way to
 * commands that work), redis_sweep.c. */
#ifndef ROOMLINE_BUS_REDIS_STORE_STATE_H
#define ROOMLINE_BUS_REDIS_STORE_STATE_H

#include "base/buf.h"
#include "bus/redis_store.h"
#include "bus/redis_words.h"

struct redis_store {
    struct store store; /* first, so that one is the other */
    struct redis_store_options options;
    struct redis_client *commands, *inbox;
    uv_timer_t sweeper;
    unsigned open; /* of those three */
    int loaded;    /* scripts, of this connection */
    bool up, failing, sweeping, closing;
    bool lacks_rights;        /* and that was said in the log */
    struct buf publishing;    /* worker_id of each PUBLISH that is to be answered */
    uint64_t publish_at;      /* ms, of the loop: the next one is to be answered again */
    struct buf beating;       /* number of each beat */
    uint64_t asked, answered; /* of the asks that are answered by a room */
    struct buf held;          /* struct held_head and bytes of each message of the inbox */
    struct redis_store_counts counts;
    char prefix[REDIS_PREFIX_MAX];
};

/* Takes over the words. */
bool redis_store_command(struct redis_store *store, struct redis_words *words,
                         redis_on_reply *on_reply);

/* Gives each frame in the bytes to `take`. False: they are malformed. */
bool redis_store_emit(struct redis_store *store, struct slice bytes,
                      void (*take)(void *context, const struct frame *frame));

/* ---- redis_store_up.c */

/* The command connection is up: loads the scripts, and so on until the store is up. */
void redis_store_begin(struct redis_store *store);

/* Redis is of no use as it is: ends the connection, and tries again. */
void redis_store_start_over(struct redis_store *store, const char *cause);

/* Whether the answer is of use; the connection may be over. */
bool redis_store_is_answer(struct redis_store *store, const struct redis_reply *reply);
void redis_store_log_failure(const struct redis_reply *reply);

/* ---- redis_sweep.c */

/* Asks for a sweep, unless one is under way. The answer to the first one makes the store up. */
void redis_sweep(struct redis_store *store);

/* The same at once: what was not asked for by the node, it will not flush. */
void redis_sweep_now(struct redis_store *store);

#endif
