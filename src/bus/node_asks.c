/* What was asked of the directory and the mailboxes, kept until it is done.
 *
 *     queue: | done | asked, no answer yet | not asked on this connection |
 *                   ^ oldest               ^ next
 *
 * Each entry: u8 enum ask_state, u64 number, encoded frame. */
#include "base/error.h"
#include "base/log.h"
#include "bus/node_state.h"

#define ENTRY_HEAD 9
#define AGAIN_AFTER 1000u                /* ms, what the store could not do */
#define AGAIN_MAX ((size_t)16 << 20)     /* bytes */
#define LEFT_MAX ((size_t)1 << 20)       /* bytes, twice */
#define LEFT_KEPT 10000u                 /* ms to the double of it */
#define COMPACT_AFTER ((size_t)64 << 10) /* bytes that are done */
#define KEPT_SIZE ((size_t)1 << 20) /* a buffer that grew beyond this is given back once empty */

enum ask_state {
    ASK_TRIED = 1,    /* the store may have done it */
    ASK_ANSWERED = 2, /* by the provisional directory: the store's answer comes too late */
    ASK_DROPPED = 4,  /* not to be asked any more */
};

struct entry {
    unsigned state;
    uint64_t number;
    struct frame frame;
    size_t end; /* offset of the one behind it */
};

void node_asks_init(struct node_asks *asks)
{
    buf_init(&asks->queue, BUS_QUEUE_MAX);
    buf_init(&asks->again, AGAIN_MAX);
    buf_init(&asks->left[0], LEFT_MAX);
    buf_init(&asks->left[1], LEFT_MAX);
}

void node_asks_done(struct node_asks *asks)
{
    buf_done(&asks->queue);
    buf_done(&asks->again);
    buf_done(&asks->left[0]);
    buf_done(&asks->left[1]);
}

/* ---- entries */

static bool entry_read(const struct node_asks *asks, size_t at, struct entry *ret_entry)
{
    if (at >= asks->queue.len)
        return false;
    const char *bytes = asks->queue.data + at;
    struct slice frame = {bytes + ENTRY_HEAD, asks->queue.len - at - ENTRY_HEAD};
    ret_entry->state = (unsigned char)bytes[0];
    memcpy(&ret_entry->number, bytes + 1, sizeof(ret_entry->number));
    if (!frame_next(&frame, &ret_entry->frame))
        return false; /* never: we encoded it */
    ret_entry->end = (size_t)(frame.ptr - asks->queue.data);
    return true;
}

static void entry_mark(struct node_asks *asks, size_t at, unsigned state)
{
    asks->queue.data[at] = (char)((unsigned char)asks->queue.data[at] | state);
}

static bool entry_append(struct node_asks *asks, const struct frame *frame, unsigned state)
{
    size_t before = asks->queue.len;
    uint64_t number = asks->last_number + 1;
    buf_add_char(&asks->queue, (char)state);
    buf_add(&asks->queue, &number, sizeof(number));
    frame_encode(frame, &asks->queue);
    if (buf_failed(&asks->queue)) {
        asks->queue.failed = false;
        asks->queue.len = before;
        return false;
    }
    asks->last_number = number;
    return true;
}

/* Gives back what is done. */
static void compact(struct node_asks *asks)
{
    if (asks->oldest == asks->queue.len) {
        asks->oldest = asks->next = 0;
        buf_clear(&asks->queue);
        if (asks->queue.capacity > KEPT_SIZE)
            buf_done(&asks->queue);
    } else if (asks->oldest > COMPACT_AFTER && asks->oldest > asks->queue.len / 2) {
        asks->next -= asks->oldest;
        buf_drop(&asks->queue, asks->oldest);
        asks->oldest = 0;
    }
}

bool node_asks_carry(const struct node *node, struct slice room, struct slice sender)
{
    struct entry entry;
    for (size_t at = node->asks.oldest; entry_read(&node->asks, at, &entry); at = entry.end)
        if (!(entry.state & ASK_DROPPED) && frame_is_signal_of(&entry.frame, room, sender))
            return true;
    return false;
}

/* ---- asking */

static void keep(struct node *node, const struct frame *frame, unsigned state)
{
    struct node_asks *asks = &node->asks;
    struct frame answer;
    bool full = asks->queue.len - asks->oldest > BUS_WAITING_MAX;
    if (full && state == 0 && bus_refuse_waiting(frame, &answer)) {
        node->counts.refused++;
        node_queue(node, &answer);
    } else if (!entry_append(asks, frame, state)) {
        log_event(LOG_ERROR, "ask-dropped", LOG_STR("frame", frame_name(frame->kind)), LOG_END);
        if (state == 0)
            node_refuse(node, frame);
    }
}

static bool is_same_entrant(const struct entry *entry, const struct frame *frame)
{
    return (entry->frame.kind == FRAME_JOIN || entry->frame.kind == FRAME_RESUME) &&
           !(entry->state & (ASK_ANSWERED | ASK_DROPPED)) &&
           slice_equal(entry->frame.room, frame->room) &&
           slice_equal(entry->frame.peer, frame->peer);
}

/* A peer has come in, of which another session waits since before the store went away: that one is
 * too late. Should the store have let it in, it is believed that this one is in its place. */
static void supersede(struct node *node, const struct frame *frame, size_t end)
{
    struct node_asks *asks = &node->asks;
    struct entry entry;
    for (size_t at = asks->oldest; at < end && entry_read(asks, at, &entry); at = entry.end) {
        if (!is_same_entrant(&entry, frame))
            continue;
        entry_mark(asks, at, ASK_DROPPED);
        node_refuse(node, &entry.frame);
    }
}

static enum provisional_outcome serve(struct node *node, const struct frame *frame, bool tried,
                                      size_t at)
{
    enum provisional_outcome outcome =
        provisional_serve(node->provisional, frame, tried, &node->inbox);
    bool answered = outcome == PROVISIONAL_SERVED || outcome == PROVISIONAL_LATER;
    if (answered && provisional_let_in(node->provisional))
        supersede(node, frame, at);
    return outcome;
}

void node_asks_add(struct node *node, const struct frame *frame)
{
    if (node->provisional == NULL) {
        keep(node, frame, 0);
        return;
    }
    switch (serve(node, frame, false, node->asks.queue.len)) {
    case PROVISIONAL_SERVED: break;
    case PROVISIONAL_LATER: keep(node, frame, ASK_ANSWERED); break;
    case PROVISIONAL_UNABLE: node_refuse(node, frame); break;
    default: keep(node, frame, 0);
    }
}

void node_asks_flush(struct node *node)
{
    struct node_asks *asks = &node->asks;
    struct entry entry;
    while (node->up && entry_read(asks, asks->next, &entry)) {
        if (!(entry.state & ASK_DROPPED)) {
            entry_mark(asks, asks->next, ASK_TRIED);
            node->store->ask(node->store, entry.number, &entry.frame);
        }
        asks->next = entry.end;
    }
}

/* ---- the store may forget what it has done last: a replica that lacks it becomes master. What we
 * hold is restored; but who has left would be there for good, for nobody holds it. */

static void remember_left(struct node_asks *asks, const struct frame *frame)
{
    if (frame->kind != FRAME_LEAVE)
        return;
    frame_encode(frame, &asks->left[0]);
    asks->left[0].failed = false; /* what is in it stays */
}

static void forget_left(struct node *node)
{
    struct node_asks *asks = &node->asks;
    struct buf oldest = asks->left[1];
    if (node->self.now < asks->left_at + LEFT_KEPT)
        return;
    asks->left_at = node->self.now;
    asks->left[1] = asks->left[0];
    asks->left[0] = oldest;
    buf_clear(&asks->left[0]);
}

static void leave_again(struct node *node)
{
    for (int i = 1; i >= 0; i--) {
        struct slice frames = buf_slice(&node->asks.left[i]);
        struct frame frame;
        while (frame_next(&frames, &frame))
            keep(node, &frame, ASK_ANSWERED);
    }
    buf_clear(&node->asks.left[0]); /* each comes in again once it is done */
    buf_clear(&node->asks.left[1]);
}

void node_asks_rewind(struct node *node)
{
    node->asks.next = node->asks.oldest;
    leave_again(node);
}

/* What may have been done cannot be refused: should the provisional directory be unable to do it,
 * it waits for the store. */
static void serve_one(struct node *node, size_t at, const struct entry *entry)
{
    struct node_asks *asks = &node->asks;
    if (entry->state & (ASK_ANSWERED | ASK_DROPPED))
        return;
    switch (serve(node, &entry->frame, entry->state & ASK_TRIED, at)) {
    case PROVISIONAL_SERVED: entry_mark(asks, at, ASK_DROPPED); break;
    case PROVISIONAL_LATER: entry_mark(asks, at, ASK_ANSWERED); break;
    case PROVISIONAL_UNABLE:
        if (entry->state & ASK_TRIED)
            break;
        entry_mark(asks, at, ASK_DROPPED);
        node_refuse(node, &entry->frame);
        break;
    default: break;
    }
}

void node_asks_serve(struct node *node)
{
    struct node_asks *asks = &node->asks;
    const struct provisional_options options = {.directory = node->options.directory,
                                                .self = node->self.id,
                                                .export_room = node->options.export_room,
                                                .context = node->options.context};
    struct provisional *provisional = provisional_new(&options, node->self.now);
    if (provisional == NULL)
        return;
    log_event(LOG_WARN, "provisional", LOG_END);
    node->provisional = provisional;
    struct entry entry;
    for (size_t at = asks->oldest; entry_read(asks, at, &entry); at = entry.end)
        serve_one(node, at, &entry);
}

/* ---- answers */

/* The oldest that was asked on this connection. */
static bool oldest_asked(struct node_asks *asks, struct entry *ret_entry)
{
    while (asks->oldest < asks->next && entry_read(asks, asks->oldest, ret_entry)) {
        if (!(ret_entry->state & ASK_DROPPED))
            return true;
        asks->oldest = ret_entry->end;
    }
    return false;
}

/* What a mailbox passes on, or answers to what we passed on to it, may be for another worker: our
 * link loses it less than a channel would. */
static void take_answer(struct node *node, const struct frame *frame)
{
    if (frame->to == node->self.id || frame->to <= WORKER_RESERVED)
        node_deliver(node, frame);
    else
        node_links_send(node, frame);
}

/* Its secret may be one that another worker gave while the store was away, and has not told of yet:
 * the client is to try again. */
static bool is_hasty(const struct node *node, const struct entry *entry, const struct frame *answer)
{
    bool may_be_late = !node_is_alive(node) || node->self.now < node->others_restore_until;
    return answer->kind == FRAME_REFUSED && answer->error == ERR_PEER_TAKEN &&
           entry->frame.kind == FRAME_RESUME && may_be_late;
}

/* The provisional directory served this resume long ago, and while the store was away another worker came
 * to hold the membership: nobody will claim what that one holds. It must not go on to hold what comes. */
static void relieve_former(struct node *node, const struct entry *entry, const struct frame *answer)
{
    bool taken_over = answer->kind == FRAME_ROOM && answer->reason == ROOM_TAKEN_OVER;
    if (!taken_over || answer->worker <= WORKER_RESERVED || answer->worker == node->self.id)
        return;
    node_links_send(node, &(struct frame){.kind = FRAME_CLAIM,
                                          .from = node->self.id,
                                          .to = answer->worker,
                                          .request = entry->frame.request,
                                          .version = answer->version,
                                          .room = entry->frame.room,
                                          .peer = entry->frame.peer,
                                          .received = UINT64_MAX});
}

void node_asks_on_frame(struct node *node, const struct frame *frame)
{
    struct entry entry;
    struct frame again = *frame;
    if (!oldest_asked(&node->asks, &entry))
        return;
    if (is_hasty(node, &entry, frame)) {
        again.error = ERR_UNAVAILABLE;
        frame = &again;
    }
    bool stays_true = frame->kind == FRAME_EVICTED || frame->kind == FRAME_HAPPENED;
    if (!(entry.state & ASK_ANSWERED) || stays_true)
        take_answer(node, frame);
    else
        relieve_former(node, &entry, frame);
}

static void fail(struct node *node, const struct entry *entry)
{
    struct node_asks *asks = &node->asks;
    struct frame answer;
    if (!(entry->state & ASK_ANSWERED) && bus_refuse(&entry->frame, &answer)) {
        node->counts.refused++;
        node_queue(node, &answer);
        return;
    }
    frame_encode(&entry->frame, &asks->again);
    if (buf_failed(&asks->again)) {
        asks->again.failed = false;
        log_event(LOG_ERROR, "ask-dropped", LOG_STR("frame", frame_name(entry->frame.kind)),
                  LOG_END);
    }
}

void node_asks_on_done(struct node *node, int error)
{
    struct node_asks *asks = &node->asks;
    struct entry entry;
    if (!oldest_asked(asks, &entry))
        return;
    if (error != 0)
        fail(node, &entry);
    else
        remember_left(asks, &entry.frame);
    asks->oldest = entry.end;
    asks->done_number = entry.number;
    if (node->restored_number <= asks->done_number)
        node->restored_number = 0;
    compact(asks);
}

/* Each of these is fenced by its secret, so they may come behind what was asked since. */
void node_asks_tick(struct node *node)
{
    struct node_asks *asks = &node->asks;
    struct slice frames = buf_slice(&asks->again);
    struct frame frame;
    forget_left(node);
    if (!node->up || node->self.now < asks->again_at)
        return;
    asks->again_at = node->self.now + AGAIN_AFTER;
    while (frame_next(&frames, &frame))
        keep(node, &frame, ASK_ANSWERED);
    buf_clear(&asks->again);
}
