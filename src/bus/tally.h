/* What a worker's way to the others counts: read by app/metrics, whose table says what each means. */
#ifndef ROOMLINE_BUS_TALLY_H
#define ROOMLINE_BUS_TALLY_H

#include "base/histogram.h"

/* X(name, word): what became of packets that did not get through. */
#define PACKETS_LOST(X)                                                                            \
    X(DROPPED, "dropped") /* not in turn, too old, or came while fenced */                         \
    X(MALFORMED, "malformed")                                                                      \
    X(UNHEARD, "unheard") /* published where nobody listened */

#define X(name, word) PACKET_LOST_##name,
enum packet_lost { PACKETS_LOST(X) PACKET_LOST_COUNT };
#undef X

struct bus_tally {
    /* With Redis, summed over shards; now. */
    struct tally shards, up, listening, provisional, fenced;
    struct tally asks, unacked; /* bytes */

    /* The same, since the start. */
    struct tally reconnects, lost_leases;
    struct tally packets[2], frames[2]; /* in, out */
    struct tally refused;               /* frames */
    struct tally lost[PACKET_LOST_COUNT];

    /* From one worker through the bus to itself: measured by one clock. */
    struct histogram round_trip;

    /* From the first frame of a packet to its arrival at another worker. Measured by Redis' clock, as
     * far as the two know it: right within the time that their last beats took, and a millisecond. */
    struct histogram delivery;
};

#endif
