/*
 * How many signals a second of the server's CPU carries. In every pair `window` signals are under way
 * all the time: whoever receives one sends one.
 */
#include "crowd.h"
#include "fail.h"
#include "meter.h"
#include "modes.h"
#include "options.h"

#include <stdio.h>

struct throughput {
    uint64_t sent;
    uint64_t delivered;
    uint64_t most; /* signals to send; 0: until stopped */
    bool stopped;
};

static void send_next(struct throughput *run, struct member *member)
{
    if (run->stopped || (run->most > 0 && run->sent == run->most))
        return;
    run->sent++;
    member_signal(member);
}

static void on_signal(struct member *member)
{
    struct throughput *run = member->owner;
    run->delivered++;
    send_next(run, member);
}

static const struct member_events events = {.on_signal = on_signal};

static void run_for(struct net *net, double seconds)
{
    uint64_t end = time_now() + (uint64_t)(seconds * 1e9);
    net_expect(net, "exchanging signals", seconds + 10);
    while (time_now() < end)
        net_step(net, 0);
}

static void run_out(struct net *net, const struct throughput *run)
{
    net_expect(net, "waiting for signals that were sent", 600);
    while (run->delivered < run->sent)
        net_step(net, -1);
}

static uint64_t measure(struct net *net, const struct options *options, struct throughput *run,
                        struct meter *meter)
{
    if (run->most == 0)
        run_for(net, options->warmup);
    uint64_t before = run->delivered;
    meter_start(meter, options);
    if (run->most > 0)
        run_out(net, run);
    else
        run_for(net, options->seconds);
    meter_stop(meter);
    return run->delivered - before;
}

void throughput_run(struct net *net, const struct options *options)
{
    struct crowd crowd;
    struct meter meter;
    struct throughput run = {.most = options->count};
    crowd_park(net, options);
    crowd_open(&crowd, net, options, options->pairs, &events, &run);
    net->cork = true;
    for (unsigned i = 0; i < crowd.count; i += 2)
        for (unsigned j = 0; j < options->window; j++)
            send_next(&run, &crowd.members[i]);
    uint64_t delivered = measure(net, options, &run, &meter);
    run.stopped = true;
    run_out(net, &run);
    if (run.delivered != run.sent)
        fail("%llu signals were sent, %llu arrived", (unsigned long long)run.sent,
             (unsigned long long)run.delivered);
    printf("{\"mode\":\"throughput\",");
    meter_print(&meter, "signals", delivered);
    printf(",\"sent\":%llu,\"delivered\":%llu}\n", (unsigned long long)run.sent,
           (unsigned long long)run.delivered);
    crowd_abort(&crowd);
}
