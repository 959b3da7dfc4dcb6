/* One difference at a time between what was known of a room and what the directory says now: changes the
 * replica, and tells the local peers. */
#include "core/reply.h"
#include "core/state.h"

bool presence_is_mine(const struct member *member)
{
    return (member->session != NULL || member->heir != NULL) &&
           member->worker == member->room->exchange->options.self;
}

/* The directory took us for dead while we hold the member; nobody else does. */
static bool disowned(struct member *member, worker_id worker)
{
    if (worker != DIRECTORY || !presence_is_mine(member))
        return false;
    member->room->disowned = true;
    return true;
}

bool presence_is_premature(const struct member *member, worker_id worker)
{
    return member->room->restoring && presence_is_mine(member) &&
           worker != member->room->exchange->options.self;
}

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

bool presence_joined(struct room *room, const struct roster_entry *entry)
{
    struct slice peer = entry->peer, info = entry->info;
    struct member *member = room_add_member(room, peer, info, entry->worker);
    if (member == NULL)
        return false;
    member->stint = entry->stint;
    member->away = entry->away;
    member->seen = true;
    dropped_recall(member);
    if (join_is_claiming(room, UINT64_MAX))
        fence_on_news(member);
    room_tell(room, member, reply_peer_joined(peer, info));
    return true;
}

void presence_back(struct member *member, struct place place)
{
    if (disowned(member, place.worker))
        return;
    relocated(member, place);
    if (!member->away)
        return;
    member->away = false;
    room_tell(member->room, member, reply_peer_back(member_name(member)));
}

void presence_away(struct member *member, struct place place)
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
    room_tell(member->room, member, reply_peer_away(member_name(member)));
}

bool presence_info(struct member *member, struct slice info)
{
    if (slice_equal(member_info(member), info))
        return true;
    if (!mem_replace(&member->info, &member->info_len, info.ptr, info.len))
        return false;
    room_tell(member->room, member, reply_peer_info(member_name(member), member_info(member)));
    return true;
}

void presence_end(struct member *member, enum leave_reason reason)
{
    struct room *room = member->room;
    room->uses++; /* ending the last session must not end the room under us */
    if (member->session != NULL)
        session_end(member->session, reason);
    join_drop_claims(room, member_name(member), reason);
    room_remove_member(member);
    room_release(room);
}

void presence_left(struct member *member, enum leave_reason reason)
{
    room_tell(member->room, member, reply_peer_left(member_name(member), reason));
    presence_end(member, reason);
}
