/* Connecting to a host by name or address, or to a unix socket.
 *
 *   resolve --> try the 1st address --> ... --> try the last --> on_dialed(negative)
 *                     |                            |
 *                     +----------- on_dialed(socket)
 *
 * The addresses are tried one after the other, each for its share of the time, so that one that
 * swallows everything does not use up all of it. */
#ifndef ROOMLINE_NET_DIAL_H
#define ROOMLINE_NET_DIAL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define DIAL_ADDRESSES_MAX 8 /* of one name; further ones are not tried */

struct dial_target {
    const char *host; /* a name, an IP address, or the path of a unix socket */
    bool local;       /* it is a path */
    uint16_t port;
};

struct dial;

/* A connected, non-blocking socket, the callee's from then on; or a libuv error, that of the
 * address tried last. Never called from within dial_start(); the dial is gone with it. */
typedef void dial_on_dialed(void *context, int result);

/* The target is copied. `timeout` (ms) is for the addresses together; the name's resolution takes
 * what it takes. NULL: no memory. */
struct dial *dial_start(uv_loop_t *loop, const struct dial_target *target, uint64_t timeout,
                        dial_on_dialed *on_dialed, void *context);

/* on_dialed() will not come. A resolution that is under way keeps the loop alive until it is
 * through. */
void dial_cancel(struct dial *dial);

#endif
