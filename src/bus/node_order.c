/* A peer that goes on elsewhere must not overtake what it sent from here: as long as signals of its
 * are on their way, not acknowledged, what lets it go on waits behind them.
 *
 *     former holder A                  B, where the peer goes on           C
 *        SIGNAL of the peer -- lost, to be sent again -------------------> C
 *        HANDED  - - waits until C has it - - - > B -- SIGNAL -----------> C
 *
 * Too long for who waits: then the peer is not resumed, and starts afresh. */
#include "base/log.h"
#include "bus/node_state.h"

#define KEPT_MAX ((size_t)64 << 20) /* bytes; beyond it order is given up */

void node_order_init(struct node *node)
{
    buf_init(&node->kept, KEPT_MAX);
}

void node_order_done(struct node *node)
{
    buf_done(&node->kept);
}

static bool lets_go_on(const struct node *node, const struct frame *frame)
{
    if (frame->kind == FRAME_HANDED)
        return frame->error == 0 && frame->to != node->self.id;
    return frame->kind == FRAME_DEPOSIT;
}

bool node_order_keep(struct node *node, const struct frame *frame)
{
    if (!lets_go_on(node, frame) || (!node_links_carry(node, frame->room, frame->peer) &&
                                     !node_asks_carry(node, frame->room, frame->peer)))
        return false;
    frame_encode(frame, &node->kept);
    if (!buf_failed(&node->kept))
        return true;
    node->kept.failed = false; /* what is in it stays */
    log_event(LOG_WARN, "order-given-up", LOG_SLICE("room", frame->room),
              LOG_SLICE("peer", frame->peer), LOG_END);
    return false;
}

/* To look costs a walk through all that is on its way: not without a reason. */
static bool is_worth_a_look(struct node *node)
{
    uint64_t left = node->self.left + node->asks.done_number;
    if (left == node->kept_left && node->self.now < node->kept_at + LINK_RESEND_AFTER)
        return false;
    node->kept_left = left;
    node->kept_at = node->self.now;
    return true;
}

void node_order_release(struct node *node)
{
    struct buf kept = node->kept;
    struct slice frames = buf_slice(&kept);
    struct frame frame;
    if (kept.len == 0 || !is_worth_a_look(node))
        return;
    buf_init(&node->kept, KEPT_MAX);
    while (frame_next(&frames, &frame))
        node->bus.send(&node->bus, &frame); /* kept once more, or sent */
    buf_done(&kept);
}
