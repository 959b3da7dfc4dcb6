/* The bus of an instance with one worker: the directory lives in this process. */
#ifndef ROOMLINE_BUS_LOCAL_H
#define ROOMLINE_BUS_LOCAL_H

#include "bus/bus.h"
#include "core/directory.h"

/* `options` as for directory_new(); their send and context are ours. Set on_frame and context of
 * the bus next. NULL: no memory. */
struct bus *local_bus_new(const struct directory_options *options, uint64_t now);
void local_bus_free(struct bus *bus);

/* Time passes: peers whose window is over leave. */
void local_bus_tick(struct bus *bus, uint64_t now);

/* The process ends: directory_end(). Flush. */
void local_bus_end(struct bus *bus);

size_t local_bus_rooms(const struct bus *bus);

#endif
