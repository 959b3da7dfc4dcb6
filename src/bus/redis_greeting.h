/* What is said on a new connection to Redis before it can be used, and what is asked of it now and
 * then. All of the greeting is written at once; the answers come in its order. */
#ifndef ROOMLINE_BUS_REDIS_GREETING_H
#define ROOMLINE_BUS_REDIS_GREETING_H

#include <stdbool.h>
#include <stddef.h>

#include "bus/redis_client.h"
#include "bus/redis_output.h"

#define REDIS_GREETING_MAX (6 + REDIS_CHANNELS_MAX)

struct redis_greeting {
    unsigned char steps[REDIS_GREETING_MAX]; /* that were written */
    size_t written;
    size_t answered;
    size_t next;    /* step that is looked at */
    size_t channel; /* that is subscribed next */
    bool silences;  /* Redis lets us tell it not to answer */
};

void redis_greeting_init(struct redis_greeting *greeting,
                         const struct redis_client_options *options);

/* Writes the next command up to its end, which is the caller's. False: that was all. */
bool redis_greeting_next(struct redis_greeting *greeting,
                         const struct redis_client_options *options, struct redis_output *output);

/* The next answer. False: it is of no use, with the cause, which holds no secret. */
bool redis_greeting_check(struct redis_greeting *greeting, const struct redis_reply *reply,
                          char *ret_cause, size_t size);

/* Writes the question whether it is alive, and still the master where that matters; its answer. */
void redis_greeting_ask(const struct redis_client_options *options, struct redis_output *output);
bool redis_greeting_alive(const struct redis_client_options *options,
                          const struct redis_reply *reply, char *ret_cause, size_t size);

#endif
