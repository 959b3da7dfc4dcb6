/* A validating JSON scanner: it accepts what JSON.parse accepts (RFC 8259, in UTF-8 by RFC 3629)
 * and builds nothing.
 *
 * One pass finds the members of an object and proves the whole text. Slices point into the text,
 * which need not end in NUL. A text in which JSON.parse would throw is never accepted; one nested
 * deeper than JSON_DEPTH_MAX is refused as well. */
#ifndef ROOMLINE_CORE_JSON_H
#define ROOMLINE_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "core/json_string.h"

#define JSON_DEPTH_MAX 512 /* arrays and objects around a value; a multiple of 64 */

enum json_kind {
    JSON_INVALID,
    JSON_NULL,
    JSON_BOOLEAN,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* The kind of the one value that the text holds; JSON_INVALID where it is not JSON. */
enum json_kind json_check(struct slice text);

/* Reads the members of an object, in their order, repeated keys included:
 *
 *     if (json_object_start(&reader, text))
 *         while (json_object_next(&reader, &member))
 *             ...
 *     if (!reader.valid) ...
 */
struct json_reader {
    struct json_text text;
    const unsigned char *at;
    bool first;
    bool valid; /* once json_object_next() said no: whether the text was JSON up to its end */
};

struct json_member {
    struct slice key;   /* raw, without its quotes */
    struct slice value; /* raw, a string with its quotes; no white space around it */
    enum json_kind kind;
};

/* False where the text does not start as an object: json_check() tells whether it is JSON. */
bool json_object_start(struct json_reader *reader, struct slice text);

/* False at the end, and where the text turns out not to be JSON: see reader->valid. */
bool json_object_next(struct json_reader *reader, struct json_member *ret_member);

/* The same for the elements of an array, whose key is SLICE_NONE. */
bool json_array_start(struct json_reader *reader, struct slice text);
bool json_array_next(struct json_reader *reader, struct json_member *ret_element);

/* What is between the quotes of a raw string. */
static inline struct slice json_inside(struct slice string)
{
    return (struct slice){string.ptr + 1, string.len - 2};
}

/* Writes the text that a raw string without its quotes stands for, as UTF-8. It was found valid
 * before. Returns the length, or -1 where it is over `size`, or holds half a surrogate pair, which
 * has no UTF-8. */
long json_decode(struct slice inside, char *ret_text, size_t size);

#endif
