/* Which ICE servers a client is told of: our own STUN, those that are the same for everybody, TURN
 * with credentials of its own. */
#ifndef ROOMLINE_API_ICE_H
#define ROOMLINE_API_ICE_H

#include <stdint.h>

#include "api/turn.h"
#include "core/exchange.h"

struct ice_rules {
    struct slice fixed; /* JSON array, borrowed */
    const char *stun;   /* URL of our STUN responder; NULL: it is made of the two below */
    uint16_t stun_port; /* 0: there is none */
    struct turn_rules turn;
};

/* Appends a JSON array. `host`: the name or address, without port, by which this client knows us;
 * empty: not known, and then our STUN is only named where the rules have its URL. `now` in Unix
 * seconds. */
struct ice_validity ice_rules_write(const struct ice_rules *rules, struct slice host,
                                    struct slice peer, uint64_t now, struct buf *out);

#endif
