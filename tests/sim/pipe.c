#include "sim/pipe.h"

#include <stdlib.h>
#include <string.h>

void pipe_update(struct pipe *pipe)
{
    uint64_t due = pipe->first == NULL ? NEVER : pipe->first->due;
    if (due != NEVER && due < pipe->held_until)
        due = pipe->held_until;
    if (due != NEVER && pipe->gate != NULL && due < *pipe->gate)
        due = *pipe->gate;
    pipe->source.due = due;
}

static struct parcel *pop(struct pipe *pipe)
{
    struct parcel *parcel = pipe->first;
    pipe->first = parcel->next;
    if (pipe->first == NULL)
        pipe->last = NULL;
    return parcel;
}

static void fire(struct source *source)
{
    struct pipe *pipe = (struct pipe *)source;
    struct parcel *parcel = pop(pipe);
    pipe_update(pipe);
    pipe->take(pipe, parcel);
    free(parcel);
}

void pipe_start(struct pipe *pipe, struct world *world,
                void (*take)(struct pipe *pipe, const struct parcel *parcel), void *owner)
{
    memset(pipe, 0, sizeof(*pipe));
    pipe->world = world;
    pipe->take = take;
    pipe->owner = owner;
    pipe->least = 50;
    pipe->most = 2 * MS;
    world_add(world, &pipe->source, fire);
}

void pipe_stop(struct pipe *pipe)
{
    pipe_clear(pipe);
    world_remove(pipe->world, &pipe->source);
}

void pipe_put(struct pipe *pipe, unsigned kind, uint64_t number, uint64_t epoch, struct slice bytes)
{
    struct parcel *parcel = malloc(sizeof(*parcel) + bytes.len);
    uint64_t due = pipe->world->now + world_delay(pipe->world, pipe->least, pipe->most);
    if (due < pipe->last_due)
        due = pipe->last_due;
    pipe->last_due = due;
    *parcel = (struct parcel){
        .due = due, .kind = kind, .number = number, .epoch = epoch, .len = bytes.len};
    if (bytes.len > 0)
        memcpy(parcel->bytes, bytes.ptr, bytes.len);
    if (pipe->last != NULL)
        pipe->last->next = parcel;
    else
        pipe->first = parcel;
    pipe->last = parcel;
    pipe_update(pipe);
}

static void keep(struct pipe *pipe, unsigned count)
{
    struct parcel *kept = pipe->first, *next;
    struct parcel **at = &kept;
    pipe->last = NULL;
    for (; count > 0 && *at != NULL; count--) {
        pipe->last = *at;
        at = &(*at)->next;
    }
    for (struct parcel *parcel = *at; parcel != NULL; parcel = next) {
        next = parcel->next;
        free(parcel);
    }
    *at = NULL;
    pipe->first = kept;
    pipe_update(pipe);
}

void pipe_clear(struct pipe *pipe)
{
    keep(pipe, 0);
}

void pipe_lose_tail(struct pipe *pipe)
{
    unsigned count = 0;
    for (struct parcel *parcel = pipe->first; parcel != NULL; parcel = parcel->next)
        count++;
    keep(pipe, (unsigned)world_random(pipe->world, count + 1));
}
