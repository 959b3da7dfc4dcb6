/* Section stun. */
#include <arpa/inet.h>

#include "config_fixture.h"

static void addresses_are_read_and_written(void **state)
{
    struct fixture f, again;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--set", "stun.listen=udp://0.0.0.0:3478,udp://[::1]"), 0);
    const struct config_listeners *listen = &f.config.stun.listen;
    assert_int_equal(listen->count, 2);
    assert_int_equal(listen->items[1].scheme, CONFIG_SCHEME_UDP);
    assert_int_equal(listen->items[1].family, AF_INET6);
    assert_int_equal(listen->items[1].port, 3478);
    char *text = fixture_write(&f.config, CONFIG_FORM_INTERNAL);
    assert_non_null(strstr(text, "\"udp://[::1]:3478\""));
    assert_int_equal(fixture_parse(&again, text), 0);
    assert_int_equal(again.config.stun.listen.count, 2);
    free(text);
    fixture_done(&again);
    fixture_done(&f);
}

static void there_may_be_none(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--set", "stun.listen=[]"), 0);
    assert_int_equal(f.config.stun.listen.count, 0);
    fixture_done(&f);
}

static void datagrams_and_streams_are_not_mixed_up(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--set", "stun.listen=http://127.0.0.1:1"), -1);
    assert_one_error(&f,
                     "--set: stun.listen: \"http://127.0.0.1:1\" is not an address to listen on; "
                     "allowed: udp://ADDRESS:PORT, any number of them, ADDRESS being an IPv4 "
                     "address, an IPv6 address in [brackets] or localhost (127.0.0.1)");
    fixture_done(&f);
    assert_int_equal(LOAD(&f, NULL, "--listen", "udp://127.0.0.1:1"), -1);
    fixture_done(&f);
}

static void the_url_is_that_of_a_stun_server(void **state)
{
    static const char *const urls[] = {"turn:a", "http://a", "stun:", "a", "stun:a?transport=udp"};
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--set", "stun.url=stun:a:1"), 0);
    fixture_done(&f);
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        char argument[64];
        snprintf(argument, sizeof(argument), "stun.url=%s", urls[i]);
        assert_int_equal(LOAD(&f, NULL, "--set", argument), -1);
        assert_one_error(&f, "--set: stun.url: not the URL of a STUN server; allowed: stun:HOST or "
                             "stun:HOST:PORT");
        fixture_done(&f);
    }
    assert_int_equal(LOAD(&f, NULL, "--set", "stun.url=stun:a", "--set", "stun.listen=[]"), -1);
    assert_one_error(&f, "--set: stun.url: needs stun.listen, too; other servers go into "
                         "session.ice_servers");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(there_may_be_none),
        cmocka_unit_test(datagrams_and_streams_are_not_mixed_up),
        cmocka_unit_test(the_url_is_that_of_a_stun_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
