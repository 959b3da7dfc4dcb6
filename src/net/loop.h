/* What all listeners and connections of one server share. */
#ifndef ROOMLINE_NET_LOOP_H
#define ROOMLINE_NET_LOOP_H

#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "base/wheel.h"
#include "net/connection.h"
#include "net/http_parser.h"
#include "net/server.h"
#include "net/stream.h"
#include "net/tally.h"
#include "net/tls.h"
#include "net/ws.h"

LIST_HEAD(connection_list, connection);
LIST_HEAD(http_talk_list, http_talk);

struct net_loop {
    struct stream_loop io; /* first: its streams come with its address */
    struct server_options options;
    struct http_limits http_limits;
    struct ws_limits ws_limits;
    struct connection_handler handler;
    struct wheel wheel;
    struct connection_list connections;
    struct http_talk_list owed; /* whose answer comes later */
    struct tls_context *tls;    /* NULL before server_tls() */
    struct tls_ticket_keys ticket_keys;
    struct ws_pool readers;
    struct server_counts counts;
    struct net_tally *tally, own_tally;
    uint64_t last_number; /* of a connection */
    bool ending;
    char date[30]; /* RFC 9110 section 5.6.7; at most a second old */
};

static inline void net_hit(struct net_loop *loop, enum net_limit limit)
{
    tally_add(&loop->tally->limits[limit], 1);
}

/* connection.c's side of it. */

/* Takes over a socket that was accepted from this address. False: no memory, it is still the caller's. */
bool connection_accepted(struct net_loop *loop, int fd, const struct sockaddr *address,
                         bool secure);

/* Ends whatever it is doing: WebSocket by this code, HTTP after the answer that is under way. */
void connection_end(struct connection *connection, enum close_code code);

/* See server_answer(). */
bool connection_answer(struct net_loop *loop, uint64_t number, struct http_response *response);

/* The next in the list of the loop's connections, or NULL. Nothing above frees a connection before
 * the loop goes on. */
struct connection *connection_next(const struct connection *connection);

/* Closes it now. */
void connection_cut(struct connection *connection);

#endif
