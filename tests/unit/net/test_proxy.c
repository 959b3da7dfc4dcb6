/* The PROXY protocol's header at every cut, and X-Forwarded-For. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "net/proxy.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BEHIND "GET / HTTP/1.1\r\n"
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_FROM "\xc0\x00\x02\x01" /* 192.0.2.1 */
#define V4_TO "\xc6\x33\x64\x01"
#define PORTS "\xdc\x04\x01\xbb"
#define V6_FROM "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" /* 2001:db8::1 */
#define V6_MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01"
#define TLVS "\x04\x00\x03xyz\xea\x00\x01v"

/* Fed in two pieces, from memory of just their size; what the second leaves is in *ret_rest. */
static enum proxy_result feed(struct slice text, size_t cut, bool *known, char *address,
                              struct slice *ret_rest)
{
    struct proxy_reader reader = {0};
    struct ip ip = {{0}};
    char *first = malloc(cut + 1);
    memcpy(first, text.ptr, cut);
    struct slice bytes = {first, cut};
    enum proxy_result result = proxy_read(&reader, &bytes, known, &ip);
    size_t left = bytes.len;
    free(first);
    *ret_rest = (struct slice){text.ptr + cut - left, text.len - cut + left};
    if (result == PROXY_MORE) {
        assert_int_equal(left, 0);
        result = proxy_read(&reader, ret_rest, known, &ip);
    }
    ip_text(&ip, address);
    return result;
}

/* `address`: NULL where none is named. */
static void assert_read(struct slice header, const char *address)
{
    char text[4096], read[IP_TEXT_SIZE];
    struct slice whole = {text, header.len + strlen(BEHIND)}, rest;
    memcpy(text, header.ptr, header.len);
    memcpy(text + header.len, BEHIND, strlen(BEHIND));
    for (size_t cut = 0; cut <= whole.len; cut++) {
        bool known = address == NULL;
        assert_int_equal(feed(whole, cut, &known, read, &rest), PROXY_DONE);
        assert_int_equal(known, address != NULL);
        if (known)
            assert_string_equal(read, address);
        assert_true(slice_is(rest, BEHIND));
    }
    for (size_t len = 0; len < header.len; len++) { /* and no byte less is enough */
        bool known;
        assert_int_equal(feed((struct slice){header.ptr, len}, len / 2, &known, read, &rest),
                         PROXY_MORE);
    }
}

static void assert_bad(struct slice header)
{
    char read[IP_TEXT_SIZE];
    struct slice rest;
    bool known;
    for (size_t cut = 0; cut <= header.len; cut++)
        assert_int_equal(feed(header, cut, &known, read, &rest), PROXY_BAD);
}

static void version_1_names_the_client(void **state)
{
    (void)state;
    assert_read(SLICE("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"), "192.0.2.1");
    assert_read(SLICE("PROXY TCP6 2001:DB8::1 2001:db8::2 0 65535\r\n"), "2001:db8::1");
    assert_read(SLICE("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n"), "192.0.2.1");
}

static void version_1_may_know_nobody(void **state)
{
    (void)state;
    assert_read(SLICE("PROXY UNKNOWN\r\n"), NULL);
    assert_read(SLICE("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), NULL);
}

static void version_1_as_long_as_it_may_be(void **state)
{
    char line[PROXY_V1_MAX + 2];
    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + PROXY_V1_MAX - 2, "\r\n", 2);
    assert_read((struct slice){line, PROXY_V1_MAX}, NULL);
    memcpy(line + PROXY_V1_MAX - 2, "xx\r\n", 4);
    assert_bad((struct slice){line, PROXY_V1_MAX});
}

static void version_1_otherwise_is_refused(void **state)
{
    static const char *const lines[] = {
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 000001 443\r\n",
        "PROXY TCP4  192.0.2.1 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100 56324 443\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 56324 443\r\n",
        "PROXY TCP5 192.0.2.1 198.51.100.1 56324 443\r\n",
        "PROXY tcp4 192.0.2.1 198.51.100.1 56324 443\r\n",
        "PROXY TCP4\r\n",
        "PROXY \r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\r\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_bad(slice_of(lines[i]));
}

static void what_begins_otherwise_is_refused_at_once(void **state)
{
    (void)state;
    assert_bad(SLICE("G"));
    assert_bad(SLICE("PUT"));
    assert_bad(SLICE("PROXX"));
    assert_bad(SLICE("\n"));
    assert_bad(SLICE("\0"));
    assert_bad(SLICE("\x16\x03\x01"));
    assert_bad(SLICE("\r\n\r\n\0\r\nQUIT\r"));
}

static void version_2_names_the_client(void **state)
{
    (void)state;
    assert_read(SLICE(SIGNATURE "\x21\x11\x00\x0c" V4_FROM V4_TO PORTS), "192.0.2.1");
    assert_read(SLICE(SIGNATURE "\x21\x21\x00\x24" V6_FROM V6_FROM PORTS), "2001:db8::1");
    assert_read(SLICE(SIGNATURE "\x21\x21\x00\x24" V6_MAPPED V6_FROM PORTS), "192.0.2.1");
}

static void version_2_with_more_behind_the_addresses(void **state)
{
    char header[16 + 12 + 2000];
    (void)state;
    assert_read(SLICE(SIGNATURE "\x21\x11\x00\x16" V4_FROM V4_TO PORTS TLVS), "192.0.2.1");
    assert_read(SLICE(SIGNATURE "\x21\x21\x00\x2e" V6_FROM V6_FROM PORTS TLVS), "2001:db8::1");
    memset(header, 'x', sizeof(header)); /* more than the reader has room for */
    memcpy(header, SIGNATURE "\x21\x11\x07\xdc" V4_FROM V4_TO PORTS, 28);
    assert_read((struct slice){header, sizeof(header)}, "192.0.2.1");
}

static void version_2_may_know_nobody(void **state)
{
    char unix_path[16 + 216] = SIGNATURE "\x21\x31\x00\xd8/run/x";
    (void)state;
    assert_read(SLICE(SIGNATURE "\x20\x00\x00\x00"), NULL);
    assert_read(SLICE(SIGNATURE "\x20\x11\x00\x0c" V4_FROM V4_TO PORTS), NULL);
    assert_read(SLICE(SIGNATURE "\x20\xff\x00\x03xyz"), NULL);
    assert_read(SLICE(SIGNATURE "\x21\x00\x00\x0a" TLVS), NULL);
    assert_read((struct slice){unix_path, sizeof(unix_path)}, NULL);
}

static void version_2_otherwise_is_refused(void **state)
{
    (void)state;
    assert_bad(SLICE(SIGNATURE "\x11\x11\x00\x0c"));               /* version 1 */
    assert_bad(SLICE(SIGNATURE "\x22\x11\x00\x0c"));               /* no such command */
    assert_bad(SLICE(SIGNATURE "\x21\x12\x00\x0c"));               /* datagrams */
    assert_bad(SLICE(SIGNATURE "\x21\x22\x00\x24"));               /* the same over IPv6 */
    assert_bad(SLICE(SIGNATURE "\x21\x41\x00\x0c"));               /* no such family */
    assert_bad(SLICE(SIGNATURE "\x21\x11\x00\x0b" V4_FROM V4_TO)); /* too short for it */
    assert_bad(SLICE(SIGNATURE "\x21\x21\x00\x23" V6_FROM));
    assert_bad(SLICE("\r\n\r\n\0\r\nQUIX"));
}

/* --- X-Forwarded-For --- */

static struct ip_network networks[2];
static struct proxy_rules rules = {PROXY_FORWARDED_FOR, 2, networks};

static int name_networks(void **state)
{
    (void)state;
    return ip_network_parse(SLICE("10.0.0.0/8"), &networks[0]) &&
                   ip_network_parse(SLICE("2001:db8:1::/48"), &networks[1])
               ? 0
               : -1;
}

static const char *forwarded(const char *first, const char *second)
{
    static char text[IP_TEXT_SIZE];
    struct http_header headers[] = {
        {SLICE("Host"), SLICE("h")},
        {SLICE("X-Forwarded-For"), slice_of(first)},
        {SLICE("Accept"), SLICE("*")},
        {SLICE("x-forwarded-for"), second == NULL ? SLICE_NONE : slice_of(second)},
    };
    struct http_request request = {.headers = headers, .header_count = second == NULL ? 3 : 4};
    struct ip ip;
    return proxy_forwarded_for(&rules, &request, &ip) ? ip_text(&ip, text).ptr : "nobody";
}

static void the_right_most_stranger_is_the_client(void **state)
{
    (void)state;
    assert_string_equal(forwarded("192.0.2.1", NULL), "192.0.2.1");
    assert_string_equal(forwarded("1.1.1.1, 192.0.2.1", NULL), "192.0.2.1");
    assert_string_equal(forwarded("1.1.1.1,192.0.2.1 ,\t10.0.0.7", NULL), "192.0.2.1");
    assert_string_equal(forwarded("1.1.1.1,192.0.2.1", "2001:db8:1::7, 10.0.0.7"), "192.0.2.1");
    assert_string_equal(forwarded("192.0.2.1", "192.0.2.2"), "192.0.2.2");
}

static void where_all_are_proxies_the_first_is_the_client(void **state)
{
    (void)state;
    assert_string_equal(forwarded("10.0.0.9", NULL), "10.0.0.9");
    assert_string_equal(forwarded("10.0.0.9, 10.0.0.8", "10.0.0.7"), "10.0.0.9");
}

static void an_address_is_brought_to_its_one_form(void **state)
{
    (void)state;
    assert_string_equal(forwarded("192.0.2.1, ::ffff:10.0.0.7", NULL), "192.0.2.1");
    assert_string_equal(forwarded("::ffff:192.0.2.1", NULL), "192.0.2.1");
    assert_string_equal(forwarded("192.0.2.1:4711", NULL), "192.0.2.1");
    assert_string_equal(forwarded("[2001:DB8::1]", NULL), "2001:db8::1");
    assert_string_equal(forwarded("[2001:db8::1]:4711", NULL), "2001:db8::1");
    assert_string_equal(forwarded("2001:db8::1", NULL), "2001:db8::1");
}

static void what_cannot_be_read_ends_the_search(void **state)
{
    static const char *const broken[] = {
        "",     "unknown", "_hidden",     "\"192.0.2.1\"",   "192.0.2.1:",    "192.0.2.1:x", "[::1",
        "::1]", "[::1]80", "[192.0.2.1]", "192.0.2.1:99999", "for=192.0.2.1", "192.0.2.1;"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        char list[100];
        assert_string_equal(forwarded(broken[i], NULL), "nobody");
        strcat(strcpy(list, broken[i]), ", 10.0.0.7");
        assert_string_equal(forwarded(list, NULL), "10.0.0.7");
        assert_string_equal(forwarded("192.0.2.1", list), "10.0.0.7");
    }
}

static void tls_is_what_the_nearest_proxy_says(void **state)
{
    static const struct {
        const char *value;
        bool secure;
    } cases[] = {{"https", true},        {"HTTPS", true}, {"http", false},  {"http, https", true},
                 {"https, http", false}, {"", false},     {"httpsx", false}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_header header = {SLICE("X-Forwarded-Proto"), slice_of(cases[i].value)};
        struct http_request request = {.headers = &header, .header_count = 1};
        assert_int_equal(proxy_forwarded_secure(&request), cases[i].secure);
    }
    assert_false(proxy_forwarded_secure(&(struct http_request){.header_count = 0}));
}

static void trust_is_for_the_networks_and_a_mode(void **state)
{
    struct ip inside, outside;
    struct proxy_rules none = rules;
    (void)state;
    none.mode = PROXY_NONE;
    assert_true(ip_parse(SLICE("10.1.1.1"), &inside) && ip_parse(SLICE("11.1.1.1"), &outside));
    assert_true(proxy_is_trusted(&rules, &inside));
    assert_false(proxy_is_trusted(&rules, &outside));
    assert_false(proxy_is_trusted(&none, &inside));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_names_the_client),
        cmocka_unit_test(version_1_may_know_nobody),
        cmocka_unit_test(version_1_as_long_as_it_may_be),
        cmocka_unit_test(version_1_otherwise_is_refused),
        cmocka_unit_test(what_begins_otherwise_is_refused_at_once),
        cmocka_unit_test(version_2_names_the_client),
        cmocka_unit_test(version_2_with_more_behind_the_addresses),
        cmocka_unit_test(version_2_may_know_nobody),
        cmocka_unit_test(version_2_otherwise_is_refused),
        cmocka_unit_test(the_right_most_stranger_is_the_client),
        cmocka_unit_test(where_all_are_proxies_the_first_is_the_client),
        cmocka_unit_test(an_address_is_brought_to_its_one_form),
        cmocka_unit_test(what_cannot_be_read_ends_the_search),
        cmocka_unit_test(tls_is_what_the_nearest_proxy_says),
        cmocka_unit_test(trust_is_for_the_networks_and_a_mode),
    };
    return cmocka_run_group_tests(tests, name_networks, NULL);
}
