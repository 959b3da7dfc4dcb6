/* What the two parts of a Redis client share: redis_client.c (how its connection comes and goes) and
 * redis_talk.c (what is said over one that stands). */
#ifndef ROOMLINE_BUS_REDIS_CLIENT_STATE_H
#define ROOMLINE_BUS_REDIS_CLIENT_STATE_H

#include <uv.h>

#include "bus/redis_client.h"
#include "bus/redis_greeting.h"
#include "bus/redis_master.h"
#include "bus/redis_output.h"
#include "bus/redis_pending.h"
#include "net/stream.h"

#define REDIS_CAUSE_SIZE 192

enum redis_client_state {
    IDLE,
    WAITING,
    DIALING,
    SHAKING,
    GREETING,
    READY,
    CUTTING,
    CLOSED,
    REDIS_CLIENT_STATES,
};

struct redis_client {
    struct stream stream; /* first: stream events come with its address */
    struct redis_client_options options;
    const struct redis_client_events *events;
    void *context;
    enum redis_client_state state;
    bool stream_open; /* from its making to its on_closed() */
    bool timer_open;
    bool was_up;      /* on_up() was called, and on_down() not yet */
    bool overdue;     /* at the last tick: whoever stood still himself has read nothing, either */
    bool flapping;    /* the last time it was up it did not stay so */
    uv_timer_t timer; /* what for depends on the state */
    struct dial *dial;
    struct redis_address address; /* that is connected to, or was last */
    struct redis_follower follower;
    struct redis_reader *reader;
    struct redis_output output;
    struct redis_pending pending;
    struct redis_greeting greeting;
    unsigned tries;    /* since it was last up for a while */
    uint64_t up_since; /* ms, all of them */
    uint64_t heard;    /* when an answer or message came, or the first of those due was asked for */
    uint64_t checked;  /* when it was asked whether it still is the master */
    char cause[REDIS_CAUSE_SIZE];  /* of the loss that is under way */
    char logged[REDIS_CAUSE_SIZE]; /* what the log said last; "": that it is up */
};

static inline struct redis_client *redis_client_of(struct stream *stream)
{
    return (struct redis_client *)stream;
}

static inline uint64_t redis_client_now(const struct redis_client *client)
{
    return uv_now(client->timer.loop);
}

/* ---- redis_client.c */

/* The connection is of no more use; the stream's end makes it known. */
void redis_client_cut(struct redis_client *client, const char *cause);

/* It has been up for long enough, and not only comes and goes. */
bool redis_client_has_stood(const struct redis_client *client);
void redis_client_log_up(struct redis_client *client);

/* ---- redis_talk.c */

/* Whether answers are to be read. */
bool redis_talk_goes_on(const struct redis_client *client);

/* An answer to what is being written will come. There is room for it (redis_pending_reserve()). */
void redis_talk_await(struct redis_client *client, redis_on_reply *on_reply, void *context);

/* What was not answered never will be. */
void redis_talk_fail(struct redis_client *client);

/* Of one that is up, now and then: is anybody there? */
void redis_talk_tick(struct redis_client *client);
void redis_talk_on_bytes(struct stream *stream, struct slice bytes);
void redis_talk_on_drained(struct stream *stream);

#endif
