#include "sim/swarm.h"

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"

#define LOOK (250 * MS)
#define WARM_UP (5 * SECONDS)
#define STORMY_LEAST (20 * SECONDS)
#define STORMY_MOST (80 * SECONDS)
#define SETTLE (75 * SECONDS) /* longer than the rosters' slowest check */
#define HUSH (6 * SECONDS)    /* from the last signal until all is answered */
#define WINDOWS                                                                                    \
    (100 * SECONDS) /* until the last half-open socket is noticed, and its session ends */

const struct temper tempers[] = {
    {.name = "calm", .calm = true, .mild = true},
    {.name = "mild", .mild = true},
    {.name = "mild-wild", .mild = true, .wild = true},
    {.name = "restless", .mild = true, .restless = true},
    {.name = "frantic", .restless = true, .frantic = true},
    {.name = "harsh"},
    {.name = "harsh-wild", .wild = true},
    {.name = "strict", .strict = true},
    {.name = "forgetful", .forgetful = true},
    {.name = "forgetful-wild", .forgetful = true, .wild = true},
};

const unsigned temper_count = sizeof(tempers) / sizeof(tempers[0]);

const char *swarm_room(unsigned peer)
{
    static const char *const rooms[SWARM_ROOMS] = {"red", "blue"};
    return rooms[peer % SWARM_ROOMS];
}

struct worker *swarm_worker(struct swarm *swarm)
{
    struct worker *ready[SWARM_WORKERS];
    unsigned count = 0;
    for (int i = 0; i < SWARM_WORKERS; i++)
        if (worker_is_ready(&swarm->workers[i]))
            ready[count++] = &swarm->workers[i];
    return count == 0 ? NULL : ready[world_random(&swarm->world, count)];
}

static void look_fire(struct source *source)
{
    struct swarm *swarm = (struct swarm *)((char *)source - offsetof(struct swarm, look));
    source->due = swarm->world.now + LOOK;
    swarm->orphans = socket_sweep(swarm->orphans);
    faults_tend(swarm);
    checks_look(swarm);
}

static void pass(struct swarm *swarm, uint64_t time)
{
    uint64_t until = swarm->world.now + time;
    while (world_step(&swarm->world, until))
        ;
}

static void start(struct swarm *swarm)
{
    swarm->options = (struct exchange_options){.join_timeout = 10000,
                                               .resume_window = 30000,
                                               .ping_interval = 25000,
                                               .info_size = 4096,
                                               .hold_messages = 64,
                                               .hold_bytes = 256 << 10,
                                               .check_interval = 60000,
                                               .mailbox = true,
                                               .ice_servers = SLICE("[]")};
    swarm->redis_options = (struct redis_options){.resume_window = 30000,
                                                  .hold_messages = 64,
                                                  .hold_bytes = 256 << 10,
                                                  .mutation = swarm->mutation};
    world_add(&swarm->world, &swarm->look, look_fire);
    swarm->look.due = swarm->world.now;
    for (int i = 0; i < SWARM_WORKERS; i++)
        worker_init(&swarm->workers[i], swarm, i);
    shard_start(&swarm->shard, &swarm->world, &swarm->redis_options);
    ledger_start(&swarm->ledger, &swarm->world);
    for (int i = 0; i < SWARM_WORKERS; i++)
        worker_start(&swarm->workers[i]);
    for (unsigned i = 0; i < SWARM_PEERS; i++)
        peer_start(&swarm->peers[i], swarm, i);
    for (unsigned i = 0; i < SWARM_WILD && swarm->temper.wild; i++)
        wild_start(&swarm->wild[i], swarm, i);
    faults_start(swarm);
}

/* Sockets that nobody lets go of would keep their memberships alive. */
static void break_all(struct swarm *swarm)
{
    for (int i = 0; i < SWARM_WORKERS; i++)
        for (struct sim_socket *socket = swarm->workers[i].sockets; socket != NULL;
             socket = socket->next)
            if (socket->user == NULL && socket->session != NULL && !socket->broken)
                socket_break(socket, world_delay(&swarm->world, 0, 5 * SECONDS));
}

static void everybody_leaves(struct swarm *swarm)
{
    for (unsigned i = 0; i < SWARM_PEERS; i++)
        peer_depart(&swarm->peers[i], world_chance(&swarm->world, 50));
    for (unsigned i = 0; i < SWARM_WILD && swarm->temper.wild; i++)
        wild_depart(&swarm->wild[i]);
    pass(swarm, 2 * SECONDS);
    break_all(swarm);
}

static void hush(struct swarm *swarm)
{
    swarm->hushed = true;
    for (unsigned i = 0; i < SWARM_PEERS; i++)
        swarm->peers[i].act.due = NEVER;
    for (unsigned i = 0; i < SWARM_WILD && swarm->temper.wild; i++)
        wild_depart(&swarm->wild[i]);
    pass(swarm, HUSH);
    for (unsigned i = 0; i < SWARM_PEERS; i++)
        peer_ping(&swarm->peers[i]);
    pass(swarm, HUSH);
}

static void storm(struct swarm *swarm)
{
    pass(swarm, WARM_UP);
    if (!swarm->temper.calm)
        swarm->fault.due = swarm->world.now;
    pass(swarm, STORMY_LEAST + world_random(&swarm->world, STORMY_MOST - STORMY_LEAST));
    faults_stop(swarm);
}

static void settle(struct swarm *swarm)
{
    pass(swarm, SETTLE);
    hush(swarm);
}

static void end_all(struct swarm *swarm)
{
    everybody_leaves(swarm);
    pass(swarm, WINDOWS);
}

static void tell(struct swarm *swarm)
{
    static void (*const chapters[])(struct swarm *) = {start,          storm,   settle,
                                                       checks_settled, end_all, checks_empty};
    for (unsigned i = 0; i < sizeof(chapters) / sizeof(chapters[0]); i++)
        if (swarm->world.violation[0] == '\0')
            chapters[i](swarm);
}

int swarm_run(struct swarm *swarm, uint64_t seed, const struct temper *temper,
              const struct mutation *mutation, bool tracing)
{
    memset(swarm, 0, sizeof(*swarm));
    crypto_init();
    log_init(LOG_ERROR + 1, LOG_TEXT, -1); /* errors are what is provoked */
    swarm->temper = *temper;
    swarm->mutation = mutation;
    world_start(&swarm->world, seed, tracing);
    tell(swarm);
    return swarm->world.violation[0] == '\0' ? 0 : -1;
}

static void free_sockets(struct sim_socket *socket)
{
    struct sim_socket *next;
    for (; socket != NULL; socket = next) {
        next = socket->next;
        socket_free(socket);
    }
}

void swarm_end(struct swarm *swarm)
{
    for (int i = 0; i < SWARM_WORKERS; i++)
        worker_kill(&swarm->workers[i]);
    free_sockets(swarm->orphans);
    for (unsigned i = 0; i < SWARM_PEERS; i++)
        peer_stop(&swarm->peers[i]);
    shard_stop(&swarm->shard);
    ledger_stop(&swarm->ledger);
    world_stop(&swarm->world);
}
