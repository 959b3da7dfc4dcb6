/* The exchange: who is in which room on this worker, and the way of each message.
 *
 * Pure decisions: events go in by the functions below, effects come out through struct
 * exchange_world. No function of the world may call back into the exchange. Single-threaded. */
#ifndef ROOMLINE_CORE_EXCHANGE_H
#define ROOMLINE_CORE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/message.h"
#include "base/slice.h"
#include "core/access.h"
#include "core/frame.h"

struct core_tally;
struct exchange;
struct session;

/* How long credentials hold. */
struct ice_validity {
    uint64_t ttl;     /* ms from now; 0: there are none that end */
    uint64_t expires; /* the same in Unix seconds */
};

/* What the exchange asks of the world. `connection` is what exchange_open() was given. */
struct exchange_world {
    void *context;

    /* Queues a text message. Takes a reference of its own if it keeps it; may frame the message
     * (message_frame()). */
    void (*deliver)(void *connection, struct message *message);

    /* Sends a WebSocket ping whose pong comes back through exchange_pong() with the same number. */
    void (*ping)(void *connection, uint64_t number);

    /* Sends what is queued, then closes with this code. The exchange has forgotten the connection:
     * the session that exchange_open() returned is gone for it, and exchange_lost() must not be
     * called for it. */
    void (*close)(void *connection, enum close_code code);

    /* Hands a frame to the bus. Never answers before it returns. The frame's slices are only valid
     * for the call. */
    void (*send)(void *context, const struct frame *frame);

    void (*random)(void *context, void *bytes, size_t len);

    /* Appends the JSON array of the ICE servers that this peer is to use. NULL:
     * options.ice_servers are for everybody, and do not end. */
    struct ice_validity (*ice_servers)(void *context, void *connection, struct slice peer,
                                       struct buf *out);

    /* A clock to measure durations by, µs, never going back. NULL: none are measured. */
    uint64_t (*clock)(void *context);

    /* May the one at this connection do what is asked? 0 with *ret_grant, which comes all zero;
     * ERR_UNAUTHORIZED, ERR_FORBIDDEN or another error; or AUTHORIZE_LATER: then
     * exchange_authorized() is called with the ticket, not before this returns, and sooner or later
     * whatever happens, unless the exchange is freed. NULL: everybody gets RIGHTS_DEFAULT. */
    int (*authorize)(void *context, void *connection, uint32_t ticket,
                     const struct access_request *asked, struct grant *ret_grant);

    /* The client's address as text, for administrators; may be NULL. */
    struct slice (*address)(void *connection, char ret_text[FRAME_ADDRESS_MAX]);
};

/* Limits: 0 is none. Times in ms. Texts are the caller's and outlive the exchange. */
struct exchange_options {
    worker_id self;
    uint64_t join_timeout;
    uint64_t resume_window;
    uint64_t ping_interval; /* only told to clients: the connection does it */
    size_t info_size;       /* bytes */
    uint64_t messages_per_second, messages_burst;
    uint64_t bytes_per_second, bytes_burst;
    uint64_t rate_strikes;
    size_t hold_messages, hold_bytes;
    uint64_t check_interval;  /* each room's roster is compared with the directory's after a half to
                                 the whole of this; 0: never, nothing gets lost on this bus */
    bool mailbox;             /* the bus has one: exchange_deposit() */
    struct slice ice_servers; /* JSON array */
    struct core_tally *tally; /* where it counts; outlives the exchange. NULL: nobody reads it */
};

struct exchange *exchange_new(const struct exchange_options *options,
                              const struct exchange_world *world, uint64_t now);

/* Closes nothing and tells nobody: for the end of the process. */
void exchange_free(struct exchange *exchange);

/* A WebSocket came up for a room (its name valid, decoded). `number` names the connection in the
 * log. NULL: no memory. */
struct session *exchange_open(struct exchange *exchange, void *connection, struct slice room,
                              uint64_t number);

/* What came with the upgrade: a token for a join that brings none, and the page's origin; either may
 * be SLICE_NONE. Both are forgotten after the join. False: no memory. */
bool exchange_bear(struct session *session, struct slice token, struct slice origin);

/* The answer to a world.authorize() that said AUTHORIZE_LATER: 0 with a grant, or an error. The
 * connection may be gone by now. */
void exchange_authorized(struct exchange *exchange, uint32_t ticket, int error,
                         const struct grant *grant);

/* A whole text message, needed for the call only. */
void exchange_receive(struct session *session, struct slice text);

/* The pong to world.ping(number), or any sign of life (number 0) right after a join. */
void exchange_pong(struct session *session, uint64_t number);

/* The connection is gone or about to be closed by its owner, for this cause (CLOSE_NONE: the socket
 * broke). The exchange never uses the connection again; the membership stays for the resume window
 * where the cause allows. */
void exchange_lost(struct session *session, enum close_code cause);

/* A frame for this worker came by the bus. */
void exchange_on_frame(struct exchange *exchange, const struct frame *frame);

/* Time passes; call every 50 ms or so, and before events so that rates are measured right. */
void exchange_tick(struct exchange *exchange, uint64_t now);

/* Draining: tells the sessions that are here now goaway, spread evenly over `spread` ms; all will
 * be closed in `left` ms, which is how long they have to reconnect. */
void exchange_drain(struct exchange *exchange, uint64_t spread, uint64_t left);

/* Closes every connection with 1012 (all is delivered that was accepted). */
void exchange_close_all(struct exchange *exchange, enum close_code code);

/* What the directory knows of this worker's memberships may be lost or wrong: says all of them
 * again, and reads the rosters. What somebody else has taken over meanwhile is closed with 4009. */
void exchange_restore(struct exchange *exchange);

/* The drain's deadline: closes every connection with 1012 and puts what is held for each membership
 * into the mailbox. Each session goes once that is known to have come through; until then, and for
 * late frames after it, frames are to be given to the exchange as ever. Only with
 * options.mailbox. */
void exchange_deposit(struct exchange *exchange);

/* Tells what this worker knows of a room, a FRAME_RESTORE for each member, as from the worker that
 * holds it. The secrets of other workers' members are not known: none. */
void exchange_export_room(const struct exchange *exchange, struct slice room,
                          void (*each)(void *context, const struct frame *frame), void *context);

struct exchange_counts {
    size_t rooms;    /* with a member here */
    size_t sessions; /* joined, here or away */
    size_t connections;
};

struct exchange_counts exchange_count(const struct exchange *exchange);

#endif
