/* Rings of items that are looked up by place: (first + n) modulo a capacity that is a power of two. */
#ifndef ROOMLINE_BASE_RING_H
#define ROOMLINE_BASE_RING_H

#include <stddef.h>

/* Makes a full ring larger, of `larger` items of `size` bytes: the first item is at place 0 then.
 * NULL: no memory, and nothing has changed. */
void *ring_grow(void *ring, size_t capacity, size_t first, size_t larger, size_t size);

#endif
