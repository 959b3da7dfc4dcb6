#include "bus/link_out.h"

#include "base/mem.h"
#include "base/ring.h"

#define RING_FIRST 8u /* a power of two */

/* What frame_encode() can need: every field there is, and the bytes of the texts. */
static size_t frame_bound(const struct frame *frame)
{
    return 160 + frame->room.len + frame->peer.len + frame->sender.len + frame->id.len +
           frame->info.len + frame->data.len + frame->roster.len;
}

static char *packet_bytes(struct message *packet)
{
    return packet->text;
}

static size_t packet_space(const struct message *packet)
{
    return packet->capacity - packet->len;
}

/* ---- the open packet */

static bool ring_reserve(struct link_out *out)
{
    if (out->count < out->capacity)
        return true;
    unsigned capacity = out->capacity == 0 ? RING_FIRST : out->capacity * 2;
    struct link_sent *ring =
        ring_grow(out->ring, out->capacity, out->start, capacity, sizeof(*ring));
    if (ring == NULL)
        return false;
    out->ring = ring;
    out->capacity = capacity;
    out->start = 0;
    return true;
}

/* ring_reserve() was called when it was opened. */
static void close_open(struct link *link)
{
    struct link_out *out = &link->out;
    *link_sent_at(out, out->count++) =
        (struct link_sent){.packet = out->open, .since = out->open_since};
    out->bytes += out->open->len;
    link->self->bytes += out->open->len;
    out->open = NULL;
}

static bool open_new(struct link *link, size_t need)
{
    struct link_out *out = &link->out;
    if (!ring_reserve(out))
        return false;
    out->open = message_new(LINK_HEAD_SIZE + need);
    if (out->open == NULL)
        return false;
    out->open->len = LINK_HEAD_SIZE; /* written when it is published */
    out->open_since = link->self->now;
    return true;
}

/* Moves what is in the open packet to a larger one. */
static bool grow_open(struct link_out *out, size_t need)
{
    size_t len = out->open->len;
    size_t size = len * 2 > len + need ? len * 2 : len + need;
    struct message *larger = message_new(size);
    if (larger == NULL)
        return false;
    memcpy(packet_bytes(larger), packet_bytes(out->open), len);
    larger->len = len;
    message_unref(out->open);
    out->open = larger;
    return true;
}

/* Makes room for so many bytes at the end of the open packet. */
static bool reserve_open(struct link *link, size_t need)
{
    struct link_out *out = &link->out;
    if (out->open != NULL && packet_space(out->open) < need) {
        if (out->open->len + need <= LINK_PACKET_SIZE)
            return grow_open(out, need);
        close_open(link);
    }
    return out->open != NULL || open_new(link, need);
}

bool link_add(struct link *link, const struct frame *frame)
{
    struct link_out *out = &link->out;
    if (out->bytes > LINK_EXCESS * LINK_BYTES_MAX || out->count > LINK_EXCESS * LINK_PACKETS_MAX ||
        link->self->bytes > LINK_EXCESS * LINK_TOTAL_MAX)
        return false;
    if (!reserve_open(link, frame_bound(frame)))
        return false;
    struct message *open = out->open;
    size_t space = open->len + packet_space(open);
    struct buf rest = {
        .data = packet_bytes(open), .len = open->len, .capacity = space, .max = space};
    frame_encode(frame, &rest);
    open->len = rest.len;
    return !buf_failed(&rest); /* never: frame_bound() */
}

bool link_is_full(const struct link *link)
{
    return link->out.bytes > LINK_BYTES_MAX || link->out.count > LINK_PACKETS_MAX ||
           link->self->bytes > LINK_TOTAL_MAX;
}

/* ---- publishing */

static uint32_t to_life(const struct link *link)
{
    return link->in.life > link->in.least_life ? link->in.life : link->in.least_life;
}

static void write_data_head(struct link *link, const struct link_sent *sent, uint32_t life,
                            uint64_t number)
{
    struct link_head head = {.flags = LINK_DATA,
                             .source = link->self->id,
                             .life = life,
                             .to_life = to_life(link),
                             .session = link->out.session,
                             .number = number,
                             .ack_session = link->in.session,
                             .ack = link->in.expected - 1,
                             .expires = sent->expires};
    link_head_write(&head, packet_bytes(sent->packet));
}

/* Numbers the first packet that has no number yet. */
static void number_next(struct link *link)
{
    struct link_out *out = &link->out;
    struct link_self *self = link->self;
    struct link_sent *sent = link_sent_at(out, out->numbered);
    if (out->session == 0) {
        out->session = ++self->last_session;
        out->first = 1;
        out->acked = out->lost_expires = 0;
        out->acked_at = self->now;
    }
    sent->expires = (uint64_t)((int64_t)(sent->since + LINK_LIFETIME) + self->clock_low);
    write_data_head(link, sent, self->life, out->first + out->numbered);
    out->numbered++;
    link->in.ack_at = 0;
    link->in.unacked_packets = 0;
    link->in.unacked_bytes = 0;
}

static bool is_too_old(const struct link *link, const struct link_sent *sent)
{
    uint64_t age = sent->expires == 0 ? LINK_LIFETIME : LINK_REPORT;
    return link->self->now >= sent->since + age;
}

struct message *link_next_data(struct link *link)
{
    struct link_out *out = &link->out;
    link_expire(link);
    if (out->published == out->count && out->open != NULL)
        close_open(link);
    if (out->published == out->count)
        return NULL;
    struct link_sent *sent = link_sent_at(out, out->published);
    if (sent->expires == 0) {
        if (is_too_old(link, sent))
            return NULL; /* its turn to be refused comes */
        number_next(link);
    }
    out->published++;
    out->spoke_at = link->self->now;
    return message_ref(sent->packet);
}

static bool packet_carries(const struct message *packet, struct slice room, struct slice sender)
{
    struct slice frames = message_text(packet);
    struct frame frame;
    frames.ptr += LINK_HEAD_SIZE;
    frames.len -= LINK_HEAD_SIZE;
    while (frame_next(&frames, &frame))
        if (frame_is_signal_of(&frame, room, sender))
            return true;
    return false;
}

bool link_carries(const struct link *link, struct slice room, struct slice sender)
{
    const struct link_out *out = &link->out;
    for (unsigned i = 0; i < out->count; i++)
        if (packet_carries(link_sent_at(out, i)->packet, room, sender))
            return true;
    return out->open != NULL && packet_carries(out->open, room, sender);
}

/* ---- what leaves the ring */

static struct message *ring_shift(struct link *link)
{
    struct link_out *out = &link->out;
    struct message *packet = link_sent_at(out, 0)->packet;
    if (out->numbered > 0) {
        out->numbered--;
        out->first++;
    }
    if (out->published > 0)
        out->published--;
    out->start = (out->start + 1) & (out->capacity - 1);
    out->count--;
    out->bytes -= packet->len;
    link->self->bytes -= packet->len;
    link->self->left++;
    return packet;
}

void link_acked(struct link *link, uint64_t number)
{
    struct link_out *out = &link->out;
    if (number <= out->acked)
        return;
    while (out->numbered > 0 && out->first <= number)
        message_unref(ring_shift(link));
    out->acked = number;
    out->acked_at = link->self->now;
}

/* fences: takes those, which are not refused; or NULL. */
static void refuse_but(struct link *link, struct message *packet, struct buf *fences)
{
    struct slice frames = message_text(packet);
    struct frame frame;
    frames.ptr += LINK_HEAD_SIZE;
    frames.len -= LINK_HEAD_SIZE;
    while (frame_next(&frames, &frame))
        if (fences != NULL && frame.kind == FRAME_FENCE)
            frame_encode(&frame, fences);
        else
            link->self->refuse(link->self->context, &frame);
    message_unref(packet);
}

static void refuse_frames(struct link *link, struct message *packet)
{
    refuse_but(link, packet, NULL);
}

void link_refuse_first(struct link *link)
{
    struct link_out *out = &link->out;
    if (out->numbered > 0)
        out->lost_expires = link_sent_at(out, 0)->expires;
    refuse_frames(link, ring_shift(link));
}

void link_refuse_all(struct link *link)
{
    if (link->out.open != NULL)
        close_open(link);
    while (link->out.count > 0)
        link_refuse_first(link);
}

static void add_again(struct link *link, struct buf *frames)
{
    struct slice bytes = buf_slice(frames);
    struct frame frame;
    while (frame_next(&bytes, &frame))
        if (!link_add(link, &frame))
            link->self->refuse(link->self->context, &frame);
    buf_done(frames);
}

/* Not the fences: what they follow was published, and may still arrive. */
void link_refuse_unpublished(struct link *link)
{
    struct link_out *out = &link->out;
    struct buf fences;
    buf_init(&fences, LINK_BYTES_MAX);
    if (out->open != NULL)
        close_open(link);
    unsigned count = out->count;
    for (unsigned i = out->numbered; i < count; i++) {
        struct message *packet = link_sent_at(out, i)->packet;
        out->bytes -= packet->len;
        link->self->bytes -= packet->len;
        link->self->left++;
        refuse_but(link, packet, &fences);
    }
    out->count = out->numbered;
    add_again(link, &fences);
}

void link_expire(struct link *link)
{
    struct link_out *out = &link->out;
    if (out->open != NULL && link->self->now >= out->open_since + LINK_LIFETIME)
        close_open(link);
    while (out->count > 0 && is_too_old(link, link_sent_at(out, 0)))
        link_refuse_first(link);
}

/* ---- the next session */

/* Writes the head for the new session. False: no memory for a copy of what the store still has. */
static bool renumber(struct link *link, struct link_sent *sent, uint64_t number)
{
    struct link_head head;
    struct slice bytes = message_text(sent->packet);
    link_head_read(&bytes, &head);
    if (sent->packet->refs > 1) {
        struct message *copy = message_of(message_text(sent->packet));
        if (copy == NULL)
            return false;
        message_unref(sent->packet);
        sent->packet = copy;
    }
    write_data_head(link, sent, head.life, number);
    return true;
}

/* Whether no receiver takes it any more, whatever its clock. In a new session it would only stand in
 * the way of what comes behind it. */
static bool is_over(const struct link *link, const struct link_sent *sent)
{
    int64_t earliest = (int64_t)link->self->now + link->self->clock_low;
    return earliest > 0 && sent->expires != 0 && sent->expires < (uint64_t)earliest;
}

void link_begin_session(struct link *link)
{
    struct link_out *out = &link->out;
    unsigned kept = 0, numbered = 0;
    out->session = ++link->self->last_session;
    for (unsigned i = 0; i < out->count; i++) {
        struct link_sent sent = *link_sent_at(out, i);
        if (i < out->numbered && (is_over(link, &sent) || !renumber(link, &sent, numbered + 1))) {
            out->bytes -= sent.packet->len;
            link->self->bytes -= sent.packet->len;
            refuse_frames(link, sent.packet);
        } else {
            numbered += i < out->numbered;
            *link_sent_at(out, kept++) = sent;
        }
    }
    out->count = kept;
    out->numbered = numbered;
    out->published = 0;
    out->first = 1;
    out->acked = out->lost_expires = 0;
    out->acked_at = link->self->now;
}
