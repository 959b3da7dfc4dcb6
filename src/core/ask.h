/* What a session in its room has asked and not yet been answered: of the world whether a new token
 * is good, of the directory to steer the room. */
#ifndef ROOMLINE_CORE_ASK_H
#define ROOMLINE_CORE_ASK_H

#include "base/map.h"
#include "core/envelope.h"
#include "core/session.h"

#define ASKS_MAX 16 /* of one session at a time */

struct ask {
    UT_hash_handle hh; /* in exchange->asks, by request */
    uint32_t request;
    struct session *session;
    const char *doing; /* that an admin does, for the log; NULL: nothing. Static */
    unsigned admin_len;
    char admin[PEER_NAME_MAX]; /* who does it: the membership may end before the ask */
    unsigned peer_len, id_len;
    char peer[PEER_NAME_MAX]; /* the envelope's, for an error answer */
    char id[ENVELOPE_ID_MAX];
};

/* NULL: as many as may be, or no memory; the client has been told. */
struct ask *ask_new(struct session *session, const struct envelope *envelope);
void ask_free_all(struct session *session);

/* NULL: the session has ended meanwhile. */
struct ask *ask_find(struct exchange *exchange, uint32_t request);

/* Ends the ask; an error is told to the client, and may end the session. */
void ask_answer(struct ask *ask, int error);

#endif
