/* Commands on their way to Redis, in RESP: a list of words, each with its length in front.
 *
 * Two buffers take turns: one is filled while the other is with the stream. */
#ifndef ROOMLINE_BUS_REDIS_OUTPUT_H
#define ROOMLINE_BUS_REDIS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/stream.h"

struct redis_output {
    struct buf filling;
    struct buf writing; /* the stream's while `busy` */
    bool busy;
    size_t begun; /* where in `filling` the command that is being written starts */
    size_t max;   /* bytes of both */
};

void redis_output_init(struct redis_output *output, size_t max);

/* The stream is closed. */
void redis_output_done(struct redis_output *output);

/* A command of `count` words: begin, its words, end. */
void redis_output_begin(struct redis_output *output, size_t count);
/* The same for a command that Redis is told not to answer. */
void redis_output_begin_unanswered(struct redis_output *output, size_t count);
void redis_output_word(struct redis_output *output, struct slice word);
void redis_output_number(struct redis_output *output, uint64_t number);

/* False: over the maximum, or no memory. Then the whole command is taken back. */
bool redis_output_end(struct redis_output *output);

/* Hands what there is to the stream, which writes what it can. What comes while the stream is at it
 * waits for the next call: there has to be one in its on_drained(). */
void redis_output_flush(struct redis_output *output, struct stream *stream);

/* Drops what was not handed to the stream. */
void redis_output_forget(struct redis_output *output);

#endif
