/* A peer moved from worker A to B. What was sent to it by way of A may still be under way, so the next signal must not go
 * straight to B and overtake it: the old way is drained before the new one is used.
 *
 *     sender's worker --FENCE--> A --FENCE--> B --FENCED--> sender's worker
 *
 * Each of these ways keeps order, so the fence reaches B behind everything that it was sent after. */
#include "base/log.h"
#include "core/state.h"

#define FENCE_QUEUE_MAX (256u << 10) /* bytes; beyond it senders get peer-busy */

struct fence {
    struct deadline deadline;
    struct member *member;
    worker_id former;  /* where the fence was sent */
    struct buf queue;  /* encoded FRAME_SIGNALs */
};

static void on_fence_due(struct deadline *deadline)
{
    struct fence *fence = (struct fence *)((char *)deadline - offsetof(struct fence, deadline));
    log_event(LOG_WARN, "fence-timeout", LOG_SLICE("room", room_name(fence->member->room)),
              LOG_SLICE("peer", member_name(fence->member)), LOG_END);
    fence_end(fence->member);
}

static void send_fence(struct member *member, worker_id former)
{
    struct exchange *exchange = member->room->exchange;
    member->fence->former = former;
    wheel_arm(&exchange->wheel, &member->fence->deadline, exchange->now + HANDOVER_TIMEOUT);
    exchange->world.send(exchange->world.context, &(struct frame){.kind = FRAME_FENCE,
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

static void release(struct exchange *exchange, struct slice queue, worker_id to)
{
    struct frame frame;
    long len;
    while ((len = frame_measure(queue, queue.len)) > 0) {
        if (frame_decode((struct slice){queue.ptr, (size_t)len}, &frame) == 0) {
            frame.to = to;
            exchange->world.send(exchange->world.context, &frame);
        }
        queue.ptr += len;
        queue.len -= (size_t)len;
    }
}

static void give_back(struct exchange *exchange, struct slice queue)
{
    struct frame frame;
    long len;
    while ((len = frame_measure(queue, queue.len)) > 0) {
        if (frame_decode((struct slice){queue.ptr, (size_t)len}, &frame) == 0) {
            frame.error = ERR_UNAVAILABLE;
            route_on_undelivered(exchange, &frame);
        }
        queue.ptr += len;
        queue.len -= (size_t)len;
    }
}

void fence_end(struct member *member)
{
    struct fence *fence = member->fence;
    struct exchange *exchange = member->room->exchange;
    if (fence == NULL)
        return;
    member->fence = NULL;
    wheel_disarm(&fence->deadline);
    if (member->worker == DIRECTORY)
        give_back(exchange, buf_slice(&fence->queue));
    else
        release(exchange, buf_slice(&fence->queue), member->worker);
    member->used = fence->queue.len > 0;
    buf_done(&fence->queue);
    mem_free(fence);
}

/* At the former holder, and at the new one. */
void fence_on_fence(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    struct member *member = room == NULL ? NULL : room_member(room, frame->peer);
    struct frame answer = {.kind = FRAME_FENCED,
                           .from = exchange->options.self,
                           .to = frame->from,
                           .room = frame->room,
                           .peer = frame->peer};
    struct frame onward = *frame;
    onward.to = frame->worker;
    if (frame->worker == exchange->options.self) {
        exchange->world.send(exchange->world.context, &answer);
    } else if (member != NULL && member->session != NULL) {
        frame_encode(&onward, &member->session->fences); /* waits for the claim */
    } else {
        exchange->world.send(exchange->world.context, &onward);
    }
}

void fence_pass_on(struct session *session)
{
    struct slice fences = buf_slice(&session->fences);
    struct frame frame;
    long len;
    while ((len = frame_measure(fences, fences.len)) > 0) {
        if (frame_decode((struct slice){fences.ptr, (size_t)len}, &frame) == 0)
            session->exchange->world.send(session->exchange->world.context, &frame);
        fences.ptr += len;
        fences.len -= (size_t)len;
    }
}

/* The answer comes from where the fence got to: if the peer has moved on since, another one follows it. */
void fence_on_fenced(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    struct member *member = room == NULL ? NULL : room_member(room, frame->peer);
    if (member == NULL || member->fence == NULL)
        return;
    bool moved_on = frame->from != member->worker && frame->from != DIRECTORY &&
                    member->worker != DIRECTORY;
    if (moved_on)
        send_fence(member, frame->from);
    else
        fence_end(member);
}

void fence_on_worker_down(struct exchange *exchange, worker_id worker)
{
    struct room *room, *next_room;
    struct member *member, *next;
    MAP_EACH(exchange->rooms, room, next_room)
    {
        MAP_EACH(room->members, member, next)
        {
            if (member->fence != NULL &&
                (member->fence->former == worker || member->worker == worker))
                fence_end(member);
        }
    }
}
