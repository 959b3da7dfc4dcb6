/* The pieces in which a stream of bytes arrives: what a parser reads must not depend on them. */
#ifndef ROOMLINE_TESTS_FUZZ_SPLIT_H
#define ROOMLINE_TESTS_FUZZ_SPLIT_H

#include <stdint.h>

#include "base/slice.h"

/* Chosen by the fuzzer: 0 gives all at once, 1 a byte at a time, others pieces of changing size. */
struct split {
    uint32_t seed;
};

static inline uint32_t split_random(struct split *split)
{
    split->seed = split->seed * 1664525 + 1013904223;
    return split->seed >> 16;
}

/* Takes the next piece off the front of what is left. */
static inline struct slice split_next(struct split *split, struct slice *left)
{
    size_t len = left->len;
    if (split->seed == 1)
        len = 1;
    else if (split->seed != 0)
        len = 1 + split_random(split) % (split_random(split) % 4 == 0 ? 300 : 8);
    if (len > left->len)
        len = left->len;
    struct slice piece = {left->ptr, len};
    left->ptr += len;
    left->len -= len;
    return piece;
}

#endif
