#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/origin.h"

static bool allowed(const struct origin_rules *rules, const char *origin, const char *host,
                    bool secure)
{
    struct http_header header = {SLICE("origin"), slice_of(origin)};
    struct http_request request = {
        .host = slice_of(host), .secure = secure, .header_count = 1, .headers = &header};
    return origin_is_allowed(rules, &request);
}

static const struct origin_rules self_only = {.self = true};

static bool self_allows(const char *origin, const char *host, bool secure)
{
    return allowed(&self_only, origin, host, secure);
}

static void no_origin_is_no_browser(void **state)
{
    const struct origin_rules none = {.any = false};
    struct http_request request = {.host = SLICE("example.com")};
    (void)state;
    assert_true(origin_is_allowed(&none, &request));
}

static void without_rules_no_page_is_allowed(void **state)
{
    const struct origin_rules none = {.any = false};
    (void)state;
    assert_false(allowed(&none, "http://example.com", "example.com", false));
}

static void any_allows_every_page(void **state)
{
    const struct origin_rules any = {.any = true};
    (void)state;
    assert_true(allowed(&any, "https://evil.example", "example.com", true));
    assert_true(allowed(&any, "null", "example.com", true));
}

static void self_allows_the_page_s_own_host(void **state)
{
    (void)state;
    assert_true(self_allows("http://localhost:8080", "localhost:8080", false));
    assert_true(self_allows("https://192.168.1.5:8443", "192.168.1.5:8443", true));
    assert_true(self_allows("http://[::1]:8080", "[::1]:8080", false));
    assert_true(self_allows("https://example.com", "Example.COM", true));
}

static void self_refuses_other_hosts(void **state)
{
    static const char *const others[] = {
        "https://evil.example",
        "https://example.com.evil.example",
        "https://xexample.com",
        "https://example.co",
        "https://example.com:444",
        "https://example.com/",
        "https://user@example.com",
        "https://",
        "https:",
        "example.com",
        "null",
        "",
        "ftp://example.com",
        "HTTPS://example.com",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (self_allows(others[i], "example.com", true))
            fail_msg("%s", others[i]);
}

static void over_tls_a_plain_page_is_another_origin(void **state)
{
    (void)state;
    assert_false(self_allows("http://example.com", "example.com", true));
    assert_false(self_allows("http://example.com:8443", "example.com:8443", true));
}

static void behind_a_proxy_that_ends_tls_a_secure_page_is_self(void **state)
{
    (void)state;
    assert_true(self_allows("https://example.com", "example.com", false));
    assert_true(self_allows("https://[2001:db8::1]", "[2001:db8::1]", false));
    assert_false(self_allows("https://example.com:8080", "example.com:8080", false));
    assert_false(self_allows("https://[::1]:8080", "[::1]:8080", false));
}

static void no_host_is_nobody_s_own(void **state)
{
    (void)state;
    assert_false(self_allows("http://", "", false));
    assert_false(self_allows("https://", "", true));
}

static void listed_origins_are_compared_byte_for_byte(void **state)
{
    char one[] = "https://calls.example", two[] = "http://localhost:3000";
    char *list[] = {one, two};
    const struct origin_rules rules = {.count = 2, .exact = list};
    (void)state;
    assert_true(allowed(&rules, "https://calls.example", "api.example", true));
    assert_true(allowed(&rules, "http://localhost:3000", "api.example", true));
    assert_false(allowed(&rules, "http://calls.example", "api.example", true));
    assert_false(allowed(&rules, "https://calls.example:443", "api.example", true));
    assert_false(allowed(&rules, "https://calls.example.evil", "api.example", true));
    assert_false(allowed(&rules, "https://calls.exampl", "api.example", true));
    assert_false(allowed(&rules, "https://api.example", "api.example", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_origin_is_no_browser),
        cmocka_unit_test(without_rules_no_page_is_allowed),
        cmocka_unit_test(any_allows_every_page),
        cmocka_unit_test(self_allows_the_page_s_own_host),
        cmocka_unit_test(self_refuses_other_hosts),
        cmocka_unit_test(over_tls_a_plain_page_is_another_origin),
        cmocka_unit_test(behind_a_proxy_that_ends_tls_a_secure_page_is_self),
        cmocka_unit_test(no_host_is_nobody_s_own),
        cmocka_unit_test(listed_origins_are_compared_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
