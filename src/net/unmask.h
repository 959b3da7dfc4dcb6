/* What stands between a client's bytes and wslay: takes the masks off (RFC 6455 section 5.3).
 *
 * wslay unmasks byte by byte, with a remainder by 4 for each, and through a buffer of its own: some
 * 6 cycles a byte, which would be most of what a message costs. So wslay is shown the headers alone,
 * their MASK bit cleared and their key withheld. Of a payload it is only told how many bytes there
 * are: it counts them and hands the count back, and then they are unmasked where they lie. Whether a
 * frame is legal is wslay's and ws.c's to say. A frame that came without a mask is refused. */
#ifndef ROOMLINE_NET_UNMASK_H
#define ROOMLINE_NET_UNMASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define UNMASK_HEADER_MAX 14 /* 2, 8 of length, 4 of key */
#define UNMASK_OUTPUT_MIN 10 /* a header without its key: the least room unmask_show() needs */

/* Bytes that came, to be read from the front; they may be changed. */
struct unmask_input {
    char *at;
    size_t len;
};

struct unmask {
    unsigned char header[UNMASK_HEADER_MAX];
    unsigned char have; /* bytes in header, while it is not complete */
    bool refused;
    unsigned char key[4];  /* turned so that key[0] is for the next byte */
    uint64_t payload_left; /* of the present frame */
};

/* What wslay gets to see: a header, written to `output`, or a number of payload bytes, which nobody
 * writes and which stay in the input until unmask_take(). Returns how many; 0: no more came, or
 * `refused` was set, where a frame had no mask. */
size_t unmask_show(struct unmask *unmask, struct unmask_input *input, unsigned char *output,
                   size_t size);

/* Unmasks so many bytes of what unmask_show() told of, in their place, and takes them off the
 * input. */
char *unmask_take(struct unmask *unmask, struct unmask_input *input, size_t len);

/* A frame that came whole, whose first byte is `first` and whose payload is at most `max` bytes: takes
 * it off the input and unmasks it, in its place. False for any other, of which nothing is touched;
 * also for one that claims a length in more bytes than it takes, or as many as 64 KiB. */
bool unmask_whole(struct unmask_input *input, unsigned char first, size_t max,
                  struct slice *ret_payload);

/* Whether what came so far ends with a whole frame. */
static inline bool unmask_at_boundary(const struct unmask *unmask)
{
    return unmask->have == 0 && unmask->payload_left == 0;
}

#endif
