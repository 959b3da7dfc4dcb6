/* Section turn, and the secret out of it. */
#include "app/settings_ice.h"
#include "config_fixture.h"

static void urls_and_secrets_are_read_and_written(void **state)
{
    struct fixture f, again;
    (void)state;
    assert_int_equal(fixture_parse(&f, "turn:\n  urls: [\"turn:a:3478?transport=udp\", turns:b]\n"
                                       "  secrets: [north, \"so uth\"]\n  ttl: 10m\n"),
                     0);
    assert_int_equal(f.config.turn.urls.count, 2);
    assert_string_equal(f.config.turn.urls.items[1], "turns:b");
    assert_string_equal(f.config.turn.secrets.items[1], "so uth");
    assert_int_equal(f.config.turn.ttl, 600000);
    char *text = fixture_write(&f.config, CONFIG_FORM_INTERNAL);
    assert_int_equal(fixture_parse(&again, text), 0);
    assert_string_equal(again.config.turn.secrets.items[0], "north");
    free(text);
    text = fixture_write(&f.config, CONFIG_FORM_EFFECTIVE);
    assert_null(strstr(text, "north"));
    assert_null(strstr(text, "so uth"));
    free(text);
    fixture_done(&again);
    fixture_done(&f);
}

static void what_is_no_turn_url_is_refused(void **state)
{
    static const char *const urls[] = {"stun:a", "turn:", "http://a", "turn:a?transport=sctp", ""};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct fixture f;
        char argument[100];
        snprintf(argument, sizeof(argument), "turn.urls=[\"%s\"]", urls[i]);
        assert_int_equal(LOAD(&f, NULL, "--set", argument, "--set", "turn.secrets=x"), -1);
        assert_one_error(&f,
                         "--set: turn.urls: entry 1 is not one; allowed: a list of turn:HOST and "
                         "turns:HOST, each with :PORT or not, with ?transport=udp or "
                         "?transport=tcp or not");
        fixture_done(&f);
    }
}

static void no_message_shows_a_secret(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--set", "turn.secrets=[north, [hidden]]"), -1);
    for (size_t i = 0; i < f.errors.count; i++)
        assert_null(strstr(f.errors.text[i], "north"));
    fixture_done(&f);
    assert_int_equal(LOAD(&f, NULL, "--set", "turn.secrets=[north, \"\"]"), -1);
    assert_one_error(&f,
                     "--set: turn.secrets: entry 2 is not one; allowed: a list of secrets, each 1 "
                     "to 512 bytes");
    fixture_done(&f);
}

static void assert_complaint(const char *expected, const char *one, const char *two,
                             const char *three)
{
    struct fixture f;
    assert_int_equal(LOAD(&f, NULL, "--set", one, "--set", two, "--set", three), -1);
    assert_one_error(&f, expected);
    fixture_done(&f);
}

static void urls_and_one_kind_of_secret_go_together(void **state)
{
    (void)state;
    assert_complaint("--set: turn.urls: needs turn.secrets or turn.secrets_file, too",
                     "turn.urls=turn:a", "turn.ttl=1h", "log.level=info");
    assert_complaint("--set: turn.secrets: needs turn.urls, too", "turn.secrets=x", "turn.ttl=1h",
                     "log.level=info");
    assert_complaint("--set: turn.secrets_file: turn.secrets is set as well", "turn.urls=turn:a",
                     "turn.secrets=x", "turn.secrets_file=/etc/secrets");
}

static int load_file(const char *text, struct ice_rules *rules, char *error)
{
    struct fixture f;
    char argument[100];
    const char *name = fixture_file(text);
    snprintf(argument, sizeof(argument), "turn.secrets_file=%s", name);
    assert_int_equal(LOAD(&f, NULL, "--set", "turn.urls=turn:a", "--set", argument), 0);
    int result = settings_ice(&f.config, rules, error);
    assert_int_equal(settings_check_ice(&f.config, error), result);
    unlink(name);
    fixture_done(&f);
    return result;
}

static void the_file_s_first_line_signs(void **state)
{
    static const char *const texts[] = {"north", "north\n", "north\r\nsouth\r\n", "north\nsouth"};
    char error[SETTINGS_ERROR_SIZE];
    struct ice_rules rules;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_int_equal(load_file(texts[i], &rules, error), 0);
        assert_string_equal(rules.turn.secret, "north");
    }
}

static void a_file_without_a_secret_is_refused(void **state)
{
    char error[SETTINGS_ERROR_SIZE], text[600];
    struct ice_rules rules;
    (void)state;
    assert_int_equal(load_file("", &rules, error), -1);
    assert_non_null(strstr(error, "its first line is empty"));
    assert_int_equal(load_file("\nnorth", &rules, error), -1);
    memset(text, 'x', sizeof(text));
    text[513] = '\0';
    assert_int_equal(load_file(text, &rules, error), -1);
    assert_non_null(strstr(error, "longer than 512 bytes"));
    text[512] = '\0';
    assert_int_equal(load_file(text, &rules, error), 0);
    assert_int_equal(strlen(rules.turn.secret), 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_and_secrets_are_read_and_written),
        cmocka_unit_test(what_is_no_turn_url_is_refused),
        cmocka_unit_test(no_message_shows_a_secret),
        cmocka_unit_test(urls_and_one_kind_of_secret_go_together),
        cmocka_unit_test(the_file_s_first_line_signs),
        cmocka_unit_test(a_file_without_a_secret_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
