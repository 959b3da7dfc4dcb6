#include "sim/redis.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/directory_state.h"

#define LEASES 64
#define TOLD 64
#define INBOX_MAX (64u << 20)

/* Something that changed the server, or may have. */
struct change {
    enum { CHANGE_ASK, CHANGE_BEAT, CHANGE_REAP, CHANGE_LEAVE } kind;
    worker_id worker;
    uint64_t number; /* of an ask */
    uint64_t at;     /* ms */
    char *bytes;     /* of an ask: the frame */
    size_t len;
};

struct lease {
    worker_id worker;
    uint64_t ends; /* ms */
    bool unbeaten; /* only so that who came to hold something without a lease is reaped */
};

struct subscription {
    worker_id worker;
    uint64_t epoch;
    void (*push)(void *context, uint64_t epoch, struct slice bytes);
    void *context;
};

struct redis {
    struct world *world;
    struct redis_options options;
    struct directory *directory;
    uint64_t now; /* ms, never goes back */
    uint64_t epoch;
    struct lease leases[LEASES];
    unsigned lease_count;
    struct change *log;
    size_t log_len, log_capacity;
    struct subscription subscriptions[REDIS_SUBSCRIPTIONS];
    unsigned subscription_count;
    bool replaying;

    struct {
        worker_id worker;
        uint64_t number; /* of its last ask that must not be done twice */
    } told[TOLD];
    unsigned told_count;

    /* While an ask is dealt with. */
    bool asking, answered;
    worker_id sender; /* whom the frame is from; who asks may only pass it on */
    void (*answer)(void *context, const struct frame *frame);
    void *context;

    struct buf room; /* of redis_room() */
};

/* ---- channels */

unsigned redis_publish(struct redis *redis, worker_id to, struct slice bytes)
{
    unsigned receivers = 0;
    for (unsigned i = 0; i < redis->subscription_count; i++) {
        struct subscription *subscription = &redis->subscriptions[i];
        if (subscription->worker != to)
            continue;
        subscription->push(subscription->context, subscription->epoch, bytes);
        receivers++;
    }
    return receivers;
}

void redis_subscribe(struct redis *redis, worker_id worker, uint64_t epoch,
                     void (*push)(void *context, uint64_t epoch, struct slice bytes), void *context)
{
    assert(redis->subscription_count < REDIS_SUBSCRIPTIONS);
    redis->subscriptions[redis->subscription_count++] =
        (struct subscription){worker, epoch, push, context};
}

void redis_unsubscribe(struct redis *redis, worker_id worker, uint64_t epoch)
{
    for (unsigned i = 0; i < redis->subscription_count; i++) {
        struct subscription *subscription = &redis->subscriptions[i];
        if (subscription->worker == worker && subscription->epoch == epoch) {
            *subscription = redis->subscriptions[--redis->subscription_count];
            return;
        }
    }
}

static void publish_event(struct redis *redis, const struct frame *frame)
{
    struct buf bytes;
    buf_init(&bytes, INBOX_MAX);
    buf_add_char(&bytes, STORE_EVENTS);
    frame_encode(frame, &bytes);
    redis_publish(redis, frame->to, buf_slice(&bytes));
    buf_done(&bytes);
}

/* What the mailbox passes on goes by way of who asked, whose links lose nothing. */
static bool is_answer(const struct redis *redis, const struct frame *frame)
{
    static const enum {
        EVENT,
        TO_SENDER,
        BY_ASKER
    } ways[FRAME_KIND_COUNT] = {
        [FRAME_ROOM] = TO_SENDER,       [FRAME_REFUSED] = TO_SENDER, [FRAME_EVICTED] = TO_SENDER,
        [FRAME_CONTROLLED] = TO_SENDER, [FRAME_HOLD] = TO_SENDER,    [FRAME_HANDED] = TO_SENDER,
        [FRAME_SIGNAL] = BY_ASKER,      [FRAME_FENCE] = BY_ASKER,    [FRAME_FENCED] = BY_ASKER,
        [FRAME_UNDELIVERED] = BY_ASKER,
    };
    if (!redis->asking || ways[frame->kind] == EVENT)
        return false;
    return ways[frame->kind] == BY_ASKER || frame->to == redis->sender;
}

/* Of the directory: an answer goes back by the command connection, an event to an inbox. */
static void directory_send_cb(void *context, const struct frame *frame)
{
    struct redis *redis = context;
    bool answer = is_answer(redis, frame);
    redis->answered |= answer;
    if (redis->replaying)
        return;
    if (!answer)
        publish_event(redis, frame);
    else if (redis->answer != NULL)
        redis->answer(redis->context, frame);
}

/* ---- leases */

static struct lease *lease_find(struct redis *redis, worker_id worker)
{
    for (unsigned i = 0; i < redis->lease_count; i++)
        if (redis->leases[i].worker == worker)
            return &redis->leases[i];
    return NULL;
}

static bool lease_renew(struct redis *redis, worker_id worker)
{
    struct lease *lease = lease_find(redis, worker);
    bool lost = lease == NULL || lease->ends <= redis->now || lease->unbeaten;
    if (lease == NULL) {
        assert(redis->lease_count < LEASES);
        lease = &redis->leases[redis->lease_count++];
        *lease = (struct lease){.worker = worker};
    }
    lease->ends = redis->now + REDIS_LEASE;
    lease->unbeaten = false;
    return lost;
}

/* As host_enter() of room.lua: what a worker asked for before it ended may be done after it. */
static void lease_ensure(struct redis *redis, worker_id worker)
{
    if (lease_find(redis, worker) != NULL)
        return;
    assert(redis->lease_count < LEASES);
    redis->leases[redis->lease_count++] =
        (struct lease){.worker = worker, .ends = redis->now + REDIS_LEASE, .unbeaten = true};
}

static void bury(struct redis *redis, worker_id dead)
{
    worker_id living[LEASES];
    size_t count = 0;
    struct lease *lease = lease_find(redis, dead);
    if (lease != NULL)
        *lease = redis->leases[--redis->lease_count];
    for (unsigned i = 0; i < redis->lease_count; i++)
        living[count++] = redis->leases[i].worker;
    directory_worker_down(redis->directory, dead, living, count);
}

static void bury_one_overdue(struct redis *redis)
{
    struct lease *first = NULL;
    if (redis->options.mutation != NULL && redis->options.mutation->never_reaps)
        return;
    for (unsigned i = 0; i < redis->lease_count; i++)
        if (first == NULL || redis->leases[i].ends < first->ends)
            first = &redis->leases[i];
    if (first != NULL && first->ends <= redis->now)
        bury(redis, first->worker);
}

/* ---- changes */

/* Most asks may be done twice; a signal would be in the mailbox twice. */
static bool is_told(const struct redis *redis, const struct change *change)
{
    for (unsigned i = 0; i < redis->told_count; i++)
        if (redis->told[i].worker == change->worker)
            return change->number <= redis->told[i].number;
    return false;
}

static void remember_told(struct redis *redis, const struct change *change)
{
    unsigned i = 0;
    while (i < redis->told_count && redis->told[i].worker != change->worker)
        i++;
    assert(i < TOLD);
    if (i == redis->told_count)
        redis->told_count++;
    redis->told[i].worker = change->worker;
    redis->told[i].number = change->number;
}

static bool is_mutated(struct redis *redis, struct frame *frame)
{
    const struct mutation *mutation = redis->options.mutation;
    return mutation != NULL && mutation->on_ask != NULL && mutation->on_ask(redis, frame);
}

static void do_ask(struct redis *redis, const struct change *change)
{
    struct frame frame;
    int error = frame_decode((struct slice){change->bytes, change->len}, &frame);
    assert(error == 0);
    if ((frame.kind == FRAME_SIGNAL && is_told(redis, change)) || is_mutated(redis, &frame))
        return;
    redis->sender = frame.from;
    redis->answered = false;
    redis->asking = true;
    directory_on_frame(redis->directory, &frame);
    redis->asking = false;
    if (frame.kind == FRAME_SIGNAL && !redis->answered)
        remember_told(redis, change); /* the mailbox has it */
    struct directory_room *room = directory_room_find(redis->directory, frame.room);
    if (room != NULL && directory_hosts(room, change->worker))
        lease_ensure(redis, change->worker);
}

static bool apply(struct redis *redis, const struct change *change)
{
    bool lost = false;
    if (change->at > redis->now)
        redis->now = change->at;
    directory_tick(redis->directory, redis->now);
    switch (change->kind) {
    case CHANGE_ASK: do_ask(redis, change); break;
    case CHANGE_BEAT:
        lost = lease_renew(redis, change->worker);
        bury_one_overdue(redis);
        break;
    case CHANGE_REAP:
    case CHANGE_LEAVE: bury(redis, change->worker); break;
    }
    return lost;
}

static bool append(struct redis *redis, const struct change *change)
{
    if (redis->log_len == redis->log_capacity) {
        redis->log_capacity = redis->log_capacity == 0 ? 256 : redis->log_capacity * 2;
        redis->log = realloc(redis->log, redis->log_capacity * sizeof(*redis->log));
    }
    redis->log[redis->log_len++] = *change;
    return apply(redis, change);
}

static uint64_t clock_of(const struct redis *redis)
{
    return redis->world->now / MS;
}

void redis_ask(struct redis *redis, worker_id asker, uint64_t number, const struct frame *frame,
               void (*answer)(void *context, const struct frame *frame), void *context)
{
    struct buf bytes;
    buf_init(&bytes, INBOX_MAX);
    frame_encode(frame, &bytes);
    redis->answer = answer;
    redis->context = context;
    append(redis, &(struct change){.kind = CHANGE_ASK,
                                   .worker = asker,
                                   .number = number,
                                   .at = clock_of(redis),
                                   .bytes = bytes.data, /* the log's from now on */
                                   .len = bytes.len});
    redis->answer = NULL;
}

bool redis_beat(struct redis *redis, worker_id worker, uint64_t number, uint64_t *ret_time)
{
    char bytes[1 + sizeof(number)] = {STORE_BEAT};
    for (size_t i = 0; i < sizeof(number); i++)
        bytes[1 + i] = (char)(number >> (8 * i));
    bool lost = append(
        redis, &(struct change){.kind = CHANGE_BEAT, .worker = worker, .at = clock_of(redis)});
    redis_publish(redis, worker, (struct slice){bytes, sizeof(bytes)});
    *ret_time = redis->now;
    return lost;
}

void redis_reap(struct redis *redis, worker_id dead)
{
    append(redis, &(struct change){.kind = CHANGE_REAP, .worker = dead, .at = clock_of(redis)});
}

void redis_leave(struct redis *redis, worker_id worker)
{
    append(redis, &(struct change){.kind = CHANGE_LEAVE, .worker = worker, .at = clock_of(redis)});
}

/* ---- servers */

/* As by Redis TIME: a room that is made anew is newer than it ever was on another server. */
static void set_epoch(struct redis *redis, uint64_t epoch)
{
    redis->epoch = epoch;
    redis->directory->epoch = epoch;
}

struct redis *redis_new(struct world *world, const struct redis_options *options)
{
    struct redis *redis = calloc(1, sizeof(*redis));
    redis->world = world;
    redis->options = *options;
    redis->now = world->now / MS;
    redis->directory =
        directory_new(&(struct directory_options){.rooms = options->rooms,
                                                  .peers_per_room = options->peers_per_room,
                                                  .resume_window = options->resume_window,
                                                  .send = directory_send_cb,
                                                  .context = redis},
                      redis->now);
    set_epoch(redis, redis->now);
    buf_init(&redis->room, INBOX_MAX);
    return redis;
}

void redis_free(struct redis *redis)
{
    directory_free(redis->directory);
    for (size_t i = 0; i < redis->log_len; i++)
        free(redis->log[i].bytes);
    free(redis->log);
    buf_done(&redis->room);
    free(redis);
}

static struct change copy_of(const struct change *change)
{
    struct change copy = *change;
    if (change->len > 0) {
        copy.bytes = malloc(change->len);
        memcpy(copy.bytes, change->bytes, change->len);
    }
    return copy;
}

struct redis *redis_fail_over(const struct redis *old, unsigned lost_changes)
{
    struct redis *redis = redis_new(old->world, &old->options);
    size_t kept = old->log_len > lost_changes ? old->log_len - lost_changes : 0;
    redis->replaying = true;
    redis->now = 0;
    set_epoch(redis, old->epoch);
    for (size_t i = 0; i < kept; i++) {
        struct change copy = copy_of(&old->log[i]);
        append(redis, &copy);
    }
    redis->replaying = false;
    return redis;
}

/* ---- for the invariants */

static void read_cb(void *context, const struct frame *frame)
{
    struct buf *room = context;
    frame_encode(frame, room);
}

bool redis_room(struct redis *redis, struct slice room, struct frame *ret_frame)
{
    struct frame read = {.kind = FRAME_READ, .from = 1, .to = DIRECTORY, .room = room};
    buf_clear(&redis->room);
    redis->sender = read.from;
    redis->asking = true;
    redis->answer = read_cb;
    redis->context = &redis->room;
    directory_on_frame(redis->directory, &read);
    redis->asking = false;
    redis->answer = NULL;
    struct slice bytes = buf_slice(&redis->room);
    return frame_next(&bytes, ret_frame) && ret_frame->kind == FRAME_ROOM;
}

size_t redis_rooms(const struct redis *redis)
{
    return directory_rooms(redis->directory);
}

bool redis_has_lease(const struct redis *redis, worker_id worker)
{
    for (unsigned i = 0; i < redis->lease_count; i++)
        if (redis->leases[i].worker == worker)
            return true;
    return false;
}

size_t redis_leases(const struct redis *redis)
{
    return redis->lease_count;
}
