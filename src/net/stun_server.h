/* Answers STUN binding requests on UDP sockets of a loop. Whoever asks too often is not answered:
 * the answers would be somebody else's, whose address was forged. */
#ifndef ROOMLINE_NET_STUN_SERVER_H
#define ROOMLINE_NET_STUN_SERVER_H

#include <stdint.h>
#include <uv.h>

#include "net/tally.h"

struct stun_server;

/* `rate`: requests that one address (of IPv6, one /64) may send per second in the long run, twice as
 * many at once; 0: no limit. Counts in tally->stun, which outlives it. */
struct stun_server *stun_server_new(uv_loop_t *loop, unsigned rate, struct net_tally *tally);

/* Owns fd, a bound socket, from now on, also where this fails. 0 or a libuv error. */
int stun_server_listen(struct stun_server *server, int fd);

/* Frees itself once the loop has closed all of it. NULL is let through. */
void stun_server_close(struct stun_server *server);

#endif
