/* Strings within a JSON text, which are most of it.
 *
 * The text is looked at 64 bytes at a time: one bit is set for each byte at which a string may end or
 * needs a closer look. To skip a string is to find the next of these bits. The looks do not depend on
 * where strings were found, so the processor has many of them under way at once. */
#ifndef ROOMLINE_CORE_JSON_STRING_H
#define ROOMLINE_CORE_JSON_STRING_H

#include <stdint.h>

#define JSON_WINDOW 64 /* bytes */

/* A text that is being read, and the window into it that was looked at. */
struct json_text {
    const unsigned char *end;
    const unsigned char *window;
    uint64_t special; /* the lowest bit is the window's first byte; no bytes behind the end */
};

/* The text goes from `at` to `end`. */
void json_text_start(struct json_text *text, const unsigned char *at, const unsigned char *end);

/* From `at` within a string: see json_string_skip(). */
const unsigned char *json_string_rest(struct json_text *text, const unsigned char *at);

/* At the opening quote, in front of the end. Returns the byte behind the closing one; NULL where this
 * is no string of JSON. */
static inline const unsigned char *json_string_skip(struct json_text *text, const unsigned char *at)
{
    at++;
    uint64_t ahead = (uint64_t)(at - text->window);
    uint64_t left = ahead < JSON_WINDOW ? text->special >> ahead : 0;
    if (left != 0) {
        at += (unsigned)__builtin_ctzll(left);
        if (*at == '"') /* most strings are short and plain */
            return at + 1;
    }
    return json_string_rest(text, at);
}

#endif
