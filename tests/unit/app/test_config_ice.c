/* session.ice_servers: what a browser would throw over is refused here. */
#include <cjson/cJSON.h>

#include "config_fixture.h"

static int load_ice(struct fixture *f, const char *servers)
{
    char argument[2048];
    snprintf(argument, sizeof(argument), "session.ice_servers=%s", servers);
    return LOAD(f, NULL, "--set", argument);
}

static void servers_are_read(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, "session:\n"
                                       "  ice_servers:\n"
                                       "    - urls: stun:stun.example.org\n"
                                       "    - urls:\n"
                                       "        - turn:turn.example.org:3478?transport=udp\n"
                                       "        - turns:[2001:db8::1]:5349?transport=tcp\n"
                                       "      username: alice\n"
                                       "      credential: \"s3cret: \\\"\\\\ \xed\x95\x9c\"\n"),
                     0);
    const struct config_ice_servers *servers = &f.config.session.ice_servers;
    assert_int_equal(servers->count, 2);
    assert_int_equal(servers->items[0].url_count, 1);
    assert_string_equal(servers->items[0].urls[0], "stun:stun.example.org");
    assert_null(servers->items[0].username);
    assert_null(servers->items[0].credential);
    assert_int_equal(servers->items[1].url_count, 2);
    assert_string_equal(servers->items[1].urls[1], "turns:[2001:db8::1]:5349?transport=tcp");
    assert_string_equal(servers->items[1].username, "alice");
    assert_string_equal(servers->items[1].credential, "s3cret: \"\\ \xed\x95\x9c");
    fixture_done(&f);
}

static const char *json_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static void the_json_is_what_cjson_reads_back(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(load_ice(&f,
                              "[{\"urls\":\"stun:a\"},{\"urls\":[\"turn:b\",\"turns:c\"],"
                              "\"username\":\"q\\\"\\\\\",\"credential\":\"\xf0\x9f\x98\x80\"}]"),
                     0);
    cJSON *json = cJSON_Parse(f.config.session.ice_servers.json);
    assert_non_null(json);
    assert_int_equal(cJSON_GetArraySize(json), 2);
    const cJSON *first = cJSON_GetArrayItem(json, 0);
    const cJSON *second = cJSON_GetArrayItem(json, 1);
    assert_int_equal(cJSON_GetArraySize(first), 1);
    const cJSON *urls = cJSON_GetObjectItemCaseSensitive(second, "urls");
    assert_int_equal(cJSON_GetArraySize(urls), 2);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(urls, 1)), "turns:c");
    assert_string_equal(json_text(second, "username"), "q\"\\");
    assert_string_equal(json_text(second, "credential"), "\xf0\x9f\x98\x80");
    cJSON_Delete(json);
    fixture_done(&f);
}

static void an_empty_list_is_an_empty_array(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(load_ice(&f, "[]"), 0);
    assert_string_equal(f.config.session.ice_servers.json, "[]");
    fixture_done(&f);
    assert_int_equal(load_ice(&f, ""), 0);
    assert_string_equal(f.config.session.ice_servers.json, "[]");
    fixture_done(&f);
}

static void urls_are_checked(void **state)
{
    static const char *const good[] = {
        "stun:example.org",     "stun:192.0.2.1:3478",    "stun:[2001:db8::1]:3478", "stuns:a",
        "turn:a?transport=udp", "turn:a:1?transport=tcp", "turns:a:65535",
    };
    static const char *const bad[] = {
        "",
        "stun",
        "stun:",
        "stun:a:",
        "stun:a:0",
        "stun:a:65536",
        "stun://a",
        "STUN:a",
        "http://a",
        "a",
        "stun:a?transport=udp",
        "turn:a?transport=sctp",
        "turn:a?",
        "turn:a?transport=udp&x",
        "turn:?transport=udp",
        "turn:a b",
        "turn:user@a",
        "stun:2001:db8::1",
        "stun:[2001:db8::1",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct fixture f;
        char servers[256];
        snprintf(servers, sizeof(servers), "[{urls: '%s', username: u, credential: c}]", good[i]);
        if (load_ice(&f, servers) < 0)
            fail_msg("%s", f.errors.text[0]);
        fixture_done(&f);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct fixture f;
        char servers[256];
        snprintf(servers, sizeof(servers), "[{urls: ['%s'], username: u, credential: c}]", bad[i]);
        if (load_ice(&f, servers) == 0)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(f.errors.count, 1);
        assert_non_null(strstr(f.errors.text[0], "is not a STUN or TURN URL; allowed: "));
        fixture_done(&f);
    }
}

static void broken_servers_are_refused(void **state)
{
    static const struct {
        const char *servers;
        const char *error;
    } cases[] = {
        {"[stun:a]", "\"stun:a\" is not an ICE server; allowed: "},
        {"stun:a", "\"stun:a\" is not an ICE server; allowed: "},
        {"[{}]", "an ICE server without urls; allowed: "},
        {"[{urls: []}]", "an ICE server without urls; allowed: "},
        {"[{urls: {}}]", "a map is not a list; allowed: "},
        {"[{urls: [[]]}]", "a list is not text; allowed: "},
        {"[{urls: stun:a, urls: stun:b}]", "urls is given twice"},
        {"[{urls: stun:a, username: a, username: b}]", "username is given twice"},
        {"[{urls: stun:a, url: stun:b}]", "\"url\" is not part of an ICE server; allowed: "},
        {"[{urls: turn:a}]", "a turn or turns URL needs username and credential"},
        {"[{urls: [stun:a, turns:a]}]", "a turn or turns URL needs username and credential"},
        {"[{urls: stun:a, username: u}]", "username and credential go together"},
        {"[{urls: turn:a, credential: u}]", "username and credential go together"},
        {"[{urls: turn:a, username: [], credential: u}]", "a list is not text"},
        {"[{urls: turn:a, username: u, credential: \"a\\nb\"}]", "holds control characters"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        if (load_ice(&f, cases[i].servers) == 0)
            fail_msg("taken: %s", cases[i].servers);
        assert_int_equal(f.errors.count, 1);
        if (strstr(f.errors.text[0], cases[i].error) == NULL)
            fail_msg("%s: %s", cases[i].servers, f.errors.text[0]);
        fixture_done(&f);
    }
}

static void errors_name_the_line_and_never_the_credential(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, "session:\n"
                                       "  ice_servers:\n"
                                       "    - urls: turn:a\n"
                                       "      username: u\n"
                                       "      credential: \"topsecret\\x07\"\n"
                                       "    - urls:\n"
                                       "        - turn:b\n"
                                       "        - nonsense\n"
                                       "      credential: topsecret\n"),
                     -1);
    assert_int_equal(f.errors.count, 2);
    assert_string_equal(f.errors.text[0], "roomline.yaml:5: session.ice_servers: holds control "
                                          "characters or is not UTF-8");
    assert_non_null(strstr(f.errors.text[1], "roomline.yaml:8: session.ice_servers: urls: "));
    for (size_t i = 0; i < f.errors.count; i++)
        assert_null(strstr(f.errors.text[i], "topsecret"));
    fixture_done(&f);
}

static void a_refused_list_leaves_the_one_before(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--set", "session.ice_servers=[{urls: stun:a}]", "--set",
                          "session.ice_servers=[{urls: stun:b}, {}]"),
                     -1);
    assert_int_equal(f.config.session.ice_servers.count, 1);
    assert_string_equal(f.config.session.ice_servers.items[0].urls[0], "stun:a");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_read),
        cmocka_unit_test(the_json_is_what_cjson_reads_back),
        cmocka_unit_test(an_empty_list_is_an_empty_array),
        cmocka_unit_test(urls_are_checked),
        cmocka_unit_test(broken_servers_are_refused),
        cmocka_unit_test(errors_name_the_line_and_never_the_credential),
        cmocka_unit_test(a_refused_list_leaves_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
