#include "base/text.h"

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

static size_t sequence_of_three(const unsigned char *at)
{
    if (!is_continuation(at[1]) || !is_continuation(at[2]))
        return 0;
    if (at[0] == 0xe0 && at[1] < 0xa0)
        return 0; /* overlong */
    if (at[0] == 0xed && at[1] > 0x9f)
        return 0; /* surrogate */
    return 3;
}

static size_t sequence_of_four(const unsigned char *at)
{
    if (!is_continuation(at[1]) || !is_continuation(at[2]) || !is_continuation(at[3]))
        return 0;
    if (at[0] == 0xf0 && at[1] < 0x90)
        return 0; /* overlong */
    if (at[0] == 0xf4 && at[1] > 0x8f)
        return 0; /* above U+10FFFF */
    return 4;
}

size_t text_utf8_sequence(const unsigned char *at, const unsigned char *end)
{
    size_t left = (size_t)(end - at);
    if (left == 0)
        return 0;
    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        return left >= 2 && is_continuation(at[1]) ? 2 : 0;
    if (at[0] >= 0xe0 && at[0] <= 0xef)
        return left >= 3 ? sequence_of_three(at) : 0;
    if (at[0] >= 0xf0 && at[0] <= 0xf4)
        return left >= 4 ? sequence_of_four(at) : 0;
    return 0;
}

bool text_is_utf8(struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.ptr;
    const unsigned char *end = at + text.len;
    while (at < end) {
        size_t len = text_utf8_sequence(at, end);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || c1)
            return true;
    }
    return false;
}

static bool is_name(struct slice name, size_t max)
{
    return name.len >= 1 && name.len <= max && text_is_utf8(name) && !has_control(name);
}

bool text_is_room_name(struct slice name)
{
    return is_name(name, ROOM_NAME_MAX) && memchr(name.ptr, '/', name.len) == NULL;
}

bool text_is_peer_name(struct slice name)
{
    return is_name(name, PEER_NAME_MAX);
}

static void add_escaped(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"': buf_add(out, "\\\"", 2); break;
    case '\\': buf_add(out, "\\\\", 2); break;
    default: buf_add_format(out, "\\u%04x", c);
    }
}

void text_add_json(struct buf *out, struct slice text)
{
    size_t start = 0;
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(out, text.ptr + start, i - start);
        add_escaped(out, c);
        start = i + 1;
    }
    buf_add(out, text.ptr + start, text.len - start);
    buf_add_char(out, '"');
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_percent_decode(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            buf_add_char(out, text.ptr[i]);
            continue;
        }
        int high = text.len - i > 2 ? hex_digit(text.ptr[i + 1]) : -1;
        int low = text.len - i > 2 ? hex_digit(text.ptr[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        buf_add_char(out, (char)(high << 4 | low));
        i += 2;
    }
    return !buf_failed(out);
}

size_t text_utf8_encode(uint32_t code_point, char ret_bytes[4])
{
    if (code_point < 0x80) {
        ret_bytes[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        ret_bytes[0] = (char)(0xc0 | code_point >> 6);
        ret_bytes[1] = (char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        ret_bytes[0] = (char)(0xe0 | code_point >> 12);
        ret_bytes[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
        ret_bytes[2] = (char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    ret_bytes[0] = (char)(0xf0 | code_point >> 18);
    ret_bytes[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
    ret_bytes[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
    ret_bytes[3] = (char)(0x80 | (code_point & 0x3f));
    return 4;
}
