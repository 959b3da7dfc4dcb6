/* Scanning functions take the next byte, and return the byte behind what they read, or NULL where that
 * is not JSON. Nothing is read at or behind the end: a text of more than a scalar ends in the closer of
 * what it opens with, or is refused at once. Neither white space nor punctuation runs past a closer, so
 * only scalars, and who comes from behind a value, look where the end is. */
#include "core/json.h"

#include <stdint.h>
#include <string.h>

typedef const unsigned char *cursor;

static bool is_space(unsigned char c)
{
    return c <= ' ' && (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

/* Apart, and by value, as there hardly ever is any: `at` had better stay in a register. */
static __attribute__((noinline)) cursor skip_space(cursor at)
{
    while (is_space(*at))
        at++;
    return at;
}

/* To this byte, where it comes next; else to what does. */
static inline cursor find_byte(cursor at, unsigned char byte)
{
    return *at == byte || *at > ' ' ? at : skip_space(at);
}

/* Behind this byte, which comes next; NULL where another one does. */
static inline cursor skip_byte(cursor at, unsigned char byte)
{
    at = find_byte(at, byte);
    return *at == byte ? at + 1 : NULL;
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
static cursor scan_scalar(struct json_text *text, unsigned char byte, cursor at)
{
    if (byte == '"') /* most are */
        return json_string_skip(text, at);
    cursor end = text->end;
    switch (kinds[byte]) {
    case JSON_NUMBER: return scan_number(at, end);
    case JSON_NULL: return scan_word(at, end, "null", 4);
    case JSON_BOOLEAN:
        return byte == 't' ? scan_word(at, end, "true", 4) : scan_word(at, end, "false", 5);
    default: return NULL;
    }
}

static struct slice between(cursor from, cursor to)
{
    return (struct slice){(const char *)from, (size_t)(to - from)};
}

/* A key with its colon. */
static inline cursor scan_key(struct json_text *text, cursor at, struct slice *ret_key)
{
    cursor key = find_byte(at, '"');
    if (*key != '"' || (at = json_string_skip(text, key)) == NULL)
        return NULL;
    *ret_key = between(key + 1, at - 1);
    return skip_byte(at, ':');
}

static unsigned char closer_of(unsigned char opener)
{
    return opener == '{' ? '}' : ']';
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
    nesting->closer = closer_of(opener);
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
static inline cursor scan_opening(struct json_text *text, struct nesting *nesting, cursor at)
{
    struct slice key;
    for (;;) {
        at = find_byte(at, '"');
        unsigned char byte = *at;
        if (byte != '{' && byte != '[')
            return scan_scalar(text, byte, at);
        if (!nesting_push(nesting, byte))
            return NULL;
        at = find_byte(at + 1, '"');
        if (*at == nesting->closer)
            return at;
        if (byte == '{' && (at = scan_key(text, at, &key)) == NULL)
            return NULL;
    }
}

/* Behind a value: closes what ends here, down to `depth`, or goes on behind a comma. */
static inline cursor scan_closing(const struct json_text *text, struct nesting *nesting,
                                  unsigned depth, cursor at)
{
    while (nesting->depth > depth) {
        if (at == text->end)
            return NULL;
        at = find_byte(at, ',');
        if (*at == ',')
            return at + 1;
        if (*at != nesting->closer)
            return NULL;
        nesting_pop(nesting);
        at++;
    }
    return at;
}

/* One value inside `depth` others, which begins with this byte. */
static inline cursor scan_value(struct json_text *text, unsigned char byte, cursor at,
                                unsigned depth)
{
    if (byte != '{' && byte != '[')
        return scan_scalar(text, byte, at);
    struct nesting nesting = {.depth = depth};
    struct slice key;
    for (;;) {
        if ((at = scan_opening(text, &nesting, at)) == NULL)
            return NULL;
        at = scan_closing(text, &nesting, depth, at);
        if (at == NULL || nesting.depth == depth)
            return at;
        if (nesting.closer == '}' && (at = scan_key(text, at, &key)) == NULL)
            return NULL;
    }
}

/* Without white space around it. False: nothing is left. */
static bool trim(struct slice slice, cursor *ret_at, cursor *ret_end)
{
    cursor at = (cursor)slice.ptr, end = at + slice.len;
    while (at < end && is_space(*at))
        at++;
    while (at < end && is_space(end[-1]))
        end--;
    *ret_at = at;
    *ret_end = end;
    return at < end;
}

/* Whether the closer of what begins at `at` is the last byte. */
static bool is_enclosed(cursor at, cursor end)
{
    return end - at >= 2 && end[-1] == closer_of(*at);
}

enum json_kind json_check(struct slice slice)
{
    struct json_text text;
    cursor at, end;
    if (!trim(slice, &at, &end))
        return JSON_INVALID;
    enum json_kind kind = (enum json_kind)kinds[*at];
    if (kind >= JSON_ARRAY && !is_enclosed(at, end))
        return JSON_INVALID;
    json_text_start(&text, at, end);
    return scan_value(&text, *at, at, 0) == end ? kind : JSON_INVALID;
}

/* Of what has no closer nothing is read. */
static bool start(struct json_reader *reader, struct slice slice, unsigned char opener)
{
    cursor at, end;
    *reader = (struct json_reader){.first = true};
    if (!trim(slice, &at, &end) || *at != opener)
        return false;
    reader->at = is_enclosed(at, end) ? at + 1 : end;
    json_text_start(&reader->text, reader->at, end);
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

static inline cursor scan_element(struct json_text *text, cursor at, struct json_member *ret_member)
{
    cursor value = find_byte(at, '"');
    unsigned char byte = *value;
    at = scan_value(text, byte, value, 1);
    if (at == NULL)
        return NULL;
    ret_member->value = between(value, at);
    ret_member->kind = (enum json_kind)kinds[byte];
    return at;
}

static inline cursor scan_member(struct json_text *text, cursor at, struct json_member *ret_member)
{
    at = scan_key(text, at, &ret_member->key);
    return at == NULL ? NULL : scan_element(text, at, ret_member);
}

/* Behind the comma, if one is due; NULL where nothing more comes. */
static inline cursor skip_comma(struct json_reader *reader, unsigned char closer)
{
    cursor at = reader->at;
    if (at == reader->text.end)
        return NULL;
    at = find_byte(at, ',');
    if (*at == ',' && !reader->first)
        return at + 1;
    if (*at == closer)
        reader->valid = at + 1 == reader->text.end;
    return *at == closer || !reader->first ? NULL : at;
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
    return at != NULL && went_on(reader, scan_member(&reader->text, at, ret_member));
}

bool json_array_next(struct json_reader *reader, struct json_member *ret_element)
{
    cursor at = skip_comma(reader, ']');
    ret_element->key = SLICE_NONE;
    return at != NULL && went_on(reader, scan_element(&reader->text, at, ret_element));
}
