/* What the parts of a node share: node.c (the bus, and what the store calls), node_links.c,
 * node_asks.c, node_order.c, node_beat.c. */
#ifndef ROOMLINE_BUS_NODE_STATE_H
#define ROOMLINE_BUS_NODE_STATE_H

#include <sys/queue.h>

#include "base/wheel.h"
#include "bus/link.h"
#include "bus/node.h"
#include "bus/provisional.h"

#define NODE_BEATS 8 /* the last ones that are remembered */

struct node_beat {
    uint64_t number, sent_at;
    uint64_t clock; /* µs, the same; 0: not measured */
    bool heard, answered;
};

struct node_asks {
    struct buf queue; /* entries: node_asks.c */
    size_t oldest;    /* offset of the first that is not done */
    size_t next;      /* offset of the first that is not asked on this connection */
    uint64_t last_number;
    uint64_t done_number;
    struct buf again; /* encoded frames that the store could not do */
    uint64_t again_at;
    struct buf left[2]; /* encoded frames that are done and may be lost: of late, and before */
    uint64_t left_at;
};

struct node_link;

struct node {
    struct bus bus; /* first, so that one is the other */
    struct node_options options;
    struct store *store;
    struct link_self self;
    struct wheel wheel;

    bool up, listening, ready, left;
    bool was_up, was_listening;
    uint64_t down_since, listening_since;

    struct node_link *links;       /* by worker */
    struct node_link *latest;      /* found last */
    TAILQ_HEAD(, node_link) dirty; /* may have something to publish */

    struct node_asks asks;
    struct provisional *provisional; /* NULL while the store can be asked */
    struct buf inbox;                /* encoded frames for this worker */
    struct buf kept;                 /* encoded frames that wait for others: node_order.c */
    uint64_t kept_left, kept_at; /* what had left links and asks when they were looked at, when */
    struct buf delivering;
    bool flushing;

    struct node_beat beats[NODE_BEATS]; /* by number */
    uint64_t last_beat;                 /* number */
    uint64_t beat_at, next_beat_at;     /* ms */
    uint64_t alive_until;               /* ms */
    uint64_t heard_at;                  /* ms, the own beat */
    bool timed;                         /* the store's time is known */
    bool fenced;                        /* said so in the log */
    bool restore_due;
    uint64_t others_restore_until; /* ms: till then others may not have said what they hold */
    uint64_t restored_number; /* while this ask is not done, signals are refused; 0: they are not */

    struct node_counts counts;
};

static inline void node_update_now(struct node *node)
{
    node->self.now = node->options.now(node->options.context);
}

/* µs; 0: nothing is measured. */
static inline uint64_t node_clock(const struct node *node)
{
    bool measures = node->options.clock != NULL && node->options.tally != NULL;
    return measures ? node->options.clock(node->options.context) : 0;
}

/* Not so: events may have been missed, and the rosters are still to be read again; or a provisional
 * directory numbers its own. */
static inline bool node_is_in_touch(const struct node *node)
{
    return node->provisional == NULL && !node->restore_due;
}

/* ---- node.c */

/* Puts a frame for this worker where the next flush finds it. */
void node_queue(struct node *node, const struct frame *frame);

/* Tells the sender that its frame will not be delivered. */
void node_refuse(struct node *node, const struct frame *frame);

void node_deliver(struct node *node, const struct frame *frame);

/* ---- node_links.c */

void node_links_send(struct node *node, const struct frame *frame);
void node_links_take(struct node *node, struct slice packet);
void node_links_flush(struct node *node);
void node_links_publish_again(struct node *node);
void node_links_hello(struct node *node);
/* Acknowledges all that came: nothing more is taken. */
void node_links_say_last(struct node *node);

/* Whether a signal of this peer was not acknowledged; asks for that. */
bool node_links_carry(struct node *node, struct slice room, struct slice sender);
void node_links_worker_down(struct node *node, worker_id worker);
void node_links_refuse_unpublished(struct node *node);
size_t node_links_count(const struct node *node);
void node_links_free(struct node *node);

/* ---- node_asks.c */

void node_asks_init(struct node_asks *asks);
void node_asks_done(struct node_asks *asks);
void node_asks_add(struct node *node, const struct frame *frame);
void node_asks_flush(struct node *node);
void node_asks_tick(struct node *node);

/* The connection is new: what is not done is to be asked again. */
void node_asks_rewind(struct node *node);

/* The store is away: answers for it, as far as that can be. */
void node_asks_serve(struct node *node);

void node_asks_on_frame(struct node *node, const struct frame *frame);
void node_asks_on_done(struct node *node, int error);

/* Whether a signal of this peer was not done. */
bool node_asks_carry(const struct node *node, struct slice room, struct slice sender);

/* ---- node_order.c */

void node_order_init(struct node *node);
void node_order_done(struct node *node);

/* True: the frame waits, nothing else is to be done with it. */
bool node_order_keep(struct node *node, const struct frame *frame);

/* Sends what need not wait any more. */
void node_order_release(struct node *node);

/* ---- node_beat.c */

void node_beat(struct node *node);
void node_beat_soon(struct node *node);
void node_beat_tick(struct node *node);
void node_beat_heard(struct node *node, struct slice bytes);
void node_beat_answered(struct node *node, uint64_t number, uint64_t time, bool lost);

/* Whether our lease surely lasts and the inbox is heard. */
bool node_is_alive(const struct node *node);

/* We were reaped: the directory says so, or the life that others know of us. */
void node_beat_reaped(struct node *node);
void node_beat_told(struct node *node);

#endif
