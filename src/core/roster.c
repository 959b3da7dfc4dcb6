/* The whole roster of a room: when it is asked for, and what comes of the answer. Each difference to what
 * was known is dealt with as if an event had told it (presence.c); who is missing has left, or was lost
 * by a directory that is still being told again; and what it says that we hold, and we do not, is
 * disclaimed. */
#include "core/state.h"

#define WONDER_EVERY 1000u /* ms */

/* ---- asking */

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
static void check_later(struct room *room)
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
    check_later(room);
    if (room->members != NULL)
        ask(room, room->reading || room->doubtful ? 0 : room->version);
}

void roster_init(struct room *room)
{
    room->check.on_due = on_check;
    check_later(room);
}

void roster_read(struct room *room)
{
    room->reading = true;
    ask(room, 0);
}

void roster_read_again(struct room *room)
{
    if (!room->reading)
        roster_read(room);
}

void roster_catch_up(struct room *room, uint64_t version)
{
    if (room->version < version)
        roster_read_again(room);
}

void roster_wonder(struct exchange *exchange, struct slice name)
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

void roster_restore_if_disowned(struct room *room)
{
    if (!room->disowned)
        return;
    room->disowned = false;
    if (!room->restoring)
        restore_room(room);
}

/* ---- the answer */

static bool meet(struct room *room, const struct roster_entry *entry)
{
    struct member *member = room_member(room, entry->peer);
    if (member == NULL)
        return presence_joined(room, entry);
    member->seen = true;
    if (presence_is_premature(member, entry->worker))
        return true;
    if (!presence_info(member, entry->info))
        return false;
    struct place place = {entry->worker, entry->stint, false};
    if (entry->away)
        presence_away(member, place);
    else
        presence_back(member, place);
    return true;
}

void roster_be_lenient(struct room *room, uint64_t patience)
{
    uint64_t until = room->exchange->now + patience;
    if (room->lenient_until < until)
        room->lenient_until = until;
}

void roster_start_over(struct room *room)
{
    room->version = room->heard = 0;
    roster_be_lenient(room, OTHERS_NOTICE);
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
        if (presence_is_mine(member)) {
            room->disowned = true;
        } else if (exchange->now < room->lenient_until) {
            room->doubtful = true;
        } else {
            dropped_remember(member);
            presence_left(member, LEAVE_LEFT);
        }
    }
    if (room->doubtful)
        wheel_arm(&exchange->wheel, &room->check, room->lenient_until);
}

static bool apply(struct room *room, const struct frame *frame)
{
    struct slice roster = frame->roster;
    struct roster_entry entry;
    struct member *member, *next;
    bool broken, whole = true;
    MAP_EACH (room->members, member, next) {
        member->seen = false;
    }
    while (whole && roster_next(&roster, &entry, &broken))
        whole = meet(room, &entry);
    if (!whole || broken || !room_take_settings(room, frame->data))
        return false;
    drop_unseen(room);
    return true;
}

bool roster_apply(struct room *room, const struct frame *frame)
{
    disclaim_unheld(room->exchange, room, frame);
    if (frame->version < room->version)
        return true;
    uint64_t known = room->version;
    room->uses++; /* what it says may end the last session */
    if ((room->apart || known == frame->version) && known > 0)
        room->version = 1;
    room->applied = frame->version;
    bool whole = apply(room, frame);
    room->applied = 0;
    room->version = whole ? frame->version : known;
    room->apart |= (frame->reason & ROOM_PROVISIONAL) != 0;
    roster_restore_if_disowned(room);
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

void roster_on_read(struct exchange *exchange, const struct frame *frame)
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
    roster_apply(room, frame);
    if (!outdated && !(frame->reason & ROOM_PROVISIONAL))
        room->apart = false;
    if (outdated || room->heard > room->version)
        roster_read(room); /* this one was asked for before that event */
    room->heard = 0;
    handover_retry(room);
    room_release(room);
}

void roster_on_unread(struct room *room, const struct frame *frame)
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
