#include "sim/mutation.h"

#include <string.h>

#include "core/state.h"
#include "sim/worker.h"

/* One in so many. */
static bool now_and_then(struct worker *worker, uint64_t often)
{
    return world_random(worker->world, often) == 0;
}

static struct room *room_of(struct worker *worker, const struct frame *frame)
{
    return room_find(worker->exchange, frame->room);
}

/* ---- signals */

static bool deliver_twice(struct worker *worker, struct frame *frame)
{
    if (frame->kind == FRAME_SIGNAL && now_and_then(worker, 20))
        exchange_on_frame(worker->exchange, frame);
    return false;
}

static bool lose_signal(struct worker *worker, struct frame *frame)
{
    return frame->kind == FRAME_SIGNAL && now_and_then(worker, 50);
}

static bool mistake_peer(struct worker *worker, struct frame *frame)
{
    struct room *room = room_of(worker, frame);
    struct member *member, *next;
    if (frame->kind != FRAME_SIGNAL || room == NULL)
        return false;
    MAP_EACH (room->members, member, next) {
        if (member->session == NULL)
            continue;
        frame->peer = member_name(member);
        frame->stint = session_stint(member->session);
    }
    return false;
}

/* Keeps one back until the next. */
static bool swap_signals(struct worker *worker, struct frame *frame)
{
    static struct buf kept;
    static worker_id keeper;
    struct slice bytes;
    struct frame first;
    if (frame->kind != FRAME_SIGNAL)
        return false;
    if (keeper != worker->id || kept.len == 0) {
        if (!now_and_then(worker, 10))
            return false;
        keeper = worker->id;
        buf_done(&kept);
        buf_init(&kept, 1 << 20);
        frame_encode(frame, &kept);
        return true;
    }
    exchange_on_frame(worker->exchange, frame);
    bytes = buf_slice(&kept);
    if (frame_next(&bytes, &first))
        exchange_on_frame(worker->exchange, &first);
    buf_clear(&kept);
    return true;
}

/* Nobody waits until the old way is drained: each fence is answered where it first comes. */
static bool skip_fence(struct worker *worker, struct frame *frame)
{
    if (frame->kind != FRAME_FENCE)
        return false;
    struct frame fenced = *frame;
    fenced.kind = FRAME_FENCED;
    fenced.from = worker->id;
    fenced.to = frame->from;
    exchange_send(worker->exchange, &fenced);
    return true;
}

static bool lose_refusal(struct worker *worker, struct frame *frame)
{
    (void)worker;
    return frame->kind == FRAME_UNDELIVERED;
}

/* ---- rosters */

static bool is_event(const struct frame *frame)
{
    static const bool events[FRAME_KIND_COUNT] = {
        [FRAME_JOINED] = true,    [FRAME_MOVED] = true, [FRAME_CHANGED] = true,
        [FRAME_GONE_AWAY] = true, [FRAME_LEFT] = true,
    };
    return events[frame->kind];
}

/* Loses an event, and takes the next to be in turn. */
static bool ignore_gap(struct worker *worker, struct frame *frame)
{
    struct room *room = room_of(worker, frame);
    if (!is_event(frame) || room == NULL || room->version == 0 || !now_and_then(worker, 10))
        return false;
    if (frame->version > room->version)
        room->version = frame->version;
    return true;
}

static bool lose_restore(struct redis *redis, struct frame *frame)
{
    (void)redis;
    return frame->kind == FRAME_RESTORE;
}

static bool lose_leave(struct redis *redis, struct frame *frame)
{
    (void)redis;
    return frame->kind == FRAME_LEAVE;
}

/* ---- memberships */

#define KEYS 64

/* Whoever comes is taken to have the right secret. */
static bool forget_secret(struct redis *redis, struct frame *frame)
{
    static struct {
        struct redis *redis;
        char peer[PEER_NAME_MAX];
        size_t len;
        struct session_secret secret;
    } keys[KEYS];
    (void)redis;
    if (frame->kind != FRAME_JOIN && frame->kind != FRAME_RESUME)
        return false;
    for (int i = 0; i < KEYS; i++) {
        bool known = keys[i].redis == redis &&
                     slice_equal((struct slice){keys[i].peer, keys[i].len}, frame->peer);
        if (!known && keys[i].redis == redis)
            continue;
        if (known && frame->kind == FRAME_RESUME)
            frame->proof = keys[i].secret;
        keys[i].redis = redis;
        keys[i].len = frame->peer.len;
        memcpy(keys[i].peer, frame->peer.ptr, frame->peer.len);
        keys[i].secret = frame->secret;
        break;
    }
    return false;
}

static bool lose_hold(struct worker *worker, struct frame *frame)
{
    return frame->kind == FRAME_HOLD && now_and_then(worker, 3);
}

static bool miscount(struct worker *worker, struct frame *frame)
{
    if (frame->kind == FRAME_HANDED && frame->received > 0 && now_and_then(worker, 3))
        frame->received--;
    return false;
}

/* The former holder goes on as if nothing had happened. */
static bool keep_session(struct worker *worker, struct frame *frame)
{
    struct room *room = room_of(worker, frame);
    struct member *member = room == NULL ? NULL : room_member(room, frame->peer);
    if (frame->kind == FRAME_CLAIM && frame->from != worker->id && now_and_then(worker, 4))
        return true;
    if (frame->kind != FRAME_MOVED || member == NULL || member->session == NULL)
        return false;
    room->version = frame->version;
    return true;
}

const struct mutation mutations[] = {
    {"a signal is delivered twice", "mild", "once:", .on_frame = deliver_twice},
    {"a signal is lost", "mild", "fate:", .on_frame = lose_signal},
    {"a signal goes to another peer", "mild", "isolation:", .on_frame = mistake_peer},
    {"two signals change places", "mild", "order:", .on_frame = swap_signals},
    {"a gap in the versions is ignored", "mild", "roster:", .on_frame = ignore_gap},
    {"a leave is not written down", "harsh", "empty:", .on_ask = lose_leave},
    {"the secret is not checked", "mild-wild", "secret:", .on_ask = forget_secret},
    {"what was held is not handed over", "mild", "fate:", .on_frame = lose_hold},
    {"the counts are handed over wrong", "mild", "once:", .on_frame = miscount},
    {"the former holder keeps its session", "mild", "mild:", .on_frame = keep_session},
    {"a fence is not waited for", "frantic", "order:", .on_frame = skip_fence},
    {"a refusal is lost", "strict", "fate:", .on_frame = lose_refusal},
    {"nobody says again what he holds", "forgetful", "replica:", .on_ask = lose_restore},
    {"the dead are not reaped", "harsh", "empty:", .never_reaps = true},
};

const unsigned mutation_count = sizeof(mutations) / sizeof(mutations[0]);
