/* A worker's end of the link to one other worker, over inboxes that lose packets and now and then
 * deliver one late. Pure: what is to be published is asked for with link_next(), what came is given
 * to link_take().
 *
 * Frames sent within one pass of the loop share a packet. Packets are numbered; the receiver takes
 * them in turn, drops what it has, and on a gap asks for all from there on (go-back-N). The sender
 * keeps a packet until it is acknowledged or LINK_REPORT ms old; then each frame in it is refused,
 * so that its sender hears of it.
 *
 * A packet that was refused must not be delivered later. Hence two fences, both in the head:
 *
 *   expires   in the store's clock, which both ends know within the time a beat takes; after
 *             LINK_LIFETIME no receiver takes the packet, and LINK_REPORT is a margin later.
 *   life      a worker that had lost its lease begins a new one. What was addressed to an earlier
 *             life of a worker, or comes from one that was reaped, is not taken.
 *
 * A gap that cannot be filled, since what was in it was refused, ends the session: what is left is
 * numbered anew in the next one. */
#ifndef ROOMLINE_BUS_LINK_H
#define ROOMLINE_BUS_LINK_H

#include "base/message.h"
#include "bus/link_head.h"

#define LINK_LIFETIME 10000u /* ms; the time of a lease */
#define LINK_REPORT 12000u   /* ms */
#define LINK_ASK_AFTER 1000u /* ms of silence with something unacknowledged */
#define LINK_ACK_AFTER 1000u /* ms, or so many packets, or so many bytes */
#define LINK_ACK_PACKETS 64u
#define LINK_ACK_BYTES ((size_t)64 << 10)
#define LINK_RESEND_AFTER 200u /* ms between two times that the same is asked for */
#define LINK_FORGET_OUT 60000u /* ms without a word until the next packet begins a session */
#define LINK_FORGET_IN 180000u /* ms; longer than the other end needs to begin a session */
#define LINK_PACKET_SIZE ((size_t)64 << 10) /* bytes; a larger frame has a packet of its own */
#define LINK_PACKETS_MAX 8192u
#define LINK_BYTES_MAX ((size_t)4 << 20)  /* unacknowledged on one link */
#define LINK_TOTAL_MAX ((size_t)64 << 20) /* on all links of a worker */
#define LINK_EXCESS 4 /* times the maximum: for frames that are better late than refused */

/* What all links of a worker share. */
struct link_self {
    worker_id id;
    uint32_t life;
    uint32_t told_life;    /* the greatest that others gave us in what we took since this was 0 */
    uint32_t last_session; /* never used again, also not for another link */
    uint64_t now;          /* ms */
    int64_t clock_low, clock_high; /* the store's time is now + something between */
    size_t bytes;                  /* unacknowledged, on all links */
    uint64_t left;                 /* packets that were acknowledged or refused */

    /* A frame that will not be delivered. Must not call back. */
    void (*refuse)(void *context, const struct frame *frame);
    void *context;
};

struct link_sent {
    struct message *packet;
    uint64_t since;   /* ms, when its first frame was sent */
    uint64_t expires; /* in the store's time; 0: not published yet, its head not written */
};

struct link_out {
    uint32_t session; /* 0: the next packet begins one */
    struct message *open;
    uint64_t open_since;
    struct link_sent *ring;
    unsigned capacity, start, count;
    unsigned numbered;     /* of them: have been published, in front */
    unsigned published;    /* of them: need no publishing at present, in front */
    uint64_t first;        /* number of the first in the ring */
    uint64_t acked;        /* all up to this one */
    uint64_t acked_at;     /* ms, when that was heard first */
    uint64_t lost_expires; /* of the last one that was refused after it had a number */
    uint64_t spoke_at;     /* ms, when anything was published */
    uint64_t resent_at;
    uint64_t asked_at; /* by link_ask() */
    size_t bytes;
};

struct link_in {
    uint32_t life;       /* the other's; 0: not known */
    uint32_t least_life; /* the other's that counts */
    uint32_t session;
    uint64_t expected;
    uint64_t heard_at;  /* ms */
    uint64_t ack_at;    /* ms, when to acknowledge; 0: nothing to */
    uint64_t missed_at; /* ms, when to ask for what is missing; 0: nothing is */
    uint64_t asked_at;  /* ms, when that was done last */
    unsigned unacked_packets;
    size_t unacked_bytes;
};

struct link {
    struct link_self *self;
    worker_id other;
    struct link_out out;
    struct link_in in;
    unsigned state; /* LINK_RESEND, LINK_ASK for the next state; LINK_TELL: one is due */
};

void link_init(struct link *link, struct link_self *self, worker_id other);

/* Refuses nothing. */
void link_done(struct link *link);

/* Whether a frame that can be refused should be, since too much waits already. */
bool link_is_full(const struct link *link);

/* Encodes the frame into the open packet. False: no memory, or by far too much waits. */
bool link_add(struct link *link, const struct frame *frame);

/* The next packet to be published, with a reference for the caller; NULL: no more at present. */
struct message *link_next(struct link *link);

/* A packet from the other end. True: it is its turn, its frames are to be acted on. */
bool link_take(struct link *link, const struct link_head *head, size_t bytes);

/* Whether a signal of this peer is among what was not acknowledged. */
bool link_carries(const struct link *link, struct slice room, struct slice sender);

/* Wants to hear soon what the other end has; not more often than LINK_RESEND_AFTER. */
void link_ask(struct link *link);

/* The way to the store broke: what is not acknowledged is published again. */
void link_publish_again(struct link *link);

/* We listen again, after we did not for a while: asks for what was missed. */
void link_hello(struct link *link);

/* We take nothing more: acknowledges what came, lest it be refused when we are found to be gone. */
void link_say_last(struct link *link);

/* The other end was reaped. */
void link_other_down(struct link *link);

/* Refuses what has not been published: it was sent while we had lost our lease and did not know. */
void link_refuse_unpublished(struct link *link);

/* Does what is due. Returns when it wants to be called next, ms. */
uint64_t link_tick(struct link *link);

/* Whether nothing at all is known or kept that matters. */
bool link_is_idle(const struct link *link);

#endif
