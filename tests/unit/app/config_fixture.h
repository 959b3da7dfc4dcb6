/* What the tests of the configuration share. */
#ifndef ROOMLINE_TEST_CONFIG_FIXTURE_H
#define ROOMLINE_TEST_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config.h"
#include "app/config_table.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A configuration under test, and what was said about it. */
struct fixture {
    struct config config;
    struct config_errors errors;
    struct options options;
};

static inline void fixture_done(struct fixture *fixture)
{
    config_done(&fixture->config);
}

/* YAML as if from roomline.yaml. */
static inline int fixture_parse(struct fixture *fixture, const char *text)
{
    memset(fixture, 0, sizeof(*fixture));
    return config_parse_text(&fixture->config, text, strlen(text), "roomline.yaml",
                             &fixture->errors);
}

/* The arguments after the program's name, up to NULL. */
static inline int fixture_load(struct fixture *fixture, const char *const *environment,
                               const char *const *arguments)
{
    const char *argv[512] = {"roomline"};
    const char *none[] = {NULL};
    int argc = 1;
    memset(fixture, 0, sizeof(*fixture));
    for (; arguments[argc - 1] != NULL; argc++)
        argv[argc] = arguments[argc - 1];
    if (options_parse(&fixture->options, argc, (char **)argv, &fixture->errors) < 0)
        return -1;
    return config_load(&fixture->config, &fixture->options,
                       (char **)(environment == NULL ? none : environment), &fixture->errors);
}

#define LOAD(fixture, environment, ...)                                                            \
    fixture_load(fixture, environment, (const char *[]){__VA_ARGS__, NULL})

/* Text of config_write(), which the caller frees. */
static inline char *fixture_write(const struct config *config, enum config_form form)
{
    struct buf out;
    buf_init(&out, CONFIG_TEXT_MAX);
    assert_int_equal(config_write(config, form, &out), 0);
    buf_add_char(&out, '\0');
    assert_false(buf_failed(&out));
    return out.data;
}

/* Writes `text` to a new file and returns its name, which the caller unlinks. */
static inline const char *fixture_file(const char *text)
{
    static char name[64];
    strcpy(name, "/tmp/roomline-test-config-XXXXXX");
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return name;
}

/* A file of the repository, which ctest starts tests in; the caller frees it. */
static inline char *fixture_read(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s is not there: run in the repository", path);
    char *text = calloc(1, CONFIG_TEXT_MAX);
    assert_non_null(text);
    assert_true(fread(text, 1, CONFIG_TEXT_MAX - 1, file) > 0);
    fclose(file);
    return text;
}

static inline void assert_one_error(const struct fixture *fixture, const char *text)
{
    assert_int_equal(fixture->errors.count, 1);
    assert_string_equal(fixture->errors.text[0], text);
}

#endif
