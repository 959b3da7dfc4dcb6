/* The directory: the truth of who is in which room, and the mailboxes. The same code serves one
 * worker (in its process) and many (in the supervisor); the scripts of bus/lua do the same in
 * Redis. Pure: frames go in, frames come out.
 *
 * A request that was done already and is sent again is answered as the first time: who asks may not
 * know whether it came through. */
#ifndef ROOMLINE_CORE_DIRECTORY_H
#define ROOMLINE_CORE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/frame.h"

struct directory;

struct directory_options {
    size_t rooms;                     /* limit, 0: none */
    size_t peers_per_room;            /* limit, 0: none */
    uint64_t resume_window;           /* ms that peers stay whose holder crashed or was drained */
    uint64_t unix_offset;             /* ms: what makes Unix time of `now` */
    bool made_rooms_only;             /* a join makes no room: administrators do */
    bool no_tickets;                  /* it cannot know which were used: lets nobody in by one */
    bool tells;                       /* of rooms and peers that come and go: FRAME_HAPPENED */
    size_t hold_messages, hold_bytes; /* of each mailbox; 0: no limit */

    /* Where replies and events go, each with its address in `to`. Valid for the call only; must not
     * call back. */
    void (*send)(void *context, const struct frame *frame);
    void *context;
};

struct directory *directory_new(const struct directory_options *options, uint64_t now);
void directory_free(struct directory *directory);

/* A frame from a worker (frame->from says which) to DIRECTORY or MAILBOX. A FRAME_RESTORE from
 * DIRECTORY makes a member that nobody holds. */
void directory_on_frame(struct directory *directory, const struct frame *frame);

/* A worker is no more: its peers are away without a holder, and leave after the resume window.
 * Every worker that shares a room with them is told. `workers`: all that live, to be told
 * FRAME_WORKER_DOWN. */
void directory_worker_down(struct directory *directory, worker_id worker, const worker_id *workers,
                           size_t count);

void directory_tick(struct directory *directory, uint64_t now);

/* Its process ends, and all rooms with it: tells so as if an administrator had closed them, and
 * nothing from then on. */
void directory_end(struct directory *directory);

size_t directory_rooms(const struct directory *directory);

#endif
