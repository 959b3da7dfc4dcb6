/* Headers of requests, heads of responses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "net/http.h"

static const struct http_header lines[] = {
    {{"Connection", 10}, {"keep-alive , Upgrade", 20}},
    {{"X-One", 5}, {"first", 5}},
    {{"connection", 10}, {",, close,", 9}},
    {{"x-one", 5}, {"second", 6}},
    {{"X-Empty", 7}, {"", 0}},
};

static const struct http_request request = {.headers = lines, .header_count = 5};

static void a_header_is_found_in_any_case(void **state)
{
    (void)state;
    assert_true(slice_is(http_header(&request, "x-ONE"), "first"));
    assert_null(http_header(&request, "X-On").ptr);
    assert_null(http_header(&request, "X-One-More").ptr);
    assert_non_null(http_header(&request, "X-Empty").ptr);
}

static void a_list_goes_over_several_lines(void **state)
{
    (void)state;
    assert_true(http_list_has(&request, "Connection", "upgrade"));
    assert_true(http_list_has(&request, "Connection", "Close"));
    assert_false(http_list_has(&request, "Connection", "keep"));
    assert_false(http_list_has(&request, "Connection", ""));
    assert_int_equal(http_list_count(&request, "Connection"), 3);
    assert_int_equal(http_list_count(&request, "X-Empty"), 0);
}

static void expect_head(const struct http_response *response, int version, bool keep_alive,
                        const char *text)
{
    struct buf head = http_response_head(response, version, keep_alive, "today");
    assert_false(buf_failed(&head));
    assert_int_equal(head.len, strlen(text));
    assert_memory_equal(head.data, text, head.len);
    buf_done(&head);
}

static void heads_follow_status_and_version(void **state)
{
    (void)state;
    struct http_response response = {.status = 200, .body = SLICE("hello")};
    buf_init(&response.headers, 1000);
    http_response_add(&response, "X", SLICE("y"));
    expect_head(&response, 11, true,
                "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 5\r\nX: y\r\n\r\n");
    expect_head(&response, 11, false,
                "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 5\r\nConnection: close\r\n"
                "X: y\r\n\r\n");
    expect_head(&response, 10, true,
                "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 5\r\n"
                "Connection: keep-alive\r\nX: y\r\n\r\n");
    buf_clear(&response.headers);
    response.status = 304;
    expect_head(&response, 11, true, "HTTP/1.1 304 Not Modified\r\nDate: today\r\n\r\n");
    buf_done(&response.headers);
}

static void a_head_that_lost_a_header_has_failed(void **state)
{
    (void)state;
    struct http_response response = {.status = 200};
    buf_init(&response.headers, 4);
    http_response_add(&response, "X-Long", SLICE("value"));
    struct buf head = http_response_head(&response, 11, true, "today");
    assert_true(buf_failed(&head));
    buf_done(&head);
    buf_done(&response.headers);
}

static void a_copied_body_is_given_back(void **state)
{
    (void)state;
    char text[] = "text";
    struct http_response response = {0};
    assert_int_equal(http_response_copy(&response, slice_of(text)), 0);
    text[0] = 'n';
    assert_true(slice_is(response.body, "text"));
    response.release(response.owner);
    mem_fail_nth(1);
    assert_true(http_response_copy(&response, slice_of(text)) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_found_in_any_case),
        cmocka_unit_test(a_list_goes_over_several_lines),
        cmocka_unit_test(heads_follow_status_and_version),
        cmocka_unit_test(a_head_that_lost_a_header_has_failed),
        cmocka_unit_test(a_copied_body_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
