/* Files and directories that the configuration names. */
#include <sys/stat.h>

#include "config_fixture.h"

/* A directory with a file in it. */
struct place {
    char directory[64];
    char file[80];
};

static void place_init(struct place *place)
{
    strcpy(place->directory, "/tmp/roomline-test-check-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->file, sizeof(place->file), "%s/file.pem", place->directory);
    FILE *file = fopen(place->file, "w");
    assert_non_null(file);
    fclose(file);
}

static void place_done(struct place *place)
{
    unlink(place->file);
    rmdir(place->directory);
}

static void readable_files_are_good(void **state)
{
    struct place place;
    struct fixture f;
    (void)state;
    place_init(&place);
    assert_int_equal(LOAD(&f, NULL, "--tls-cert", place.file, "--tls-key", place.file, "--client",
                          place.directory),
                     0);
    assert_int_equal(config_check(&f.config, &f.errors), 0);
    assert_int_equal(f.errors.count, 0);
    fixture_done(&f);
    place_done(&place);
}

static void nothing_named_is_good(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, ""), 0);
    assert_int_equal(config_check(&f.config, &f.errors), 0);
    fixture_done(&f);
}

static void what_is_not_there_is_told_with_where_it_was_named(void **state)
{
    struct fixture f;
    const char *environment[] = {"ROOMLINE_TLS_KEY=/nowhere/k.pem", NULL};
    const char *name = fixture_file("tls:\n  cert: /nowhere/c.pem\n");
    char error[256];
    (void)state;
    assert_int_equal(LOAD(&f, environment, "--config", name, "--client", "/nowhere"), 0);
    assert_int_equal(config_check(&f.config, &f.errors), -1);
    assert_int_equal(f.errors.count, 3);
    snprintf(error, sizeof(error),
             "%s:2: tls.cert: \"/nowhere/c.pem\" cannot be read: No such file or directory", name);
    assert_string_equal(f.errors.text[0], error);
    assert_string_equal(f.errors.text[1],
                        "environment ROOMLINE_TLS_KEY: tls.key: \"/nowhere/k.pem\" cannot be read: "
                        "No such file or directory");
    assert_string_equal(f.errors.text[2],
                        "--client: server.client: \"/nowhere\" cannot be read: No "
                        "such file or directory");
    fixture_done(&f);
    unlink(name);
}

static void the_wrong_kind_of_file_is_refused(void **state)
{
    struct place place;
    struct fixture f;
    (void)state;
    place_init(&place);
    assert_int_equal(LOAD(&f, NULL, "--tls-cert", place.directory, "--tls-key", "/dev/null",
                          "--client", place.file),
                     0);
    assert_int_equal(config_check(&f.config, &f.errors), -1);
    assert_int_equal(f.errors.count, 3);
    assert_non_null(strstr(f.errors.text[0], "is not a file"));
    assert_non_null(strstr(f.errors.text[1], "\"/dev/null\" is not a file"));
    assert_non_null(strstr(f.errors.text[2], "is not a directory"));
    fixture_done(&f);
    place_done(&place);
}

static void a_fifo_is_refused_and_not_waited_for(void **state)
{
    struct place place;
    struct fixture f;
    (void)state;
    place_init(&place);
    unlink(place.file);
    assert_int_equal(mkfifo(place.file, 0600), 0);
    assert_int_equal(LOAD(&f, NULL, "--tls-cert", place.file, "--tls-key", place.file), 0);
    assert_int_equal(config_check(&f.config, &f.errors), -1);
    assert_int_equal(f.errors.count, 2);
    fixture_done(&f);
    place_done(&place);
}

static void a_file_without_permission_is_refused(void **state)
{
    struct place place;
    struct fixture f;
    (void)state;
    if (geteuid() == 0)
        skip(); /* root may read everything */
    place_init(&place);
    assert_int_equal(chmod(place.file, 0), 0);
    assert_int_equal(LOAD(&f, NULL, "--tls-cert", place.file, "--tls-key", place.file), 0);
    assert_int_equal(config_check(&f.config, &f.errors), -1);
    assert_non_null(strstr(f.errors.text[0], "Permission denied"));
    fixture_done(&f);
    place_done(&place);
}

static void what_a_file_holds_is_blamed_on_the_key_that_names_it(void **state)
{
    struct fixture f;
    const char *name = fixture_file("log: {level: info}\nbus:\n  cert: c.pem\n  key: k.pem\n");
    char error[256];
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--config", name, "--set", "admin.token=short"), 0);
    config_blame(&f.config, "bus.ca, bus.cert, bus.key: does not fit", &f.errors);
    config_blame(&f.config, "admin.token: is short", &f.errors);
    config_blame(&f.config, "turn.secrets: are none", &f.errors);
    config_blame(&f.config, "no key at all", &f.errors);
    assert_int_equal(f.errors.count, 4);
    snprintf(error, sizeof(error), "%s:3: bus.ca, bus.cert, bus.key: does not fit", name);
    assert_string_equal(f.errors.text[0], error);
    assert_string_equal(f.errors.text[1], "--set: admin.token: is short");
    assert_string_equal(f.errors.text[2], "roomline: turn.secrets: are none");
    assert_string_equal(f.errors.text[3], "roomline: no key at all");
    fixture_done(&f);
    unlink(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readable_files_are_good),
        cmocka_unit_test(nothing_named_is_good),
        cmocka_unit_test(what_is_not_there_is_told_with_where_it_was_named),
        cmocka_unit_test(the_wrong_kind_of_file_is_refused),
        cmocka_unit_test(a_fifo_is_refused_and_not_waited_for),
        cmocka_unit_test(a_file_without_permission_is_refused),
        cmocka_unit_test(what_a_file_holds_is_blamed_on_the_key_that_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
