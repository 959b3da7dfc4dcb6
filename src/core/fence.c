/* A peer moved from worker A to B. What was sent to it by way of A may still be under way, so the
 * next signal must not go straight to B and overtake it: the old way is drained before the new one
 * is used.
 *
 *     sender's worker --FENCE--> A --FENCE--> B --FENCED--> sender's worker
 *
 * Each of these ways keeps order: the fence reaches B behind everything that it was sent after. */
#include "base/log.h"
#include "core/state.h"

/* ms that a fence has to answer: longer than what was sent before it can still be on its way, over
 * two links that each deliver or refuse within 12 s. */
#define FENCE_TIMEOUT 30000
#define FENCES_MAX 8                 /* sent after one peer until it counts as lost track of */
#define FENCE_QUEUE_MAX (256u << 10) /* bytes; beyond it senders get peer-busy */

struct fence {
    struct deadline deadline;
    struct member *member;
    worker_id former; /* where the fence was sent */
    unsigned sent;    /* how often */
    struct buf queue; /* encoded FRAME_SIGNALs */
};

static void on_fence_due(struct deadline *deadline)
{
    struct fence *fence = WHEEL_OWNER(deadline, struct fence, deadline);
    log_event(LOG_WARN, "fence-timeout", LOG_SLICE("room", room_name(fence->member->room)),
              LOG_SLICE("peer", member_name(fence->member)), LOG_END);
    fence_end(fence->member);
}

static void send_fence(struct member *member, worker_id former)
{
    struct exchange *exchange = member->room->exchange;
    member->fence->former = former;
    member->fence->sent++;
    wheel_arm(&exchange->wheel, &member->fence->deadline, exchange->now + FENCE_TIMEOUT);
    exchange_send(exchange, &(struct frame){.kind = FRAME_FENCE,
                                            .from = exchange->options.self,
                                            .to = former,
                                            .room = room_name(member->room),
                                            .peer = member_name(member),
                                            .worker = member->worker});
}

void fence_start(struct member *member, worker_id former)
{
    if (member->fence != NULL || member->worker == DIRECTORY || former == DIRECTORY)
        return; /* one that is up is followed by the next from where its answer comes */
    struct fence *fence = mem_must(sizeof(*fence));
    fence->member = member;
    fence->deadline.on_due = on_fence_due;
    buf_init(&fence->queue, FENCE_QUEUE_MAX);
    member->fence = fence;
    member->room->uses++; /* also when all who sent have left: what they sent keeps its order */
    send_fence(member, former);
}

enum fence_answer fence_hold(struct member *member, const struct frame *signal)
{
    if (member->fence == NULL)
        return FENCE_NONE;
    struct buf *queue = &member->fence->queue;
    frame_encode(signal, queue);
    if (!buf_failed(queue))
        return FENCE_WAITS;
    queue->failed = false; /* what is in it stays */
    return FENCE_FULL;
}

static void release_one(struct member *member, struct frame *signal)
{
    struct exchange *exchange = member->room->exchange;
    signal->to = member->worker;
    signal->error = ERR_UNAVAILABLE;
    if (member->session != NULL || member->heir != NULL)
        route_on_signal(exchange, signal);
    else if (member->worker == DIRECTORY)
        route_on_undelivered(exchange, signal);
    else
        exchange_send(exchange, signal);
}

void fence_end(struct member *member)
{
    struct fence *fence = member->fence;
    if (fence == NULL)
        return;
    struct room *room = member->room;
    struct slice queue = buf_slice(&fence->queue);
    struct frame signal;
    member->fence = NULL;
    member->used = queue.len > 0;
    wheel_disarm(&fence->deadline);
    while (frame_next(&queue, &signal))
        release_one(member, &signal);
    buf_done(&fence->queue);
    mem_free(fence);
    handover_retry(room);
    room_release(room);
}

void fence_end_all(struct exchange *exchange)
{
    struct room *room, *next_room;
    struct member *member, *next;
    MAP_EACH (exchange->rooms, room, next_room) {
        room->uses++;
        MAP_EACH (room->members, member, next) {
            fence_end(member);
        }
        room_release(room);
    }
}

bool fence_waits_for(const struct room *room, struct slice sender)
{
    struct member *member, *next;
    struct frame signal;
    MAP_EACH (room->members, member, next) {
        struct slice queue = member->fence == NULL ? SLICE_NONE : buf_slice(&member->fence->queue);
        while (frame_next(&queue, &signal))
            if (slice_equal(signal.sender, sender))
                return true;
    }
    return false;
}

static void answer(struct exchange *exchange, const struct frame *fence)
{
    exchange_send(exchange, &(struct frame){.kind = FRAME_FENCED,
                                            .from = exchange->options.self,
                                            .to = fence->from,
                                            .room = fence->room,
                                            .peer = fence->peer});
}

/* Goes the way that signals go: waits where they are held, follows where they are passed on. */
void fence_on_fence(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    struct member *member = room == NULL ? NULL : room_member(room, frame->peer);
    struct session *holder = NULL;
    if (member != NULL)
        holder = member->session != NULL ? member->session : member->heir;
    if (holder != NULL && !holder->deposited &&
        (member->worker == exchange->options.self || frame->worker == exchange->options.self)) {
        answer(exchange, frame);
    } else if (holder != NULL) {
        session_park(holder, frame); /* waits for the claim */
    } else if (!handover_pass_on(exchange, frame, frame->peer)) {
        answer(exchange, frame);
    }
}

/* The answer comes from where the fence got to: if the peer has moved on since, another one follows
 * it. But one that answers may as well have no idea where the peer went, and never will. */
void fence_on_fenced(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    struct member *member = room == NULL ? NULL : room_member(room, frame->peer);
    if (member == NULL || member->fence == NULL)
        return;
    bool moved_on =
        frame->from != member->worker && frame->from != DIRECTORY && member->worker != DIRECTORY;
    if (moved_on && member->fence->sent < FENCES_MAX)
        send_fence(member, frame->from);
    else
        fence_end(member);
}

static struct member *first_fenced_by(struct exchange *exchange, worker_id worker)
{
    struct room *room, *next_room;
    struct member *member, *next;
    MAP_EACH (exchange->rooms, room, next_room) {
        MAP_EACH (room->members, member, next) {
            if (member->fence != NULL &&
                (member->fence->former == worker || member->worker == worker))
                return member;
        }
    }
    return NULL;
}

void fence_on_worker_down(struct exchange *exchange, worker_id worker)
{
    struct member *member;
    /* From the start each time: the end of one may end a room. */
    while ((member = first_fenced_by(exchange, worker)) != NULL)
        fence_end(member);
}
