/* The command line, read into pointers to it: argv must live as long as the options. */
#ifndef ROOMLINE_APP_OPTIONS_H
#define ROOMLINE_APP_OPTIONS_H

#include <stddef.h>

#include "app/config_errors.h"
#include "base/buf.h"

#define OPTIONS_SETTINGS_MAX 256

/* What the program is asked to do. */
enum options_mode {
    OPTIONS_RUN,
    OPTIONS_CHECK,           /* --check: load and check the configuration, then exit */
    OPTIONS_PRINT_CONFIG,    /* --print-config: CONFIG_FORM_EFFECTIVE */
    OPTIONS_PRINT_EXAMPLE,   /* --print-config-example, not in --help: CONFIG_FORM_EXAMPLE */
    OPTIONS_PRINT_REFERENCE, /* --print-config-reference, not in --help: CONFIG_FORM_REFERENCE */
    OPTIONS_VERSION,
    OPTIONS_HELP,
};

/* One value given by a flag, in the order given. */
struct options_setting {
    const char *option; /* "--set" or a short form, static */
    const char *path;   /* section.key of a short form; NULL: `value` is "section.key=value" */
    const char *value;
};

struct options {
    enum options_mode mode;
    const char *file; /* --config; NULL: none */
    size_t count;
    struct options_setting settings[OPTIONS_SETTINGS_MAX];
};

/* Returns 0, or -1 with at least one error. With --help or --version nothing else matters. */
int options_parse(struct options *options, int argc, char **argv, struct config_errors *errors);

/* What --help prints. */
void options_write_help(struct buf *out);

#endif
