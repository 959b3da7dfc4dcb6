#include "core/json_string.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__) && !defined(JSON_PORTABLE)
#include <immintrin.h>
#endif

#include "base/text.h"
#include "core/json.h"

typedef const unsigned char *cursor;

/* ---- a look at a window */

/* To the first window from `from` on that has a special byte, or to the last whole one. There is one,
 * and a byte behind it. `look` returns the bytes of the window at `at` that are not plain, as bits; it reads
 * one byte more. */
static inline __attribute__((always_inline)) void move(struct json_text *text, cursor from,
                                                       uint64_t (*look)(cursor at))
{
    uint64_t special = look(from);
    while (special == 0 && text->end - from > 2 * JSON_WINDOW) {
        from += JSON_WINDOW;
        special = look(from);
    }
    text->window = from;
    text->special = special;
}

/* Escapes of one letter count as plain, as session descriptions are full of line ends. No backslash
 * follows their backslash, so windows need not know of each other. With one bit turned, the quote takes
 * the place of the space, next to the control characters. Compared as signed, 0x80 and up are below
 * all. */
#define TURN ('"' ^ ' ')
#define PLAIN_MIN (' ' + 1)

typedef unsigned char lanes __attribute__((vector_size(16)));
typedef signed char signed_lanes __attribute__((vector_size(16)));

/* All bits of each byte that is not plain. */
static inline lanes special_lanes(cursor at)
{
    lanes bytes, behind;
    memcpy(&bytes, at, sizeof(bytes));
    memcpy(&behind, at + 1, sizeof(behind));
    lanes letter = (lanes)(behind == 'n') | (lanes)(behind == 'r');
    lanes others = (lanes)((signed_lanes)(bytes ^ TURN) < PLAIN_MIN);
    return others | ((lanes)(bytes == '\\') & ~letter);
}

/* The sums of each two neighbours. */
static inline lanes sums(lanes low, lanes high)
{
    lanes even = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24,
                                         26, 28, 30);
    lanes odd = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25,
                                        27, 29, 31);
    return even + odd;
}

static inline uint64_t look_at_lanes(cursor at)
{
    const lanes weights = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    lanes part[4];
    uint64_t special;
    for (unsigned i = 0; i < 4; i++)
        part[i] = special_lanes(at + i * sizeof(lanes)) & weights;
    lanes pairs = sums(sums(part[0], part[1]), sums(part[2], part[3]));
    lanes eights = sums(pairs, pairs);
    memcpy(&special, &eights, sizeof(special));
    return le64toh(special);
}

static void move_by_lanes(struct json_text *text, cursor from)
{
    move(text, from, look_at_lanes);
}

#if defined(__x86_64__) && !defined(JSON_PORTABLE)

/* The same with the registers of AVX2, for any letter. */
__attribute__((target("avx2"))) static inline __m256i special_wide(cursor at)
{
    /* Each where its low four bits say: \\r \\t \\f \\n \\/ */
    const __m256i letters = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(-1, 0, 'r', 0, 't', 0, 'f', 0, 0, 0, 0, 0, 0, 0, 'n', '/'));
    __m256i bytes = _mm256_loadu_si256((const __m256i *)at);
    __m256i behind = _mm256_loadu_si256((const __m256i *)(at + 1));
    __m256i backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
    __m256i letter = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(letters, behind), behind);
    __m256i turned = _mm256_xor_si256(bytes, _mm256_set1_epi8(TURN));
    __m256i others = _mm256_cmpgt_epi8(_mm256_set1_epi8(PLAIN_MIN), turned);
    return _mm256_or_si256(others, _mm256_andnot_si256(letter, backslash));
}

__attribute__((target("avx2"))) static inline uint64_t look_wide(cursor at)
{
    __m256i low = special_wide(at), high = special_wide(at + sizeof(__m256i));
    __m256i any = _mm256_or_si256(low, high);
    if (_mm256_testz_si256(any, any))
        return 0;
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32 |
           (uint32_t)_mm256_movemask_epi8(low);
}

__attribute__((target("avx2"))) static void move_wide(struct json_text *text, cursor from)
{
    move(text, from, look_wide);
}

static void move_to(struct json_text *text, cursor from)
{
    if (__builtin_cpu_supports("avx2"))
        move_wide(text, from);
    else
        move_by_lanes(text, from);
}

#else

static void move_to(struct json_text *text, cursor from)
{
    move_by_lanes(text, from);
}

#endif

/* A text without a whole window is looked at in a copy. */
void json_text_start(struct json_text *text, cursor at, cursor end)
{
    unsigned char copy[JSON_WINDOW + 1];
    text->end = end;
    if (end - at > JSON_WINDOW) {
        move_to(text, at);
        return;
    }
    memset(copy, ' ', sizeof(copy));
    memcpy(copy, at, (size_t)(end - at));
    struct json_text copied = {.end = copy + sizeof(copy)};
    move_to(&copied, copy);
    text->window = at;
    text->special = copied.special;
}

/* ---- skipping a string */

/* The next byte to look at from `at` on, which is not in front of the window: the text's last one at the
 * latest, as no window of a long text holds that; then the end. */
static cursor next_special(struct json_text *text, cursor at)
{
    cursor last = text->end - 1;
    for (;;) {
        uint64_t ahead = (uint64_t)(at - text->window);
        uint64_t left = ahead < JSON_WINDOW ? text->special >> ahead : 0;
        if (left != 0)
            return at + (unsigned)__builtin_ctzll(left);
        if (ahead < JSON_WINDOW)
            at = text->window + JSON_WINDOW;
        if (at >= last)
            return at == last ? last : text->end;
        move_to(text, last - at < JSON_WINDOW ? last - JSON_WINDOW : at);
        at = text->window > at ? text->window : at;
    }
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The value of the four digits of \uXXXX, -1 where one is none. */
static long hex_unit(cursor at)
{
    long unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* What \c stands for; 0 where it is no such escape. */
static const char escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* At the backslash. */
static cursor scan_escape(cursor at, cursor end)
{
    if (end - at < 2)
        return NULL;
    if (escapes[at[1]] != 0)
        return at + 2;
    return at[1] == 'u' && end - at >= 6 && hex_unit(at + 2) >= 0 ? at + 6 : NULL;
}

static cursor scan_utf8(cursor at, cursor end)
{
    while (at < end && *at >= 0x80) {
        size_t len = text_utf8_sequence(at, end);
        if (len == 0)
            return NULL;
        at += len;
    }
    return at;
}

__attribute__((noinline)) const unsigned char *json_string_rest(struct json_text *text, cursor at)
{
    cursor end = text->end;
    while ((at = next_special(text, at)) < end) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\')
            at = scan_escape(at, end);
        else
            at = *at >= 0x80 ? scan_utf8(at, end) : NULL;
        if (at == NULL)
            return NULL;
    }
    return NULL;
}

/* ---- the text of a string */

/* The code point of the \u escape at `at`, its low surrogate included; -1 for half a pair. */
static long decode_unit(cursor at, cursor end, size_t *ret_len)
{
    long unit = hex_unit(at + 2);
    *ret_len = 6;
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    if (unit > 0xdbff || end - at < 12 || at[6] != '\\' || at[7] != 'u')
        return -1;
    long low = hex_unit(at + 8);
    *ret_len = 12;
    return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00) : -1;
}

/* The text of the escape at `at`: its length, 0 for half a surrogate pair. */
static size_t decode_escape(cursor at, cursor end, char ret_text[4], size_t *ret_len)
{
    if (at[1] == 'u') {
        long code_point = decode_unit(at, end, ret_len);
        return code_point < 0 ? 0 : text_utf8_encode((uint32_t)code_point, ret_text);
    }
    *ret_len = 2;
    ret_text[0] = escapes[at[1]];
    return 1;
}

long json_decode(struct slice inside, char *ret_text, size_t size)
{
    cursor at = (cursor)inside.ptr;
    cursor end = at + inside.len;
    size_t len = 0;
    while (at < end) {
        char text[4];
        size_t used = 1, added = 1;
        text[0] = (char)*at;
        if (*at == '\\')
            added = decode_escape(at, end, text, &used);
        if (added == 0 || added > size - len)
            return -1;
        memcpy(ret_text + len, text, added);
        len += added;
        at += used;
    }
    return (long)len;
}
