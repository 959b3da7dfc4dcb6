#include "bus/link.h"

#include "base/mem.h"
#include "bus/link_out.h"

#define LINK_TELL 8u /* of link->state: a state is due */

void link_init(struct link *link, struct link_self *self, worker_id other)
{
    *link = (struct link){.self = self, .other = other};
    link->out.first = 1;
    link->in.expected = 1;
}

void link_done(struct link *link)
{
    struct link_out *out = &link->out;
    for (unsigned i = 0; i < out->count; i++)
        message_unref(link_sent_at(out, i)->packet);
    message_unref(out->open);
    mem_free(out->ring);
    link->self->bytes -= out->bytes;
    *out = (struct link_out){0};
}

/* ---- the other end says what it has */

/* It took some that it says now are not there. Too long ago for this to be a late packet of its:
 * it has forgotten the session. */
static void on_forgotten(struct link *link)
{
    if (link->self->now > link->out.acked_at + LINK_REPORT)
        link_begin_session(link);
}

static struct link_head head_of_first(const struct link *link)
{
    struct slice bytes = message_text(link_sent_at(&link->out, 0)->packet);
    struct link_head head = {0};
    link_head_read(&bytes, &head);
    return head;
}

/* Whether a worker in this life takes what says that it is for `to_life`. */
static bool is_for_life(uint32_t to_life, uint32_t life)
{
    return to_life >= life || (to_life == 0 && life == 1);
}

static void send_again(struct link *link)
{
    struct link_out *out = &link->out;
    if (out->resent_at != 0 && link->self->now < out->resent_at + LINK_RESEND_AFTER)
        return;
    out->resent_at = link->self->now;
    out->published = 0;
}

/* What we sent in lives that do not count any more: it will never be taken. */
static bool refuse_earlier_lives(struct link *link, uint32_t least_life)
{
    struct link_out *out = &link->out;
    uint64_t lost_expires = out->lost_expires;
    bool any = false;
    while (out->numbered > 0 && head_of_first(link).life < least_life) {
        link_refuse_first(link);
        any = true;
    }
    out->lost_expires = lost_expires;
    return any;
}

static void on_missing(struct link *link, const struct link_head *head)
{
    struct link_out *out = &link->out;
    bool final = refuse_earlier_lives(link, head->to_life);
    if (out->numbered == 0 && !final)
        return;
    if (out->numbered > 0 && !is_for_life(head_of_first(link).to_life, head->life))
        final = true;
    if (head->ack < out->acked)
        on_forgotten(link);
    else if (!final && head->ack + 1 == out->first)
        send_again(link);
    else if (final || head->expires >= out->lost_expires + LINK_LIFETIME)
        link_begin_session(link); /* it will not take what it asks for */
    else
        link->state |= LINK_ASK | LINK_TELL; /* it may have taken that since it said so */
}

static void take_ack(struct link *link, const struct link_head *head)
{
    struct link_out *out = &link->out;
    if (head->ack_session == 0 || head->ack_session != out->session ||
        head->ack > link_last_number(out))
        return;
    link_acked(link, head->ack);
    if (head->flags & LINK_RESEND)
        on_missing(link, head);
}

/* ---- what the other end sent */

static bool is_expired(const struct link *link, const struct link_head *head)
{
    int64_t latest = (int64_t)link->self->now + link->self->clock_high;
    return latest > 0 && (uint64_t)latest > head->expires;
}

static void adopt_session(struct link *link, uint32_t session)
{
    struct link_in *in = &link->in;
    in->session = session;
    in->expected = 1;
    in->missed_at = in->ack_at = 0;
    in->unacked_packets = 0;
    in->unacked_bytes = 0;
}

static void miss(struct link *link)
{
    struct link_in *in = &link->in;
    if (in->missed_at != 0)
        return;
    uint64_t next = in->asked_at == 0 ? 0 : in->asked_at + LINK_RESEND_AFTER;
    in->missed_at = next > link->self->now ? next : link->self->now;
    if (in->missed_at == link->self->now)
        link->state |= LINK_RESEND | LINK_TELL;
}

static void owe_ack(struct link *link, size_t bytes)
{
    struct link_in *in = &link->in;
    if (in->ack_at == 0)
        in->ack_at = link->self->now + LINK_ACK_AFTER;
    in->unacked_bytes += bytes;
    if (++in->unacked_packets >= LINK_ACK_PACKETS || in->unacked_bytes >= LINK_ACK_BYTES)
        link->state |= LINK_TELL;
}

static bool take_data(struct link *link, const struct link_head *head, size_t bytes)
{
    struct link_in *in = &link->in;
    bool counts = head->life >= in->least_life && is_for_life(head->to_life, link->self->life);
    if (counts && head->number < in->expected) {
        owe_ack(link, bytes); /* the one before was lost */
        return false;
    }
    if (!counts || head->number > in->expected) {
        miss(link);
        return false;
    }
    in->expected++;
    in->missed_at = 0;
    owe_ack(link, bytes);
    return true;
}

bool link_take(struct link *link, const struct link_head *head, size_t bytes)
{
    struct link_in *in = &link->in;
    if (is_expired(link, head))
        return false;
    in->heard_at = link->self->now;
    if (head->life > in->life)
        in->life = head->life;
    if (head->to_life > link->self->told_life)
        link->self->told_life = head->to_life;
    take_ack(link, head);
    if (head->session < in->session)
        return false;
    if (head->session > in->session)
        adopt_session(link, head->session);
    if (head->flags & LINK_DATA)
        return take_data(link, head, bytes);
    if (head->number >= in->expected)
        miss(link);
    if (head->flags & LINK_ASK)
        link->state |= LINK_TELL;
    return false;
}

/* ---- what is to be published */

static struct message *make_state(struct link *link)
{
    struct link_self *self = link->self;
    struct link_in *in = &link->in;
    struct message *message = message_new(LINK_HEAD_SIZE);
    if (message == NULL)
        return NULL; /* due again when the other end asks */
    struct link_head head = {
        .flags = link->state & (LINK_RESEND | LINK_ASK),
        .source = self->id,
        .life = self->life,
        .to_life = in->least_life,
        .session = link->out.session,
        .number = link_last_number(&link->out),
        .ack_session = in->session,
        .ack = in->expected - 1,
        .expires = (uint64_t)((int64_t)(self->now + LINK_LIFETIME) + self->clock_low)};
    link_head_write(&head, message->text);
    message->len = LINK_HEAD_SIZE;
    return message;
}

static struct message *next_state(struct link *link)
{
    struct link_in *in = &link->in;
    struct message *message = make_state(link);
    if (link->state & LINK_RESEND) {
        in->asked_at = link->self->now;
        in->missed_at = 0;
    }
    link->state = 0;
    in->ack_at = 0;
    in->unacked_packets = 0;
    in->unacked_bytes = 0;
    link->out.spoke_at = link->self->now;
    return message;
}

struct message *link_next(struct link *link)
{
    bool owed = link->in.ack_at != 0;
    struct message *packet = link_next_data(link);
    if (owed && link->in.ack_at == 0 && link->state == LINK_TELL)
        link->state = 0; /* the data carries the acknowledgement */
    if (packet == NULL && link->state & LINK_TELL)
        packet = next_state(link);
    return packet;
}

void link_publish_again(struct link *link)
{
    link->out.published = 0;
}

void link_hello(struct link *link)
{
    if (link->in.session != 0)
        link->state |= LINK_RESEND | LINK_TELL;
}

void link_ask(struct link *link)
{
    struct link_out *out = &link->out;
    if (out->asked_at != 0 && link->self->now < out->asked_at + LINK_RESEND_AFTER)
        return;
    out->asked_at = link->self->now;
    link->state |= LINK_ASK | LINK_TELL;
}

void link_say_last(struct link *link)
{
    if (link->in.ack_at != 0)
        link->state |= LINK_TELL;
}

void link_other_down(struct link *link)
{
    struct link_in *in = &link->in;
    link_refuse_all(link);
    link->out.session = 0;
    link->state = 0;
    in->least_life = (in->life == 0 ? 1 : in->life) + 1;
    in->ack_at = in->missed_at = 0;
}

/* ---- time */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return b != 0 && b < a ? b : a;
}

uint64_t link_tick(struct link *link)
{
    struct link_out *out = &link->out;
    struct link_in *in = &link->in;
    uint64_t now = link->self->now, next = now + LINK_FORGET_OUT;
    link_expire(link);
    if (in->ack_at != 0 && now >= in->ack_at)
        link->state |= LINK_TELL;
    if (in->missed_at != 0 && now >= in->missed_at)
        link->state |= LINK_RESEND | LINK_TELL;
    if (out->numbered > 0 && now >= out->spoke_at + LINK_ASK_AFTER)
        link->state |= LINK_ASK | LINK_TELL;
    if (out->count == 0 && out->open == NULL && now >= out->spoke_at + LINK_FORGET_OUT)
        out->session = 0;
    if (!(link->state & LINK_TELL)) {
        next = sooner(next, in->ack_at);
        next = sooner(next, in->missed_at);
    }
    if (out->count > 0 || out->open != NULL)
        next = sooner(next, now + LINK_ASK_AFTER);
    return next > now ? next : now + 1;
}

bool link_is_idle(const struct link *link)
{
    const struct link_out *out = &link->out;
    return out->count == 0 && out->open == NULL && out->session == 0 &&
           link->self->now >= link->in.heard_at + LINK_FORGET_IN;
}
