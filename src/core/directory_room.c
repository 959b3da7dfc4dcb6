/* The directory's rooms: their members, the workers that host them, and whom to tell. */
#include "base/text.h"
#include "core/directory_state.h"

static const struct session_secret no_secret;

bool secret_equal(const struct session_secret *a, const struct session_secret *b)
{
    return crypto_equal(a->bytes, b->bytes, SESSION_SECRET_SIZE);
}

bool member_is_proven(const struct directory_member *member, const struct session_secret *proof)
{
    if (secret_equal(proof, &no_secret))
        return false;
    return secret_equal(&member->secret, proof) || secret_equal(&member->previous, proof);
}

bool member_has_passed(const struct directory_member *member, const struct session_secret *secret)
{
    for (unsigned i = 0; i < member->passed_count; i++)
        if (secret_equal(&member->passed[i], secret))
            return true;
    return false;
}

/* ---- rooms and their hosts */

struct directory_room *directory_room_find(struct directory *directory, struct slice name)
{
    struct directory_room *room;
    MAP_FIND(directory->rooms, name.ptr, name.len, room);
    return room;
}

static void on_vacant_due(struct deadline *deadline)
{
    directory_room_free(WHEEL_OWNER(deadline, struct directory_room, vacant), LEAVE_LEFT);
}

struct directory_room *directory_room_add(struct directory *directory, struct slice name)
{
    struct directory_room *room = mem_zero(sizeof(*room) + name.len);
    if (room == NULL)
        return NULL;
    room->directory = directory;
    room->vacant.on_due = on_vacant_due;
    room->version = ++directory->epoch << 32;
    room->name_len = (unsigned)name.len;
    memcpy(room->name, name.ptr, name.len);
    MAP_ADD(directory->rooms, room->name, room->name_len, room);
    if (room->hh.tbl == NULL) {
        mem_free(room);
        return NULL;
    }
    directory_tell(room, room->version, EVENT_ROOM_OPENED, SLICE_NONE, 0);
    return room;
}

void directory_room_free(struct directory_room *room, enum leave_reason reason)
{
    struct directory_member *member, *next;
    directory_tell(room, room->version + 1, EVENT_ROOM_CLOSED, SLICE_NONE, reason);
    MAP_EACH (room->members, member, next) {
        directory_member_free(member);
    }
    wheel_disarm(&room->vacant);
    MAP_DELETE(room->directory->rooms, room);
    mem_free(room->hosts);
    mem_free(room->settings);
    mem_free(room);
}

void directory_room_keep(struct directory_room *room, uint64_t least)
{
    struct directory *directory = room->directory;
    uint64_t now = directory_unix_time(directory), bans_end = directory_bans_end(room);
    uint64_t ttl = directory_settings_read(room).empty_ttl;
    uint64_t due = now + (ttl > least ? ttl : least);
    if (room->members != NULL)
        return;
    if (due < bans_end)
        due = bans_end;
    if (due > now)
        wheel_arm(&directory->wheel, &room->vacant, due - directory->options.unix_offset);
    else
        directory_room_free(room, LEAVE_LEFT);
}

void directory_room_vacated(struct directory_room *room)
{
    directory_room_keep(room, 0);
}

static struct host *host_find(struct directory_room *room, worker_id worker)
{
    for (unsigned i = 0; i < room->host_count; i++)
        if (room->hosts[i].worker == worker)
            return &room->hosts[i];
    return NULL;
}

bool directory_hosts(struct directory_room *room, worker_id worker)
{
    return host_find(room, worker) != NULL;
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
    if (worker == DIRECTORY)
        return;
    if (host == NULL) {
        host = &room->hosts[room->host_count++];
        *host = (struct host){.worker = worker};
    }
    host->members++;
}

void directory_host_leave(struct directory_room *room, worker_id worker)
{
    struct host *host = host_find(room, worker);
    if (host != NULL && --host->members == 0)
        *host = room->hosts[--room->host_count];
}

/* ---- what goes out */

void directory_send(struct directory *directory, struct frame *frame, worker_id to)
{
    frame->from = DIRECTORY;
    frame->to = to;
    directory->options.send(directory->options.context, frame);
}

void directory_announce(struct directory_room *room, struct frame *event, worker_id except)
{
    event->room = directory_room_name(room);
    event->version = ++room->version;
    for (unsigned i = 0; i < room->host_count; i++)
        if (room->hosts[i].worker != except)
            directory_send(room->directory, event, room->hosts[i].worker);
}

void directory_tell(const struct directory_room *room, uint64_t version, enum room_event event,
                    struct slice peer, enum leave_reason reason)
{
    struct directory *directory = room->directory;
    struct frame frame = {.kind = FRAME_HAPPENED,
                          .version = version,
                          .room = directory_room_name(room),
                          .peer = peer,
                          .flags = event,
                          .reason = reason};
    if (directory->options.tells)
        directory_send(directory, &frame, directory->asker);
}

void directory_tell_joined(const struct directory_member *member)
{
    directory_tell(member->room, member->room->version, EVENT_PEER_JOINED,
                   directory_member_name(member), 0);
}

void directory_announce_moved(struct directory_member *member, worker_id except)
{
    struct frame event = {.kind = FRAME_MOVED,
                          .peer = directory_member_name(member),
                          .worker = member->worker,
                          .stint = member->stint};
    directory_announce(member->room, &event, except);
}

/* ---- members */

struct directory_member *directory_find(struct directory *directory, const struct frame *frame)
{
    struct directory_room *room = directory_room_find(directory, frame->room);
    struct directory_member *member;
    if (room == NULL)
        return NULL;
    MAP_FIND(room->members, frame->peer.ptr, frame->peer.len, member);
    return member;
}

void directory_member_free(struct directory_member *member)
{
    if (member->mailbox != NULL)
        mailbox_free(member->mailbox);
    wheel_disarm(&member->orphaned);
    MAP_DELETE(member->room->members, member);
    mem_free(member->info);
    mem_free(member->address);
    mem_free(member->passed);
    mem_free(member);
}

static void on_orphan_due(struct deadline *deadline)
{
    struct directory_member *member = WHEEL_OWNER(deadline, struct directory_member, orphaned);
    directory_member_remove(member, LEAVE_TIMEOUT);
}

static bool set_info(struct directory_member *member, struct slice info)
{
    return mem_replace(&member->info, &member->info_len, info.ptr, info.len);
}

struct directory_member *directory_member_add(struct directory_room *room,
                                              const struct frame *frame)
{
    struct directory_member *member = mem_zero(sizeof(*member) + frame->peer.len);
    if (member == NULL)
        return NULL;
    member->room = room;
    member->orphaned.on_due = on_orphan_due;
    member->worker = member->former = frame->from;
    member->stint = (frame->kind == FRAME_RESTORE ? frame->stint : frame->request) & STINT_MASK;
    member->secret = frame->secret;
    member->since = directory_unix_time(room->directory);
    member->name_len = (unsigned)frame->peer.len;
    memcpy(member->name, frame->peer.ptr, frame->peer.len);
    MAP_ADD(room->members, member->name, member->name_len, member);
    if (member->hh.tbl == NULL) {
        mem_free(member);
        return NULL;
    }
    if (!set_info(member, frame->info.len == 0 ? SLICE("{}") : frame->info) ||
        !host_reserve(room)) {
        directory_member_free(member);
        return NULL;
    }
    directory_member_replace_address(member, frame->address);
    host_enter(room, frame->from);
    wheel_disarm(&room->vacant);
    return member;
}

bool directory_member_move(struct directory_member *member, worker_id worker)
{
    if (!host_reserve(member->room))
        return false;
    wheel_disarm(&member->orphaned);
    host_enter(member->room, worker);
    member->worker = worker;
    member->away = member->unheard = false;
    return true;
}

static void forget_and_announce(struct directory_member *member, enum leave_reason reason)
{
    struct directory_room *room = member->room;
    char name[PEER_NAME_MAX];
    struct frame event = {.kind = FRAME_LEFT, .peer = {name, member->name_len}, .reason = reason};
    memcpy(name, member->name, member->name_len);
    directory_member_free(member);
    directory_announce(room, &event, DIRECTORY);
    directory_tell(room, room->version, EVENT_PEER_LEFT, event.peer, reason);
}

void directory_member_leave(struct directory_member *member, enum leave_reason reason)
{
    directory_host_leave(member->room, member->worker);
    forget_and_announce(member, reason);
}

void directory_member_expel(struct directory_member *member, enum leave_reason reason)
{
    struct directory_room *room = member->room;
    worker_id holder = member->worker;
    forget_and_announce(member, reason);
    directory_host_leave(room, holder);
}

void directory_member_remove(struct directory_member *member, enum leave_reason reason)
{
    struct directory_room *room = member->room;
    directory_member_leave(member, reason);
    directory_room_vacated(room);
}

void directory_member_orphan(struct directory_member *member, worker_id worker)
{
    struct directory *directory = member->room->directory;
    worker_id former = member->worker;
    member->worker = worker;
    member->away = true;
    wheel_arm(&directory->wheel, &member->orphaned,
              directory->now + directory->options.resume_window);
    if (worker == DIRECTORY) /* it is dead */
        directory_host_leave(member->room, former);
    directory_announce(member->room,
                       &(struct frame){.kind = FRAME_GONE_AWAY,
                                       .peer = directory_member_name(member),
                                       .worker = worker},
                       DIRECTORY);
    if (worker != DIRECTORY) /* it waits for this */
        directory_host_leave(member->room, former);
}

void directory_member_replace_address(struct directory_member *member, struct slice address)
{
    if (address.len > 0)
        mem_replace(&member->address, &member->address_len, address.ptr, address.len);
}

void directory_member_replace_info(struct directory_member *member, struct slice info,
                                   worker_id except)
{
    if (slice_equal(directory_member_info(member), info) || !set_info(member, info))
        return;
    directory_announce(member->room,
                       &(struct frame){.kind = FRAME_CHANGED,
                                       .peer = directory_member_name(member),
                                       .info = directory_member_info(member)},
                       except);
}
