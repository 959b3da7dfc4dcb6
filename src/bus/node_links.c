/* The links of a node: one to each worker that something was sent to or came from. */
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "bus/node_state.h"

#define LINKS_MAX 65536 /* workers; what comes from more is dropped */

struct node_link {
    UT_hash_handle hh;
    TAILQ_ENTRY(node_link) turn;
    struct deadline deadline;
    struct node *node;
    bool dirty;
    struct link link;
};

static void on_link_due(struct deadline *deadline);

static struct node_link *link_new(struct node *node, worker_id worker)
{
    if (MAP_COUNT(node->links) >= LINKS_MAX)
        return NULL;
    struct node_link *link = mem_zero(sizeof(*link));
    if (link == NULL)
        return NULL;
    link->node = node;
    link->deadline.on_due = on_link_due;
    link_init(&link->link, &node->self, worker);
    MAP_ADD(node->links, &link->link.other, sizeof(worker), link);
    if (link->hh.tbl == NULL) {
        mem_free(link);
        return NULL;
    }
    return link;
}

static void forget(struct node_link *link)
{
    struct node *node = link->node;
    if (node->latest == link)
        node->latest = NULL;
    if (link->dirty)
        TAILQ_REMOVE(&node->dirty, link, turn);
    wheel_disarm(&link->deadline);
    MAP_DELETE(node->links, link);
    link_done(&link->link);
    mem_free(link);
}

static struct node_link *link_find(struct node *node, worker_id worker)
{
    struct node_link *link = node->latest;
    if (link != NULL && link->link.other == worker)
        return link;
    MAP_FIND(node->links, &worker, sizeof(worker), link);
    return link;
}

static struct node_link *link_get(struct node *node, worker_id worker)
{
    struct node_link *link = link_find(node, worker);
    if (link == NULL)
        link = link_new(node, worker);
    node->latest = link;
    return link;
}

/* Something may be to publish, now or soon. */
static void touch(struct node_link *link)
{
    struct node *node = link->node;
    if (!link->dirty) {
        link->dirty = true;
        TAILQ_INSERT_TAIL(&node->dirty, link, turn);
    }
    uint64_t due =
        node->self.now + (link->link.in.missed_at != 0 ? LINK_RESEND_AFTER / 2 : LINK_ASK_AFTER);
    if (link->deadline.due == 0 || link->deadline.due > due + WHEEL_SLOT_MS)
        wheel_arm(&node->wheel, &link->deadline, due);
}

static void on_link_due(struct deadline *deadline)
{
    struct node_link *link = WHEEL_OWNER(deadline, struct node_link, deadline);
    struct node *node = link->node;
    uint64_t next = link_tick(&link->link);
    if (link_is_idle(&link->link)) {
        forget(link);
        return;
    }
    wheel_arm(&node->wheel, &link->deadline, next);
    if (link->link.state != 0)
        touch(link);
}

/* ---- out */

/* Between the loss of the lease and the answers of the directory it is not known whose sessions
 * these are. */
static bool is_suspect(const struct node *node, const struct frame *frame)
{
    return node->restored_number != 0 && frame->kind == FRAME_SIGNAL;
}

void node_links_send(struct node *node, const struct frame *frame)
{
    struct node_link *link = link_get(node, frame->to);
    struct frame answer;
    node->counts.frames_out++;
    if (link != NULL && link->link.out.open == NULL)
        node_update_now(node); /* from when its age counts */
    if (link == NULL || is_suspect(node, frame) ||
        (link_is_full(&link->link) && bus_refuse_waiting(frame, &answer)) ||
        !link_add(&link->link, frame))
        node_refuse(node, frame);
    else
        touch(link);
}

static void publish(struct node_link *link)
{
    struct node *node = link->node;
    struct message *packet;
    while ((packet = link_next(&link->link)) != NULL) {
        node->store->publish(node->store, link->link.other, packet);
        node->counts.packets_out++;
        message_unref(packet);
    }
}

void node_links_flush(struct node *node)
{
    struct node_link *link;
    if (!node->up || !node->timed || !node_is_alive(node))
        return;
    while ((link = TAILQ_FIRST(&node->dirty)) != NULL) {
        TAILQ_REMOVE(&node->dirty, link, turn);
        link->dirty = false;
        publish(link);
    }
}

void node_links_publish_again(struct node *node)
{
    struct node_link *link, *next;
    MAP_EACH (node->links, link, next) {
        link_publish_again(&link->link);
        touch(link);
    }
}

void node_links_hello(struct node *node)
{
    struct node_link *link, *next;
    MAP_EACH (node->links, link, next) {
        link_hello(&link->link);
        touch(link);
    }
}

void node_links_say_last(struct node *node)
{
    struct node_link *link, *next;
    MAP_EACH (node->links, link, next) {
        link_say_last(&link->link);
        touch(link);
    }
    node_links_flush(node);
}

void node_links_refuse_unpublished(struct node *node)
{
    struct node_link *link, *next;
    MAP_EACH (node->links, link, next) {
        link_refuse_unpublished(&link->link);
    }
}

void node_links_worker_down(struct node *node, worker_id worker)
{
    struct node_link *link = link_find(node, worker);
    if (link != NULL)
        link_other_down(&link->link);
}

bool node_links_carry(struct node *node, struct slice room, struct slice sender)
{
    struct node_link *link, *next;
    bool any = false;
    MAP_EACH (node->links, link, next) {
        if (!link_carries(&link->link, room, sender))
            continue;
        link_ask(&link->link);
        touch(link);
        any = true;
    }
    return any;
}

size_t node_links_count(const struct node *node)
{
    return MAP_COUNT(node->links);
}

void node_links_free(struct node *node)
{
    struct node_link *link, *next;
    MAP_EACH (node->links, link, next) {
        forget(link);
    }
}

/* ---- in */

static bool is_between_workers(enum frame_kind kind)
{
    return kind >= FRAME_SIGNAL && kind <= FRAME_FENCED;
}

/* What is before a malformed frame has been acted on by then; what is behind it is lost: its sender
 * cannot be trusted to send it right another time. */
static void take_frames(struct node *node, struct slice frames)
{
    struct frame frame;
    while (frame_next(&frames, &frame)) {
        if (!is_between_workers(frame.kind) || frame.to != node->self.id)
            break;
        node->counts.frames_in++;
        frame.flags = frame.kind == FRAME_CLAIM && !node_is_in_touch(node) ? ASTRAY : 0;
        node_deliver(node, &frame);
    }
    if (frames.len == 0)
        return;
    node->counts.malformed++;
    log_event(LOG_WARN, "packet-malformed", LOG_UINT("bytes", frames.len), LOG_END);
}

/* Its sender took the least that Redis' clock could be, and we take the middle of what it can be: on
 * the average a little too much. */
static void measure(struct node *node, const struct link_head *head)
{
    const struct link_self *self = &node->self;
    int64_t now = (int64_t)self->now + (self->clock_low + self->clock_high) / 2;
    int64_t took = now - (int64_t)(head->expires - LINK_LIFETIME);
    if (node_clock(node) != 0 && node->timed)
        histogram_add(&node->options.tally->delivery, &histogram_slow,
                      took > 0 ? (uint64_t)took * 1000 : 0);
}

void node_links_take(struct node *node, struct slice packet)
{
    struct slice frames = packet;
    struct link_head head;
    node->counts.packets_in++;
    if (!link_head_read(&frames, &head) || head.source <= WORKER_RESERVED ||
        head.source == node->self.id) {
        node->counts.malformed++;
        return;
    }
    struct node_link *link = link_get(node, head.source);
    bool taken = link != NULL && link_take(&link->link, &head, packet.len);
    if (link != NULL)
        touch(link);
    if (taken)
        measure(node, &head);
    if (taken)
        take_frames(node, frames);
    else if (head.flags & LINK_DATA)
        node->counts.dropped++;
    node_beat_told(node);
}
