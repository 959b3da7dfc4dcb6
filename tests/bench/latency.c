/*
 * How long a signal takes at a fixed rate. Signals have their due times whatever the server does, and
 * are timed from when they were due, so that a server that stalls cannot hide it. The loop never
 * sleeps: the generator's own waking up is not to be measured.
 */
#include "crowd.h"
#include "fail.h"
#include "histogram.h"
#include "meter.h"
#include "modes.h"
#include "options.h"

#include <stdio.h>
#include <stdlib.h>

enum { UNDER_WAY_MAX = 1024 }; /* per direction of a pair; a power of two */

struct latency {
    struct crowd crowd;
    uint64_t *due; /* UNDER_WAY_MAX for each sender, by sequence number */
    uint64_t delivered;
    uint64_t counted_from; /* signals due before this are warm-up */
    struct histogram histogram;
};

static uint64_t *due_time(struct latency *run, struct member *sender, uint32_t sequence)
{
    size_t position = (size_t)(sender - run->crowd.members);
    return &run->due[position * UNDER_WAY_MAX + sequence % UNDER_WAY_MAX];
}

static void on_signal(struct member *member)
{
    struct latency *run = member->owner;
    uint64_t due = *due_time(run, member->partner, member->received - 1);
    run->delivered++;
    if (due >= run->counted_from)
        histogram_add(&run->histogram, time_now() - due);
}

static const struct member_events events = {.on_signal = on_signal};

/* Round the pairs, then round them again in the other direction. */
static void send_due(struct latency *run, uint64_t number, uint64_t due)
{
    unsigned pairs = run->crowd.count / 2;
    unsigned side = (number / pairs) % 2;
    struct member *sender = &run->crowd.members[2 * (number % pairs) + side];
    if (sender->sent - sender->partner->received >= UNDER_WAY_MAX)
        fail("the server is %d signals behind for one pair", UNDER_WAY_MAX);
    *due_time(run, sender, sender->sent) = due;
    member_signal(sender);
}

static uint64_t send_all(struct net *net, const struct options *options, struct latency *run)
{
    uint64_t start = time_now();
    double interval = 1e9 / options->rate;
    uint64_t count = (uint64_t)((options->warmup + options->seconds) * options->rate);
    run->counted_from = start + (uint64_t)(options->warmup * 1e9);
    net_expect(net, "sending at a fixed rate", options->warmup + options->seconds + 10);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t due = start + (uint64_t)(interval * (double)i);
        while (time_now() < due)
            net_step(net, 0);
        send_due(run, i, due);
    }
    return count;
}

void latency_run(struct net *net, const struct options *options)
{
    struct meter meter;
    struct latency run = {0};
    crowd_open(&run.crowd, net, options, options->pairs, &events, &run);
    run.due = calloc((size_t)run.crowd.count * UNDER_WAY_MAX, sizeof(*run.due));
    if (!run.due)
        fail("no memory for due times");
    meter_start(&meter, options);
    uint64_t sent = send_all(net, options, &run);
    while (run.delivered < sent)
        net_step(net, 0);
    meter_stop(&meter);
    printf("{\"mode\":\"latency\",");
    meter_print(&meter, "signals", run.delivered);
    printf(",\"sent\":%llu,\"delivered\":%llu,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f}\n",
           (unsigned long long)sent, (unsigned long long)run.delivered,
           (double)histogram_percentile(&run.histogram, 50) / 1e3,
           (double)histogram_percentile(&run.histogram, 99) / 1e3,
           (double)histogram_percentile(&run.histogram, 99.9) / 1e3);
    crowd_abort(&run.crowd);
    free(run.due);
}
