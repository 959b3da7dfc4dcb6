/* What the parts of the directory share: directory.c (frames in), directory_room.c (rooms, their
 * members, whom to tell), directory_settings.c, directory_admit.c (who may come in),
 * directory_ended.c, directory_restore.c, directory_control.c, mailbox.c. */
#ifndef ROOMLINE_CORE_DIRECTORY_STATE_H
#define ROOMLINE_CORE_DIRECTORY_STATE_H

#include "base/map.h"
#include "base/wheel.h"
#include "core/control.h"
#include "core/directory.h"

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
    char *settings; /* as control_settings_add() makes them; NULL: it has none */
    unsigned settings_len;
    struct deadline vacant; /* armed while nobody is in it, and it stays all the same */
    unsigned name_len;
    char name[];
};

#define PASSED_MAX 4 /* secrets of one member that are remembered */

struct directory_member {
    UT_hash_handle hh;
    struct directory_room *room;
    struct deadline orphaned; /* armed while no worker holds it */
    worker_id worker;         /* DIRECTORY: its holder crashed; MAILBOX: its holder was drained */
    worker_id former;         /* what the answer to its join or resume said */
    uint64_t taken;           /* the room's version when it was entered or taken over */
    uint32_t stint;           /* of who holds it, or did when it became nobody's */
    struct session_secret secret;
    struct session_secret previous; /* still proof, until the client is seen to have the new one */
    struct session_secret *passed;  /* had it by the same proof before, the last ones; or NULL */
    unsigned passed_count;
    struct mailbox *mailbox; /* what a drained holder left for it, or NULL */
    bool away;
    bool unheard;    /* away, and its client never said anything */
    bool taken_over; /* it was resumed, not joined */
    bool opened;     /* its join made the room */
    uint64_t since;  /* Unix ms */
    unsigned name_len, info_len, address_len;
    char *info;
    char *address; /* for administrators; NULL: not known */
    char name[];
};

struct directory {
    struct directory_options options;
    struct directory_room *rooms;
    struct wheel wheel;
    uint64_t now;
    uint64_t epoch;  /* makes the versions of a room that is made again higher than before */
    worker_id asker; /* of what is being done; DIRECTORY: nobody asked */
    struct buf roster;
    struct ended *ended;    /* memberships that administrators ended not long ago */
    struct ticket *tickets; /* that were used */
};

bool secret_equal(const struct session_secret *a, const struct session_secret *b);

/* Whether the secret is the member's, or the one before it, which the client may still have. */
bool member_is_proven(const struct directory_member *member, const struct session_secret *proof);

/* Whether this secret had the membership, until another took it over by the same proof. */
bool member_has_passed(const struct directory_member *member, const struct session_secret *secret);

static inline uint64_t directory_unix_time(const struct directory *directory)
{
    return directory->now + directory->options.unix_offset;
}

static inline struct slice directory_room_settings(const struct directory_room *room)
{
    return (struct slice){room->settings, room->settings_len};
}

static inline struct slice directory_room_name(const struct directory_room *room)
{
    return (struct slice){room->name, room->name_len};
}

static inline struct slice directory_member_name(const struct directory_member *member)
{
    return (struct slice){member->name, member->name_len};
}

static inline struct slice directory_member_info(const struct directory_member *member)
{
    return (struct slice){member->info, member->info_len};
}

/* ---- directory_room.c */

struct directory_room *directory_room_find(struct directory *directory, struct slice name);

/* NULL: no memory. */
struct directory_room *directory_room_add(struct directory *directory, struct slice name);

/* Whatever it has. The reason is told: LEAVE_ROOM_CLOSED, or LEAVE_LEFT: nobody is left. */
void directory_room_free(struct directory_room *room, enum leave_reason reason);

/* Where nobody is in it, it goes, or stays until its settings say so. */
void directory_room_vacated(struct directory_room *room);

/* The same, but it stays for so many ms at least. */
void directory_room_keep(struct directory_room *room, uint64_t least);

/* Whether the worker hosts a member of it. */
bool directory_hosts(struct directory_room *room, worker_id worker);

/* Both names as in the frame. NULL: there is none. */
struct directory_member *directory_find(struct directory *directory, const struct frame *frame);

/* From who asks: name, secret, info, worker. NULL: no memory. */
struct directory_member *directory_member_add(struct directory_room *room,
                                              const struct frame *frame);
void directory_member_free(struct directory_member *member);

/* The worker holds it from now on, here, and hosts the room; the one before still does until
 * directory_host_leave(). False: no memory, nothing has changed. */
bool directory_member_move(struct directory_member *member, worker_id worker);
void directory_host_leave(struct directory_room *room, worker_id worker);

/* Leaves the room, of which everybody is told. An empty room stays. */
void directory_member_leave(struct directory_member *member, enum leave_reason reason);

/* The same; and who held it is told too, who does not know. */
void directory_member_expel(struct directory_member *member, enum leave_reason reason);

/* Leaves, and the room goes with its last member. */
void directory_member_remove(struct directory_member *member, enum leave_reason reason);

/* No worker holds it now (`worker`: DIRECTORY or MAILBOX); it may still be resumed. */
void directory_member_orphan(struct directory_member *member, worker_id worker);

/* No memory for it, or not known: the old one stays. */
void directory_member_replace_address(struct directory_member *member, struct slice address);

/* Tells everybody but `except`. No memory for it: the old one stays. */
void directory_member_replace_info(struct directory_member *member, struct slice info,
                                   worker_id except);

void directory_send(struct directory *directory, struct frame *frame, worker_id to);

/* Tells an event to every host but `except`, who learns it from the reply. */
void directory_announce(struct directory_room *room, struct frame *event, worker_id except);

/* Tells the asker, as of this version of the room, where anybody wants to know. */
void directory_tell(const struct directory_room *room, uint64_t version, enum room_event event,
                    struct slice peer, enum leave_reason reason);
void directory_tell_joined(const struct directory_member *member);

/* Tells that the member is held by a worker and here. */
void directory_announce_moved(struct directory_member *member, worker_id except);

/* ---- directory_settings.c */

struct control_settings directory_settings_read(const struct directory_room *room);

/* Gives them a new version, and tells all hosts. False: no memory, nothing has changed. */
bool directory_settings_change(struct directory_room *room, struct control_settings *settings);

/* As a worker knows them: taken over where they are newer. */
void directory_settings_restore(struct directory_room *room, struct slice settings);

bool directory_is_banned(const struct directory_room *room, struct slice peer);

enum ban_outcome { BAN_DONE, BAN_FULL, BAN_NO_MEMORY };
enum ban_outcome directory_ban(struct directory_room *room, struct slice peer, uint64_t ms);

/* Unix ms at which the last ban ends; 0: there is none. */
uint64_t directory_bans_end(const struct directory_room *room);

/* ---- directory_admit.c */

/* Whether a join, or a resume that proves nothing, is let in: 0, or why not. `room` and `member`:
 * of those names, or NULL. */
int directory_admit(struct directory *directory, const struct directory_room *room,
                    const struct directory_member *member, const struct frame *request);

/* Its ticket is used from now on, or not any more. False: no memory,
 * or as many are remembered as may be. */
bool directory_ticket_use(struct directory *directory, const struct frame *request);
void directory_ticket_forget(struct directory *directory, const struct frame *request);
void directory_tickets_free(struct directory *directory);

/* ---- directory_ended.c */

/* The member is about to go for this reason: what its holder or its client says of it later is
 * known to be late. */
void directory_ended_add(const struct directory_member *member, enum leave_reason reason);

/* Why a membership that one of the two proves was ended; LEAVE_REASON_COUNT: it was not. */
enum leave_reason directory_ended_find(const struct directory *directory, struct slice room,
                                       const struct session_secret *secret,
                                       const struct session_secret *proof);
void directory_ended_free(struct directory *directory);

/* ---- directory_restore.c */

void directory_on_restore(struct directory *directory, const struct frame *frame);

/* ---- directory_control.c */

void directory_on_control(struct directory *directory, const struct frame *frame);

/* ---- mailbox.c */

/* A frame whose `to` is MAILBOX. */
void mailbox_on_frame(struct directory *directory, const struct frame *frame);

/* What it holds is lost; frames that wait in it go where the member is now. */
void mailbox_free(struct mailbox *mailbox);

/* The same, where those frames have been passed on as well. */
void mailbox_discard(struct mailbox *mailbox);

#endif
