#include "net/http_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/authority.h"

static bool take_scheme(struct slice *text, bool *ret_tls)
{
    static const struct {
        const char *text;
        bool tls;
    } schemes[] = {{"http://", false}, {"https://", true}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].text);
        if (text->len < len || strncasecmp(text->ptr, schemes[i].text, len) != 0)
            continue;
        *ret_tls = schemes[i].tls;
        *text = (struct slice){text->ptr + len, text->len - len};
        return true;
    }
    return false;
}

/* What RFC 3986 lets into a path and a query; nothing that could end the request line. */
static bool is_target(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= '\x7f' || strchr("\"<>\\^`{|}#", text.ptr[i]))
            return false;
    return true;
}

static void write_authority(const struct authority *parsed, struct http_url *url)
{
    bool bare = parsed->family != AF_INET6;
    int len = snprintf(url->authority, sizeof(url->authority), "%s%s%s", bare ? "" : "[",
                       parsed->host, bare ? "" : "]");
    if (parsed->port != AUTHORITY_NO_PORT)
        snprintf(url->authority + len, sizeof(url->authority) - (size_t)len, ":%u", url->port);
}

const char *http_url_parse(struct slice text, struct http_url *ret_url)
{
    struct authority parsed;
    if (text.len > HTTP_URL_MAX)
        return "longer than 2048 bytes";
    if (!take_scheme(&text, &ret_url->tls))
        return "no http:// or https:// URL";
    size_t len = 0;
    while (len < text.len && text.ptr[len] != '/' && text.ptr[len] != '?')
        len++;
    if (!authority_parse((struct slice){text.ptr, len}, &parsed) || parsed.port == 0)
        return "without a valid HOST[:PORT]";
    struct slice target = {text.ptr + len, text.len - len};
    if (!is_target(target))
        return "with a path that must be percent-encoded";
    int unset = ret_url->tls ? 443 : 80;
    ret_url->port = (uint16_t)(parsed.port == AUTHORITY_NO_PORT ? unset : parsed.port);
    memcpy(ret_url->host, parsed.host, sizeof(ret_url->host));
    write_authority(&parsed, ret_url);
    const char *root = target.len > 0 && target.ptr[0] == '/' ? "" : "/";
    snprintf(ret_url->target, sizeof(ret_url->target), "%s%.*s", root, (int)target.len,
             target.len == 0 ? "" : target.ptr);
    return NULL;
}
