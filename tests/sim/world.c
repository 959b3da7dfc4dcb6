#include "sim/world.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_MAX ((size_t)256 << 20)
#define BEGINNING (1000 * SECONDS)

void world_start(struct world *world, uint64_t seed, bool tracing)
{
    memset(world, 0, sizeof(*world));
    world->now = BEGINNING;
    world->random = (seed + 1) * 0x9E3779B97F4A7C15ull;
    world->tracing = tracing;
    buf_init(&world->trace, TRACE_MAX);
    for (int i = 0; i < 4; i++)
        world_random(world, 2); /* small seeds begin alike */
}

void world_stop(struct world *world)
{
    buf_done(&world->trace);
}

uint64_t world_random(struct world *world, uint64_t below)
{
    uint64_t x = world->random; /* xorshift64* */
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    world->random = x;
    return ((x * 0x2545F4914F6CDD1Dull) >> 16) % below;
}

bool world_chance(struct world *world, unsigned percent)
{
    return world_random(world, 100) < percent;
}

uint64_t world_delay(struct world *world, uint64_t least, uint64_t most)
{
    uint64_t spread = most - least + 1;
    uint64_t a = world_random(world, spread), b = world_random(world, spread);
    return least + (a < b ? a : b);
}

void world_add(struct world *world, struct source *source, void (*fire)(struct source *source))
{
    assert(world->source_count < WORLD_SOURCES);
    source->due = NEVER;
    source->fire = fire;
    source->index = world->source_count;
    world->sources[world->source_count++] = source;
}

/* Keeps the order of the others, by which ties are decided. */
void world_remove(struct world *world, struct source *source)
{
    assert(world->sources[source->index] == source);
    world->source_count--;
    for (unsigned i = source->index; i < world->source_count; i++) {
        world->sources[i] = world->sources[i + 1];
        world->sources[i]->index = i;
    }
}

bool world_step(struct world *world, uint64_t until)
{
    struct source *first = NULL;
    if (world->violation[0] != '\0')
        return false;
    for (unsigned i = 0; i < world->source_count; i++)
        if (first == NULL || world->sources[i]->due < first->due)
            first = world->sources[i];
    if (first == NULL || first->due > until) {
        world->now = until;
        return false;
    }
    if (first->due > world->now)
        world->now = first->due;
    if (++world->steps > WORLD_STEPS)
        world_violate(world, "end: there is none");
    first->fire(first);
    return true;
}

void world_note(struct world *world, const char *format, ...)
{
    char line[512];
    va_list args;
    if (!world->tracing)
        return;
    int len = snprintf(line, sizeof(line), "%10.4f ", (double)world->now / SECONDS);
    va_start(args, format);
    len += vsnprintf(line + len, sizeof(line) - (size_t)len - 1, format, args);
    va_end(args);
    if ((size_t)len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    line[len++] = '\n';
    buf_add(&world->trace, line, (size_t)len);
}

void world_violate(struct world *world, const char *format, ...)
{
    va_list args;
    if (world->violation[0] != '\0')
        return;
    int len = snprintf(world->violation, sizeof(world->violation),
                       "at %.4f s: ", (double)world->now / SECONDS);
    va_start(args, format);
    vsnprintf(world->violation + len, sizeof(world->violation) - (size_t)len, format, args);
    va_end(args);
    world_note(world, "VIOLATION %s", world->violation);
}
