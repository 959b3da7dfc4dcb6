/* A filter below wslay that takes the masks off (RFC 6455 section 5.3).
 *
 * wslay unmasks byte by byte, through memory, with a remainder by 4 for each: some 6 cycles a byte,
 * which would be most of what a message costs. So it is given frames that are not masked: this
 * filter clears the MASK bit, withholds the key, and applies it while it copies the payload to
 * where wslay wants it. It reads no more of a header than it needs for that; whether a frame is
 * legal is wslay's and ws.c's to say. A frame that came without a mask is refused. */
#ifndef ROOMLINE_NET_UNMASK_H
#define ROOMLINE_NET_UNMASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define UNMASK_HEADER_MAX 14 /* 2, 8 of length, 4 of key */
#define UNMASK_OUTPUT_MIN                                                                          \
    10 /* a header without its key: the least room unmask_copy() can work with */

struct unmask {
    unsigned char header[UNMASK_HEADER_MAX];
    unsigned char have; /* bytes in header, while it is not complete */
    bool refused;
    unsigned char key[4];  /* turned so that key[0] is for the next byte */
    uint64_t payload_left; /* of the present frame */
};

/* Moves bytes from the input, less the masks. Returns how many were written; refused is set where a
 * frame had no mask. */
size_t unmask_copy(struct unmask *unmask, struct slice *input, unsigned char *output, size_t size);

/* Whether what came so far ends with a whole frame. */
static inline bool unmask_at_boundary(const struct unmask *unmask)
{
    return unmask->have == 0 && unmask->payload_left == 0;
}

#endif
