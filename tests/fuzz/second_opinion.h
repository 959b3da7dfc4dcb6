/* cJSON's opinion of a text that our scanner accepts.
 *
 * cJSON is no judge of what to refuse: it takes control characters in strings, numbers like 01, any
 * bytes for UTF-8. But what we accept it must accept as well, but for two things it can't read:
 * half a surrogate pair (JSON.parse takes it) and a number of more than 63 characters. */
#ifndef ROOMLINE_TESTS_FUZZ_SECOND_OPINION_H
#define ROOMLINE_TESTS_FUZZ_SECOND_OPINION_H

#include <cjson/cJSON.h>
#include <stdlib.h>

#include "base/slice.h"

#define SECOND_OPINION_NUMBER_MAX 63

static inline long second_opinion_unit(const char *at, const char *end)
{
    char digits[5] = {0};
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    memcpy(digits, at + 2, 4);
    return strtol(digits, NULL, 16);
}

/* In JSON a backslash is always the start of an escape. */
static inline bool second_opinion_has_half_pair(struct slice text)
{
    const char *at = text.ptr, *end = at + text.len;
    while (at < end) {
        long unit = second_opinion_unit(at, end);
        if (unit >= 0xd800 && unit <= 0xdfff) {
            long low = second_opinion_unit(at + 6, end);
            if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff)
                return true;
            at += 12;
        } else {
            at += *at == '\\' ? 2 : 1;
        }
    }
    return false;
}

static inline bool second_opinion_has_long_number(struct slice text)
{
    size_t run = 0;
    for (size_t i = 0; i < text.len; i++) {
        run = text.ptr[i] != '\0' && strchr("0123456789+-.eE", text.ptr[i]) != NULL ? run + 1 : 0;
        if (run > SECOND_OPINION_NUMBER_MAX)
            return true;
    }
    return false;
}

/* Whether cJSON can be asked about a text that is JSON. */
static inline bool second_opinion_can_tell(struct slice text)
{
    return !second_opinion_has_half_pair(text) && !second_opinion_has_long_number(text);
}

/* The tree, to be freed with cJSON_Delete(); NULL where cJSON finds that the text, up to its end,
 * is no JSON. */
static inline cJSON *second_opinion_parse(struct slice text)
{
    const char *parsed_to = NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(text.ptr, text.len, &parsed_to, 0);
    if (json == NULL)
        return NULL;
    while (parsed_to < text.ptr + text.len && strchr(" \t\r\n", *parsed_to) != NULL)
        parsed_to++;
    if (parsed_to == text.ptr + text.len)
        return json;
    cJSON_Delete(json);
    return NULL;
}

/* The last member of this name, as in JSON.parse; NULL where there is none. */
static inline const cJSON *second_opinion_member(const cJSON *object, const char *name)
{
    const cJSON *item, *found = NULL;
    cJSON_ArrayForEach(item, object) if (item->string != NULL && strcmp(item->string, name) == 0)
        found = item;
    return found;
}

#endif
