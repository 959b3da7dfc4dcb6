/* server.listen and server.origins. */
#include <arpa/inet.h>

#include "base/authority.h"
#include "config_fixture.h"

#define LISTEN_ALLOWED                                                                             \
    "; allowed: http://ADDRESS:PORT or https://ADDRESS:PORT, one or more, ADDRESS being an IPv4 "  \
    "address, an IPv6 address in [brackets] or localhost (127.0.0.1)"

static int load_https(struct fixture *f, const char *url)
{
    return LOAD(f, NULL, "--listen", url, "--tls-cert", "c.pem", "--tls-key", "k.pem");
}

static void listeners_are_read_into_their_parts(void **state)
{
    static const struct {
        const char *url;
        enum config_scheme scheme;
        int family;
        const char *host;
        int port;
    } cases[] = {
        {"http://0.0.0.0:8080", CONFIG_SCHEME_HTTP, AF_INET, "0.0.0.0", 8080},
        {"https://192.0.2.1:0", CONFIG_SCHEME_HTTPS, AF_INET, "192.0.2.1", 0},
        {"http://[::]:80", CONFIG_SCHEME_HTTP, AF_INET6, "::", 80},
        {"https://[2001:DB8:0:0::1]", CONFIG_SCHEME_HTTPS, AF_INET6, "2001:db8::1", 443},
        {"http://[::ffff:192.0.2.1]:65535", CONFIG_SCHEME_HTTP, AF_INET6, "::ffff:192.0.2.1",
         65535},
        {"http://127.0.0.1", CONFIG_SCHEME_HTTP, AF_INET, "127.0.0.1", 80},
        {"http://127.0.0.1:1/", CONFIG_SCHEME_HTTP, AF_INET, "127.0.0.1", 1},
        {"http://localhost:8080", CONFIG_SCHEME_HTTP, AF_INET, "127.0.0.1", 8080},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        assert_int_equal(load_https(&f, cases[i].url), 0);
        assert_int_equal(f.config.server.listen.count, 1);
        const struct config_listener *listener = &f.config.server.listen.items[0];
        assert_int_equal(listener->scheme, cases[i].scheme);
        assert_int_equal(listener->family, cases[i].family);
        assert_string_equal(listener->host, cases[i].host);
        assert_int_equal(listener->port, cases[i].port);
        fixture_done(&f);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const urls[] = {
        "",
        "8080",
        "127.0.0.1:8080",
        "ftp://127.0.0.1:1",
        "HTTP://127.0.0.1:1",
        "http:127.0.0.1:1",
        "http://",
        "http://:8080",
        "http://*:8080",
        "http://example.org:8080",
        "http://127.0.0.1:",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:00080x",
        "http://127.0.0.1:-1",
        "http://127.0.0.1:8080/path",
        "http://127.0.0.1:8080?a",
        "http://user@127.0.0.1:8080",
        "http://127.0.0.256:80",
        "http://127.1:80",
        "http://::1:80",
        "http://[::1:80",
        "http://[::1]80",
        "http://[::g]:80",
        "http://[127.0.0.1]:80",
        "http://[]:80",
        "http://[fe80::1%eth0]:80",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct fixture f;
        char error[512];
        if (LOAD(&f, NULL, "--listen", urls[i]) == 0)
            fail_msg("taken: %s", urls[i]);
        snprintf(error, sizeof(error),
                 "--listen: server.listen: \"%s\" is not an address to listen on" LISTEN_ALLOWED,
                 urls[i]);
        assert_one_error(&f, error);
        fixture_done(&f);
    }
}

static void a_server_without_listeners_is_refused(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, "server:\n  listen: []\n"), -1);
    assert_one_error(&f, "roomline.yaml:2: server.listen: the list is empty" LISTEN_ALLOWED);
    fixture_done(&f);
    assert_int_equal(fixture_parse(&f, "server:\n  listen:\n"), -1);
    assert_one_error(&f, "roomline.yaml:2: server.listen: \"\" is not a list" LISTEN_ALLOWED);
    fixture_done(&f);
    assert_int_equal(fixture_parse(&f, "server:\n  listen: http://127.0.0.1:1\n"), -1);
    fixture_done(&f);
}

static void every_bad_entry_is_told_with_its_line(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, "server:\n"
                                       "  listen:\n"
                                       "    - http://127.0.0.1:1\n"
                                       "    - nonsense\n"
                                       "    - [a]\n"
                                       "    - http://127.0.0.1:1\n"),
                     -1);
    assert_int_equal(f.errors.count, 3);
    assert_string_equal(f.errors.text[0],
                        "roomline.yaml:4: server.listen: \"nonsense\" is not an address to listen "
                        "on" LISTEN_ALLOWED);
    assert_string_equal(f.errors.text[1],
                        "roomline.yaml:5: server.listen: a list is not text" LISTEN_ALLOWED);
    assert_string_equal(f.errors.text[2],
                        "roomline.yaml:6: server.listen: \"http://127.0.0.1:1\" has the address "
                        "and port of another entry");
    fixture_done(&f);
}

/* SO_REUSEPORT would let both be bound, and half of the connections meet the wrong scheme. */
static void one_address_and_port_is_listed_once(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--listen", "http://[::1]:1", "--listen", "http://[0:0::1]:1"),
                     -1);
    fixture_done(&f);
    assert_int_equal(LOAD(&f, NULL, "--listen", "http://127.0.0.1:1", "--listen",
                          "https://localhost:1", "--tls-cert", "c", "--tls-key", "k"),
                     -1);
    fixture_done(&f);
    assert_int_equal(LOAD(&f, NULL, "--listen", "http://127.0.0.1:0", "--listen",
                          "http://127.0.0.1:0", "--listen", "http://127.0.0.2:1", "--listen",
                          "http://127.0.0.1:1"),
                     0);
    assert_int_equal(f.config.server.listen.count, 4);
    fixture_done(&f);
}

static void https_needs_certificate_and_key(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--listen", "https://127.0.0.1:1"), -1);
    assert_one_error(&f, "--listen: server.listen: an https address needs tls.cert and tls.key");
    fixture_done(&f);
    assert_int_equal(fixture_parse(&f, "server:\n  listen: ['https://127.0.0.1:1']\n"
                                       "tls:\n  cert: a.pem\n"),
                     -1);
    assert_one_error(&f, "roomline.yaml:4: tls.cert: needs tls.key, too");
    fixture_done(&f);

    const char *environment[] = {"ROOMLINE_TLS_KEY=k.pem", NULL};
    assert_int_equal(fixture_load(&f, environment, (const char *[]){NULL}), -1);
    assert_one_error(&f, "environment ROOMLINE_TLS_KEY: tls.key: needs tls.cert, too");
    fixture_done(&f);
}

static void origins_are_kept_as_given(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, "server:\n"
                                       "  origins:\n"
                                       "    - https://example.org\n"
                                       "    - http://10.0.0.7:8080\n"
                                       "    - http://[::1]:8080\n"
                                       "    - https://example.org:80\n"
                                       "    - capacitor://localhost\n"
                                       "    - chrome-extension://abcdefgh\n"),
                     0);
    assert_int_equal(f.config.server.origins.count, 6);
    assert_string_equal(f.config.server.origins.items[2], "http://[::1]:8080");
    assert_false(f.config.server.origins.self);
    assert_false(f.config.server.origins.any);
    fixture_done(&f);

    assert_int_equal(LOAD(&f, NULL, "--set", "server.origins="), 0);
    assert_int_equal(f.config.server.origins.count, 0);
    assert_false(f.config.server.origins.self);
    fixture_done(&f);
}

/* Each of these would never match, and its writer would wonder why. */
static void origins_that_no_browser_sends_are_refused(void **state)
{
    static const char *const origins[] = {
        "example.org",
        "https://Example.org",
        "HTTPS://example.org",
        "https://example.org/",
        "https://example.org/a",
        "https://example.org:443",
        "http://example.org:80",
        "http://example.org:0",
        "https://",
        "://example.org",
        "https://ex ample.org",
        "https://*.example.org",
        "https://user@example.org",
        "Self",
        "null",
        "https://\xed\x95\x9c.example",
        "1a://example.org",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(origins); i++) {
        struct fixture f;
        char argument[128];
        snprintf(argument, sizeof(argument), "server.origins=%s", origins[i]);
        if (LOAD(&f, NULL, "--set", argument) == 0)
            fail_msg("taken: %s", origins[i]);
        assert_int_equal(f.errors.count, 1);
        assert_non_null(
            strstr(f.errors.text[0], "is not an origin as browsers send it; allowed: "));
        fixture_done(&f);
    }
}

static void long_lists_and_long_entries_are_refused(void **state)
{
    struct fixture f;
    char *argument = malloc(8192);
    (void)state;
    assert_non_null(argument);
    strcpy(argument, "server.listen=");
    for (int i = 0; i < 65; i++)
        sprintf(argument + strlen(argument), "http://127.0.0.1:%d,", i + 1);
    assert_int_equal(LOAD(&f, NULL, "--set", argument), -1);
    assert_one_error(&f, "--set: server.listen: 65 entries are too many; allowed: up to 64");
    fixture_done(&f);

    strcpy(argument, "server.origins=https://");
    memset(argument + strlen(argument), 'a', 600);
    argument[630] = '\0';
    assert_int_equal(LOAD(&f, NULL, "--set", argument), -1);
    assert_non_null(strstr(f.errors.text[0], "are too long; allowed: up to 512"));
    fixture_done(&f);
    free(argument);
}

static void an_authority_is_bounded(void **state)
{
    struct authority authority;
    char host[400];
    (void)state;
    memset(host, 'a', sizeof(host));
    assert_true(authority_parse((struct slice){host, 253}, &authority));
    assert_int_equal(strlen(authority.host), 253);
    assert_int_equal(authority.port, AUTHORITY_NO_PORT);
    assert_false(authority_parse((struct slice){host, 254}, &authority));
    assert_false(authority_parse(SLICE(""), &authority));
    assert_false(authority_parse(SLICE(".example"), &authority));
    assert_false(authority_parse(SLICE("-example"), &authority));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_are_read_into_their_parts),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_server_without_listeners_is_refused),
        cmocka_unit_test(every_bad_entry_is_told_with_its_line),
        cmocka_unit_test(one_address_and_port_is_listed_once),
        cmocka_unit_test(https_needs_certificate_and_key),
        cmocka_unit_test(origins_are_kept_as_given),
        cmocka_unit_test(origins_that_no_browser_sends_are_refused),
        cmocka_unit_test(long_lists_and_long_entries_are_refused),
        cmocka_unit_test(an_authority_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
