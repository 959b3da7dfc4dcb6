/* The scalar types: whole numbers, sizes, durations, words, paths, texts and secrets. */
#include <limits.h>
#include <string.h>

#include "app/config.h"
#include "app/config_number.h"
#include "app/config_table.h"
#include "app/config_type.h"
#include "base/mem.h"
#include "base/text.h"

#define FILE_PATH_MAX 4095 /* bytes, as PATH_MAX of Linux without the NUL */

/* Numbers */

static int read_number(const struct config_key *key, const struct config_unit *units,
                       const struct config_node *node, const struct config_place *place,
                       uint64_t *ret_number)
{
    uint64_t number = 0;
    if (node->kind != CONFIG_NODE_TEXT || !config_number_parse(node->text, units, &number)) {
        config_refuse(place, node->line, "%s is not %s", config_node_show(node).text,
                      key->type->name);
        return -1;
    }
    bool allowed =
        number == 0 ? key->note != NULL || key->min == 0 : number >= key->min && number <= key->max;
    if (!allowed) {
        config_refuse(place, node->line, "%s is out of range", config_node_show(node).text);
        return -1;
    }
    *ret_number = number;
    return 0;
}

static void add_range(const struct config_key *key, const struct config_unit *units,
                      struct buf *out)
{
    struct config_number max = config_number_show(key->max, units);
    struct config_number min = config_number_show(key->min, units);
    if (key->note == NULL)
        buf_add_format(out, "%s to %s", min.text, max.text);
    else if (key->min <= 1)
        buf_add_format(out, "0 (%s) to %s", key->note, max.text);
    else
        buf_add_format(out, "0 (%s), or %s to %s", key->note, min.text, max.text);
}

static int count_set(const struct config_key *key, void *field, const struct config_node *node,
                     const struct config_place *place)
{
    uint64_t number;
    if (read_number(key, config_units_count, node, place, &number) < 0)
        return -1;
    *(unsigned *)field = (unsigned)number; /* config_keys.h has no max above UINT_MAX */
    return 0;
}

static void count_write(const struct config_key *key, const void *field, bool secrets,
                        struct buf *out)
{
    (void)key;
    (void)secrets;
    buf_add_format(out, "%u", *(const unsigned *)field);
}

static void count_allowed(const struct config_key *key, struct buf *out)
{
    add_range(key, config_units_count, out);
}

const struct config_type config_type_count = {
    .name = "a whole number",
    .set = count_set,
    .write = count_write,
    .allowed = count_allowed,
};

static int size_set(const struct config_key *key, void *field, const struct config_node *node,
                    const struct config_place *place)
{
    uint64_t number;
    if (read_number(key, config_units_size, node, place, &number) < 0)
        return -1;
    *(size_t *)field = (size_t)number;
    return 0;
}

static void size_write(const struct config_key *key, const void *field, bool secrets,
                       struct buf *out)
{
    (void)key;
    (void)secrets;
    buf_add_text(out, config_number_show(*(const size_t *)field, config_units_size).text);
}

static void size_allowed(const struct config_key *key, struct buf *out)
{
    add_range(key, config_units_size, out);
}

const struct config_type config_type_size = {
    .name = "a size",
    .set = size_set,
    .write = size_write,
    .allowed = size_allowed,
    .written = "written as 512 (bytes), 64KiB, 1MiB or 1GiB",
};

static int duration_set(const struct config_key *key, void *field, const struct config_node *node,
                        const struct config_place *place)
{
    return read_number(key, config_units_duration, node, place, field);
}

static void duration_write(const struct config_key *key, const void *field, bool secrets,
                           struct buf *out)
{
    (void)key;
    (void)secrets;
    buf_add_text(out, config_number_show(*(const uint64_t *)field, config_units_duration).text);
}

static void duration_allowed(const struct config_key *key, struct buf *out)
{
    add_range(key, config_units_duration, out);
}

const struct config_type config_type_duration = {
    .name = "a duration",
    .set = duration_set,
    .write = duration_write,
    .allowed = duration_allowed,
    .written = "written as 500ms, 25s, 10m, 1h or 7d",
};

/* Flags */

static int flag_set(const struct config_key *key, void *field, const struct config_node *node,
                    const struct config_place *place)
{
    bool yes = node->kind == CONFIG_NODE_TEXT && strcmp(node->text, "true") == 0;
    bool no = node->kind == CONFIG_NODE_TEXT && strcmp(node->text, "false") == 0;
    if (!yes && !no) {
        config_refuse(place, node->line, "%s is not %s", config_node_show(node).text,
                      key->type->name);
        return -1;
    }
    *(bool *)field = yes;
    return 0;
}

static void flag_write(const struct config_key *key, const void *field, bool secrets,
                       struct buf *out)
{
    (void)key;
    (void)secrets;
    buf_add_text(out, *(const bool *)field ? "true" : "false");
}

static void flag_allowed(const struct config_key *key, struct buf *out)
{
    (void)key;
    buf_add_text(out, "true or false");
}

const struct config_type config_type_flag = {
    .name = "true or false",
    .set = flag_set,
    .write = flag_write,
    .allowed = flag_allowed,
};

/* Words: key->note holds them all, with a space between two. */

static bool next_word(const char **at, struct slice *ret_word)
{
    *at += strspn(*at, " ");
    *ret_word = (struct slice){*at, strcspn(*at, " ")};
    *at += ret_word->len;
    return ret_word->len > 0;
}

static int word_set(const struct config_key *key, void *field, const struct config_node *node,
                    const struct config_place *place)
{
    const char *at = key->note;
    struct slice word;
    for (int i = 0; node->kind == CONFIG_NODE_TEXT && next_word(&at, &word); i++) {
        if (slice_equal(word, (struct slice){node->text, node->len})) {
            *(int *)field = i;
            return 0;
        }
    }
    config_refuse(place, node->line, "%s is not one of its words", config_node_show(node).text);
    return -1;
}

static void word_write(const struct config_key *key, const void *field, bool secrets,
                       struct buf *out)
{
    (void)secrets;
    const char *at = key->note;
    struct slice word;
    for (int i = 0; next_word(&at, &word); i++) {
        if (i == *(const int *)field)
            buf_add_slice(out, word);
    }
}

static void word_allowed(const struct config_key *key, struct buf *out)
{
    const char *at = key->note;
    struct slice word;
    for (int i = 0; next_word(&at, &word); i++) {
        buf_add_text(out, i == 0 ? "" : ", ");
        buf_add_slice(out, word);
    }
}

const struct config_type config_type_word = {
    .name = "a word",
    .set = word_set,
    .write = word_write,
    .allowed = word_allowed,
};

/* Paths */

static void forget(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    mem_free(*text);
    *text = NULL;
}

static int set_copy(char **field, const struct config_node *node, size_t max,
                    const struct config_place *place)
{
    const char *text = config_node_is_null(node) ? "" : config_read_text(node, max, place);
    char *copy = text == NULL ? NULL : config_copy_text(text, place);
    if (copy == NULL)
        return -1;
    forget(field);
    *field = copy;
    return 0;
}

static int path_set(const struct config_key *key, void *field, const struct config_node *node,
                    const struct config_place *place)
{
    (void)key;
    return set_copy(field, node, FILE_PATH_MAX, place);
}

static void path_write(const struct config_key *key, const void *field, bool secrets,
                       struct buf *out)
{
    (void)key;
    (void)secrets;
    config_write_text(*(char *const *)field, out);
}

static void path_allowed(const struct config_key *key, struct buf *out)
{
    (void)key;
    buf_add_text(out, "a path, from the working directory where relative; empty for none");
}

static void text_done(void *field)
{
    forget(field);
}

const struct config_type config_type_path = {
    .name = "a path",
    .set = path_set,
    .write = path_write,
    .allowed = path_allowed,
    .done = text_done,
};

/* Texts and secrets: key->max is their length. */

static int text_set(const struct config_key *key, void *field, const struct config_node *node,
                    const struct config_place *place)
{
    return set_copy(field, node, key->max, place);
}

static void text_write(const struct config_key *key, const void *field, bool secrets,
                       struct buf *out)
{
    (void)key;
    (void)secrets;
    config_write_text(*(char *const *)field, out);
}

static void secret_write(const struct config_key *key, const void *field, bool secrets,
                         struct buf *out)
{
    const char *secret = *(char *const *)field;
    (void)key;
    config_write_text(secrets || secret[0] == '\0' ? secret : CONFIG_HIDDEN, out);
}

static void text_allowed(const struct config_key *key, struct buf *out)
{
    buf_add_format(out, "up to %llu bytes", (unsigned long long)key->max);
}

const struct config_type config_type_text = {
    .name = "a text",
    .set = text_set,
    .write = text_write,
    .allowed = text_allowed,
    .done = text_done,
};

const struct config_type config_type_secret = {
    .name = "a secret text",
    .set = text_set,
    .write = secret_write,
    .allowed = text_allowed,
    .done = text_done,
};
