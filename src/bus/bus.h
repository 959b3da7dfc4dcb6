/* What carries frames between a worker and the directory, and between workers.
 *
 * Two homes, one face: local.h, where the directory lives in the worker's own process, and
 * hub_link.h, a socket to the supervisor, whose hub.h holds the directory and passes frames on. The
 * exchange cannot tell.
 *
 * Nothing is re-entrant: send() only queues. flush() delivers or writes; the owner calls it at the
 * end of each step of its loop.
 *
 * No queue without a maximum. Over BUS_WAITING_MAX what can be answered with `unavailable` is, at
 * once, so that senders hear of it; the rest, which keeps rooms true, is queued up to
 * BUS_QUEUE_MAX. A queue that passes that belongs to somebody who does not read: that worker is
 * ended. */
#ifndef ROOMLINE_BUS_BUS_H
#define ROOMLINE_BUS_BUS_H

#include <stdbool.h>

#include "core/frame.h"

#define BUS_WAITING_MAX ((size_t)16 << 20) /* bytes */
#define BUS_QUEUE_MAX ((size_t)256 << 20)  /* bytes */

struct bus {
    /* Queues a frame; its slices are only needed for the call. */
    void (*send)(struct bus *bus, const struct frame *frame);

    void (*flush)(struct bus *bus);

    /* A frame for this worker, valid for the call. Called from flush() or from the loop, never from
     * send(). */
    void (*on_frame)(void *context, const struct frame *frame);
    void *context;
};

/* Makes the answer that the sender of a frame gets when it reaches nobody. The answer borrows the
 * frame's slices. False for a frame that nobody waits for: it is dropped. */
bool bus_refuse(const struct frame *frame, struct frame *ret_answer);

/* The same where too much waits already. False also for a frame that is better late than refused:
 * it is to be queued. */
bool bus_refuse_waiting(const struct frame *frame, struct frame *ret_answer);

#endif
