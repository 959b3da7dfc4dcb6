/* A membership moves to another worker (or to a new socket on this one): its hold and counts go
 * along.
 *
 *     new holder (heir)                        former holder
 *        CLAIM received=n  ------------------>   closes its socket with 4009
 *                          <------------------   HOLD, one for each signal after n
 *        joined, the hold  <------------------   HANDED received=m
 *                          <------------------   SIGNAL, FENCE that came late by the old way */
#include "base/log.h"
#include "core/reply.h"
#include "core/state.h"

#define HOPS_MAX 8
#define MOVED_KEPT 10000 /* ms that late signals are passed on */

#define STEPS_MAX 8 /* of one membership that are remembered */

/* A stint here ended, and who has the next one. */
struct step {
    uint32_t stint, next;
    worker_id to;
};

struct moved {
    UT_hash_handle hh;
    struct deadline deadline;
    struct exchange *exchange;
    struct step steps[STEPS_MAX]; /* in order */
    unsigned step_count;
    uint64_t version; /* of the last takeover */
    unsigned key_len;
    char key[]; /* room, '/', peer: a room's name holds no '/' */
};

#define MOVED_KEY_MAX (ROOM_NAME_MAX + 1 + PEER_NAME_MAX)

static unsigned moved_key(struct slice room, struct slice peer, char *ret_key)
{
    memcpy(ret_key, room.ptr, room.len);
    ret_key[room.len] = '/';
    memcpy(ret_key + room.len + 1, peer.ptr, peer.len);
    return (unsigned)(room.len + 1 + peer.len);
}

static struct moved *moved_find(struct exchange *exchange, struct slice room, struct slice peer)
{
    char key[MOVED_KEY_MAX];
    struct moved *moved;
    unsigned len = moved_key(room, peer, key);
    MAP_FIND(exchange->moved, key, len, moved);
    return moved;
}

static void moved_free(struct moved *moved)
{
    wheel_disarm(&moved->deadline);
    MAP_DELETE(moved->exchange->moved, moved);
    mem_free(moved);
}

static void on_moved_due(struct deadline *deadline)
{
    moved_free(WHEEL_OWNER(deadline, struct moved, deadline));
}

static struct moved *moved_add(struct exchange *exchange, struct slice room, struct slice peer)
{
    struct moved *moved = mem_zero(sizeof(*moved) + room.len + 1 + peer.len);
    if (moved == NULL)
        return NULL;
    moved->exchange = exchange;
    moved->deadline.on_due = on_moved_due;
    moved->key_len = moved_key(room, peer, moved->key);
    MAP_ADD(exchange->moved, moved->key, moved->key_len, moved);
    if (moved->hh.tbl == NULL) {
        mem_free(moved);
        return NULL;
    }
    return moved;
}

static void add_step(struct moved *moved, const struct step *step)
{
    if (moved->step_count == STEPS_MAX) {
        moved->step_count--;
        memmove(moved->steps, moved->steps + 1, moved->step_count * sizeof(*step));
    }
    moved->steps[moved->step_count++] = *step;
}

/* NULL: no memory, late signals come back to their senders as undelivered. */
static struct moved *remember_step(struct exchange *exchange, uint32_t stint,
                                   const struct frame *claim)
{
    struct moved *moved = moved_find(exchange, claim->room, claim->peer);
    if (moved == NULL)
        moved = moved_add(exchange, claim->room, claim->peer);
    if (moved == NULL)
        return NULL;
    add_step(moved, &(struct step){stint, claim->request & STINT_MASK, claim->from});
    wheel_arm(&exchange->wheel, &moved->deadline, exchange->now + MOVED_KEPT);
    return moved;
}

void handover_remember(struct exchange *exchange, uint32_t stint, const struct frame *claim)
{
    struct moved *moved = remember_step(exchange, stint, claim);
    if (moved != NULL)
        moved->version = claim->version;
}

/* What became of a stint; 0: of the last one. */
static const struct step *find_step(const struct moved *moved, uint32_t stint)
{
    unsigned i = moved == NULL ? 0 : moved->step_count;
    while (i > 0 && stint != 0 && moved->steps[i - 1].stint != stint)
        i--;
    return i == 0 ? NULL : &moved->steps[i - 1];
}

bool handover_pass_on(struct exchange *exchange, const struct frame *frame, struct slice peer)
{
    const struct moved *moved = moved_find(exchange, frame->room, peer);
    const struct step *step = find_step(moved, frame->stint);
    struct frame onward = *frame; /* keeps `from`: answers go to the sender's worker */
    for (int i = 0; i < STEPS_MAX && step != NULL && step->to == exchange->options.self; i++)
        step = find_step(moved, step->next);
    if (step == NULL || ++onward.hops > HOPS_MAX)
        return false;
    onward.to = step->to;
    onward.stint = frame->stint == 0 ? 0 : step->next;
    exchange_send(exchange, &onward);
    return true;
}

static struct session *session_of(struct exchange *exchange, const struct member *member,
                                  const struct frame *frame)
{
    struct session *session = member == NULL ? NULL : member->session;
    struct session *heir = member == NULL ? NULL : member->heir;
    if (session != NULL && (frame->stint == 0 || session_stint(session) == frame->stint))
        return session;
    if (heir != NULL && (frame->stint == 0 || session_stint(heir) == frame->stint))
        return heir;
    return exchange->entries == NULL ? NULL : join_find_stint(exchange, frame);
}

struct session *handover_find(struct exchange *exchange, const struct member *member,
                              const struct frame *frame)
{
    struct session *session = session_of(exchange, member, frame);
    if (session != NULL || exchange->moved == NULL)
        return session;
    const struct moved *moved = moved_find(exchange, frame->room, frame->peer);
    const struct step *step = find_step(moved, frame->stint);
    struct frame later = *frame;
    for (int i = 0; i < STEPS_MAX && step != NULL && step->to == exchange->options.self; i++) {
        later.stint = step->next;
        session = session_of(exchange, member, &later);
        if (session != NULL)
            return session;
        step = find_step(moved, step->next);
    }
    return NULL;
}

/* Who has asked for what the session holds, and waits; NULL: nobody. */
static const struct frame *claim_on(const struct session *session)
{
    const struct entry *entry = session->entry;
    if (session->claim != NULL)
        return session->claim;
    return session->state == SESSION_CLAIMING && entry->claimed ? &entry->claim : NULL;
}

struct session *handover_last_heir(struct session *session)
{
    const struct exchange *exchange = session->exchange;
    const struct frame *claim;
    while ((claim = claim_on(session)) != NULL && claim->from == exchange->options.self) {
        struct entry *entry = join_find(session->exchange, claim->request);
        if (entry == NULL || entry->session->state != SESSION_CLAIMING)
            break;
        session = entry->session;
    }
    return session;
}

const struct frame *handover_claim_elsewhere(const struct session *session)
{
    const struct frame *claim = claim_on(session);
    return claim != NULL && claim->from != session->exchange->options.self ? claim : NULL;
}

bool handover_pass_by(const struct session *session, const struct frame *frame)
{
    const struct frame *claim = handover_claim_elsewhere(session);
    struct frame onward = *frame; /* keeps `from`: answers go to the sender's worker */
    if (claim == NULL || ++onward.hops > HOPS_MAX)
        return false;
    onward.to = claim->from;
    onward.stint = frame->stint == 0 ? 0 : claim->request & STINT_MASK;
    exchange_send(session->exchange, &onward);
    return true;
}

bool handover_is_superseded(struct session *session)
{
    struct entry *entry = session->entry;
    struct moved *moved =
        moved_find(session->exchange, room_name(session->room), entry_peer(entry));
    return moved != NULL && moved->version > session->version;
}

void handover_forget_all(struct exchange *exchange)
{
    struct moved *moved, *next;
    MAP_EACH (exchange->moved, moved, next) {
        moved_free(moved);
    }
}

/* ---- the heir */

void handover_claim(struct session *heir, worker_id former)
{
    struct exchange *exchange = heir->exchange;
    struct entry *entry = heir->entry;
    if (entry->claimed && entry->claim.version < heir->version) {
        entry->claimed = false;
        /* came while our own place in the row was not known */
        handover_decline(exchange, &entry->claim);
    }
    entry->former = former;
    heir->hold.acked = entry->received;
    wheel_arm(&exchange->wheel, &heir->deadline, exchange->now + HANDOVER_TIMEOUT);
    exchange_send(exchange, &(struct frame){.kind = FRAME_CLAIM,
                                            .from = exchange->options.self,
                                            .to = former,
                                            .request = entry->request,
                                            .version = heir->version,
                                            .room = room_name(heir->room),
                                            .peer = entry_peer(entry),
                                            .received = entry->received});
}

static struct session *find_heir(struct exchange *exchange, const struct frame *frame)
{
    struct entry *entry = join_find(exchange, frame->request);
    if (entry == NULL || entry->session->state != SESSION_CLAIMING || entry->former != frame->from)
        return NULL;
    return entry->session;
}

void handover_on_hold(struct exchange *exchange, const struct frame *frame)
{
    struct session *heir = find_heir(exchange, frame);
    if (heir == NULL)
        return;
    struct message *message = message_of(frame->data);
    if (message == NULL || !hold_add(&heir->hold, message))
        handover_give_up(heir);
    message_unref(message);
}

void handover_on_handed(struct exchange *exchange, const struct frame *frame)
{
    struct session *heir = find_heir(exchange, frame);
    if (heir == NULL)
        return;
    if (frame->error != 0) {
        handover_give_up(heir);
        return;
    }
    heir->received = frame->received;
    join_finish(heir, true);
}

void handover_give_up(struct session *heir)
{
    hold_done(&heir->hold);
    heir->hold = (struct hold){0};
    join_finish(heir, false);
}

/* ---- the former holder */

static void answer(struct exchange *exchange, const struct frame *claim, uint64_t received,
                   int error)
{
    exchange_send(exchange, &(struct frame){.kind = FRAME_HANDED,
                                            .from = exchange->options.self,
                                            .to = claim->from,
                                            .request = claim->request,
                                            .room = claim->room,
                                            .peer = claim->peer,
                                            .received = received,
                                            .error = error});
}

static void send_hold(struct session *holder, const struct frame *claim)
{
    struct exchange *exchange = holder->exchange;
    for (unsigned i = 0; i < holder->hold.count; i++)
        exchange_send(exchange, &(struct frame){.kind = FRAME_HOLD,
                                                .from = exchange->options.self,
                                                .to = claim->from,
                                                .request = claim->request,
                                                .room = claim->room,
                                                .peer = claim->peer,
                                                .data = message_text(hold_at(&holder->hold, i))});
}

void handover_decline(struct exchange *exchange, const struct frame *claim)
{
    answer(exchange, claim, 0, ERR_UNAVAILABLE);
}

/* On the same worker: what comes from here on waits for the heir. */
static void bequeath(struct member *member, const struct frame *claim)
{
    struct entry *entry = join_find(member->room->exchange, claim->request);
    if (entry == NULL || entry->session->state != SESSION_CLAIMING)
        return;
    member->heir = entry->session;
    entry->session->member = member;
}

static void hand_over(struct member *member, const struct frame *claim)
{
    struct session *holder = member->session;
    struct exchange *exchange = holder->exchange;
    deposit_undo(holder);
    bool counts_meet = !holder->afresh && claim->received >= holder->hold.acked &&
                       hold_ack(&holder->hold, claim->received);
    session_superseded(holder);
    if (counts_meet)
        send_hold(holder, claim);
    answer(exchange, claim, holder->received, counts_meet ? 0 : ERR_UNAVAILABLE);
    if (claim->from == exchange->options.self)
        bequeath(member, claim);
    handover_remember(exchange, session_stint(holder), claim);
    session_free(holder);
}

/* Who is to hand over is not the holder yet, it waits for its own claim: it does so once it is. */
static void defer(struct entry *entry, const struct frame *claim)
{
    struct session *heir = entry->session;
    if (entry->claimed)
        handover_decline(heir->exchange, &entry->claim);
    session_superseded(heir);
    entry->claimed = true;
    entry->claim = *claim;
    entry->claim.room = room_name(heir->room);
    entry->claim.peer = entry_peer(entry);
}

/* Signals of this peer may wait behind a fence, or not have got there yet by the way before it: were
 * it handed over now, what it sends from its new worker would overtake them. Who does not know yet who
 * moved before that cannot tell. */
static bool must_wait(const struct member *member, const struct frame *claim)
{
    const struct room *room = member->room;
    return room->astray || room_is_behind(room, claim->version) ||
           fence_is_up(member, claim->version);
}

static bool postpone(struct member *member, const struct frame *claim)
{
    struct session *holder = member->session;
    deposit_undo(holder); /* fences that are parked at it must not wait for other fences */
    if (!must_wait(member, claim))
        return false;
    session_superseded(holder);
    if (holder->claim == NULL)
        holder->claim = mem_must(sizeof(*holder->claim));
    *holder->claim = *claim;
    holder->claim->room = room_name(member->room);
    holder->claim->peer = member_name(member);
    return true;
}

void handover_refuse_claim(const struct session *session, const struct frame *claim)
{
    if (claim->from != session->exchange->options.self)
        remember_step(session->exchange, session_stint(session), claim);
    handover_decline(session->exchange, claim);
}

void handover_drop_claim(struct session *session)
{
    if (session->claim == NULL)
        return;
    handover_refuse_claim(session, session->claim);
    mem_free(session->claim);
    session->claim = NULL;
}

void handover_retry(struct room *room)
{
    struct member *member, *next;
    room->uses++; /* a holder may be the last who stands in it */
    MAP_EACH (room->members, member, next) {
        struct frame claim;
        if (member->session == NULL || member->session->claim == NULL)
            continue;
        if (must_wait(member, member->session->claim))
            continue;
        claim = *member->session->claim;
        mem_free(member->session->claim);
        member->session->claim = NULL;
        hand_over(member, &claim);
    }
    MAP_EACH (room->members, member, next) {
        if (room->exchange->departing && member->session != NULL)
            deposit_start(member->session);
    }
    room_release(room);
}

/* Who is to answer the claim instead of the session that is here: the last of those in the row
 * between the two; NULL: none. */
static struct entry *find_deferrer(struct exchange *exchange, const struct session *session,
                                   const struct frame *claim)
{
    struct entry *entry = join_find_before(exchange, claim);
    if (entry != NULL && session != NULL && entry->session->version < session->version)
        return NULL;
    return entry;
}

/* Somebody else took it over from this session and has not got it yet. Who claims it later means one
 * that was here since, and is no more: its client was told to begin afresh, what is here is too old. */
static bool is_promised(const struct session *session, const struct frame *claim)
{
    return session->claim != NULL && session->claim->version < claim->version;
}

/* Whether who claims it got the membership after this session did. */
static bool is_entitled(const struct session *session, const struct frame *claim)
{
    struct exchange *exchange = session->exchange;
    struct entry *entry =
        claim->from == exchange->options.self ? join_find(exchange, claim->request) : NULL;
    if (entry != NULL)
        return session_is_later(entry->session, session);
    return session->version < claim->version;
}

void handover_on_claim(struct exchange *exchange, const struct frame *claim)
{
    struct room *room = room_find(exchange, claim->room);
    struct member *member = room == NULL ? NULL : room_member(room, claim->peer);
    struct session *session = member == NULL ? NULL : member->session;
    struct entry *deferrer = find_deferrer(exchange, session, claim);
    if (room != NULL)
        room->astray |= claim->flags & ASTRAY;
    if (deferrer != NULL) {
        defer(deferrer, claim);
    } else if (session != NULL && is_entitled(session, claim) && !is_promised(session, claim)) {
        room->uses++; /* the holder may be the last who stands in it */
        roster_catch_up(room, claim->version);
        if (!postpone(member, claim))
            hand_over(member, claim);
        room_release(room);
    } else {
        handover_decline(exchange, claim);
    }
}
