/* A view of bytes that somebody else owns. Not NUL-terminated. */
#ifndef ROOMLINE_BASE_SLICE_H
#define ROOMLINE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_NONE ((struct slice){NULL, 0})

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_of(text));
}

/* If the slice starts with `prefix`, drops it and returns true. */
static inline bool slice_skip(struct slice *slice, const char *prefix)
{
    size_t len = strlen(prefix);
    if (slice->len < len || memcmp(slice->ptr, prefix, len) != 0)
        return false;
    slice->ptr += len;
    slice->len -= len;
    return true;
}

#endif
