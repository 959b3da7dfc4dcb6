/* A worker's end of the socket to the supervisor: the bus of an instance with several workers, and
 * in every instance the way by which the supervisor rules the worker. */
#ifndef ROOMLINE_BUS_HUB_LINK_H
#define ROOMLINE_BUS_HUB_LINK_H

#include <uv.h>

#include "base/histogram.h"
#include "bus/bus.h"
#include "bus/packet.h"

struct hub_link_events {
    void *context;

    /* Any packet but a frame. */
    void (*on_control)(void *context, enum packet_kind kind, struct slice payload);

    /* The supervisor is gone, or the link is of no use any more. Once; the link must still be
     * closed. */
    void (*on_lost)(void *context, const char *cause);
};

struct hub_link;

/* Takes over the socket, also where this fails. NULL: it can't be used; then ret_error is a libuv
 * error. */
struct hub_link *hub_link_open(uv_loop_t *loop, int fd, const struct hub_link_events *events,
                               int *ret_error);

/* Frees itself once the loop has closed it. NULL is let through. */
void hub_link_close(struct hub_link *link);

/* The bus on this link. Without on_frame set a frame counts as a breach. */
struct bus *hub_link_bus(struct hub_link *link);

/* Sends a packet through the hub and back, which is the way of a frame to another worker, and adds to
 * `round_trip` how long that took. Outlives the link. */
void hub_link_probe(struct bus *bus, struct histogram *round_trip);

void hub_link_control(struct hub_link *link, enum packet_kind kind);

/* The answer to what the supervisor asked by PACKET_CONTROL. One that finds too much waiting
 * already says ERR_UNAVAILABLE instead. */
void hub_link_answer(struct hub_link *link, const struct frame *answer);

#endif
