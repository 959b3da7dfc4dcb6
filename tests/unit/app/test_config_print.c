/* A config as text: for people, for workers, and the two files made from the table. */
#include "config_fixture.h"

static const char odd_ice_servers[] =
    "session.ice_servers=[{urls: stun:a},{urls: ['turn:b?transport=udp','turns:[::1]:5349'],"
    "username: 'no', credential: '12: \"x\" #'},{urls: [turn:c], username: '', credential: '~'}]";

/* Everything that needs care in YAML. */
static const char *const odd_arguments[] = {
    "--set",
    "server.listen=http://[::1]:1,https://0.0.0.0:0",
    "--set",
    "server.origins=*,self,https://example.org,http://[::1]:8080",
    "--set",
    "server.client=a: b # c \"quoted\" \\ 'single' {x} [y] & * ! | > % @ ` \xed\x95\x9c",
    "--set",
    "tls.cert=\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\xef\xbf\xbe\xef\xbf\xbf\xf0\x9f\x98\x80",
    "--set",
    "tls.key= leading and trailing ",
    "--set",
    "tls.min_version=1.3",
    "--set",
    "tls.ticket_rotation=1001ms",
    "--set",
    "limits.message_size=1025",
    "--set",
    odd_ice_servers,
    "--set",
    "log.format=json",
    NULL};

static void a_worker_reads_back_what_the_supervisor_wrote(void **state)
{
    struct fixture f;
    struct fixture worker = {0};
    (void)state;
    assert_int_equal(fixture_load(&f, NULL, odd_arguments), 0);
    char *first = fixture_write(&f.config, CONFIG_FORM_INTERNAL);
    if (config_parse_text(&worker.config, first, strlen(first), "supervisor", &worker.errors) < 0)
        fail_msg("%s\n%s", worker.errors.text[0], first);

    assert_string_equal(worker.config.server.client, f.config.server.client);
    assert_string_equal(worker.config.tls.cert, f.config.tls.cert);
    assert_string_equal(worker.config.tls.key, " leading and trailing ");
    assert_int_equal(worker.config.tls.ticket_rotation, 1001);
    assert_int_equal(worker.config.limits.message_size, 1025);
    assert_true(worker.config.server.origins.any && worker.config.server.origins.self);
    assert_string_equal(worker.config.session.ice_servers.json, f.config.session.ice_servers.json);
    assert_string_equal(worker.config.session.ice_servers.items[1].credential, "12: \"x\" #");
    char *second = fixture_write(&worker.config, CONFIG_FORM_INTERNAL);
    assert_string_equal(first, second);
    free(first);
    free(second);
    fixture_done(&worker);
    fixture_done(&f);
}

static void a_worker_is_told_nothing_of_the_admin_listener(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--set", "admin.token=0123456789abcdef"), 0);
    char *text = fixture_write(&f.config, CONFIG_FORM_INTERNAL);
    assert_null(strstr(text, "admin"));
    assert_null(strstr(text, "0123456789abcdef"));
    free(text);
    fixture_done(&f);
}

static void every_text_reads_back(void **state)
{
    static const char *const texts[] = {
        "",
        "~",
        "null",
        "NULL",
        "true",
        "No",
        "1.2",
        "-",
        "- a",
        "a:",
        "a: b",
        "a #b",
        "#a",
        "[a]",
        "{a}",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "'",
        "\"",
        "\\",
        "\\n",
        "?",
        "? a",
        ":",
        "a,b",
        "/x/y-z_1.p",
        "  a  ",
        "---",
        "...",
        "<<",
        "=",
        "0x10",
        "1e3",
        "\xc2\xa0",
        "\xe2\x80\xa8",
        "\xef\xbb\xbf|",
        "\xee\x80\x80",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct fixture f;
        struct fixture back = {0};
        char argument[128];
        snprintf(argument, sizeof(argument), "server.client=%s", texts[i]);
        assert_int_equal(LOAD(&f, NULL, "--set", argument), 0);
        char *text = fixture_write(&f.config, CONFIG_FORM_INTERNAL);
        if (config_parse_text(&back.config, text, strlen(text), "x", &back.errors) < 0)
            fail_msg("%s: %s", texts[i], back.errors.text[0]);
        assert_string_equal(back.config.server.client, texts[i]);
        free(text);
        fixture_done(&back);
        fixture_done(&f);
    }
}

static void each_value_says_where_it_came_from(void **state)
{
    struct fixture f;
    const char *name = fixture_file("# one\nlimits:\n  rooms: 5\n  body_size: 4096\n"
                                    "server:\n  origins: ['*']\n");
    const char *environment[] = {"ROOMLINE_LIMITS_FRAGMENTS=7", NULL};
    char line[128];
    (void)state;
    assert_int_equal(LOAD(&f, environment, "--config", name, "--listen", "http://127.0.0.1:1",
                          "--set", "log.level=warn"),
                     0);
    char *text = fixture_write(&f.config, CONFIG_FORM_EFFECTIVE);
    snprintf(line, sizeof(line), "\n  rooms: 5  # %s:3\n", name);
    assert_non_null(strstr(text, line));
    snprintf(line, sizeof(line), "\n  body_size: 4KiB  # %s:4\n", name);
    assert_non_null(strstr(text, line));
    snprintf(line, sizeof(line), "\n  origins:  # %s:6\n    - \"*\"\n", name);
    assert_non_null(strstr(text, line));
    assert_non_null(strstr(text, "\n  fragments: 7  # environment ROOMLINE_LIMITS_FRAGMENTS\n"));
    assert_non_null(strstr(text, "\n  listen:  # --listen\n    - http://127.0.0.1:1\n"));
    assert_non_null(strstr(text, "\n  level: warn  # --set\n"));
    assert_non_null(strstr(text, "\n  client: \"\"  # default\n"));
    assert_non_null(strstr(text, "\n  ice_servers: []  # default\n"));
    free(text);
    fixture_done(&f);
    unlink(name);
}

static void what_is_printed_is_a_configuration_without_secrets(void **state)
{
    struct fixture f;
    struct fixture back = {0};
    (void)state;
    assert_int_equal(fixture_load(&f, NULL, odd_arguments), 0);
    char *text = fixture_write(&f.config, CONFIG_FORM_EFFECTIVE);
    assert_null(strstr(text, "12: "));
    assert_non_null(strstr(text, "credential: \"********\"\n"));
    if (config_parse_text(&back.config, text, strlen(text), "printed", &back.errors) < 0)
        fail_msg("%s\n%s", back.errors.text[0], text);
    assert_string_equal(back.config.session.ice_servers.items[1].credential, "********");
    assert_string_equal(back.config.session.ice_servers.items[1].username, "no");
    assert_string_equal(back.config.server.client, f.config.server.client);
    free(text);
    fixture_done(&back);
    fixture_done(&f);
}

static void a_file_name_with_a_line_break_stays_in_its_comment(void **state)
{
    struct fixture f = {0};
    struct fixture back;
    const char *yaml = "limits: {rooms: 5}";
    (void)state;
    assert_int_equal(config_parse_text(&f.config, yaml, strlen(yaml), "a\nlimits: x", &f.errors),
                     0);
    char *text = fixture_write(&f.config, CONFIG_FORM_EFFECTIVE);
    assert_int_equal(fixture_parse(&back, text), 0);
    assert_int_equal(back.config.limits.rooms, 5);
    free(text);
    fixture_done(&back);
    fixture_done(&f);
}

static void a_full_buffer_is_an_error(void **state)
{
    struct fixture f;
    struct buf out;
    (void)state;
    assert_int_equal(fixture_parse(&f, ""), 0);
    buf_init(&out, 100);
    assert_int_equal(config_write(&f.config, CONFIG_FORM_INTERNAL, &out), -1);
    buf_done(&out);
    fixture_done(&f);
}

/* The files of the repository */

static void compare_with_file(enum config_form form, const char *path, const char *option)
{
    struct fixture f;
    assert_int_equal(fixture_parse(&f, ""), 0);
    char *made = fixture_write(&f.config, form);
    char *file = fixture_read(path);
    if (strcmp(made, file) != 0)
        fail_msg("%s does not follow src/app/config_keys.h: roomline %s > %s", path, option, path);
    free(made);
    free(file);
    fixture_done(&f);
}

static void roomline_yaml_follows_the_table(void **state)
{
    (void)state;
    compare_with_file(CONFIG_FORM_EXAMPLE, "config/roomline.yaml", "--print-config-example");
}

static void configuration_md_follows_the_table(void **state)
{
    (void)state;
    compare_with_file(CONFIG_FORM_REFERENCE, "docs/configuration.md", "--print-config-reference");
}

/* Read as a user's: it has every key, and each with its default. */
static void roomline_yaml_sets_every_key_to_its_default(void **state)
{
    struct fixture f;
    struct fixture defaults;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--config", "config/roomline.yaml"), 0);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (f.config.sources[i].from != CONFIG_FROM_FILE)
            fail_msg("%s is not in config/roomline.yaml", config_keys[i].path);
    }
    assert_int_equal(fixture_parse(&defaults, ""), 0);
    char *from_file = fixture_write(&f.config, CONFIG_FORM_INTERNAL);
    char *from_table = fixture_write(&defaults.config, CONFIG_FORM_INTERNAL);
    assert_string_equal(from_file, from_table);
    free(from_file);
    free(from_table);
    fixture_done(&defaults);
    fixture_done(&f);
}

static void the_examples_are_good_configurations(void **state)
{
    static const char *const paths[] = {"config/development.yaml", "config/production.yaml"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct fixture f;
        if (LOAD(&f, NULL, "--config", paths[i]) < 0)
            fail_msg("%s", f.errors.text[0]);
        fixture_done(&f);
    }
}

static void every_key_says_why_in_a_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const char *help = config_keys[i].help;
        size_t len = strlen(help);
        if (len < 10 || len > 94 || help[len - 1] != '.' || strchr(help, '\n') != NULL)
            fail_msg("%s: %s", config_keys[i].path, help);
    }
}

static void help_lists_every_key_and_no_hidden_option(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, CONFIG_TEXT_MAX);
    options_write_help(&out);
    buf_add_char(&out, '\0');
    assert_false(buf_failed(&out));
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        assert_non_null(strstr(out.data, config_keys[i].path));
        assert_non_null(strstr(out.data, config_keys[i].help));
    }
    assert_non_null(strstr(out.data, "--listen URL"));
    assert_null(strstr(out.data, "--print-config-reference"));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_reads_back_what_the_supervisor_wrote),
        cmocka_unit_test(a_worker_is_told_nothing_of_the_admin_listener),
        cmocka_unit_test(every_text_reads_back),
        cmocka_unit_test(each_value_says_where_it_came_from),
        cmocka_unit_test(what_is_printed_is_a_configuration_without_secrets),
        cmocka_unit_test(a_file_name_with_a_line_break_stays_in_its_comment),
        cmocka_unit_test(a_full_buffer_is_an_error),
        cmocka_unit_test(roomline_yaml_follows_the_table),
        cmocka_unit_test(configuration_md_follows_the_table),
        cmocka_unit_test(roomline_yaml_sets_every_key_to_its_default),
        cmocka_unit_test(the_examples_are_good_configurations),
        cmocka_unit_test(every_key_says_why_in_a_line),
        cmocka_unit_test(help_lists_every_key_and_no_hidden_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
