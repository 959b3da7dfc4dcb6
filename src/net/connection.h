/* A client's connection, and what the program does with what comes by it.
 *
 * A connection lives through TLS handshake, HTTP, WebSocket and closing. It is freed by itself once
 * it is closed: after on_lost() or connection_close() the pointer must not be used any more. */
#ifndef ROOMLINE_NET_CONNECTION_H
#define ROOMLINE_NET_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ip.h"
#include "base/message.h"
#include "base/slice.h"
#include "net/http.h"

struct connection;

/* What on_upgrade() decides. */
struct upgrade {
    void *session;            /* given to the calls below */
    struct slice subprotocol; /* static; echoed where it is not empty */
};

/* Who gets to know what comes in. The on_ functions may call connection_deliver(), _ping() and
 * _close() of any connection, themselves included; on_upgrade() only of others. */
struct connection_handler {
    void *context;

    /* May one more connection come in from this address? It is counted then, until on_gone() is
     * given the ticket. Of a connection that a proxy shares among clients the address is NULL at
     * first; once one of them has upgraded it, it is given up and asked for again with that client's.
     * Both functions NULL: everybody may. */
    bool (*on_accept)(void *context, const struct ip *address, uint64_t *ret_ticket);
    void (*on_gone)(void *context, uint64_t ticket);

    /* A request that is no upgrade to WebSocket. A handler that sets response->later answers by
     * server_answer() in another pass of the loop, and soon: nothing else ends the wait. */
    void (*on_request)(void *context, struct connection *connection,
                       const struct http_request *request, struct http_response *response);

    /* A request that could not be read: fills the answer to it. NULL: it is plain text. */
    void (*on_refused)(void *context, int status, struct http_response *response);

    /* A well-formed upgrade (RFC 6455 section 4.2.1: method, version, key were checked). 0, with
     * `upgrade` filled, or the HTTP status to refuse it with; `refusal` then may be given headers
     * and a body. */
    int (*on_upgrade)(void *context, struct connection *connection,
                      const struct http_request *request, struct upgrade *upgrade,
                      struct http_response *refusal);

    /* A whole text message, its UTF-8 not validated; valid for the call. */
    void (*on_message)(void *session, struct slice text);

    /* The pong to connection_ping(number); 0: to a ping that nobody asked for but to keep alive. */
    void (*on_pong)(void *session, uint64_t number);

    /* The connection is gone or about to be closed for this cause; CLOSE_NONE: the socket broke or
     * the client closed it, whatever it said. Exactly once for each session, but never after
     * connection_close(). */
    void (*on_lost)(void *session, enum close_code cause);
};

/* Queues a text message; what was queued in this loop pass is written at its end. Frames the
 * message and takes a reference of its own. A queue over its limit loses the connection (1013), but
 * not before this returns. */
void connection_deliver(struct connection *connection, struct message *message);

/* Sends a ping whose pong comes back by on_pong() with this number. */
void connection_ping(struct connection *connection, uint64_t number);

/* Sends what is queued, then the close frame. The session is not told any more. */
void connection_close(struct connection *connection, enum close_code code);

/* Unique within the process; names the connection in the log. */
uint64_t connection_number(const struct connection *connection);

/* The client's address as text, without port, written into `text`: the one that a trusted proxy
 * names, where there is one. */
struct slice connection_address(const struct connection *connection, char text[IP_TEXT_SIZE]);

/* Remembers the host that a request was sent to, its port left out, for as long as the connection
 * lives. False: no memory. */
bool connection_keep_host(struct connection *connection, const struct http_request *request);

/* The one that was kept; of IPv6 with its brackets. Empty: none. */
struct slice connection_host(const struct connection *connection);

#endif
