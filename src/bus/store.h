/* What a node (node.h) asks of the shared store of its shard: Redis (redis_store.h), or a simulated
 * one in tests/sim. One struct of functions down, one up.
 *
 * The store keeps the directory and the mailboxes, and has one inbox for each worker, whose channel
 * delivers at most once and may lose, but neither changes nor reorders what one publisher sends on
 * one connection. It owns two connections, each of which may be up while the other is down: one for
 * commands, one that listens to the worker's own inbox.
 *
 * Nothing is re-entrant: a call below never calls back before it returns, and what is called back
 * may make any of these calls. */
#ifndef ROOMLINE_BUS_STORE_H
#define ROOMLINE_BUS_STORE_H

#include <stdbool.h>

#include "base/message.h"
#include "core/frame.h"

/* The first byte of all that comes to an inbox, of what it is followed by. */
enum store_inbox {
    STORE_EVENTS = 'E', /* encoded frames of the directory, one after the other */
    STORE_LINK = 'L',   /* a packet of another worker: link.h */
    STORE_BEAT = 'B',   /* u64 little endian: the number of the worker's own beat() */
};

struct store {
    /* Queues a frame for DIRECTORY or MAILBOX; its slices are only needed for the call. Each ask
     * gets one on_done(), in the order of the asks, unless the connection breaks before: then the
     * same is asked again, with the same number, and what was done the first time is not done
     * twice. Numbers grow from ask to ask, 1 the first. */
    void (*ask)(struct store *store, uint64_t number, const struct frame *frame);

    /* Queues a packet for the inbox of `to`. Its text is all that is published, STORE_LINK in front
     * included. The store may keep a reference; nobody changes the message from now on. */
    void (*publish)(struct store *store, worker_id to, struct message *packet);

    /* Renews the lease, sends STORE_BEAT with this number to the own inbox, reaps a bounded part of
     * what others left. Answered by on_beaten(). */
    void (*beat)(struct store *store, uint64_t number);

    /* This worker is known to be dead: as if its lease had ended. */
    void (*reap)(struct store *store, worker_id dead);

    /* The end of the process: lease and keys of this worker go. */
    void (*leave)(struct store *store);

    /* The subscription is up and hears nothing: makes it anew. on_deaf(), then on_listening(). */
    void (*resubscribe)(struct store *store);

    /* Writes what was queued. What is queued while the command connection is down is dropped. */
    void (*flush)(struct store *store);

    /* Set by the node. */
    const struct store_events *events;
    void *context;
};

/* Called from the loop, never from within the calls above. */
struct store_events {
    /* Commands can be sent. What was asked before and got no on_done() is to be asked again. */
    void (*on_up)(void *context);

    /* Commands cannot be sent any more; those under way get no answer. */
    void (*on_down)(void *context, const char *cause);

    /* The inbox is subscribed, or again: what was published meanwhile is lost. */
    void (*on_listening)(void *context);
    void (*on_deaf)(void *context);

    /* What came to the inbox, enum store_inbox in front; valid for the call. */
    void (*on_inbox)(void *context, struct slice bytes);

    /* An answer to the oldest ask that is not done, valid for the call; before its on_done(). */
    void (*on_frame)(void *context, const struct frame *frame);

    /* A FRAME_HAPPENED of what a beat, or the store by itself, swept for this worker. */
    void (*on_happened)(void *context, const struct frame *frame);

    /* The oldest ask is done. error: 0, or ERR_UNAVAILABLE: the store could not do it (it is full,
     * or the script failed), nothing has changed and there was no on_frame(). */
    void (*on_done)(void *context, int error);

    /* The answer to a beat. time: the store's own clock, ms, when it did it. lost: the lease was
     * over, this worker may have been reaped, or the store has restarted empty; now there is a
     * lease again. Not called where the beat failed. */
    void (*on_beaten)(void *context, uint64_t number, uint64_t time, bool lost);

    /* The answer to a publish, to some of them, in order. receivers: 0 where nobody listens to that
     * inbox now. */
    void (*on_published)(void *context, worker_id to, unsigned receivers);
};

#endif
