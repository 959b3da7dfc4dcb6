/* The way of a signal: to a session on this worker, or one frame to the worker of the peer. */
#include "base/log.h"
#include "core/reply.h"
#include "core/state.h"

/* Who resumes it on this worker while the holder, here too, has not handed it over yet: what others send
 * waits there already. */
static struct session *successor_of(const struct member *member)
{
    struct exchange *exchange = member->session->exchange;
    if (member->worker != exchange->options.self || member->stint == session_stint(member->session))
        return NULL; /* of nearly every signal */
    struct frame stint = {
        .stint = member->stint, .room = room_name(member->room), .peer = member_name(member)};
    struct session *successor = join_find_stint(exchange, &stint);
    return successor != NULL && successor->state == SESSION_CLAIMING ? successor : NULL;
}

/* Who holds the member on this worker, or waits for it last in the row; NULL: nobody. */
static struct session *holder_of(const struct member *member)
{
    struct session *session = member->session != NULL ? member->session : member->heir;
    if (session == NULL)
        return NULL;
    struct session *successor = member->session == NULL ? NULL : successor_of(member);
    return handover_last_heir(successor != NULL ? successor : session);
}

static bool takes_signals(const struct session *holder)
{
    return !holder->deposited && handover_claim_elsewhere(holder) == NULL;
}

/* Whether a session can take so many bytes. While it is CLAIMING they go behind what it is handed. */
static int can_take(struct session *session, size_t bytes)
{
    struct hold_limits limits = exchange_hold_limits(session->exchange);
    if (session->entry == NULL)
        return session_can_take(session, bytes);
    struct hold *late = &session->entry->late;
    if (hold_is_full(late, &limits, bytes))
        return ERR_PEER_BUSY;
    return hold_reserve(late) ? 0 : ERR_UNAVAILABLE;
}

static void take(struct session *session, struct message *signal)
{
    if (session->entry == NULL)
        session_take(session, signal);
    else
        hold_add(&session->entry->late, signal);
}

static int deliver(struct session *session, struct slice sender, struct slice data)
{
    int error = can_take(session, data.len);
    if (error != 0)
        return error;
    struct message *message = reply_signal(sender, data);
    if (message == NULL)
        return ERR_UNAVAILABLE;
    take(session, message);
    message_unref(message);
    return 0;
}

/* `holder`: as holder_of() says; where it is claimed the roster may not know that yet, or no more. */
static int deliver_elsewhere(struct member *member, const struct session *holder,
                             const struct session *session, const struct envelope *envelope)
{
    struct exchange *exchange = session->exchange;
    const struct frame *claim = holder == NULL ? NULL : handover_claim_elsewhere(holder);
    bool is_claimants = claim != NULL && member->worker == exchange->options.self;
    if (member->worker == DIRECTORY)
        return ERR_UNAVAILABLE;
    struct frame signal = {.kind = FRAME_SIGNAL,
                           .from = exchange->options.self,
                           .to = is_claimants ? claim->from : member->worker,
                           .stint = is_claimants ? claim->request & STINT_MASK : member->stint,
                           .room = room_name(session->room),
                           .peer = member_name(member),
                           .sender = member_name(session->member),
                           .id = envelope->id,
                           .data = envelope->data};
    enum fence_answer answer = fence_hold(member, &signal);
    if (answer == FENCE_FULL)
        return ERR_PEER_BUSY;
    if (answer == FENCE_NONE)
        fence_send(member, &signal);
    return 0;
}

void route_signal(struct session *session, const struct envelope *envelope)
{
    struct member *member = room_member(session->room, envelope->to);
    struct session *holder = member == NULL ? NULL : holder_of(member);
    int error;
    if (member == NULL)
        error = ERR_PEER_NOT_FOUND;
    else if (holder != NULL && member->fence == NULL && takes_signals(holder))
        error = deliver(holder, member_name(session->member), envelope->data);
    else
        error = deliver_elsewhere(member, holder, session, envelope);
    if (error != 0)
        session_fail(session, error, envelope->to, envelope->id);
}

static void return_to_sender(struct exchange *exchange, const struct frame *signal, int error)
{
    struct frame answer = *signal;
    answer.kind = FRAME_UNDELIVERED;
    answer.from = exchange->options.self;
    answer.to = signal->from;
    answer.error = error;
    answer.hops = answer.stint = 0;
    exchange_send(exchange, &answer);
}

static int take_or_keep(struct session *session, const struct frame *frame)
{
    if (session->state == SESSION_ENTERING)
        return join_keep_ahead(session, frame) ? 0 : ERR_PEER_BUSY;
    session = handover_last_heir(session);
    if (handover_pass_by(session, frame))
        return 0;
    if (session->deposited)
        return session_park(session, frame) ? 0 : ERR_PEER_BUSY;
    return deliver(session, frame->sender, frame->data);
}

void route_on_signal(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    struct member *member = room == NULL ? NULL : room_member(room, frame->peer);
    struct session *session = handover_find(exchange, member, frame);
    int error = 0;
    if (session != NULL)
        error = take_or_keep(session, frame);
    else if (!handover_pass_on(exchange, frame, frame->peer))
        error = member == NULL ? ERR_PEER_NOT_FOUND : ERR_UNAVAILABLE;
    if (error != 0)
        return_to_sender(exchange, frame, error);
}

void route_on_undelivered(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    struct member *sender = room == NULL ? NULL : room_member(room, frame->sender);
    /* From a peer to itself is also how the bus answers a FRAME_INFO, which has no `to`. */
    struct slice to = slice_equal(frame->peer, frame->sender) ? SLICE_NONE : frame->peer;
    struct session *session = sender == NULL ? NULL : sender->session;
    if (session != NULL && session->state == SESSION_HERE)
        session_fail(session, frame->error, to, frame->id);
    else if (sender != NULL && sender->heir != NULL)
        session_park(sender->heir, frame);
    else if (session != NULL)
        session_park(session, frame);
    else
        handover_pass_on(exchange, frame, frame->sender);
}
