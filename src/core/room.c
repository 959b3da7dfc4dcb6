#include "core/room.h"

#include "core/reply.h"
#include "core/session.h"
#include "core/state.h"

struct room *room_find(struct exchange *exchange, struct slice name)
{
    struct room *room;
    MAP_FIND(exchange->rooms, name.ptr, name.len, room);
    return room;
}

struct room *room_acquire(struct exchange *exchange, struct slice name)
{
    struct room *room = room_find(exchange, name);
    if (room == NULL) {
        room = mem_zero(sizeof(*room) + name.len);
        if (room == NULL)
            return NULL;
        room->exchange = exchange;
        room->name_len = (unsigned)name.len;
        memcpy(room->name, name.ptr, name.len);
        MAP_ADD(exchange->rooms, room->name, room->name_len, room);
        if (room->hh.tbl == NULL) {
            mem_free(room);
            return NULL;
        }
        roster_init(room);
    }
    room->uses++;
    return room;
}

static bool set_info(struct member *member, struct slice info)
{
    return mem_replace(&member->info, &member->info_len, info.ptr, info.len);
}

struct member *room_add_member(struct room *room, struct slice peer, struct slice info,
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
        room_remove_member(member);
        return NULL;
    }
    return member;
}

void room_remove_member(struct member *member)
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
        room_remove_member(member);
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

bool room_take_settings(struct room *room, struct slice settings)
{
    return slice_equal(room_settings(room), settings) ||
           mem_replace(&room->settings, &room->settings_len, settings.ptr, settings.len);
}

static bool is_told(const struct member *member)
{
    return member->session != NULL && member->session->state == SESSION_HERE;
}

void room_tell(struct room *room, const struct member *except, struct message *message)
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

/* ---- events */

static bool denies_restored(const struct member *member, const struct frame *event)
{
    bool ends = event->reason == LEAVE_KICKED || event->reason == LEAVE_ROOM_CLOSED;
    switch (event->kind) {
    case FRAME_MOVED:
    case FRAME_GONE_AWAY: return presence_is_premature(member, event->worker);
    case FRAME_LEFT: return presence_is_premature(member, DIRECTORY) && !ends;
    default: return false;
    }
}

static bool apply(struct room *room, const struct frame *event)
{
    struct member *member = room_member(room, event->peer);
    if (event->kind == FRAME_SETTINGS)
        return room_take_settings(room, event->data);
    if (event->kind == FRAME_JOINED)
        return member == NULL &&
               presence_joined(room, &(struct roster_entry){.peer = event->peer,
                                                            .info = event->info,
                                                            .worker = event->worker,
                                                            .stint = event->stint});
    if (member == NULL || denies_restored(member, event))
        return false;
    bool in_turn = !room->restoring && !room->astray;
    switch (event->kind) {
    case FRAME_MOVED:
        presence_back(member, (struct place){event->worker, event->stint, in_turn});
        return true;
    case FRAME_CHANGED: return presence_info(member, event->info);
    case FRAME_GONE_AWAY:
        presence_away(member, (struct place){event->worker, member->stint, in_turn});
        return true;
    case FRAME_LEFT:
        presence_left(member, event->reason < LEAVE_REASON_COUNT ? event->reason : LEAVE_LEFT);
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
    if (room == NULL) {
        roster_wonder(exchange, event->room);
        return;
    }
    room->astray |= event->flags & ASTRAY;
    if (event->version <= room->version)
        return;
    room->apart |= (event->flags & COUNTED_APART) != 0;
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
        roster_read_again(room);
    }
    roster_restore_if_disowned(room);
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
    room_take_settings(room, SLICE_NONE);
    while (room->members != NULL)
        presence_end(room->members, LEAVE_ROOM_CLOSED);
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
        room_tell(room, NULL, message);
    else if (message != NULL && member != NULL && is_told(member))
        session_send(member->session, message);
    else
        message_unref(message);
}
