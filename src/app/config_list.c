/* The list types: listeners and origins. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "app/config.h"
#include "app/config_table.h"
#include "app/config_type.h"
#include "base/authority.h"
#include "base/mem.h"

#define LISTENERS_MAX 64
#define ORIGINS_MAX 1024
#define URL_MAX 512 /* bytes */

/* Listeners */

static const struct {
    const char *name;
    const char *prefix;
    int usual; /* port */
} schemes[] = {
    [CONFIG_SCHEME_HTTP] = {"http", "http://", 80},
    [CONFIG_SCHEME_HTTPS] = {"https", "https://", 443},
    [CONFIG_SCHEME_UDP] = {"udp", "udp://", 3478},
};

const char *config_scheme_name(int scheme)
{
    return schemes[scheme].name;
}

static bool takes_scheme(const struct config_key *key, int scheme)
{
    return (scheme == CONFIG_SCHEME_UDP) == (key->type == &config_type_udp_listeners);
}

static bool skip_scheme(const struct config_key *key, struct slice *rest,
                        struct config_listener *listener)
{
    for (int i = CONFIG_SCHEME_HTTP; i <= CONFIG_SCHEME_UDP; i++) {
        listener->scheme = (enum config_scheme)i;
        if (takes_scheme(key, i) && slice_skip(rest, schemes[i].prefix))
            return true;
    }
    return false;
}

static bool parse_listener(const struct config_key *key, const char *url,
                           struct config_listener *listener)
{
    struct slice rest = slice_of(url);
    struct authority authority;
    if (!skip_scheme(key, &rest, listener))
        return false;
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    if (!authority_parse(rest, &authority))
        return false;
    bool local = strcmp(authority.host, "localhost") == 0;
    if (authority.family == AF_UNSPEC && !local)
        return false;

    int usual = schemes[listener->scheme].usual;
    listener->family = local ? AF_INET : authority.family;
    listener->port = (uint16_t)(authority.port == AUTHORITY_NO_PORT ? usual : authority.port);
    snprintf(listener->host, sizeof(listener->host), "%.45s", local ? "127.0.0.1" : authority.host);
    return true;
}

static bool is_taken(const struct config_listeners *listeners, const struct config_listener *next)
{
    for (size_t i = 0; next->port != 0 && i < listeners->count; i++) {
        const struct config_listener *other = &listeners->items[i];
        if (other->port == next->port && strcmp(other->host, next->host) == 0)
            return true;
    }
    return false;
}

static int add_listener(struct config_listeners *listeners, const struct config_node *node,
                        const struct config_place *place)
{
    struct config_listener next = {0};
    const char *url = config_read_text(node, URL_MAX, place);
    if (url == NULL)
        return -1;
    if (!parse_listener(place->key, url, &next)) {
        config_refuse(place, node->line, "%s is not an address to listen on",
                      config_quote(url).text);
        return -1;
    }
    if (is_taken(listeners, &next)) {
        config_error(place, node->line, "%s has the address and port of another entry",
                     config_quote(url).text);
        return -1;
    }
    listeners->items[listeners->count++] = next;
    return 0;
}

static void listeners_done(void *field)
{
    struct config_listeners *listeners = field;
    mem_free(listeners->items);
    *listeners = (struct config_listeners){0};
}

static int listeners_set(const struct config_key *key, void *field, const struct config_node *node,
                         const struct config_place *place)
{
    if (!config_is_list(node, LISTENERS_MAX, place))
        return -1;
    if (node->len < key->min) {
        config_refuse(place, node->line, "the list is empty");
        return -1;
    }
    struct config_listeners next = {.items =
                                        config_new_items(node->len, sizeof(*next.items), place)};
    int result = next.items == NULL ? -1 : 0;
    for (const struct config_node *item = node->first; next.items != NULL && item != NULL;
         item = item->next)
        result |= add_listener(&next, item, place);
    if (result < 0) {
        listeners_done(&next);
        return -1;
    }
    listeners_done(field);
    *(struct config_listeners *)field = next;
    return 0;
}

static void listeners_write(const struct config_key *key, const void *field, bool secrets,
                            struct buf *out)
{
    const struct config_listeners *listeners = field;
    (void)key;
    (void)secrets;
    for (size_t i = 0; i < listeners->count; i++) {
        const struct config_listener *listener = &listeners->items[i];
        char url[80];
        snprintf(url, sizeof(url), listener->family == AF_INET6 ? "%s://[%s]:%u" : "%s://%s:%u",
                 config_scheme_name(listener->scheme), listener->host, listener->port);
        buf_add_text(out, "    - ");
        config_write_text(url, out);
        buf_add_char(out, '\n');
    }
}

static void listeners_allowed(const struct config_key *key, struct buf *out)
{
    const char *forms = key->type == &config_type_udp_listeners
                            ? "udp://ADDRESS:PORT"
                            : "http://ADDRESS:PORT or https://ADDRESS:PORT";
    buf_add_format(out,
                   "%s, %s, ADDRESS being an IPv4 "
                   "address, an IPv6 address in [brackets] or localhost (127.0.0.1)",
                   forms, key->min == 0 ? "any number of them" : "one or more");
}

static size_t listeners_entries(const void *field)
{
    return ((const struct config_listeners *)field)->count;
}

const struct config_type config_type_listeners = {
    .name = "a list of URLs",
    .set = listeners_set,
    .write = listeners_write,
    .allowed = listeners_allowed,
    .entries = listeners_entries,
    .done = listeners_done,
};

const struct config_type config_type_udp_listeners = {
    .name = "a list of URLs",
    .set = listeners_set,
    .write = listeners_write,
    .allowed = listeners_allowed,
    .entries = listeners_entries,
    .done = listeners_done,
};

/* Origins */

static bool is_lower_scheme(struct slice scheme)
{
    for (size_t i = 0; i < scheme.len; i++) {
        char c = scheme.ptr[i];
        bool letter = c >= 'a' && c <= 'z';
        bool later = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (i == 0 || !later))
            return false;
    }
    return scheme.len > 0;
}

/* As browsers serialise an origin: lower case, no usual port, no path (HTML, section 7.1.1). */
static bool is_origin(const char *text)
{
    struct authority authority;
    const char *colon = strstr(text, "://");
    if (colon == NULL || !is_lower_scheme((struct slice){text, (size_t)(colon - text)}))
        return false;
    if (!authority_parse(slice_of(colon + 3), &authority) || authority.port == 0)
        return false;
    for (const char *at = colon; *at != '\0'; at++) {
        if (isupper((unsigned char)*at))
            return false;
    }
    bool usual = (authority.port == 80 && strncmp(text, "http:", 5) == 0) ||
                 (authority.port == 443 && strncmp(text, "https:", 6) == 0);
    return !usual;
}

static int add_origin(struct config_origins *origins, const struct config_node *node,
                      const struct config_place *place)
{
    const char *text = config_read_text(node, URL_MAX, place);
    if (text == NULL)
        return -1;
    if (strcmp(text, "*") == 0) {
        origins->any = true;
    } else if (strcmp(text, "self") == 0) {
        origins->self = true;
    } else if (is_origin(text)) {
        char *copy = config_copy_text(text, place);
        if (copy == NULL)
            return -1;
        origins->items[origins->count++] = copy;
    } else {
        config_refuse(place, node->line, "%s is not an origin as browsers send it",
                      config_quote(text).text);
        return -1;
    }
    return 0;
}

static void origins_done(void *field)
{
    struct config_origins *origins = field;
    for (size_t i = 0; i < origins->count; i++)
        mem_free(origins->items[i]);
    mem_free(origins->items);
    *origins = (struct config_origins){0};
}

static int origins_set(const struct config_key *key, void *field, const struct config_node *node,
                       const struct config_place *place)
{
    (void)key;
    if (!config_is_list(node, ORIGINS_MAX, place))
        return -1;
    struct config_origins next = {.items = config_new_items(node->len, sizeof(*next.items), place)};
    int result = next.items == NULL ? -1 : 0;
    for (const struct config_node *item = node->first; next.items != NULL && item != NULL;
         item = item->next)
        result |= add_origin(&next, item, place);
    if (result < 0) {
        origins_done(&next);
        return -1;
    }
    origins_done(field);
    *(struct config_origins *)field = next;
    return 0;
}

static void origins_write(const struct config_key *key, const void *field, bool secrets,
                          struct buf *out)
{
    const struct config_origins *origins = field;
    (void)key;
    (void)secrets;
    buf_add_text(out, origins->any ? "    - \"*\"\n" : "");
    buf_add_text(out, origins->self ? "    - self\n" : "");
    for (size_t i = 0; i < origins->count; i++) {
        buf_add_text(out, "    - ");
        config_write_text(origins->items[i], out);
        buf_add_char(out, '\n');
    }
}

static void origins_allowed(const struct config_key *key, struct buf *out)
{
    (void)key;
    buf_add_text(out, "a list of self, \"*\" and origins such as https://example.org or "
                      "http://10.0.0.7:8080: lower case, no path, no port where it is the usual "
                      "one; empty lets no page in");
}

static size_t origins_entries(const void *field)
{
    const struct config_origins *origins = field;
    return origins->count + origins->any + origins->self;
}

const struct config_type config_type_origins = {
    .name = "a list of origins",
    .set = origins_set,
    .write = origins_write,
    .allowed = origins_allowed,
    .entries = origins_entries,
    .done = origins_done,
};
