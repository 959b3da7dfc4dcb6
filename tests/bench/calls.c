/*
 * How many calls a second of the server's CPU sets up. A call: the caller connects and joins, the
 * callee connects and joins, offer, answer, six candidates each way, both leave. Candidates follow the
 * offer and the answer at once, each written by itself, as browsers do that trickle.
 */
#include "fail.h"
#include "member.h"
#include "meter.h"
#include "modes.h"
#include "options.h"

#include <stdio.h>
#include <stdlib.h>

enum { CANDIDATES = 6, SIGNALS_EACH_WAY = 1 + CANDIDATES };

struct calls {
    struct net *net;
    unsigned most; /* calls to begin; 0: until stopped */
    bool stopped;
    unsigned begun;
    unsigned completed;
};

struct call {
    struct calls *run;
    struct member caller;
    struct member callee;
    unsigned number; /* of the room, new for each call */
    unsigned slot;
    unsigned closed; /* ends of the call */
};

static enum message_kind caller_kind(uint32_t sequence)
{
    return sequence == 0 ? MESSAGE_OFFER : MESSAGE_CANDIDATE;
}

static enum message_kind callee_kind(uint32_t sequence)
{
    return sequence == 0 ? MESSAGE_ANSWER : MESSAGE_CANDIDATE;
}

static void send_description_and_candidates(struct member *member)
{
    for (unsigned i = 0; i < SIGNALS_EACH_WAY; i++)
        member_signal(member);
}

static void call_begin(struct call *call)
{
    struct calls *run = call->run;
    if (run->stopped || (run->most > 0 && run->begun == run->most))
        return;
    call->number = run->begun++;
    call->closed = 0;
    call->caller.kind_of = caller_kind;
    call->callee.kind_of = callee_kind;
    member_open(&call->caller, run->net, call->number, call->slot);
}

static void on_caller_joined(struct member *member)
{
    struct call *call = member->owner;
    member_open(&call->callee, call->run->net, call->number, call->slot);
}

static void on_caller_signal(struct member *member)
{
    if (member->received == SIGNALS_EACH_WAY)
        member_leave(member);
}

static void on_callee_signal(struct member *member)
{
    if (member->received == 1)
        send_description_and_candidates(member);
}

static void on_callee_alone(struct member *member)
{
    if (member->expected_close != 0)
        return; /* a dialect may send the callee's own leave back */
    if (member->received != SIGNALS_EACH_WAY)
        fail("the callee got %u signals of %d", member->received, SIGNALS_EACH_WAY);
    member_leave(member);
}

static void on_end_closed(struct member *member)
{
    struct call *call = member->owner;
    if (++call->closed < 2)
        return;
    call->run->completed++;
    call_begin(call);
}

static const struct member_events caller_events = {
    .on_joined = on_caller_joined,
    .on_partner_joined = send_description_and_candidates,
    .on_signal = on_caller_signal,
    .on_closed = on_end_closed,
};

static const struct member_events callee_events = {
    .on_signal = on_callee_signal,
    .on_partner_left = on_callee_alone,
    .on_closed = on_end_closed,
};

static void call_init(struct call *call, struct calls *run, const struct dialect *dialect,
                      unsigned slot)
{
    *call = (struct call){.run = run, .slot = slot};
    call->caller = (struct member){.events = &caller_events, .dialect = dialect};
    call->callee = (struct member){.events = &callee_events, .dialect = dialect, .index = 1};
    call->caller.owner = call->callee.owner = call;
    call->caller.partner = &call->callee;
    call->callee.partner = &call->caller;
}

static void run_for(struct calls *run, double seconds)
{
    uint64_t end = time_now() + (uint64_t)(seconds * 1e9);
    net_expect(run->net, "setting up calls", seconds + 10);
    while (time_now() < end)
        net_step(run->net, 0);
}

static void run_out(struct calls *run)
{
    net_expect(run->net, "waiting for calls that were begun", 600);
    while (run->completed < run->begun)
        net_step(run->net, -1);
}

static unsigned measure(struct calls *run, const struct options *options, struct meter *meter)
{
    if (run->most == 0)
        run_for(run, options->warmup);
    unsigned before = run->completed;
    meter_start(meter, options);
    if (run->most > 0)
        run_out(run);
    else
        run_for(run, options->seconds);
    meter_stop(meter);
    return run->completed - before;
}

void calls_run(struct net *net, const struct options *options)
{
    struct calls run = {.net = net, .most = options->count};
    struct meter meter;
    struct call *calls = calloc(options->concurrency, sizeof(*calls));
    if (!calls)
        fail("no memory for %u calls", options->concurrency);
    for (unsigned i = 0; i < options->concurrency; i++) {
        call_init(&calls[i], &run, options->dialect, i);
        calls[i].caller.verify = calls[i].callee.verify = options->verify;
        call_begin(&calls[i]);
    }
    unsigned completed = measure(&run, options, &meter);
    run.stopped = true;
    run_out(&run);
    printf("{\"mode\":\"calls\",");
    meter_print(&meter, "calls", completed);
    printf(",\"begun\":%u,\"completed\":%u}\n", run.begun, run.completed);
    free(calls);
}
