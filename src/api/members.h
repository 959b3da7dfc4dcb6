/* The members of a JSON object that a reader knows, found by name: headers and claims of tokens,
 * keys, requests. No tree is built. */
#ifndef ROOMLINE_API_MEMBERS_H
#define ROOMLINE_API_MEMBERS_H

#include <stdint.h>

#include "core/json.h"

/* One member that is looked for; the rest is filled in. */
struct named {
    const char *name;
    struct json_member found; /* kind JSON_INVALID: there is none */
};

/* NULL, or why not: the text is no JSON object, or one of these names is there twice (RFC 7515
 * section 4, RFC 7519 section 4). Members of other names are passed over. */
const char *members_read(struct slice text, struct named *named, size_t count);

/* The text of a string. False: it is none, or has more than `size` bytes, or half a surrogate
 * pair. */
bool member_text(const struct json_member *member, char *space, size_t size,
                 struct slice *ret_text);

/* Whether the member is a string with this text. */
bool member_is(const struct json_member *member, const char *text);

/* A number that is not negative and at most 2^53, fractions dropped. */
bool member_number(const struct json_member *member, uint64_t *ret_number);

#endif
