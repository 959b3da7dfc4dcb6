/* Numbers and texts as frames and control documents hold them: little-endian; a text is u32 length
 * and bytes. The put functions return where the next goes; the take functions take off the front,
 * false where it is not all there. */
#ifndef ROOMLINE_CORE_WIRE_H
#define ROOMLINE_CORE_WIRE_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

static inline char *wire_put_u32(char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static inline char *wire_put_u24(char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, 3);
    return at + 3;
}

static inline char *wire_put_u64(char *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static inline char *wire_put_bytes(char *at, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(at, bytes, len);
    return at + len;
}

static inline char *wire_put_text(char *at, struct slice text)
{
    return wire_put_bytes(wire_put_u32(at, (uint32_t)text.len), text.ptr, text.len);
}

static inline bool wire_take(struct slice *from, void *ret_bytes, size_t len)
{
    if (from->len < len)
        return false;
    memcpy(ret_bytes, from->ptr, len);
    from->ptr += len;
    from->len -= len;
    return true;
}

static inline bool wire_take_u8(struct slice *from, uint8_t *ret_value)
{
    return wire_take(from, ret_value, sizeof(*ret_value));
}

static inline bool wire_take_u32(struct slice *from, uint32_t *ret_value)
{
    if (!wire_take(from, ret_value, sizeof(*ret_value)))
        return false;
    *ret_value = le32toh(*ret_value);
    return true;
}

static inline bool wire_take_u24(struct slice *from, uint32_t *ret_value)
{
    *ret_value = 0;
    if (!wire_take(from, ret_value, 3))
        return false;
    *ret_value = le32toh(*ret_value);
    return true;
}

static inline bool wire_take_u64(struct slice *from, uint64_t *ret_value)
{
    if (!wire_take(from, ret_value, sizeof(*ret_value)))
        return false;
    *ret_value = le64toh(*ret_value);
    return true;
}

static inline bool wire_take_text(struct slice *from, struct slice *ret_text, size_t max)
{
    uint32_t len;
    if (!wire_take_u32(from, &len) || len > from->len || len > max)
        return false;
    *ret_text = (struct slice){from->ptr, len};
    from->ptr += len;
    from->len -= len;
    return true;
}

#endif
