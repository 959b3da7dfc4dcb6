/*
 * Many members in rooms: each room's members join one after the other, several rooms at a time, and
 * each even member is the partner of the next.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "member.h"

struct options;

struct crowd {
    struct net *net;
    struct member *members;
    unsigned count;
    unsigned peers;      /* per room */
    unsigned first_room; /* rooms are numbered from here */
    unsigned opened;     /* rooms */
    unsigned heard;      /* joined and peer-joined that were waited for */
};

/* Opens `pairs` pairs and returns when all are there. The members then have `events`. */
void crowd_open(struct crowd *crowd, struct net *net, const struct options *options, unsigned pairs,
                const struct member_events *events, void *owner);
/* All members vanish. */
void crowd_abort(struct crowd *crowd);

/* Makes rooms whose only member has lost its connection, so that they stay without a socket. */
void crowd_park(struct net *net, const struct options *options);

#endif
