#include "sim/ledger.h"

#include <stdlib.h>
#include <string.h>

void ledger_start(struct ledger *ledger, struct world *world)
{
    memset(ledger, 0, sizeof(*ledger));
    ledger->world = world;
}

void ledger_stop(struct ledger *ledger)
{
    free(ledger->entries);
}

size_t ledger_sent(struct ledger *ledger, const struct ledger_entry *entry)
{
    if (ledger->count == ledger->capacity) {
        ledger->capacity = ledger->capacity == 0 ? 1024 : ledger->capacity * 2;
        ledger->entries = realloc(ledger->entries, ledger->capacity * sizeof(*entry));
    }
    struct ledger_entry *added = &ledger->entries[ledger->count];
    *added = *entry;
    added->number = ++ledger->pairs[entry->from][entry->to].last_number;
    added->sent_at = ledger->world->now;
    return ledger->count++;
}

/* In order within a membership of both; what was sent in an older one is no part of the order. */
static void check_order(struct ledger *ledger, const struct ledger_entry *entry, unsigned life)
{
    struct ledger_pair *pair = &ledger->pairs[entry->from][entry->to];
    if (entry->from_life < pair->from_life)
        return;
    if (entry->from_life > pair->from_life || life != pair->to_life) {
        pair->from_life = entry->from_life;
        pair->to_life = life;
    } else if (entry->number <= pair->heard) {
        world_violate(ledger->world, "order: p%u got %u of p%u after %u", entry->to, entry->number,
                      entry->from, pair->heard);
    }
    pair->heard = entry->number;
}

void ledger_received(struct ledger *ledger, size_t signal, unsigned from, unsigned by,
                     unsigned life)
{
    struct ledger_entry *entry = signal < ledger->count ? &ledger->entries[signal] : NULL;
    if (entry == NULL || entry->to != by || entry->from != from) {
        world_violate(ledger->world, "isolation: p%u got signal %zu as from p%u", by, signal, from);
        return;
    }
    if (entry->received)
        world_violate(ledger->world, "once: p%u got %u of p%u twice", by, entry->number, from);
    check_order(ledger, entry, life);
    entry->received = true;
    ledger->received++;
}

void ledger_refused(struct ledger *ledger, size_t signal, unsigned sender, bool unsure)
{
    struct ledger_entry *entry = signal < ledger->count ? &ledger->entries[signal] : NULL;
    if (entry == NULL || entry->from != sender) {
        world_violate(ledger->world, "isolation: p%u was told of signal %zu", sender, signal);
        return;
    }
    entry->unsure |= unsure;
    if (++entry->refused > (entry->unsure ? 2 : 1))
        world_violate(ledger->world, "once: p%u was told %u times that %u to p%u failed", sender,
                      entry->refused, entry->number, entry->to);
    ledger->refused++;
}
