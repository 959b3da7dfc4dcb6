/* bus.redis: URLs of Redis. They may hold passwords, so no message repeats any of one. */
#include <string.h>

#include "app/config.h"
#include "app/config_table.h"
#include "app/config_type.h"
#include "base/mem.h"

#define SHARDS_MAX 64

static void forget(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    mem_free(text);
}

/* Commas separate sentinels as they do entries, so an entry that begins no URL goes on with the one
 * before it. */
static bool goes_on(const struct config_node *node)
{
    return node->kind == CONFIG_NODE_TEXT && strstr(node->text, "://") == NULL &&
           strncmp(node->text, "unix:", strlen("unix:")) != 0;
}

/* The entry at *node and those that go on with it; *node is then the last of them. NULL with an
 * error. */
static char *join_entry(const struct config_node **node, const struct config_place *place)
{
    struct buf joined;
    const char *text = config_read_text(*node, REDIS_URL_MAX, place);
    if (text == NULL)
        return NULL;
    buf_init(&joined, REDIS_URL_MAX + 1);
    buf_add_text(&joined, text);
    while ((*node)->next != NULL && goes_on((*node)->next)) {
        *node = (*node)->next;
        text = config_read_text(*node, REDIS_URL_MAX, place);
        buf_add_char(&joined, ',');
        buf_add_text(&joined, text == NULL ? "" : text);
        joined.failed = joined.failed || text == NULL;
    }
    buf_add_char(&joined, '\0');
    if (!buf_failed(&joined))
        return joined.data;
    config_error(place, (*node)->line, "a URL of more than %d bytes", REDIS_URL_MAX);
    buf_done(&joined);
    return NULL;
}

static bool is_taken(const struct config_redis *redis, const struct redis_url *url)
{
    for (size_t i = 0; i < redis->count; i++) {
        const struct redis_url *other = &redis->items[i].url;
        if (redis_address_equal(&other->addresses[0], &url->addresses[0]) &&
            other->database == url->database && strcmp(other->master, url->master) == 0)
            return true;
    }
    return false;
}

static int add_shard(struct config_redis *redis, char *text, unsigned line,
                     const struct config_place *place)
{
    struct config_shard *shard = &redis->items[redis->count];
    const char *wrong = redis_url_parse(slice_of(text), &shard->url);
    shard->text = text;
    if (wrong != NULL)
        config_refuse(place, line, "entry %zu is no URL of a Redis: %s", redis->count + 1, wrong);
    else if (is_taken(redis, &shard->url))
        config_error(place, line, "entry %zu is the Redis of another entry", redis->count + 1);
    bool taken = wrong == NULL && !is_taken(redis, &shard->url);
    redis->count++; /* also where it is refused: it is freed with the others */
    return taken ? 0 : -1;
}

static void redis_done(void *field)
{
    struct config_redis *redis = field;
    for (size_t i = 0; i < redis->count; i++)
        forget(redis->items[i].text);
    if (redis->items != NULL)
        explicit_bzero(redis->items, redis->count * sizeof(*redis->items));
    mem_free(redis->items);
    *redis = (struct config_redis){0};
}

static int add_entries(struct config_redis *redis, const struct config_node *first,
                       const struct config_place *place)
{
    int result = 0;
    for (const struct config_node *node = first; node != NULL; node = node->next) {
        unsigned line = node->line;
        char *text = join_entry(&node, place);
        if (text == NULL || add_shard(redis, text, line, place) < 0)
            result = -1;
    }
    return result;
}

/* One URL without a list is taken as well; a message would have to show it. */
static int redis_set(const struct config_key *key, void *field, const struct config_node *node,
                     const struct config_place *place)
{
    bool single = node->kind == CONFIG_NODE_TEXT && node->len > 0;
    size_t count = single ? 1 : node->len;
    (void)key;
    if (!single && !config_is_list(node, SHARDS_MAX * REDIS_SENTINELS_MAX, place))
        return -1;
    struct config_redis next = {.items = config_new_items(count, sizeof(*next.items), place)};
    int result = next.items == NULL ? -1 : 0;
    if (result == 0)
        result = add_entries(&next, single ? node : node->first, place);
    if (result == 0 && next.count > SHARDS_MAX) {
        config_error(place, node->line, "more than %d entries", SHARDS_MAX);
        result = -1;
    }
    if (result < 0) {
        redis_done(&next);
        return -1;
    }
    redis_done(field);
    *(struct config_redis *)field = next;
    return 0;
}

static void add_shown(const struct config_shard *shard, struct buf *out)
{
    struct buf shown;
    buf_init(&shown, 2 * REDIS_URL_MAX);
    redis_url_show(&shard->url, &shown);
    buf_add_char(&shown, '\0');
    if (buf_failed(&shown))
        out->failed = true;
    else
        config_write_text(shown.data, out);
    buf_done(&shown);
}

static void redis_write(const struct config_key *key, const void *field, bool secrets,
                        struct buf *out)
{
    const struct config_redis *redis = field;
    (void)key;
    for (size_t i = 0; i < redis->count; i++) {
        buf_add_text(out, "    - ");
        if (secrets)
            config_write_text(redis->items[i].text, out);
        else
            add_shown(&redis->items[i], out);
        buf_add_char(out, '\n');
    }
}

static void redis_allowed(const struct config_key *key, struct buf *out)
{
    (void)key;
    buf_add_text(out,
                 "redis://USER:PASSWORD@HOST:PORT/DATABASE, rediss:// for TLS, "
                 "unix:/PATH?db=DATABASE, redis+sentinel://HOST:PORT,HOST:PORT/MASTER/DATABASE "
                 "or rediss+sentinel://; all but host, path and master may be left out; %XX "
                 "stands for what would end a part");
}

static size_t redis_entries(const void *field)
{
    return ((const struct config_redis *)field)->count;
}

const struct config_type config_type_redis = {
    .name = "a list of URLs of Redis",
    .set = redis_set,
    .write = redis_write,
    .allowed = redis_allowed,
    .entries = redis_entries,
    .done = redis_done,
};
