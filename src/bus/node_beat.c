/* The lease, and whether we may act at all.
 *
 *          every 3 s: beat  ---- commands ---->  store   renews the lease, and publishes
 *     on_beaten: the store's time, lost?  <----          what comes back to the own inbox
 *               heard  <---- inbox ----
 *
 * A beat that was answered and heard shows that the lease lasts NODE_LEASE from when it was sent
 * (by our own clock, which goes on while we are frozen), and that all which was published to us
 * before has been read. So long we are alive. Otherwise others may have taken over what we hold:
 * then nothing of the inbox is acted on and nothing goes out to other workers until a new beat has
 * come back both ways. */
#include "base/log.h"
#include "bus/node_state.h"

#define BEAT_AGAIN_AFTER 500u /* ms, while not alive */
#define LIVES_AHEAD 16u       /* others may have seen us reaped more often than we have */

bool node_is_alive(const struct node *node)
{
    return node->self.now < node->alive_until;
}

/* From the number and the ID, so that a simulation repeats itself. */
static uint64_t jitter(const struct node *node)
{
    uint64_t mixed = (node->self.id + node->last_beat) * 0x9e3779b97f4a7c15u;
    return (mixed >> 32) % (NODE_BEAT_EVERY / 5);
}

void node_beat(struct node *node)
{
    if (!node->up || node->left)
        return;
    uint64_t number = ++node->last_beat;
    node->beats[number % NODE_BEATS] =
        (struct node_beat){.number = number, .sent_at = node->self.now, .clock = node_clock(node)};
    node->beat_at = node->self.now;
    node->next_beat_at = node->self.now + NODE_BEAT_EVERY - NODE_BEAT_EVERY / 10 + jitter(node);
    node->store->beat(node->store, number);
}

static void check_fence(struct node *node)
{
    bool fenced = !node_is_alive(node);
    if (fenced == node->fenced || !node->ready)
        return;
    node->fenced = fenced;
    node->others_restore_until = node->self.now + NODE_OTHERS_RESTORE;
    log_event(LOG_WARN, fenced ? "fenced" : "unfenced", LOG_END);
}

static void check_hearing(struct node *node)
{
    uint64_t since =
        node->heard_at > node->listening_since ? node->heard_at : node->listening_since;
    bool beaten = node->beats[node->last_beat % NODE_BEATS].answered ||
                  node->beats[(node->last_beat - 1) % NODE_BEATS].answered;
    if (!node->up || !node->listening || !beaten || node->self.now < since + NODE_RESUBSCRIBE_AFTER)
        return;
    log_event(LOG_WARN, "inbox-silent", LOG_END);
    node->listening_since = node->self.now; /* not again at once */
    node->store->resubscribe(node->store);
}

void node_beat_soon(struct node *node)
{
    uint64_t at = node->beat_at + BEAT_AGAIN_AFTER;
    if (at < node->next_beat_at)
        node->next_beat_at = at;
}

void node_beat_tick(struct node *node)
{
    check_fence(node);
    if (node->restore_due || (node->listening && !node_is_alive(node)))
        node_beat_soon(node);
    if (node->up && node->self.now >= node->next_beat_at)
        node_beat(node);
    check_hearing(node);
}

/* ---- a beat comes back, in two ways */

static struct node_beat *find(struct node *node, uint64_t number)
{
    struct node_beat *beat = &node->beats[number % NODE_BEATS];
    return number != 0 && beat->number == number ? beat : NULL;
}

static void extend(struct node *node, const struct node_beat *beat)
{
    if (!beat->heard || !beat->answered || beat->sent_at + NODE_LEASE <= node->alive_until)
        return;
    node->alive_until = beat->sent_at + NODE_LEASE;
    if (node_is_alive(node) && !node->ready) {
        node->ready = true;
        log_event(LOG_INFO, "store-ready", LOG_END);
    }
    check_fence(node);
}

/* The way of a packet to another worker, but by one clock. */
static void measure(struct node *node, const struct node_beat *beat)
{
    uint64_t now = node_clock(node);
    if (now != 0 && beat->clock != 0 && !beat->heard)
        histogram_add(&node->options.tally->round_trip, &histogram_slow, now - beat->clock);
}

void node_beat_heard(struct node *node, struct slice bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.len && i < 8; i++)
        number |= (uint64_t)(unsigned char)bytes.ptr[i] << (8 * i);
    struct node_beat *beat = bytes.len == 8 ? find(node, number) : NULL;
    if (beat == NULL)
        return;
    node->heard_at = node->self.now;
    measure(node, beat);
    beat->heard = true;
    extend(node, beat);
}

static void set_clock(struct node *node, const struct node_beat *beat, uint64_t time)
{
    node->self.clock_low = (int64_t)(time - node->self.now);
    node->self.clock_high = (int64_t)(time - beat->sent_at);
    node->timed = true;
}

static void begin_life(struct node *node, uint32_t life)
{
    node->self.life = life;
    node->restore_due = true;
}

/* What was to go out was sent by sessions that others may have taken over since. */
static void on_lost(struct node *node)
{
    bool may_be_superseded = !node_is_alive(node);
    log_event(LOG_WARN, "lease-lost", LOG_END);
    node->counts.lost_leases++;
    begin_life(node, node->self.life + 1);
    if (!may_be_superseded)
        return;
    node_links_refuse_unpublished(node);
    node->restored_number = UINT64_MAX;
}

static void restore(struct node *node)
{
    node->restore_due = false;
    node->options.on_restore(node->options.context);
    if (node->restored_number != 0)
        node->restored_number = node->asks.last_number;
    if (node->restored_number <= node->asks.done_number)
        node->restored_number = 0;
}

void node_beat_answered(struct node *node, uint64_t number, uint64_t time, bool lost)
{
    struct node_beat *beat = find(node, number);
    if (lost && node->ready) /* else there was none before */
        on_lost(node);
    if (beat == NULL)
        return; /* of long ago, and no proof; only the first that was done says that the lease was lost */
    beat->answered = true;
    set_clock(node, beat, time);
    extend(node, beat);
    if (node->restore_due)
        restore(node);
}

static void reaped(struct node *node, uint32_t life)
{
    log_event(LOG_WARN, "reaped", LOG_END);
    begin_life(node, life);
    node_beat_soon(node);
}

void node_beat_reaped(struct node *node)
{
    reaped(node, node->self.life + 1);
}

void node_beat_told(struct node *node)
{
    struct link_self *self = &node->self;
    if (self->told_life > self->life && self->told_life - self->life <= LIVES_AHEAD)
        reaped(node, self->told_life);
    self->told_life = 0;
}
