/* session.ice_servers: RTCIceServer dictionaries, checked as a browser would check them, so that no
 * client's RTCPeerConnection throws over what it is told. */
#include <string.h>

#include "app/config.h"
#include "app/config_table.h"
#include "app/config_type.h"
#include "base/authority.h"
#include "base/mem.h"
#include "base/text.h"

#define SERVERS_MAX 64
#define URLS_MAX 32
#define ICE_TEXT_MAX 512 /* bytes of a URL, username or credential */
#define JSON_MAX CONFIG_TEXT_MAX

/* RFC 7064 and RFC 7065: SCHEME:HOST[:PORT], and of turn ?transport= */
static const struct {
    const char *prefix;
    bool turn;
} schemes[] = {{"stun:", false}, {"stuns:", false}, {"turn:", true}, {"turns:", true}};

bool config_is_ice_url(const char *url, bool *ret_turn)
{
    struct slice rest = slice_of(url);
    bool known = false;
    for (size_t i = 0; !known && i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        known = slice_skip(&rest, schemes[i].prefix);
        *ret_turn = schemes[i].turn;
    }
    const char *query = known ? memchr(rest.ptr, '?', rest.len) : NULL;
    if (query != NULL) {
        if (!*ret_turn ||
            (strcmp(query, "?transport=udp") != 0 && strcmp(query, "?transport=tcp") != 0))
            return false;
        rest.len = (size_t)(query - rest.ptr);
    }
    struct authority authority;
    return known && authority_parse(rest, &authority) && authority.port != 0;
}

static bool has_turn(const struct config_ice_server *server)
{
    for (size_t i = 0; i < server->url_count; i++) {
        if (strncmp(server->urls[i], "turn", strlen("turn")) == 0)
            return true;
    }
    return false;
}

static int add_url(struct config_ice_server *server, const struct config_node *node,
                   const struct config_place *place)
{
    bool turn;
    const char *url = config_read_text(node, ICE_TEXT_MAX, place);
    if (url == NULL)
        return -1;
    if (!config_is_ice_url(url, &turn)) {
        config_error(place, node->line,
                     "urls: %s is not a STUN or TURN URL; allowed: stun:HOST, stuns:HOST, "
                     "turn:HOST, turns:HOST, each with :PORT or not, turn and turns with "
                     "?transport=udp or ?transport=tcp or not",
                     config_quote(url).text);
        return -1;
    }
    char *copy = config_copy_text(url, place);
    if (copy == NULL)
        return -1;
    server->urls[server->url_count++] = copy;
    return 0;
}

static int read_urls(struct config_ice_server *server, const struct config_node *node,
                     const struct config_place *place)
{
    bool single = node->kind == CONFIG_NODE_TEXT;
    if (!single && !config_is_list(node, URLS_MAX, place))
        return -1;
    server->urls = config_new_items(single ? 1 : node->len, sizeof(*server->urls), place);
    if (server->urls == NULL)
        return -1;
    if (single)
        return add_url(server, node, place);
    int result = 0;
    for (const struct config_node *item = node->first; item != NULL; item = item->next)
        result |= add_url(server, item, place);
    return result;
}

static int read_username(struct config_ice_server *server, const struct config_node *node,
                         const struct config_place *place)
{
    const char *text = config_read_text(node, ICE_TEXT_MAX, place);
    server->username = text == NULL ? NULL : config_copy_text(text, place);
    return server->username == NULL ? -1 : 0;
}

static int read_credential(struct config_ice_server *server, const struct config_node *node,
                           const struct config_place *place)
{
    const char *text = config_read_text(node, ICE_TEXT_MAX, place);
    server->credential = text == NULL ? NULL : config_copy_text(text, place);
    return server->credential == NULL ? -1 : 0;
}

static const struct {
    const char *name;
    int (*read)(struct config_ice_server *server, const struct config_node *node,
                const struct config_place *place);
} members[] = {{"urls", read_urls}, {"username", read_username}, {"credential", read_credential}};

#define MEMBERS (sizeof(members) / sizeof(members[0]))

static int read_member(struct config_ice_server *server, const struct config_node *name,
                       bool seen[MEMBERS], const struct config_place *place)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        if (strcmp(members[i].name, name->text) != 0)
            continue;
        if (seen[i]) {
            config_error(place, name->line, "%s is given twice", members[i].name);
            return -1;
        }
        seen[i] = true;
        return members[i].read(server, name->next, place);
    }
    config_refuse(place, name->line, "%s is not part of an ICE server",
                  config_quote(name->text).text);
    return -1;
}

/* RTCPeerConnection throws InvalidAccessError where a TURN server lacks either. */
static int check_credentials(const struct config_ice_server *server, unsigned line,
                             const struct config_place *place)
{
    if ((server->username == NULL) != (server->credential == NULL)) {
        config_error(place, line, "username and credential go together");
        return -1;
    }
    if (has_turn(server) && server->username == NULL) {
        config_error(place, line, "a turn or turns URL needs username and credential");
        return -1;
    }
    return 0;
}

static int read_server(struct config_ice_server *server, const struct config_node *node,
                       const struct config_place *place)
{
    bool seen[MEMBERS] = {false};
    int result = 0;
    if (node->kind != CONFIG_NODE_MAP) {
        config_refuse(place, node->line, "%s is not an ICE server", config_node_show(node).text);
        return -1;
    }
    for (const struct config_node *name = node->first; name != NULL; name = name->next->next)
        result |= read_member(server, name, seen, place);
    if (result < 0)
        return -1;
    if (server->url_count == 0) {
        config_refuse(place, node->line, "an ICE server without urls");
        return -1;
    }
    return check_credentials(server, node->line, place);
}

/* JSON */

static void add_json_member(struct buf *out, const char *name, const char *text)
{
    if (text == NULL)
        return;
    buf_add_format(out, ",\"%s\":", name);
    text_add_json(out, slice_of(text));
}

static void add_json_server(struct buf *out, const struct config_ice_server *server)
{
    buf_add_text(out, "{\"urls\":[");
    for (size_t i = 0; i < server->url_count; i++) {
        buf_add_text(out, i == 0 ? "" : ",");
        text_add_json(out, slice_of(server->urls[i]));
    }
    buf_add_char(out, ']');
    add_json_member(out, "username", server->username);
    add_json_member(out, "credential", server->credential);
    buf_add_char(out, '}');
}

static int make_json(struct config_ice_servers *servers, const struct config_place *place)
{
    struct buf json;
    buf_init(&json, JSON_MAX);
    buf_add_char(&json, '[');
    for (size_t i = 0; i < servers->count; i++) {
        buf_add_text(&json, i == 0 ? "" : ",");
        add_json_server(&json, &servers->items[i]);
    }
    buf_add(&json, "]", sizeof("]"));
    if (buf_failed(&json)) {
        config_error(place, 0, "out of memory");
        buf_done(&json);
        return -1;
    }
    servers->json = json.data; /* with its NUL, and owned from here on */
    return 0;
}

/* The type */

static void server_done(struct config_ice_server *server)
{
    for (size_t i = 0; i < server->url_count; i++)
        mem_free(server->urls[i]);
    mem_free(server->urls);
    mem_free(server->username);
    mem_free(server->credential);
}

static void ice_servers_done(void *field)
{
    struct config_ice_servers *servers = field;
    for (size_t i = 0; i < servers->count; i++)
        server_done(&servers->items[i]);
    mem_free(servers->items);
    mem_free(servers->json);
    *servers = (struct config_ice_servers){0};
}

static int ice_servers_set(const struct config_key *key, void *field,
                           const struct config_node *node, const struct config_place *place)
{
    (void)key;
    if (!config_is_list(node, SERVERS_MAX, place))
        return -1;
    struct config_ice_servers next = {.items =
                                          config_new_items(node->len, sizeof(*next.items), place)};
    int result = next.items == NULL ? -1 : 0;
    for (const struct config_node *item = node->first; next.items != NULL && item != NULL;
         item = item->next)
        result |= read_server(&next.items[next.count++], item, place);
    if (result == 0)
        result = make_json(&next, place);
    if (result < 0) {
        ice_servers_done(&next);
        return -1;
    }
    ice_servers_done(field);
    *(struct config_ice_servers *)field = next;
    return 0;
}

static void write_member(struct buf *out, const char *name, const char *text)
{
    if (text == NULL)
        return;
    buf_add_format(out, "      %s: ", name);
    config_write_text(text, out);
    buf_add_char(out, '\n');
}

static void ice_servers_write(const struct config_key *key, const void *field, bool secrets,
                              struct buf *out)
{
    const struct config_ice_servers *servers = field;
    (void)key;
    for (size_t i = 0; i < servers->count; i++) {
        const struct config_ice_server *server = &servers->items[i];
        buf_add_text(out, "    - urls:\n");
        for (size_t j = 0; j < server->url_count; j++) {
            buf_add_text(out, "        - ");
            config_write_text(server->urls[j], out);
            buf_add_char(out, '\n');
        }
        write_member(out, "username", server->username);
        bool hide = server->credential != NULL && !secrets;
        write_member(out, "credential", hide ? CONFIG_HIDDEN : server->credential);
    }
}

static void ice_servers_allowed(const struct config_key *key, struct buf *out)
{
    (void)key;
    buf_add_text(out, "a list of maps with urls (a STUN or TURN URL, or a list of them), username "
                      "and credential");
}

static size_t ice_servers_entries(const void *field)
{
    return ((const struct config_ice_servers *)field)->count;
}

const struct config_type config_type_ice_servers = {
    .name = "a list of ICE servers",
    .set = ice_servers_set,
    .write = ice_servers_write,
    .allowed = ice_servers_allowed,
    .entries = ice_servers_entries,
    .done = ice_servers_done,
};
