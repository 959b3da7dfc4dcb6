#include "sim/worker.h"

#include <stdlib.h>
#include <string.h>

#include "sim/swarm.h"

#define TICK (50 * MS)
#define BOOT_CLOCK 1000000 /* ms */

/* SCAFFOLD: a bus with no repair */
struct node {
    struct bus bus;
    struct worker *worker;
    struct buf asks;
    uint64_t number, beat_at;
    bool up, listening;
};

static void direct_send(struct bus *bus, const struct frame *frame)
{
    struct node *node = (struct node *)bus;
    struct store *store = &node->worker->store.store;
    if (frame->to == node->worker->id) {
        frame_encode(frame, &node->asks);
        return;
    }
    if (frame->to <= MAILBOX) {
        store->ask(store, ++node->number, frame);
        return;
    }
    struct buf bytes;
    buf_init(&bytes, 1 << 20);
    buf_add_char(&bytes, STORE_LINK);
    frame_encode(frame, &bytes);
    struct message *message = message_of(buf_slice(&bytes));
    buf_done(&bytes);
    store->publish(store, frame->to, message);
    message_unref(message);
}
static void direct_flush(struct bus *bus)
{
    struct node *node = (struct node *)bus;
    while (node->asks.len > 0) {
        struct buf taken = node->asks;
        buf_init(&node->asks, 1 << 20);
        struct slice s = buf_slice(&taken);
        struct frame frame;
        while (frame_next(&s, &frame))
            node->bus.on_frame(node->bus.context, &frame);
        buf_done(&taken);
    }
    node->worker->store.store.flush(&node->worker->store.store);
}
static void d_on_up(void *c) { ((struct node *)c)->up = true; }
static void d_on_down(void *c, const char *cause) { (void)c; (void)cause; }
static void d_on_listening(void *c) { ((struct node *)c)->listening = true; }
static void d_on_deaf(void *c) { (void)c; }
static void d_on_frame(void *c, const struct frame *f)
{
    struct node *node = c;
    node->bus.on_frame(node->bus.context, f);
}
static void d_on_inbox(void *c, struct slice bytes)
{
    struct frame frame;
    char kind = bytes.ptr[0];
    bytes.ptr++;
    bytes.len--;
    if (kind != STORE_BEAT)
        while (frame_next(&bytes, &frame))
            d_on_frame(c, &frame);
}
static void d_on_done(void *c, int error) { (void)c; (void)error; }
static void d_on_beaten(void *c, uint64_t n, uint64_t t, bool l)
{
    (void)c; (void)n; (void)t; (void)l;
}
static void d_on_published(void *c, worker_id to, unsigned n) { (void)c; (void)to; (void)n; }
static const struct store_events direct_events = {
    d_on_up, d_on_down, d_on_listening, d_on_deaf, d_on_inbox,
    d_on_frame, d_on_done, d_on_beaten, d_on_published};
static struct node *node_new(struct worker *worker)
{
    struct node *node = calloc(1, sizeof(*node));
    node->bus.send = direct_send;
    node->bus.flush = direct_flush;
    node->worker = worker;
    buf_init(&node->asks, 1 << 20);
    worker->store.store.events = &direct_events;
    worker->store.store.context = node;
    return node;
}
static struct bus *node_bus(struct node *node) { return &node->bus; }
static void node_free(struct node *node) { buf_done(&node->asks); free(node); }
static bool node_is_ready(const struct node *node) { return node->up && node->listening; }
static void node_tick(struct node *node, uint64_t now)
{
    if (now >= node->beat_at) {
        node->beat_at = now + 3000;
        node->worker->store.store.beat(&node->worker->store.store, 1);
    }
}

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
        world_note(worker->world, "worker %d %s %s from=%llx to=%llx %.*s/%.*s request=%u version=%llu"
                   " worker=%llx error=%d %.*s",
                   worker->index, way, frame_name(frame->kind), (unsigned long long)frame->from,
                   (unsigned long long)frame->to, (int)frame->room.len, frame->room.ptr,
                   (int)frame->peer.len, frame->peer.ptr, frame->request,
                   (unsigned long long)frame->version, (unsigned long long)frame->worker,
                   frame->error, (int)frame->data.len, frame->data.ptr);
}

static void send_cb(void *context, const struct frame *frame)
{
    struct worker *worker = context;
    struct frame copy = *frame;
    trace(worker, "sends", frame);
    if (worker->mutation != NULL && worker->mutation->on_send != NULL &&
        worker->mutation->on_send(worker, &copy))
        return;
    node_bus(worker->node)->send(node_bus(worker->node), &copy);
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

static void tell_time(struct worker *worker)
{
    uint64_t now = worker_clock(worker);
    exchange_tick(worker->exchange, now);
    node_tick(worker->node, now);
}

void worker_wake(struct worker *worker)
{
    uint64_t soon = worker->world->now + world_random(worker->world, 300);
    tell_time(worker);
    if (worker->flush.due > soon)
        worker->flush.due = soon;
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

/* Closed everybody, left the store, and told it so. */
static void drained(struct worker *worker)
{
    world_note(worker->world, "worker %d has drained", worker->index);
    end(worker);
}

static void close_all(struct worker *worker)
{
    world_note(worker->world, "worker %d closes", worker->index);
    exchange_close_all(worker->exchange, CLOSE_DRAINING);
    node_bus(worker->node)->flush(node_bus(worker->node));
    worker->drained_at = NEVER;
    worker->ends_at = worker->world->now + 500 * MS;
}

static void tick_fire(struct source *source)
{
    struct worker *worker = (struct worker *)((char *)source - offsetof(struct worker, tick));
    source->due = worker->world->now + TICK;
    worker_wake(worker);
    worker->sockets = socket_sweep(worker->sockets);
    if (worker->world->now >= worker->drained_at)
        close_all(worker);
    if (worker->world->now >= worker->ends_at)
        drained(worker);
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
    worker->id = options.self = ((uint64_t)world_random(worker->world, 1u << 20) << 8) + 0x100 +
                                ++swarm->last_id;
    worker->mutation = swarm->mutation;
    worker->frozen_until = 0;
    worker->draining = false;
    worker->drained_at = worker->ends_at = NEVER;
    worker->clock_offset = world_random(worker->world, 1000000);
    worker->clock_drift = (int)world_random(worker->world, 11) - 5;
    sim_store_start(&worker->store, &swarm->shard, worker->id, &worker->frozen_until);
    worker->store.woken = woken_cb;
    worker->store.woken_context = worker;
    worker->node = node_new(worker);
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
    exchange_free(worker->exchange);
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

void worker_saw_death(struct worker *worker, worker_id dead)
{
    struct store *store = &worker->store.store;
    if (worker->exchange != NULL)
        store->reap(store, dead);
}
