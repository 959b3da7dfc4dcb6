#include "bus/node.h"

#include "base/log.h"
#include "base/mem.h"
#include "bus/node_state.h"

static struct node *node_of(struct bus *bus)
{
    return (struct node *)bus;
}

/* ---- for this worker */

void node_queue(struct node *node, const struct frame *frame)
{
    frame_encode(frame, &node->inbox);
    if (!buf_failed(&node->inbox))
        return;
    node->inbox.failed = false; /* what is in it stays */
    log_event(LOG_ERROR, "frame-dropped", LOG_STR("frame", frame_name(frame->kind)), LOG_END);
}

void node_refuse(struct node *node, const struct frame *frame)
{
    struct frame answer;
    node->counts.refused++;
    if (bus_refuse(frame, &answer))
        node_queue(node, &answer);
    else
        log_event(LOG_DEBUG, "frame-dropped", LOG_STR("frame", frame_name(frame->kind)), LOG_END);
}

void node_deliver(struct node *node, const struct frame *frame)
{
    node->bus.on_frame(node->bus.context, frame);
}

/* What was refused on its way from a former holder, or from a mailbox, is answered to another worker. */
static void deliver_or_pass_on(struct node *node, struct frame *frame)
{
    if (frame->kind >= FRAME_JOINED && frame->kind <= FRAME_SETTINGS)
        frame->flags = COUNTED_APART; /* of itself a worker says none */
    if (frame->to == node->self.id || frame->to <= WORKER_RESERVED)
        node_deliver(node, frame);
    else
        node_links_send(node, frame);
}

/* But for what comes into it meanwhile. */
static void deliver_inbox(struct node *node)
{
    struct buf spare = node->delivering;
    node->delivering = node->inbox;
    node->inbox = spare;
    struct slice bytes = buf_slice(&node->delivering);
    struct frame frame;
    while (frame_next(&bytes, &frame))
        deliver_or_pass_on(node, &frame);
    buf_clear(&node->delivering);
    if (node->delivering.capacity > LINK_PACKET_SIZE)
        buf_done(&node->delivering);
}

/* ---- the bus */

static void send_here(struct node *node, const struct frame *frame)
{
    struct frame answer;
    if (node->inbox.len > BUS_WAITING_MAX && bus_refuse_waiting(frame, &answer))
        node_queue(node, &answer);
    else
        node_queue(node, frame);
}

static void node_send(struct bus *bus, const struct frame *frame)
{
    struct node *node = node_of(bus);
    if (node_order_keep(node, frame))
        return;
    if (frame->to == DIRECTORY || frame->to == MAILBOX)
        node_asks_add(node, frame);
    else if (frame->to == node->self.id)
        send_here(node, frame);
    else
        node_links_send(node, frame);
}

/* Signals first: an event that an ask leads to must not overtake what was sent before it. */
static void node_flush(struct bus *bus)
{
    struct node *node = node_of(bus);
    if (node->flushing)
        return;
    node->flushing = true;
    node_update_now(node);
    do {
        while (node->inbox.len > 0)
            deliver_inbox(node);
        node_order_release(node);
        node_links_flush(node);
        node_asks_flush(node);
    } while (node->inbox.len > 0);
    node->store->flush(node->store);
    node->flushing = false;
}

/* ---- the store's events */

static void on_up(void *context)
{
    struct node *node = context;
    node_update_now(node);
    log_event(LOG_INFO, "store-up", LOG_END);
    node->up = true;
    node->timed = false; /* it may be another one, with another clock */
    if (node->was_up || node->provisional != NULL) {
        node->restore_due = true;
        node->others_restore_until = node->self.now + NODE_OTHERS_RESTORE;
    }
    node->counts.reconnects += node->was_up;
    node->was_up = true;
    provisional_free(node->provisional);
    node->provisional = NULL;
    node_asks_rewind(node);
    node_links_publish_again(node);
    node_beat(node);
}

static void on_down(void *context, const char *cause)
{
    struct node *node = context;
    node_update_now(node);
    log_event(LOG_WARN, "store-down", LOG_STR("cause", cause), LOG_END);
    node->up = false;
    node->down_since = node->self.now;
}

static void on_listening(void *context)
{
    struct node *node = context;
    node_update_now(node);
    node->listening = true;
    node->listening_since = node->self.now;
    if (node->was_listening)
        node->restore_due = true;
    node->was_listening = true;
    node_links_hello(node);
    node_beat(node);
}

static void on_deaf(void *context)
{
    struct node *node = context;
    log_event(LOG_WARN, "inbox-deaf", LOG_END);
    node->listening = false;
}

/* What the directory tells of itself, and what waited in a mailbox that nobody claimed. */
static bool is_event(enum frame_kind kind)
{
    return (kind >= FRAME_ROOM && kind <= FRAME_EVICTED) || kind == FRAME_SIGNAL ||
           kind == FRAME_UNDELIVERED || kind == FRAME_FENCE;
}

static void take_events(struct node *node, struct slice bytes)
{
    struct frame frame;
    while (frame_next(&bytes, &frame)) {
        if (!is_event(frame.kind))
            continue;
        if (frame.kind == FRAME_WORKER_DOWN && frame.worker == node->self.id) {
            node_beat_reaped(node);
            continue;
        }
        if (frame.kind == FRAME_WORKER_DOWN)
            node_links_worker_down(node, frame.worker);
        frame.flags = node_is_in_touch(node) ? 0 : ASTRAY;
        node_deliver(node, &frame);
    }
    if (bytes.len == 0)
        return;
    node->counts.malformed++;
    log_event(LOG_WARN, "events-malformed", LOG_UINT("bytes", bytes.len), LOG_END);
}

static void on_inbox(void *context, struct slice bytes)
{
    struct node *node = context;
    node_update_now(node);
    struct slice rest = {bytes.ptr + 1, bytes.len - 1};
    if (bytes.len == 0) {
        node->counts.malformed++;
    } else if (bytes.ptr[0] == STORE_BEAT) {
        node_beat_heard(node, rest);
    } else if (node->left || !node_is_alive(node)) {
        node->counts.dropped++; /* links ask again, on_restore() heals the rest */
        node->restore_due |= bytes.ptr[0] == STORE_EVENTS;
    } else if (bytes.ptr[0] == STORE_EVENTS) {
        take_events(node, rest);
    } else {
        node_links_take(node, bytes);
    }
}

static void on_frame(void *context, const struct frame *frame)
{
    struct node *node = context;
    node_update_now(node);
    node_asks_on_frame(node, frame);
}

static void on_happened(void *context, const struct frame *frame)
{
    struct node *node = context;
    node_update_now(node);
    node_deliver(node, frame);
}

static void on_done(void *context, int error)
{
    struct node *node = context;
    node_update_now(node);
    node_asks_on_done(node, error);
}

static void on_beaten(void *context, uint64_t number, uint64_t time, bool lost)
{
    struct node *node = context;
    node_update_now(node);
    node_beat_answered(node, number, time, lost);
}

/* Where nobody listens the packet stays in the ring: its addressee says hello once it does, or the
 * packet gets too old. */
static void on_published(void *context, worker_id to, unsigned receivers)
{
    struct node *node = context;
    (void)to;
    if (receivers == 0)
        node->counts.unheard++;
}

/* ---- time and life */

void node_tick(struct node *node)
{
    node_update_now(node);
    uint64_t now = node->self.now;
    wheel_turn(&node->wheel, now);
    if (node->provisional != NULL)
        provisional_tick(node->provisional, now, &node->inbox);
    else if (!node->up && now >= node->down_since + NODE_PROVISIONAL_AFTER)
        node_asks_serve(node);
    node_asks_tick(node);
    if (!node->left)
        node_beat_tick(node);
}

void node_reap(struct node *node, worker_id dead)
{
    node->store->reap(node->store, dead);
}

void node_leave(struct node *node)
{
    node_update_now(node);
    node_links_say_last(node);
    node->left = true;
    node->store->leave(node->store);
}

bool node_is_ready(const struct node *node)
{
    return node->ready;
}

struct node_counts node_count(const struct node *node)
{
    struct node_counts counts = node->counts;
    counts.up = node->up;
    counts.listening = node->listening;
    counts.provisional = node->provisional != NULL;
    counts.fenced = node->fenced;
    counts.asks = node->asks.queue.len - node->asks.oldest + node->kept.len;
    counts.links = node_links_count(node);
    counts.unacked = node->self.bytes;
    return counts;
}

static void refuse_cb(void *context, const struct frame *frame)
{
    node_refuse(context, frame);
}

struct node *node_new(const struct node_options *options)
{
    static const struct store_events events = {
        .on_up = on_up,
        .on_down = on_down,
        .on_listening = on_listening,
        .on_deaf = on_deaf,
        .on_inbox = on_inbox,
        .on_frame = on_frame,
        .on_happened = on_happened,
        .on_done = on_done,
        .on_beaten = on_beaten,
        .on_published = on_published,
    };
    struct node *node = mem_must(sizeof(*node));
    node->bus = (struct bus){.send = node_send, .flush = node_flush};
    node->options = *options;
    node->store = options->store;
    node->self =
        (struct link_self){.id = options->self, .life = 1, .refuse = refuse_cb, .context = node};
    node_update_now(node);
    node->down_since = node->self.now;
    wheel_init(&node->wheel, node->self.now);
    TAILQ_INIT(&node->dirty);
    node_asks_init(&node->asks);
    node_order_init(node);
    buf_init(&node->inbox, BUS_QUEUE_MAX);
    buf_init(&node->delivering, BUS_QUEUE_MAX);
    node->store->events = &events;
    node->store->context = node;
    return node;
}

void node_free(struct node *node)
{
    if (node == NULL)
        return;
    node_links_free(node);
    node_asks_done(&node->asks);
    node_order_done(node);
    provisional_free(node->provisional);
    buf_done(&node->inbox);
    buf_done(&node->delivering);
    mem_free(node);
}

struct bus *node_bus(struct node *node)
{
    return &node->bus;
}
