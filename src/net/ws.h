/* WebSocket frames (RFC 6455 section 5) out of bytes, and messages out of frames; the only file
 * that knows wslay.
 *
 * wslay's frame layer holds a 4 KiB buffer, so a connection has one only while a frame is under
 * way: readers are lent from a pool of the loop and go back at each frame boundary. */
#ifndef ROOMLINE_NET_WS_H
#define ROOMLINE_NET_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/message.h"
#include "base/slice.h"

#define WS_CONTROL_MAX 125 /* bytes of a control frame's payload, RFC 6455 section 5.5 */

enum ws_opcode {
    WS_CONTINUATION = 0x0,
    WS_TEXT = 0x1,
    WS_BINARY = 0x2,
    WS_CLOSE = 0x8,
    WS_PING = 0x9,
    WS_PONG = 0xa,
};

/* 0: no limit. */
struct ws_limits {
    size_t message_size;
    size_t fragments; /* of a message */
    size_t control_frames_per_second;
};

struct ws_reader;

/* Readers that nobody uses at the moment, a few of them kept. */
struct ws_pool {
    struct ws_reader *idle;
    unsigned count;
};

/* The receiving side of one connection. All zero at the start. */
struct ws {
    struct ws_reader *reader; /* NULL between frames */
    struct message *partial;  /* text of a message that comes in more than one read or frame */
    uint32_t fragments;       /* of it; 0: none is under way */
    uint32_t control_frames;  /* within control_second, but for pongs that were asked for */
    uint32_t control_second;
    uint32_t pongs_due;        /* to pings of ours: the owner counts them up */
    uint64_t unfinished_since; /* ms; when the message began that is not whole yet; 0: none is */
};

struct ws_events {
    /* A whole text message, valid for the call. */
    void (*on_message)(void *context, struct slice text);

    /* A ping, pong or close frame; the payload is valid for the call. False: read no further. */
    bool (*on_control)(void *context, enum ws_opcode opcode, struct slice payload);
};

/* Reads all of the bytes, and overwrites them: what they mask is unmasked in its place, so that a
 * message that came whole is not copied. CLOSE_NONE, or the code to fail the connection with: then
 * nothing may be fed any more. */
enum close_code ws_feed(struct ws *ws, struct ws_pool *pool, const struct ws_limits *limits,
                        char *bytes, size_t len, uint64_t now, const struct ws_events *events,
                        void *context);

void ws_done(struct ws *ws);

void ws_pool_done(struct ws_pool *pool);

/* A whole control frame, to be written as it is. NULL: no memory. */
struct message *ws_control_frame(enum ws_opcode opcode, struct slice payload);

/* A close frame with a reason of at most 123 bytes. Code 0: without payload. */
struct message *ws_close_frame(unsigned code, const char *reason);

/* Reads a close frame's payload: *ret_code is 0 where it has none. CLOSE_NONE, or what is wrong
 * with it. */
enum close_code ws_close_read(struct slice payload, unsigned *ret_code);

#endif
