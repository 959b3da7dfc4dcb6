#include "crowd.h"

#include "fail.h"
#include "options.h"

#include <stdlib.h>

enum {
    ROOMS_AT_ONCE = 32,
    PATIENCE = 120, /* seconds for all to join */
};

/* Rooms are numbered through the whole run, so that no two crowds meet. */
static unsigned next_room;

static void open_member(struct crowd *crowd, unsigned position)
{
    member_open(&crowd->members[position], crowd->net, crowd->first_room + position / crowd->peers,
                crowd->first_room + position / 2);
}

static void open_room(struct crowd *crowd)
{
    if (crowd->opened * crowd->peers < crowd->count)
        open_member(crowd, crowd->opened++ * crowd->peers);
}

static void on_joined(struct member *member)
{
    struct crowd *crowd = member->owner;
    unsigned position = (unsigned)(member - crowd->members);
    crowd->heard++;
    if ((position + 1) % crowd->peers == 0)
        open_room(crowd);
    else
        open_member(crowd, position + 1);
}

static void on_partner_joined(struct member *member)
{
    struct crowd *crowd = member->owner;
    crowd->heard++;
}

static const struct member_events opening_events = {
    .on_joined = on_joined,
    .on_partner_joined = on_partner_joined,
};

static void make_members(struct crowd *crowd, const struct options *options)
{
    crowd->members = calloc(crowd->count, sizeof(*crowd->members));
    if (!crowd->members)
        fail("no memory for %u members", crowd->count);
    for (unsigned i = 0; i < crowd->count; i++)
        crowd->members[i] = (struct member){
            .events = &opening_events,
            .dialect = options->dialect,
            .partner = &crowd->members[i ^ 1],
            .owner = crowd,
            .index = i % crowd->peers,
            .verify = options->verify,
            .kind_of = message_mix,
        };
}

void crowd_open(struct crowd *crowd, struct net *net, const struct options *options, unsigned pairs,
                const struct member_events *events, void *owner)
{
    *crowd = (struct crowd){
        .net = net, .count = 2 * pairs, .peers = options->peers, .first_room = next_room};
    if (crowd->count % crowd->peers != 0)
        fail("%u pairs do not fill rooms of %u peers", pairs, crowd->peers);
    next_room += crowd->count / 2; /* as many numbers as pairs: some dialects count those */
    make_members(crowd, options);
    net_expect(net, "joining", PATIENCE);
    for (unsigned i = 0; i < ROOMS_AT_ONCE; i++)
        open_room(crowd);
    while (crowd->heard < 3 * pairs)
        net_step(net, -1);
    for (unsigned i = 0; i < crowd->count; i++) {
        crowd->members[i].events = events;
        crowd->members[i].owner = owner;
    }
}

void crowd_abort(struct crowd *crowd)
{
    static const struct member_events silent;
    for (unsigned i = 0; i < crowd->count; i++) {
        crowd->members[i].events = &silent;
        member_abort(&crowd->members[i]);
    }
    net_step(crowd->net, 0);
    free(crowd->members);
}

/* Parking. */

struct parking {
    struct net *net;
    unsigned wanted;
    unsigned opened;
    unsigned parked;
};

static void park_next(struct parking *parking, struct member *member)
{
    if (parking->opened == parking->wanted)
        return;
    parking->opened++;
    member_open(member, parking->net, next_room, next_room);
    next_room++;
}

static void on_parker_closed(struct member *member)
{
    struct parking *parking = member->owner;
    parking->parked++;
    park_next(parking, member);
}

static const struct member_events parking_events = {
    .on_joined = member_abort,
    .on_closed = on_parker_closed,
};

void crowd_park(struct net *net, const struct options *options)
{
    struct parking parking = {.net = net, .wanted = options->parked};
    struct member *members = calloc(ROOMS_AT_ONCE, sizeof(*members));
    if (!members)
        fail("no memory for %d members", ROOMS_AT_ONCE);
    net_expect(net, "parking", PATIENCE);
    for (unsigned i = 0; i < ROOMS_AT_ONCE; i++) {
        members[i] = (struct member){
            .events = &parking_events, .dialect = options->dialect, .owner = &parking};
        park_next(&parking, &members[i]);
    }
    while (parking.parked < parking.wanted)
        net_step(net, -1);
    free(members);
}
