/* A growable run of bytes with a maximum. No buffer without one.
 *
 * A failed append leaves the content as it was and marks the buffer: callers append a whole message
 * and ask buf_failed() once at its end. */
#ifndef ROOMLINE_BASE_BUF_H
#define ROOMLINE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct buf {
    char *data;
    size_t len;
    size_t capacity;
    size_t max; /* bytes; an append that would pass it fails */
    bool failed;
};

void buf_init(struct buf *buf, size_t max);
void buf_done(struct buf *buf);

/* Empties the buffer and clears its mark; keeps the memory. */
void buf_clear(struct buf *buf);

/* Makes room for `more` bytes and returns where they start, or NULL (and the buffer is marked).
 * buf->len is not changed. */
char *buf_reserve(struct buf *buf, size_t more);

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_add_slice(struct buf *buf, struct slice slice);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_add_uint(struct buf *buf, uint64_t number);

/* For short pieces: one that comes to 512 bytes or more fails. */
void buf_add_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drops the first `len` bytes; that many are there. */
void buf_drop(struct buf *buf, size_t len);

static inline struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->data, buf->len};
}

static inline bool buf_failed(const struct buf *buf)
{
    return buf->failed;
}

#endif
