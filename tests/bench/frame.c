#include "frame.h"

#include <string.h>

typedef uint8_t lane __attribute__((vector_size(16)));

static uint64_t read_big_endian(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static size_t length_bytes(uint8_t seven_bits)
{
    return seven_bits == 127 ? 8 : seven_bits == 126 ? 2 : 0;
}

int frame_parse(const uint8_t *bytes, size_t available, struct frame *ret_frame)
{
    if (available < 2)
        return 0;
    uint8_t seven_bits = bytes[1] & 0x7F;
    size_t extended = length_bytes(seven_bits);
    ret_frame->fin = bytes[0] & 0x80;
    ret_frame->opcode = bytes[0] & 0x0F;
    ret_frame->masked = bytes[1] & 0x80;
    ret_frame->head = 2 + extended + (ret_frame->masked ? 4 : 0);
    if (available < ret_frame->head)
        return 0;
    ret_frame->length = extended ? read_big_endian(bytes + 2, extended) : seven_bits;
    if (ret_frame->masked)
        memcpy(ret_frame->mask, bytes + 2 + extended, 4);
    return 1;
}

size_t frame_write_head(uint8_t *out, uint8_t opcode, size_t length, const uint8_t *mask)
{
    uint8_t seven_bits = length < 126 ? (uint8_t)length : length <= 0xFFFF ? 126 : 127;
    size_t extended = length_bytes(seven_bits);
    out[0] = 0x80 | opcode;
    out[1] = (mask ? 0x80 : 0) | seven_bits;
    for (size_t i = 0; i < extended; i++)
        out[2 + i] = (uint8_t)((uint64_t)length >> (8 * (extended - 1 - i)));
    if (mask)
        memcpy(out + 2 + extended, mask, 4);
    return 2 + extended + (mask ? 4 : 0);
}

/* All of a step is loaded before it is stored, so an `out` before `in` never overwrites unread bytes. */
void frame_mask(uint8_t *out, const uint8_t *in, size_t length, const uint8_t mask[4])
{
    lane key;
    for (size_t i = 0; i < sizeof(key); i += 4)
        memcpy((uint8_t *)&key + i, mask, 4);
    size_t i = 0;
    for (; i + 2 * sizeof(lane) <= length; i += 2 * sizeof(lane)) {
        lane first, second;
        memcpy(&first, in + i, sizeof(first));
        memcpy(&second, in + i + sizeof(first), sizeof(second));
        first ^= key;
        second ^= key;
        memcpy(out + i, &first, sizeof(first));
        memcpy(out + i + sizeof(first), &second, sizeof(second));
    }
    for (; i < length; i++)
        out[i] = in[i] ^ mask[i & 3];
}
