#include "bytes.h"

#include <stdlib.h>
#include <string.h>

uint8_t *bytes_reserve(struct bytes *bytes, size_t count)
{
    if (bytes->length + count > bytes->capacity) {
        size_t capacity = 2 * bytes->capacity;
        if (capacity < bytes->length + count)
            capacity = bytes->length + count;
        bytes->at = realloc(bytes->at, capacity);
        if (!bytes->at)
            abort();
        bytes->capacity = capacity;
    }
    return bytes->at + bytes->length;
}

void bytes_append(struct bytes *bytes, const void *from, size_t count)
{
    memcpy(bytes_reserve(bytes, count), from, count);
    bytes->length += count;
}

void bytes_consume(struct bytes *bytes, size_t count)
{
    bytes->length -= count;
    memmove(bytes->at, bytes->at + count, bytes->length);
}

void bytes_done(struct bytes *bytes)
{
    free(bytes->at);
    *bytes = (struct bytes){0};
}
