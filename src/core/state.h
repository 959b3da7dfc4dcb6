/* What the parts of the exchange share: exchange.c (events in), session.c, room.c, presence.c,
 * roster.c, join.c, welcome.c, route.c, handover.c, fence.c, dropped.c, restore.c, deposit.c, ice.c. */
#ifndef ROOMLINE_CORE_STATE_H
#define ROOMLINE_CORE_STATE_H

#include "base/wheel.h"
#include "core/access.h"
#include "core/exchange.h"
#include "core/room.h"
#include "core/session.h"
#include "core/tally.h"

#define HANDOVER_TIMEOUT 2000 /* ms a former holder has to answer; a client waits for it */

struct exchange {
    struct exchange_options options;
    struct exchange_world world;
    struct wheel wheel;
    uint64_t now;
    struct room *rooms;
    struct entry *entries; /* sessions that wait for an answer, by request number */
    uint32_t last_request;
    uint32_t last_fence; /* as FRAME_FENCE's request */
    struct ask *asks;    /* of sessions that are in, by request number */
    struct buf info;     /* access_info()'s */
    LIST_HEAD(, session) sessions;
    struct moved *moved; /* memberships handed to another worker not long ago */
    uint64_t wonder_at;  /* when the next event of an unknown room may be looked into; ms */
    uint64_t closes_at;  /* when draining ends, which goaway tells clients; ms */
    bool departing;      /* what goes away is put into the mailbox */
    size_t session_count, connection_count;
    struct core_tally *tally, own_tally;
};

static inline void exchange_send(struct exchange *exchange, const struct frame *frame)
{
    exchange->world.send(exchange->world.context, frame);
}

static inline void exchange_deliver(struct session *session, struct message *message)
{
    struct exchange *exchange = session->exchange;
    tally_add(&exchange->tally->sent[message->kind], 1);
    tally_add(&exchange->tally->sent_bytes[message->kind], message->len);
    exchange->world.deliver(session->connection, message);
}

static inline void exchange_hit(struct exchange *exchange, enum core_limit limit)
{
    tally_add(&exchange->tally->limits[limit], 1);
}

/* µs; 0: there is no clock. */
static inline uint64_t exchange_clock(const struct exchange *exchange)
{
    return exchange->world.clock == NULL ? 0 : exchange->world.clock(exchange->world.context);
}

/* Of each queue of signals that is kept for a peer. */
static inline struct hold_limits exchange_hold_limits(const struct exchange *exchange)
{
    return (struct hold_limits){exchange->options.hold_messages, exchange->options.hold_bytes};
}

/* ---- presence.c: from what was known of a member to what the directory says now */

/* Where and with whom a membership is now; `in_turn`: nothing is unknown of what was before. */
struct place {
    worker_id worker;
    uint32_t stint;
    bool in_turn;
};

/* Whether this worker holds it, or is about to. */
bool presence_is_mine(const struct member *member);

/* Whether what is said of it is not to be believed yet: from before the directory was told again what we
 * hold. The answer to the FRAME_READ behind that is not, nor is FRAME_EVICTED. */
bool presence_is_premature(const struct member *member, worker_id worker);

/* False: no memory. */
bool presence_joined(struct room *room, const struct roster_entry *entry);
bool presence_info(struct member *member, struct slice info);

void presence_back(struct member *member, struct place place);
void presence_away(struct member *member, struct place place);
void presence_left(struct member *member, enum leave_reason reason);

/* The same, of which nobody else is told. */
void presence_end(struct member *member, enum leave_reason reason);

/* ---- roster.c */

/* Of a new room: from now on its version is compared with the directory's now and then. */
void roster_init(struct room *room);

/* Asks for the roster. */
void roster_read(struct room *room);

/* The same, unless that was done and is not answered. */
void roster_read_again(struct room *room);

/* The same if events up to this version of the room were missed. */
void roster_catch_up(struct room *room, uint64_t version);

/* What is said of a room that nobody of ours is in: mostly the last of them has just left. */
void roster_wonder(struct exchange *exchange, struct slice name);

/* The answers to that: FRAME_ROOM and FRAME_REFUSED. */
void roster_on_read(struct exchange *exchange, const struct frame *frame);
void roster_on_unread(struct room *room, const struct frame *frame);

/* Misses nobody for so many ms: other workers may still be telling the directory of their members.
 * What all of them lost and found again at the same time, the way to it, they come back to at about
 * the same time; what it has forgotten without a word they notice each at its own time. */
#define OTHERS_COME_BACK 3000
#define OTHERS_NOTICE 15000
void roster_be_lenient(struct room *room, uint64_t patience);

/* The answer to a join that is older than what is known: the directory has lost what came after. */
void roster_start_over(struct room *room);

/* The roster of a FRAME_ROOM: tells the local peers each difference. False where it could not be
 * applied. */
bool roster_apply(struct room *room, const struct frame *frame);

/* After what the directory said: what it does not know of we hold is told to it. */
void roster_restore_if_disowned(struct room *room);

/* ---- join.c */

void join_start(struct session *session, const struct envelope *envelope);

/* The world's answer to who is AUTHORIZING. */
void join_authorized(struct session *session, int error, const struct grant *grant);

/* FRAME_ROOM and FRAME_REFUSED. */
void join_on_room(struct exchange *exchange, const struct frame *frame);
void join_on_refused(struct exchange *exchange, const struct frame *frame);

/* The session is a member and has what there is to have: joined goes out, then what is held. */
void join_finish(struct session *session, bool resumed);

/* The client does not wait for the answer to its join: kept until then. */
void join_early(struct session *session, struct slice text);

/* The session on its way in that a signal or fence is for; NULL: none. */
struct session *join_find_stint(struct exchange *exchange, const struct frame *frame);

/* A signal for one whose join or resume was done, though its answer has not come yet: others may have
 * heard of it before us. It waits for the answer. False: no space. */
bool join_keep_ahead(struct session *session, const struct frame *signal);

/* What waited goes where it can now. Ends the buffer. */
void join_release_ahead(struct exchange *exchange, struct buf *ahead);

/* The membership is no more: nobody is to take it over. */
void join_drop_claims(struct room *room, struct slice peer, enum leave_reason reason);

/* A request number that no session waits for. */
uint32_t join_next_request(struct exchange *exchange);
struct entry *join_find(struct exchange *exchange, uint32_t request);

/* Whether somebody in the room got a membership before this version of it and was not handed it yet. */
bool join_is_claiming(const struct room *room, uint64_t before);

/* The last one on its way in that got this membership before who claims it now; NULL: none. */
struct entry *join_find_before(struct exchange *exchange, const struct frame *claim);

/* The join of this session ends here, refused or because its client has gone. */
void join_count_refused(const struct session *session);

/* ---- welcome.c */

/* The session is here: tells its client so, with the roster, then what is held for it, and does what it
 * sent behind its join. May end the session. resuming: it asked for that; resumed: it was. */
void welcome_client(struct session *session, bool resuming, bool resumed, struct hold *early);

/* ---- ice.c */

/* The JSON array for this session's client, in a buffer that the caller frees by buf_done(); it may
 * have failed. */
struct ice_validity ice_servers(struct session *session, struct buf *ret_servers);

/* Has the client told of fresh ones before these end. */
void ice_refresh_later(struct session *session, uint64_t ttl);
void ice_on_due(struct deadline *deadline);

/* ---- route.c */

void route_signal(struct session *session, const struct envelope *envelope);
void route_on_signal(struct exchange *exchange, const struct frame *frame);
void route_on_undelivered(struct exchange *exchange, const struct frame *frame);

/* ---- handover.c */

/* Asks the former holder for the hold and the counts. */
void handover_claim(struct session *heir, worker_id former);
void handover_on_claim(struct exchange *exchange, const struct frame *frame);
void handover_on_hold(struct exchange *exchange, const struct frame *frame);
void handover_on_handed(struct exchange *exchange, const struct frame *frame);

/* The former holder does not answer. */
void handover_give_up(struct session *heir);

/* The session on this worker that a signal or a fence is for, or is by now. NULL: none, or it went
 * elsewhere. */
struct session *handover_find(struct exchange *exchange, const struct member *member,
                              const struct frame *frame);

/* The last of those who wait on this worker for what the session holds, or itself: what comes now stays
 * behind that, whichever of them it is for, since a directory that lost a takeover names a former one. */
struct session *handover_last_heir(struct session *session);

/* The claim of who waits for it on another worker; NULL: nobody does. What comes for the session goes
 * there at once, where it waits behind what is held here. */
const struct frame *handover_claim_elsewhere(const struct session *session);
bool handover_pass_by(const struct session *session, const struct frame *frame);

/* Passes a signal, a fence or an undelivered signal on to where the peer that it is for went. False:
 * that is not known, or it has gone round too often. */
bool handover_pass_on(struct exchange *exchange, const struct frame *frame, struct slice peer);

/* What was for this stint goes on to who has the membership now (claim->from, or the mailbox). */
void handover_remember(struct exchange *exchange, uint32_t stint, const struct frame *claim);

/* Answers the claims that waited for a fence in this room. */
void handover_retry(struct room *room);

/* Whoever claims it has lost the membership since. */
void handover_drop_claim(struct session *session);

/* Whether somebody got the membership later than this session and has the hold by now. */
bool handover_is_superseded(struct session *session);

void handover_decline(struct exchange *exchange, const struct frame *claim);

/* A claim that waited for a session that is no more. What came meanwhile went to who claimed, and what
 * still comes goes the same way. */
void handover_refuse_claim(const struct session *session, const struct frame *claim);
void handover_forget_all(struct exchange *exchange);

/* ---- fence.c */

/* The member has moved. If signals for it went elsewhere, they wait from now on until that way is
 * drained. */
void fence_on_move(struct member *member);

/* The same worker holds it as before, for another session. */
void fence_on_stay(struct member *member);

/* A peer goes on here that may have sent to any other from elsewhere. */
void fence_on_arrival(struct room *room);

/* A member that is new here may not be new there, from where such a peer has still to be handed over: a
 * directory that lost its memory knows it only now. */
void fence_on_news(struct member *member);

/* Somebody who was CLAIMING in the room is not any more. */
void fence_on_handed(struct room *room);

/* Whether a signal has to wait, and was taken to wait, or not (ERR_PEER_BUSY). 0: no fence, send
 * it. */
enum fence_answer { FENCE_NONE, FENCE_WAITS, FENCE_FULL };
enum fence_answer fence_hold(struct member *member, const struct frame *signal);

/* To signal->to. */
void fence_send(struct member *member, const struct frame *signal);
void fence_on_fence(struct exchange *exchange, const struct frame *frame);
void fence_on_fenced(struct exchange *exchange, const struct frame *frame);
void fence_on_worker_down(struct exchange *exchange, worker_id worker);

/* Whether what the sender sent to somebody who moved before this version of the room may still be on
 * its way, or waits here. Not to itself: that fence comes to where the sender is to be handed over. */
bool fence_is_up(const struct member *sender, uint64_t before);

/* Ends a member's fence: what waited goes to where the member is now, or comes back undelivered. */
void fence_end(struct member *member);
void fence_end_all(struct exchange *exchange);

/* ---- dropped.c: members that are missed in a roster, and may be back */

void dropped_remember(struct member *member);
void dropped_recall(struct member *member);

/* What was sent to that worker will not be delivered. DIRECTORY: all are forgotten. */
void dropped_forget(struct room *room, worker_id worker);

/* ---- restore.c */

/* Of a room that the directory knows nothing of, or not that we hold somebody in it. */
void restore_room(struct room *room);

/* Of one membership, whose session may still be on its way in. */
void restore_session(struct session *session);
void restore_on_evicted(struct exchange *exchange, const struct frame *frame);

/* ---- deposit.c */

/* Puts what an away session holds into the mailbox, as soon as nothing it sent waits here. */
void deposit_start(struct session *session);

/* The same once more: the directory had lost the membership. */
void deposit_again(struct session *session);

/* Somebody took the membership over before the mailbox got it: what came since is held as ever. */
void deposit_undo(struct session *session);

/* The mailbox has it. Frees the session. */
void deposit_done(struct session *session);

#endif
