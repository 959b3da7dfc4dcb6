/* A worker as one node of one shard: a bus (bus.h) over a store (store.h) that it shares with the
 * workers of all instances. Pure: no I/O of its own, no clock of its own.
 *
 *     bus.send() --- to the directory or a mailbox ---> asks, kept until the store says done
 *                \-- to a worker ---> its link, one packet per pass of the loop
 *
 * What can go wrong, and what comes of it:
 *
 *   the way to the store breaks   what was asked is asked again; links publish again
 *   it stays broken for 1 s       a provisional directory serves the rooms of this worker; frames
 *                                 for others wait until they are too old and are refused
 *   it is back                    on_restore(): the exchange says again what it holds
 *   the inbox was not heard       the links say where they stand, and on_restore()
 *   the inbox hears nothing,      the own beat does not come back: store->resubscribe()
 *   though it is subscribed
 *   the lease was over            (frozen, or cut off from the store, or the store is new) what came
 *                                 and what was to go out is not acted on until it is known again
 *                                 who we are: a beat that came back; then on_restore() */
#ifndef ROOMLINE_BUS_NODE_H
#define ROOMLINE_BUS_NODE_H

#include "bus/bus.h"
#include "bus/store.h"
#include "bus/tally.h"
#include "core/directory.h"

#define NODE_BEAT_EVERY 3000u         /* ms, give or take a tenth */
#define NODE_LEASE 10000u             /* ms, from the sending of a beat */
#define NODE_PROVISIONAL_AFTER 1000u  /* ms without the store */
#define NODE_RESUBSCRIBE_AFTER 10000u /* ms that the own beat is not heard */
#define NODE_OTHERS_RESTORE 5000u     /* ms after the store was away */

/* Takes one FRAME_RESTORE. */
typedef void (*node_emit)(void *to, const struct frame *restore);

struct node_options {
    worker_id self;                     /* random, above 15, new for each process */
    struct store *store;                /* outlives the node */
    struct directory_options directory; /* of the provisional one; its send and context are ours */
    void *context;

    /* Now, ms: the loop's, never going back. */
    uint64_t (*now)(void *context);

    /* A finer one to measure by, µs. NULL: nothing is measured. */
    uint64_t (*clock)(void *context);
    struct bus_tally *tally; /* its histograms; outlives the node. NULL: the same */

    /* Says for each member that the exchange's replica of this room has a FRAME_RESTORE, from the
     * worker that holds it (DIRECTORY: nobody does), with the room's version, and with the secret where
     * the member is held here. No such room: says nothing. Must not call back but for emit(). */
    void (*export_room)(void *context, struct slice room, node_emit emit, void *to);

    /* The directory may not know any more what this worker holds, or this worker may have missed
     * what changed: send a FRAME_RESTORE for each membership and a FRAME_READ for each room. Called
     * from the loop, never from within send() or flush(). */
    void (*on_restore)(void *context);
};

struct node;

/* Sets the events and the context of the store. */
struct node *node_new(const struct node_options *options);
void node_free(struct node *node); /* NULL is let through */

/* Set its on_frame and context. */
struct bus *node_bus(struct node *node);

/* Time passes; call every 50 ms or so. */
void node_tick(struct node *node);

/* A worker of this instance crashed. */
void node_reap(struct node *node, worker_id dead);

/* The process ends: nothing is taken or beaten any more, what came is acknowledged. Flush, and give
 * the store the time to write. Before that let some seconds pass after exchange_deposit(): whoever
 * has not heard yet where its peers went still sends here, to be passed on. */
void node_leave(struct node *node);

/* Whether the store was reached once, and the inbox heard. Never false again. */
bool node_is_ready(const struct node *node);

struct node_counts {
    bool up, listening, provisional, fenced;
    size_t asks;    /* bytes of asks that are not done */
    size_t links;   /* other workers that something is known of */
    size_t unacked; /* bytes of packets that were not acknowledged */
    uint64_t packets_in, packets_out;
    uint64_t frames_in, frames_out; /* from and to other workers */
    uint64_t refused;               /* frames that could not be delivered */
    uint64_t dropped;   /* packets that were not in turn, too old, or came while fenced */
    uint64_t malformed; /* packets */
    uint64_t unheard;   /* packets published where nobody listened */
    uint64_t lost_leases;
    uint64_t reconnects;
};

struct node_counts node_count(const struct node *node);

#endif
