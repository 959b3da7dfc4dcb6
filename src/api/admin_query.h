/* The query of a request: name=value pairs, percent-encoded. What is not known is refused, for a
 * name that was mistyped must not go unnoticed. */
#ifndef ROOMLINE_API_ADMIN_QUERY_H
#define ROOMLINE_API_ADMIN_QUERY_H

#include "api/admin_call.h"

#define ADMIN_QUERY_VALUE_MAX 256 /* bytes, decoded */

struct admin_query_value {
    bool given;
    size_t len;
    char text[ADMIN_QUERY_VALUE_MAX];
};

static inline struct slice admin_query_text(const struct admin_query_value *value)
{
    return (struct slice){value->text, value->len};
}

/* Reads the values of these names. False: the response says what is wrong. */
bool admin_query_read(struct admin_call *call, const char *const *names, size_t count,
                      struct admin_query_value *ret_values);

/* A whole number from `least` to `most`; `fallback` where none is given. False as above. */
bool admin_query_number(struct admin_call *call, const char *name,
                        const struct admin_query_value *value, uint64_t least, uint64_t most,
                        uint64_t fallback, uint64_t *ret_number);

#endif
