/* A membership moves to another worker (or to a new socket on this one): its hold and counts go along.
 *
 *     new holder (heir)                        former holder
 *        CLAIM received=n  ------------------>   closes its socket with 4009
 *                          <------------------   HOLD, one for each signal after n
 *        joined, the hold  <------------------   HANDED received=m
 *                          <------------------   SIGNAL, FENCE: what comes late by the old way is passed on
 */
#include "base/log.h"
#include "core/reply.h"
#include "core/state.h"

#define MOVED_KEPT 10000 /* ms that late signals are passed on */

struct moved {
    UT_hash_handle hh;
    struct deadline deadline;
    struct exchange *exchange;
    worker_id to;
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
    moved_free((struct moved *)((char *)deadline - offsetof(struct moved, deadline)));
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

static void remember_moved(struct exchange *exchange, struct slice room, struct slice peer,
                           worker_id to)
{
    struct moved *moved = moved_find(exchange, room, peer);
    if (moved == NULL)
        moved = moved_add(exchange, room, peer);
    if (moved == NULL)
        return; /* late signals come back to their senders as undelivered */
    moved->to = to;
    wheel_arm(&exchange->wheel, &moved->deadline, exchange->now + MOVED_KEPT);
}

worker_id handover_moved_to(struct exchange *exchange, struct slice room, struct slice peer)
{
    struct moved *moved = moved_find(exchange, room, peer);
    return moved == NULL ? DIRECTORY : moved->to;
}

void handover_forget_all(struct exchange *exchange)
{
    struct moved *moved, *next;
    MAP_EACH(exchange->moved, moved, next)
    {
        moved_free(moved);
    }
}

/* ---- the heir */

void handover_claim(struct session *heir, worker_id former)
{
    struct exchange *exchange = heir->exchange;
    struct entry *entry = heir->entry;
    entry->former = former;
    heir->hold.acked = entry->received;
    wheel_arm(&exchange->wheel, &heir->deadline, exchange->now + HANDOVER_TIMEOUT);
    exchange->world.send(exchange->world.context,
                         &(struct frame){.kind = FRAME_CLAIM,
                                         .from = exchange->options.self,
                                         .to = former,
                                         .request = entry->request,
                                         .room = room_name(heir->room),
                                         .peer = {entry->peer, entry->peer_len},
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

static void answer(struct exchange *exchange, const struct frame *claim, uint64_t received, int error)
{
    exchange->world.send(exchange->world.context, &(struct frame){.kind = FRAME_HANDED,
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
        exchange->world.send(exchange->world.context,
                             &(struct frame){.kind = FRAME_HOLD,
                                             .from = exchange->options.self,
                                             .to = claim->from,
                                             .request = claim->request,
                                             .room = claim->room,
                                             .peer = claim->peer,
                                             .data = message_text(hold_at(&holder->hold, i))});
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
    bool counts_meet = claim->received >= holder->hold.acked &&
                       hold_ack(&holder->hold, claim->received);
    session_superseded(holder);
    if (counts_meet)
        send_hold(holder, claim);
    answer(exchange, claim, holder->received, counts_meet ? 0 : ERR_UNAVAILABLE);
    if (claim->from == exchange->options.self)
        bequeath(member, claim);
    else
        remember_moved(exchange, claim->room, claim->peer, claim->from);
    session_free(holder);
}

/* The heir of this worker is not the holder yet: it hands over once it is. The last who claims wins. */
static void defer(struct session *heir, const struct frame *claim)
{
    struct exchange *exchange = heir->exchange;
    struct entry *entry = heir->entry;
    if (entry->claimed)
        answer(exchange, &entry->claim, 0, ERR_UNAVAILABLE);
    session_superseded(heir);
    entry->claimed = true;
    entry->claim = *claim;
    entry->claim.room = room_name(heir->room);
    entry->claim.peer = (struct slice){entry->peer, entry->peer_len};
}

void handover_on_claim(struct exchange *exchange, const struct frame *claim)
{
    struct room *room = room_find(exchange, claim->room);
    struct member *member = room == NULL ? NULL : room_member(room, claim->peer);
    struct session *heir = member == NULL ? NULL : member->heir;
    bool by_heir = heir != NULL && claim->from == exchange->options.self &&
                   claim->request == heir->entry->request;
    if (member != NULL && member->session != NULL) {
        room->uses++; /* the holder may be the last who stands in it */
        hand_over(member, claim);
        room_release(room);
    } else if (heir != NULL && !by_heir) {
        defer(heir, claim);
    } else {
        answer(exchange, claim, 0, ERR_UNAVAILABLE);
    }
}
