/* What the connections of one loop that we make ourselves share: the scratch memory of their
 * streams, and two handles that flush them before and after the loop waits. */
#ifndef ROOMLINE_NET_OUTGOING_H
#define ROOMLINE_NET_OUTGOING_H

#include <uv.h>

#include "net/stream.h"

struct outgoing;

/* Does not keep the loop alive. NULL: no memory. */
struct outgoing *outgoing_new(uv_loop_t *loop);

struct stream_loop *outgoing_streams(struct outgoing *outgoing);

/* To be called when its last stream is closed; its memory goes with the loop's next passes. */
void outgoing_close(struct outgoing *outgoing);

#endif
