/* The bus of a worker that shares Redis with the workers of all instances.
 *
 * Rooms are spread over the shards by a hash of their names, the same on every instance; each shard
 * is a Redis of its own, with a node (node.h) and two connections (redis_store.h). */
#ifndef ROOMLINE_BUS_REDIS_H
#define ROOMLINE_BUS_REDIS_H

#include <uv.h>

#include "bus/bus.h"
#include "bus/node.h"
#include "bus/redis_url.h"
#include "net/tls_client.h"

/* Everything given is needed for the call only. Limits: 0 is none. Times in ms. */
struct redis_bus_options {
    uv_loop_t *loop;
    worker_id self; /* random, above WORKER_RESERVED, below 2^53 */
    const struct redis_url *shards;
    size_t shard_count;
    struct redis_login sentinel;          /* the login to sentinels, where a shard has some */
    const struct tls_client_options *tls; /* NULL: no URL asks for it */
    struct slice prefix;                  /* of keys and channels */
    struct directory_options directory;   /* its limits */
    size_t hold_messages, hold_bytes;     /* of a mailbox */
    struct bus_tally *tally;              /* where it counts; outlives it. NULL: nobody reads it */

    void *context;

    /* As in redis_store.h. */
    struct slice (*card)(void *context);

    /* As in node.h, for the rooms of any shard. */
    void (*export_room)(void *context, struct slice room, node_emit emit, void *to);
    void (*on_restore)(void *context);
};

struct redis_bus;

/* Starts to connect. NULL with ret_error filled: no memory, or a certificate that can't be used. */
struct redis_bus *redis_bus_new(const struct redis_bus_options *options,
                                char ret_error[TLS_ERROR_SIZE]);

/* Set its on_frame and context. */
struct bus *redis_bus_face(struct redis_bus *redis);

/* Time passes; call every 50 ms or so. */
void redis_bus_tick(struct redis_bus *redis);

/* A worker of this instance crashed. */
void redis_bus_reap(struct redis_bus *redis, worker_id dead);

/* Whether every shard was reached once. Never false again. */
bool redis_bus_is_ready(const struct redis_bus *redis);

/* Brings the tally up to date; its histograms always are. */
void redis_bus_count(const struct redis_bus *redis);

/* Takes this worker out of Redis: nothing is delivered any more. */
void redis_bus_leave(struct redis_bus *redis);

/* Whether Redis has answered all that was sent, or can't be reached. */
bool redis_bus_is_quiet(const struct redis_bus *redis);

/* Closes the connections; on_closed: its memory is gone. */
void redis_bus_close(struct redis_bus *redis, void (*on_closed)(void *context), void *context);

#endif
