#include "core/directory.h"

#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "base/wheel.h"

#define ROSTER_MAX (64u << 20) /* bytes of one room's roster */

/* A worker that hosts members of a room, and so is told its events. */
struct host {
    worker_id worker;
    unsigned members;
};

struct directory_room {
    UT_hash_handle hh;
    struct directory *directory;
    uint64_t version;
    struct directory_member *members;
    struct host *hosts;
    unsigned host_count, host_capacity;
    unsigned name_len;
    char name[];
};

struct directory_member {
    UT_hash_handle hh;
    struct directory_room *room;
    struct deadline orphaned; /* armed while its holder is a crashed worker */
    worker_id worker;
    struct session_secret secret;
    struct session_secret previous; /* still proof, until the client is seen to have the new one */
    bool away;
    unsigned name_len, info_len;
    char *info;
    char name[];
};

struct directory {
    struct directory_options options;
    struct directory_room *rooms;
    struct wheel wheel;
    uint64_t now;
    uint64_t epoch; /* makes the versions of a room that is made again higher than before */
    struct buf roster;
};

static const struct session_secret no_secret;

static bool secret_equal(const struct session_secret *a, const struct session_secret *b)
{
    return crypto_equal(a->bytes, b->bytes, SESSION_SECRET_SIZE);
}

static bool proves(const struct directory_member *member, const struct session_secret *proof)
{
    if (secret_equal(proof, &no_secret))
        return false;
    return secret_equal(&member->secret, proof) || secret_equal(&member->previous, proof);
}

static struct slice room_name(const struct directory_room *room)
{
    return (struct slice){room->name, room->name_len};
}

static struct slice member_name(const struct directory_member *member)
{
    return (struct slice){member->name, member->name_len};
}

static struct slice member_info(const struct directory_member *member)
{
    return (struct slice){member->info, member->info_len};
}

/* ---- rooms and their hosts */

static struct directory_room *room_find(struct directory *directory, struct slice name)
{
    struct directory_room *room;
    MAP_FIND(directory->rooms, name.ptr, name.len, room);
    return room;
}

static struct directory_room *room_add(struct directory *directory, struct slice name)
{
    size_t limit = directory->options.rooms;
    if (limit != 0 && MAP_COUNT(directory->rooms) >= limit)
        return NULL;
    struct directory_room *room = mem_zero(sizeof(*room) + name.len);
    if (room == NULL)
        return NULL;
    room->directory = directory;
    room->version = ++directory->epoch << 32;
    room->name_len = (unsigned)name.len;
    memcpy(room->name, name.ptr, name.len);
    MAP_ADD(directory->rooms, room->name, room->name_len, room);
    if (room->hh.tbl == NULL) {
        mem_free(room);
        return NULL;
    }
    return room;
}

static void room_free_if_empty(struct directory_room *room)
{
    if (room->members != NULL)
        return;
    MAP_DELETE(room->directory->rooms, room);
    mem_free(room->hosts);
    mem_free(room);
}

static struct host *host_find(struct directory_room *room, worker_id worker)
{
    for (unsigned i = 0; i < room->host_count; i++)
        if (room->hosts[i].worker == worker)
            return &room->hosts[i];
    return NULL;
}

/* Makes sure that host_enter() can't fail. */
static bool host_reserve(struct directory_room *room)
{
    if (room->host_count < room->host_capacity)
        return true;
    unsigned capacity = room->host_capacity == 0 ? 1 : room->host_capacity * 2;
    struct host *hosts = mem_realloc(room->hosts, capacity * sizeof(*hosts));
    if (hosts == NULL)
        return false;
    room->hosts = hosts;
    room->host_capacity = capacity;
    return true;
}

static void host_enter(struct directory_room *room, worker_id worker)
{
    struct host *host = host_find(room, worker);
    if (host == NULL) {
        host = &room->hosts[room->host_count++];
        *host = (struct host){.worker = worker};
    }
    host->members++;
}

static void host_leave(struct directory_room *room, worker_id worker)
{
    struct host *host = host_find(room, worker);
    if (host != NULL && --host->members == 0)
        *host = room->hosts[--room->host_count];
}

/* ---- members */

static struct directory_member *member_find(struct directory_room *room, struct slice name)
{
    struct directory_member *member;
    MAP_FIND(room->members, name.ptr, name.len, member);
    return member;
}

static void member_free(struct directory_member *member)
{
    wheel_disarm(&member->orphaned);
    MAP_DELETE(member->room->members, member);
    mem_free(member->info);
    mem_free(member);
}

static bool member_set_info(struct directory_member *member, struct slice info)
{
    return mem_replace(&member->info, &member->info_len, info.ptr, info.len);
}

static void on_orphan_due(struct deadline *deadline);

static struct directory_member *member_add(struct directory_room *room, const struct frame *frame)
{
    struct directory_member *member = mem_zero(sizeof(*member) + frame->peer.len);
    if (member == NULL)
        return NULL;
    member->room = room;
    member->orphaned.on_due = on_orphan_due;
    member->worker = frame->from;
    member->secret = frame->secret;
    member->name_len = (unsigned)frame->peer.len;
    memcpy(member->name, frame->peer.ptr, frame->peer.len);
    MAP_ADD(room->members, member->name, member->name_len, member);
    if (member->hh.tbl == NULL) {
        mem_free(member);
        return NULL;
    }
    if (!member_set_info(member, frame->info) || !host_reserve(room)) {
        member_free(member);
        return NULL;
    }
    host_enter(room, frame->from);
    return member;
}

/* ---- what goes out */

static void send_to(struct directory *directory, struct frame *frame, worker_id to)
{
    frame->from = DIRECTORY;
    frame->to = to;
    directory->options.send(directory->options.context, frame);
}

/* Tells an event to every host but `except`, who learns it from the reply. */
static void announce(struct directory_room *room, struct frame *event, worker_id except)
{
    event->room = room_name(room);
    event->version = ++room->version;
    for (unsigned i = 0; i < room->host_count; i++)
        if (room->hosts[i].worker != except)
            send_to(room->directory, event, room->hosts[i].worker);
}

static void refuse(struct directory *directory, const struct frame *request, int error)
{
    struct frame reply = {
        .kind = FRAME_REFUSED, .request = request->request, .room = request->room, .error = error};
    send_to(directory, &reply, request->from);
}

static bool reply_room(struct directory_room *room, const struct frame *request,
                       enum room_outcome outcome, worker_id former)
{
    struct buf *roster = &room->directory->roster;
    struct directory_member *member, *next;
    buf_clear(roster);
    MAP_EACH (room->members, member, next) {
        roster_add(roster, &(struct roster_entry){.peer = member_name(member),
                                                  .info = member_info(member),
                                                  .worker = member->worker,
                                                  .away = member->away});
    }
    if (buf_failed(roster))
        return false;
    struct frame reply = {.kind = FRAME_ROOM,
                          .request = request->request,
                          .room = room_name(room),
                          .version = room->version,
                          .worker = former,
                          .reason = outcome,
                          .roster = buf_slice(roster)};
    send_to(room->directory, &reply, request->from);
    return true;
}

/* ---- what comes in */

static void remove_member(struct directory_member *member, enum leave_reason reason)
{
    struct directory_room *room = member->room;
    char name[PEER_NAME_MAX];
    struct frame event = {.kind = FRAME_LEFT, .peer = {name, member->name_len}, .reason = reason};
    memcpy(name, member->name, member->name_len);
    host_leave(room, member->worker);
    member_free(member);
    announce(room, &event, DIRECTORY);
    room_free_if_empty(room);
}

static void on_orphan_due(struct deadline *deadline)
{
    struct directory_member *member =
        (struct directory_member *)((char *)deadline - offsetof(struct directory_member, orphaned));
    remove_member(member, LEAVE_TIMEOUT);
}

static void enter(struct directory *directory, struct directory_room *room,
                  const struct frame *request)
{
    size_t limit = directory->options.peers_per_room;
    if (limit != 0 && MAP_COUNT(room->members) >= limit) {
        refuse(directory, request, ERR_ROOM_FULL);
        return;
    }
    struct frame complete = *request;
    if (request->info.len == 0)
        complete.info = SLICE("{}");
    struct directory_member *member = member_add(room, &complete);
    if (member == NULL) {
        refuse(directory, request, ERR_UNAVAILABLE);
        room_free_if_empty(room);
        return;
    }
    announce(room,
             &(struct frame){.kind = FRAME_JOINED,
                             .peer = member_name(member),
                             .worker = member->worker,
                             .info = member_info(member)},
             request->from);
    if (!reply_room(room, request, ROOM_ENTERED, request->from)) {
        refuse(directory, request, ERR_UNAVAILABLE);
        remove_member(member, LEAVE_LEFT);
    }
}

/* Nobody holds it now; it may still be resumed. */
static void orphan(struct directory_member *member)
{
    struct directory *directory = member->room->directory;
    host_leave(member->room, member->worker);
    member->worker = DIRECTORY;
    member->away = true;
    wheel_arm(&directory->wheel, &member->orphaned,
              directory->now + directory->options.resume_window);
    announce(
        member->room,
        &(struct frame){.kind = FRAME_GONE_AWAY, .peer = member_name(member), .worker = DIRECTORY},
        DIRECTORY);
}

/* No memory for it: the old one stays. */
static void replace_info(struct directory_member *member, struct slice info, worker_id except)
{
    if (slice_equal(member_info(member), info) || !member_set_info(member, info))
        return;
    announce(member->room,
             &(struct frame){
                 .kind = FRAME_CHANGED, .peer = member_name(member), .info = member_info(member)},
             except);
}

static void take_over(struct directory_member *member, const struct frame *request)
{
    struct directory_room *room = member->room;
    worker_id former = member->worker;
    if (!host_reserve(room)) {
        refuse(room->directory, request, ERR_UNAVAILABLE);
        return;
    }
    wheel_disarm(&member->orphaned);
    member->worker = request->from;
    member->away = false;
    member->previous = request->proof;
    member->secret = request->secret;
    host_enter(room, request->from);
    announce(
        room,
        &(struct frame){.kind = FRAME_MOVED, .peer = member_name(member), .worker = member->worker},
        request->from);
    if (request->info.len > 0)
        replace_info(member, request->info, request->from);
    host_leave(room, former);
    if (!reply_room(room, request, ROOM_TAKEN_OVER, former)) {
        refuse(room->directory, request, ERR_UNAVAILABLE);
        orphan(member);
    }
}

static void on_enter(struct directory *directory, const struct frame *request)
{
    struct directory_room *room = room_find(directory, request->room);
    struct directory_member *member = room == NULL ? NULL : member_find(room, request->peer);
    if (member != NULL) {
        if (request->kind == FRAME_RESUME && proves(member, &request->proof))
            take_over(member, request);
        else
            refuse(directory, request, ERR_PEER_TAKEN);
        return;
    }
    if (room == NULL)
        room = room_add(directory, request->room);
    if (room == NULL)
        refuse(directory, request, ERR_UNAVAILABLE);
    else
        enter(directory, room, request);
}

static void on_read(struct directory *directory, const struct frame *request)
{
    struct directory_room *room = room_find(directory, request->room);
    if (room == NULL)
        refuse(directory, request, ERR_PEER_NOT_FOUND);
    else if (!reply_room(room, request, ROOM_READ, DIRECTORY))
        refuse(directory, request, ERR_UNAVAILABLE);
}

/* Only a membership's own session, on the worker that holds it, may change it. */
static struct directory_member *fenced(struct directory *directory, const struct frame *frame)
{
    struct directory_room *room = room_find(directory, frame->room);
    struct directory_member *member = room == NULL ? NULL : member_find(room, frame->peer);
    if (member == NULL || member->worker != frame->from ||
        !secret_equal(&member->secret, &frame->secret))
        return NULL;
    return member;
}

static void on_confirm(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = fenced(directory, frame);
    if (member != NULL)
        member->previous = no_secret;
}

static void on_info(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = fenced(directory, frame);
    if (member != NULL)
        replace_info(member, frame->info, DIRECTORY);
}

static void on_away(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = fenced(directory, frame);
    if (member == NULL || member->away)
        return;
    member->away = true;
    announce(member->room,
             &(struct frame){
                 .kind = FRAME_GONE_AWAY, .peer = member_name(member), .worker = member->worker},
             DIRECTORY);
}

static void on_leave(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = fenced(directory, frame);
    if (member != NULL && frame->reason < LEAVE_REASON_COUNT)
        remove_member(member, frame->reason);
}

void directory_on_frame(struct directory *directory, const struct frame *frame)
{
    static void (*const handlers[FRAME_KIND_COUNT])(struct directory *, const struct frame *) = {
        [FRAME_JOIN] = on_enter,      [FRAME_RESUME] = on_enter, [FRAME_READ] = on_read,
        [FRAME_CONFIRM] = on_confirm, [FRAME_INFO] = on_info,    [FRAME_AWAY] = on_away,
        [FRAME_LEAVE] = on_leave,
    };
    if (frame->kind < FRAME_KIND_COUNT && handlers[frame->kind] != NULL && frame->from != DIRECTORY)
        handlers[frame->kind](directory, frame);
}

void directory_worker_down(struct directory *directory, worker_id worker, const worker_id *workers,
                           size_t count)
{
    struct directory_room *room, *next_room;
    struct directory_member *member, *next;
    MAP_EACH (directory->rooms, room, next_room) {
        if (host_find(room, worker) == NULL)
            continue;
        MAP_EACH (room->members, member, next) {
            if (member->worker == worker)
                orphan(member);
        }
    }
    for (size_t i = 0; i < count; i++)
        send_to(directory, &(struct frame){.kind = FRAME_WORKER_DOWN, .worker = worker},
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

void directory_free(struct directory *directory)
{
    struct directory_room *room, *next_room;
    struct directory_member *member, *next;
    MAP_EACH (directory->rooms, room, next_room) {
        MAP_EACH (room->members, member, next) {
            member_free(member);
        }
        room_free_if_empty(room);
    }
    buf_done(&directory->roster);
    mem_free(directory);
}

size_t directory_rooms(const struct directory *directory)
{
    return MAP_COUNT(directory->rooms);
}
