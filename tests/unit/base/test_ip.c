#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/ip.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(slice_of(text), &ip));
    return ip;
}

static void assert_text(const char *text, const char *expected)
{
    struct ip ip = ip_of(text);
    char buffer[IP_TEXT_SIZE];
    assert_string_equal(ip_text(&ip, buffer).ptr, expected);
}

static void an_address_has_one_form(void **state)
{
    (void)state;
    assert_text("192.0.2.1", "192.0.2.1");
    assert_text("::ffff:192.0.2.1", "192.0.2.1");
    assert_text("::FFFF:c000:0201", "192.0.2.1");
    assert_text("2001:DB8:0:0::1", "2001:db8::1");
    assert_text("::", "::");
    assert_text("::192.0.2.1", "::192.0.2.1"); /* not a mapped one */
    struct ip mapped = ip_of("::ffff:10.0.0.1"), plain = ip_of("10.0.0.1");
    assert_true(ip_equal(&mapped, &plain));
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        " 1.2.3.4",
                                        "1.2.3.4 ",
                                        "1.2.3",
                                        "1.2.3.4.5",
                                        "1.2.3.256",
                                        "1.2.3.4/8",
                                        "1.2.3.4:5",
                                        "[::1]",
                                        ":::",
                                        "fe80::1%eth0",
                                        "localhost",
                                        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001"};
    struct ip ip;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(ip_parse(slice_of(texts[i]), &ip));
    assert_false(ip_parse((struct slice){"1.2.3.4\0", 8}, &ip));
    assert_false(ip_parse(SLICE_NONE, &ip));
}

static void a_socket_s_address_is_the_same_as_its_text(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    (void)state;
    inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
    inet_pton(AF_INET6, "::ffff:192.0.2.1", &v6.sin6_addr);
    struct ip expected = ip_of("192.0.2.1"), nothing = ip_of("::");
    struct ip from_v4 = ip_from_sockaddr((struct sockaddr *)&v4);
    struct ip from_v6 = ip_from_sockaddr((struct sockaddr *)&v6);
    struct ip from_none = ip_from_sockaddr(&none);
    assert_true(ip_equal(&from_v4, &expected));
    assert_true(ip_equal(&from_v6, &expected));
    assert_true(ip_equal(&from_none, &nothing));
    assert_true(ip_is_v4(&from_v6));
    assert_false(ip_is_v4(&nothing));
}

static bool has(const char *network_text, const char *ip_text_)
{
    struct ip_network network;
    struct ip ip = ip_of(ip_text_);
    assert_true(ip_network_parse(slice_of(network_text), &network));
    return ip_network_has(&network, &ip);
}

static void a_network_has_what_its_prefix_says(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.255.255"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("10.1.2.128/25", "10.1.2.200"));
    assert_false(has("10.1.2.128/25", "10.1.2.127"));
    assert_true(has("192.0.2.1", "192.0.2.1"));
    assert_false(has("192.0.2.1", "192.0.2.2"));
    assert_true(has("192.0.2.1/32", "::ffff:192.0.2.1"));
    assert_true(has("::ffff:10.0.0.0/104", "10.9.9.9"));
    assert_true(has("0.0.0.0/0", "203.0.113.7"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("::/0", "2001:db8::1"));
}

static void everybody_of_one_kind_is_nobody_of_the_other(void **state)
{
    (void)state;
    assert_false(has("::/0", "10.0.0.1"));
    assert_false(has("::/0", "::ffff:10.0.0.1"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_false(has("0.0.0.0/0", "::1"));
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "/8",
                                        "10.0.0.0/",
                                        "10.0.0.0/33",
                                        "10.0.0.1/8",
                                        "10.0.0.0/08",
                                        "10.0.0.0/8/8",
                                        "10.0.0.0/-1",
                                        "10.0.0/8",
                                        "::/129",
                                        "::1/64",
                                        "10.0.0.0/8 ",
                                        "10.0.0.0/1000"};
    struct ip_network network;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_false(ip_network_parse(slice_of(texts[i]), &network));
    assert_false(ip_network_parse(SLICE_NONE, &network));
}

static void a_network_as_text_is_the_same_network(void **state)
{
    static const char *const pairs[][2] = {{"10.0.0.0/8", "10.0.0.0/8"},
                                           {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
                                           {"192.0.2.1", "192.0.2.1/32"},
                                           {"2001:DB8::/32", "2001:db8::/32"},
                                           {"::/0", "::/0"}};
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct ip_network network;
        char text[IP_NETWORK_TEXT_SIZE];
        assert_true(ip_network_parse(slice_of(pairs[i][0]), &network));
        assert_string_equal(ip_network_text(&network, text).ptr, pairs[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_one_form),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(a_socket_s_address_is_the_same_as_its_text),
        cmocka_unit_test(a_network_has_what_its_prefix_says),
        cmocka_unit_test(everybody_of_one_kind_is_nobody_of_the_other),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(a_network_as_text_is_the_same_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
