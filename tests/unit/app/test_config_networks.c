/* proxy.mode and proxy.networks. */
#include "config_fixture.h"

static void networks_are_read_and_written(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, "proxy:\n  mode: proxy-protocol\n"
                                       "  networks: [10.0.0.0/8, 192.0.2.7, \"2001:DB8::/32\"]\n"),
                     0);
    assert_int_equal(f.config.proxy.mode, CONFIG_PROXY_PROTOCOL);
    assert_int_equal(f.config.proxy.networks.count, 3);
    char *text = fixture_write(&f.config, CONFIG_FORM_INTERNAL);
    struct fixture again;
    assert_int_equal(fixture_parse(&again, text), 0);
    assert_int_equal(again.config.proxy.networks.count, 3);
    assert_memory_equal(again.config.proxy.networks.items, f.config.proxy.networks.items,
                        3 * sizeof(struct ip_network));
    assert_non_null(strstr(text, "192.0.2.7/32"));
    assert_non_null(strstr(text, "2001:db8::/32"));
    free(text);
    fixture_done(&again);
    fixture_done(&f);
}

static void what_is_no_network_is_refused(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(
        LOAD(&f, NULL, "--set", "proxy.mode=proxy-protocol", "--set", "proxy.networks=10.0.0.1/8"),
        -1);
    assert_one_error(&f,
                     "--set: proxy.networks: \"10.0.0.1/8\" is not a network; allowed: a list of "
                     "networks and addresses: 10.0.0.0/8, 2001:db8::/32, 192.0.2.1");
    fixture_done(&f);
}

static void mode_and_networks_go_together(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--set", "proxy.mode=x-forwarded-for"), -1);
    assert_one_error(&f, "--set: proxy.mode: needs proxy.networks, too");
    fixture_done(&f);
    assert_int_equal(LOAD(&f, NULL, "--set", "proxy.networks=10.0.0.0/8"), -1);
    assert_one_error(&f, "--set: proxy.networks: needs proxy.mode proxy-protocol or "
                         "x-forwarded-for, too");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_read_and_written),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(mode_and_networks_go_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
