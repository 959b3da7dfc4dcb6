#include "bus/hub_link.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/channel.h"

struct hub_link {
    struct bus bus; /* first, so that one is the other */
    struct channel channel;
    struct hub_link_events events;
    struct histogram *round_trip; /* of probes; NULL: there was none */
    struct buf refused; /* encoded answers to what could not be sent, for the next flush */
};

static struct hub_link *link_of_bus(struct bus *bus)
{
    return (struct hub_link *)bus;
}

static struct hub_link *link_of_channel(struct channel *channel)
{
    return (struct hub_link *)((char *)channel - offsetof(struct hub_link, channel));
}

/* --- out --- */

static void refuse(struct hub_link *link, const struct frame *frame)
{
    struct frame answer;
    if (!bus_refuse(frame, &answer)) {
        log_event(LOG_ERROR, "frame-dropped", LOG_STR("frame", frame_name(frame->kind)), LOG_END);
        return;
    }
    frame_encode(&answer, &link->refused);
}

static void link_send(struct bus *bus, const struct frame *frame)
{
    struct hub_link *link = link_of_bus(bus);
    struct frame answer;
    bool full = channel_waiting(&link->channel) > BUS_WAITING_MAX;
    if (full && bus_refuse_waiting(frame, &answer))
        refuse(link, frame);
    else if (!channel_send_frame(&link->channel, frame))
        refuse(link, frame);
}

static void deliver_refused(struct hub_link *link)
{
    struct buf now = link->refused;
    struct slice bytes = buf_slice(&now);
    buf_init(&link->refused, BUS_WAITING_MAX);
    while (bytes.len > 0) {
        struct frame frame;
        size_t len = (size_t)frame_measure(bytes, BUS_WAITING_MAX);
        if (frame_decode((struct slice){bytes.ptr, len}, &frame) == 0)
            link->bus.on_frame(link->bus.context, &frame);
        bytes.ptr += len;
        bytes.len -= len;
    }
    buf_done(&now);
}

static void link_flush(struct bus *bus)
{
    struct hub_link *link = link_of_bus(bus);
    if (link->refused.len > 0)
        deliver_refused(link);
    channel_flush(&link->channel);
}

void hub_link_probe(struct bus *bus, struct histogram *round_trip)
{
    struct hub_link *link = link_of_bus(bus);
    uint64_t now = uv_hrtime();
    link->round_trip = round_trip;
    channel_send(&link->channel, PACKET_PROBE, (struct slice){(const char *)&now, sizeof(now)});
}

static void on_probe(struct hub_link *link, struct slice payload)
{
    uint64_t sent;
    memcpy(&sent, payload.ptr, sizeof(sent)); /* its size is the kind's */
    if (link->round_trip != NULL)
        histogram_add(link->round_trip, &histogram_slow, (uv_hrtime() - sent) / 1000);
}

void hub_link_control(struct hub_link *link, enum packet_kind kind)
{
    channel_send(&link->channel, kind, SLICE_NONE);
    channel_flush(&link->channel);
}

void hub_link_answer(struct hub_link *link, const struct frame *answer)
{
    const struct frame none = {
        .kind = answer->kind, .request = answer->request, .error = ERR_UNAVAILABLE};
    bool full = channel_waiting(&link->channel) > BUS_WAITING_MAX;
    channel_send_packed(&link->channel, PACKET_CONTROL, full ? &none : answer);
}

/* --- in --- */

static void on_packet(struct channel *channel, enum packet_kind kind, struct slice payload)
{
    struct hub_link *link = link_of_channel(channel);
    struct frame frame;
    if (kind == PACKET_PROBE)
        on_probe(link, payload);
    else if (kind != PACKET_FRAME)
        link->events.on_control(link->events.context, kind, payload);
    else if (link->bus.on_frame == NULL || frame_decode(payload, &frame) != 0)
        channel_break(channel, "malformed frame");
    else
        link->bus.on_frame(link->bus.context, &frame);
}

static void on_lost(struct channel *channel, const char *cause)
{
    struct hub_link *link = link_of_channel(channel);
    link->events.on_lost(link->events.context, cause);
}

static void on_closed(struct channel *channel)
{
    struct hub_link *link = link_of_channel(channel);
    buf_done(&link->refused);
    mem_free(link);
}

/* --- life --- */

struct hub_link *hub_link_open(uv_loop_t *loop, int fd, const struct hub_link_events *events,
                               int *ret_error)
{
    static const struct channel_events channel_events = {on_packet, on_lost, on_closed};
    struct hub_link *link = mem_must(sizeof(*link));
    link->bus = (struct bus){.send = link_send, .flush = link_flush};
    link->events = *events;
    buf_init(&link->refused, BUS_WAITING_MAX);
    *ret_error = channel_open(&link->channel, loop, fd, PACKET_FROM_SUPERVISOR, &channel_events);
    if (*ret_error == 0)
        return link;
    hub_link_close(link);
    return NULL;
}

void hub_link_close(struct hub_link *link)
{
    if (link != NULL)
        channel_close(&link->channel);
}

struct bus *hub_link_bus(struct hub_link *link)
{
    return &link->bus;
}
