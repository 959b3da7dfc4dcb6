/* One end of the socket between supervisor and worker: packets in, packets out.
 *
 * What is sent in one pass of the loop goes out with one write, at channel_flush(). */
#ifndef ROOMLINE_BUS_CHANNEL_H
#define ROOMLINE_BUS_CHANNEL_H

#include <uv.h>

#include "bus/bus.h"
#include "bus/packet.h"

struct channel;

struct channel_events {
    /* A packet of the other side, valid for the call. May close the channel. */
    void (*on_packet)(struct channel *channel, enum packet_kind kind, struct slice payload);

    /* The other side is gone or not to be trusted. At most once, never from a call of ours; close
     * the channel. */
    void (*on_lost)(struct channel *channel, const char *cause);

    /* After channel_close(): the memory may be freed. */
    void (*on_closed)(struct channel *channel);
};

struct channel {
    uv_pipe_t pipe;
    uv_write_t write;
    const struct channel_events *events;
    enum packet_side peer; /* who is on the other side */
    struct buf in;
    struct buf out;     /* sent since the last flush */
    struct buf writing; /* in libuv's hands while `busy` */
    size_t unwritten;   /* bytes of `writing` that the socket has not taken */
    bool busy;
    bool closing;
    bool told;          /* on_lost was called */
    const char *broken; /* why on_lost is due; NULL: all is well */
};

/* Takes over the socket, also where this fails. 0 or a libuv error; either way
 * channel_close() must follow at the end. */
int channel_open(struct channel *channel, uv_loop_t *loop, int fd, enum packet_side peer,
                 const struct channel_events *events);

/* The other side did what it must not: takes no more packets of it, and reports the loss soon. */
void channel_break(struct channel *channel, const char *cause);

/* Idempotent. */
void channel_close(struct channel *channel);

void channel_send(struct channel *channel, enum packet_kind kind, struct slice payload);

/* False where the frame cannot be sent at all: it is larger than any packet may be. */
bool channel_send_frame(struct channel *channel, const struct frame *frame);

/* The same as a packet of this kind. */
bool channel_send_packed(struct channel *channel, enum packet_kind kind, const struct frame *frame);

/* Bytes that the other side has not read. */
size_t channel_waiting(const struct channel *channel);

/* Writes what was sent; reports a loss that was noticed meanwhile. */
void channel_flush(struct channel *channel);

#endif
