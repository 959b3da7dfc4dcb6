/* Which pages may open a WebSocket: the check of `Origin` (RFC 6454 section 7, RFC 6455 section
 * 10.2). */
#ifndef ROOMLINE_API_ORIGIN_H
#define ROOMLINE_API_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "net/http.h"

struct origin_rules {
    bool any;  /* every page */
    bool self; /* pages of the host that the request names */
    size_t count;
    char *const *exact; /* borrowed; as browsers write them: https://example.com, with no slash */
};

/* No `Origin` at all is no browser, and let through. */
bool origin_is_allowed(const struct origin_rules *rules, const struct http_request *request);

#endif
