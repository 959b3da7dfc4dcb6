/* A client that does as it likes: opens many sockets, guesses secrets, talks nonsense. What it gets
 * must still be its own. */
#ifndef ROOMLINE_TESTS_WILD_H
#define ROOMLINE_TESTS_WILD_H

#include "sim/socket.h"

#define WILD_SOCKETS 3

struct swarm;
struct wild;

struct wild_socket {
    struct socket_user user; /* first, so that one is the other */
    struct wild *wild;
    struct sim_socket *socket; /* NULL: none */
    bool joined;
    bool impostor; /* asked for another's membership */
};

struct wild {
    struct swarm *swarm;
    unsigned index;
    char name[16];
    const char *room;
    struct wild_socket sockets[WILD_SOCKETS];
    char session[200]; /* the last it was given */
    bool gone;
    struct source act;
};

void wild_start(struct wild *wild, struct swarm *swarm, unsigned index);

/* Lets go of all sockets and stays away. */
void wild_depart(struct wild *wild);

#endif
