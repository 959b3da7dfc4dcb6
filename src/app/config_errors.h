/* What is wrong with a configuration: up to ten messages of one line each, in memory that can't run
 * out. */
#ifndef ROOMLINE_APP_CONFIG_ERRORS_H
#define ROOMLINE_APP_CONFIG_ERRORS_H

#include <stddef.h>
#include <stdio.h>

#define CONFIG_ERRORS_MAX 10
#define CONFIG_ERROR_SIZE 768 /* bytes with the NUL; longer messages are cut */

struct config_errors {
    size_t count; /* also those that were not kept */
    char text[CONFIG_ERRORS_MAX][CONFIG_ERROR_SIZE];
};

struct config_key;

/* Where something is wrong. */
struct config_place {
    const char *origin;           /* file name, "environment NAME" or flag; NULL: unknown */
    unsigned line;                /* of the file; 0: not a file, then no line is ever named */
    const struct config_key *key; /* NULL: not about a key */
    struct config_errors *errors;
};

/* Adds "origin:line: section.key: message". `line` 0 stands for the place's own. */
void config_error(const struct config_place *place, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with "; allowed: ..." of the place's key. */
void config_refuse(const struct config_place *place, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void config_errors_print(const struct config_errors *errors, FILE *file);

/* Text of strangers made fit for one line: control characters and broken UTF-8 escaped, and cut. */
struct config_shown {
    char text[200];
};
struct config_shown config_show(const char *text);

/* The same in quotes. */
struct config_shown config_quote(const char *text);

#endif
