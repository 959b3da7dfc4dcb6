/* What workers and the directory say to each other, whatever carries it (function calls, hub,
 * Redis).
 *
 * One struct serves every kind; the table in frame.c says which fields a kind has, and encodes and
 * decodes by it. Slices of a decoded frame point into the bytes it was read from. */
#ifndef ROOMLINE_CORE_FRAME_H
#define ROOMLINE_CORE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define SESSION_SECRET_SIZE 16

/* A worker's address, new for each process it ever is, so that what was meant for a dead one
 * reaches nobody. */
typedef uint64_t worker_id;

#define DIRECTORY ((worker_id)0) /* as an address; as a peer's worker: its holder crashed */

/* Beside the directory: keeps what drained workers held. Only where no worker has an ID up to
 * WORKER_RESERVED. */
#define MAILBOX ((worker_id)1)
#define WORKER_RESERVED ((worker_id)15)

/* One session's time as the holder of a membership, as its worker numbers them: 24 bits of the request
 * that it came by. What is sent to a holder says which stint it is for, since a membership may come
 * back to a worker while something is still under way that was sent there before. 0: whoever holds
 * it. */
#define STINT_MASK 0xffffffu

/* A membership's secret. All zero: none. */
struct session_secret {
    unsigned char bytes[SESSION_SECRET_SIZE];
};

enum frame_kind {
    FRAME_NONE,

    /* worker to directory; answered by FRAME_ROOM or FRAME_REFUSED with the same request number */
    FRAME_JOIN,   /* room peer secret info, and what the way in is judged by (flags peers_max
                     address ticket ticket_ms): become a member */
    FRAME_RESUME, /* the same and proof: take over the membership that `proof` proves, or join; an
                     empty info leaves it as it is */
    FRAME_READ,   /* request room version: tell me the roster, if its version is not this one (0: in
                     any case) */

    /* worker to directory; answered by events only; fenced by secret */
    FRAME_CONFIRM,  /* room peer secret: the client has its new secret, forget the old one */
    FRAME_INFO,     /* room peer secret info */
    FRAME_AWAY,     /* room peer secret reason(enum away_reason): socket lost, held */
    FRAME_LEAVE,    /* room peer secret reason */
    FRAME_RESTORE,  /* room peer secret proof(the secret before it, or none) info address data(the
                      room's settings as known) version(known of the room) taken reason(1: away)
                      stint: I hold this membership, make it so again. Answered by FRAME_EVICTED
                      where it has become somebody else's, or is no more */
    FRAME_DISCLAIM, /* room peer stint: I am said to hold this membership, and nobody here does; not
                       by secret but by worker and stint */

    /* worker to directory; answered by FRAME_CONTROLLED with the same request number */
    FRAME_CONTROL, /* request room peer reason(enum control_op) version data: control.h */

    /* directory to worker */
    FRAME_ROOM,        /* request room version worker(former holder) reason(room_outcome) roster
                          data(settings: control.h) */
    FRAME_REFUSED,     /* request room error */
    FRAME_JOINED,      /* room version peer worker stint info (the events from here on) */
    FRAME_MOVED,       /* room version peer worker stint: is here, on this worker now */
    FRAME_CHANGED,     /* room version peer info */
    FRAME_GONE_AWAY,   /* room version peer worker(0: its holder crashed) */
    FRAME_LEFT,        /* room version peer reason */
    FRAME_SETTINGS,    /* room version data: has these settings now (control.h) */
    FRAME_CLOSED,      /* room version: is no more, and nobody is in it */
    FRAME_WORKER_DOWN, /* worker: is no more; nothing sent to it will be answered */
    FRAME_NOTICE,     /* room peer("": to all) data(JSON): from an administrator, for who is here */
    FRAME_CONTROLLED, /* request error reason(enum control_outcome) version data: control.h */
    FRAME_EVICTED,    /* room peer secret reason: this membership is not yours any more. Replaced:
                          it is somebody else's; kicked, room-closed: it is nobody's */

    /* worker to worker */
    FRAME_SIGNAL,      /* hops stint room peer(to) sender id data */
    FRAME_UNDELIVERED, /* hops room peer(to) sender id error: a signal that found nobody, on its way
                          back; or an info (peer = sender) */
    FRAME_CLAIM, /* request room peer version(of the takeover) received: I hold this membership now,
                    hand me what you held */
    FRAME_HOLD,  /* request room peer data(one held message); several, in order */
    FRAME_HANDED, /* request room peer received(from the client) error(0, or it can't be resumed):
                     that was all */
    FRAME_FENCE,  /* request hops stint room peer worker(who must have handed it over, or 0): goes
                     where a signal would, behind all that I sent; who would hold that signal
                     answers */
    FRAME_FENCED, /* request stint(which it reached) room peer: what came before your fence is in the
                     hands of a holder whose hold goes along with the membership; or (from DIRECTORY)
                     nobody will get that any more */

    /* worker to mailbox, which from then on takes the frames above as a worker does */
    FRAME_DEPOSIT, /* room peer secret received acked data(held_add()): I hold this membership and
                      am about to end, keep it. Done is what FRAME_GONE_AWAY says, worker MAILBOX */

    /* directory to the one worker whose request or sweep it came of (to DIRECTORY: to any one),
     * where directory_options.tells; behind all kinds that instances of before know */
    FRAME_HAPPENED, /* version reason flags(enum room_event) room peer("": of the room) */

    FRAME_KIND_COUNT,
};

/* What is told to those who keep a book of all rooms. Of one room each has a higher version than the
 * one before, but that several who leave at once may have the same. */
#define ROOM_EVENTS(X)                                                                             \
    X(ROOM_OPENED, "room-opened")                                                                  \
    X(ROOM_CLOSED, "room-closed") /* reason: LEAVE_ROOM_CLOSED, by an administrator; or _LEFT */   \
    X(PEER_JOINED, "peer-joined")                                                                  \
    X(PEER_LEFT, "peer-left") /* with its enum leave_reason */

enum room_event {
#define X(name, text) EVENT_##name,
    ROOM_EVENTS(X)
#undef X
        EVENT_TYPE_COUNT,
};

const char *room_event_name(enum room_event event);

/* How the peer of a join was let in. */
enum join_flag {
    JOIN_PROVEN = 1, /* a token says it is this peer: an old membership of that ID is replaced */
    JOIN_ADMIN = 2,  /* may enter a locked room */
};

#define FRAME_ADDRESS_MAX 64 /* bytes of an address as text */
#define FRAME_TICKET_MAX 128 /* bytes */

/* AWAY_UNHEARD: since it joined nothing came from its client, which may never have learnt that it
 * did; a join without proof may have the name. */
enum away_reason { AWAY_LOST, AWAY_UNHEARD };

/* What FRAME_ROOM answers: a read, a new membership, or one taken over (whose former holder
 * `worker` is, 0: it crashed). */
enum room_outcome { ROOM_READ, ROOM_ENTERED, ROOM_TAKEN_OVER };

/* Besides the outcome: it is somebody who stands in for the directory that says so. */
#define ROOM_PROVISIONAL 4u

/* In the flags of an event or a claim, only between a worker's bus and its exchange: events before it may
 * have been missed, whatever its version says, or passed over for what a provisional directory had
 * counted, and exchange_restore() is still to come. */
#define ASTRAY 1u

/* The same of an event that a provisional directory tells: the version is its own. */
#define COUNTED_APART 2u

enum leave_reason {
    LEAVE_LEFT,
    LEAVE_TIMEOUT,
    LEAVE_KICKED,
    LEAVE_REPLACED,
    LEAVE_ROOM_CLOSED,
    LEAVE_REASON_COUNT
};

const char *leave_reason_name(enum leave_reason reason);

struct frame {
    enum frame_kind kind;
    worker_id from;
    worker_id to;
    uint32_t request; /* chosen by who asks; 0: none */
    int32_t error;
    uint64_t version; /* of the room: each event is one more */
    worker_id worker;
    uint64_t received;
    uint64_t acked;     /* of a hold: the number of the last signal that is not in it any more */
    uint32_t reason;    /* enum leave_reason, away_reason, or room_outcome */
    uint32_t hops;      /* how often a former holder passed it on; 8 bits */
    uint32_t stint;     /* that the frame is for, or tells of; 24 bits */
    uint32_t flags;     /* enum join_flag, or room_event */
    uint32_t peers_max; /* more than that may not be in the room once it is in; 0: as ever */
    uint64_t ticket_ms; /* for how long the ticket has to be remembered */
    uint64_t taken; /* the room's version when the membership was entered or taken over, where the
                           directory itself said so and the client knows its secret; else 0 */
    struct session_secret secret;
    struct session_secret proof;
    struct slice room;
    struct slice peer;
    struct slice sender;
    struct slice id;
    struct slice info;
    struct slice data;
    struct slice roster;  /* encoded entries: roster_next() */
    struct slice address; /* the client's, for administrators only; "": not known */
    struct slice ticket;  /* that lets somebody in once; "": none is needed */
};

/* One member in a roster. */
struct roster_entry {
    struct slice peer;
    struct slice info;
    worker_id worker;
    uint32_t stint;
    bool away;
};

/* Appends length (u32, of what follows) and frame. */
void frame_encode(const struct frame *frame, struct buf *out);

#define FRAME_LENGTH_SIZE 4

/* The length of the first frame in the bytes, its length field included; 0: not known yet; -1: over
 * max. */
long frame_measure(struct slice bytes, size_t max);

/* Reads one whole frame (as frame_measure() measured it). 0, or ERR_BAD_MESSAGE. */
int frame_decode(struct slice bytes, struct frame *ret_frame);

/* Takes the first frame off. False at the end, or where the bytes are broken: then some are left. */
bool frame_next(struct slice *bytes, struct frame *ret_frame);

/* Whether it is a FRAME_SIGNAL that this peer sent. */
static inline bool frame_is_signal_of(const struct frame *frame, struct slice room,
                                      struct slice sender)
{
    return frame->kind == FRAME_SIGNAL && slice_equal(frame->sender, sender) &&
           slice_equal(frame->room, room);
}

const char *frame_name(enum frame_kind kind);

void roster_add(struct buf *roster, const struct roster_entry *entry);

/* The messages of a FRAME_DEPOSIT, in order: u32 length and bytes of each. held_next() takes the
 * first off; false at the end, or where the bytes are broken. */
void held_add(struct buf *held, struct slice message);
bool held_next(struct slice *held, struct slice *ret_message);

/* Takes the first entry off. False at the end, or where the bytes are broken (then *ret_broken). */
bool roster_next(struct slice *roster, struct roster_entry *ret_entry, bool *ret_broken);

#endif
