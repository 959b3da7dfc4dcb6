#include "core/room.h"

#include "base/log.h"
#include "core/reply.h"
#include "core/session.h"
#include "core/state.h"

#define WONDER_EVERY 1000u /* ms */

struct room *room_find(struct exchange *exchange, struct slice name)
{
    struct room *room;
    MAP_FIND(exchange->rooms, name.ptr, name.len, room);
    return room;
}

static void ask(struct room *room, uint64_t version)
{
    struct exchange *exchange = room->exchange;
    room->read = join_next_request(exchange);
    exchange_send(exchange, &(struct frame){.kind = FRAME_READ,
                                            .from = exchange->options.self,
                                            .to = DIRECTORY,
                                            .request = room->read,
                                            .version = version,
                                            .room = room_name(room)});
}

/* Jittered, so that rooms that came about at once are not asked for at once. */
static void arm_check(struct room *room)
{
    struct exchange *exchange = room->exchange;
    uint64_t interval = exchange->options.check_interval, random;
    if (interval == 0)
        return;
    exchange->world.random(exchange->world.context, &random, sizeof(random));
    wheel_arm(&exchange->wheel, &room->check,
              exchange->now + interval / 2 + random % (interval / 2 + 1));
}

/* One that is still unanswered is asked again. */
static void on_check(struct deadline *deadline)
{
    struct room *room = WHEEL_OWNER(deadline, struct room, check);
    arm_check(room);
    if (room->members != NULL)
        ask(room, room->reading || room->doubtful ? 0 : room->version);
}

struct room *room_acquire(struct exchange *exchange, struct slice name)
{
    struct room *room = room_find(exchange, name);
    if (room == NULL) {
        room = mem_zero(sizeof(*room) + name.len);
        if (room == NULL)
            return NULL;
        room->exchange = exchange;
        room->check.on_due = on_check;
        room->name_len = (unsigned)name.len;
        memcpy(room->name, name.ptr, name.len);
        MAP_ADD(exchange->rooms, room->name, room->name_len, room);
        if (room->hh.tbl == NULL) {
            mem_free(room);
            return NULL;
        }
        arm_check(room);
    }
    room->uses++;
    return room;
}

static void member_free(struct member *member)
{
    fence_end(member);
    if (member->session != NULL)
        member->session->member = NULL;
    if (member->heir != NULL)
        member->heir->member = NULL;
    MAP_DELETE(member->room->members, member);
    mem_free(member->info);
    mem_free(member);
}

static void room_free(struct room *room)
{
    struct member *member, *next;
    MAP_EACH (room->members, member, next) {
        member_free(member);
    }
    dropped_forget(room, DIRECTORY);
    wheel_disarm(&room->check);
    MAP_DELETE(room->exchange->rooms, room);
    mem_free(room->settings);
    mem_free(room);
}

void room_release(struct room *room)
{
    if (room->uses > 1)
        room->uses--;
    else
        room_free(room); /* still pinned: what its end sets off must not end it again */
}

/* Most rooms hold two: to look at both costs less than to hash. */
#define LOOKED_AT 2

struct member *room_member(struct room *room, struct slice peer)
{
    struct member *member = room->members;
    for (unsigned i = 0; i < LOOKED_AT && member != NULL; i++) {
        if (slice_equal(member_name(member), peer))
            return member;
        member = member->hh.next;
    }
    if (member != NULL)
        MAP_FIND(room->members, peer.ptr, peer.len, member);
    return member;
}

static bool is_told(const struct member *member)
{
    return member->session != NULL && member->session->state == SESSION_HERE;
}

/* To each peer here on this worker but `except`. Consumes the message; NULL is passed over. */
static void tell(struct room *room, const struct member *except, struct message *message)
{
    struct member *member, *next;
    if (message == NULL)
        return;
    MAP_EACH (room->members, member, next) {
        if (member != except && is_told(member))
            session_send(member->session, message_ref(message));
    }
    message_unref(message);
}

static bool set_info(struct member *member, struct slice info)
{
    return mem_replace(&member->info, &member->info_len, info.ptr, info.len);
}

static struct member *member_add(struct room *room, struct slice peer, struct slice info,
                                 worker_id worker)
{
    struct member *member = mem_zero(sizeof(*member) + peer.len);
    if (member == NULL)
        return NULL;
    member->room = room;
    member->worker = worker;
    member->name_len = (unsigned)peer.len;
    memcpy(member->name, peer.ptr, peer.len);
    MAP_ADD(room->members, member->name, member->name_len, member);
    if (member->hh.tbl == NULL) {
        mem_free(member);
        return NULL;
    }
    if (!set_info(member, info)) {
        member_free(member);
        return NULL;
    }
    return member;
}

/* ---- one difference at a time: changes the replica and tells the local peers */

static bool joined(struct room *room, const struct roster_entry *entry)
{
    struct slice peer = entry->peer, info = entry->info;
    struct member *member = member_add(room, peer, info, entry->worker);
    if (member == NULL)
        return false;
    member->stint = entry->stint;
    member->away = entry->away;
    member->seen = true;
    dropped_recall(member);
    if (join_is_claiming(room, UINT64_MAX))
        fence_on_news(member);
    tell(room, member, reply_peer_joined(peer, info));
    return true;
}

static bool is_mine(const struct member *member)
{
    return (member->session != NULL || member->heir != NULL) &&
           member->worker == member->room->exchange->options.self;
}

/* The directory took us for dead while we hold the member; nobody else does. */
static bool disowned(struct member *member, worker_id worker)
{
    if (worker != DIRECTORY || !is_mine(member))
        return false;
    member->room->disowned = true;
    return true;
}

/* What is said before the directory was told again what we hold may be from before it knew. The answer
 * to the FRAME_READ behind that is not, nor is FRAME_EVICTED. */
static bool is_premature(const struct member *member, worker_id worker)
{
    return member->room->restoring && is_mine(member) &&
           worker != member->room->exchange->options.self;
}

/* Where and with whom a membership is now; `in_turn`: nothing is unknown of what was before. */
struct place {
    worker_id worker;
    uint32_t stint;
    bool in_turn;
};

static void relocated(struct member *member, struct place place)
{
    bool same_worker = place.worker == member->worker;
    if (same_worker && place.stint == member->stint)
        return;
    member->worker = place.worker;
    member->stint = place.stint;
    if (member->session != NULL && place.worker != member->room->exchange->options.self) {
        session_superseded(member->session);
        session_await_claim(member->session);
    }
    if (same_worker && place.in_turn)
        fence_on_stay(member);
    else
        fence_on_move(member);
}

static void came_back(struct member *member, struct place place)
{
    if (disowned(member, place.worker))
        return;
    relocated(member, place);
    if (!member->away)
        return;
    member->away = false;
    tell(member->room, member, reply_peer_back(member_name(member)));
}

static void went_away(struct member *member, struct place place)
{
    bool taken_away = place.worker != member->room->exchange->options.self;
    if (disowned(member, place.worker))
        return;
    relocated(member, place);
    if (member->session != NULL && member->session->deposited && place.worker == MAILBOX)
        deposit_done(member->session);
    else if (member->session != NULL && taken_away)
        session_superseded(member->session);
    if (member->away)
        return;
    member->away = true;
    tell(member->room, member, reply_peer_away(member_name(member)));
}

static bool changed(struct member *member, struct slice info)
{
    if (slice_equal(member_info(member), info))
        return true;
    if (!set_info(member, info))
        return false;
    tell(member->room, member, reply_peer_info(member_name(member), member_info(member)));
    return true;
}

/* Of a member that others ended: an administrator, or the directory, which had given it up. */
static void end_member(struct member *member, enum leave_reason reason)
{
    struct room *room = member->room;
    room->uses++; /* ending the last session must not end the room under us */
    if (member->session != NULL)
        session_end(member->session, reason);
    join_drop_claims(room, member_name(member), reason);
    member_free(member);
    room_release(room);
}

static void left(struct member *member, enum leave_reason reason)
{
    tell(member->room, member, reply_peer_left(member_name(member), reason));
    end_member(member, reason);
}

static bool has_settings(struct room *room, struct slice settings)
{
    return slice_equal(room_settings(room), settings) ||
           mem_replace(&room->settings, &room->settings_len, settings.ptr, settings.len);
}

/* ---- what the directory says we hold, and we do not: it may have lost that the peer went elsewhere,
 * or left. What nobody disclaims would stay for good. */

static void disclaim_if_unheld(struct exchange *exchange, struct room *room,
                               const struct frame *disclaim)
{
    struct member *member = room == NULL ? NULL : room_member(room, disclaim->peer);
    struct session *session = member == NULL ? NULL : member->session;
    bool held = session != NULL && session_stint(session) == disclaim->stint;
    if (held || join_find_stint(exchange, disclaim) != NULL)
        return;
    exchange_send(exchange, disclaim);
    if (session != NULL)
        room->disowned = true; /* who has it here was to be superseded, and was not */
}

static void disclaim_unheld(struct exchange *exchange, struct room *room, const struct frame *frame)
{
    struct slice roster = frame->roster;
    struct roster_entry entry;
    bool broken;
    while (!(frame->reason & ROOM_PROVISIONAL) && roster_next(&roster, &entry, &broken)) {
        struct frame disclaim = {.kind = FRAME_DISCLAIM,
                                 .from = exchange->options.self,
                                 .to = DIRECTORY,
                                 .stint = entry.stint,
                                 .room = frame->room,
                                 .peer = entry.peer};
        if (entry.worker == exchange->options.self)
            disclaim_if_unheld(exchange, room, &disclaim);
    }
}

/* An event of a room that nobody of ours is in: mostly the last of them has just left. */
static void wonder(struct exchange *exchange, struct slice name)
{
    if (exchange->options.check_interval == 0 || exchange->now < exchange->wonder_at)
        return;
    exchange->wonder_at = exchange->now + WONDER_EVERY;
    exchange_send(exchange, &(struct frame){.kind = FRAME_READ,
                                            .from = exchange->options.self,
                                            .to = DIRECTORY,
                                            .request = join_next_request(exchange),
                                            .room = name});
}

/* ---- events */

void room_read(struct room *room)
{
    room->reading = true;
    ask(room, 0);
}

static void read_again(struct room *room)
{
    if (!room->reading)
        room_read(room);
}

void room_catch_up(struct room *room, uint64_t version)
{
    if (room->version < version)
        read_again(room);
}

static void restore_if_disowned(struct room *room)
{
    if (!room->disowned)
        return;
    room->disowned = false;
    if (!room->restoring)
        restore_room(room);
}

static bool denies_restored(const struct member *member, const struct frame *event)
{
    bool ends = event->reason == LEAVE_KICKED || event->reason == LEAVE_ROOM_CLOSED;
    switch (event->kind) {
    case FRAME_MOVED:
    case FRAME_GONE_AWAY: return is_premature(member, event->worker);
    case FRAME_LEFT: return is_premature(member, DIRECTORY) && !ends;
    default: return false;
    }
}

static bool apply(struct room *room, const struct frame *event)
{
    struct member *member = room_member(room, event->peer);
    if (event->kind == FRAME_SETTINGS)
        return has_settings(room, event->data);
    if (event->kind == FRAME_JOINED)
        return member == NULL && joined(room, &(struct roster_entry){.peer = event->peer,
                                                                     .info = event->info,
                                                                     .worker = event->worker,
                                                                     .stint = event->stint});
    if (member == NULL || denies_restored(member, event))
        return false;
    bool in_turn = !room->restoring && !room->exchange->astray;
    switch (event->kind) {
    case FRAME_MOVED:
        came_back(member, (struct place){event->worker, event->stint, in_turn});
        return true;
    case FRAME_CHANGED: return changed(member, event->info);
    case FRAME_GONE_AWAY:
        went_away(member, (struct place){event->worker, member->stint, in_turn});
        return true;
    case FRAME_LEFT:
        left(member, event->reason < LEAVE_REASON_COUNT ? event->reason : LEAVE_LEFT);
        return true;
    default: return false;
    }
}

static void hear(struct room *room, const struct frame *event)
{
    if (room->heard < event->version)
        room->heard = event->version;
}

void room_on_event(struct exchange *exchange, const struct frame *event)
{
    struct room *room = room_find(exchange, event->room);
    exchange->astray |= event->flags & ASTRAY;
    if (room == NULL)
        wonder(exchange, event->room);
    if (room == NULL || event->version <= room->version)
        return;
    if (room->version == 0) {
        hear(room, event); /* the roster that is on its way may be from before it */
        return;
    }
    bool in_turn = event->version == room->version + 1;
    room->uses++; /* the event may end the last session */
    if (in_turn && apply(room, event)) {
        room->version = event->version;
    } else {
        hear(room, event);
        read_again(room);
    }
    restore_if_disowned(room);
    room_release(room);
}

/* In turn or not: whoever was in it is out. Who is on the way in is in the one after it. */
void room_on_closed(struct exchange *exchange, const struct frame *event)
{
    struct room *room = room_find(exchange, event->room);
    if (room == NULL || room->version == 0 || event->version <= room->version)
        return;
    room->uses++;
    room->version = 0;
    has_settings(room, SLICE_NONE);
    while (room->members != NULL)
        end_member(room->members, LEAVE_ROOM_CLOSED);
    room_release(room);
}

void room_on_notice(struct exchange *exchange, const struct frame *notice)
{
    struct room *room = room_find(exchange, notice->room);
    struct member *member = NULL;
    struct message *message;
    if (room == NULL)
        return;
    if (notice->peer.len > 0)
        member = room_member(room, notice->peer);
    message = reply_notice(notice->data);
    if (notice->peer.len == 0)
        tell(room, NULL, message);
    else if (message != NULL && member != NULL && is_told(member))
        session_send(member->session, message);
    else
        message_unref(message);
}

/* ---- the whole roster */

static bool meet(struct room *room, const struct roster_entry *entry)
{
    struct member *member = room_member(room, entry->peer);
    if (member == NULL)
        return joined(room, entry);
    member->seen = true;
    if (is_premature(member, entry->worker))
        return true;
    if (!changed(member, entry->info))
        return false;
    struct place place = {entry->worker, entry->stint, false};
    if (entry->away)
        went_away(member, place);
    else
        came_back(member, place);
    return true;
}

void room_be_lenient(struct room *room, uint64_t patience)
{
    uint64_t until = room->exchange->now + patience;
    if (room->lenient_until < until)
        room->lenient_until = until;
}

void room_start_over(struct room *room)
{
    room->version = room->heard = 0;
    room_be_lenient(room, OTHERS_NOTICE);
}

/* A directory that has lost its memory is told again by each worker in its own time: who is missed
 * soon after may only be late. */
static void drop_unseen(struct room *room)
{
    struct exchange *exchange = room->exchange;
    struct member *member, *next;
    room->doubtful = false;
    MAP_EACH (room->members, member, next) {
        if (member->seen)
            continue;
        if (is_mine(member)) {
            room->disowned = true;
        } else if (exchange->now < room->lenient_until) {
            room->doubtful = true;
        } else {
            dropped_remember(member);
            left(member, LEAVE_LEFT);
        }
    }
    if (room->doubtful)
        wheel_arm(&exchange->wheel, &room->check, room->lenient_until);
}

static bool apply_roster(struct room *room, const struct frame *frame)
{
    struct slice roster = frame->roster;
    struct roster_entry entry;
    struct member *member, *next;
    bool broken, whole = true;
    /* A provisional directory may have counted as far: what this one tells took place in its version
     * at the latest, and who moves on after it waits for the fences that come of it. */
    if (room->version >= frame->version && frame->version > 0)
        room->version = frame->version - 1;
    MAP_EACH (room->members, member, next) {
        member->seen = false;
    }
    while (whole && roster_next(&roster, &entry, &broken))
        whole = meet(room, &entry);
    if (!whole || broken)
        return false;
    if (!has_settings(room, frame->data))
        return false;
    drop_unseen(room);
    room->version = frame->version;
    return true;
}

bool room_on_roster(struct room *room, const struct frame *frame)
{
    bool whole = true;
    if (frame->version < room->version)
        return true;
    room->uses++; /* what it says may end the last session */
    whole = apply_roster(room, frame);
    restore_if_disowned(room);
    room_release(room);
    return whole;
}

/* What we hold is ours again: who claims it by an earlier version is too late. */
static void keep_restored(struct room *room, const struct frame *frame)
{
    struct slice roster = frame->roster;
    struct roster_entry entry;
    bool broken;
    while (roster_next(&roster, &entry, &broken)) {
        struct member *member = room_member(room, entry.peer);
        struct session *session = member == NULL ? NULL : member->session;
        if (entry.worker == room->exchange->options.self && session != NULL &&
            session_stint(session) == entry.stint && session->version < frame->version) {
            session->version = frame->version;
            if (session->claim != NULL && session->claim->version <= frame->version)
                handover_drop_claim(session);
            if (!(frame->reason & ROOM_PROVISIONAL))
                session->taken = frame->version;
        }
    }
}

void room_on_read(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    if (room == NULL)
        disclaim_unheld(exchange, NULL, frame);
    if (room == NULL || frame->request != room->read)
        return; /* a later one is under way */
    if (room->restoring)
        keep_restored(room, frame);
    /* What was passed over as premature stays to be said: by one that is not older than what came since. */
    bool outdated = room->restoring && frame->version < room->version;
    room->reading = false;
    room->restoring = outdated;
    room->uses++; /* what it says may end the last session */
    disclaim_unheld(exchange, room, frame);
    room_on_roster(room, frame);
    if (outdated || room->heard > room->version)
        room_read(room); /* this one was asked for before that event */
    room->heard = 0;
    handover_retry(room);
    room_release(room);
}

void room_on_unread(struct room *room, const struct frame *frame)
{
    if (frame->request != room->read)
        return;
    room->reading = false;
    room->uses++;
    if (frame->error == ERR_PEER_NOT_FOUND)
        restore_room(room);
    handover_retry(room);
    room_release(room);
}
