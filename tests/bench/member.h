/*
 * A member of a room, seen from its client: joins when its connection is open, checks that the
 * signals of its partner come complete and in order, and passes on what it hears.
 */
#ifndef BENCH_MEMBER_H
#define BENCH_MEMBER_H

#include "dialect.h"
#include "load_net.h"
#include "message.h"

#include <stdbool.h>
#include <stdint.h>

struct member;

/* All may be NULL. */
struct member_events {
    void (*on_joined)(struct member *member);
    void (*on_partner_joined)(struct member *member);
    void (*on_signal)(struct member *member);
    void (*on_partner_left)(struct member *member);
    void (*on_closed)(struct member *member);
};

struct member {
    struct conn conn;
    const struct member_events *events;
    const struct dialect *dialect;
    struct member *partner;
    void *owner;
    unsigned index; /* within the room; an odd one is the second of its pair */
    bool verify;    /* compare every byte of what arrives */
    bool joined;
    bool partner_joined;
    unsigned expected_close; /* code; 0: the connection is to stay */
    uint32_t sent;           /* signals */
    uint32_t received;
    /* Which kind number `sequence` of a flow is; both sides follow it. */
    enum message_kind (*kind_of)(uint32_t sequence);
};

/* Connects and joins. The fields of identity, dialect and events are set by the caller. */
void member_open(struct member *member, struct net *net, unsigned room, unsigned pair);
/* Sends the next signal to the partner. */
void member_signal(struct member *member);
/* Leaves the room; on_closed follows. Any other end of the connection fails the run. */
void member_leave(struct member *member);
/* Vanishes without a word; on_closed follows. */
void member_abort(struct member *member);

#endif
