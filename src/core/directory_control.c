/* What administrators ask (control.h). */
#include <stdlib.h>

#include "base/error.h"
#include "core/directory_state.h"

struct answer {
    enum control_outcome outcome;
    int error;
    uint64_t version;
    struct buf data;
};

static void add_reached(struct answer *answer, size_t count)
{
    control_reached_add(&answer->data, &(struct control_reached){(uint32_t)count});
}

/* ---- reading */

static void describe(struct directory *directory, const struct frame *frame, struct answer *answer)
{
    struct directory_room *room = directory_room_find(directory, frame->room);
    struct directory_member *member, *next;
    if (room == NULL) {
        answer->outcome = CONTROL_NO_ROOM;
        return;
    }
    answer->version = directory_settings_read(room).version;
    control_description_begin(&answer->data, directory_room_settings(room));
    MAP_EACH (room->members, member, next) {
        control_member_add(&answer->data, &(struct control_member){
                                              .peer = directory_member_name(member),
                                              .info = directory_member_info(member),
                                              .away = member->away,
                                              .since = member->since,
                                              .worker = member->worker,
                                              .address = {member->address, member->address_len}});
    }
}

static int compare_names(struct slice a, struct slice b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least == 0 ? 0 : memcmp(a.ptr, b.ptr, least);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_rooms(const void *a, const void *b)
{
    const struct directory_room *const *one = a, *const *other = b;
    return compare_names(directory_room_name(*one), directory_room_name(*other));
}

static bool is_listed(const struct directory_room *room, const struct control_query *query)
{
    struct slice name = directory_room_name(room);
    return name.len >= query->prefix.len &&
           slice_equal((struct slice){name.ptr, query->prefix.len}, query->prefix) &&
           compare_names(name, query->after) > 0;
}

static void add_rooms(struct directory_room **rooms, size_t count, struct answer *answer)
{
    for (size_t i = 0; i < count; i++) {
        struct control_settings settings = directory_settings_read(rooms[i]);
        control_listed_add(&answer->data,
                           &(struct control_listed){.room = directory_room_name(rooms[i]),
                                                    .members = MAP_COUNT(rooms[i]->members),
                                                    .locked = settings.locked,
                                                    .version = settings.version});
    }
}

static void list(struct directory *directory, const struct frame *frame, struct answer *answer)
{
    struct directory_room *room, *next, **rooms;
    struct control_query query;
    size_t count = 0;
    if (!control_query_read(frame->data, &query)) {
        answer->outcome = CONTROL_INVALID;
        return;
    }
    rooms = mem_alloc((MAP_COUNT(directory->rooms) + 1) * sizeof(struct directory_room *));
    if (rooms == NULL) {
        answer->error = ERR_UNAVAILABLE;
        return;
    }
    MAP_EACH (directory->rooms, room, next) {
        if (is_listed(room, &query))
            rooms[count++] = room;
    }
    qsort(rooms, count, sizeof(struct directory_room *), compare_rooms);
    control_listing_begin(&answer->data,
                          &(struct control_listing){.more = count > query.limit, .shards = 1});
    add_rooms(rooms, count < query.limit ? count : query.limit, answer);
    mem_free(rooms);
}

/* Here nobody has a lease: all that ask are of one instance. */
static void list_workers(struct directory *directory, const struct frame *frame,
                         struct answer *answer)
{
    (void)directory;
    (void)frame;
    control_listing_begin(&answer->data, &(struct control_listing){.shards = 1});
}

/* ---- settings */

static enum control_outcome check_conditions(const struct directory_room *room,
                                             const struct control_change *change,
                                             const struct frame *frame, struct answer *answer)
{
    if (room != NULL)
        answer->version = directory_settings_read(room).version;
    if (room == NULL && (change->conditions & CONTROL_IF_ANY))
        return CONTROL_NO_ROOM;
    if ((room != NULL && (change->conditions & CONTROL_IF_NONE)) ||
        ((change->conditions & CONTROL_IF_VERSION) &&
         (room == NULL || answer->version != frame->version)))
        return CONTROL_CONFLICT;
    return CONTROL_DONE;
}

static struct control_settings merge(const struct directory_room *room,
                                     const struct control_change *change)
{
    struct control_settings settings = directory_settings_read(room);
    if (change->fields & CONTROL_LOCKED)
        settings.locked = change->settings.locked;
    if (change->fields & CONTROL_MAX_PEERS)
        settings.peers_max = change->settings.peers_max;
    if (change->fields & CONTROL_EMPTY_TTL)
        settings.empty_ttl = change->settings.empty_ttl;
    if (change->fields & CONTROL_METADATA)
        settings.metadata = change->settings.metadata;
    return settings;
}

static struct directory_room *make_room(struct directory *directory, const struct frame *frame,
                                        struct answer *answer)
{
    size_t limit = directory->options.rooms;
    if (limit != 0 && MAP_COUNT(directory->rooms) >= limit) {
        answer->outcome = CONTROL_FULL;
        return NULL;
    }
    struct directory_room *room = directory_room_add(directory, frame->room);
    if (room == NULL)
        answer->error = ERR_UNAVAILABLE;
    else
        answer->outcome = CONTROL_CREATED;
    return room;
}

static void change(struct directory *directory, const struct frame *frame, struct answer *answer)
{
    struct directory_room *room = directory_room_find(directory, frame->room);
    struct control_change change;
    answer->outcome = CONTROL_INVALID;
    if (frame->room.len == 0 || !control_change_read(frame->data, &change))
        return;
    answer->outcome = check_conditions(room, &change, frame, answer);
    if (answer->outcome == CONTROL_DONE && room == NULL)
        room = make_room(directory, frame, answer);
    if (answer->outcome > CONTROL_CREATED || room == NULL)
        return;
    struct control_settings settings = merge(room, &change);
    if (!directory_settings_change(room, &settings))
        answer->error = ERR_UNAVAILABLE;
    answer->version = settings.version;
    buf_add_slice(&answer->data, directory_room_settings(room));
    directory_room_keep(room, CONTROL_UNENTERED_TTL);
}

/* ---- out with them */

static void close_room(struct directory *directory, const struct frame *frame,
                       struct answer *answer)
{
    struct directory_room *room = directory_room_find(directory, frame->room);
    struct directory_member *member, *next;
    if (room == NULL) {
        answer->outcome = CONTROL_NO_ROOM;
        return;
    }
    add_reached(answer, MAP_COUNT(room->members));
    MAP_EACH (room->members, member, next) {
        directory_ended_add(member, LEAVE_ROOM_CLOSED);
        directory_tell(room, room->version + 1, EVENT_PEER_LEFT, directory_member_name(member),
                       LEAVE_ROOM_CLOSED);
        directory_member_free(member);
    }
    directory_announce(room, &(struct frame){.kind = FRAME_CLOSED}, DIRECTORY);
    directory_room_free(room, LEAVE_ROOM_CLOSED);
}

static void expel(struct directory_member *member)
{
    struct directory_room *room = member->room;
    directory_ended_add(member, LEAVE_KICKED);
    directory_member_expel(member, LEAVE_KICKED);
    directory_room_vacated(room);
}

static bool ban(struct directory_room *room, const struct frame *frame, uint64_t ms,
                struct answer *answer)
{
    switch (ms == 0 ? BAN_DONE : directory_ban(room, frame->peer, ms)) {
    case BAN_DONE: return true;
    case BAN_FULL: answer->outcome = CONTROL_FULL; return false;
    default: answer->error = ERR_UNAVAILABLE; return false;
    }
}

static void kick(struct directory *directory, const struct frame *frame, struct answer *answer)
{
    struct directory_room *room = directory_room_find(directory, frame->room);
    struct directory_member *member = directory_find(directory, frame);
    struct control_ban_time time;
    if (frame->peer.len == 0 || !control_ban_time_read(frame->data, &time))
        answer->outcome = CONTROL_INVALID;
    else if (room == NULL)
        answer->outcome = CONTROL_NO_ROOM;
    else if (member == NULL && time.ms == 0)
        answer->outcome = CONTROL_NO_PEER;
    else if (ban(room, frame, time.ms, answer)) {
        answer->version = directory_settings_read(room).version;
        add_reached(answer, member != NULL);
        if (member != NULL)
            expel(member);
        else
            directory_room_vacated(room);
    }
}

/* ---- notices */

static void notice_one(const struct directory_member *member, const struct frame *frame,
                       struct answer *answer)
{
    struct frame notice = {
        .kind = FRAME_NOTICE, .room = frame->room, .peer = frame->peer, .data = frame->data};
    add_reached(answer, !member->away);
    if (!member->away)
        directory_send(member->room->directory, &notice, member->worker);
}

static void notice_all(struct directory_room *room, const struct frame *frame,
                       struct answer *answer)
{
    struct directory_member *member, *next;
    struct frame notice = {.kind = FRAME_NOTICE, .room = frame->room, .data = frame->data};
    size_t here = 0;
    MAP_EACH (room->members, member, next) {
        here += !member->away;
    }
    add_reached(answer, here);
    for (unsigned i = 0; i < room->host_count; i++)
        directory_send(room->directory, &notice, room->hosts[i].worker);
}

static void notice(struct directory *directory, const struct frame *frame, struct answer *answer)
{
    struct directory_room *room = directory_room_find(directory, frame->room);
    struct directory_member *member = directory_find(directory, frame);
    if (frame->data.len == 0 || frame->data.len > CONTROL_NOTICE_MAX)
        answer->outcome = CONTROL_INVALID;
    else if (room == NULL)
        answer->outcome = CONTROL_NO_ROOM;
    else if (frame->peer.len == 0)
        notice_all(room, frame, answer);
    else if (member == NULL)
        answer->outcome = CONTROL_NO_PEER;
    else
        notice_one(member, frame, answer);
}

/* ---- */

static void send_answer(struct directory *directory, const struct frame *frame,
                        const struct answer *answer)
{
    bool failed = answer->error != 0 || buf_failed(&answer->data);
    struct frame reply = {
        .kind = FRAME_CONTROLLED, .request = frame->request, .error = failed ? ERR_UNAVAILABLE : 0};
    if (!failed) {
        reply.reason = answer->outcome;
        reply.version = answer->version;
        reply.data = buf_slice(&answer->data);
    }
    directory_send(directory, &reply, frame->from);
}

void directory_on_control(struct directory *directory, const struct frame *frame)
{
    static void (*const ops[CONTROL_OP_COUNT])(struct directory *, const struct frame *,
                                               struct answer *) = {
        [CONTROL_DESCRIBE] = describe,    [CONTROL_LIST] = list, [CONTROL_SET] = change,
        [CONTROL_CLOSE] = close_room,     [CONTROL_KICK] = kick, [CONTROL_NOTICE] = notice,
        [CONTROL_WORKERS] = list_workers,
    };
    struct answer answer = {.outcome = CONTROL_DONE};
    buf_init(&answer.data, CONTROL_ANSWER_MAX);
    if (frame->reason < CONTROL_OP_COUNT)
        ops[frame->reason](directory, frame, &answer);
    else
        answer.outcome = CONTROL_INVALID;
    send_answer(directory, frame, &answer);
    buf_done(&answer.data);
}
