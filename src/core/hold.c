#include "core/hold.h"

#include <assert.h>

#include "base/mem.h"
#include "base/ring.h"

static struct message **slot(const struct hold *hold, unsigned n)
{
    assert(hold->capacity > 0);
    return &hold->ring[(hold->first + n) & (hold->capacity - 1)];
}

static void release_if_empty(struct hold *hold)
{
    if (hold->count > 0)
        return;
    mem_free(hold->ring);
    hold->ring = NULL;
    hold->capacity = hold->first = 0;
}

static void drop_first(struct hold *hold)
{
    struct message *message = *slot(hold, 0);
    hold->bytes -= message->len;
    message_unref(message);
    hold->first = (hold->first + 1) & (hold->capacity - 1);
    hold->count--;
    hold->acked++;
}

void hold_done(struct hold *hold)
{
    while (hold->count > 0)
        drop_first(hold);
    release_if_empty(hold);
}

bool hold_is_full(const struct hold *hold, const struct hold_limits *limits, size_t more_bytes)
{
    return (limits->messages != 0 && hold->count >= limits->messages) ||
           (limits->bytes != 0 && hold->bytes + more_bytes > limits->bytes);
}

static bool grow(struct hold *hold)
{
    unsigned capacity = hold->capacity == 0 ? 4 : hold->capacity * 2;
    struct message **ring =
        ring_grow(hold->ring, hold->capacity, hold->first, capacity, sizeof(*ring));
    if (ring == NULL)
        return false;
    hold->ring = ring;
    hold->capacity = capacity;
    hold->first = 0;
    return true;
}

bool hold_reserve(struct hold *hold)
{
    return hold->count < hold->capacity || grow(hold);
}

bool hold_add(struct hold *hold, struct message *message)
{
    if (!hold_reserve(hold))
        return false;
    hold->count++;
    *slot(hold, hold->count - 1) = message_ref(message);
    hold->bytes += message->len;
    return true;
}

void hold_skip(struct hold *hold)
{
    hold_ack(hold, hold_last(hold));
    hold->acked++;
}

bool hold_ack(struct hold *hold, uint64_t number)
{
    if (number > hold_last(hold))
        return false;
    while (hold->acked < number)
        drop_first(hold);
    release_if_empty(hold);
    return true;
}

struct message *hold_at(const struct hold *hold, unsigned n)
{
    return *slot(hold, n);
}
