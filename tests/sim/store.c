#include "sim/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bus/link_head.h"

#define QUEUE_MAX ((size_t)64 << 20)

enum request {
    REQUEST_CONNECT,
    REQUEST_ASK,     /* number */
    REQUEST_PUBLISH, /* number: to */
    REQUEST_BEAT,    /* number */
    REQUEST_REAP,    /* number: the dead */
    REQUEST_LEAVE,
};

enum reply {
    REPLY_UP,
    REPLY_DOWN,
    REPLY_DONE,      /* encoded frames */
    REPLY_BEATEN,    /* number; struct beaten */
    REPLY_PUBLISHED, /* number: to; one byte: receivers */
    REPLY_PUSH,
};

struct beaten {
    uint64_t time; /* ms, by the server's clock */
    bool lost;
};

static void trace_packet(struct sim_store *store, const char *way, struct slice packet)
{
    struct link_head head;
    if (!store->world->tracing || packet.ptr[0] != STORE_LINK || !link_head_read(&packet, &head))
        return;
    world_note(store->world,
               "%llx %s packet flags=%u source=%llx life=%u to_life=%u session=%u number=%llu "
               "ack=%u:%llu expires=%llu",
               (unsigned long long)store->self, way, head.flags, (unsigned long long)head.source,
               head.life, head.to_life, head.session, (unsigned long long)head.number,
               head.ack_session, (unsigned long long)head.ack, (unsigned long long)head.expires);
}

/* ---- the server's end of the command connection */

static void answer_cb(void *context, const struct frame *frame)
{
    frame_encode(frame, context);
}

static void reply(struct line *line, bool alive, enum reply kind, uint64_t number,
                  struct slice bytes)
{
    if (alive)
        pipe_put(&line->down, kind, number, line->epoch, bytes);
}

/* All answers come in one reply. */
static void execute_ask(struct line *line, const struct parcel *parcel, bool alive)
{
    struct frame frame;
    struct buf answers;
    int error = frame_decode(parcel_slice(parcel), &frame);
    assert(error == 0);
    buf_init(&answers, QUEUE_MAX);
    redis_ask(line->server, line->owner->self, parcel->number, &frame, answer_cb, &answers);
    reply(line, alive, REPLY_DONE, 0, buf_slice(&answers));
    buf_done(&answers);
}

static void execute_publish(struct line *line, const struct parcel *parcel, bool alive)
{
    char receivers = (char)redis_publish(line->server, parcel->number, parcel_slice(parcel));
    reply(line, alive, REPLY_PUBLISHED, parcel->number, (struct slice){&receivers, 1});
}

static void execute_beat(struct line *line, const struct parcel *parcel, bool alive)
{
    struct beaten beaten = {0};
    beaten.lost = redis_beat(line->server, line->owner->self, parcel->number, &beaten.time);
    reply(line, alive, REPLY_BEATEN, parcel->number,
          (struct slice){(const char *)&beaten, sizeof(beaten)});
}

static void commands_arrive(struct pipe *pipe, const struct parcel *parcel)
{
    struct line *line = pipe->owner;
    bool alive = line->connected && parcel->epoch == line->epoch;
    switch ((enum request)parcel->kind) {
    case REQUEST_CONNECT: reply(line, alive, REPLY_UP, 0, SLICE_NONE); break;
    case REQUEST_ASK: execute_ask(line, parcel, alive); break;
    case REQUEST_PUBLISH: execute_publish(line, parcel, alive); break;
    case REQUEST_BEAT: execute_beat(line, parcel, alive); break;
    case REQUEST_REAP: redis_reap(line->server, parcel->number); break;
    case REQUEST_LEAVE: redis_leave(line->server, line->owner->self); break;
    }
}

/* ---- and of the one that listens */

static void push_cb(void *context, uint64_t epoch, struct slice bytes)
{
    struct line *line = context;
    if (line->connected && epoch == line->epoch)
        pipe_put(&line->down, REPLY_PUSH, 0, epoch, bytes);
}

static void inbox_arrive(struct pipe *pipe, const struct parcel *parcel)
{
    struct line *line = pipe->owner;
    if (!line->connected || parcel->epoch != line->epoch)
        return;
    redis_subscribe(line->server, line->owner->self, line->epoch, push_cb, line);
    reply(line, true, REPLY_UP, 0, SLICE_NONE);
}

/* ---- the worker's ends */

static void redial_soon(struct line *line)
{
    line->redial.due = line->owner->world->now + world_delay(line->owner->world, 20 * MS, 600 * MS);
}

static void commands_down(struct sim_store *store)
{
    redial_soon(&store->commands);
    if (!store->commands.is_up)
        return;
    store->commands.is_up = false;
    store->store.events->on_down(store->store.context, "cut");
}

static void commands_up(struct sim_store *store)
{
    store->commands.is_up = true;
    store->store.events->on_up(store->store.context);
}

static void take_answers(struct sim_store *store, struct slice answers)
{
    struct frame frame;
    while (frame_next(&answers, &frame))
        store->store.events->on_frame(store->store.context, &frame);
    store->store.events->on_done(store->store.context, 0);
}

static void commands_take(struct pipe *pipe, const struct parcel *parcel)
{
    struct sim_store *store = ((struct line *)pipe->owner)->owner;
    const struct store_events *events = store->store.events;
    void *context = store->store.context;
    struct beaten beaten;
    store->woken(store->woken_context);
    switch ((enum reply)parcel->kind) {
    case REPLY_UP: commands_up(store); break;
    case REPLY_DOWN: commands_down(store); break;
    case REPLY_DONE: take_answers(store, parcel_slice(parcel)); break;
    case REPLY_BEATEN:
        memcpy(&beaten, parcel->bytes, sizeof(beaten));
        events->on_beaten(context, parcel->number, beaten.time, beaten.lost);
        break;
    case REPLY_PUBLISHED:
        events->on_published(context, parcel->number, (unsigned)parcel->bytes[0]);
        break;
    case REPLY_PUSH: break;
    }
}

static void inbox_take(struct pipe *pipe, const struct parcel *parcel)
{
    struct sim_store *store = ((struct line *)pipe->owner)->owner;
    store->woken(store->woken_context);
    if (parcel->kind == REPLY_UP) {
        store->inbox.is_up = true;
        store->store.events->on_listening(store->store.context);
    } else if (parcel->kind == REPLY_PUSH) {
        trace_packet(store, "hears", parcel_slice(parcel));
        store->store.events->on_inbox(store->store.context, parcel_slice(parcel));
    } else {
        redial_soon(&store->inbox);
        if (store->inbox.is_up)
            store->store.events->on_deaf(store->store.context);
        store->inbox.is_up = false;
    }
}

static void redial_fire(struct source *source)
{
    struct line *line = (struct line *)((char *)source - offsetof(struct line, redial));
    struct sim_store *store = line->owner;
    struct shard *shard = store->shard;
    source->due = NEVER;
    if (store->world->now < *store->gate || store->world->now < store->partitioned_until ||
        shard->redis == NULL) {
        redial_soon(line);
        return;
    }
    if (line->up.first != NULL) { /* the server takes what the last connection left first */
        redial_soon(line);
        return;
    }
    line->server = shard->redis;
    line->epoch++;
    line->connected = true;
    line->deaf = false;
    pipe_put(&line->up, REQUEST_CONNECT, 0, line->epoch, SLICE_NONE);
}

/* ---- calls of the node */

struct queued {
    enum request kind;
    uint64_t number;
    size_t len;
};

static void enqueue(struct store *base, enum request kind, uint64_t number, struct slice bytes)
{
    struct sim_store *store = (struct sim_store *)base;
    struct queued head = {.kind = kind, .number = number, .len = bytes.len};
    buf_add(&store->queue, &head, sizeof(head));
    buf_add_slice(&store->queue, bytes);
    assert(!buf_failed(&store->queue));
}

static void store_ask(struct store *base, uint64_t number, const struct frame *frame)
{
    struct buf bytes;
    buf_init(&bytes, QUEUE_MAX);
    frame_encode(frame, &bytes);
    enqueue(base, REQUEST_ASK, number, buf_slice(&bytes));
    buf_done(&bytes);
}

static void store_publish(struct store *base, worker_id to, struct message *packet)
{
    trace_packet((struct sim_store *)base, "publishes", message_text(packet));
    enqueue(base, REQUEST_PUBLISH, to, message_text(packet));
}

static void store_beat(struct store *base, uint64_t number)
{
    enqueue(base, REQUEST_BEAT, number, SLICE_NONE);
}

static void store_reap(struct store *base, worker_id dead)
{
    enqueue(base, REQUEST_REAP, dead, SLICE_NONE);
}

static void store_leave(struct store *base)
{
    enqueue(base, REQUEST_LEAVE, 0, SLICE_NONE);
}

static void store_flush(struct store *base)
{
    struct sim_store *store = (struct sim_store *)base;
    struct line *line = &store->commands;
    struct slice queue = buf_slice(&store->queue);
    while (queue.len > 0) {
        struct queued head;
        memcpy(&head, queue.ptr, sizeof(head));
        if (line->connected && line->is_up)
            pipe_put(&line->up, head.kind, head.number, line->epoch,
                     (struct slice){queue.ptr + sizeof(head), head.len});
        queue.ptr += sizeof(head) + head.len;
        queue.len -= sizeof(head) + head.len;
    }
    buf_clear(&store->queue);
}

/* ---- cuts */

/* The worker notices after a while, whatever holds up the network. */
static void cut(struct line *line)
{
    if (!line->connected)
        return;
    line->connected = false;
    pipe_lose_tail(&line->up);
    pipe_clear(&line->down);
    line->down.held_until = 0;
    pipe_put(&line->down, REPLY_DOWN, 0, line->epoch, SLICE_NONE);
}

static void end_linger(struct sim_store *store)
{
    if (store->linger.due == NEVER)
        return;
    store->linger.due = NEVER;
    redis_unsubscribe(store->linger_server, store->self, store->linger_epoch);
}

static void linger_fire(struct source *source)
{
    end_linger((struct sim_store *)((char *)source - offsetof(struct sim_store, linger)));
}

/* The server notices at once, or much later. */
static void unsubscribe(struct sim_store *store)
{
    end_linger(store);
    store->linger_server = store->inbox.server;
    store->linger_epoch = store->inbox.epoch;
    store->linger.due = store->world->now;
    if (world_chance(store->world, 50))
        store->linger.due += world_delay(store->world, 0, 20 * SECONDS);
    else
        end_linger(store);
}

void sim_store_cut_commands(struct sim_store *store)
{
    cut(&store->commands);
}

void sim_store_cut_inbox(struct sim_store *store)
{
    if (store->inbox.connected)
        unsubscribe(store);
    cut(&store->inbox);
}

static void store_resubscribe(struct store *base)
{
    sim_store_cut_inbox((struct sim_store *)base);
}

void sim_store_deafen(struct sim_store *store)
{
    if (!store->inbox.connected)
        return;
    redis_unsubscribe(store->inbox.server, store->self, store->inbox.epoch);
    store->inbox.deaf = true;
}

void sim_store_partition(struct sim_store *store, uint64_t until)
{
    store->partitioned_until = until;
    sim_store_update(store);
}

void sim_store_update(struct sim_store *store)
{
    struct line *lines[] = {&store->commands, &store->inbox};
    for (int i = 0; i < 2; i++) {
        struct line *line = lines[i];
        line->up.held_until = store->partitioned_until;
        if (line->server == store->shard->redis && line->up.held_until < store->shard->paused_until)
            line->up.held_until = store->shard->paused_until;
        line->down.held_until = line->connected ? store->partitioned_until : 0;
        pipe_update(&line->up);
        pipe_update(&line->down);
    }
}

bool sim_store_is_up(const struct sim_store *store)
{
    return store->commands.is_up && store->inbox.is_up && store->commands.connected &&
           store->inbox.connected && store->commands.server == store->shard->redis &&
           store->inbox.server == store->shard->redis && !store->inbox.deaf &&
           store->partitioned_until <= store->world->now &&
           store->shard->paused_until <= store->world->now;
}

/* ---- a worker comes and goes */

static void line_start(struct line *line, struct sim_store *store,
                       void (*arrive)(struct pipe *, const struct parcel *),
                       void (*take)(struct pipe *, const struct parcel *))
{
    line->owner = store;
    pipe_start(&line->up, store->world, arrive, line);
    pipe_start(&line->down, store->world, take, line);
    line->down.gate = store->gate;
    world_add(store->world, &line->redial, redial_fire);
    redial_soon(line);
}

static void line_stop(struct line *line)
{
    world_remove(line->owner->world, &line->redial);
    pipe_stop(&line->down);
    pipe_stop(&line->up);
}

void sim_store_start(struct sim_store *store, struct shard *shard, worker_id self,
                     const uint64_t *gate)
{
    memset(store, 0, sizeof(*store));
    store->store = (struct store){.ask = store_ask,
                                  .publish = store_publish,
                                  .beat = store_beat,
                                  .reap = store_reap,
                                  .leave = store_leave,
                                  .resubscribe = store_resubscribe,
                                  .flush = store_flush};
    store->world = shard->world;
    store->shard = shard;
    store->self = self;
    store->gate = gate;
    buf_init(&store->queue, QUEUE_MAX);
    world_add(store->world, &store->linger, linger_fire);
    line_start(&store->commands, store, commands_arrive, commands_take);
    line_start(&store->inbox, store, inbox_arrive, inbox_take);
    assert(shard->store_count < SHARD_STORES);
    shard->stores[shard->store_count++] = store;
}

void sim_store_stop(struct sim_store *store)
{
    struct shard *shard = store->shard;
    sim_store_cut_inbox(store);
    end_linger(store);
    line_stop(&store->inbox);
    line_stop(&store->commands);
    world_remove(store->world, &store->linger);
    buf_done(&store->queue);
    for (unsigned i = 0; i < shard->store_count; i++)
        if (shard->stores[i] == store)
            shard->stores[i--] = shard->stores[--shard->store_count];
}

/* ---- the shard */

static struct redis *add_server(struct shard *shard, struct redis *redis)
{
    assert(shard->server_count < SHARD_SERVERS);
    return shard->servers[shard->server_count++] = redis;
}

void shard_restart(struct shard *shard, const struct redis_options *options)
{
    if (shard->redis == NULL)
        shard->redis = add_server(shard, redis_new(shard->world, options));
}

void shard_start(struct shard *shard, struct world *world, const struct redis_options *options)
{
    memset(shard, 0, sizeof(*shard));
    shard->world = world;
    shard_restart(shard, options);
}

void shard_stop(struct shard *shard)
{
    for (unsigned i = 0; i < shard->server_count; i++)
        redis_free(shard->servers[i]);
}

void shard_crash(struct shard *shard)
{
    for (unsigned i = 0; i < shard->store_count; i++) {
        struct sim_store *store = shard->stores[i];
        sim_store_cut_commands(store);
        sim_store_cut_inbox(store);
        end_linger(store);
        pipe_clear(&store->commands.up); /* nobody is there to execute what was sent */
    }
    shard->redis = NULL;
    shard_pause(shard, 0);
}

void shard_fail_over(struct shard *shard, unsigned lost_changes)
{
    if (shard->redis == NULL)
        return;
    shard->redis = add_server(shard, redis_fail_over(shard->redis, lost_changes));
    shard_pause(shard, 0);
}

void shard_pause(struct shard *shard, uint64_t until)
{
    shard->paused_until = until;
    for (unsigned i = 0; i < shard->store_count; i++)
        sim_store_update(shard->stores[i]);
}
