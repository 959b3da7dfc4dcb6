#include "sim/worker.h"

#include <stdlib.h>
#include <string.h>

#include "bus/node.h"
#include "sim/swarm.h"

#define TICK (50 * MS)
#define BOOT_CLOCK 1000000    /* ms */
#define LINGER (2 * SECONDS)  /* passes on what comes late for those that went elsewhere */
#define GIVE_UP (8 * SECONDS) /* after the close */

/* ---- the world of the exchange */

static void deliver_cb(void *connection, struct message *message)
{
    socket_deliver(connection, message_text(message));
}

static void ping_cb(void *connection, uint64_t number)
{
    socket_ping(connection, number);
}

static void close_cb(void *connection, enum close_code code)
{
    socket_close(connection, code);
}

static void random_cb(void *context, void *bytes, size_t len)
{
    struct worker *worker = context;
    for (size_t i = 0; i < len; i++)
        ((char *)bytes)[i] = (char)world_random(worker->world, 256);
}

static void trace(struct worker *worker, const char *way, const struct frame *frame)
{
    if (worker->world->tracing)
        world_note(worker->world,
                   "worker %d %s %s from=%llx to=%llx %.*s/%.*s request=%u version=%llu"
                   " worker=%llx stint=%u error=%d %.*s",
                   worker->index, way, frame_name(frame->kind), (unsigned long long)frame->from,
                   (unsigned long long)frame->to, (int)frame->room.len, frame->room.ptr,
                   (int)frame->peer.len, frame->peer.ptr, frame->request,
                   (unsigned long long)frame->version, (unsigned long long)frame->worker,
                   frame->stint, frame->error, (int)frame->data.len, frame->data.ptr);
}

static void send_cb(void *context, const struct frame *frame)
{
    struct worker *worker = context;
    trace(worker, "sends", frame);
    node_bus(worker->node)->send(node_bus(worker->node), frame);
}

static void on_frame(void *context, const struct frame *frame)
{
    struct worker *worker = context;
    struct frame copy = *frame;
    worker->frames++;
    trace(worker, "takes", frame);
    if (worker->mutation != NULL && worker->mutation->on_frame != NULL &&
        worker->mutation->on_frame(worker, &copy))
        return;
    exchange_on_frame(worker->exchange, &copy);
}

/* ---- the loop */

uint64_t worker_clock(const struct worker *worker)
{
    uint64_t ms = worker->world->now / MS;
    return BOOT_CLOCK + worker->clock_offset +
           (uint64_t)((int64_t)ms + (int64_t)ms * worker->clock_drift / 10000);
}

void worker_wake(struct worker *worker)
{
    uint64_t soon = worker->world->now + world_random(worker->world, 300);
    exchange_tick(worker->exchange, worker_clock(worker));
    node_tick(worker->node);
    if (worker->flush.due > soon)
        worker->flush.due = soon;
}

static uint64_t now_cb(void *context)
{
    return worker_clock(context);
}

static void export_cb(void *context, struct slice room, node_emit emit, void *to)
{
    exchange_export_room(((struct worker *)context)->exchange, room, emit, to);
}

static void on_restore(void *context)
{
    struct worker *worker = context;
    world_note(worker->world, "worker %d restores", worker->index);
    exchange_restore(worker->exchange);
}

static void woken_cb(void *context)
{
    worker_wake(context);
}

static void flush_fire(struct source *source)
{
    struct worker *worker = (struct worker *)((char *)source - offsetof(struct worker, flush));
    source->due = NEVER;
    node_bus(worker->node)->flush(node_bus(worker->node));
}

static void end(struct worker *worker);

/* What is held goes into the mailboxes; that takes some time. */
static void close_all(struct worker *worker)
{
    world_note(worker->world, "worker %d closes", worker->index);
    exchange_deposit(worker->exchange);
    worker->drained_at = NEVER;
    worker->gives_up_at = worker->world->now + GIVE_UP;
}

static bool is_done(const struct worker *worker)
{
    struct node_counts counts = node_count(worker->node);
    uint64_t closed_for = worker->world->now + GIVE_UP - worker->gives_up_at;
    return worker->world->now >= worker->gives_up_at ||
           (worker->drained_at == NEVER && closed_for >= LINGER &&
            exchange_count(worker->exchange).sessions == 0 && counts.asks == 0 &&
            counts.unacked == 0);
}

static void leave(struct worker *worker)
{
    world_note(worker->world, "worker %d leaves", worker->index);
    node_leave(worker->node);
    worker->ends_at = worker->world->now + 200 * MS;
}

/* A drain, step by step. */
static void go_on_draining(struct worker *worker)
{
    if (worker->world->now >= worker->drained_at)
        close_all(worker);
    else if (worker->ends_at == NEVER && is_done(worker))
        leave(worker);
    else if (worker->world->now >= worker->ends_at)
        end(worker);
}

static void tick_fire(struct source *source)
{
    struct worker *worker = (struct worker *)((char *)source - offsetof(struct worker, tick));
    source->due = worker->world->now + TICK;
    worker_wake(worker);
    worker->sockets = socket_sweep(worker->sockets);
    if (worker->draining)
        go_on_draining(worker);
}

/* ---- comes and goes */

void worker_init(struct worker *worker, struct swarm *swarm, int index)
{
    memset(worker, 0, sizeof(*worker));
    worker->swarm = swarm;
    worker->world = &swarm->world;
    worker->index = index;
    world_add(worker->world, &worker->tick, tick_fire);
    world_add(worker->world, &worker->flush, flush_fire);
}

void worker_start(struct worker *worker)
{
    struct swarm *swarm = worker->swarm;
    struct exchange_options options = swarm->options;
    worker->id = options.self =
        ((uint64_t)world_random(worker->world, 1u << 20) << 8) + 0x100 + ++swarm->last_id;
    worker->mutation = swarm->mutation;
    worker->frozen_until = 0;
    worker->draining = false;
    worker->drained_at = worker->gives_up_at = worker->ends_at = NEVER;
    worker->clock_offset = world_random(worker->world, 1000000);
    worker->clock_drift = (int)world_random(worker->world, 11) - 5;
    sim_store_start(&worker->store, &swarm->shard, worker->id, &worker->frozen_until);
    worker->store.woken = woken_cb;
    worker->store.woken_context = worker;
    worker->node = node_new(
        &(struct node_options){.self = worker->id,
                               .store = &worker->store.store,
                               .directory = {.resume_window = swarm->redis_options.resume_window,
                                             .hold_messages = swarm->redis_options.hold_messages,
                                             .hold_bytes = swarm->redis_options.hold_bytes},
                               .context = worker,
                               .now = now_cb,
                               .export_room = export_cb,
                               .on_restore = on_restore});
    node_bus(worker->node)->on_frame = on_frame;
    node_bus(worker->node)->context = worker;
    worker->exchange = exchange_new(&options,
                                    &(struct exchange_world){.context = worker,
                                                             .deliver = deliver_cb,
                                                             .ping = ping_cb,
                                                             .close = close_cb,
                                                             .send = send_cb,
                                                             .random = random_cb},
                                    worker_clock(worker));
    worker->tick.due = worker->world->now;
    world_note(worker->world, "worker %d starts as %llx", worker->index,
               (unsigned long long)worker->id);
}

static void end(struct worker *worker)
{
    struct sim_socket *socket;
    for (socket = worker->sockets; socket != NULL; socket = socket->next)
        socket_orphan(socket);
    /* Their clients have to be told yet: the swarm keeps them. */
    while ((socket = worker->sockets) != NULL) {
        worker->sockets = socket->next;
        socket->next = worker->swarm->orphans;
        worker->swarm->orphans = socket;
    }
    exchange_free(worker->exchange); /* tells nobody */
    node_free(worker->node);
    sim_store_stop(&worker->store);
    worker->exchange = NULL;
    worker->node = NULL;
    worker->tick.due = worker->flush.due = NEVER;
}

void worker_kill(struct worker *worker)
{
    world_note(worker->world, "worker %d is killed", worker->index);
    if (worker->exchange != NULL)
        end(worker);
}

static void set_frozen(struct worker *worker, uint64_t until)
{
    worker->frozen_until = until;
    worker->tick.due = until; /* time first, as the loop does */
    if (worker->flush.due != NEVER)
        worker->flush.due = until;
    sim_store_update(&worker->store);
    for (struct sim_socket *socket = worker->sockets; socket != NULL; socket = socket->next)
        pipe_update(&socket->up);
}

void worker_freeze(struct worker *worker, uint64_t until)
{
    if (until > worker->frozen_until)
        set_frozen(worker, until);
}

void worker_thaw(struct worker *worker)
{
    if (worker->frozen_until > worker->world->now)
        set_frozen(worker, worker->world->now);
}

void worker_drain(struct worker *worker, uint64_t spread, uint64_t lasts)
{
    if (worker->exchange == NULL || worker->draining)
        return;
    world_note(worker->world, "worker %d drains", worker->index);
    worker->draining = true;
    worker->drained_at = worker->world->now + lasts;
    exchange_drain(worker->exchange, spread / MS, lasts / MS);
}

bool worker_is_ready(const struct worker *worker)
{
    return worker->exchange != NULL && !worker->draining && node_is_ready(worker->node);
}

bool worker_is_cut_off(const struct worker *worker)
{
    return worker->exchange != NULL &&
           (worker->frozen_until > worker->world->now || !sim_store_is_up(&worker->store) ||
            node_count(worker->node).fenced);
}

void worker_saw_death(struct worker *worker, worker_id dead)
{
    if (worker->exchange != NULL)
        node_reap(worker->node, dead);
}
