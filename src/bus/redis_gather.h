/* What no single shard can answer (LIST and WORKERS of core/control.h): the same ask goes to each,
 * and one answer is made of theirs, which names those that did not answer. Pure. */
#ifndef ROOMLINE_BUS_REDIS_GATHER_H
#define ROOMLINE_BUS_REDIS_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/control.h"

struct gather;

/* Whether it has to be asked of each shard. */
bool gather_is_for(const struct frame *ask);

/* An ask that is put to so many shards. NULL: no memory. */
struct gather *gather_new(const struct frame *ask, size_t shards, uint64_t now);
void gather_free(struct gather *gather);

uint32_t gather_request(const struct gather *gather);
uint64_t gather_since(const struct gather *gather);

/* The answer of one shard, which may be an error. True: now all have answered. */
bool gather_take(struct gather *gather, size_t shard, const struct frame *answer);

/* The one answer, of what has come; names: of all shards. Its data lies in `out`, which the caller
 * has made. */
struct frame gather_answer(const struct gather *gather, const struct slice *names, struct buf *out);

#endif
