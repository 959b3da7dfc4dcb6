/* proxy.networks: a list of networks of IP addresses. */
#include "app/config.h"
#include "app/config_table.h"
#include "app/config_type.h"
#include "base/mem.h"

#define NETWORKS_MAX 256
#define TEXT_MAX 64 /* bytes of one, as written */

static int add_network(struct config_networks *networks, const struct config_node *node,
                       const struct config_place *place)
{
    const char *text = config_read_text(node, TEXT_MAX, place);
    if (text == NULL)
        return -1;
    if (!ip_network_parse(slice_of(text), &networks->items[networks->count])) {
        config_refuse(place, node->line, "%s is not a network", config_quote(text).text);
        return -1;
    }
    networks->count++;
    return 0;
}

static void networks_done(void *field)
{
    struct config_networks *networks = field;
    mem_free(networks->items);
    *networks = (struct config_networks){0};
}

static int networks_set(const struct config_key *key, void *field, const struct config_node *node,
                        const struct config_place *place)
{
    (void)key;
    if (!config_is_list(node, NETWORKS_MAX, place))
        return -1;
    struct config_networks next = {.items =
                                       config_new_items(node->len, sizeof(*next.items), place)};
    int result = next.items == NULL ? -1 : 0;
    for (const struct config_node *item = node->first; next.items != NULL && item != NULL;
         item = item->next)
        result |= add_network(&next, item, place);
    if (result < 0) {
        networks_done(&next);
        return -1;
    }
    networks_done(field);
    *(struct config_networks *)field = next;
    return 0;
}

static void networks_write(const struct config_key *key, const void *field, bool secrets,
                           struct buf *out)
{
    const struct config_networks *networks = field;
    (void)key;
    (void)secrets;
    for (size_t i = 0; i < networks->count; i++) {
        char text[IP_NETWORK_TEXT_SIZE];
        buf_add_text(out, "    - ");
        config_write_text(ip_network_text(&networks->items[i], text).ptr, out);
        buf_add_char(out, '\n');
    }
}

static void networks_allowed(const struct config_key *key, struct buf *out)
{
    (void)key;
    buf_add_text(out, "a list of networks and addresses: 10.0.0.0/8, 2001:db8::/32, 192.0.2.1");
}

static size_t networks_entries(const void *field)
{
    return ((const struct config_networks *)field)->count;
}

const struct config_type config_type_networks = {
    .name = "a list of networks",
    .set = networks_set,
    .write = networks_write,
    .allowed = networks_allowed,
    .entries = networks_entries,
    .done = networks_done,
};
