/* The sending half of link.h: the open packet and the ring of those not acknowledged. */
#ifndef ROOMLINE_BUS_LINK_OUT_H
#define ROOMLINE_BUS_LINK_OUT_H

#include "bus/link.h"

static inline struct link_sent *link_sent_at(const struct link_out *out, unsigned i)
{
    return &out->ring[(out->start + i) & (out->capacity - 1)];
}

/* The number of the last packet that was published; first - 1: none that is kept. */
static inline uint64_t link_last_number(const struct link_out *out)
{
    return out->first + out->numbered - 1;
}

/* The next packet with frames, as link_next(). */
struct message *link_next_data(struct link *link);

/* The other end has all up to this number. */
void link_acked(struct link *link, uint64_t number);

/* Refuses the first packet in the ring. */
void link_refuse_first(struct link *link);

/* Refuses all, the open packet included. */
void link_refuse_all(struct link *link);

/* Refuses what is too old. */
void link_expire(struct link *link);

/* Numbers what is left anew, in a new session. */
void link_begin_session(struct link *link);

#endif
