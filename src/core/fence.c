/* A peer moved from worker A to B. What was sent to it by way of A may still be under way, so the
 * next signal must not go straight to B and overtake it: the old way is drained before the new one
 * is used.
 *
 *     sender's worker --FENCE--> A --FENCE--> B --FENCED--> sender's worker
 *
 * Each of these ways keeps order: the fence reaches B behind everything that it was sent after.
 *
 * The sender may move, too: its former holder does not hand it over while a fence is up that is older
 * than that, and its new holder takes it that something was sent to everybody. Later fences are not
 * waited for, so that of two that wait for each other's holder one need not. */
#include "base/log.h"
#include "core/state.h"

/* ms that a fence has to answer: longer than what was sent before it can still be on its way, over
 * two links that each deliver or refuse within 12 s. */
#define FENCE_TIMEOUT 30000
#define MOVES_MAX 8                  /* of one peer that are told apart */
#define FENCE_QUEUE_MAX (256u << 10) /* bytes; beyond it senders get peer-busy */

struct move {
    uint64_t version; /* the room's; it took place in this one, or later */
    worker_id to;
};

struct fence {
    struct deadline deadline;
    struct member *member;
    struct move moves[MOVES_MAX]; /* in order; it is the first one whose old way is being drained */
    unsigned move_count;
    worker_id former; /* where the fence was sent */
    struct buf queue; /* encoded FRAME_SIGNALs */
};

static void on_fence_due(struct deadline *deadline)
{
    struct fence *fence = WHEEL_OWNER(deadline, struct fence, deadline);
    log_event(LOG_WARN, "fence-timeout", LOG_SLICE("room", room_name(fence->member->room)),
              LOG_SLICE("peer", member_name(fence->member)), LOG_END);
    fence_end(fence->member);
}

static void add_move(struct fence *fence, uint64_t version)
{
    if (fence->move_count < MOVES_MAX)
        fence->moves[fence->move_count++].version = version;
    fence->moves[fence->move_count - 1].to = fence->member->worker;
}

static void send_fence(struct fence *fence, worker_id former)
{
    struct member *member = fence->member;
    struct exchange *exchange = member->room->exchange;
    fence->former = former;
    wheel_arm(&exchange->wheel, &fence->deadline, exchange->now + FENCE_TIMEOUT);
    exchange_send(exchange, &(struct frame){.kind = FRAME_FENCE,
                                            .from = exchange->options.self,
                                            .to = former,
                                            .room = room_name(member->room),
                                            .peer = member_name(member),
                                            .worker = fence->moves[0].to});
}

static void start(struct member *member, worker_id former, uint64_t version)
{
    struct fence *fence = mem_must(sizeof(*fence));
    fence->member = member;
    fence->deadline.on_due = on_fence_due;
    buf_init(&fence->queue, FENCE_QUEUE_MAX);
    member->fence = fence;
    member->room->uses++; /* also when all who sent have left: what they sent keeps its order */
    add_move(fence, version);
    send_fence(fence, former);
}

void fence_on_move(struct member *member)
{
    worker_id former = member->sent_to;
    uint64_t version = member->room->version + 1;
    if (member->worker == DIRECTORY || member->worker == former)
        return; /* who was taken for dead may still come back, and what was sent to it get there */
    member->sent_to = DIRECTORY;
    if (member->fence != NULL)
        add_move(member->fence, version); /* its turn comes */
    else if (former != DIRECTORY && member->worker != member->room->exchange->options.self)
        start(member, former, version);
}

/* Somebody who went elsewhere and waits here to be handed over: signals from here go into the hold,
 * but those from elsewhere did not, and these must stay behind them. */
static bool is_leaving(const struct member *member)
{
    return (member->session != NULL || member->heir != NULL) && member->worker != DIRECTORY &&
           member->worker != member->room->exchange->options.self;
}

void fence_on_arrival(struct room *room)
{
    struct member *member, *next;
    MAP_EACH (room->members, member, next) {
        if (member->worker != DIRECTORY && member->worker != room->exchange->options.self)
            member->sent_to = member->worker;
        if (member->fence == NULL && is_leaving(member))
            start(member, room->exchange->options.self, room->version);
    }
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

static void release_one(struct member *member, struct frame *signal, worker_id to)
{
    struct exchange *exchange = member->room->exchange;
    signal->to = to;
    signal->error = ERR_UNAVAILABLE;
    if (to == member->worker && (member->session != NULL || member->heir != NULL))
        route_on_signal(exchange, signal);
    else if (to == DIRECTORY)
        route_on_undelivered(exchange, signal);
    else
        exchange_send(exchange, signal);
}

/* Ends the queue. */
static void release(struct member *member, struct buf *queue, worker_id to)
{
    struct slice signals = buf_slice(queue);
    struct frame signal;
    if (signals.len > 0)
        member->sent_to = to;
    while (frame_next(&signals, &signal))
        release_one(member, &signal, to);
    buf_done(queue);
}

void fence_end(struct member *member)
{
    struct fence *fence = member->fence;
    if (fence == NULL)
        return;
    struct room *room = member->room;
    member->fence = NULL;
    wheel_disarm(&fence->deadline);
    release(member, &fence->queue, member->worker);
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

bool fence_is_up(const struct member *sender, uint64_t before)
{
    struct member *member, *next;
    MAP_EACH (sender->room->members, member, next) {
        if (member != sender && member->fence != NULL && member->fence->moves[0].version < before)
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

/* What waited follows to there, and the next fence behind it, to where the peer went then. */
static void go_on(struct fence *fence, worker_id reached, unsigned moves_done)
{
    struct buf queue = fence->queue;
    struct room *room = fence->member->room;
    buf_init(&fence->queue, FENCE_QUEUE_MAX);
    fence->move_count -= moves_done;
    memmove(fence->moves, fence->moves + moves_done, fence->move_count * sizeof(fence->moves[0]));
    release(fence->member, &queue, reached);
    send_fence(fence, reached);
    handover_retry(room);
}

/* The answer comes from where the fence got to. But one that answers may as well have no idea where
 * the peer went, and never will. */
void fence_on_fenced(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    struct member *member = room == NULL ? NULL : room_member(room, frame->peer);
    struct fence *fence = member == NULL ? NULL : member->fence;
    unsigned done = 0;
    if (fence == NULL)
        return;
    while (done < fence->move_count && fence->moves[done].to != frame->from)
        done++;
    if (member->worker == DIRECTORY || done + 1 >= fence->move_count)
        fence_end(member);
    else
        go_on(fence, frame->from, done + 1);
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

/* What was sent there will not be delivered. */
static void forget_sent(struct exchange *exchange, worker_id worker)
{
    struct room *room, *next_room;
    struct member *member, *next;
    MAP_EACH (exchange->rooms, room, next_room) {
        MAP_EACH (room->members, member, next) {
            if (member->sent_to == worker)
                member->sent_to = DIRECTORY;
        }
    }
}

void fence_on_worker_down(struct exchange *exchange, worker_id worker)
{
    struct member *member;
    forget_sent(exchange, worker);
    /* From the start each time: the end of one may end a room. */
    while ((member = first_fenced_by(exchange, worker)) != NULL)
        fence_end(member);
}
