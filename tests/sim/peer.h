/* A client that behaves as docs/protocol.md asks: counts, acknowledges, resumes elsewhere, sends
 * again what the server has not received. */
#ifndef ROOMLINE_TESTS_PEER_H
#define ROOMLINE_TESTS_PEER_H

#include "sim/socket.h"

#define PEER_VIEW 16 /* others in a room that it can see */

struct swarm;

/* One of the others, as the peer knows. */
struct seen {
    char name[16];
    unsigned info;
    bool away;
};

struct peer {
    struct socket_user user; /* first, so that one is the other */
    struct swarm *swarm;
    unsigned index;
    char name[16];
    const char *room;
    struct sim_socket *socket; /* NULL: none */
    bool joined;               /* by this socket */
    bool leaving, gone;        /* gone: does not come back */
    bool heard;                /* and knows that it was, in this membership */
    char session[200];         /* empty: none */
    unsigned life;             /* counts memberships */
    uint64_t life_since;       /* µs */
    unsigned connection;       /* counts sockets */
    uint64_t received;         /* signals, in this membership */
    struct seen view[PEER_VIEW];
    unsigned view_count;
    size_t *sent; /* numbers in the ledger, of this membership */
    unsigned sent_count, sent_capacity;
    uint64_t server_received;          /* of them, as the server said last */
    struct source act, dial, patience; /* dial: to connect; patience: with a join or a pong */
    unsigned attempts;
};

void peer_start(struct peer *peer, struct swarm *swarm, unsigned index);
void peer_stop(struct peer *peer);

/* The socket breaks; the peer comes back soon, or after `away`. */
void peer_break(struct peer *peer, uint64_t away);

/* Resumes by a new socket though the old one works. */
void peer_move(struct peer *peer);

/* Sends leave, or vanishes, and stays away. */
void peer_depart(struct peer *peer, bool politely);

/* Asks the server how much it has received. */
void peer_ping(struct peer *peer);

#endif
