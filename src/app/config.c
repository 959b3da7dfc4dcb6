/* Where values come from, in the order of precedence:
 *
 *   defaults → file → environment → flags → what goes together */
#include "app/config.h"

#include <stdio.h>
#include <string.h>

#include "app/config_check.h"
#include "app/config_read.h"
#include "app/config_table.h"
#include "base/mem.h"

/* Not settings: which worker this process is, and a secret that belongs in no file. */
static const char *const other_variables[] = {"ROOMLINE_WORKER"};

static void *field_of(struct config *config, const struct config_key *key)
{
    return (char *)config + key->offset;
}

void config_done(struct config *config)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        if (key->type->done != NULL)
            key->type->done(field_of(config, key));
    }
    mem_free(config->file);
    config->file = NULL;
}

static int read_defaults(struct config *config, struct config_errors *errors)
{
    struct config_source source = {.from = CONFIG_FROM_DEFAULT};
    int result = 0;
    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        struct config_place place = {.origin = "default", .key = key, .errors = errors};
        result |= config_read_value(config, key, key->fallback, source, &place);
    }
    return result;
}

static int set_file(struct config *config, const char *name, struct config_place *place)
{
    config->file = config_copy_text(name, place);
    place->line = 1;
    return config->file == NULL ? -1 : 0;
}

static int read_file(struct config *config, const char *path, struct config_errors *errors)
{
    struct config_place place = {.origin = path, .errors = errors};
    size_t len;
    char *text = config_read_file(path, &len, &place);
    int result = text == NULL ? -1 : set_file(config, path, &place);
    if (result == 0)
        result = config_read_yaml(config, text, len, &place);
    mem_free(text);
    return result;
}

/* Environment */

/* Kubernetes tells every pod about the services beside it: of a service named "roomline" that is
 * ROOMLINE_SERVICE_HOST, ROOMLINE_SERVICE_PORT_HTTP, ROOMLINE_PORT_8080_TCP_ADDR and so on. */
static bool is_service_link(const char *name, const char *value)
{
    const char *port = strstr(name, "_PORT");
    if (strstr(name, "_SERVICE_HOST") != NULL || strstr(name, "_SERVICE_PORT") != NULL)
        return true;
    if (port == NULL)
        return false;
    return port[strlen("_PORT")] == '_' || strstr(value, "://") != NULL;
}

static bool is_other_variable(const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof(other_variables) / sizeof(other_variables[0]); i++) {
        if (strcmp(other_variables[i], name) == 0)
            return true;
    }
    return is_service_link(name, value);
}

static const struct config_key *find_variable(const char *name)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (strcmp(config_key_variable(&config_keys[i]).name, name) == 0)
            return &config_keys[i];
    }
    return NULL;
}

static const struct config_key *nearest_variable(const char *name)
{
    const struct config_key *nearest = NULL;
    unsigned best = 4;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        unsigned distance = config_distance(config_key_variable(&config_keys[i]).name, name);
        if (distance < best) {
            best = distance;
            nearest = &config_keys[i];
        }
    }
    return nearest;
}

static int refuse_variable(const char *name, const struct config_place *place)
{
    const struct config_key *nearest = nearest_variable(name);
    if (nearest != NULL)
        config_error(place, 0, "unknown variable; did you mean %s?",
                     config_key_variable(nearest).name);
    else
        config_error(place, 0, "unknown variable; they are named ROOMLINE_SECTION_KEY");
    return -1;
}

static int read_variable(struct config *config, const char *variable, struct config_errors *errors)
{
    const char *value = strchr(variable, '=');
    char origin[256];
    int name_len = value == NULL ? 0 : (int)(value++ - variable);
    snprintf(origin, sizeof(origin), "environment %.*s", name_len, variable);
    const char *name = origin + strlen("environment ");
    const struct config_key *key = find_variable(name);
    if (value == NULL || (key == NULL && is_other_variable(name, value)))
        return 0;
    struct config_place place = {.origin = origin, .key = key, .errors = errors};
    struct config_source source = {.from = CONFIG_FROM_ENVIRONMENT};
    return key == NULL ? refuse_variable(name, &place)
                       : config_read_value(config, key, value, source, &place);
}

static int read_environment(struct config *config, char **environment, struct config_errors *errors)
{
    int result = 0;
    for (char **variable = environment; *variable != NULL; variable++) {
        if (strncmp(*variable, CONFIG_VARIABLE_PREFIX, strlen(CONFIG_VARIABLE_PREFIX)) == 0)
            result |= read_variable(config, *variable, errors);
    }
    return result;
}

/* Flags */

static int refuse_path(const char *path, const struct config_place *place)
{
    const struct config_key *nearest = config_key_nearest(path);
    if (nearest != NULL)
        config_error(place, 0, "%s: unknown key; did you mean %s?", config_show(path).text,
                     nearest->path);
    else
        config_error(place, 0, "%s: unknown key; --help lists those there are",
                     config_show(path).text);
    return -1;
}

/* "section.key=value" */
static int read_assignment(struct config *config, const struct options_setting *setting,
                           struct config_source source, struct config_place *place)
{
    const char *equals = strchr(setting->value, '=');
    char path[CONFIG_PATH_MAX];
    if (equals == NULL || equals == setting->value) {
        config_error(place, 0, "%s; allowed: section.key=value", config_quote(setting->value).text);
        return -1;
    }
    snprintf(path, sizeof(path), "%.*s", (int)(equals - setting->value), setting->value);
    place->key = config_key_find_path(path);
    if (place->key == NULL)
        return refuse_path(path, place);
    return config_read_value(config, place->key, equals + 1, source, place);
}

/* A short form: of lists every use adds an entry, so the first use reads them all. */
static int read_short(struct config *config, const struct options *options, size_t index,
                      struct config_source source, struct config_place *place)
{
    const struct options_setting *setting = &options->settings[index];
    const char *texts[OPTIONS_SETTINGS_MAX];
    size_t count = 0;
    place->key = config_key_find_path(setting->path);
    if (place->key->type->entries == NULL)
        return config_read_value(config, place->key, setting->value, source, place);
    for (size_t i = 0; i < options->count; i++) {
        if (options->settings[i].path != setting->path)
            continue;
        if (i < index)
            return 0;
        texts[count++] = options->settings[i].value;
    }
    return config_read_entries(config, place->key, texts, count, source, place);
}

static int read_flags(struct config *config, const struct options *options,
                      struct config_errors *errors)
{
    int result = 0;
    for (size_t i = 0; i < options->count; i++) {
        const struct options_setting *setting = &options->settings[i];
        struct config_place place = {.origin = setting->option, .errors = errors};
        struct config_source source = {.from = CONFIG_FROM_FLAG, .option = setting->option};
        result |= setting->path == NULL ? read_assignment(config, setting, source, &place)
                                        : read_short(config, options, i, source, &place);
    }
    return result;
}

int config_load(struct config *config, const struct options *options, char **environment,
                struct config_errors *errors)
{
    if (read_defaults(config, errors) < 0)
        return -1;
    int result = options->file == NULL ? 0 : read_file(config, options->file, errors);
    result |= read_environment(config, environment, errors);
    result |= read_flags(config, options, errors);
    return result < 0 ? -1 : config_check_values(config, errors);
}

int config_parse_text(struct config *config, const char *text, size_t len, const char *name,
                      struct config_errors *errors)
{
    struct config_place place = {.origin = name, .errors = errors};
    if (read_defaults(config, errors) < 0 || set_file(config, name, &place) < 0)
        return -1;
    if (len > CONFIG_TEXT_MAX) {
        config_error(&place, 0, "more than %zu KiB are not taken", CONFIG_TEXT_MAX / 1024);
        return -1;
    }
    if (config_read_yaml(config, text, len, &place) < 0)
        return -1;
    return config_check_values(config, errors);
}
