/* What Redis sends, RESP2, as a tree: hiredis' redisReader as the parser and nothing else of it.
 *
 * A Redis is not trusted more than any other peer: a reply is bounded in bytes, in depth and in
 * elements, and what passes a bound breaks the reader for good. */
#ifndef ROOMLINE_BUS_REDIS_REPLY_H
#define ROOMLINE_BUS_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum redis_kind { REDIS_NIL, REDIS_NUMBER, REDIS_TEXT, REDIS_STATUS, REDIS_ERROR, REDIS_LIST };

struct redis_reply {
    enum redis_kind kind;
    int64_t number;    /* of REDIS_NUMBER */
    struct slice text; /* of REDIS_TEXT, REDIS_STATUS and REDIS_ERROR; a NUL follows it */
    size_t count;      /* of REDIS_LIST */
    const struct redis_reply *items;
};

struct redis_limits {
    size_t size;     /* bytes of one reply on the wire, and about as many in memory */
    size_t elements; /* of one reply, all its lists together */
    unsigned depth;  /* of lists in lists, at most 7: hiredis 0.14 has no more */
};

struct redis_reader;

/* NULL: no memory. */
struct redis_reader *redis_reader_new(const struct redis_limits *limits);
void redis_reader_free(struct redis_reader *reader);

/* Forgets everything it was fed; for the next connection. */
void redis_reader_reset(struct redis_reader *reader);

/* Copies the bytes. 0, or negative: no memory. */
int redis_reader_feed(struct redis_reader *reader, struct slice bytes);

/* 1: *ret_reply is the next reply, valid until the next call here. 0: it is not complete yet.
 * Negative: what was fed is no RESP2, or passes a bound; redis_reader_cause() says which. */
int redis_reader_next(struct redis_reader *reader, const struct redis_reply **ret_reply);
const char *redis_reader_cause(const struct redis_reader *reader);

/* Item `place` of a list; a NIL where the reply is no list or shorter. */
const struct redis_reply *redis_reply_item(const struct redis_reply *reply, size_t place);

/* Is it a text or a status with just these bytes? */
bool redis_reply_is(const struct redis_reply *reply, const char *text);

#endif
