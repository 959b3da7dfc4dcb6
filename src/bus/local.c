#include "bus/local.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

struct local_bus {
    struct bus bus; /* first, so that one is the other */
    struct directory *directory;
    struct buf sent;    /* encoded frames of the worker since the last flush */
    struct buf routing; /* those of them that flush() is at */
    struct buf inbox;   /* for the worker */
    struct buf delivering;
    bool flushing;
};

static struct local_bus *local_of(const struct bus *bus)
{
    return (struct local_bus *)bus;
}

static void queue_frame(struct buf *queue, const struct frame *frame)
{
    size_t before = queue->len;
    frame_encode(frame, queue);
    if (!buf_failed(queue))
        return;
    /* Without this frame worker and directory would disagree for good: better to start anew. */
    log_event(LOG_ERROR, "bus-full", LOG_STR("frame", frame_name(frame->kind)),
              LOG_UINT("bytes", before), LOG_END);
    abort();
}

static void local_send(struct bus *bus, const struct frame *frame)
{
    struct local_bus *local = local_of(bus);
    struct frame answer;
    if (local->sent.len > BUS_WAITING_MAX && bus_refuse_waiting(frame, &answer))
        queue_frame(&local->inbox, &answer);
    else
        queue_frame(&local->sent, frame);
}

static void directory_send(void *context, const struct frame *frame)
{
    struct local_bus *local = context;
    queue_frame(&local->inbox, frame);
}

/* Empties `queue`, but for what comes into it meanwhile, into `take`. */
static void empty(struct local_bus *local, struct buf *queue, struct buf *taken,
                  void (*take)(struct local_bus *local, const struct frame *frame))
{
    struct buf spare = *taken;
    *taken = *queue;
    *queue = spare;
    struct slice bytes = buf_slice(taken);
    while (bytes.len > 0) {
        struct frame frame;
        if (!frame_next(&bytes, &frame))
            abort(); /* we encoded it ourselves */
        take(local, &frame);
    }
    buf_clear(taken);
    if (taken->capacity > BUS_WAITING_MAX)
        buf_done(taken);
}

static void deliver(struct local_bus *local, const struct frame *frame)
{
    local->bus.on_frame(local->bus.context, frame);
}

/* What the hub does. A roster is far larger than the request for it, so the worker gets its own
 * between requests. */
static void route(struct local_bus *local, const struct frame *frame)
{
    if (frame->to == DIRECTORY)
        directory_on_frame(local->directory, frame);
    else
        queue_frame(&local->inbox, frame);
    if (local->inbox.len > BUS_WAITING_MAX)
        empty(local, &local->inbox, &local->delivering, deliver);
}

/* Each round delivers what the round before gave rise to; answers end it. */
static void local_flush(struct bus *bus)
{
    struct local_bus *local = local_of(bus);
    if (local->flushing)
        return;
    local->flushing = true;
    while (local->sent.len > 0 || local->inbox.len > 0) {
        empty(local, &local->sent, &local->routing, route);
        empty(local, &local->inbox, &local->delivering, deliver);
    }
    local->flushing = false;
}

void local_bus_tick(struct bus *bus, uint64_t now)
{
    directory_tick(local_of(bus)->directory, now);
}

void local_bus_end(struct bus *bus)
{
    directory_end(local_of(bus)->directory);
}

size_t local_bus_rooms(const struct bus *bus)
{
    return directory_rooms(local_of(bus)->directory);
}

struct bus *local_bus_new(const struct directory_options *options, uint64_t now)
{
    struct local_bus *local = mem_zero(sizeof(*local));
    if (local == NULL)
        return NULL;
    struct directory_options own = *options;
    own.send = directory_send;
    own.context = local;
    local->directory = directory_new(&own, now);
    if (local->directory == NULL) {
        mem_free(local);
        return NULL;
    }
    local->bus = (struct bus){.send = local_send, .flush = local_flush};
    buf_init(&local->sent, BUS_QUEUE_MAX);
    buf_init(&local->routing, BUS_QUEUE_MAX);
    buf_init(&local->inbox, BUS_QUEUE_MAX);
    buf_init(&local->delivering, BUS_QUEUE_MAX);
    return &local->bus;
}

void local_bus_free(struct bus *bus)
{
    if (bus == NULL)
        return;
    struct local_bus *local = local_of(bus);
    directory_free(local->directory);
    buf_done(&local->sent);
    buf_done(&local->routing);
    buf_done(&local->inbox);
    buf_done(&local->delivering);
    mem_free(local);
}
