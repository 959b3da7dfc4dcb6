#include "api/origin.h"

#include <strings.h>

static bool takes_off(struct slice *text, const char *start)
{
    size_t len = strlen(start);
    if (text->len < len || memcmp(text->ptr, start, len) != 0)
        return false;
    text->ptr += len;
    text->len -= len;
    return true;
}

/* Browsers leave the scheme's own port out, in both headers. A page of http://host is another origin than one of
 * https://host, but behind a proxy that ends TLS we see both come in without it. */
static bool is_self(struct slice origin, const struct http_request *request)
{
    if (!takes_off(&origin, "https://") && (request->secure || !takes_off(&origin, "http://")))
        return false;
    return origin.len > 0 && origin.len == request->host.len &&
           strncasecmp(origin.ptr, request->host.ptr, origin.len) == 0;
}

static bool is_listed(const struct origin_rules *rules, struct slice origin)
{
    for (size_t i = 0; i < rules->count; i++)
        if (slice_is(origin, rules->exact[i]))
            return true;
    return false;
}

bool origin_is_allowed(const struct origin_rules *rules, const struct http_request *request)
{
    struct slice origin = http_header(request, "Origin");
    if (origin.ptr == NULL || rules->any)
        return true;
    return (rules->self && is_self(origin, request)) || is_listed(rules, origin);
}
