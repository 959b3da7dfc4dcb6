/* A WebSocket between a client and a worker: two pipes that break together, but are not noticed to
 * be broken at the same time. */
#ifndef ROOMLINE_TESTS_SOCKET_H
#define ROOMLINE_TESTS_SOCKET_H

#include "core/exchange.h"
#include "sim/pipe.h"

struct worker;

/* Who is at the client's end. */
struct socket_user {
    void (*on_text)(struct socket_user *user, struct slice text);
    void (*on_close)(struct socket_user *user, int code); /* 0: it broke */
};

struct sim_socket {
    struct pipe up, down;
    struct world *world;
    struct sim_socket *next;  /* in the worker's list */
    struct worker *worker;    /* NULL: it is gone */
    struct session *session;  /* NULL: not open (yet, any more) at the server's end */
    struct socket_user *user; /* NULL: the client has let go of it */
    const struct socket_user *opener;
    bool mute; /* never answers pings */
    bool broken;
    char room[16];
};

/* The worker's end comes up some time later. */
struct sim_socket *socket_open(struct worker *worker, const char *room, struct socket_user *user);
void socket_send(struct sim_socket *socket, const char *text);

/* The client is no longer interested. Nothing is called back. */
void socket_let_go(struct sim_socket *socket);

/* The network breaks it. The client knows now and lets go; the server later. */
void socket_break(struct sim_socket *socket, uint64_t noticed_after);

/* ---- the worker's end */

void socket_deliver(struct sim_socket *socket, struct slice text);
void socket_ping(struct sim_socket *socket, uint64_t number);
void socket_close(struct sim_socket *socket, int code);

/* The worker notices that it broke. */
void socket_end_session(struct sim_socket *socket);

/* The process at the worker's end is gone. */
void socket_orphan(struct sim_socket *socket);

/* The client's end is gone, or both: frees those that nobody needs. Returns the rest. */
struct sim_socket *socket_sweep(struct sim_socket *list);
void socket_free(struct sim_socket *socket);

#endif
