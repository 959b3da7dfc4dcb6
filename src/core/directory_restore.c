/* Memberships that their holders know and the directory does not, or not so: it has lost them (it
 * was restarted empty, or an older copy of it took over), took their worker for dead, or something
 * else stood in for it meanwhile. The holder is believed unless somebody else has the membership. */
#include "core/directory_state.h"

#define RESTORED_AWAY 1 /* as a reason */

static void evict_for(struct directory *directory, const struct frame *frame,
                      enum leave_reason reason)
{
    struct frame answer = {.kind = FRAME_EVICTED,
                           .room = frame->room,
                           .peer = frame->peer,
                           .secret = frame->secret,
                           .reason = reason};
    directory_send(directory, &answer, frame->from);
}

static void evict(struct directory *directory, const struct frame *frame)
{
    evict_for(directory, frame, LEAVE_REPLACED);
}

static void announce_state(struct directory_member *member, bool away)
{
    member->away = away;
    if (!away)
        return;
    directory_announce(member->room,
                       &(struct frame){.kind = FRAME_GONE_AWAY,
                                       .peer = directory_member_name(member),
                                       .worker = member->worker},
                       member->worker);
}

/* What is said of the room from now on must be seen as later than what anybody knows of it, also by who
 * is not believed. */
static struct directory_room *catch_up(struct directory *directory, const struct frame *frame)
{
    struct directory_room *room = directory_room_find(directory, frame->room);
    if (room != NULL && room->version < frame->version)
        room->version = frame->version;
    return room;
}

/* Its settings are the newest that anybody knows. */
static struct directory_room *make_room(struct directory *directory, const struct frame *frame)
{
    if (directory_room_find(directory, frame->room) == NULL)
        directory_room_add(directory, frame->room);
    struct directory_room *room = catch_up(directory, frame);
    if (room != NULL)
        directory_settings_restore(room, frame->data);
    return room;
}

static void add(struct directory *directory, const struct frame *frame)
{
    struct directory_room *room = make_room(directory, frame);
    struct directory_member *member = room == NULL ? NULL : directory_member_add(room, frame);
    if (member == NULL) {
        if (room != NULL)
            directory_room_vacated(room);
        evict(directory, frame);
        return;
    }
    member->previous = frame->proof;
    member->taken = frame->taken;
    directory_announce(room,
                       &(struct frame){.kind = FRAME_JOINED,
                                       .peer = directory_member_name(member),
                                       .worker = member->worker,
                                       .stint = member->stint,
                                       .info = directory_member_info(member)},
                       frame->from);
    directory_tell_joined(member);
    if (frame->from == DIRECTORY)
        directory_member_orphan(member, DIRECTORY);
    else
        announce_state(member, frame->reason == RESTORED_AWAY);
}

/* Whether nobody else has come to hold the membership since. */
static bool is_holders(const struct directory_member *member, const struct frame *frame)
{
    if (secret_equal(&member->secret, &frame->secret))
        return true;
    if (member->worker == DIRECTORY)
        return member_is_proven(member, &frame->secret) || member_is_proven(member, &frame->proof);
    return member->worker == frame->from && !member_is_proven(member, &frame->secret);
}

static const struct session_secret no_secret;

/* Whether it took over what is here, or what came of that: this directory has lost it, an older copy
 * took its place. Who has the membership here was never told of anything later. */
static bool came_after(const struct directory_member *member, const struct frame *frame)
{
    bool next =
        secret_equal(&member->secret, &frame->proof) && !secret_equal(&frame->proof, &no_secret);
    return next || frame->taken > member->taken;
}

static bool is_in_mailbox(const struct directory_member *member)
{
    return member->worker == MAILBOX && member->mailbox != NULL;
}

/* Whether who holds it now is still to claim what this one holds; or this one itself has put it
 * into the mailbox. */
static bool is_given_away(const struct directory_member *member, const struct frame *frame)
{
    bool same = secret_equal(&member->secret, &frame->secret);
    if (is_in_mailbox(member))
        return same;
    return !same && member->worker != DIRECTORY && member->former == frame->from &&
           (member_is_proven(member, &frame->secret) || member_has_passed(member, &frame->secret));
}

/* The client may have seen either, whichever of the two was the later. */
static void keep_secrets(struct directory_member *member, const struct frame *frame)
{
    if (secret_equal(&member->secret, &frame->secret))
        return;
    member->previous = member->secret;
    member->secret = frame->secret;
}

static void give_back(struct directory_member *member, const struct frame *frame)
{
    worker_id former = member->worker;
    bool away = member->away, will_be_away = frame->reason == RESTORED_AWAY;
    bool same = former == frame->from && secret_equal(&member->secret, &frame->secret);
    if (!directory_member_move(member, frame->from)) {
        evict(member->room->directory, frame);
        return;
    }
    directory_settings_restore(member->room, frame->data);
    keep_secrets(member, frame);
    if (member->taken < frame->taken)
        member->taken = frame->taken;
    member->stint = frame->stint;
    directory_member_replace_address(member, frame->address);
    if (former != frame->from || (away && !will_be_away))
        directory_announce_moved(member, frame->from);
    if (!same) /* else what it was told since is later than what the holder knew */
        directory_member_replace_info(member, frame->info, frame->from);
    if (will_be_away && (!away || former != frame->from))
        announce_state(member, true);
    member->away = will_be_away;
    directory_host_leave(member->room, former);
}

/* What is still in the mailbox here was handed to it. */
static void give_back_claimed(struct directory_member *member, const struct frame *frame)
{
    give_back(member, frame);
    if (member->mailbox != NULL)
        mailbox_discard(member->mailbox);
}

/* An administrator may have ended it, of which its holder has not heard. */
static void add_unless_ended(struct directory *directory, const struct frame *frame)
{
    const struct directory_room *room = directory_room_find(directory, frame->room);
    enum leave_reason ended =
        directory_ended_find(directory, frame->room, &frame->secret, &frame->proof);
    if (ended == LEAVE_REASON_COUNT && room != NULL && directory_is_banned(room, frame->peer))
        ended = LEAVE_KICKED;
    if (ended == LEAVE_REASON_COUNT)
        add(directory, frame);
    else
        evict_for(directory, frame, ended);
}

void directory_on_restore(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = directory_find(directory, frame);
    catch_up(directory, frame);
    if (member == NULL)
        add_unless_ended(directory, frame);
    else if (came_after(member, frame))
        give_back_claimed(member, frame);
    else if (is_given_away(member, frame))
        return;
    else if (is_holders(member, frame) && !is_in_mailbox(member))
        give_back(member, frame);
    else
        evict(directory, frame);
}
