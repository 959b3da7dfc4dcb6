/* The invariants over all workers, clients and the directory; those of one client are in peer.c and
 * ledger.c. */
#include <stdio.h>

#include "core/state.h"
#include "sim/swarm.h"

#define CUT_OFF_KEPT (1 * SECONDS)    /* until a worker knows again who is where */
#define TWO_LIVES_MOST (20 * SECONDS) /* a lease, and what follows it */

/* The session that a peer has on a worker with a socket; NULL: none. */
static struct session *session_of(const struct worker *worker, const char *room, const char *peer)
{
    struct room *found =
        worker->exchange == NULL ? NULL : room_find(worker->exchange, slice_of(room));
    struct member *member = found == NULL ? NULL : room_member(found, slice_of(peer));
    return member == NULL ? NULL : member->session;
}

static unsigned count_live(const struct swarm *swarm, const struct peer *peer)
{
    unsigned count = 0;
    for (int i = 0; i < SWARM_WORKERS; i++) {
        struct session *session = session_of(&swarm->workers[i], peer->room, peer->name);
        count += session != NULL && session->state == SESSION_HERE;
    }
    return count;
}

/* The addressee's client is on a worker that is cut off and could not say so yet, while the sender's holds
 * what it left there. */
static bool is_split(const struct swarm *swarm, const struct ledger_entry *entry)
{
    const struct peer *to = entry->to < SWARM_PEERS ? &swarm->peers[entry->to] : NULL;
    const struct worker *worker = to == NULL || to->socket == NULL ? NULL : to->socket->worker;
    return worker != NULL && worker->index != entry->worker &&
           swarm->cut_off_at[worker->index] + CUT_OFF_KEPT >= entry->sent_at &&
           session_of(&swarm->workers[entry->worker], to->room, to->name) != NULL;
}

/* A signal to a peer on the same worker is accepted there also while the worker is cut off, and may
 * be for a session that somebody else has by then: it is lost with that, and nobody can tell. The same
 * where it is that somebody who is cut off. */
static void mark_cut_off(struct swarm *swarm)
{
    struct ledger *ledger = &swarm->ledger;
    for (int i = 0; i < SWARM_WORKERS; i++)
        if (worker_is_cut_off(&swarm->workers[i]))
            swarm->cut_off_at[i] = swarm->world.now;
    for (size_t i = ledger->count; i > 0; i--) {
        struct ledger_entry *entry = &ledger->entries[i - 1];
        if (entry->sent_at + CUT_OFF_KEPT < swarm->world.now)
            break;
        entry->unsettled |= swarm->cut_off_at[entry->worker] + CUT_OFF_KEPT >= entry->sent_at ||
                            is_split(swarm, entry);
    }
}

void checks_look(struct swarm *swarm)
{
    uint64_t now = swarm->world.now;
    mark_cut_off(swarm);
    for (unsigned i = 0; i < SWARM_PEERS; i++) {
        if (count_live(swarm, &swarm->peers[i]) < 2 || swarm->two_lives[i] < swarm->whole_at)
            swarm->two_lives[i] = now;
        else if (now - swarm->two_lives[i] > TWO_LIVES_MOST)
            world_violate(&swarm->world, "live: %s has two sessions for too long",
                          swarm->peers[i].name);
    }
}

/* ---- rosters */

static bool find_entry(const struct frame *roster, const char *name, struct roster_entry *ret_entry)
{
    struct slice rest = roster->roster;
    bool broken;
    while (roster_next(&rest, ret_entry, &broken))
        if (slice_is(ret_entry->peer, name))
            return true;
    return false;
}

static unsigned count_entries(const struct frame *roster)
{
    struct slice rest = roster->roster;
    struct roster_entry entry;
    unsigned count = 0;
    bool broken;
    while (roster_next(&rest, &entry, &broken))
        count++;
    return count;
}

static unsigned info_number(struct slice info)
{
    unsigned number = 0;
    char text[64];
    snprintf(text, sizeof(text), "%.*s", (int)info.len, info.ptr);
    sscanf(text, "{\"n\":%u}", &number);
    return number;
}

/* What a peer sees is what the directory says. */
static void check_view(struct swarm *swarm, const struct peer *peer, const struct frame *roster)
{
    struct roster_entry entry;
    if (peer->view_count + 1 != count_entries(roster))
        world_violate(&swarm->world, "roster: %s sees %u others, the directory holds %u of %s",
                      peer->name, peer->view_count, count_entries(roster), peer->room);
    for (unsigned i = 0; i < peer->view_count; i++) {
        const struct seen *seen = &peer->view[i];
        if (!find_entry(roster, seen->name, &entry))
            world_violate(&swarm->world, "roster: %s sees %s, the directory does not", peer->name,
                          seen->name);
        else if (entry.away != seen->away || info_number(entry.info) != seen->info)
            world_violate(&swarm->world, "roster: %s sees %s %s with info %u, the directory %s %u",
                          peer->name, seen->name, seen->away ? "away" : "here", seen->info,
                          entry.away ? "away" : "here", info_number(entry.info));
    }
}

/* What a worker holds of the room is what the directory says. */
static void check_replica(struct swarm *swarm, const struct worker *worker,
                          const struct frame *roster)
{
    struct room *room = room_find(worker->exchange, roster->room);
    struct member *member, *next;
    struct roster_entry entry;
    char name[PEER_NAME_MAX + 1];
    if (room == NULL)
        return;
    if (MAP_COUNT(room->members) != count_entries(roster))
        world_violate(&swarm->world, "replica: worker %d holds %u members of %.*s, not %u",
                      worker->index, (unsigned)MAP_COUNT(room->members), (int)roster->room.len,
                      roster->room.ptr, count_entries(roster));
    MAP_EACH (room->members, member, next) {
        snprintf(name, sizeof(name), "%.*s", (int)member->name_len, member->name);
        if (!find_entry(roster, name, &entry) || entry.away != member->away ||
            entry.worker != member->worker)
            world_violate(&swarm->world, "replica: worker %d has %s on %llx, the directory on %llx",
                          worker->index, name, (unsigned long long)member->worker,
                          (unsigned long long)entry.worker);
        if (member->heir != NULL || member->fence != NULL)
            world_violate(&swarm->world, "replica: %s on worker %d waits for something", name,
                          worker->index);
    }
}

/* Whom the directory names as holder is one. */
static void check_holder(struct swarm *swarm, const struct roster_entry *entry, const char *room)
{
    char name[PEER_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%.*s", (int)entry->peer.len, entry->peer.ptr);
    if (entry->worker <= WORKER_RESERVED && entry->away)
        return;
    for (int i = 0; i < SWARM_WORKERS; i++) {
        struct session *session = session_of(&swarm->workers[i], room, name);
        if (swarm->workers[i].exchange == NULL || swarm->workers[i].id != entry->worker)
            continue;
        if (session == NULL || (session->state == SESSION_HERE) == entry->away)
            world_violate(&swarm->world, "holder: worker %d does not hold %s as the directory says",
                          i, name);
        return;
    }
    world_violate(&swarm->world, "holder: %s is held by %llx, which is nobody", name,
                  (unsigned long long)entry->worker);
}

static void check_room(struct swarm *swarm, unsigned number)
{
    const char *room = swarm_room(number);
    struct frame roster;
    struct roster_entry entry;
    bool broken;
    if (!redis_room(swarm->shard.redis, slice_of(room), &roster)) {
        world_violate(&swarm->world, "roster: the directory has no room %s", room);
        return;
    }
    struct slice rest = roster.roster;
    while (roster_next(&rest, &entry, &broken))
        check_holder(swarm, &entry, room);
    for (int i = 0; i < SWARM_WORKERS; i++)
        if (swarm->workers[i].exchange != NULL)
            check_replica(swarm, &swarm->workers[i], &roster);
    for (unsigned i = 0; i < SWARM_PEERS; i++)
        if (swarm->peers[i].room == room && swarm->peers[i].joined)
            check_view(swarm, &swarm->peers[i], &roster);
}

/* ---- peers and their signals */

static void check_peer(struct swarm *swarm, const struct peer *peer)
{
    unsigned live = count_live(swarm, peer);
    if (!peer->joined)
        world_violate(&swarm->world, "back: %s is not in its room again", peer->name);
    else if (live != 1)
        world_violate(&swarm->world, "live: %s has %u sessions", peer->name, live);
    else if (peer->server_received != peer->sent_count)
        world_violate(&swarm->world, "counts: %s sent %u, the server has %llu", peer->name,
                      peer->sent_count, (unsigned long long)peer->server_received);
}

/* Neither delivered nor reported: only with a membership that ended (which its worker may still have
 * taken for alive), where the report was lost with the sender's socket, or on a worker that was cut
 * off. */
static bool is_excused(const struct swarm *swarm, const struct ledger_entry *entry)
{
    const struct peer *from = &swarm->peers[entry->from];
    if (entry->to >= SWARM_PEERS)
        return true;
    if (swarm->temper.mild)
        return false;
    return from->life != entry->from_life || swarm->peers[entry->to].life != entry->to_life ||
           from->connection != entry->connection || entry->unsettled;
}

static void check_fates(struct swarm *swarm)
{
    for (size_t i = 0; i < swarm->ledger.count; i++) {
        const struct ledger_entry *entry = &swarm->ledger.entries[i];
        if (!entry->received && !entry->refused && !is_excused(swarm, entry) &&
            (swarm->temper.mild || swarm->temper.strict))
            world_violate(&swarm->world,
                          "fate: signal %zu of p%u to p%u, sent at %.4f, was neither delivered nor "
                          "reported",
                          i, entry->from, entry->to, (double)entry->sent_at / SECONDS);
        if (swarm->temper.mild && entry->received && entry->refused)
            world_violate(&swarm->world, "fate: signal %zu was delivered and reported as failed",
                          i);
    }
}

void checks_settled(struct swarm *swarm)
{
    for (unsigned i = 0; i < SWARM_PEERS; i++)
        check_peer(swarm, &swarm->peers[i]);
    for (unsigned i = 0; i < SWARM_ROOMS; i++)
        check_room(swarm, i);
    check_fates(swarm);
}

void checks_empty(struct swarm *swarm)
{
    struct redis *redis = swarm->shard.redis;
    if (redis_rooms(redis) != 0)
        world_violate(&swarm->world, "empty: %zu rooms are left in the directory",
                      redis_rooms(redis));
    if (redis_leases(redis) != SWARM_WORKERS)
        world_violate(&swarm->world, "empty: %zu leases for %d workers", redis_leases(redis),
                      SWARM_WORKERS);
    for (int i = 0; i < SWARM_WORKERS; i++) {
        if (swarm->workers[i].exchange == NULL) {
            world_violate(&swarm->world, "empty: worker %d is gone", i);
            continue;
        }
        struct exchange_counts counts = exchange_count(swarm->workers[i].exchange);
        if (counts.rooms != 0 || counts.sessions != 0 || counts.connections != 0)
            world_violate(&swarm->world, "empty: worker %d has %zu rooms, %zu sessions", i,
                          counts.rooms, counts.sessions);
    }
}
