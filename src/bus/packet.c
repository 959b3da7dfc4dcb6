#include "bus/packet.h"

#include <stdint.h>
#include <string.h>

static const struct {
    bool sent_by[2]; /* by enum packet_side */
    size_t least, most;
} kinds[PACKET_KIND_COUNT] = {
#define X(name, down, up, least, most) {{down, up}, least, most},
    PACKET_KINDS(X)
#undef X
};

static void put_length(char *at, uint32_t length)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(length >> (8 * i));
}

static uint32_t get_length(const char *at)
{
    uint32_t length = 0;
    for (int i = 0; i < 4; i++)
        length |= (uint32_t)(unsigned char)at[i] << (8 * i);
    return length;
}

size_t packet_begin(struct buf *out, enum packet_kind kind)
{
    size_t begin = out->len;
    char header[PACKET_HEADER_SIZE] = {0, 0, 0, 0, (char)kind};
    buf_add(out, header, sizeof(header));
    return begin;
}

bool packet_end(struct buf *out, size_t begin)
{
    size_t length = out->len - begin - 4;
    if (buf_failed(out) || length - 1 > PACKET_MAX) {
        out->len = begin;
        out->failed = false;
        return false;
    }
    put_length(out->data + begin, (uint32_t)length);
    return true;
}

bool packet_add(struct buf *out, enum packet_kind kind, struct slice payload)
{
    size_t begin = packet_begin(out, kind);
    buf_add_slice(out, payload);
    return packet_end(out, begin);
}

int packet_next(struct slice *bytes, enum packet_side from, enum packet_kind *ret_kind,
                struct slice *ret_payload)
{
    if (bytes->len < PACKET_HEADER_SIZE)
        return 0;
    size_t length = get_length(bytes->ptr);
    unsigned char kind = (unsigned char)bytes->ptr[4];
    if (length == 0 || kind >= PACKET_KIND_COUNT || !kinds[kind].sent_by[from])
        return -1;
    if (length - 1 < kinds[kind].least || length - 1 > kinds[kind].most)
        return -1;
    if (bytes->len - 4 < length)
        return 0;
    *ret_kind = (enum packet_kind)kind;
    *ret_payload = (struct slice){bytes->ptr + PACKET_HEADER_SIZE, length - 1};
    bytes->ptr += 4 + length;
    bytes->len -= 4 + length;
    return 1;
}
