#include "net/queue.h"

#include "base/error.h"
#include "base/mem.h"

#define CAPACITY_MIN 8

static void piece_release(const struct piece *piece)
{
    if (piece->release != NULL)
        piece->release(piece->owner);
}

static struct piece *piece_at(const struct queue *queue, uint32_t place)
{
    return &queue->pieces[(queue->head + place) & (queue->capacity - 1)];
}

static void free_ring(struct queue *queue)
{
    if (queue->pieces != &queue->only)
        mem_free(queue->pieces);
}

static bool grow(struct queue *queue)
{
    if (queue->capacity == 0) {
        queue->pieces = &queue->only;
        queue->capacity = 1;
        return true;
    }
    uint32_t capacity = queue->capacity == 1 ? CAPACITY_MIN : queue->capacity * 2;
    struct piece *pieces = mem_alloc(capacity * sizeof(*pieces));
    if (pieces == NULL)
        return false;
    for (uint32_t i = 0; i < queue->count; i++)
        pieces[i] = *piece_at(queue, i);
    free_ring(queue);
    queue->pieces = pieces;
    queue->capacity = capacity;
    queue->head = 0;
    return true;
}

static void give_back(struct queue *queue)
{
    free_ring(queue);
    queue->pieces = NULL;
    queue->capacity = queue->head = queue->count = 0;
    queue->offset = queue->bytes = 0;
}

int queue_push(struct queue *queue, struct slice bytes, void *owner, void (*release)(void *owner))
{
    bool full = queue->count == queue->capacity && bytes.len > 0 && !grow(queue);
    if (full || bytes.len == 0) {
        if (release != NULL)
            release(owner);
        return full ? ERR_UNAVAILABLE : 0;
    }
    struct piece *piece = piece_at(queue, queue->count++);
    piece->bytes = bytes;
    piece->owner = owner;
    piece->release = release;
    queue->bytes += bytes.len;
    return 0;
}

const struct piece *queue_last(const struct queue *queue)
{
    return queue->count == 0 ? NULL : piece_at(queue, queue->count - 1);
}

void queue_extend(struct queue *queue, size_t bytes)
{
    piece_at(queue, queue->count - 1)->bytes.len += bytes;
    queue->bytes += bytes;
}

unsigned queue_gather(const struct queue *queue, struct iovec *ret_runs, unsigned count)
{
    if (count > queue->count)
        count = queue->count;
    for (unsigned i = 0; i < count; i++) {
        struct slice bytes = piece_at(queue, i)->bytes;
        ret_runs[i] = (struct iovec){.iov_base = (char *)bytes.ptr, .iov_len = bytes.len};
    }
    if (count > 0) {
        struct slice front = queue_front(queue);
        ret_runs[0] = (struct iovec){.iov_base = (char *)front.ptr, .iov_len = front.len};
    }
    return count;
}

size_t queue_peek(const struct queue *queue, char *ret_bytes, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < queue->count && used < size; i++) {
        struct slice bytes = i == 0 ? queue_front(queue) : piece_at(queue, i)->bytes;
        size_t len = bytes.len < size - used ? bytes.len : size - used;
        memcpy(ret_bytes + used, bytes.ptr, len);
        used += len;
    }
    return used;
}

void queue_advance(struct queue *queue, size_t bytes)
{
    queue->bytes -= bytes;
    queue->offset += bytes;
    while (queue->count > 0) {
        struct piece *head = piece_at(queue, 0);
        if (queue->offset < head->bytes.len)
            return;
        queue->offset -= head->bytes.len;
        piece_release(head);
        queue->head = (queue->head + 1) & (queue->capacity - 1);
        queue->count--;
    }
    give_back(queue);
}

static void release_behind(struct queue *queue, uint32_t count)
{
    for (uint32_t i = count; i < queue->count; i++)
        piece_release(piece_at(queue, i));
    queue->count = count;
}

void queue_truncate(struct queue *queue, size_t keep)
{
    size_t end = queue->offset + keep; /* counted from where the head piece starts */
    size_t kept = 0;
    uint32_t count = 0;
    while (count < queue->count && kept < end)
        kept += piece_at(queue, count++)->bytes.len;
    release_behind(queue, count);
    queue->bytes = kept - queue->offset;
    if (count == 0)
        give_back(queue);
}

void queue_clear(struct queue *queue)
{
    release_behind(queue, 0);
    give_back(queue);
}
