/* What a connection is, for the files that its life is written in: connection.c has the states and
 * all that leads from one to another, connection_http.c and connection_ws.c what is done in the two
 * long ones. */
#ifndef ROOMLINE_NET_CONNECTION_STATE_H
#define ROOMLINE_NET_CONNECTION_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "net/connection.h"
#include "net/loop.h"

enum state {
    STATE_NEW,
    STATE_PROXY,     /* waits for the load balancer to say whom it brings */
    STATE_TLS,       /* shaking hands */
    STATE_HTTP,      /* waits for, reads or answers requests */
    STATE_WEBSOCKET, /* messages each way */
    STATE_CLOSING,   /* our close frame is sent, theirs awaited */
    STATE_ENDING,    /* sends what is left, hears nothing, waits for the client to end as well */
    STATE_CLOSED,    /* waits for the end of the pass */
    STATE_COUNT,
};

struct http_talk;

struct connection {
    struct stream stream; /* first: stream events come with its address */
    enum state state;
    bool admitted;
    bool secure;   /* TLS is spoken, or is to be */
    bool shared;   /* by a proxy's clients: each request says whose it is */
    void *session; /* NULL before the upgrade, and once the handler knows or knew of the end */
    struct http_talk *talk; /* NULL where no request is under way */
    struct message *pong;   /* the last of those that wait for earlier output */
    uint64_t last_seen;     /* ms; when bytes came in */
    struct ws ws;
    struct ip address;          /* the client's, as far as it is known */
    struct proxy_reader *proxy; /* while STATE_PROXY */
    char *host;                 /* that the client knows us by; NULL: was not kept */
    uint64_t number;
    uint64_t pinged;          /* ms; when its silence was last asked about */
    uint64_t began;           /* ns: the handshake, then the request */
    size_t waiting;           /* bytes of output at the last look: has the client read any since? */
    struct deadline deadline; /* what for depends on the state */
    uint64_t ticket;          /* of on_accept(), where it was admitted */
    LIST_ENTRY(connection) link;
};

static inline struct connection *connection_of(struct stream *stream)
{
    return (struct connection *)stream;
}

static inline struct net_loop *connection_loop(const struct connection *connection)
{
    return (struct net_loop *)connection->stream.loop;
}

/* connection.c: */

/* A request, or an upgrade, of this client came by a connection that clients share. */
void connection_is_for(struct connection *connection, const struct http_request *request);

/* From now on it is one client's, who has to be let in. */
bool connection_readmit(struct connection *connection);

/* Since `began`, µs. */
uint64_t connection_took(const struct connection *connection);

/* Arms the one deadline; a timeout of 0 is none. */
void connection_expect(struct connection *connection, uint64_t timeout);

/* Whether the client has read any of our output since the last time this was asked. */
bool connection_still_reading(struct connection *connection);

/* An upgrade was accepted. */
void connection_upgraded(struct connection *connection, void *session);

/* Everything that goes wrong comes here. CLOSE_NONE: the socket is of no more use. */
void connection_lost(struct connection *connection, enum close_code cause);

/* Sends what is left, tells the client that it was all, and waits for it to end as well: closing at
 * once would reset the connection where bytes are unread, and the reset may overtake what was sent
 * (RFC 9112 section 9.6). */
void connection_end_politely(struct connection *connection);

/* A close frame came. */
void connection_close_frame(struct connection *connection, struct slice payload);

/* connection_http.c: */

/* Reads requests and answers them. What follows an upgrade is read as WebSocket. */
void http_input(struct connection *connection, struct slice bytes);

/* No request is under way; waits for the next. */
void http_wait(struct connection *connection);

/* All answers are sent. */
void http_drained(struct connection *connection);

/* Whether the answer to a request comes later; it is then also the last where http_last() says so. */
bool http_owes(const struct connection *connection);
void http_last(struct connection *connection);

void http_overdue(struct connection *connection);
void http_done(struct connection *connection);

/* connection_ws.c: */

void websocket_input(struct connection *connection, struct slice bytes);
void websocket_drained(struct connection *connection);

/* No sign of life for a while, perhaps. */
void websocket_overdue(struct connection *connection);

/* Code 0: a close frame without code. Not held back by the limit for output. */
void websocket_send_close(struct connection *connection, unsigned code, const char *reason);

void websocket_done(struct connection *connection);

#endif
