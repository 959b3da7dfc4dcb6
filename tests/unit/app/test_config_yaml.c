/* YAML that is taken, and YAML that is not: always with the line at fault. */
#include "config_fixture.h"

static void refuses(const char *text, const char *error)
{
    struct fixture f;
    int result = fixture_parse(&f, text);
    if (result == 0)
        fail_msg("taken: %s", text);
    assert_one_error(&f, error);
    fixture_done(&f);
}

static void takes(const char *text)
{
    struct fixture f;
    if (fixture_parse(&f, text) < 0)
        fail_msg("%s\nin: %s", f.errors.text[0], text);
    assert_int_equal(f.errors.count, 0);
    fixture_done(&f);
}

static void plain_yaml_is_taken(void **state)
{
    (void)state;
    takes("");
    takes("---\n...\n");
    takes("# only a comment\n");
    takes("~");
    takes("\xef\xbb\xbflimits:\n  rooms: 1\n");
    takes("limits:\r\n  rooms: 1\r\n");
    takes("{limits: {rooms: 1}, log: {level: debug}}");
    takes("{\"limits\": {\"rooms\": \"1\"}}");
    takes("limits: {}\nlog:\nserver: null\n");
    takes("tls:\n  cert: ~\n  key:\n");
}

static void a_null_path_is_none_and_a_quoted_one_a_name(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, "tls:\n  cert: 'null'\n  key: \"~\"\nserver: {client: ~}"),
                     0);
    assert_string_equal(f.config.tls.cert, "null");
    assert_string_equal(f.config.tls.key, "~");
    assert_string_equal(f.config.server.client, "");
    fixture_done(&f);
}

static void unknown_names_are_refused_with_what_was_meant(void **state)
{
    (void)state;
    refuses("log: {}\nlimit:\n  rooms: 1\n",
            "roomline.yaml:2: limit: unknown section; did you mean limits?");
    refuses("listen: []\n",
            "roomline.yaml:1: listen: unknown section; did you mean listen in section server?");
    refuses("colours: 1\n",
            "roomline.yaml:1: colours: unknown section; --help lists those there are");
    refuses("limits:\n  room: 1\n",
            "roomline.yaml:2: limits.room: unknown key; did you mean limits.rooms?");
    refuses("limits:\n  join: 1\n",
            "roomline.yaml:2: limits.join: unknown key; did you mean timeouts.join?");
    refuses("limits:\n  \"a\\nb\": 1\n",
            "roomline.yaml:2: limits.a\\x0ab: unknown key; --help lists those there are");
    refuses("limits:\n  '': 1\n",
            "roomline.yaml:2: limits.: unknown key; --help lists those there are");
    refuses("<<: 1\n", "roomline.yaml:1: <<: unknown section; --help lists those there are");
}

static void names_given_twice_are_refused(void **state)
{
    (void)state;
    refuses("limits:\n  rooms: 1\n\n  rooms: 1\n",
            "roomline.yaml:4: limits.rooms: given twice, first in line 2");
    refuses("log:\n  level: info\nlimits: {}\nlog: {}\n",
            "roomline.yaml:4: log: given twice, first in line 1");
}

static void the_wrong_shape_is_refused(void **state)
{
    (void)state;
    refuses("[]", "roomline.yaml:1: a list is not a map of sections");
    refuses("hello", "roomline.yaml:1: \"hello\" is not a map of sections");
    refuses("limits: []", "roomline.yaml:1: limits: a list is not a map of keys");
    refuses("limits:\n  5", "roomline.yaml:2: limits: \"5\" is not a map of keys");
    refuses("limits:\n  rooms: [1]\n",
            "roomline.yaml:2: limits.rooms: a list is not a whole number; allowed: 0 (no limit) to "
            "10000000");
    refuses("limits:\n  rooms:\n",
            "roomline.yaml:2: limits.rooms: \"\" is not a whole number; allowed: 0 (no limit) to "
            "10000000");
    refuses("log:\n  level: {}\n",
            "roomline.yaml:2: log.level: a map is not one of its words; allowed: debug, info, "
            "warn, error");
    refuses("tls:\n  cert: []\n",
            "roomline.yaml:2: tls.cert: a list is not text; allowed: a path, from the working "
            "directory where relative; empty for none");
    refuses("? [a, b]\n: 1\n", "roomline.yaml:1: a key must be text");
    refuses("limits:\n  ? {a: b}\n  : 1\n", "roomline.yaml:2: a key must be text");
}

static void what_plain_configuration_needs_not_is_refused(void **state)
{
    (void)state;
    refuses("log: &a {level: info}\n", "roomline.yaml:1: anchors (&) are not taken");
    refuses("log:\n  level: &a info\n", "roomline.yaml:2: anchors (&) are not taken");
    refuses("log: *a\n", "roomline.yaml:1: aliases are not taken; a text that starts with * must "
                         "be in quotes");
    refuses("server:\n  origins: [*]\n", "roomline.yaml:2: aliases are not taken; a text that "
                                         "starts with * must be in quotes");
    refuses("server:\n  origins:\n    - *\n", "roomline.yaml:3: aliases are not taken; a text that "
                                              "starts with * must be in quotes");
    refuses("log:\n  level: !!str info\n", "roomline.yaml:2: tags (!) are not taken");
    refuses("log: !thing {}\n", "roomline.yaml:1: tags (!) are not taken");
    refuses("log: {}\n---\nlog: {}\n", "roomline.yaml:2: one document only");
    refuses("tls:\n  cert: \"a\\0b\"\n", "roomline.yaml:2: text with a NUL byte is not taken");
    refuses("tls:\n  cert: \"a\\nb\"\n",
            "roomline.yaml:2: tls.cert: holds control characters or is not UTF-8");
    refuses("tls:\n  cert: \"a\\x85\"\n",
            "roomline.yaml:2: tls.cert: holds control characters or is not UTF-8");
}

static void what_is_no_yaml_is_refused_with_its_line(void **state)
{
    (void)state;
    refuses("log:\n  level: info\n level: x\n",
            "roomline.yaml:3: not YAML: did not find expected key");
    refuses("log:\n\tlevel: info\n",
            "roomline.yaml:2: not YAML: a tab; indentation is made of spaces");
    refuses("log: {level: info}\nlimits:\n  \trooms: 1\n",
            "roomline.yaml:3: not YAML: a tab; indentation is made of spaces");
    refuses("log:\n  level: @info\n",
            "roomline.yaml:2: not YAML: found character that cannot start any token");
    refuses("log: {}\n\nlimits: \"\n", "roomline.yaml:4: not YAML: found unexpected end of stream");
    refuses("log: {}\n#\n# \xff\n", "roomline.yaml:3: not YAML: invalid leading UTF-8 octet");
    refuses("log: {}\n# \x01\n", "roomline.yaml:2: not YAML: control characters are not allowed");
}

/* Another encoding would pass what takes UTF-8 by. */
static void only_utf_8_is_taken(void **state)
{
    static const char utf16[] = "\xff\xfe{\0}\0";
    struct fixture f = {0};
    (void)state;
    assert_int_equal(config_parse_text(&f.config, utf16, sizeof(utf16) - 1, "x", &f.errors), -1);
    fixture_done(&f);
}

static void depth_is_bounded(void **state)
{
    char *text = malloc(200001);
    (void)state;
    assert_non_null(text);
    memset(text, '[', 200000);
    text[200000] = '\0';
    refuses(text, "roomline.yaml:1: lists and maps are nested too deep");
    for (size_t i = 0; i < 200000; i += 2)
        memcpy(text + i, "- ", 2);
    refuses(text, "roomline.yaml:1: lists and maps are nested too deep");
    free(text);
}

static void the_number_of_values_is_bounded(void **state)
{
    char *text = malloc(200001);
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < 200000; i += 4)
        memcpy(text + i, "- a\n", 4);
    text[200000] = '\0';
    refuses(text, "roomline.yaml:8192: too many values");
    free(text);
}

static void size_is_bounded(void **state)
{
    struct fixture f;
    char *text = malloc(CONFIG_TEXT_MAX + 2);
    (void)state;
    assert_non_null(text);
    memset(text, '#', CONFIG_TEXT_MAX + 1);
    text[CONFIG_TEXT_MAX + 1] = '\0';
    assert_int_equal(fixture_parse(&f, text), -1);
    assert_one_error(&f, "roomline.yaml:1: more than 1024 KiB are not taken");
    fixture_done(&f);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_yaml_is_taken),
        cmocka_unit_test(a_null_path_is_none_and_a_quoted_one_a_name),
        cmocka_unit_test(unknown_names_are_refused_with_what_was_meant),
        cmocka_unit_test(names_given_twice_are_refused),
        cmocka_unit_test(the_wrong_shape_is_refused),
        cmocka_unit_test(what_plain_configuration_needs_not_is_refused),
        cmocka_unit_test(what_is_no_yaml_is_refused_with_its_line),
        cmocka_unit_test(only_utf_8_is_taken),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(size_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
