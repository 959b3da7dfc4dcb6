/* A Redis of our own on loopback, on the loop of the test: it reads commands and says what the test
 * wants. Left alone it answers what a client asks in its greeting. */
#ifndef ROOMLINE_TESTS_BUS_FAKE_REDIS_H
#define ROOMLINE_TESTS_BUS_FAKE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/buf.h"
#include "bus/redis_url.h"

#define FAKE_WORDS_MAX 16

struct fake_redis;

/* One connection to it. */
struct fake_visitor {
    uv_tcp_t tcp;
    struct fake_redis *redis;
    struct buf in;
    struct fake_visitor *next;
    bool subscribed;
    bool silenced; /* the next command is not answered */
    bool closing;
};

struct fake_command {
    struct fake_visitor *from;
    struct slice words[FAKE_WORDS_MAX];
    size_t count;
};

struct fake_redis {
    uv_loop_t *loop;
    uv_tcp_t listener;
    struct redis_address address;
    struct fake_visitor *visitors; /* that are open, the last one first */
    unsigned accepted;
    unsigned commands; /* that came */
    struct buf heard;  /* all commands as text: words with a space between, a line each */
    size_t chunk;      /* says so many bytes at a time; 0: all at once */
    bool deaf;         /* reads commands and answers none */

    /* Answers the command, or leaves it to the usual answers: false. NULL: never there. */
    bool (*on_command)(struct fake_redis *redis, const struct fake_command *command);
};

void fake_redis_start(struct fake_redis *redis, uv_loop_t *loop);

/* The loop has to be run until its handles are closed. */
void fake_redis_stop(struct fake_redis *redis);

/* Closes every connection. */
void fake_redis_hang_up(struct fake_redis *redis);

void fake_redis_say(struct fake_visitor *visitor, const char *bytes);
void fake_redis_say_bytes(struct fake_visitor *visitor, struct slice bytes);

/* A message to everybody who has subscribed to anything. */
void fake_redis_publish(struct fake_redis *redis, const char *channel, const char *payload);

/* Are these the words? */
bool fake_command_is(const struct fake_command *command, const char *line);

/* How often the line was heard. */
unsigned fake_redis_heard(const struct fake_redis *redis, const char *line);

#endif
