/* turn.urls and turn.secrets: lists of texts. */
#include <string.h>

#include "app/config.h"
#include "app/config_table.h"
#include "app/config_type.h"
#include "base/mem.h"

#define URLS_MAX 16
#define SECRETS_MAX 8
#define TEXT_MAX 512 /* bytes of one */

static void texts_done(void *field)
{
    struct config_texts *texts = field;
    for (size_t i = 0; i < texts->count; i++) {
        explicit_bzero(texts->items[i], strlen(texts->items[i]));
        mem_free(texts->items[i]);
    }
    mem_free(texts->items);
    *texts = (struct config_texts){0};
}

typedef bool is_good(const char *text);

static int add_text(struct config_texts *texts, const struct config_node *node, is_good *good,
                    const struct config_place *place)
{
    const char *text = config_read_text(node, TEXT_MAX, place);
    if (text == NULL)
        return -1;
    if (!good(text)) { /* not shown: it may be a secret */
        config_refuse(place, node->line, "entry %zu is not one", texts->count + 1);
        return -1;
    }
    char *copy = config_copy_text(text, place);
    if (copy == NULL)
        return -1;
    texts->items[texts->count++] = copy;
    return 0;
}

static int set_texts(void *field, const struct config_node *node, size_t max, is_good *good,
                     const struct config_place *place)
{
    if (!config_is_list(node, max, place))
        return -1;
    struct config_texts next = {.items = config_new_items(node->len, sizeof(*next.items), place)};
    int result = next.items == NULL ? -1 : 0;
    for (const struct config_node *item = node->first; next.items != NULL && item != NULL;
         item = item->next)
        result |= add_text(&next, item, good, place);
    if (result < 0) {
        texts_done(&next);
        return -1;
    }
    texts_done(field);
    *(struct config_texts *)field = next;
    return 0;
}

static void write_texts(const void *field, bool hidden, struct buf *out)
{
    const struct config_texts *texts = field;
    for (size_t i = 0; i < texts->count; i++) {
        buf_add_text(out, "    - ");
        config_write_text(hidden ? CONFIG_HIDDEN : texts->items[i], out);
        buf_add_char(out, '\n');
    }
}

static size_t texts_entries(const void *field)
{
    return ((const struct config_texts *)field)->count;
}

/* URLs */

static bool is_turn_url(const char *text)
{
    bool turn;
    return config_is_ice_url(text, &turn) && turn;
}

static int turn_urls_set(const struct config_key *key, void *field, const struct config_node *node,
                         const struct config_place *place)
{
    (void)key;
    return set_texts(field, node, URLS_MAX, is_turn_url, place);
}

static void turn_urls_write(const struct config_key *key, const void *field, bool secrets,
                            struct buf *out)
{
    (void)key;
    (void)secrets;
    write_texts(field, false, out);
}

static void turn_urls_allowed(const struct config_key *key, struct buf *out)
{
    (void)key;
    buf_add_text(out, "a list of turn:HOST and turns:HOST, each with :PORT or not, with "
                      "?transport=udp or ?transport=tcp or not");
}

const struct config_type config_type_turn_urls = {
    .name = "a list of TURN URLs",
    .set = turn_urls_set,
    .write = turn_urls_write,
    .allowed = turn_urls_allowed,
    .entries = texts_entries,
    .done = texts_done,
};

/* Secrets */

static bool is_secret(const char *text)
{
    return text[0] != '\0';
}

static int secrets_set(const struct config_key *key, void *field, const struct config_node *node,
                       const struct config_place *place)
{
    (void)key;
    return set_texts(field, node, SECRETS_MAX, is_secret, place);
}

static void secrets_write(const struct config_key *key, const void *field, bool secrets,
                          struct buf *out)
{
    (void)key;
    write_texts(field, !secrets, out);
}

static void secrets_allowed(const struct config_key *key, struct buf *out)
{
    (void)key;
    buf_add_format(out, "a list of secrets, each 1 to %d bytes", TEXT_MAX);
}

const struct config_type config_type_secrets = {
    .name = "a list of secrets",
    .set = secrets_set,
    .write = secrets_write,
    .allowed = secrets_allowed,
    .entries = texts_entries,
    .done = texts_done,
};
