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
    const unsigned char *end = text.len > 0 ? at + text.len : at;
    while (at < end) {
        size_t len = text_utf8_sequence(at, end);
        if (len == 0)
            return false;
        at += len;
    }
    return true;
}

bool text_has_control(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || c1)
            return true;
    }
    return false;
}

/* What a byte may do as it is. Names are met with each signal, hence a table. */
#define IN_NAME 1 /* printable ASCII */
#define IN_JSON 2 /* of that, what stands in a JSON string unescaped */

static const unsigned char may[256] = {
    [' ' ... '!'] = IN_NAME | IN_JSON, ['"'] = IN_NAME,
    ['#' ... '['] = IN_NAME | IN_JSON, ['\\'] = IN_NAME,
    [']' ... '~'] = IN_NAME | IN_JSON,
};

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* Whether all eight bytes are printable ASCII. */
static bool is_printable_word(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    uint64_t low = word - EACH_BYTE(0x20);  /* borrows where a byte is below the space */
    uint64_t high = word + EACH_BYTE(0x01); /* reaches 0x80 from DEL */
    return ((word | low | high) & EACH_BYTE(0x80)) == 0;
}

static uint64_t has_byte(uint64_t word, unsigned char c)
{
    uint64_t zero = word ^ EACH_BYTE(c);
    return (zero - EACH_BYTE(0x01)) & ~zero & EACH_BYTE(0x80);
}

/* Whether a JSON string holds all eight bytes as they are. */
static bool is_json_word(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return is_printable_word(bytes) && (has_byte(word, '"') | has_byte(word, '\\')) == 0;
}

/* Whether all bytes are what `is_word` says of eight and `allowed` of one. The last eight may be
 * looked at together with some before them. */
static inline __attribute__((always_inline)) bool is_all(struct slice text,
                                                         bool (*is_word)(const char *bytes),
                                                         unsigned allowed)
{
    size_t i = 0;
    if (text.len < 8) {
        while (i < text.len && (may[(unsigned char)text.ptr[i]] & allowed) != 0)
            i++;
        return i == text.len;
    }
    while (text.len - i > 8 && is_word(text.ptr + i))
        i += 8;
    return text.len - i <= 8 && is_word(text.ptr + text.len - 8);
}

static bool is_name(struct slice name, size_t max)
{
    if (is_all(name, is_printable_word, IN_NAME)) /* most are; the rest is for the others */
        return name.len >= 1 && name.len <= max;
    return name.len >= 1 && name.len <= max && text_is_utf8(name) && !text_has_control(name);
}

bool text_is_room_name(struct slice name)
{
    return is_name(name, ROOM_NAME_MAX) && memchr(name.ptr, '/', name.len) == NULL;
}

bool text_is_peer_name(struct slice name)
{
    return is_name(name, PEER_NAME_MAX);
}

static void add_unit(struct buf *out, unsigned unit)
{
    static const char digits[] = "0123456789abcdef";
    char escape[] = {'\\', 'u', '0', '0', digits[unit >> 4 & 15], digits[unit & 15]};
    buf_add(out, escape, sizeof(escape));
}

/* The sequence of `len` bytes at `at`, which is not to stand in the JSON text as it is; 0: a byte
 * that is not UTF-8. */
static void add_escaped(struct buf *out, const unsigned char *at, size_t len)
{
    static const char short_escapes[256] = {
        ['"'] = '"', ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    };
    if (len == 0) {
        buf_add_text(out, "\xef\xbf\xbd");
    } else if (len == 2) {
        add_unit(out, at[1]); /* C1: U+0080 to U+009F are C2 80 to C2 9F */
    } else if (short_escapes[*at] != 0) {
        buf_add_char(out, '\\');
        buf_add_char(out, short_escapes[*at]);
    } else {
        add_unit(out, *at);
    }
}

static bool stands_as_it_is(const unsigned char *at, size_t len)
{
    if (len == 1)
        return *at >= 0x20 && *at != '"' && *at != '\\' && *at != 0x7f;
    return len > 2 || (len == 2 && !(at[0] == 0xc2 && at[1] < 0xa0));
}

static void add_as_it_is(struct buf *out, struct slice text)
{
    char *at = buf_reserve(out, text.len + 2);
    if (at == NULL)
        return;
    at[0] = at[text.len + 1] = '"';
    memcpy(at + 1, text.ptr, text.len);
    out->len += text.len + 2;
}

static void add_with_escapes(struct buf *out, struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.ptr, *start = at;
    const unsigned char *end = at + text.len;
    buf_add_char(out, '"');
    while (at < end) {
        size_t len = text_utf8_sequence(at, end);
        if (!stands_as_it_is(at, len)) {
            buf_add(out, start, (size_t)(at - start));
            add_escaped(out, at, len);
            start = at + (len == 0 ? 1 : len);
        }
        at += len == 0 ? 1 : len;
    }
    buf_add(out, start, (size_t)(at - start));
    buf_add_char(out, '"');
}

void text_add_json(struct buf *out, struct slice text)
{
    if (text.len == 0)
        buf_add(out, "\"\"", 2);
    else if (is_all(text, is_json_word, IN_JSON)) /* most are */
        add_as_it_is(out, text);
    else
        add_with_escapes(out, text);
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
