/* What the webhook for events counts: read by app/metrics, whose table says what each means. */
#ifndef ROOMLINE_API_TALLY_H
#define ROOMLINE_API_TALLY_H

#include "base/tally.h"

/* X(name, label) */
#define EVENT_OUTCOMES(X)                                                                          \
    X(DELIVERED, "delivered")                                                                      \
    X(DROPPED, "dropped")

#define X(name, word) EVENT_##name,
enum event_outcome { EVENT_OUTCOMES(X) EVENT_OUTCOME_COUNT };
#undef X

struct event_tally {
    struct tally outcomes[EVENT_OUTCOME_COUNT]; /* events */
    struct tally failures;                      /* requests that have to be sent again */
    struct tally waiting;                       /* events */
};

#endif
