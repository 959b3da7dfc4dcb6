#include "redis/witness.h"

#include <stdio.h>
#include <string.h>

#define BYTES_MAX ((size_t)64 << 20)

static void on_up(void *context)
{
    struct witness *witness = context;
    assert_false(witness->up);
    witness->up = true;
    witness->ups++;
}

static void on_down(void *context, const char *cause)
{
    struct witness *witness = context;
    assert_true(witness->up);
    witness->up = false;
    witness->downs++;
    snprintf(witness->cause, sizeof(witness->cause), "%s", cause);
}

static void on_listening(void *context)
{
    struct witness *witness = context;
    assert_false(witness->listening);
    witness->listening = true;
}

static void on_deaf(void *context)
{
    struct witness *witness = context;
    assert_true(witness->listening);
    witness->listening = false;
    witness->deafs++;
}

static void on_inbox(void *context, struct slice bytes)
{
    struct witness *witness = context;
    buf_add_slice(&witness->inbox, bytes);
    buf_add_char(&witness->inbox, '|');
    witness->messages++;
}

static void on_frame(void *context, const struct frame *frame)
{
    struct witness *witness = context;
    assert_true(witness->up);
    frame_encode(frame, &witness->frames);
}

static void on_done(void *context, int error)
{
    struct witness *witness = context;
    assert_true(witness->up);
    witness->dones++;
    witness->failures += error != 0;
}

static void on_beaten(void *context, uint64_t number, uint64_t time, bool lost)
{
    struct witness *witness = context;
    witness->beaten++;
    witness->lost += lost;
    witness->number = number;
    witness->time = time;
}

static void on_published(void *context, worker_id to, unsigned receivers)
{
    struct witness *witness = context;
    assert_true(to != DIRECTORY);
    witness->published++;
    witness->receivers += receivers;
}

static void on_closed(void *context)
{
    ((struct witness *)context)->closed = true;
}

struct redis_store_options witness_options(struct redis_fixture *fixture, worker_id self)
{
    struct redis_store_options options = {
        .loop = &fixture->loop,
        .client = redis_client_defaults(),
        .shard = {.prefix = SLICE("rl:"), .self = self, .resume_window = 3600 * 1000},
        .on_closed = on_closed};
    options.client.outgoing = fixture->outgoing;
    options.client.backoff_min = 5;
    options.client.backoff_max = 20;
    options.client.connect_timeout = options.client.command_timeout = 60000; /* a busy machine */
    return options;
}

void witness_start(struct witness *witness, const struct redis_store_options *options)
{
    static const struct store_events events = {.on_up = on_up,
                                               .on_down = on_down,
                                               .on_listening = on_listening,
                                               .on_deaf = on_deaf,
                                               .on_inbox = on_inbox,
                                               .on_frame = on_frame,
                                               .on_happened = on_frame,
                                               .on_done = on_done,
                                               .on_beaten = on_beaten,
                                               .on_published = on_published};
    struct redis_store_options own = *options;
    *witness = (struct witness){.up = false};
    own.context = witness;
    buf_init(&witness->frames, BYTES_MAX);
    buf_init(&witness->inbox, BYTES_MAX);
    witness->store = redis_store_open(&own);
    assert_non_null(witness->store);
    witness->store->events = &events;
    witness->store->context = witness;
}

void witness_stop(struct witness *witness, struct redis_fixture *fixture)
{
    if (!witness->closed)
        redis_store_close(witness->store);
    AWAIT(fixture, witness->closed);
    buf_done(&witness->frames);
    buf_done(&witness->inbox);
}

struct frame witness_frame(const struct witness *witness, unsigned n)
{
    struct slice bytes = buf_slice(&witness->frames);
    struct frame frame;
    do
        assert_true(frame_next(&bytes, &frame));
    while (n-- > 0);
    return frame;
}

void witness_ask(struct witness *witness, uint64_t number, const struct frame *frame)
{
    witness->store->ask(witness->store, number, frame);
    witness->store->flush(witness->store);
}
