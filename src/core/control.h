/* What an administrator asks of the directory, and what it answers: the documents that FRAME_CONTROL
 * and FRAME_CONTROLLED carry in `data`. Binary and bounded; bus/lua/control.lua reads and writes
 * the same.
 *
 *     FRAME_CONTROL     from worker to DIRECTORY
 *         request       chosen by who asks; the exchange's own are below CONTROL_REQUESTS, those of
 *                       whoever else asks by way of this worker are from there on
 *         reason        enum control_op
 *         room, peer    which; "" where the op has none
 *         version       for CONTROL_IF_VERSION
 *         data          see below
 *     FRAME_CONTROLLED  to who asked
 *         request       the same
 *         error         0; ERR_UNAVAILABLE: the truth cannot be reached now (Redis is away, or not
 *                       all fits into an answer). What was asked may or may not have been done
 *         reason        enum control_outcome, where error is 0
 *         version       of the room's settings; 0: it has none of its own
 *         data          see below; "" unless the outcome is DONE or CREATED
 *
 *     op        asks                                     answers
 *     DESCRIBE  room                                     struct control_description
 *     LIST      struct control_query                     struct control_listing, of control_listed
 *     SET       room, struct control_change              struct control_settings
 *     CLOSE     room                                     struct control_reached: its members
 *     KICK      room, peer, struct control_ban_time      struct control_reached: 1, or 0: only banned
 *     NOTICE    room, peer or "" for all, JSON value     struct control_reached: who is here
 *     WORKERS                                            struct control_listing, of control_worker
 *
 * Each op is done as a whole or not at all, in one place for the whole cluster. LIST and WORKERS
 * have no room, so that with several shards each answers for itself; the bus makes one answer of
 * theirs, which names the shards that did not.
 *
 * Asked again after the connection broke, an op may find its own work done: a SET that demands that
 * there be no such room, or a CLOSE, then says CONFLICT or NO_ROOM. A NOTICE is not sent twice.
 *
 * Slices of what is read point into the bytes it was read from. */
#ifndef ROOMLINE_CORE_CONTROL_H
#define ROOMLINE_CORE_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "core/frame.h"

#define CONTROL_REQUESTS 0x80000000u

enum control_op {
    CONTROL_DESCRIBE,
    CONTROL_LIST,
    CONTROL_SET,    /* creates the room or changes its settings */
    CONTROL_CLOSE,  /* everybody out with 4004; nothing of the room is left, it may be made anew */
    CONTROL_KICK,   /* out with 4005; a ban refuses joins under that peer ID until it ends */
    CONTROL_NOTICE, /* who is away does not get it */
    CONTROL_WORKERS,
    CONTROL_OP_COUNT,
};

enum control_outcome {
    CONTROL_DONE,
    CONTROL_CREATED, /* SET: there was no such room */
    CONTROL_NO_ROOM,
    CONTROL_NO_PEER,  /* KICK without a ban, NOTICE */
    CONTROL_CONFLICT, /* SET: a condition does not hold; `version` is what the settings have */
    CONTROL_FULL,     /* SET: as many rooms as may be; KICK: as many bans */
    CONTROL_INVALID,  /* data that is none */
    CONTROL_OUTCOME_COUNT,
};

/* Maxima. Texts in bytes, times in ms. */
#define CONTROL_METADATA_MAX 4096u
#define CONTROL_NOTICE_MAX 16384u
#define CONTROL_PEERS_MAX 100000u
#define CONTROL_TIME_MAX 315360000000u /* ten years: of empty_ttl and of a ban */
#define CONTROL_BANS_MAX 64u           /* at a time in one room */
#define CONTROL_LIST_MAX 1000u         /* rooms in one answer */
#define CONTROL_CARD_MAX 512u
#define CONTROL_SHARD_NAME_MAX 300u
#define CONTROL_ANSWER_MAX ((size_t)16 << 20) /* of `data`; beyond it ERR_UNAVAILABLE */

/* A room that was made by SET and that nobody has entered yet stays at least so long. */
#define CONTROL_UNENTERED_TTL 60000u

/* ---- settings of a room: those that no administrator ever set have none, all of it 0 */

struct control_settings {
    uint64_t version;      /* another one after each change, also over rooms of the same name */
    bool locked;           /* nobody new may join; who is in may resume */
    uint32_t peers_max;    /* in place of limits.peers_per_room; 0: that one */
    uint64_t empty_ttl;    /* how long it lives with nobody in it */
    struct slice metadata; /* JSON object; "": {} */
    struct slice bans;     /* control_ban_next() */
};

struct control_ban {
    struct slice peer;
    uint64_t until; /* Unix ms */
};

void control_settings_add(struct buf *out, const struct control_settings *settings);

/* False where it is none. "" is one: nothing set. */
bool control_settings_read(struct slice data, struct control_settings *ret_settings);

void control_ban_add(struct buf *out, const struct control_ban *ban);

/* Takes the first ban off. False at the end, or where the bytes are broken: then some are left. */
bool control_ban_next(struct slice *bans, struct control_ban *ret_ban);

/* ---- SET */

enum control_field {
    CONTROL_LOCKED = 1,
    CONTROL_MAX_PEERS = 2,
    CONTROL_EMPTY_TTL = 4,
    CONTROL_METADATA = 8,
    CONTROL_ALL_FIELDS = 15,
};

enum control_condition {
    CONTROL_IF_NONE = 1, /* only if there is no such room */
    CONTROL_IF_ANY = 2,  /* only if there is: otherwise NO_ROOM */
    CONTROL_IF_VERSION =
        4, /* only if the settings have the frame's `version` (0: none yet). No such
                               room: CONFLICT */
};

struct control_change {
    unsigned conditions; /* enum control_condition */
    unsigned fields;     /* enum control_field: what is changed; the rest stays as it is, or 0 */
    struct control_settings settings; /* version and bans are of no account */
};

void control_change_add(struct buf *out, const struct control_change *change);

/* False where it is none, or passes a maximum. */
bool control_change_read(struct slice data, struct control_change *ret_change);

/* ---- DESCRIBE */

struct control_member {
    struct slice peer;
    struct slice info; /* JSON object */
    bool away;
    uint64_t since;       /* Unix ms: when it joined, or the directory was told so anew */
    worker_id worker;     /* DIRECTORY: its holder crashed; MAILBOX: its holder was drained */
    struct slice address; /* of its last connection, as text; "": not known */
};

struct control_description {
    struct slice settings; /* control_settings_read() */
    struct slice members;  /* control_member_next(), in no order */
};

/* Settings first, members behind them. */
void control_description_begin(struct buf *out, struct slice settings);
void control_member_add(struct buf *out, const struct control_member *member);

bool control_description_read(struct slice data, struct control_description *ret_description);
bool control_member_next(struct slice *members, struct control_member *ret_member);

/* ---- LIST and WORKERS */

struct control_query {
    struct slice prefix; /* of the names; "": all */
    struct slice after;  /* names that are greater, byte by byte; "": from the first on */
    uint32_t limit;      /* 1 to CONTROL_LIST_MAX */
};

void control_query_add(struct buf *out, const struct control_query *query);
bool control_query_read(struct slice data, struct control_query *ret_query);

struct control_listing {
    bool more;            /* LIST: there are rooms behind the last one */
    uint32_t shards;      /* that were asked; 1 without Redis */
    uint32_t missing;     /* of those, how many did not answer */
    struct slice names;   /* of those: control_name_next() */
    struct slice entries; /* control_listed_next(), by name; control_worker_next(), by worker */
};

/* `entries` is not added: entries are appended behind it. */
void control_listing_begin(struct buf *out, const struct control_listing *listing);
bool control_listing_read(struct slice data, struct control_listing *ret_listing);

/* Names are host:port of a Redis. */
void control_name_add(struct buf *out, struct slice name);
bool control_name_next(struct slice *names, struct slice *ret_name);

struct control_listed {
    struct slice room;
    uint32_t members; /* here or away */
    bool locked;
    uint64_t version; /* of its settings */
};

void control_listed_add(struct buf *out, const struct control_listed *listed);
bool control_listed_next(struct slice *entries, struct control_listed *ret_listed);

struct control_worker {
    worker_id worker;
    bool fresh;        /* it lives, as far as its lease says */
    struct slice card; /* JSON object about its instance (app/card.h); "": it has not said yet */
};

void control_worker_add(struct buf *out, const struct control_worker *worker);
bool control_worker_next(struct slice *entries, struct control_worker *ret_worker);

/* ---- KICK; how many an op reached */

struct control_ban_time {
    uint64_t ms; /* 0: no ban. Another ban on the same peer is replaced */
};

void control_ban_time_add(struct buf *out, const struct control_ban_time *ban);
bool control_ban_time_read(struct slice data, struct control_ban_time *ret_ban);

struct control_reached {
    uint32_t count;
};

void control_reached_add(struct buf *out, const struct control_reached *reached);
bool control_reached_read(struct slice data, struct control_reached *ret_reached);

#endif
