/* Documents of control.h in a form in which those of two directories can be compared: versions
 * count from a base, clocks do not matter, and what has no order is sorted. */
#ifndef ROOMLINE_TESTS_REDIS_ALIKE_H
#define ROOMLINE_TESTS_REDIS_ALIKE_H

#include "core/control.h"

/* The version of a room as it counts from there; 0 stays 0. */
typedef uint64_t (*alike_version)(struct slice room, uint64_t version);

/* Settings of this room. */
void alike_settings(struct buf *out, struct slice settings, struct slice room, alike_version since);

/* The data of a FRAME_CONTROLLED that answers this ask. */
void alike_answer(struct buf *out, struct slice data, const struct frame *ask, alike_version since);

/* A document as an administrator may send it for this op; some are none. `random` is below its
 * argument. */
void alike_random_data(struct buf *out, enum control_op op, uint32_t (*random)(uint32_t));

/* What a worker may know of a room. */
void alike_random_settings(struct buf *out, uint64_t version, uint32_t (*random)(uint32_t));

#endif
