#include "core/session.h"

#include <assert.h>

#include "base/log.h"
#include "core/ask.h"
#include "core/reply.h"
#include "core/state.h"

static const char *const state_names[] = {
    [SESSION_NEW] = "new",           [SESSION_AUTHORIZING] = "authorizing",
    [SESSION_ENTERING] = "entering", [SESSION_CLAIMING] = "claiming",
    [SESSION_HERE] = "here",         [SESSION_AWAY] = "away",
};

#define PARKED_MAX (64u << 10) /* bytes */

static const bool legal[][SESSION_STATE_COUNT] = {
    [SESSION_NEW] = {[SESSION_AUTHORIZING] = true},
    [SESSION_AUTHORIZING] = {[SESSION_ENTERING] = true},
    [SESSION_ENTERING] = {[SESSION_CLAIMING] = true, [SESSION_HERE] = true, [SESSION_AWAY] = true},
    [SESSION_CLAIMING] = {[SESSION_HERE] = true, [SESSION_AWAY] = true},
    [SESSION_HERE] = {[SESSION_AWAY] = true},
    [SESSION_AWAY] = {false},
};

void session_move(struct session *session, enum session_state state)
{
    assert(legal[session->state][state]);
    wheel_disarm(&session->deadline);
    wheel_disarm(&session->ice);
    tally_sub(&session->exchange->tally->sessions[session->state], 1);
    tally_add(&session->exchange->tally->sessions[state], 1);
    session->state = state;
}

const char *session_state_name(enum session_state state)
{
    return state_names[state];
}

static struct slice peer_of(const struct session *session)
{
    if (session->member != NULL)
        return member_name(session->member);
    if (session->entry != NULL)
        return entry_peer(session->entry);
    return SLICE_NONE;
}

static void log_session(enum log_level level, const char *event, const struct session *session,
                        const char *cause)
{
    log_event(level, event, LOG_UINT("connection", session->number),
              LOG_SLICE("room", room_name(session->room)), LOG_SLICE("peer", peer_of(session)),
              LOG_STR("state", state_names[session->state]), LOG_STR("cause", cause), LOG_END);
}

static void send_goaway(struct session *session)
{
    const struct exchange *exchange = session->exchange;
    uint64_t left = exchange->closes_at > exchange->now ? exchange->closes_at - exchange->now : 0;
    session_send(session, reply_goaway("draining", left));
}

static void on_deadline(struct deadline *deadline)
{
    struct session *session = WHEEL_OWNER(deadline, struct session, deadline);
    switch (session->state) {
    case SESSION_NEW:
        exchange_hit(session->exchange, CORE_LIMIT_JOIN_TIMEOUT);
        session_close(session, CLOSE_SILENT);
        break;
    case SESSION_CLAIMING: handover_give_up(session); break;
    case SESSION_HERE: send_goaway(session); break;
    case SESSION_AWAY: session_leave(session, LEAVE_TIMEOUT); break;
    case SESSION_AUTHORIZING:
    case SESSION_ENTERING: break; /* every request is answered */
    }
}

struct session *session_new(struct exchange *exchange, void *connection, struct slice room,
                            uint64_t number)
{
    struct session *session = mem_zero(sizeof(*session));
    if (session == NULL)
        return NULL;
    session->room = room_acquire(exchange, room);
    if (session->room == NULL) {
        mem_free(session);
        return NULL;
    }
    session->exchange = exchange;
    session->connection = connection;
    session->number = number;
    session->deadline.on_due = on_deadline;
    session->ice.on_due = ice_on_due;
    buf_init(&session->parked, PARKED_MAX);
    LIST_INSERT_HEAD(&exchange->sessions, session, link);
    exchange->session_count++;
    tally_add(&exchange->tally->sessions[SESSION_NEW], 1);
    exchange->connection_count++;
    if (exchange->options.join_timeout != 0)
        wheel_arm(&exchange->wheel, &session->deadline,
                  exchange->now + exchange->options.join_timeout);
    return session;
}

/* From here on no frame finds the session by its entry. */
static void entry_hide(struct session *session)
{
    if (session->entry != NULL)
        MAP_DELETE(session->exchange->entries, session->entry);
}

/* It was hidden before. */
static void entry_free(struct session *session)
{
    struct entry *entry = session->entry;
    if (entry == NULL)
        return;
    if (entry->claimed)
        handover_refuse_claim(session, &entry->claim);
    struct buf ahead = entry->ahead;
    hold_done(&entry->late);
    hold_done(&entry->early);
    mem_free(entry->info);
    mem_free(entry);
    session->entry = NULL;
    fence_on_handed(session->room);
    join_release_ahead(session->exchange, &ahead);
}

void session_entered(struct session *session)
{
    entry_hide(session);
    entry_free(session);
}

bool session_park(struct session *session, const struct frame *frame)
{
    frame_encode(frame, &session->parked);
    bool fits = !buf_failed(&session->parked);
    session->parked.failed = false; /* what is in it stays */
    return fits;
}

struct buf session_unpark(struct session *session)
{
    struct buf parked = session->parked;
    buf_init(&session->parked, PARKED_MAX);
    return parked;
}

void session_pass_on_parked(struct session *session)
{
    struct buf parked = session_unpark(session);
    struct slice bytes = buf_slice(&parked);
    struct frame frame;
    while (frame_next(&bytes, &frame))
        exchange_on_frame(session->exchange, &frame);
    buf_done(&parked);
}

void session_forget_upgrade(struct session *session)
{
    if (session->bearer != NULL)
        explicit_bzero(session->bearer, session->bearer_len);
    mem_free(session->bearer);
    mem_free(session->origin);
    session->bearer = session->origin = NULL;
}

void session_free(struct session *session)
{
    assert(session->connection == NULL);
    if (session->gone != NULL)
        *session->gone = true;
    struct member *member = session->member;
    if (member != NULL && member->session == session)
        member->session = NULL;
    if (member != NULL && member->heir == session)
        member->heir = NULL;
    entry_hide(session); /* what was parked must not come back to here */
    session_pass_on_parked(session);
    entry_free(session);
    handover_drop_claim(session);
    ask_free_all(session);
    access_take(session);
    session_forget_upgrade(session);
    wheel_disarm(&session->deadline);
    wheel_disarm(&session->ice);
    hold_done(&session->hold);
    LIST_REMOVE(session, link);
    session->exchange->session_count--;
    tally_sub(&session->exchange->tally->sessions[session->state], 1);
    room_release(session->room);
    mem_free(session);
}

void session_send(struct session *session, struct message *message)
{
    if (message == NULL)
        session_close(session, CLOSE_OVERLOADED);
    else if (session->connection != NULL)
        exchange_deliver(session, message);
    message_unref(message);
}

static void count_error(struct exchange *exchange, int error)
{
    tally_add(&exchange->tally->errors[error_number(error)], 1);
    if (error == ERR_TOO_MANY_ROOMS)
        exchange_hit(exchange, CORE_LIMIT_ROOMS);
    if (error == ERR_ROOM_FULL)
        exchange_hit(exchange, CORE_LIMIT_PEERS);
    if (error == ERR_PEER_BUSY)
        exchange_hit(exchange, CORE_LIMIT_HOLD);
}

void session_fail(struct session *session, int error, struct slice to, struct slice id)
{
    enum close_code code = error_close(error, session->state == SESSION_HERE);
    struct message *message = reply_error(error, to, id);
    count_error(session->exchange, error);
    if (message != NULL && session->connection != NULL)
        exchange_deliver(session, message);
    message_unref(message);
    if (code != CLOSE_NONE) {
        log_session(LOG_INFO, "refused", session, error_wire(error));
        session_close(session, code);
    }
}

/* Gives the connection up; the caller says what becomes of the session. */
static void *detach(struct session *session)
{
    void *connection = session->connection;
    if (connection != NULL)
        session->exchange->connection_count--;
    session->connection = NULL;
    return connection;
}

void session_close(struct session *session, enum close_code code)
{
    struct exchange *exchange = session->exchange;
    void *connection = detach(session);
    if (connection == NULL)
        return;
    exchange->world.close(connection, code);
    session_unplugged(session, code);
}

static void tell_directory(struct session *session, enum frame_kind kind, uint32_t reason)
{
    struct exchange *exchange = session->exchange;
    struct frame frame = {.kind = kind,
                          .from = exchange->options.self,
                          .to = DIRECTORY,
                          .room = room_name(session->room),
                          .peer = member_name(session->member),
                          .secret = session->secret,
                          .reason = reason};
    exchange_send(exchange, &frame);
}

static void go_away(struct session *session)
{
    struct exchange *exchange = session->exchange;
    session_move(session, SESSION_AWAY);
    session->acking = false;
    wheel_arm(&exchange->wheel, &session->deadline,
              exchange->now + exchange->options.resume_window);
    if (exchange->departing)
        deposit_start(session);
    if (!session->deposited)
        tell_directory(session, FRAME_AWAY, session->unheard ? AWAY_UNHEARD : AWAY_LOST);
}

void session_unplugged(struct session *session, enum close_code cause)
{
    detach(session);
    log_session(LOG_DEBUG, "unplugged", session,
                cause == CLOSE_NONE ? "lost" : close_reason(cause));
    switch (session->state) {
    case SESSION_NEW: session_free(session); break;
    case SESSION_AUTHORIZING:
    case SESSION_ENTERING:
    case SESSION_CLAIMING: break; /* goes on without a socket: the answer has to be dealt with */
    case SESSION_HERE:
        if (close_resumable(cause) && session->exchange->options.resume_window != 0)
            go_away(session);
        else
            session_leave(session, cause == CLOSE_NONE ? LEAVE_TIMEOUT : LEAVE_LEFT);
        break;
    case SESSION_AWAY: break;
    }
}

void session_say_info(struct session *session, struct slice info)
{
    struct exchange *exchange = session->exchange;
    exchange_send(exchange, &(struct frame){.kind = FRAME_INFO,
                                            .from = exchange->options.self,
                                            .to = DIRECTORY,
                                            .room = room_name(session->room),
                                            .peer = member_name(session->member),
                                            .secret = session->secret,
                                            .info = info});
}

void session_leave(struct session *session, enum leave_reason reason)
{
    struct exchange *exchange = session->exchange;
    log_session(LOG_INFO, "left", session, reason == LEAVE_TIMEOUT ? "timeout" : "left");
    tell_directory(session, FRAME_LEAVE, reason);
    if (session->member != NULL)
        session->member->left = session->secret;
    void *connection = detach(session);
    if (connection != NULL)
        exchange->world.close(connection, CLOSE_NORMAL);
    session_free(session);
}

void session_superseded(struct session *session)
{
    void *connection = detach(session);
    if (connection != NULL)
        session->exchange->world.close(connection, CLOSE_TAKEN_OVER);
    if (session->state == SESSION_HERE) {
        session_move(session, SESSION_AWAY);
        wheel_arm(&session->exchange->wheel, &session->deadline,
                  session->exchange->now + session->exchange->options.resume_window);
    }
}

void session_await_claim(struct session *session)
{
    struct exchange *exchange = session->exchange;
    uint64_t until = exchange->now + CLAIM_AWAITED;
    if (session->state == SESSION_AWAY && session->claim == NULL && !session->deposited &&
        session->deadline.due > until)
        wheel_arm(&exchange->wheel, &session->deadline, until);
}

static void displace(struct session *other, const struct session *session)
{
    if (other == NULL || other == session || session_is_later(other, session))
        return;
    session_superseded(other);
    session_free(other);
}

void session_attach(struct session *session, struct member *member)
{
    if (member->heir == session)
        member->heir = NULL;
    displace(member->session, session);
    displace(member->heir, session);
    member->session = session;
    session->member = member;
}

void session_refuse(struct session *session, int error)
{
    join_count_refused(session);
    session_fail(session, error, SLICE_NONE, SLICE_NONE);
    session_close(session, CLOSE_OVERLOADED); /* where the error alone does not close */
    session_free(session);
}

/* One that waits for what was held, or that the directory had given up, is told to try again; who
 * was ended otherwise would only come back by mistake. */
void session_end(struct session *session, enum leave_reason reason)
{
    static const struct {
        int error; /* 0: only closes */
        enum close_code code;
    } ways[LEAVE_REASON_COUNT] = {
        [LEAVE_LEFT] = {ERR_UNAVAILABLE, CLOSE_TAKEN_OVER},
        [LEAVE_TIMEOUT] = {ERR_UNAVAILABLE, CLOSE_TAKEN_OVER},
        [LEAVE_KICKED] = {ERR_KICKED, CLOSE_KICKED},
        [LEAVE_REPLACED] = {ERR_UNAVAILABLE, CLOSE_TAKEN_OVER},
        [LEAVE_ROOM_CLOSED] = {ERR_ROOM_CLOSED, CLOSE_ROOM_CLOSED},
    };
    if (session->entry != NULL) {
        session_refuse(session, ways[reason].error);
        return;
    }
    void *connection = detach(session);
    if (connection != NULL)
        session->exchange->world.close(connection, ways[reason].code);
    session_free(session);
}

struct slice session_address(const struct session *session, char ret_text[FRAME_ADDRESS_MAX])
{
    const struct exchange_world *world = &session->exchange->world;
    if (session->connection == NULL || world->address == NULL)
        return SLICE_NONE;
    return world->address(session->connection, ret_text);
}

void session_confirm(struct session *session)
{
    session->unheard = false;
    if (session->state != SESSION_HERE)
        return;
    session->afresh = false;
    if (!session->unconfirmed)
        return;
    session->unconfirmed = false;
    tell_directory(session, FRAME_CONFIRM, 0);
}

/* ---- signals to the client */

int session_can_take(struct session *session, size_t bytes)
{
    struct hold_limits limits = exchange_hold_limits(session->exchange);
    if (session->state != SESSION_HERE && hold_is_full(&session->hold, &limits, bytes))
        return ERR_PEER_BUSY;
    return hold_reserve(&session->hold) ? 0 : ERR_UNAVAILABLE;
}

/* What is held is memory that every further message displaces from the processor's caches: asking
 * early keeps it small, and a ping costs less than the messages it sets free. */
#define ACK_MESSAGES 4
#define ACK_BYTES ((size_t)32 << 10)

static size_t lesser_half(size_t limit, size_t otherwise)
{
    return limit == 0 || limit / 2 > otherwise ? otherwise : limit / 2;
}

/* A client that only answers pings acknowledges by that. But a browser answers before its page has
 * seen what came in front of the ping, and on an old socket while the page resumes on a new one with
 * a count from before. So each ping names what the ping before it came behind. */
static void ask_for_ack(struct session *session, const struct hold_limits *limits)
{
    uint64_t last = hold_last(&session->hold);
    uint64_t pinged = session->pinged > session->hold.acked ? session->pinged : session->hold.acked;
    if (session->acking || (last - pinged < lesser_half(limits->messages, ACK_MESSAGES) &&
                            session->unpinged < lesser_half(limits->bytes, ACK_BYTES)))
        return;
    session->acking = true;
    session->unpinged = 0;
    session->exchange->world.ping(session->connection, pinged);
    session->pinged = last;
}

void session_take(struct session *session, struct message *signal)
{
    struct hold_limits limits = exchange_hold_limits(session->exchange);
    if (session->state != SESSION_HERE) {
        hold_add(&session->hold, signal);
        return;
    }
    /* What was written to a live socket this long ago has arrived, or resuming will say that it
     * can't. */
    while (session->hold.count > 0 && hold_is_full(&session->hold, &limits, signal->len))
        hold_ack(&session->hold, session->hold.acked + 1);
    if (!hold_add(&session->hold, signal))
        hold_skip(&session->hold); /* the client counts it all the same */
    exchange_deliver(session, signal);
    session->unpinged += (unsigned)signal->len;
    ask_for_ack(session, &limits);
}

bool session_acked(struct session *session, uint64_t number)
{
    return hold_ack(&session->hold, number);
}

/* ---- the secret as text */

void session_text(const struct session_secret *secret, struct slice peer, char *ret_text)
{
    unsigned char bytes[SESSION_SECRET_SIZE + PEER_NAME_MAX];
    memcpy(bytes, secret->bytes, SESSION_SECRET_SIZE);
    memcpy(bytes + SESSION_SECRET_SIZE, peer.ptr, peer.len);
    crypto_base64url(bytes, SESSION_SECRET_SIZE + peer.len, ret_text, SESSION_TEXT_SIZE);
}

bool session_text_read(struct slice text, struct session_secret *ret_secret, char *ret_peer,
                       unsigned *ret_peer_len)
{
    char bytes[SESSION_SECRET_SIZE + PEER_NAME_MAX];
    long len = crypto_base64url_decode(text, bytes, sizeof(bytes));
    if (len <= SESSION_SECRET_SIZE)
        return false;
    struct slice peer = {bytes + SESSION_SECRET_SIZE, (size_t)len - SESSION_SECRET_SIZE};
    if (!text_is_peer_name(peer))
        return false;
    memcpy(ret_secret->bytes, bytes, SESSION_SECRET_SIZE);
    memcpy(ret_peer, peer.ptr, peer.len);
    *ret_peer_len = (unsigned)peer.len;
    return true;
}
