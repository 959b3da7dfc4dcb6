#include "app/config_table.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "app/config.h"

const struct config_key config_keys[CONFIG_KEY_COUNT] = {
#define X(section_, name_, type_, fallback_, min_, max_, note_, help_)                             \
    [CONFIG_ID(section_, name_)] = {                                                               \
        .section = #section_,                                                                      \
        .name = #name_,                                                                            \
        .path = #section_ "." #name_,                                                              \
        .type = &config_type_##type_,                                                              \
        .fallback = (fallback_),                                                                   \
        .min = (min_),                                                                             \
        .max = (max_),                                                                             \
        .note = (note_),                                                                           \
        .help = (help_),                                                                           \
        .offset = offsetof(struct config, section_.name_),                                         \
    },
    CONFIG_KEYS(X)
#undef X
};

const struct config_section config_sections[CONFIG_SECTION_COUNT] = {
#define X(name_, KEYS, help_) {.name = #name_, .help = (help_)},
    CONFIG_SECTIONS(X)
#undef X
};

const struct config_key *config_key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        if (strcmp(key->section, section) == 0 && strcmp(key->name, name) == 0)
            return key;
    }
    return NULL;
}

const struct config_key *config_key_find_path(const char *path)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (strcmp(config_keys[i].path, path) == 0)
            return &config_keys[i];
    }
    return NULL;
}

const struct config_section *config_section_find(const char *name)
{
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        if (strcmp(config_sections[i].name, name) == 0)
            return &config_sections[i];
    }
    return NULL;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Wagner and Fischer's algorithm, with one row of the table kept. */
unsigned config_distance(const char *a, const char *b)
{
    unsigned row[CONFIG_PATH_MAX + 1];
    size_t width = strlen(b);
    if (width > CONFIG_PATH_MAX || strlen(a) > CONFIG_PATH_MAX)
        return UINT_MAX;
    for (size_t i = 0; i <= width; i++)
        row[i] = (unsigned)i;
    for (; *a != '\0'; a++) {
        unsigned diagonal = row[0]++;
        for (size_t i = 1; i <= width; i++) {
            unsigned above = row[i];
            row[i] = least(above + 1, row[i - 1] + 1, diagonal + (*a != b[i - 1]));
            diagonal = above;
        }
    }
    return row[width];
}

/* Further off than this, a suggestion is a guess. */
static unsigned nearness(const char *text)
{
    size_t len = strlen(text);
    return len < 6 ? 1 : len < 12 ? 2 : 3;
}

const struct config_key *config_key_nearest(const char *path)
{
    const char *dot = strchr(path, '.');
    const char *name = dot == NULL ? path : dot + 1;
    const struct config_key *nearest = NULL;
    unsigned best = nearness(path) + 1;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i]; /* the right name in the wrong section */
        unsigned distance = config_distance(path, config_keys[i].path);
        if (distance < best) {
            best = distance;
            nearest = &config_keys[i];
        }
    }
    return nearest;
}

const struct config_section *config_section_nearest(const char *name)
{
    const struct config_section *nearest = NULL;
    unsigned best = nearness(name) + 1;
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        unsigned distance = config_distance(name, config_sections[i].name);
        if (distance < best) {
            best = distance;
            nearest = &config_sections[i];
        }
    }
    return nearest;
}

struct config_variable config_key_variable(const struct config_key *key)
{
    struct config_variable variable;
    int len =
        snprintf(variable.name, sizeof(variable.name), CONFIG_VARIABLE_PREFIX "%s", key->path);
    for (int i = 0; i < len; i++) {
        char c = variable.name[i];
        variable.name[i] = c == '.' ? '_' : (char)toupper((unsigned char)c);
    }
    return variable;
}

void config_key_allowed(const struct config_key *key, struct buf *out)
{
    key->type->allowed(key, out);
}
