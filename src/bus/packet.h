/* What goes over the socket between supervisor and worker: packets of u32 length (of what follows,
 * little endian), u8 kind, payload. Most are frames; the rest is how the supervisor rules its
 * workers. */
#ifndef ROOMLINE_BUS_PACKET_H
#define ROOMLINE_BUS_PACKET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

#define PACKET_HEADER_SIZE 5

/* Bytes of payload: the largest message that can be configured, and its envelope. */
#define PACKET_MAX ((size_t)72 << 20)

/* X(name, from the supervisor, from a worker, least payload, most payload) */
#define PACKET_KINDS(X)                                                                            \
    X(FRAME, true, true, 1, PACKET_MAX)                                                            \
    X(HELLO, true, false, 1, (size_t)2 << 20) /* app/hello.h */                                    \
    X(READY, false, true, 0, 0)               /* the worker accepts connections */                 \
    X(DRAIN, true, false, 0, 0)               /* say on /readyz that the end is near */            \
    X(GOAWAY, true, false, 0, 0)              /* stop accepting, send goaways */                   \
    X(STOP, true, false, 0, 0)                /* close everybody with 1012, exit */                \
    X(RELOAD, true, false, 0, 0)              /* read certificates and files again */              \
    X(RELOADED, false, true, 0, 0)            /* that was tried, and logged */                     \
    X(TICKET_KEYS, true, false, 1, 4096)      /* new keys for TLS session tickets */               \
    X(DEAD, true, false, 8, 8)                /* worker_id of one that crashed, for Redis */       \
    X(PROBE, true, true, 8, 8)                /* comes back as it was: hub_link_probe() */         \
    X(CONTROL, true, true, 1,                                                                      \
      (size_t)17 << 20) /* a frame: what the supervisor asks by way of a   \
                                                   worker, and what comes back */

enum packet_kind {
#define X(name, down, up, least, most) PACKET_##name,
    PACKET_KINDS(X)
#undef X
        PACKET_KIND_COUNT,
};

enum packet_side { PACKET_FROM_SUPERVISOR, PACKET_FROM_WORKER };

/* False where it does not fit: then `out` is as it was. */
bool packet_add(struct buf *out, enum packet_kind kind, struct slice payload);

/* The same for a payload that is written in place: packet_begin(), append to out, packet_end(). */
size_t packet_begin(struct buf *out, enum packet_kind kind);
bool packet_end(struct buf *out, size_t begin);

/* Takes the first packet off `bytes`. 1; 0 where it is not whole yet; -1 where that side sends no
 * such packet. */
int packet_next(struct slice *bytes, enum packet_side from, enum packet_kind *ret_kind,
                struct slice *ret_payload);

#endif
