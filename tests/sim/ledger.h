/* What became of each signal that well-behaved peers sent to each other. */
#ifndef ROOMLINE_TESTS_LEDGER_H
#define ROOMLINE_TESTS_LEDGER_H

#include "sim/world.h"

#define LEDGER_PEERS 16

struct ledger_entry {
    unsigned from, to;           /* peers */
    unsigned from_life, to_life; /* memberships of both when it was sent */
    unsigned number;             /* counts within the ordered pair and the sender's life */
    unsigned connection;         /* the sender's when it was sent first */
    uint64_t sent_at;
    int worker; /* the sender's when it was sent first */
    bool received;
    unsigned refused; /* so often */
    bool unsure;      /* it was refused by what does not prove that it was not delivered */
    bool unsettled;   /* its worker may not have known yet where the addressee is */
};

/* How far one peer has heard another. */
struct ledger_pair {
    unsigned last_number; /* sent */
    unsigned from_life, to_life, heard;
};

struct ledger {
    struct world *world;
    struct ledger_entry *entries;
    size_t count, capacity;
    struct ledger_pair pairs[LEDGER_PEERS][LEDGER_PEERS];
    size_t received, refused, resolved_late;
};

void ledger_start(struct ledger *ledger, struct world *world);
void ledger_stop(struct ledger *ledger);

/* Returns the number by which the signal is told from all others. */
size_t ledger_sent(struct ledger *ledger, const struct ledger_entry *entry);

/* `by` in its membership number `life` has got it, from `from`. */
void ledger_received(struct ledger *ledger, size_t signal, unsigned from, unsigned by,
                     unsigned life);

/* The sender was told that it was not delivered. unsure: nobody knows that. Whose acknowledgement was lost
 * for too long, or who was taken for dead meanwhile, is reported for by the sender's worker, and may have
 * taken the signal and report it as well, before or after that: to keep the second report back, each worker
 * would have to remember what it reported. So of such a signal there may be two, one of them unsure. */
void ledger_refused(struct ledger *ledger, size_t signal, unsigned sender, bool unsure);

#endif
