/* What breaks, when, and for how long. */
#include "sim/swarm.h"

#include <string.h>

static struct worker *victim(struct swarm *swarm)
{
    struct worker *worker = &swarm->workers[world_random(&swarm->world, SWARM_WORKERS)];
    return worker->exchange == NULL ? NULL : worker;
}

static unsigned living(const struct swarm *swarm)
{
    unsigned count = 0;
    for (int i = 0; i < SWARM_WORKERS; i++)
        count += swarm->workers[i].exchange != NULL && !swarm->workers[i].draining;
    return count;
}

static void cut_commands(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    (void)swarm;
    (void)lasts;
    sim_store_cut_commands(&worker->store);
}

static void cut_inbox(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    (void)swarm;
    (void)lasts;
    sim_store_cut_inbox(&worker->store);
}

static void deafen(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    (void)swarm;
    (void)lasts;
    sim_store_deafen(&worker->store);
}

/* Its connections may break meanwhile, or only wait. */
static void partition(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    sim_store_partition(&worker->store, swarm->world.now + lasts);
    if (world_chance(&swarm->world, 40))
        sim_store_cut_commands(&worker->store);
    if (world_chance(&swarm->world, 40))
        sim_store_cut_inbox(&worker->store);
}

static void freeze(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    worker_freeze(worker, swarm->world.now + lasts);
    if (lasts > 5 * SECONDS && world_chance(&swarm->world, 50))
        sim_store_cut_inbox(&worker->store); /* its output buffer is full */
}

static void slow(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    struct line *lines[] = {&worker->store.commands, &worker->store.inbox};
    uint64_t most = (swarm->temper.mild ? 150 : 400) * MS;
    (void)lasts;
    for (int i = 0; i < 2; i++) {
        lines[i]->up.most = world_delay(&swarm->world, 1 * MS, most);
        lines[i]->down.most = world_delay(&swarm->world, 1 * MS, most);
    }
}

static void comes_back(struct swarm *swarm, struct worker *worker, uint64_t in)
{
    swarm->starts[worker->index] = swarm->world.now + in;
}

static void drain(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    if (living(swarm) < 2 || !worker_is_ready(worker))
        return;
    worker_drain(worker, lasts / 2, lasts);
    comes_back(swarm, worker, lasts + world_delay(&swarm->world, 3 * SECONDS, 6 * SECONDS));
}

/* Those of its own instance see it at once, the others when its lease ends. */
static void kill_worker(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    worker_id dead = worker->id;
    worker_kill(worker);
    comes_back(swarm, worker, lasts);
    struct worker *sibling = swarm_worker(swarm);
    if (sibling != NULL && world_chance(&swarm->world, 60))
        worker_saw_death(sibling, dead);
}

static void pause_redis(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    (void)worker;
    shard_pause(&swarm->shard, swarm->world.now + lasts);
}

static void restart_redis(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    (void)worker;
    shard_crash(&swarm->shard);
    swarm->redis_back_at = swarm->world.now + lasts;
}

/* Who is connected to the old master stays with it for some time yet. */
static void fail_over(struct swarm *swarm, struct worker *worker, uint64_t lasts)
{
    (void)worker;
    if (swarm->shard.server_count >= SHARD_SERVERS)
        return;
    shard_fail_over(&swarm->shard, (unsigned)world_random(&swarm->world, 12));
    for (int i = 0; i < SWARM_WORKERS; i++) {
        swarm->moves[i][0] = swarm->world.now + world_delay(&swarm->world, 0, lasts);
        swarm->moves[i][1] = swarm->world.now + world_delay(&swarm->world, 0, lasts);
    }
}

static const struct fault {
    const char *name;
    void (*strike)(struct swarm *swarm, struct worker *worker, uint64_t lasts);
    enum { MILD, HARSH, FORGETFUL } kind;
    unsigned weight;
    uint64_t most; /* where it is not mild */
} faults[] = {
    {"cut-commands", cut_commands, MILD, 10, 1 * SECONDS},
    {"cut-inbox", cut_inbox, MILD, 10, 1 * SECONDS},
    {"partition", partition, MILD, 8, 40 * SECONDS},
    {"freeze", freeze, MILD, 8, 40 * SECONDS},
    {"slow", slow, MILD, 6, 1 * SECONDS},
    {"drain", drain, MILD, 8, 6 * SECONDS},
    {"pause-redis", pause_redis, MILD, 6, 20 * SECONDS},
    {"deafen", deafen, FORGETFUL, 4, 20 * SECONDS},
    {"kill", kill_worker, HARSH, 8, 20 * SECONDS},
    {"restart-redis", restart_redis, FORGETFUL, 4, 30 * SECONDS},
    {"fail-over", fail_over, FORGETFUL, 3, 5 * SECONDS},
};

#define FAULTS (sizeof(faults) / sizeof(faults[0]))
#define MILD_LEAST (100 * MS)
#define MILD_MOST (600 * MS)

static bool is_of(const struct fault *fault, const struct temper *temper)
{
    if (temper->restless)
        return fault->strike == cut_commands || fault->strike == cut_inbox;
    if (temper->mild)
        return fault->kind == MILD;
    return temper->forgetful || fault->kind != FORGETFUL;
}

static const struct fault *choose(struct swarm *swarm)
{
    unsigned sum = 0, dice;
    for (unsigned i = 0; i < FAULTS; i++)
        sum += is_of(&faults[i], &swarm->temper) ? faults[i].weight : 0;
    dice = (unsigned)world_random(&swarm->world, sum);
    for (unsigned i = 0; i < FAULTS; i++) {
        if (!is_of(&faults[i], &swarm->temper))
            continue;
        if (dice < faults[i].weight)
            return &faults[i];
        dice -= faults[i].weight;
    }
    return NULL;
}

static uint64_t duration(struct swarm *swarm, const struct fault *fault)
{
    if (fault->strike == drain)
        return world_delay(&swarm->world, 1 * SECONDS,
                           swarm->temper.mild ? 3 * SECONDS : 6 * SECONDS);
    if (swarm->temper.mild || world_chance(&swarm->world, 40))
        return world_delay(&swarm->world, MILD_LEAST, MILD_MOST);
    return MILD_LEAST + world_random(&swarm->world, fault->most);
}

static void fault_fire(struct source *source)
{
    struct swarm *swarm = (struct swarm *)((char *)source - offsetof(struct swarm, fault));
    const struct fault *fault = choose(swarm);
    struct worker *worker = victim(swarm);
    uint64_t lasts = duration(swarm, fault);
    uint64_t pause = world_delay(&swarm->world, 300 * MS, 6 * SECONDS);
    source->due = swarm->world.now + pause + (swarm->temper.mild ? lasts + 2 * SECONDS : 0);
    if (swarm->temper.frantic)
        source->due = swarm->world.now + world_delay(&swarm->world, 100 * MS, 1 * SECONDS);
    else if (swarm->temper.restless)
        source->due = swarm->world.now + lasts + world_delay(&swarm->world, 300 * MS, 3 * SECONDS);
    if (worker == NULL)
        return;
    world_note(&swarm->world, "FAULT %s of worker %d for %.3f s", fault->name, worker->index,
               (double)lasts / SECONDS);
    fault->strike(swarm, worker, lasts);
    if (swarm->whole_at < swarm->world.now + lasts)
        swarm->whole_at = swarm->world.now + lasts;
}

static void move_on(struct swarm *swarm, int i)
{
    struct sim_store *store = &swarm->workers[i].store;
    if (swarm->moves[i][0] <= swarm->world.now) {
        swarm->moves[i][0] = NEVER;
        if (swarm->workers[i].exchange != NULL && store->commands.server != swarm->shard.redis)
            sim_store_cut_commands(store);
    }
    if (swarm->moves[i][1] <= swarm->world.now) {
        swarm->moves[i][1] = NEVER;
        if (swarm->workers[i].exchange != NULL && store->inbox.server != swarm->shard.redis)
            sim_store_cut_inbox(store);
    }
}

void faults_tend(struct swarm *swarm)
{
    if (swarm->redis_back_at <= swarm->world.now) {
        swarm->redis_back_at = NEVER;
        shard_restart(&swarm->shard, &swarm->redis_options);
    }
    for (int i = 0; i < SWARM_WORKERS; i++) {
        move_on(swarm, i);
        if (swarm->starts[i] <= swarm->world.now && swarm->workers[i].exchange == NULL) {
            swarm->starts[i] = NEVER;
            worker_start(&swarm->workers[i]);
        }
    }
}

void faults_start(struct swarm *swarm)
{
    world_add(&swarm->world, &swarm->fault, fault_fire);
    swarm->redis_back_at = NEVER;
    for (int i = 0; i < SWARM_WORKERS; i++)
        swarm->starts[i] = swarm->moves[i][0] = swarm->moves[i][1] = NEVER;
}

static void heal(struct swarm *swarm, struct worker *worker)
{
    uint64_t now = swarm->world.now;
    swarm->moves[worker->index][0] = swarm->moves[worker->index][1] = now;
    if (worker->exchange == NULL) {
        swarm->starts[worker->index] = now;
        return;
    }
    struct line *lines[] = {&worker->store.commands, &worker->store.inbox};
    for (int i = 0; i < 2; i++)
        lines[i]->up.most = lines[i]->down.most = 2 * MS;
    worker_thaw(worker);
    sim_store_partition(&worker->store, 0);
}

void faults_stop(struct swarm *swarm)
{
    world_note(&swarm->world, "the faults end");
    swarm->quiet = true;
    swarm->fault.due = NEVER;
    swarm->redis_back_at = swarm->world.now;
    shard_pause(&swarm->shard, 0);
    for (int i = 0; i < SWARM_WORKERS; i++)
        heal(swarm, &swarm->workers[i]);
    if (swarm->whole_at > swarm->world.now)
        swarm->whole_at = swarm->world.now;
}
