/*
 * WebSocket frames (RFC 6455, section 5.2), as the load generator and the limit server need them.
 * On purpose not the server's code: the measure must not share faults with what it measures.
 */
#ifndef BENCH_FRAME_H
#define BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_CONTINUATION = 0x0,
    FRAME_TEXT = 0x1,
    FRAME_BINARY = 0x2,
    FRAME_CLOSE = 0x8,
    FRAME_PING = 0x9,
    FRAME_PONG = 0xA,
    FRAME_HEAD_MAX = 14, /* bytes: 2, a length of 8, a mask of 4 */
};

struct frame {
    bool fin;
    bool masked;
    uint8_t opcode;
    uint8_t mask[4];
    size_t head;     /* bytes before the payload */
    uint64_t length; /* bytes of payload */
};

/* Reads the head of a frame. 1: it is whole; 0: more bytes are needed. */
int frame_parse(const uint8_t *bytes, size_t available, struct frame *ret_frame);

/* Writes the head of a final frame, with `mask` unless that is NULL; returns its size. */
size_t frame_write_head(uint8_t *out, uint8_t opcode, size_t length, const uint8_t *mask);

/* XORs with the mask. `out` may be `in` or lie before it, overlapping. */
void frame_mask(uint8_t *out, const uint8_t *in, size_t length, const uint8_t mask[4]);

#endif
