#include "bus/local.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

struct local_bus {
    struct bus bus; /* first, so that one is the other */
    struct directory *directory;
    struct buf queue;      /* encoded frames, sent since the last flush */
    struct buf delivering; /* those that flush() is at */
    bool flushing;
};

static struct local_bus *local_of(const struct bus *bus)
{
    return (struct local_bus *)bus;
}

static void queue_frame(struct local_bus *local, const struct frame *frame)
{
    size_t before = local->queue.len;
    frame_encode(frame, &local->queue);
    if (!buf_failed(&local->queue))
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
    if (local->queue.len > BUS_WAITING_MAX && bus_refuse(frame, &answer))
        queue_frame(local, &answer);
    else
        queue_frame(local, frame);
}

static void directory_send(void *context, const struct frame *frame)
{
    queue_frame(context, frame);
}

static void deliver(struct local_bus *local, struct slice bytes)
{
    while (bytes.len > 0) {
        struct frame frame;
        size_t len = (size_t)frame_measure(bytes, BUS_QUEUE_MAX);
        if (frame_decode((struct slice){bytes.ptr, len}, &frame) != 0)
            abort(); /* we encoded it ourselves */
        if (frame.to == DIRECTORY)
            directory_on_frame(local->directory, &frame);
        else
            local->bus.on_frame(local->bus.context, &frame);
        bytes.ptr += len;
        bytes.len -= len;
    }
}

/* Each round delivers what the round before gave rise to; answers end it. */
static void local_flush(struct bus *bus)
{
    struct local_bus *local = local_of(bus);
    if (local->flushing)
        return;
    local->flushing = true;
    while (local->queue.len > 0) {
        struct buf empty = local->delivering;
        local->delivering = local->queue;
        local->queue = empty;
        deliver(local, buf_slice(&local->delivering));
        buf_clear(&local->delivering);
        if (local->delivering.capacity > BUS_WAITING_MAX)
            buf_done(&local->delivering);
    }
    local->flushing = false;
}

void local_bus_tick(struct bus *bus, uint64_t now)
{
    directory_tick(local_of(bus)->directory, now);
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
    buf_init(&local->queue, BUS_QUEUE_MAX);
    buf_init(&local->delivering, BUS_QUEUE_MAX);
    return &local->bus;
}

void local_bus_free(struct bus *bus)
{
    if (bus == NULL)
        return;
    struct local_bus *local = local_of(bus);
    directory_free(local->directory);
    buf_done(&local->queue);
    buf_done(&local->delivering);
    mem_free(local);
}
