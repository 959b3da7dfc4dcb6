/* The supervisor's end of the sockets to its workers: holds the directory, passes frames on,
 * answers for workers that are no more. What workers send is not trusted: a malformed frame ends
 * the link to the one that sent it. */
#ifndef ROOMLINE_BUS_HUB_H
#define ROOMLINE_BUS_HUB_H

#include <uv.h>

#include "bus/bus.h"
#include "bus/packet.h"
#include "core/directory.h"

struct hub_events {
    void *context;

    /* Any packet but a frame. */
    void (*on_control)(void *context, worker_id worker, enum packet_kind kind,
                       struct slice payload);

    /* The link to a worker broke; the hub has removed it and told the others. */
    void (*on_lost)(void *context, worker_id worker, const char *cause);
};

struct hub;

/* `directory`: as for directory_new(), its send and context are ours; NULL: the one worker holds
 * the directory, and frames are a breach. */
struct hub *hub_new(uv_loop_t *loop, const struct directory_options *directory,
                    const struct hub_events *events);

/* Takes over the socket to a new worker, also where this fails. 0 or a libuv error. */
int hub_add(struct hub *hub, worker_id worker, int fd);

/* A worker is no more: closes its link, its peers are away, the others are told. An unknown one is
 * let through. */
void hub_remove(struct hub *hub, worker_id worker);

void hub_control(struct hub *hub, worker_id worker, enum packet_kind kind, struct slice payload);

/* The same with a frame for payload, which the worker passes on in its own name. */
void hub_control_frame(struct hub *hub, worker_id worker, const struct frame *frame);

/* The instance ends, and what the directory knows with it: directory_end(). */
void hub_end(struct hub *hub);

/* Drops all links; frees itself once the loop has closed them. NULL is let through. */
void hub_close(struct hub *hub);

#endif
