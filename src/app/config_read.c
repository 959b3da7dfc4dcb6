#include "app/config_read.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/config_node.h"
#include "base/mem.h"

/* All that one document is read with. */
struct reader {
    struct config *config;
    const struct config_place *place;
    unsigned seen_keys[CONFIG_KEY_COUNT]; /* lines */
    unsigned seen_sections[CONFIG_SECTION_COUNT];
};

static int set_key(struct config *config, const struct config_key *key,
                   const struct config_node *node, struct config_source source,
                   const struct config_place *place)
{
    void *field = (char *)config + key->offset;
    if (key->type->set(key, field, node, place) < 0)
        return -1;
    config->sources[config_key_id(key)] = source;
    return 0;
}

/* YAML */

static int refuse_key(const struct reader *reader, const char *section,
                      const struct config_node *name)
{
    char path[CONFIG_PATH_MAX * 2];
    snprintf(path, sizeof(path), "%.60s.%.60s", section, name->text);
    const struct config_key *nearest = config_key_nearest(path);
    if (nearest != NULL)
        config_error(reader->place, name->line, "%s: unknown key; did you mean %s?",
                     config_show(path).text, nearest->path);
    else
        config_error(reader->place, name->line, "%s: unknown key; --help lists those there are",
                     config_show(path).text);
    return -1;
}

static int read_key(struct reader *reader, const char *section, const struct config_node *name)
{
    const struct config_key *key = config_key_find(section, name->text);
    if (key == NULL)
        return refuse_key(reader, section, name);
    struct config_place place = *reader->place;
    place.key = key;
    place.line = name->line;
    unsigned *seen = &reader->seen_keys[config_key_id(key)];
    if (*seen > 0) {
        config_error(&place, name->line, "given twice, first in line %u", *seen);
        return -1;
    }
    *seen = name->line;
    struct config_source source = {.from = CONFIG_FROM_FILE, .line = name->line};
    return set_key(reader->config, key, name->next, source, &place);
}

static int refuse_section(const struct reader *reader, const struct config_node *name)
{
    const struct config_section *section = config_section_nearest(name->text);
    const struct config_key *key = config_key_nearest(name->text);
    struct config_shown shown = config_show(name->text);
    if (section != NULL)
        config_error(reader->place, name->line, "%s: unknown section; did you mean %s?", shown.text,
                     section->name);
    else if (key != NULL)
        config_error(reader->place, name->line,
                     "%s: unknown section; did you mean %s in section %s?", shown.text, key->name,
                     key->section);
    else
        config_error(reader->place, name->line, "%s: unknown section; --help lists those there are",
                     shown.text);
    return -1;
}

static int read_section(struct reader *reader, const struct config_node *name)
{
    const struct config_section *section = config_section_find(name->text);
    const struct config_node *body = name->next;
    if (section == NULL)
        return refuse_section(reader, name);
    unsigned *seen = &reader->seen_sections[section - config_sections];
    if (*seen > 0) {
        config_error(reader->place, name->line, "%s: given twice, first in line %u", section->name,
                     *seen);
        return -1;
    }
    *seen = name->line;
    if (config_node_is_null(body))
        return 0; /* all its keys are commented out */
    if (body->kind != CONFIG_NODE_MAP) {
        config_error(reader->place, body->line, "%s: %s is not a map of keys", section->name,
                     config_node_show(body).text);
        return -1;
    }
    int result = 0;
    for (const struct config_node *key = body->first; key != NULL; key = key->next->next)
        result |= read_key(reader, section->name, key);
    return result;
}

static int read_document(struct reader *reader, const struct config_node *root)
{
    if (config_node_is_null(root))
        return 0;
    if (root->kind != CONFIG_NODE_MAP) {
        config_error(reader->place, root->line, "%s is not a map of sections",
                     config_node_show(root).text);
        return -1;
    }
    int result = 0;
    for (const struct config_node *name = root->first; name != NULL; name = name->next->next)
        result |= read_section(reader, name);
    return result;
}

int config_read_yaml(struct config *config, const char *text, size_t len,
                     const struct config_place *place)
{
    struct reader reader = {.config = config, .place = place};
    struct config_node *root;
    if (config_yaml_parse(text, len, place, &root) < 0)
        return -1;
    int result = read_document(&reader, root);
    config_node_free(root);
    return result;
}

/* Environment and flags */

static int add_text(struct config_node *list, const char *text, size_t len,
                    const struct config_place *place)
{
    struct config_node *item = config_node_new(CONFIG_NODE_TEXT, text, len);
    if (item == NULL) {
        config_error(place, 0, "out of memory");
        return -1;
    }
    item->quoted = true;
    config_node_add(list, item);
    return 0;
}

static int split_at_commas(struct config_node *list, const char *text,
                           const struct config_place *place)
{
    while (*text != '\0') {
        text += strspn(text, " ");
        size_t len = strcspn(text, ",");
        const char *next = text[len] == ',' ? text + len + 1 : text + len;
        while (len > 0 && text[len - 1] == ' ')
            len--;
        if (add_text(list, text, len, place) < 0)
            return -1;
        text = next;
    }
    return 0;
}

static struct config_node *new_list(const struct config_place *place)
{
    struct config_node *list = config_node_new(CONFIG_NODE_LIST, NULL, 0);
    if (list == NULL)
        config_error(place, 0, "out of memory");
    return list;
}

static struct config_node *read_list(const char *text, const struct config_place *place)
{
    struct config_node *list = NULL;
    if (text[strspn(text, " \t\r\n")] == '[') {
        config_yaml_parse(text, strlen(text), place, &list);
        return list;
    }
    list = new_list(place);
    if (list != NULL && split_at_commas(list, text, place) < 0) {
        config_node_free(list);
        list = NULL;
    }
    return list;
}

int config_read_value(struct config *config, const struct config_key *key, const char *text,
                      struct config_source source, const struct config_place *place)
{
    if (key->type->entries == NULL) {
        struct config_node node = {.kind = CONFIG_NODE_TEXT, .quoted = true, .len = strlen(text)};
        node.text = (char *)text; /* only read */
        return set_key(config, key, &node, source, place);
    }
    struct config_node *list = read_list(text, place);
    int result = list == NULL ? -1 : set_key(config, key, list, source, place);
    config_node_free(list);
    return result;
}

int config_read_entries(struct config *config, const struct config_key *key,
                        const char *const *texts, size_t count, struct config_source source,
                        const struct config_place *place)
{
    struct config_node *list = new_list(place);
    int result = list == NULL ? -1 : 0;
    for (size_t i = 0; result == 0 && i < count; i++)
        result = add_text(list, texts[i], strlen(texts[i]), place);
    if (result == 0)
        result = set_key(config, key, list, source, place);
    config_node_free(list);
    return result;
}

/* Files */

char *config_read_file(const char *path, size_t *ret_len, const struct config_place *place)
{
    FILE *file = fopen(path, "re");
    char *text = file == NULL ? NULL : mem_alloc(CONFIG_FILE_MAX + 1);
    if (text == NULL) {
        config_error(place, 0, "cannot be read: %s",
                     file == NULL ? strerror(errno) : "out of memory");
        goto done;
    }
    size_t len = fread(text, 1, CONFIG_FILE_MAX + 1, file);
    if (!ferror(file) && len <= CONFIG_FILE_MAX) {
        text[len] = '\0';
        *ret_len = len;
        goto done;
    }
    if (ferror(file))
        config_error(place, 0, "cannot be read: %s", strerror(errno));
    else
        config_error(place, 0, "more than %zu KiB are not taken", CONFIG_FILE_MAX / 1024);
    mem_free(text);
    text = NULL;
done:
    if (file != NULL)
        fclose(file);
    return text;
}
