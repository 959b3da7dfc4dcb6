/* The directory of a worker that cannot reach the store: serves the rooms as the worker knows them,
 * so that calls within it go on and new ones begin. What it decides is made true by
 * node_options.on_restore() once the store is back, and by what provisional_serve() wants to be
 * asked later too; what clashes there is evicted. */
#ifndef ROOMLINE_BUS_PROVISIONAL_H
#define ROOMLINE_BUS_PROVISIONAL_H

#include "bus/node.h"

struct provisional;

struct provisional_options {
    struct directory_options directory; /* its send and context are ours */
    worker_id self;
    void (*export_room)(void *context, struct slice room, node_emit emit, void *to);
    void *context;
};

/* NULL: no memory. */
struct provisional *provisional_new(const struct provisional_options *options, uint64_t now);
void provisional_free(struct provisional *provisional); /* NULL is let through */

enum provisional_outcome {
    PROVISIONAL_SERVED, /* answered; the store need not be asked */
    PROVISIONAL_LATER,  /* answered; the store is to be asked, and its answer passed over */
    PROVISIONAL_UNABLE, /* only the store can tell; to be refused if it was not asked yet */
    PROVISIONAL_WAITS,  /* to be kept for the store, not refused */
};

/* A frame to DIRECTORY or MAILBOX; tried: the store may have done it. Answers and events for this
 * worker are appended to ret_frames. */
enum provisional_outcome provisional_serve(struct provisional *provisional,
                                           const struct frame *frame, bool tried,
                                           struct buf *ret_frames);

/* Whether what was served last has made its sender a member, or has let it stay one. */
bool provisional_let_in(const struct provisional *provisional);

/* Peers that nobody held for too long leave. */
void provisional_tick(struct provisional *provisional, uint64_t now, struct buf *ret_frames);

#endif
