/* A config as YAML: for people (with where each value came from, no secrets) and for workers. */
#include <string.h>

#include "app/config.h"
#include "app/config_reference.h"
#include "app/config_table.h"

static void add_source(const struct config *config, const struct config_key *key, struct buf *out)
{
    const struct config_source *source = &config->sources[config_key_id(key)];
    buf_add_text(out, "  # ");
    switch (source->from) {
    case CONFIG_FROM_DEFAULT: buf_add_text(out, "default"); break;
    case CONFIG_FROM_FILE:
        buf_add_format(out, "%s:%u", config_show(config->file).text, source->line);
        break;
    case CONFIG_FROM_ENVIRONMENT:
        buf_add_format(out, "environment %s", config_key_variable(key).name);
        break;
    case CONFIG_FROM_FLAG: buf_add_text(out, source->option); break;
    }
}

static void add_key(const struct config *config, const struct config_key *key, bool internal,
                    struct buf *out)
{
    const void *field = (const char *)config + key->offset;
    bool list = key->type->entries != NULL;
    bool empty = list && key->type->entries(field) == 0;
    buf_add_format(out, "  %s:", key->name);
    buf_add_text(out, empty ? " []" : list ? "" : " ");
    if (!list)
        key->type->write(key, field, internal, out);
    if (!internal)
        add_source(config, key, out);
    buf_add_char(out, '\n');
    if (list)
        key->type->write(key, field, internal, out);
}

static void write_values(const struct config *config, bool internal, struct buf *out)
{
    const char *section = "";
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        if (internal && strcmp(key->section, "admin") == 0)
            continue; /* the supervisor's alone */
        if (strcmp(key->section, section) != 0)
            buf_add_format(out, "%s:\n", key->section);
        section = key->section;
        add_key(config, key, internal, out);
    }
}

int config_write(const struct config *config, enum config_form form, struct buf *out)
{
    switch (form) {
    case CONFIG_FORM_EFFECTIVE:
    case CONFIG_FORM_INTERNAL: write_values(config, form == CONFIG_FORM_INTERNAL, out); break;
    case CONFIG_FORM_EXAMPLE: config_write_example(out); break;
    case CONFIG_FORM_REFERENCE: config_write_reference(out); break;
    }
    return buf_failed(out) ? -1 : 0;
}
