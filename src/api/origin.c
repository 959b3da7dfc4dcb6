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

static bool names_port(struct slice host)
{
    const char *colon = memrchr(host.ptr, ':', host.len);
    return colon != NULL && host.ptr[host.len - 1] != ']'; /* which ends an IPv6 address */
}

/* Browsers leave the scheme's own port out, in both headers. So a request without TLS for a host
 * without port may also come from a page of https://host, by way of a proxy that ends TLS. */
static bool is_self(struct slice origin, const struct http_request *request)
{
    bool may_be_secure = request->secure || !names_port(request->host);
    if (!(may_be_secure && takes_off(&origin, "https://")) &&
        !(!request->secure && takes_off(&origin, "http://")))
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
