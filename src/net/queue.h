/* What waits to be written to one socket: runs of bytes that are shared, not copied.
 *
 * One piece has its place here, since most often there is no more; a ring is made for more, and
 * given back when it is empty. A queue is not to be moved while it holds anything. */
#ifndef ROOMLINE_NET_QUEUE_H
#define ROOMLINE_NET_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/slice.h"

/* A run of bytes and who keeps it alive. */
struct piece {
    struct slice bytes;
    void *owner;
    void (*release)(void *owner); /* NULL: the bytes are static */
};

struct queue {
    struct piece *pieces; /* NULL where nothing waits */
    uint32_t capacity;    /* a power of two */
    uint32_t head;
    uint32_t count;
    size_t offset; /* bytes of the head that were taken already */
    size_t bytes;  /* that wait */
    struct piece only;
};

/* Adds a piece. Takes over the owner's reference, also where it fails. 0, or ERR_UNAVAILABLE: no
 * memory. In registers, as each message comes by here: a struct is copied by wider words than it was
 * put together by, and the copy waits until all that was written before has reached the cache. */
int queue_push(struct queue *queue, struct slice bytes, void *owner, void (*release)(void *owner));

/* The last piece; NULL: nothing waits. */
const struct piece *queue_last(const struct queue *queue);

/* The bytes right behind those of the last piece belong to the same owner: they go along. */
void queue_extend(struct queue *queue, size_t bytes);

/* Lists what comes first, at most `count` runs; returns how many. */
unsigned queue_gather(const struct queue *queue, struct iovec *ret_runs, unsigned count);

/* Copies what comes first, at most `size` bytes; returns how many. */
size_t queue_peek(const struct queue *queue, char *ret_bytes, size_t size);

/* Drops `bytes` from the front and releases what is through. */
void queue_advance(struct queue *queue, size_t bytes);

/* Drops everything behind the first `keep` bytes, but not the rest of a piece that was begun: what
 * is half on the wire has to be finished. */
void queue_truncate(struct queue *queue, size_t keep);

void queue_clear(struct queue *queue);

static inline struct slice queue_front(const struct queue *queue)
{
    const struct piece *piece = &queue->pieces[queue->head];
    return (struct slice){piece->bytes.ptr + queue->offset, piece->bytes.len - queue->offset};
}

#endif
