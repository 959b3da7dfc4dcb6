/* A worker's replica of a room that somebody is in, or is about to enter, through this worker.
 *
 * Kept up to date by events that carry the room's version: mine + 1 is applied, anything newer
 * means that one was missed and the roster is read again, anything older is passed over. */
#ifndef ROOMLINE_CORE_ROOM_H
#define ROOMLINE_CORE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/message.h"
#include "base/wheel.h"
#include "core/frame.h"

struct dropped;
struct exchange;
struct session;

struct room {
    UT_hash_handle hh;
    struct exchange *exchange;
    struct member *members;
    uint64_t version; /* 0: no roster seen yet */
    uint64_t applied; /* while a roster is: its version; else 0 */
    uint64_t heard;   /* the last event that could not be applied */
    unsigned uses;    /* sessions that stand in it */
    bool reading;     /* a FRAME_READ that is answered in any case is under way */
    bool restoring;   /* FRAME_RESTOREs are, and a FRAME_READ behind them */
    bool astray;      /* events may have been missed; exchange_restore() is still to come */
    bool disowned;    /* the directory does not know what we hold: to be restored */
    bool doubtful;    /* the last roster lacked members that are kept until the next one */
    bool apart;       /* another directory may have counted versions since the last roster */
    uint32_t read;    /* number of the last FRAME_READ; an answer to another one is out of date */
    uint64_t lenient_until;  /* ms: while other workers may still be restoring */
    struct dropped *dropped; /* missed in a roster, and perhaps to come back (dropped.c) */
    struct deadline check;   /* armed where options.check_interval says so */
    char *settings;          /* as the directory told them (control.h), for when it has lost them */
    unsigned settings_len, name_len;
    char name[];
};

struct member {
    struct room *room;
    worker_id sent_to;   /* where signals for it went by the bus; DIRECTORY: nowhere */
    uint32_t sent_stint; /* that those were for */
    bool away;
    bool unrestored;            /* not said again, since somebody was just coming in as it */
    bool seen;                  /* by the roster that is being applied */
    struct session_secret left; /* with which it left here, until the directory says so */
    unsigned info_len;
    char *info;

    /* What each signal looks at: close to the name, by which it is found. */
    UT_hash_handle hh;
    struct session *session; /* who holds the membership on this worker, or NULL */
    struct session *heir;    /* who takes it over here and waits for what the former holder hands
                                over, or NULL */
    struct fence *fence;     /* while signals for it wait for the old way to be drained, or NULL */
    worker_id worker;        /* where signals for it go; DIRECTORY: its holder crashed */
    uint32_t stint;          /* of the holder there */
    unsigned name_len;
    char name[];
};

static inline struct slice room_name(const struct room *room)
{
    return (struct slice){room->name, room->name_len};
}

static inline struct slice room_settings(const struct room *room)
{
    return (struct slice){room->settings, room->settings_len};
}

static inline struct slice member_name(const struct member *member)
{
    return (struct slice){member->name, member->name_len};
}

static inline struct slice member_info(const struct member *member)
{
    return (struct slice){member->info, member->info_len};
}

struct room *room_find(struct exchange *exchange, struct slice name);

/* Finds or makes, and counts a use. NULL: no memory. */
struct room *room_acquire(struct exchange *exchange, struct slice name);
void room_release(struct room *room);

struct member *room_member(struct room *room, struct slice peer);

/* FRAME_JOINED, MOVED, CHANGED, GONE_AWAY, LEFT, SETTINGS. */
void room_on_event(struct exchange *exchange, const struct frame *event);

/* FRAME_CLOSED, FRAME_NOTICE. */
void room_on_closed(struct exchange *exchange, const struct frame *event);
void room_on_notice(struct exchange *exchange, const struct frame *notice);

/* Whether what took place up to this version is still to be heard. What a provisional directory numbered
 * meanwhile tells nothing of that. */
static inline bool room_is_behind(const struct room *room, uint64_t version)
{
    return room->reading && (room->restoring || room->version < version);
}

/* A new member, of whom nobody is told. NULL: no memory. */
struct member *room_add_member(struct room *room, struct slice peer, struct slice info,
                               worker_id worker);
void room_remove_member(struct member *member);

/* False: no memory, the old ones stay. */
bool room_take_settings(struct room *room, struct slice settings);

/* To each peer here on this worker but `except`. Consumes the message; NULL is passed over. */
void room_tell(struct room *room, const struct member *except, struct message *message);

#endif
