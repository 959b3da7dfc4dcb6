/* config_keys.h as an array, and looking things up in it. */
#ifndef ROOMLINE_APP_CONFIG_TABLE_H
#define ROOMLINE_APP_CONFIG_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "app/config_keys.h"
#include "app/config_type.h"
#include "base/buf.h"

#define CONFIG_VARIABLE_PREFIX "ROOMLINE_"
#define CONFIG_PATH_MAX 64 /* bytes of "section.key" with the NUL */

struct config_key {
    const char *section;
    const char *name;
    const char *path; /* "section.name" */
    const struct config_type *type;
    const char *fallback; /* the default, as YAML */
    uint64_t min;
    uint64_t max;
    const char *note;
    const char *help;
    size_t offset; /* in struct config */
};

struct config_section {
    const char *name;
    const char *help;
};

extern const struct config_key config_keys[CONFIG_KEY_COUNT];
extern const struct config_section config_sections[CONFIG_SECTION_COUNT];

/* NULL where there is none. */
const struct config_key *config_key_find(const char *section, const char *name);
const struct config_key *config_key_find_path(const char *path);
const struct config_section *config_section_find(const char *name);

static inline enum config_id config_key_id(const struct config_key *key)
{
    return (enum config_id)(key - config_keys);
}

/* What the writer of an unknown "section.key" or "section" may have meant; NULL: nothing near. */
const struct config_key *config_key_nearest(const char *path);
const struct config_section *config_section_nearest(const char *name);

/* Edits (insert, delete, replace) from one text to the other; a large number for long texts. */
unsigned config_distance(const char *a, const char *b);

/* The key's environment variable: ROOMLINE_SECTION_KEY. */
struct config_variable {
    char name[CONFIG_PATH_MAX + sizeof(CONFIG_VARIABLE_PREFIX)];
};
struct config_variable config_key_variable(const struct config_key *key);

/* Appends what values the key takes. */
void config_key_allowed(const struct config_key *key, struct buf *out);

#endif
