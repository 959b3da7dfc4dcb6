/* The head of a packet from worker to worker, little endian, after STORE_LINK:
 *
 *     u8 flags | u64 source | u32 life | u32 to_life | u32 session | u64 number |
 *     u32 ack_session | u64 ack | u64 expires | encoded frames
 */
#ifndef ROOMLINE_BUS_LINK_HEAD_H
#define ROOMLINE_BUS_LINK_HEAD_H

#include "core/frame.h"

#define LINK_HEAD_SIZE 50

enum link_flag {
    LINK_DATA = 1,   /* carries frames and has a number of its own; without: a state */
    LINK_RESEND = 2, /* a state: what comes after `ack` is not here, send it again */
    LINK_ASK = 4,    /* a state: answer with yours */
    LINK_FLAGS = 7,
};

struct link_head {
    unsigned flags;
    worker_id source;
    uint32_t life;    /* one more each time the source was found without its lease; 1 the first */
    uint32_t to_life; /* of data: the addressee's life that is known, 0: none, or the least that
                         counts; of a state: the least that counts, 0: any */
    uint32_t session; /* of the numbers below; a later one is greater; 0 in a state: none */
    uint64_t number;  /* of data: 1 the first. Of a state: the last one that was sent */
    uint32_t ack_session;
    uint64_t ack;     /* all up to this one came, of the addressee's ack_session */
    uint64_t expires; /* in the store's time, ms: not to be taken later */
};

void link_head_write(const struct link_head *head, char *ret_bytes);

/* Takes the head off a packet. False where it is none. */
bool link_head_read(struct slice *packet, struct link_head *ret_head);

#endif
