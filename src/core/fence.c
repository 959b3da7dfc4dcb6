/* A peer moved from worker A to B. What was sent to it by way of A may still be under way, so the
 * next signal must not go straight to B and overtake it: the old way is drained before the new one
 * is used.
 *
 *     sender's worker --FENCE--> A --FENCED--> sender's worker      A has not handed it over yet
 *     sender's worker --FENCE--> A --FENCE--> B --FENCED--> ...     it has
 *
 * Each of these ways keeps order: the fence comes behind everything that it was sent after.
 *
 * The sender may move, too: its former holder does not hand it over while a fence is up that is older
 * than that, and its new holder takes it that something was sent to everybody. Later fences are not
 * waited for, so that of two that wait for each other's holder one need not. What the former holder sent
 * the old way until it handed the sender over stays in front all the same: a later fence of the new
 * holder ends only after that, by asking once more. */
#include "base/log.h"
#include "core/state.h"

/* ms that a fence has to answer: longer than what was sent before it can still be on its way, over
 * two links that each deliver or refuse within 12 s. */
#define FENCE_TIMEOUT 30000
#define MOVES_MAX 8                  /* of one peer that are told apart */
#define FENCE_QUEUE_MAX (256u << 10) /* bytes; beyond it senders get peer-busy */

struct move {
    uint64_t earliest, latest; /* versions of the room: it took place in one of them, or between */
    worker_id to;
    uint32_t stint;
};

struct fence {
    struct deadline deadline;
    struct member *member;
    struct move moves[MOVES_MAX]; /* in order; it is the first one whose old way is being drained */
    unsigned move_count;
    uint32_t number;  /* of the FRAME_FENCE that is out: late answers to others are not meant */
    worker_id former; /* where it was sent */
    uint32_t former_stint;
    bool again; /* it was answered, and is to be sent again when who is CLAIMING was handed over */
    struct buf queue; /* encoded FRAME_SIGNALs */
};

static void on_fence_due(struct deadline *deadline)
{
    struct fence *fence = WHEEL_OWNER(deadline, struct fence, deadline);
    log_event(LOG_WARN, "fence-timeout", LOG_SLICE("room", room_name(fence->member->room)),
              LOG_SLICE("peer", member_name(fence->member)), LOG_END);
    fence_end(fence->member);
}

static void add_move(struct fence *fence, uint64_t earliest, uint64_t latest)
{
    if (fence->move_count < MOVES_MAX)
        fence->moves[fence->move_count++].earliest = earliest;
    struct move *move = &fence->moves[fence->move_count - 1];
    move->latest = latest;
    move->to = fence->member->worker;
    move->stint = fence->member->stint;
}

/* leaver: the worker that is to pass it on, not to answer it; or DIRECTORY. */
static void send_fence(struct fence *fence, worker_id former, uint32_t stint, worker_id leaver)
{
    struct member *member = fence->member;
    struct exchange *exchange = member->room->exchange;
    fence->former = former;
    fence->former_stint = stint;
    fence->again = false;
    fence->number = ++exchange->last_fence;
    wheel_arm(&exchange->wheel, &fence->deadline, exchange->now + FENCE_TIMEOUT);
    exchange_send(exchange, &(struct frame){.kind = FRAME_FENCE,
                                            .from = exchange->options.self,
                                            .to = former,
                                            .request = fence->number,
                                            .stint = stint,
                                            .room = room_name(member->room),
                                            .peer = member_name(member),
                                            .worker = leaver});
}

static void start(struct member *member, uint64_t earliest, uint64_t latest)
{
    struct fence *fence = mem_must(sizeof(*fence));
    fence->member = member;
    fence->deadline.on_due = on_fence_due;
    buf_init(&fence->queue, FENCE_QUEUE_MAX);
    member->fence = fence;
    member->room->uses++; /* also when all who sent have left: what they sent keeps its order */
    add_move(fence, earliest, latest);
}

void fence_on_move(struct member *member)
{
    const struct room *room = member->room;
    worker_id former = member->sent_to;
    uint64_t earliest = room->version + 1;
    uint64_t latest = room->applied != 0 ? room->applied : earliest;
    if (member->worker == DIRECTORY ||
        (member->worker == former && member->stint == member->sent_stint))
        return; /* who was taken for dead may still come back, and what was sent to it get there */
    member->sent_to = DIRECTORY;
    if (member->fence != NULL) {
        add_move(member->fence, earliest, latest); /* its turn comes */
    } else if (former != DIRECTORY) { /* also where it came to us: from elsewhere than we knew of */
        start(member, earliest, latest);
        send_fence(member->fence, former, member->sent_stint, DIRECTORY);
    }
}

/* What was sent before stays in front of what will be: they go the same way. */
void fence_on_stay(struct member *member)
{
    struct fence *fence = member->fence;
    if (member->sent_to == member->worker)
        member->sent_stint = member->stint;
    if (fence != NULL && fence->moves[fence->move_count - 1].to == member->worker)
        fence->moves[fence->move_count - 1].stint = member->stint;
}

void fence_send(struct member *member, const struct frame *signal)
{
    struct exchange *exchange = member->room->exchange;
    if (signal->to == exchange->options.self) {
        route_on_signal(exchange, signal); /* at once: what comes next may go there directly */
        return;
    }
    member->sent_to = signal->to;
    member->sent_stint = signal->stint;
    exchange_send(exchange, signal);
}

/* Who holds a membership here that went elsewhere, and waits for the claim: signals from here go into
 * the hold, but those from elsewhere did not, and these must stay behind them. */
static struct session *leaver_of(const struct member *member)
{
    struct session *session = member->session != NULL ? member->session : member->heir;
    if (session == NULL || member->worker == DIRECTORY ||
        member->worker == member->room->exchange->options.self)
        return NULL;
    return handover_claim_elsewhere(handover_last_heir(session)) == NULL ? session : NULL;
}

/* As if something had been sent to it from here. */
static void take_as_sent_to(struct member *member)
{
    if (member->worker == DIRECTORY || member->worker == member->room->exchange->options.self)
        return;
    member->sent_to = member->worker;
    member->sent_stint = member->stint;
}

void fence_on_news(struct member *member)
{
    if (member->sent_to == DIRECTORY && member->fence == NULL)
        take_as_sent_to(member);
}

void fence_on_arrival(struct room *room)
{
    struct member *member, *next;
    MAP_EACH (room->members, member, next) {
        struct session *leaver = leaver_of(member);
        worker_id self = room->exchange->options.self;
        take_as_sent_to(member);
        if (member->fence != NULL || leaver == NULL)
            continue;
        start(member, room->version, room->version);
        send_fence(member->fence, self, session_stint(leaver), self);
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

static void release_one(struct member *member, struct frame *signal, const struct move *move)
{
    signal->to = move->to;
    signal->stint = move->stint;
    signal->error = ERR_UNAVAILABLE;
    if (move->to == DIRECTORY)
        route_on_undelivered(member->room->exchange, signal);
    else
        fence_send(member, signal);
}

/* Ends the queue. */
static void release(struct member *member, struct buf *queue, const struct move *move)
{
    struct slice signals = buf_slice(queue);
    struct frame signal;
    while (frame_next(&signals, &signal))
        release_one(member, &signal, move);
    buf_done(queue);
}

/* Where the next signal from here goes: what waited goes in front of it. */
static struct move way_of(const struct member *member)
{
    const struct session *leaver = leaver_of(member);
    worker_id self = member->room->exchange->options.self;
    if (leaver != NULL && !leaver->deposited)
        return (struct move){.to = self, .stint = session_stint(leaver)};
    return (struct move){.to = member->worker, .stint = member->stint};
}

void fence_end(struct member *member)
{
    struct fence *fence = member->fence;
    if (fence == NULL)
        return;
    struct room *room = member->room;
    member->fence = NULL;
    wheel_disarm(&fence->deadline);
    struct move move = way_of(member);
    release(member, &fence->queue, &move);
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
        if (member != sender && member->fence != NULL && member->fence->moves[0].earliest < before)
            return true;
    }
    return false;
}

static void answer(struct exchange *exchange, const struct frame *fence, uint32_t stint)
{
    exchange_send(exchange, &(struct frame){.kind = FRAME_FENCED,
                                            .from = exchange->options.self,
                                            .to = fence->from,
                                            .request = fence->request,
                                            .stint = stint,
                                            .room = fence->room,
                                            .peer = fence->peer});
}

/* Goes the way that signals go, and ends where they are held: a hold goes along with the membership, in
 * front of all that comes for who gets it next. So it waits for nobody to be handed over; else two who
 * move could wait for each other. */
void fence_on_fence(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    struct member *member = room == NULL ? NULL : room_member(room, frame->peer);
    struct session *holder = handover_find(exchange, member, frame);
    bool waits_for_leaver = frame->worker == exchange->options.self && frame->hops == 0;
    if (holder != NULL)
        holder = handover_last_heir(holder);
    if (holder != NULL && handover_pass_by(holder, frame))
        return;
    if (holder != NULL && (holder->deposited || waits_for_leaver))
        session_park(holder, frame);
    else if (holder != NULL)
        answer(exchange, frame, session_stint(holder));
    else if (!handover_pass_on(exchange, frame, frame->peer))
        answer(exchange, frame, 0);
}

/* What waited follows to there, and the next fence behind it, to where the peer went then. */
static void go_on(struct fence *fence, unsigned reached)
{
    struct move move = fence->moves[reached];
    struct buf queue = fence->queue;
    struct room *room = fence->member->room;
    buf_init(&fence->queue, FENCE_QUEUE_MAX);
    fence->move_count -= reached + 1;
    memmove(fence->moves, fence->moves + reached + 1, fence->move_count * sizeof(fence->moves[0]));
    release(fence->member, &queue, &move);
    send_fence(fence, move.to, move.stint, DIRECTORY);
    handover_retry(room);
}

/* A sender who is on its way to here may have gone on sending from where it was. */
static bool is_too_early(struct fence *fence)
{
    const struct room *room = fence->member->room;
    fence->again = join_is_claiming(room, fence->moves[0].latest);
    return fence->again;
}

void fence_on_handed(struct room *room)
{
    struct member *member, *next;
    MAP_EACH (room->members, member, next) {
        struct fence *fence = member->fence;
        if (fence != NULL && fence->again && !is_too_early(fence))
            send_fence(fence, fence->former, fence->former_stint, DIRECTORY);
    }
}

/* Whoever answers, what is sent to the first one that the peer moved to stays behind all that was sent
 * before; a later one may have answered, too. */
void fence_on_fenced(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    struct member *member = room == NULL ? NULL : room_member(room, frame->peer);
    struct fence *fence = member == NULL ? NULL : member->fence;
    unsigned reached = 0;
    if (fence == NULL || fence->number != frame->request || is_too_early(fence))
        return;
    for (unsigned i = 0; i < fence->move_count; i++)
        if (fence->moves[i].to == frame->from && fence->moves[i].stint == frame->stint)
            reached = i;
    if (member->worker == DIRECTORY || reached + 1 >= fence->move_count)
        fence_end(member);
    else
        go_on(fence, reached);
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
        dropped_forget(room, worker);
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
