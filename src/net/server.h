/* Everything of one loop that serves clients: listeners, connections and what they share.
 *
 * server_new() - server_tls() - server_listen() ... server_stop_accepting() - server_end() -
 * server_free()
 */
#ifndef ROOMLINE_NET_SERVER_H
#define ROOMLINE_NET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "net/connection.h"
#include "net/proxy.h"
#include "net/tls.h"

/* Limits: 0 is none. Times in ms, sizes in bytes. */
struct server_options {
    int backlog; /* of listening sockets; listen() is called again on what is inherited */
    uint64_t tls_handshake_timeout;
    uint64_t headers_timeout; /* from a request's first byte to its last */
    uint64_t http_idle_timeout;
    uint64_t close_timeout; /* from our close frame to the end of the connection */

    size_t header_size; /* of a request: request line and headers */
    size_t body_size;

    uint64_t ping_interval;
    size_t message_size;
    size_t fragments; /* of a message */
    size_t control_frames_per_second;
    size_t output_queue; /* bytes that wait for one client */

    struct proxy_rules proxy; /* its networks outlive the server */

    struct net_tally *tally; /* where it counts; outlives it. NULL: nobody reads it */
};

struct server;

/* `loop`, and what `handler` points to, outlive the server; options are copied. NULL: no memory. */
struct server *server_new(uv_loop_t *loop, const struct server_options *options,
                          const struct connection_handler *handler);

/* Sets the certificates for connections from now on; those that are there keep theirs. 0, or a
 * negative number with ret_error filled and nothing changed. Ticket keys, once set, stay. */
int server_tls(struct server *server, const struct tls_options *options,
               char ret_error[TLS_ERROR_SIZE]);

void server_ticket_keys(struct server *server, const struct tls_ticket_keys *keys);

/* Accepts from an inherited, listening, non-blocking socket, which it owns from now on, also where
 * this fails. 0 or a libuv error. */
int server_listen(struct server *server, int fd, bool secure);

/* The answer to a request of that connection whose handler said `later`. Takes over the response,
 * which began as http_response_init(). False: the connection is gone, and the answer with it. Not
 * from within the on_ functions of a handler. */
bool server_answer(struct server *server, uint64_t connection, struct http_response *response);

/* Closes the listeners. What is connected stays. */
void server_stop_accepting(struct server *server);

/* Stops accepting; closes every WebSocket with this code and every HTTP connection after its
 * answer. What is still there after `deadline` ms is cut off. on_ended is called once everything is
 * closed; then server_free() may be. */
void server_end(struct server *server, enum close_code code, uint64_t deadline,
                void (*on_ended)(void *context), void *context);

void server_free(struct server *server);

struct server_counts {
    size_t connections;
    size_t websockets;
    uint64_t accepted, refused; /* since the start */
    uint64_t bytes_in, bytes_out;
    uint64_t messages_in, messages_out;
};

struct server_counts server_count(const struct server *server);

#endif
