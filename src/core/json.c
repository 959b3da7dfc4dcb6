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

static cursor skip_space(cursor at, cursor end)
{
    while (at < end && *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

#if defined(__SSE2__) && !defined(JSON_PORTABLE)

#define BLOCK 16
#define BLOCK_SEEN 17 /* bytes looked at */

/* One bit for each byte of the block at `at` that is not plain. The escapes of line ends, of which
 * session descriptions are full, count as plain: as no backslash follows their backslash, blocks
 * need not know of each other. */
static unsigned special_in_block(cursor at)
{
    __m128i block = _mm_loadu_si128((const __m128i *)at);
    __m128i behind = _mm_loadu_si128((const __m128i *)(at + 1));
    __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    __m128i line_end = _mm_or_si128(_mm_cmpeq_epi8(behind, _mm_set1_epi8('r')),
                                    _mm_cmpeq_epi8(behind, _mm_set1_epi8('n')));
    /* Compared as signed, so that 0x80 and up are below the space like the control characters. */
    __m128i outside = _mm_cmplt_epi8(block, _mm_set1_epi8(' '));
    __m128i escape = _mm_andnot_si128(line_end, backslash);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(outside, quote), escape));
}

/* The same of 32 bytes, as a vector with a byte that is not zero for each that is not plain. */
__attribute__((target("avx2"))) static inline __m256i special_in_wide_block(cursor at)
{
    /* The letters of escapes, each where its low four bits say: \\r \\t \\f \\n \\/ */
    const __m256i letters = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(-1, 0, 'r', 0, 't', 0, 'f', 0, 0, 0, 0, 0, 0, 0, 'n', '/'));
    __m256i block = _mm256_loadu_si256((const __m256i *)at);
    __m256i behind = _mm256_loadu_si256((const __m256i *)(at + 1));
    __m256i quote = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('"'));
    __m256i backslash = _mm256_cmpeq_epi8(block, _mm256_set1_epi8('\\'));
    __m256i letter = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(letters, behind), behind);
    __m256i outside = _mm256_cmpgt_epi8(_mm256_set1_epi8(' '), block);
    return _mm256_or_si256(_mm256_or_si256(outside, quote), _mm256_andnot_si256(letter, backslash));
}

#define WIDE_STEP 64
#define WIDE_SEEN 65 /* bytes looked at in a step */

/* As far as whole steps are plain. */
__attribute__((target("avx2"))) static cursor skip_plain_wide(cursor at, cursor end)
{
    while (end - at >= WIDE_SEEN) {
        __m256i special =
            _mm256_or_si256(special_in_wide_block(at), special_in_wide_block(at + WIDE_STEP / 2));
        if (!_mm256_testz_si256(special, special))
            break;
        at += WIDE_STEP;
    }
    return at;
}

static bool can_be_wide(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

#else

#define BLOCK 8
#define BLOCK_SEEN 8
#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* Sets the top bit of the bytes of `block` that are below `limit`, of bytes below 0x80; of some
 * others too, but never of any where no byte is below. */
static uint64_t below(uint64_t block, unsigned limit)
{
    return (block - EACH_BYTE(limit)) & ~block & EACH_BYTE(0x80);
}

/* The bit of the first byte of the block that is not plain; 0: all are. */
static unsigned special_in_block(cursor at)
{
    uint64_t block;
    unsigned plain = 0;
    memcpy(&block, at, sizeof(block));
    uint64_t hit = (block & EACH_BYTE(0x80)) | below(block, ' ') |
                   below(block ^ EACH_BYTE('"'), 1) | below(block ^ EACH_BYTE('\\'), 1);
    if (hit == 0)
        return 0;
    while (is_plain(at[plain]))
        plain++;
    return 1U << plain;
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

static cursor skip_plain_blocks(cursor at, cursor end)
{
    while (end - at >= BLOCK_SEEN) {
        unsigned special = special_in_block(at);
        if (special != 0)
            return at + __builtin_ctz(special);
        at += BLOCK;
    }
    while (at < end && is_plain(*at))
        at++;
    return at;
}

/* To the next byte of a string that needs a look. Most strings end within one block; those that do
 * not are most often session descriptions, which are long. */
static cursor skip_plain(cursor at, cursor end)
{
    if (end - at >= BLOCK_SEEN) {
        unsigned special = special_in_block(at);
        if (special != 0)
            return at + __builtin_ctz(special);
        at += BLOCK;
        if (can_be_wide())
            at = skip_plain_wide(at, end);
    }
    return skip_plain_blocks(at, end);
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

/* Within a string. Apart from scan_string() to keep that free of calls: most strings need none. */
static __attribute__((noinline)) cursor scan_string_rest(cursor at, cursor end)
{
    while (at != NULL && at < end && *at != '"') {
        if (*at < ' ')
            return NULL;
        at = *at == '\\' ? scan_escape(at, end) : scan_utf8(at, end);
        if (at != NULL)
            at = skip_plain(at, end);
    }
    return at != NULL && at < end ? at + 1 : NULL;
}

/* At the opening quote. */
static cursor scan_string(cursor at, cursor end)
{
    at = skip_plain(at + 1, end);
    return at < end && *at == '"' ? at + 1 : scan_string_rest(at, end);
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

static cursor scan_scalar(cursor at, cursor end)
{
    if (*at == '"') /* most are */
        return scan_string(at, end);
    switch (kinds[*at]) {
    case JSON_NUMBER: return scan_number(at, end);
    case JSON_NULL: return scan_word(at, end, "null", 4);
    case JSON_BOOLEAN:
        return *at == 't' ? scan_word(at, end, "true", 4) : scan_word(at, end, "false", 5);
    default: return NULL;
    }
}

/* A key with its colon; white space before it was skipped. */
static cursor scan_key(cursor at, cursor end)
{
    if (at == end || *at != '"' || (at = scan_string(at, end)) == NULL)
        return NULL;
    at = skip_space(at, end);
    return at < end && *at == ':' ? at + 1 : NULL;
}

/* What is open around the place being read: one bit each, set for an object. */
struct nesting {
    unsigned depth;
    uint64_t objects[JSON_DEPTH_MAX / 64];
};

static bool nesting_push(struct nesting *nesting, bool object)
{
    if (nesting->depth == JSON_DEPTH_MAX)
        return false;
    uint64_t *word = &nesting->objects[nesting->depth / 64];
    uint64_t bit = UINT64_C(1) << nesting->depth % 64;
    *word = object ? *word | bit : *word & ~bit;
    nesting->depth++;
    return true;
}

static bool nesting_in_object(const struct nesting *nesting)
{
    unsigned top = nesting->depth - 1;
    return (nesting->objects[top / 64] >> top % 64 & 1) != 0;
}

static unsigned char nesting_closer(const struct nesting *nesting)
{
    return nesting_in_object(nesting) ? '}' : ']';
}

/* Opens arrays and objects until a scalar has been read, or until the closer of an empty one. */
static cursor scan_opening(struct nesting *nesting, cursor at, cursor end)
{
    for (;;) {
        at = skip_space(at, end);
        if (at == end)
            return NULL;
        if (*at != '{' && *at != '[')
            return scan_scalar(at, end);
        if (!nesting_push(nesting, *at == '{'))
            return NULL;
        at = skip_space(at + 1, end);
        if (at == end || *at == nesting_closer(nesting))
            return at;
        if (nesting_in_object(nesting) && (at = scan_key(at, end)) == NULL)
            return NULL;
    }
}

/* Behind a value: closes what ends here, down to `depth`, or goes on behind a comma. */
static cursor scan_closing(struct nesting *nesting, unsigned depth, cursor at, cursor end)
{
    while (nesting->depth > depth) {
        at = skip_space(at, end);
        if (at == end)
            return NULL;
        if (*at == ',')
            return at + 1;
        if (*at != nesting_closer(nesting))
            return NULL;
        nesting->depth--;
        at++;
    }
    return at;
}

/* One value inside `depth` others. */
static cursor scan_value(cursor at, cursor end, unsigned depth)
{
    if (at < end && *at != '{' && *at != '[')
        return scan_scalar(at, end);
    struct nesting nesting = {.depth = depth};
    for (;;) {
        if ((at = scan_opening(&nesting, at, end)) == NULL)
            return NULL;
        at = scan_closing(&nesting, depth, at, end);
        if (at == NULL || nesting.depth == depth)
            return at;
        if (nesting_in_object(&nesting) && (at = scan_key(skip_space(at, end), end)) == NULL)
            return NULL;
    }
}

enum json_kind json_check(struct slice text)
{
    if (text.len == 0)
        return JSON_INVALID;
    cursor end = (cursor)text.ptr + text.len;
    cursor start = skip_space((cursor)text.ptr, end);
    if (start == end)
        return JSON_INVALID;
    cursor at = scan_value(start, end, 0);
    return at != NULL && skip_space(at, end) == end ? (enum json_kind)kinds[*start] : JSON_INVALID;
}

static bool start(struct json_reader *reader, struct slice text, unsigned char opener)
{
    *reader = (struct json_reader){.first = true};
    if (text.len == 0)
        return false;
    cursor end = (cursor)text.ptr + text.len;
    cursor at = skip_space((cursor)text.ptr, end);
    if (at == end || *at != opener)
        return false;
    reader->end = end;
    reader->at = skip_space(at + 1, end);
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
    cursor value = at;
    if (at == end || (at = scan_value(value, end, 1)) == NULL)
        return NULL;
    ret_member->value = between(value, at);
    ret_member->kind = (enum json_kind)kinds[*value];
    return at;
}

/* At the quote of a member's key. */
static cursor scan_member(cursor at, cursor end, struct json_member *ret_member)
{
    cursor key = at;
    if (at == end || *at != '"' || (at = scan_string(at, end)) == NULL)
        return NULL;
    ret_member->key = between(key + 1, at - 1);
    at = skip_space(at, end);
    if (at == end || *at != ':')
        return NULL;
    return scan_element(skip_space(at + 1, end), end, ret_member);
}

/* Where the next one starts; NULL where there is none. */
static cursor skip_comma(struct json_reader *reader, unsigned char closer)
{
    cursor at = reader->at, end = reader->end;
    if (at == end)
        return NULL;
    if (*at == closer) {
        reader->valid = skip_space(at + 1, end) == end;
        return NULL;
    }
    if (reader->first)
        return at;
    return *at == ',' ? skip_space(at + 1, end) : NULL;
}

static bool went_on(struct json_reader *reader, cursor at)
{
    if (at == NULL)
        return false;
    reader->first = false;
    reader->at = skip_space(at, reader->end);
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
