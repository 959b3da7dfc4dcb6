/* The other end of a hub's or a worker's socket, driven by a test byte by byte. */
#ifndef ROOMLINE_TESTS_BUS_FAR_END_H
#define ROOMLINE_TESTS_BUS_FAR_END_H

#include <uv.h>

#include "bus/packet.h"
#include "core/frame.h"

struct far_end {
    uv_loop_t *loop; /* is run while something is waited for */
    int fd;
    enum packet_side peer; /* who sits at the near end */
    struct buf in;         /* read, not taken */
    struct slice taken;    /* the packet that was taken last */
};

/* Returns the near end, for the code under test. */
int far_end_open(struct far_end *far, uv_loop_t *loop, enum packet_side peer);
void far_end_close(struct far_end *far);

void far_end_write(struct far_end *far, struct slice bytes);
void far_end_send(struct far_end *far, enum packet_kind kind, struct slice payload);
void far_end_send_frame(struct far_end *far, const struct frame *frame);

/* Waits for the next packet; fails the test when none comes. Valid until the next call. */
enum packet_kind far_end_take(struct far_end *far, struct slice *ret_payload);
void far_end_take_frame(struct far_end *far, struct frame *ret_frame);

/* Whether the near end has closed, after what was sent is read. */
bool far_end_is_closed(struct far_end *far);

/* Runs the loop until `done`; fails the test when that takes too long. */
void run_until(uv_loop_t *loop, bool (*done)(void *context), void *context);

#endif
