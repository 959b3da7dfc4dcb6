/* A mailbox: what a drained worker held for a peer until that comes back elsewhere. It takes the
 * frames that its holder would have taken.
 *
 *     holder            mailbox                        new holder
 *       DEPOSIT ------->   SIGNALs are held
 *                          UNDELIVEREDs wait
 *                          <------------------ CLAIM     (FRAME_RESUME said: former is MAILBOX)
 *                          HOLD..., HANDED, what waited ->
 *                          SIGNALs are passed on ------->
 *                          <------------------ CONFIRM   it goes; or else after its time
 *
 * Until then the same claim again gets the same answer. */
#include "base/error.h"
#include "core/directory_state.h"
#include "core/hold.h"
#include "core/reply.h"

#define HOPS_MAX 8
#define KEPT_LONGER 10000       /* ms, than the membership: for who claims in the last moment */
#define WAITING_MAX (64u << 10) /* bytes */

struct mailbox {
    struct directory_member *member;
    struct deadline deadline;
    struct hold hold;
    uint64_t received;  /* signals from the client */
    struct buf waiting; /* encoded frames for who will claim it */
    worker_id claimant; /* DIRECTORY: nobody yet */
    uint32_t claim;     /* its request number */
    int error;          /* what it was answered */
};

static void answer(struct directory *directory, struct frame *frame, worker_id from, worker_id to)
{
    frame->from = from;
    frame->to = to;
    directory->options.send(directory->options.context, frame);
}

void mailbox_discard(struct mailbox *mailbox)
{
    buf_clear(&mailbox->waiting);
    mailbox_free(mailbox);
}

void mailbox_free(struct mailbox *mailbox)
{
    struct directory_member *member = mailbox->member;
    struct slice waiting = buf_slice(&mailbox->waiting);
    struct frame frame;
    member->mailbox = NULL;
    while (frame_next(&waiting, &frame))
        mailbox_on_frame(member->room->directory, &frame);
    wheel_disarm(&mailbox->deadline);
    hold_done(&mailbox->hold);
    buf_done(&mailbox->waiting);
    mem_free(mailbox);
}

static void on_due(struct deadline *deadline)
{
    mailbox_free(WHEEL_OWNER(deadline, struct mailbox, deadline));
}

/* ---- the deposit */

static bool fill(struct mailbox *mailbox, const struct frame *deposit)
{
    struct slice held = deposit->data, text;
    bool filled = true;
    mailbox->received = deposit->received;
    mailbox->hold.acked = deposit->acked;
    while (filled && held_next(&held, &text)) {
        struct message *message = message_of(text);
        filled = message != NULL && hold_add(&mailbox->hold, message);
        message_unref(message);
    }
    return filled;
}

static void on_deposit(struct directory *directory, struct directory_member *member,
                       const struct frame *frame)
{
    if (member == NULL || member->worker != frame->from ||
        !secret_equal(&member->secret, &frame->secret))
        return;
    struct mailbox *mailbox = mem_must(sizeof(*mailbox));
    mailbox->member = member;
    mailbox->deadline.on_due = on_due;
    buf_init(&mailbox->waiting, WAITING_MAX);
    if (member->mailbox != NULL)
        mailbox_free(member->mailbox);
    member->mailbox = mailbox;
    if (!fill(mailbox, frame)) {
        mailbox_free(mailbox); /* as if its holder had crashed */
        directory_member_orphan(member, DIRECTORY);
        return;
    }
    wheel_arm(&directory->wheel, &mailbox->deadline,
              directory->now + directory->options.resume_window + KEPT_LONGER);
    directory_member_orphan(member, MAILBOX);
}

/* ---- what comes for the peer */

static bool is_open(const struct directory_member *member)
{
    return member != NULL && member->mailbox != NULL && member->mailbox->claimant == DIRECTORY;
}

/* To where the peer is now. False: nowhere. */
static bool pass_on(struct directory *directory, const struct directory_member *member,
                    const struct frame *frame)
{
    struct frame onward = *frame; /* keeps `from`: answers go to the sender's worker */
    if (member == NULL || member->worker == DIRECTORY || member->worker == MAILBOX ||
        ++onward.hops > HOPS_MAX)
        return false;
    onward.to = member->worker;
    onward.stint = member->stint;
    directory->options.send(directory->options.context, &onward);
    return true;
}

static void keep(struct mailbox *mailbox, const struct frame *frame)
{
    frame_encode(frame, &mailbox->waiting);
    mailbox->waiting.failed = false; /* what is in it stays */
}

static int hold_signal(struct mailbox *mailbox, const struct frame *signal)
{
    const struct directory_options *options = &mailbox->member->room->directory->options;
    struct hold_limits limits = {options->hold_messages, options->hold_bytes};
    if (hold_is_full(&mailbox->hold, &limits, signal->data.len))
        return ERR_PEER_BUSY;
    struct message *message = reply_signal(signal->sender, signal->data);
    bool held = message != NULL && hold_add(&mailbox->hold, message);
    message_unref(message);
    return held ? 0 : ERR_UNAVAILABLE;
}

static void on_signal(struct directory *directory, struct directory_member *member,
                      const struct frame *frame)
{
    struct frame back = *frame;
    back.kind = FRAME_UNDELIVERED;
    back.hops = back.stint = 0;
    if (is_open(member))
        back.error = hold_signal(member->mailbox, frame);
    else if (!pass_on(directory, member, frame))
        back.error = member == NULL ? ERR_PEER_NOT_FOUND : ERR_UNAVAILABLE;
    if (back.error != 0)
        answer(directory, &back, MAILBOX, frame->from);
}

/* As at a worker: goes the way that signals go, and who would hold one answers (fence.c). */
static void on_fence(struct directory *directory, struct directory_member *member,
                     const struct frame *frame)
{
    struct frame fenced = {
        .kind = FRAME_FENCED, .request = frame->request, .room = frame->room, .peer = frame->peer};
    if (is_open(member)) {
        fenced.stint = member->stint;
        answer(directory, &fenced, MAILBOX, frame->from);
    } else if (!pass_on(directory, member, frame)) {
        answer(directory, &fenced, DIRECTORY, frame->from);
    }
}

/* Of a signal that the peer sent before: `sender` is who it is for. */
static void on_undelivered(struct directory *directory, const struct frame *frame)
{
    struct frame sender = {.room = frame->room, .peer = frame->sender};
    struct directory_member *member = directory_find(directory, &sender);
    if (is_open(member))
        keep(member->mailbox, frame);
    else
        pass_on(directory, member, frame);
}

/* ---- the claim */

static void send_hold(struct mailbox *mailbox, const struct frame *claim)
{
    for (unsigned i = 0; i < mailbox->hold.count; i++)
        answer(mailbox->member->room->directory,
               &(struct frame){.kind = FRAME_HOLD,
                               .request = claim->request,
                               .room = claim->room,
                               .peer = claim->peer,
                               .data = message_text(hold_at(&mailbox->hold, i))},
               MAILBOX, claim->from);
}

static void send_waiting(struct mailbox *mailbox)
{
    struct directory *directory = mailbox->member->room->directory;
    struct slice waiting = buf_slice(&mailbox->waiting);
    struct frame frame;
    while (frame_next(&waiting, &frame)) {
        frame.to = mailbox->claimant;
        frame.hops++;
        directory->options.send(directory->options.context, &frame);
    }
    buf_done(&mailbox->waiting);
}

static void hand_over(struct mailbox *mailbox, const struct frame *claim)
{
    if (mailbox->claimant == DIRECTORY) {
        mailbox->claimant = claim->from;
        mailbox->claim = claim->request;
        mailbox->error =
            claim->received >= mailbox->hold.acked && hold_ack(&mailbox->hold, claim->received)
                ? 0
                : ERR_UNAVAILABLE;
    }
    if (mailbox->error == 0)
        send_hold(mailbox, claim);
    answer(mailbox->member->room->directory,
           &(struct frame){.kind = FRAME_HANDED,
                           .request = claim->request,
                           .room = claim->room,
                           .peer = claim->peer,
                           .received = mailbox->received,
                           .error = mailbox->error},
           MAILBOX, claim->from);
    send_waiting(mailbox);
}

static void on_claim(struct directory *directory, struct directory_member *member,
                     const struct frame *frame)
{
    struct frame declined = {.kind = FRAME_HANDED,
                             .request = frame->request,
                             .room = frame->room,
                             .peer = frame->peer,
                             .error = ERR_UNAVAILABLE};
    struct mailbox *mailbox = member == NULL ? NULL : member->mailbox;
    bool is_again =
        mailbox != NULL && mailbox->claimant == frame->from && mailbox->claim == frame->request;
    if (is_open(member) || is_again)
        hand_over(mailbox, frame);
    else
        answer(directory, &declined, MAILBOX, frame->from);
}

void mailbox_on_frame(struct directory *directory, const struct frame *frame)
{
    struct directory_member *member = directory_find(directory, frame);
    switch (frame->kind) {
    case FRAME_DEPOSIT: on_deposit(directory, member, frame); break;
    case FRAME_SIGNAL: on_signal(directory, member, frame); break;
    case FRAME_FENCE: on_fence(directory, member, frame); break;
    case FRAME_UNDELIVERED: on_undelivered(directory, frame); break;
    case FRAME_CLAIM: on_claim(directory, member, frame); break;
    default: break; /* nothing else is sent to where a peer's worker would be */
    }
}
