/* Who may enter and what he may do there: what the exchange asks of the world, and what it then
 * holds a session to. Whoever answers knows tokens; the exchange does not. */
#ifndef ROOMLINE_CORE_ACCESS_H
#define ROOMLINE_CORE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/wheel.h"

struct ask;
struct envelope;
struct session;

enum right {
    RIGHT_SIGNAL = 1, /* send signals */
    RIGHT_INFO = 2,   /* say something about oneself */
    RIGHT_ADMIN = 4,  /* lock and close the room, kick its peers */
};

/* Of everybody, where nobody is asked. */
#define RIGHTS_DEFAULT (RIGHT_SIGNAL | RIGHT_INFO)

struct access_request {
    struct slice room;
    struct slice peer;   /* the peer ID that is asked for; SLICE_NONE: any will do */
    struct slice token;  /* SLICE_NONE: none */
    struct slice origin; /* of the page that opened the connection; SLICE_NONE: not known */
    bool renewal;        /* of one who is in and wants to stay */
};

/* Slices are only valid until the exchange has been told. */
struct grant {
    unsigned rights;     /* enum right */
    uint64_t lifetime;   /* ms from now; 0: for ever */
    uint64_t ends;       /* the same as Unix time in ms; 0: never */
    struct slice peer;   /* who it is; SLICE_NONE: whoever he wants to be */
    struct slice info;   /* JSON object whose members the client can't change; SLICE_NONE: none */
    struct slice ticket; /* enters once and never again; SLICE_NONE: as often as it is shown */
    struct slice ice_servers; /* JSON array instead of the configured one; SLICE_NONE */
    unsigned peers_max;       /* more may not be in the room once this one is; 0: as ever */
};

/* What world.authorize says where exchange_authorized() is going to tell; else 0 or a negative
 * error. */
#define AUTHORIZE_LATER 1

/* What a session was granted, as far as it outlives the answer. */
struct access {
    struct session *session;
    struct deadline expiry;
    unsigned rights;
    bool named; /* the grant said who it is */
    unsigned info_len, ice_servers_len;
    char *info;        /* NULL: none */
    char *ice_servers; /* the same */
};

unsigned access_rights(const struct session *session);

/* Gives the session what was granted; the expiry runs from now. False: no memory, and it has what
 * it had. */
bool access_give(struct session *session, const struct grant *grant);

void access_take(struct session *session);

/* ms until it expires, never 0 then; 0: it does not. */
uint64_t access_lifetime(const struct session *session);

/* JSON array that the grant gave; SLICE_NONE: it gave none. */
struct slice access_ice_servers(const struct session *session);

/* The info of a peer that says `own` of itself (SLICE_NONE: nothing), under the session's grant; it
 * is `own`, or valid until the next call. 0, ERR_TOO_LARGE, or ERR_UNAVAILABLE. */
int access_info(const struct session *session, struct slice own, struct slice *ret_info);

/* Has the directory told where the member's info lacks what the grant says. */
void access_apply_info(struct session *session);

/* The client's message `token`, and the world's answer to it. */
void access_renew(struct session *session, const struct envelope *envelope);
void access_on_renewed(struct ask *ask, int error, const struct grant *grant);

#endif
