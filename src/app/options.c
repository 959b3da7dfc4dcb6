#include "app/options.h"

#include <limits.h>
#include <string.h>

#include "app/config.h"
#include "app/config_table.h"

/* One table for the reading of the command line and for --help. */
static const struct option {
    const char *name;
    const char *argument; /* NULL: takes none */
    const char *help;     /* NULL: not in --help */
    const char *path;     /* of short forms: their key */
    enum options_mode mode;
} table[] = {
    {"--config", "FILE", "read this YAML file", NULL, OPTIONS_RUN},
    {"--set", "SECTION.KEY=VALUE", "set a key; may be repeated", NULL, OPTIONS_RUN},
    {"--listen", "URL", "server.listen; may be repeated", "server.listen", OPTIONS_RUN},
    {"--admin", "URL", "admin.listen; may be repeated", "admin.listen", OPTIONS_RUN},
    {"--tls-cert", "FILE", "tls.cert", "tls.cert", OPTIONS_RUN},
    {"--tls-key", "FILE", "tls.key", "tls.key", OPTIONS_RUN},
    {"--workers", "N", "server.workers", "server.workers", OPTIONS_RUN},
    {"--client", "DIRECTORY", "server.client", "server.client", OPTIONS_RUN},
    {"--redis", "URL", "bus.redis; may be repeated", "bus.redis", OPTIONS_RUN},
    {"--check", NULL, "check the configuration, then exit: 0 good, 2 not", NULL, OPTIONS_CHECK},
    {"--print-config", NULL, "print each value and where it came from, then exit", NULL,
     OPTIONS_PRINT_CONFIG},
    {"--version", NULL, "print the version, then exit", NULL, OPTIONS_VERSION},
    {"--help", NULL, "print this, then exit", NULL, OPTIONS_HELP},
    {"--print-config-example", NULL, NULL, NULL, OPTIONS_PRINT_EXAMPLE},
    {"--print-config-reference", NULL, NULL, NULL, OPTIONS_PRINT_REFERENCE},
};

#define OPTIONS (sizeof(table) / sizeof(table[0]))

/* The option that `argument` names, up to a "=". */
static const struct option *find_option(const char *argument)
{
    size_t len = strcspn(argument, "=");
    for (size_t i = 0; i < OPTIONS; i++) {
        if (strlen(table[i].name) == len && memcmp(table[i].name, argument, len) == 0)
            return &table[i];
    }
    return strcmp(argument, "-h") == 0 ? find_option("--help") : NULL;
}

static int refuse_unknown(const char *argument, struct config_errors *errors)
{
    struct config_place place = {.errors = errors};
    const char *nearest = NULL;
    unsigned best = strlen(argument) < 6 ? 2 : 4; /* further off, a suggestion is a guess */
    for (size_t i = 0; argument[0] == '-' && i < OPTIONS; i++) {
        unsigned distance = config_distance(argument, table[i].name);
        if (table[i].help != NULL && distance < best) {
            best = distance;
            nearest = table[i].name;
        }
    }
    if (nearest != NULL)
        config_error(&place, 0, "%s: unknown option; did you mean %s?", config_show(argument).text,
                     nearest);
    else
        config_error(&place, 0, "%s: unknown %s; --help lists the options",
                     config_show(argument).text, argument[0] == '-' ? "option" : "argument");
    return -1;
}

static int apply(struct options *options, const struct option *option, const char *value,
                 struct config_errors *errors)
{
    struct config_place place = {.origin = option->name, .errors = errors};
    if (option->argument == NULL) {
        /* --help and --version win over all, whatever stands around them. */
        if (option->mode > options->mode)
            options->mode = option->mode;
        return 0;
    }
    if (strcmp(option->name, "--config") == 0) {
        if (value[0] == '\0')
            config_error(&place, 0, "needs a value: %s", option->argument);
        options->file = value;
        return value[0] == '\0' ? -1 : 0;
    }
    if (options->count == OPTIONS_SETTINGS_MAX) {
        config_error(&place, 0, "more than %d settings; a file holds more", OPTIONS_SETTINGS_MAX);
        return -1;
    }
    options->settings[options->count++] =
        (struct options_setting){.option = option->name, .path = option->path, .value = value};
    return 0;
}

/* Reads the option at argv[*at] with its value, and leaves *at at the last argument it took. */
static int read_option(struct options *options, int argc, char **argv, int *at,
                       struct config_errors *errors)
{
    const char *argument = argv[*at];
    const struct option *option = find_option(argument);
    const char *value = strchr(argument, '=');
    if (option == NULL)
        return refuse_unknown(argument, errors);

    struct config_place place = {.origin = option->name, .errors = errors};
    if (value != NULL)
        value++;
    else if (option->argument != NULL && *at + 1 < argc)
        value = argv[++*at];
    if ((option->argument == NULL) != (value == NULL)) {
        config_error(&place, 0, option->argument == NULL ? "takes no value" : "needs a value: %s",
                     option->argument);
        return -1;
    }
    return apply(options, option, value, errors);
}

int options_parse(struct options *options, int argc, char **argv, struct config_errors *errors)
{
    int result = 0;
    *options = (struct options){.mode = OPTIONS_RUN};
    for (int at = 1; at < argc; at++)
        result |= read_option(options, argc, argv, &at, errors);
    return result;
}

void options_write_help(struct buf *out)
{
    buf_add_text(out,
                 "usage: roomline [OPTION]...\n"
                 "       roomline health [URL | OPTION...]   is the one that runs ready? 0 yes\n"
                 "       roomline token --room NAME [...]    make an access token; see its --help\n"
                 "A signaling exchange for WebRTC: it carries offers, answers and candidates.\n\n");
    for (size_t i = 0; i < OPTIONS; i++) {
        char left[64];
        if (table[i].help == NULL)
            continue;
        snprintf(left, sizeof(left), "%s %s", table[i].name,
                 table[i].argument == NULL ? "" : table[i].argument);
        buf_add_format(out, "  %-26s %s\n", left, table[i].help);
    }
    buf_add_text(out,
                 "\nKeys and their defaults; --set section.key=value, or section: and key: in the "
                 "file,\nor ROOMLINE_SECTION_KEY in the environment:\n");
    config_write_keys(out);
}
