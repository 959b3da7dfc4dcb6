/* A session: one client's socket before it joined, and its membership from then on, with or without
 * a socket.
 *
 *     NEW --join--> AUTHORIZING --refused-----------------------------------------> (gone)
 *                      |
 *                   ENTERING --refused--------------------------------------------> (gone)
 *                      |---entered--------------------> HERE --leave, kicked------> (gone)
 *                      |                                |  ^ (a new session takes over)
 *                      '--took over--> CLAIMING --------'  AWAY --window over-----> (gone)
 *                                         |   HERE --socket lost--> AWAY
 *                                         '--socket lost meanwhile--> AWAY
 */
#ifndef ROOMLINE_CORE_SESSION_H
#define ROOMLINE_CORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "base/wheel.h"
#include "core/bucket.h"
#include "core/envelope.h"
#include "core/frame.h"
#include "core/hold.h"
#include "core/room.h"

enum session_state {
    SESSION_NEW,
    SESSION_AUTHORIZING,
    SESSION_ENTERING,
    SESSION_CLAIMING,
    SESSION_HERE,
    SESSION_AWAY,
};
#define SESSION_STATE_COUNT (SESSION_AWAY + 1)

/* What a session needs only on its way in. */
struct entry {
    UT_hash_handle hh; /* in exchange->entries, by request */
    struct session *session;
    uint32_t request;
    bool resuming;
    bool named;                  /* the client asked for this peer ID, or proves it by its secret */
    struct session_secret proof; /* of the membership to resume */
    unsigned info_len;           /* while AUTHORIZING: */
    char *info;                  /* what the client says of itself, or NULL */
    worker_id former;            /* while CLAIMING: who was asked for the hold */
    uint64_t received;           /* signals the client has, says it */
    uint64_t began;              /* µs: exchange_clock() */
    struct hold early;           /* came from the client before it had its answer */
    struct buf ahead;            /* encoded FRAME_SIGNALs for it that were faster than the answer */
    struct hold late;            /* came for it while CLAIMING, goes behind what is handed over */
    bool claimed;                /* somebody else resumes it already: hand over once it is ours */
    struct frame claim;
    unsigned peer_len;
    char peer[PEER_NAME_MAX];
};

static inline struct slice entry_peer(const struct entry *entry)
{
    return (struct slice){entry->peer, entry->peer_len};
}

struct session {
    /* What each signal touches comes first, to lie in few cache lines. */
    struct exchange *exchange;
    void *connection; /* NULL: no socket */
    struct room *room;
    struct member *member; /* whose session or heir this is, and nothing else's */
    struct entry *entry;   /* ENTERING, CLAIMING */
    struct frame *claim;   /* waits until the peer's own signals are out of fences; or NULL */
    enum session_state state;
    uint32_t request;  /* of its join: of two of this worker, the later has the greater */
    bool unconfirmed;  /* the client was not yet heard since it got a new secret */
    bool afresh;       /* nor since the counts began at 0 again: those that it knows mean nothing */
    bool acking;       /* a world.ping for an acknowledgement is out */
    bool unheard;      /* it was a plain join, and nothing came from the client since */
    bool deposited;    /* what is held is on its way into the mailbox */
    unsigned strikes;  /* rate-limited since both buckets were last full */
    unsigned unpinged; /* bytes of signals since the last world.ping */
    struct access *access; /* NULL: what everybody is granted */
    uint64_t received;     /* signals from the client in this membership */
    uint64_t pinged;       /* the last signal that such a ping came behind */
    struct hold hold;      /* signals to the client */
    struct bucket messages, bytes;

    LIST_ENTRY(session) link; /* in exchange->sessions */
    struct deadline deadline; /* NEW: to join; CLAIMING: to be handed the hold; HERE: goaway; AWAY:
                                 to come back */
    struct bucket reports;
    struct deadline ice; /* HERE: to tell the client of fresh ICE servers */
    struct session_secret secret;
    uint64_t number; /* names the connection in the log */
    uint64_t
        version; /* the room's, when this session got the membership: a later one supersedes it */
    uint64_t taken; /* the same where the directory itself said so; else 0 */
    unsigned asks;  /* of this session in exchange->asks */
    unsigned bearer_len, origin_len;
    char *bearer;                /* the token that came with the upgrade, or NULL */
    char *origin;                /* the same of the page's origin */
    bool *gone;                  /* told when the session is freed; or NULL */
    struct session_secret proof; /* that it took the membership over with, or none */
    struct buf parked; /* encoded frames: FENCEs, and SIGNALs of a deposited one, to pass on once
                          the hold is handed over; UNDELIVEREDs of what the client sent, for when
                          it is back */
};

struct session *session_new(struct exchange *exchange, void *connection, struct slice room,
                            uint64_t number);
void session_free(struct session *session);

/* The token of the upgrade is not needed any more. */
void session_forget_upgrade(struct session *session);

/* The number of its time as the holder, for who sends to it (frame.h). */
static inline uint32_t session_stint(const struct session *session)
{
    return session->request & STINT_MASK;
}

/* Which of two that came by this worker came later. The versions do not tell where a provisional directory
 * counted some of them. */
static inline bool session_is_later(const struct session *session, const struct session *than)
{
    return (int32_t)((session->request - than->request) << 1) > 0; /* they count in 31 bits */
}

/* Moves along the arrows above, asserted by a table. */
void session_move(struct session *session, enum session_state state);

const char *session_state_name(enum session_state state);

/* Done with its way in. */
void session_entered(struct session *session);

/* The client was heard: it has its new secret, and the one before it proves nothing any more. */
void session_confirm(struct session *session);

/* Replaces the member's info. */
void session_say_info(struct session *session, struct slice info);

/* Consumes the message; NULL (no memory) closes the connection as overloaded. */
void session_send(struct session *session, struct message *message);

/* The error, and what the table of errors says about the connection after it. */
void session_fail(struct session *session, int error, struct slice to, struct slice id);

/* Closes the connection, if it has one; what becomes of the membership is as in
 * session_unplugged(). */
void session_close(struct session *session, enum close_code code);

/* The socket is gone: away for the resume window, or gone with it. May free the session. */
void session_unplugged(struct session *session, enum close_code cause);

/* Makes this the one session of a membership; what was there is closed with 4009 and freed. */
void session_attach(struct session *session, struct member *member);

/* Refuses a session that is on its way in, and frees it. */
void session_refuse(struct session *session, int error);

/* Others ended its membership: closes the connection accordingly, and frees the session. */
void session_end(struct session *session, enum leave_reason reason);

/* Of its client; "": not known, or there is no connection. */
struct slice session_address(const struct session *session, char ret_text[FRAME_ADDRESS_MAX]);

/* Leaves the room for good and frees the session. */
void session_leave(struct session *session, enum leave_reason reason);

/* Another session has the membership now: closes with 4009, waits for the claim. */
void session_superseded(struct session *session);

/* It went elsewhere: whoever has it now claims what it holds soon, or never will, and what comes meanwhile
 * goes there too. */
#define CLAIM_AWAITED 5000 /* ms */
void session_await_claim(struct session *session);

/* Puts a signal into the hold and on the wire if it is here. There is space and memory for it
 * (session_can_take()). */
void session_take(struct session *session, struct message *signal);

/* Keeps a frame until the membership is handed over or the client is back. False: no space. */
bool session_park(struct session *session, const struct frame *frame);

/* Takes what is parked; the caller is done with it (buf_done()). */
struct buf session_unpark(struct session *session);

/* The parked frames as if they came now: to who has the membership by now. */
void session_pass_on_parked(struct session *session);

/* 0, or ERR_PEER_BUSY, ERR_UNAVAILABLE (no memory). */
int session_can_take(struct session *session, size_t bytes);

/* The client has got all signals up to this number. False: there was no such number. */
bool session_acked(struct session *session, uint64_t number);

/* The membership's secret and peer ID as the text that clients keep. */
#define SESSION_TEXT_SIZE CRYPTO_BASE64URL_SIZE(SESSION_SECRET_SIZE + PEER_NAME_MAX)
void session_text(const struct session_secret *secret, struct slice peer, char *ret_text);

/* The reverse. False where the text is none of ours. */
bool session_text_read(struct slice text, struct session_secret *ret_secret, char *ret_peer,
                       unsigned *ret_peer_len);

#endif
