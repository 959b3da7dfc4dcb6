#include "base/ring.h"

#include <string.h>

#include "base/mem.h"

void *ring_grow(void *ring, size_t capacity, size_t first, size_t larger, size_t size)
{
    char *grown = mem_alloc(larger * size);
    if (grown == NULL)
        return NULL;
    if (capacity > 0) {
        size_t behind = (capacity - first) * size;
        memcpy(grown, (char *)ring + first * size, behind);
        memcpy(grown + behind, ring, first * size);
    }
    mem_free(ring);
    return grown;
}
