/* One connection to a Redis, made anew whenever it breaks.
 *
 * In command mode: commands are pipelined, each answered once, in order. In subscriber mode (where
 * `channels` are given): it subscribes them on each connection and hands up what is published.
 *
 *     struct redis_client *client = redis_client_new(&options, &events, context);
 *     on_up():   redis_client_send(client, words, 3, on_reply, something);
 *     each pass: redis_client_flush(client);
 *     the end:   redis_client_close(client); ... on_closed()
 *
 *            +---------------- aim: where the master is, or WAITING's time is over
 *            v                                                 |
 *   IDLE, WAITING --> DIALING --> SHAKING (TLS) --> GREETING --> READY
 *            ^           |            |                |           |
 *            +-----------+-------- CUTTING <-----------+-----------+       close: ... --> CLOSED
 *
 * GREETING: AUTH, SELECT, CLIENT SETNAME, CLIENT REPLY (to know whether it is permitted), ROLE
 * (where a sentinel named the address), PING, SUBSCRIBE; all written at once. A Redis that is still
 * loading is not up.
 *
 * on_up(), on_down(), on_message(), on_closed() and the answers never come from within a call of
 * the functions here. Each of them may call any of these functions, redis_client_close()
 * included. */
#ifndef ROOMLINE_BUS_REDIS_CLIENT_H
#define ROOMLINE_BUS_REDIS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "bus/redis_reply.h"
#include "bus/redis_url.h"

struct outgoing;
struct redis_client;
struct redis_master;
struct tls_context;

/* Times in ms; none may be 0. */
struct redis_client_options {
    struct outgoing *outgoing; /* of the loop; outlives the client */
    const char *use;           /* "commands" or "inbox": what it is for, in the log; static */
    const char *name;          /* for CLIENT SETNAME, copied; NULL: none */
    struct tls_context *tls;   /* of a client; outlives this one. NULL: plain */

    /* One of them. An address of its own; or the master that sentinels name, which outlives the
     * client: it follows, and leaves what is no longer the master. */
    const struct redis_address *address; /* copied */
    struct redis_master *master;

    struct redis_login login;
    unsigned database;

    const struct slice *channels; /* copied; makes it a subscriber */
    size_t channel_count;         /* 0: command mode; at most REDIS_CHANNELS_MAX */
    bool unanswered;              /* there will be redis_client_tell() */

    uint64_t connect_timeout; /* from the name's resolution to the last answer of the greeting */
    uint64_t command_timeout; /* without any answer while one is due: the connection is cut */
    uint64_t ping_interval;   /* of silence, after which it is asked (PING, or ROLE of a master) */
    uint64_t backoff_min;     /* full jitter: 0 to min x 2^tries, at most backoff_max */
    uint64_t backoff_max;

    size_t output_max;          /* bytes that Redis has not taken */
    size_t pending_max;         /* commands without an answer */
    struct redis_limits limits; /* of one reply or message */
};

#define REDIS_CHANNELS_MAX 4
#define REDIS_NAME_MAX 63     /* bytes */
#define REDIS_CHANNEL_MAX 255 /* bytes */

/* Fills in times and bounds that suit a Redis in the same data centre; the rest is zero. */
struct redis_client_options redis_client_defaults(void);

struct redis_client_events {
    /* Commands can be sent; of a subscriber: every channel is subscribed. */
    void (*on_up)(void *context);

    /* It was up and is not any more. Before that every command without an answer got its
     * on_reply(NULL). `cause` is for people, valid for the call, and holds no secret. */
    void (*on_down)(void *context, const char *cause);

    /* Of subscribers; both are valid for the call. NULL in command mode. */
    void (*on_message)(void *context, struct slice channel, struct slice payload);

    /* After redis_client_close(): nothing more comes of it, and its memory is gone. */
    void (*on_closed)(void *context);
};

/* The answer to one command, valid for the call; an error of Redis is one, too (REDIS_ERROR). NULL:
 * the connection was lost before it came, and whether Redis did it is unknown. */
typedef void redis_on_reply(void *context, const struct redis_reply *reply);

/* Starts to connect. `events` is static, `context` outlives the client. NULL: no memory. */
struct redis_client *redis_client_new(const struct redis_client_options *options,
                                      const struct redis_client_events *events, void *context);

/* Queues one command of `count` words, the bytes copied. on_reply may be NULL. 0; or
 * ERR_UNAVAILABLE, and then nothing was queued and no answer comes: it is not up, or a subscriber,
 * or one of the two bounds is reached, or there is no memory. */
int redis_client_send(struct redis_client *client, const struct slice *words, size_t count,
                      redis_on_reply *on_reply, void *context);

/* The same for a command whose answer nobody needs: Redis is told to spare it, which spares both a
 * write and a read, and us a pass of the loop. Where it does not let us, the answer is dropped. */
int redis_client_tell(struct redis_client *client, const struct slice *words, size_t count);

/* Writes what was sent, at once. To be called at the end of each pass of the loop. */
void redis_client_flush(struct redis_client *client);

bool redis_client_is_up(const struct redis_client *client);
size_t redis_client_waiting(const struct redis_client *client); /* bytes that Redis has not taken */
size_t redis_client_pending(const struct redis_client *client); /* commands without an answer */

/* Cuts the connection, if there is one, and makes a new one soon: what it should hear it does not
 * hear. on_down() and on_up() follow as ever. `cause` is static. */
void redis_client_restart(struct redis_client *client, const char *cause);

/* Idempotent. Commands without an answer get on_reply(NULL), then comes on_closed() and no
 * on_down(). */
void redis_client_close(struct redis_client *client);

#endif
