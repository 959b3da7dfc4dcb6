#include "bus/redis.h"

#include <stdio.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/redis_client.h"
#include "bus/redis_gather.h"
#include "bus/redis_sentinel.h"
#include "bus/redis_store.h"
#include "net/outgoing.h"

#define SENTINEL_INTERVAL 1000 /* ms between two questions */
#define GATHERS_MAX 16         /* at a time */
#define GATHER_TIMEOUT 3000u   /* ms a shard has to answer */

struct shard {
    struct redis_bus *redis;
    struct redis_sentinel *sentinel; /* NULL: the Redis has an address of its own */
    struct redis_shown name;         /* for administrators */
    struct store *store;
    struct node *node;
};

struct redis_bus {
    struct bus bus; /* first, so that one is the other */
    uv_loop_t *loop;
    struct outgoing *outgoing;
    struct tls_context *tls; /* NULL: none */
    struct bus_tally *tally; /* or NULL */
    void *context;
    void (*export_room)(void *context, struct slice room, node_emit emit, void *to);
    void (*on_restore)(void *context);
    void (*on_closed)(void *context);
    void *closed_context;
    size_t open;                         /* stores, then sentinels, that are not closed yet */
    struct gather *gathers[GATHERS_MAX]; /* NULL: free */
    size_t count;
    struct shard shards[];
};

/* ---- the face */

static struct redis_bus *redis_of(struct bus *bus)
{
    return (struct redis_bus *)bus;
}

/* All instances must agree, so the key is no secret: whoever aims at one shard only finds it busy. */
static struct shard *shard_of(struct redis_bus *redis, struct slice room)
{
    static const unsigned char key[CRYPTO_HASH_KEY_SIZE] = "roomline shards";
    if (redis->count <= 1)
        return &redis->shards[0];
    return &redis->shards[crypto_hash_under(key, room.ptr, room.len) % redis->count];
}

static void send_to_shard(struct shard *shard, const struct frame *frame)
{
    struct bus *face = node_bus(shard->node);
    face->send(face, frame);
}

/* To each shard. Where too many are under way it gets no answer. */
static void gather(struct redis_bus *redis, const struct frame *ask)
{
    struct gather **gather = redis->gathers, **end = gather + GATHERS_MAX;
    while (gather < end && *gather != NULL)
        gather++;
    if (gather == end || (*gather = gather_new(ask, redis->count, uv_now(redis->loop))) == NULL) {
        log_event(LOG_WARN, "ask-dropped", LOG_STR("frame", frame_name(ask->kind)), LOG_END);
        return;
    }
    for (size_t i = 0; i < redis->count; i++)
        send_to_shard(&redis->shards[i], ask);
}

static void redis_send(struct bus *bus, const struct frame *frame)
{
    struct redis_bus *redis = redis_of(bus);
    if (redis->count > 1 && gather_is_for(frame))
        gather(redis, frame);
    else
        send_to_shard(shard_of(redis, frame->room), frame);
}

static void redis_flush(struct bus *bus)
{
    struct redis_bus *redis = redis_of(bus);
    for (size_t i = 0; i < redis->count; i++) {
        struct bus *face = node_bus(redis->shards[i].node);
        face->flush(face);
    }
}

/* ---- what nodes ask */

static void finish_gather(struct redis_bus *redis, struct gather **gather)
{
    struct slice *names = mem_must(redis->count * sizeof(*names));
    struct buf data;
    for (size_t i = 0; i < redis->count; i++)
        names[i] = slice_of(redis->shards[i].name.text);
    buf_init(&data, CONTROL_ANSWER_MAX);
    struct frame answer = gather_answer(*gather, names, &data);
    mem_free(names);
    gather_free(*gather);
    *gather = NULL;
    redis->bus.on_frame(redis->bus.context, &answer);
    buf_done(&data);
}

/* False: it answers nothing that is gathered. */
static bool gathered(struct shard *shard, const struct frame *answer)
{
    struct redis_bus *redis = shard->redis;
    for (size_t i = 0; i < GATHERS_MAX; i++) {
        struct gather **gather = &redis->gathers[i];
        if (*gather == NULL || gather_request(*gather) != answer->request)
            continue;
        if (gather_take(*gather, (size_t)(shard - redis->shards), answer))
            finish_gather(redis, gather);
        return true;
    }
    return false;
}

static void give_up_gathers(struct redis_bus *redis)
{
    for (size_t i = 0; i < GATHERS_MAX; i++)
        if (redis->gathers[i] != NULL &&
            uv_now(redis->loop) >= gather_since(redis->gathers[i]) + GATHER_TIMEOUT)
            finish_gather(redis, &redis->gathers[i]);
}

static void on_frame(void *context, const struct frame *frame)
{
    struct shard *shard = context;
    struct bus *bus = &shard->redis->bus;
    if (frame->kind != FRAME_CONTROLLED || !gathered(shard, frame))
        bus->on_frame(bus->context, frame);
}

static uint64_t now(void *context)
{
    return uv_now(((struct shard *)context)->redis->loop);
}

static uint64_t clock_us(void *context)
{
    (void)context;
    return uv_hrtime() / 1000;
}

static void export_room(void *context, struct slice room, node_emit emit, void *to)
{
    struct redis_bus *redis = ((struct shard *)context)->redis;
    redis->export_room(redis->context, room, emit, to);
}

/* Rooms of the other shards are said again as well: that changes nothing there. */
static void on_restore(void *context)
{
    struct redis_bus *redis = ((struct shard *)context)->redis;
    redis->on_restore(redis->context);
}

/* ---- start */

static void on_store_closed(void *context);

static bool start_sentinel(struct shard *shard, const struct redis_url *url,
                           const struct redis_login *login, struct redis_client_options *client)
{
    struct redis_sentinel_options options = {
        .addresses = url->addresses,
        .address_count = url->address_count,
        .master = url->master,
        .interval = SENTINEL_INTERVAL,
        .client = *client,
    };
    options.client.login = *login;
    shard->sentinel = redis_sentinel_new(&options);
    explicit_bzero(&options.client.login, sizeof(options.client.login));
    if (shard->sentinel == NULL)
        return false;
    client->master = redis_sentinel_master(shard->sentinel);
    return true;
}

static bool start_store(struct shard *shard, const struct redis_url *url,
                        const struct redis_bus_options *options)
{
    char name[sizeof("roomline-0123456789abcdef")];
    struct redis_store_options store = {
        .loop = options->loop,
        .client = redis_client_defaults(),
        .shard = {.prefix = options->prefix,
                  .self = options->self,
                  .rooms = options->directory.rooms,
                  .peers_per_room = options->directory.peers_per_room,
                  .made_rooms_only = options->directory.made_rooms_only,
                  .tells = options->directory.tells,
                  .hold_messages = options->hold_messages,
                  .hold_bytes = options->hold_bytes,
                  .resume_window = options->directory.resume_window},
        .card = options->card,
        .card_context = options->context,
        .on_closed = on_store_closed,
        .context = shard->redis,
    };
    struct redis_client_options *client = &store.client;
    snprintf(name, sizeof(name), "roomline-%016llx", (unsigned long long)options->self);
    client->outgoing = shard->redis->outgoing;
    client->name = name;
    client->tls = url->tls ? shard->redis->tls : NULL;
    if (url->sentinel && !start_sentinel(shard, url, &options->sentinel, client))
        return false;
    shard->name = redis_address_show(&url->addresses[0]);
    if (url->sentinel)
        snprintf(shard->name.text, sizeof(shard->name.text), "%s", url->master);
    if (!url->sentinel)
        client->address = &url->addresses[0];
    client->login = url->login;
    client->database = url->database;
    shard->store = redis_store_open(&store);
    explicit_bzero(&store, sizeof(store));
    return shard->store != NULL;
}

static bool start_shard(struct shard *shard, const struct redis_url *url,
                        const struct redis_bus_options *options)
{
    if (!start_store(shard, url, options))
        return false;
    shard->node = node_new(&(struct node_options){
        .self = options->self,
        .store = shard->store,
        .directory = options->directory,
        .context = shard,
        .now = now,
        .clock = clock_us,
        .tally = options->tally,
        .export_room = export_room,
        .on_restore = on_restore,
    });
    if (shard->node == NULL)
        return false;
    node_bus(shard->node)->on_frame = on_frame;
    node_bus(shard->node)->context = shard;
    return true;
}

static struct redis_bus *make(const struct redis_bus_options *options)
{
    struct redis_bus *redis =
        mem_zero(sizeof(*redis) + options->shard_count * sizeof(redis->shards[0]));
    if (redis == NULL)
        return NULL;
    redis->bus = (struct bus){.send = redis_send, .flush = redis_flush};
    redis->loop = options->loop;
    redis->tally = options->tally;
    redis->context = options->context;
    redis->export_room = options->export_room;
    redis->on_restore = options->on_restore;
    redis->count = options->shard_count;
    for (size_t i = 0; i < redis->count; i++)
        redis->shards[i].redis = redis;
    redis->outgoing = outgoing_new(options->loop);
    if (redis->outgoing != NULL)
        return redis;
    mem_free(redis);
    return NULL;
}

static void forget(void *context)
{
    (void)context;
}

struct redis_bus *redis_bus_new(const struct redis_bus_options *options,
                                char ret_error[TLS_ERROR_SIZE])
{
    struct redis_bus *redis = make(options);
    bool started = redis != NULL;
    snprintf(ret_error, TLS_ERROR_SIZE, "no memory");
    if (started && options->tls != NULL) {
        redis->tls = tls_client_context_new(options->tls, &outgoing_streams(redis->outgoing)->wire,
                                            ret_error);
        started = redis->tls != NULL;
    }
    for (size_t i = 0; started && i < redis->count; i++)
        started = start_shard(&redis->shards[i], &options->shards[i], options);
    if (started)
        return redis;
    if (redis != NULL)
        redis_bus_close(redis, forget, NULL);
    return NULL;
}

struct bus *redis_bus_face(struct redis_bus *redis)
{
    return &redis->bus;
}

void redis_bus_tick(struct redis_bus *redis)
{
    for (size_t i = 0; i < redis->count; i++)
        node_tick(redis->shards[i].node);
    give_up_gathers(redis);
}

void redis_bus_reap(struct redis_bus *redis, worker_id dead)
{
    for (size_t i = 0; i < redis->count; i++)
        node_reap(redis->shards[i].node, dead);
}

bool redis_bus_is_ready(const struct redis_bus *redis)
{
    for (size_t i = 0; i < redis->count; i++)
        if (!node_is_ready(redis->shards[i].node))
            return false;
    return true;
}

/* ---- what is counted */

static void add_counts(struct node_counts *sum, const struct node_counts *one)
{
    sum->asks += one->asks;
    sum->unacked += one->unacked;
    sum->packets_in += one->packets_in;
    sum->packets_out += one->packets_out;
    sum->frames_in += one->frames_in;
    sum->frames_out += one->frames_out;
    sum->refused += one->refused;
    sum->dropped += one->dropped;
    sum->malformed += one->malformed;
    sum->unheard += one->unheard;
    sum->lost_leases += one->lost_leases;
    sum->reconnects += one->reconnects;
}

static void publish_sums(struct bus_tally *tally, const struct node_counts *sum)
{
    tally_set(&tally->asks, sum->asks);
    tally_set(&tally->unacked, sum->unacked);
    tally_set(&tally->packets[0], sum->packets_in);
    tally_set(&tally->packets[1], sum->packets_out);
    tally_set(&tally->frames[0], sum->frames_in);
    tally_set(&tally->frames[1], sum->frames_out);
    tally_set(&tally->refused, sum->refused);
    tally_set(&tally->lost[PACKET_LOST_DROPPED], sum->dropped);
    tally_set(&tally->lost[PACKET_LOST_MALFORMED], sum->malformed);
    tally_set(&tally->lost[PACKET_LOST_UNHEARD], sum->unheard);
    tally_set(&tally->lost_leases, sum->lost_leases);
    tally_set(&tally->reconnects, sum->reconnects);
}

void redis_bus_count(const struct redis_bus *redis)
{
    struct bus_tally *tally = redis->tally;
    struct node_counts sum = {0};
    unsigned up = 0, listening = 0, provisional = 0, fenced = 0;
    if (tally == NULL)
        return;
    for (size_t i = 0; i < redis->count; i++) {
        struct node_counts one = node_count(redis->shards[i].node);
        up += one.up;
        listening += one.listening;
        provisional += one.provisional;
        fenced += one.fenced;
        add_counts(&sum, &one);
    }
    tally_set(&tally->shards, redis->count);
    tally_set(&tally->up, up);
    tally_set(&tally->listening, listening);
    tally_set(&tally->provisional, provisional);
    tally_set(&tally->fenced, fenced);
    publish_sums(tally, &sum);
}

/* ---- the end */

void redis_bus_leave(struct redis_bus *redis)
{
    for (size_t i = 0; i < redis->count; i++)
        node_leave(redis->shards[i].node);
}

bool redis_bus_is_quiet(const struct redis_bus *redis)
{
    for (size_t i = 0; i < redis->count; i++)
        if (!redis_store_is_quiet(redis->shards[i].store))
            return false;
    return true;
}

static void end(struct redis_bus *redis)
{
    void (*on_closed)(void *context) = redis->on_closed;
    void *context = redis->closed_context;
    for (size_t i = 0; i < GATHERS_MAX; i++)
        if (redis->gathers[i] != NULL)
            gather_free(redis->gathers[i]);
    tls_context_free(redis->tls);
    outgoing_close(redis->outgoing);
    mem_free(redis);
    on_closed(context);
}

static void on_sentinel_closed(void *context)
{
    struct redis_bus *redis = context;
    if (--redis->open == 0)
        end(redis);
}

/* The clients that follow are closed now. */
static void close_sentinels(struct redis_bus *redis)
{
    redis->open = 1;
    for (size_t i = 0; i < redis->count; i++) {
        struct shard *shard = &redis->shards[i];
        node_free(shard->node);
        if (shard->sentinel == NULL)
            continue;
        redis->open++;
        redis_sentinel_close(shard->sentinel, on_sentinel_closed, redis);
    }
    on_sentinel_closed(redis);
}

static void on_store_closed(void *context)
{
    struct redis_bus *redis = context;
    if (--redis->open == 0)
        close_sentinels(redis);
}

void redis_bus_close(struct redis_bus *redis, void (*on_closed)(void *context), void *context)
{
    redis->on_closed = on_closed;
    redis->closed_context = context;
    redis->open = 1;
    for (size_t i = 0; i < redis->count; i++) {
        if (redis->shards[i].store == NULL)
            continue;
        redis->open++;
        redis_store_close(redis->shards[i].store);
    }
    on_store_closed(redis);
}
