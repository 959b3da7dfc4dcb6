/* The command line. */
#include "config_fixture.h"

static int parse(struct fixture *f, const char *const *arguments)
{
    const char *argv[512] = {"roomline"};
    int argc = 1;
    memset(f, 0, sizeof(*f));
    for (; arguments[argc - 1] != NULL; argc++)
        argv[argc] = arguments[argc - 1];
    return options_parse(&f->options, argc, (char **)argv, &f->errors);
}

#define PARSE(f, ...) parse(f, (const char *[]){__VA_ARGS__, NULL})

static void nothing_asked_is_run(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(parse(&f, (const char *[]){NULL}), 0);
    assert_int_equal(f.options.mode, OPTIONS_RUN);
    assert_null(f.options.file);
    assert_int_equal(f.options.count, 0);
}

static void each_mode_has_its_option(void **state)
{
    static const struct {
        const char *option;
        enum options_mode mode;
    } cases[] = {
        {"--check", OPTIONS_CHECK},
        {"--print-config", OPTIONS_PRINT_CONFIG},
        {"--print-config-example", OPTIONS_PRINT_EXAMPLE},
        {"--print-config-reference", OPTIONS_PRINT_REFERENCE},
        {"--version", OPTIONS_VERSION},
        {"--help", OPTIONS_HELP},
        {"-h", OPTIONS_HELP},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        assert_int_equal(PARSE(&f, cases[i].option), 0);
        assert_int_equal(f.options.mode, cases[i].mode);
    }
}

static void help_wins_wherever_it_stands(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(PARSE(&f, "--help", "--check", "--workers", "2"), 0);
    assert_int_equal(f.options.mode, OPTIONS_HELP);
    assert_int_equal(PARSE(&f, "--print-config", "--help"), 0);
    assert_int_equal(f.options.mode, OPTIONS_HELP);
}

static void values_come_after_a_space_or_an_equals_sign(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(
        PARSE(&f, "--config=a.yaml", "--set=a.b=c=d", "--tls-key", "--odd", "--client="), 0);
    assert_string_equal(f.options.file, "a.yaml");
    assert_int_equal(f.options.count, 3);
    assert_string_equal(f.options.settings[0].option, "--set");
    assert_null(f.options.settings[0].path);
    assert_string_equal(f.options.settings[0].value, "a.b=c=d");
    assert_string_equal(f.options.settings[1].path, "tls.key");
    assert_string_equal(f.options.settings[1].value, "--odd");
    assert_string_equal(f.options.settings[2].path, "server.client");
    assert_string_equal(f.options.settings[2].value, "");
}

static void every_short_form_names_a_key(void **state)
{
    static const char *const options[] = {"--listen", "--tls-cert", "--tls-key", "--workers",
                                          "--client"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        struct fixture f;
        assert_int_equal(PARSE(&f, options[i], "x"), 0);
        assert_non_null(config_key_find_path(f.options.settings[0].path));
    }
}

static void what_is_no_option_is_refused(void **state)
{
    static const struct {
        const char *argument;
        const char *error;
    } cases[] = {
        {"--worker", "--worker: unknown option; did you mean --workers?"},
        {"--lisen", "--lisen: unknown option; did you mean --listen?"},
        {"--conf", "--conf: unknown option; did you mean --config?"},
        {"--colour", "--colour: unknown option; --help lists the options"},
        {"-x", "-x: unknown option; --help lists the options"},
        {"--", "--: unknown option; --help lists the options"},
        {"roomline.yaml", "roomline.yaml: unknown argument; --help lists the options"},
        {"", ": unknown argument; --help lists the options"},
        {"--check=1", "--check: takes no value"},
        {"--config", "--config: needs a value: FILE"},
        {"--set", "--set: needs a value: SECTION.KEY=VALUE"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        assert_int_equal(PARSE(&f, cases[i].argument), -1);
        assert_one_error(&f, cases[i].error);
    }
}

static void all_bad_options_are_told(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(PARSE(&f, "--a", "--workers", "2", "b", "--config"), -1);
    assert_int_equal(f.errors.count, 3);
}

static void the_number_of_settings_is_bounded(void **state)
{
    const char *arguments[OPTIONS_SETTINGS_MAX + 2];
    struct fixture f;
    (void)state;
    for (int i = 0; i <= OPTIONS_SETTINGS_MAX; i++)
        arguments[i] = "--set=limits.rooms=1";
    arguments[OPTIONS_SETTINGS_MAX] = NULL;
    assert_int_equal(parse(&f, arguments), 0);
    assert_int_equal(f.options.count, OPTIONS_SETTINGS_MAX);
    arguments[OPTIONS_SETTINGS_MAX] = "--workers=1";
    arguments[OPTIONS_SETTINGS_MAX + 1] = NULL;
    assert_int_equal(parse(&f, arguments), -1);
    assert_one_error(&f, "--workers: more than 256 settings; a file holds more");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_is_run),
        cmocka_unit_test(each_mode_has_its_option),
        cmocka_unit_test(help_wins_wherever_it_stands),
        cmocka_unit_test(values_come_after_a_space_or_an_equals_sign),
        cmocka_unit_test(every_short_form_names_a_key),
        cmocka_unit_test(what_is_no_option_is_refused),
        cmocka_unit_test(all_bad_options_are_told),
        cmocka_unit_test(the_number_of_settings_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
