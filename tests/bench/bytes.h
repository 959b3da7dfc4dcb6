/* A growing run of bytes. The bench is trusted with its own memory: running out aborts. */
#ifndef BENCH_BYTES_H
#define BENCH_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct bytes {
    uint8_t *at;
    size_t length;
    size_t capacity;
};

/* Makes room for `count` more bytes and returns where they go; the length stays. */
uint8_t *bytes_reserve(struct bytes *bytes, size_t count);
void bytes_append(struct bytes *bytes, const void *from, size_t count);
/* Drops the first `count` bytes. */
void bytes_consume(struct bytes *bytes, size_t count);
void bytes_done(struct bytes *bytes);

#endif
