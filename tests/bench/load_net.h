/*
 * The client's side of many WebSocket connections on one epoll loop.
 *
 * A connection's life: conn_open → on_open (the upgrade is done) → on_text for each message →
 * on_close. Pings are answered here. on_close comes after the pass over the events in which the
 * connection ended; it may be opened again from there. Anything the server does that it must not do
 * ends the run with a message (fail.h).
 */
#ifndef BENCH_LOAD_NET_H
#define BENCH_LOAD_NET_H

#include "bytes.h"
#include "options.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;

struct conn_events {
    void (*on_open)(struct conn *conn);
    void (*on_text)(struct conn *conn, const char *text, size_t length);
    /* `code` of the server's close frame, 1006 when there was none. */
    void (*on_close)(struct conn *conn, unsigned code);
};

enum conn_state {
    CONN_UNUSED,
    CONN_CONNECTING,
    CONN_HANDSHAKING, /* TLS */
    CONN_UPGRADING,
    CONN_OPEN,
    CONN_CLOSING, /* a close frame came; the end of the stream is to follow */
    CONN_CLOSED,
};

struct conn {
    struct net *net;
    const struct instance *instance;
    const struct conn_events *events;
    enum conn_state state;
    int fd;
    struct ssl_st *tls; /* NULL: plain */
    unsigned close_code;
    bool dirty;         /* in net->dirty */
    bool awaits_output; /* EPOLLOUT is asked for */
    bool close_sent;
    char path[64];
    struct bytes input;  /* the beginning of a frame whose rest is to come */
    struct bytes output; /* what the socket did not take yet */
    struct conn *next_dirty;
    struct conn *next_closed;
};

struct instance {
    struct sockaddr_in address;
    char authority[64]; /* host:port */
};

struct net {
    int epoll;
    struct ssl_ctx_st *tls; /* NULL: plain */
    struct instance instances[INSTANCES_MAX];
    unsigned instance_count;
    bool cork;       /* gather what one event sends into one write */
    unsigned opened; /* connections so far: picks the source address */
    uint8_t *input;
    struct conn *dirty;
    struct conn *closed;
    const char *doing; /* named when the deadline passes */
    uint64_t deadline; /* time_now() */
};

/* Nanoseconds of a clock that only goes forward. */
uint64_t time_now(void);

/* A URL is http://IPV4:PORT or https://IPV4:PORT, all alike. */
void net_init(struct net *net, const char *const *urls, unsigned count);
void net_done(struct net *net);
/* What is going on, and how long it may take before the run is given up. */
void net_expect(struct net *net, const char *doing, double seconds);
/* Waits at most `timeout` ms (-1: until something happens) and handles what is ready. */
void net_step(struct net *net, int timeout);

void conn_open(struct conn *conn, struct net *net, const struct instance *instance,
               const struct conn_events *events, const char *path);
/* Sends a whole, masked frame. */
void conn_send(struct conn *conn, const uint8_t *frame, size_t size);
/* Sends a close frame with 1000. */
void conn_close(struct conn *conn);
/* Ends the connection with a reset, as a client that vanishes; on_close follows. */
void conn_abort(struct conn *conn);

#endif
