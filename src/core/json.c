/* Scanning functions take the next byte and the end, and return the byte behind what they read, or
 * NULL where that is not JSON. Nothing is read at or behind the end. */
#include "core/json.h"

#include <stdint.h>
#include <string.h>
#if defined(__SSE2__) && !defined(JSON_PORTABLE)
#include <immintrin.h>
#endif

#include "base/text.h"

typedef const unsigned char *cursor;

static bool is_space(unsigned char c)
{
    return c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

/* Skips white space, and returns the byte behind it; NUL at the end, which no part of JSON is. */
static inline unsigned char next_byte(cursor *at, cursor end)
{
    for (; *at < end; ++*at)
        if (!is_space(**at))
            return **at;
    return '\0';
}

static bool is_end(cursor at, cursor end)
{
    next_byte(&at, end);
    return at == end;
}

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

/* ---- plain bytes of strings, a block at a time */

#if defined(__SSE2__) && !defined(JSON_PORTABLE)

#define BLOCK 16

/* The first byte from `at` on that is not plain, in the block at `block`; else the block's end. */
static inline cursor find_special(cursor block, cursor at)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)block);
    __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    /* With one bit turned, the quote takes the place of the space, next to the control characters.
     * Compared as signed, 0x80 and up are below all. */
    __m128i turned = _mm_xor_si128(bytes, _mm_set1_epi8('"' ^ ' '));
    __m128i others = _mm_cmplt_epi8(turned, _mm_set1_epi8(' ' + 1));
    unsigned special = (unsigned)_mm_movemask_epi8(_mm_or_si128(others, backslash));
    return at + __builtin_ctz((special | 1U << BLOCK) >> (at - block));
}

/* The same of 32 bytes, as a vector with a byte that is not zero for each that is not plain. Escapes
 * of one letter count as plain, as session descriptions are full of line ends; no backslash follows
 * their backslash, so blocks need not know of each other. */
__attribute__((target("avx2"))) static inline __m256i special_in_wide_block(cursor at)
{
    /* Each where its low four bits say: \\r \\t \\f \\n \\/ */
    const __m256i letters = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(-1, 0, 'r', 0, 't', 0, 'f', 0, 0, 0, 0, 0, 0, 0, 'n', '/'));
    __m256i bytes = _mm256_loadu_si256((const __m256i *)at);
    __m256i behind = _mm256_loadu_si256((const __m256i *)(at + 1));
    __m256i backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
    __m256i letter = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(letters, behind), behind);
    __m256i turned = _mm256_xor_si256(bytes, _mm256_set1_epi8('"' ^ ' '));
    __m256i others = _mm256_cmpgt_epi8(_mm256_set1_epi8(' ' + 1), turned);
    return _mm256_or_si256(others, _mm256_andnot_si256(letter, backslash));
}

#define WIDE_BLOCK 32
#define WIDE_SEEN(blocks) ((blocks)*WIDE_BLOCK + 1) /* bytes looked at */

/* To a byte that is not plain, or to fewer than WIDE_SEEN(1) bytes before the end. */
__attribute__((target("avx2"))) static cursor skip_plain_wide(cursor at, cursor end)
{
    for (; end - at >= WIDE_SEEN(2); at += 2 * WIDE_BLOCK) {
        __m256i special =
            _mm256_or_si256(special_in_wide_block(at), special_in_wide_block(at + WIDE_BLOCK));
        if (!_mm256_testz_si256(special, special))
            break;
    }
    for (; end - at >= WIDE_SEEN(1); at += WIDE_BLOCK) {
        unsigned special = (unsigned)_mm256_movemask_epi8(special_in_wide_block(at));
        if (special != 0)
            return at + __builtin_ctz(special);
    }
    return at;
}

static bool can_be_wide(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

#else

#define BLOCK 8
#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* Sets the top bit of the bytes of `block` that are below `limit`, of bytes below 0x80; of some
 * others too, but never of any where no byte is below. */
static uint64_t below(uint64_t block, unsigned limit)
{
    return (block - EACH_BYTE(limit)) & ~block & EACH_BYTE(0x80);
}

static cursor find_special(cursor block, cursor at)
{
    uint64_t bytes;
    memcpy(&bytes, block, sizeof(bytes));
    uint64_t hit = (bytes & EACH_BYTE(0x80)) | below(bytes, ' ') |
                   below(bytes ^ EACH_BYTE('"'), 1) | below(bytes ^ EACH_BYTE('\\'), 1);
    if (hit == 0)
        return block + BLOCK;
    while (at < block + BLOCK && is_plain(*at))
        at++;
    return at;
}

static bool can_be_wide(void)
{
    return false;
}

static cursor skip_plain_wide(cursor at, cursor end)
{
    (void)end;
    return at;
}

#endif

/* To the next byte that needs a look, in a string that begins at `string`. */
static cursor skip_plain(cursor string, cursor at, cursor end)
{
    if (can_be_wide()) {
        at = skip_plain_wide(at, end);
        if (at < end && !is_plain(*at))
            return at;
    }
    while (end - at >= BLOCK) {
        cursor found = find_special(at, at);
        if (found < at + BLOCK)
            return found;
        at = found;
    }
    if (end - string >= BLOCK)
        return find_special(end - BLOCK, at); /* the first of them for the second time */
    while (at < end && is_plain(*at))
        at++;
    return at;
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

/* From `at` within a string. Apart from scan_string() to keep that short: most strings need none. */
static __attribute__((noinline)) cursor scan_string_rest(cursor string, cursor at, cursor end)
{
    for (;;) {
        at = skip_plain(string, at, end);
        if (at == end || *at < ' ')
            return NULL;
        if (*at == '"')
            return at + 1;
        at = *at == '\\' ? scan_escape(at, end) : scan_utf8(at, end);
        if (at == NULL)
            return NULL;
    }
}

/* At the opening quote. Most strings end within one block; those that do not are most often session
 * descriptions, which are long. */
static cursor scan_string(cursor at, cursor end)
{
    cursor string = at;
    at++;
    if (end - at > BLOCK) {
        at = find_special(at, at);
        if (*at == '"')
            return at + 1;
    }
    return scan_string_rest(string, at, end);
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

/* One digit or more. */
static cursor scan_digits(cursor at, cursor end)
{
    if (at == end || !is_digit(*at))
        return NULL;
    while (at < end && is_digit(*at))
        at++;
    return at;
}

static cursor scan_exponent(cursor at, cursor end)
{
    if (at == end || (*at != 'e' && *at != 'E'))
        return at;
    at++;
    if (at < end && (*at == '+' || *at == '-'))
        at++;
    return scan_digits(at, end);
}

static cursor scan_number(cursor at, cursor end)
{
    if (*at == '-')
        at++;
    if (at < end && *at == '0')
        at++; /* and no digit may follow: what comes next finds it */
    else if ((at = scan_digits(at, end)) == NULL)
        return NULL;
    if (at < end && *at == '.')
        if ((at = scan_digits(at + 1, end)) == NULL)
            return NULL;
    return scan_exponent(at, end);
}

static cursor scan_word(cursor at, cursor end, const char *word, size_t len)
{
    return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : NULL;
}

/* The kind that a value's first byte tells. */
static const unsigned char kinds[256] = {
    ['n'] = JSON_NULL,   ['t'] = JSON_BOOLEAN, ['f'] = JSON_BOOLEAN, ['"'] = JSON_STRING,
    ['['] = JSON_ARRAY,  ['{'] = JSON_OBJECT,  ['-'] = JSON_NUMBER,  ['0'] = JSON_NUMBER,
    ['1'] = JSON_NUMBER, ['2'] = JSON_NUMBER,  ['3'] = JSON_NUMBER,  ['4'] = JSON_NUMBER,
    ['5'] = JSON_NUMBER, ['6'] = JSON_NUMBER,  ['7'] = JSON_NUMBER,  ['8'] = JSON_NUMBER,
    ['9'] = JSON_NUMBER,
};

/* Begins with this byte. */
static cursor scan_scalar(unsigned char byte, cursor at, cursor end)
{
    if (byte == '"') /* most are */
        return scan_string(at, end);
    switch (kinds[byte]) {
    case JSON_NUMBER: return scan_number(at, end);
    case JSON_NULL: return scan_word(at, end, "null", 4);
    case JSON_BOOLEAN:
        return byte == 't' ? scan_word(at, end, "true", 4) : scan_word(at, end, "false", 5);
    default: return NULL;
    }
}

/* A key with its colon. */
static cursor scan_key(cursor at, cursor end)
{
    if (next_byte(&at, end) != '"' || (at = scan_string(at, end)) == NULL)
        return NULL;
    return next_byte(&at, end) == ':' ? at + 1 : NULL;
}

/* What is open around the place being read: one bit each, set for an object. */
struct nesting {
    unsigned depth;
    unsigned char closer; /* of the innermost */
    uint64_t objects[JSON_DEPTH_MAX / 64];
};

static bool nesting_push(struct nesting *nesting, unsigned char opener)
{
    if (nesting->depth == JSON_DEPTH_MAX)
        return false;
    uint64_t *word = &nesting->objects[nesting->depth / 64];
    uint64_t bit = UINT64_C(1) << nesting->depth % 64;
    *word = opener == '{' ? *word | bit : *word & ~bit;
    nesting->closer = opener == '{' ? '}' : ']';
    nesting->depth++;
    return true;
}

static void nesting_pop(struct nesting *nesting)
{
    unsigned top = --nesting->depth - 1; /* its bit means nothing where none is left */
    bool object = (nesting->objects[top / 64 % (JSON_DEPTH_MAX / 64)] >> top % 64 & 1) != 0;
    nesting->closer = object ? '}' : ']';
}

/* Opens arrays and objects until a scalar has been read, or until the closer of an empty one. */
static cursor scan_opening(struct nesting *nesting, cursor at, cursor end)
{
    for (;;) {
        unsigned char byte = next_byte(&at, end);
        if (byte != '{' && byte != '[')
            return scan_scalar(byte, at, end);
        if (!nesting_push(nesting, byte))
            return NULL;
        at++;
        if (next_byte(&at, end) == nesting->closer)
            return at;
        if (byte == '{' && (at = scan_key(at, end)) == NULL)
            return NULL;
    }
}

/* Behind a value: closes what ends here, down to `depth`, or goes on behind a comma. */
static cursor scan_closing(struct nesting *nesting, unsigned depth, cursor at, cursor end)
{
    while (nesting->depth > depth) {
        unsigned char byte = next_byte(&at, end);
        if (byte == ',')
            return at + 1;
        if (byte != nesting->closer)
            return NULL;
        nesting_pop(nesting);
        at++;
    }
    return at;
}

/* One value inside `depth` others, which begins with this byte. */
static cursor scan_value(unsigned char byte, cursor at, cursor end, unsigned depth)
{
    if (byte != '{' && byte != '[')
        return scan_scalar(byte, at, end);
    struct nesting nesting = {.depth = depth};
    for (;;) {
        if ((at = scan_opening(&nesting, at, end)) == NULL)
            return NULL;
        at = scan_closing(&nesting, depth, at, end);
        if (at == NULL || nesting.depth == depth)
            return at;
        if (nesting.closer == '}' && (at = scan_key(at, end)) == NULL)
            return NULL;
    }
}

enum json_kind json_check(struct slice text)
{
    if (text.len == 0)
        return JSON_INVALID;
    cursor at = (cursor)text.ptr, end = at + text.len;
    unsigned char byte = next_byte(&at, end);
    at = scan_value(byte, at, end, 0);
    return at != NULL && is_end(at, end) ? (enum json_kind)kinds[byte] : JSON_INVALID;
}

static bool start(struct json_reader *reader, struct slice text, unsigned char opener)
{
    *reader = (struct json_reader){.first = true};
    if (text.len == 0)
        return false;
    cursor at = (cursor)text.ptr, end = at + text.len;
    if (next_byte(&at, end) != opener)
        return false;
    reader->end = end;
    reader->at = at + 1;
    return true;
}

bool json_object_start(struct json_reader *reader, struct slice text)
{
    return start(reader, text, '{');
}

bool json_array_start(struct json_reader *reader, struct slice text)
{
    return start(reader, text, '[');
}

static struct slice between(cursor from, cursor to)
{
    return (struct slice){(const char *)from, (size_t)(to - from)};
}

static cursor scan_element(cursor at, cursor end, struct json_member *ret_member)
{
    unsigned char byte = next_byte(&at, end);
    cursor value = at;
    if ((at = scan_value(byte, at, end, 1)) == NULL)
        return NULL;
    ret_member->value = between(value, at);
    ret_member->kind = (enum json_kind)kinds[byte];
    return at;
}

static cursor scan_member(cursor at, cursor end, struct json_member *ret_member)
{
    unsigned char byte = next_byte(&at, end);
    cursor key = at;
    if (byte != '"' || (at = scan_string(at, end)) == NULL)
        return NULL;
    ret_member->key = between(key + 1, at - 1);
    return next_byte(&at, end) == ':' ? scan_element(at + 1, end, ret_member) : NULL;
}

/* Behind the comma, if one is due; NULL where nothing more comes. */
static cursor skip_comma(struct json_reader *reader, unsigned char closer)
{
    cursor at = reader->at;
    unsigned char byte = next_byte(&at, reader->end);
    if (byte == closer)
        reader->valid = is_end(at + 1, reader->end);
    if (byte == closer || (byte != ',' && !reader->first))
        return NULL;
    return reader->first ? at : at + 1;
}

static bool went_on(struct json_reader *reader, cursor at)
{
    if (at == NULL)
        return false;
    reader->first = false;
    reader->at = at;
    return true;
}

bool json_object_next(struct json_reader *reader, struct json_member *ret_member)
{
    cursor at = skip_comma(reader, '}');
    return at != NULL && went_on(reader, scan_member(at, reader->end, ret_member));
}

bool json_array_next(struct json_reader *reader, struct json_member *ret_element)
{
    cursor at = skip_comma(reader, ']');
    ret_element->key = SLICE_NONE;
    return at != NULL && went_on(reader, scan_element(at, reader->end, ret_element));
}

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
