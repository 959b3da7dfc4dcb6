#include "core/directory.h"

#include "base/error.h"
#include "core/directory_state.h"

#define ROSTER_MAX (64u << 20) /* bytes of one room's roster */

static const struct session_secret no_secret;

static void refuse(struct directory *directory, const struct frame *request, int error)
{
    struct frame reply = {
        .kind = FRAME_REFUSED, .request = request->request, .room = request->room, .error = error};
    directory_send(directory, &reply, request->from);
}

static bool reply_room(struct directory_room *room, const struct frame *request,
                       enum room_outcome outcome, worker_id former)
{
    struct buf *roster = &room->directory->roster;
    struct directory_member *member, *next;
    buf_clear(roster);
    MAP_EACH (room->members, member, next) {
        roster_add(roster, &(struct roster_entry){.peer = directory_member_name(member),
                                                  .info = directory_member_info(member),
                                                  .worker = member->worker,
                                                  .stint = member->stint,
                                                  .away = member->away});
    }
    if (buf_failed(roster))
        return false;
    struct frame reply = {.kind = FRAME_ROOM,
                          .request = request->request,
                          .room = directory_room_name(room),
                          .version = room->version,
                          .worker = former,
                          .reason = outcome,
                          .roster = buf_slice(roster),
                          .data = directory_room_settings(room)};
    directory_send(room->directory, &reply, request->from);
    return true;
}

/* ---- the ways in */

static void enter(struct directory_room *room, const struct frame *request, bool opened)
{
    struct directory *directory = room->directory;
    struct directory_member *member = directory_member_add(room, request);
    if (member == NULL) {
        refuse(directory, request, ERR_UNAVAILABLE);
        directory_ticket_forget(directory, request);
        directory_room_vacated(room);
        return;
    }
    directory_announce(room,
                       &(struct frame){.kind = FRAME_JOINED,
                                       .peer = directory_member_name(member),
                                       .worker = member->worker,
                                       .stint = member->stint,
                                       .info = directory_member_info(member)},
                       request->from);
    member->taken = room->version;
    member->opened = opened;
    directory_tell_joined(member);
    if (!reply_room(room, request, ROOM_ENTERED, request->from)) {
        refuse(directory, request, ERR_UNAVAILABLE);
        directory_ticket_forget(directory, request);
        directory_member_remove(member, LEAVE_LEFT);
    }
}

/* `member`: who has the name and has to go, or NULL. */
static void enter_anew(struct directory *directory, struct directory_member *member,
                       const struct frame *request)
{
    struct directory_room *room = directory_room_find(directory, request->room);
    bool opens = room == NULL;
    int error = directory_admit(directory, room, member, request);
    if (error == 0 && !directory_ticket_use(directory, request))
        error = ERR_UNAVAILABLE;
    if (error == 0 && room == NULL && (room = directory_room_add(directory, request->room)) == NULL)
        error = ERR_UNAVAILABLE;
    if (error != 0) {
        refuse(directory, request, error);
        return;
    }
    if (member != NULL)
        directory_member_expel(member, LEAVE_REPLACED);
    enter(room, request, opens);
}

/* The proof is good for more than one. The first of them, asked again, must not have it again. */
static void pass_by(struct directory_member *member, const struct frame *request)
{
    if (secret_equal(&member->secret, &request->proof)) {
        member->passed_count = 0;
        return;
    }
    if (member->passed == NULL)
        member->passed = mem_must(PASSED_MAX * sizeof(member->secret));
    if (member->passed_count == PASSED_MAX)
        memmove(member->passed, member->passed + 1,
                --member->passed_count * sizeof(member->secret));
    member->passed[member->passed_count++] = member->secret;
}

static void take_over(struct directory_member *member, const struct frame *request)
{
    struct directory_room *room = member->room;
    worker_id former = member->worker;
    if (!directory_member_move(member, request->from)) {
        refuse(room->directory, request, ERR_UNAVAILABLE);
        return;
    }
    if (former == DIRECTORY && member->mailbox != NULL)
        mailbox_free(member->mailbox); /* who was to claim it crashed */
    member->former = former;
    member->stint = request->request & STINT_MASK;
    member->taken_over = true;
    pass_by(member, request);
    member->previous = request->proof;
    member->secret = request->secret;
    directory_member_replace_address(member, request->address);
    directory_announce_moved(member, request->from);
    member->taken = room->version;
    if (request->info.len > 0)
        directory_member_replace_info(member, request->info, request->from);
    directory_host_leave(room, former);
    if (!reply_room(room, request, ROOM_TAKEN_OVER, former)) {
        refuse(room->directory, request, ERR_UNAVAILABLE);
        directory_member_orphan(member, DIRECTORY);
    }
}

/* What the first answer told was lost with it. */
static void tell_again(const struct directory_member *member)
{
    if (member->taken_over)
        return;
    if (member->opened)
        directory_tell(member->room, member->room->version, EVENT_ROOM_OPENED, SLICE_NONE, 0);
    directory_tell_joined(member);
}

/* What was done already and is asked again, since nobody knows whether the first time came through.
 * Its worker may have been taken for dead meanwhile. */
static void answer_again(struct directory_member *member, const struct frame *request)
{
    struct directory_room *room = member->room;
    bool moved = member->worker == DIRECTORY;
    if ((!moved && member->worker != request->from) ||
        (moved && !directory_member_move(member, request->from))) {
        refuse(room->directory, request, ERR_UNAVAILABLE);
        return;
    }
    if (moved)
        directory_announce_moved(member, request->from);
    tell_again(member);
    if (!reply_room(room, request, member->taken_over ? ROOM_TAKEN_OVER : ROOM_ENTERED,
                    member->former)) {
        refuse(room->directory, request, ERR_UNAVAILABLE);
        directory_member_orphan(member, DIRECTORY);
    }
}

static void on_enter(struct directory *directory, const struct frame *request)
{
    struct directory_member *member = directory_find(directory, request);
    if (member != NULL && secret_equal(&member->secret, &request->secret))
        answer_again(member, request);
    else if (member != NULL && member_has_passed(member, &request->secret))
        refuse(directory, request, ERR_UNAVAILABLE);
    else if (member != NULL && request->kind == FRAME_RESUME &&
             member_is_proven(member, &request->proof))
        take_over(member, request);
    else
        enter_anew(directory, member, request);
}

static void on_read(struct directory *directory, const struct frame *request)
{
    struct directory_room *room = directory_room_find(directory, request->room);
    if (room == NULL)
        refuse(directory, request, ERR_PEER_NOT_FOUND);
    else if (request->version == room->version)
        return; /* it knows */
    else if (!reply_room(room, request, ROOM_READ, DIRECTORY))
        refuse(directory, request, ERR_UNAVAILABLE);
}

/* ---- what members do */

/* Only a membership's own session, on the worker that holds it, may change it. */
static struct directory_member *fenced(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = directory_find(directory, frame);
    if (member == NULL || member->worker != frame->from ||
        !secret_equal(&member->secret, &frame->secret))
        return NULL;
    return member;
}

static void on_confirm(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = fenced(directory, frame);
    if (member == NULL)
        return;
    member->previous = no_secret;
    member->passed_count = 0;
    if (member->mailbox != NULL)
        mailbox_free(member->mailbox);
}

static void on_info(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = fenced(directory, frame);
    if (member != NULL)
        directory_member_replace_info(member, frame->info, DIRECTORY);
}

static void on_away(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = fenced(directory, frame);
    if (member == NULL || member->away)
        return;
    member->away = true;
    member->unheard = frame->reason == AWAY_UNHEARD;
    directory_announce(member->room,
                       &(struct frame){.kind = FRAME_GONE_AWAY,
                                       .peer = directory_member_name(member),
                                       .worker = member->worker},
                       DIRECTORY);
}

/* An older copy of this directory took its place, which did not see it go elsewhere or leave. */
static void on_disclaim(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = directory_find(directory, frame);
    if (member != NULL && member->worker == frame->from && member->stint == frame->stint)
        directory_member_orphan(member, DIRECTORY);
}

static void on_leave(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = fenced(directory, frame);
    if (member != NULL && frame->reason < LEAVE_REASON_COUNT)
        directory_member_remove(member, frame->reason);
}

void directory_on_frame(struct directory *directory, const struct frame *frame)
{
    static void (*const handlers[FRAME_KIND_COUNT])(struct directory *, const struct frame *) = {
        [FRAME_JOIN] = on_enter,        [FRAME_RESUME] = on_enter,
        [FRAME_READ] = on_read,         [FRAME_CONFIRM] = on_confirm,
        [FRAME_INFO] = on_info,         [FRAME_AWAY] = on_away,
        [FRAME_LEAVE] = on_leave,       [FRAME_RESTORE] = directory_on_restore,
        [FRAME_DISCLAIM] = on_disclaim, [FRAME_CONTROL] = directory_on_control,
    };
    bool is_from_worker = frame->from != DIRECTORY || frame->kind == FRAME_RESTORE;
    directory->asker = frame->from;
    if (frame->to == MAILBOX)
        mailbox_on_frame(directory, frame);
    else if (is_from_worker && frame->kind < FRAME_KIND_COUNT && handlers[frame->kind] != NULL)
        handlers[frame->kind](directory, frame);
    directory->asker = DIRECTORY;
}

/* ---- the end of workers and rooms */

void directory_worker_down(struct directory *directory, worker_id worker, const worker_id *workers,
                           size_t count)
{
    struct directory_room *room, *next_room;
    struct directory_member *member, *next;
    MAP_EACH (directory->rooms, room, next_room) {
        if (!directory_hosts(room, worker))
            continue;
        MAP_EACH (room->members, member, next) {
            if (member->worker == worker)
                directory_member_orphan(member, DIRECTORY);
        }
    }
    for (size_t i = 0; i < count; i++)
        directory_send(directory, &(struct frame){.kind = FRAME_WORKER_DOWN, .worker = worker},
                       workers[i]);
}

void directory_tick(struct directory *directory, uint64_t now)
{
    directory->now = now;
    wheel_turn(&directory->wheel, now);
}

struct directory *directory_new(const struct directory_options *options, uint64_t now)
{
    struct directory *directory = mem_must(sizeof(*directory));
    directory->options = *options;
    directory->now = now;
    wheel_init(&directory->wheel, now);
    buf_init(&directory->roster, ROSTER_MAX);
    return directory;
}

static void send_nowhere(void *context, const struct frame *frame)
{
    (void)context;
    (void)frame;
}

void directory_free(struct directory *directory)
{
    struct directory_room *room, *next;
    directory->options.send = send_nowhere;
    MAP_EACH (directory->rooms, room, next) {
        directory_room_free(room, LEAVE_LEFT);
    }
    directory_ended_free(directory);
    directory_tickets_free(directory);
    buf_done(&directory->roster);
    mem_free(directory);
}

void directory_end(struct directory *directory)
{
    struct directory_room *room, *next_room;
    struct directory_member *member, *next;
    MAP_EACH (directory->rooms, room, next_room) {
        MAP_EACH (room->members, member, next) {
            directory_tell(room, room->version + 1, EVENT_PEER_LEFT, directory_member_name(member),
                           LEAVE_ROOM_CLOSED);
        }
        directory_tell(room, room->version + 2, EVENT_ROOM_CLOSED, SLICE_NONE, LEAVE_ROOM_CLOSED);
    }
    directory->options.tells = false;
}

size_t directory_rooms(const struct directory *directory)
{
    return MAP_COUNT(directory->rooms);
}
