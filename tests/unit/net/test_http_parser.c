/* Requests out of bytes: what is read, and what is refused with which status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/http_parser.h"

static const struct http_limits limits = {.header_size = 1024, .body_size = 64};

static enum parsed feed(struct http_parser *parser, struct slice bytes, struct http_result *result)
{
    http_parser_feed(parser, &bytes, result);
    return result->event;
}

/* The status a request is refused with, 0 where it is accepted, -1 where more is awaited. */
static int refusal(const char *bytes, size_t len)
{
    struct http_parser *parser = http_parser_new(&limits);
    struct http_result result;
    struct slice rest = {bytes, len};
    do {
        http_parser_feed(parser, &rest, &result);
    } while (result.event == PARSED_CONTINUE || (result.event == PARSED_MORE && rest.len > 0));
    int status = result.event == PARSED_REFUSED   ? result.status
                 : result.event == PARSED_REQUEST ? 0
                                                  : -1;
    http_parser_free(parser);
    return status;
}

#define REFUSAL(text) refusal(text, sizeof(text) - 1)

static void a_request_is_taken_apart(void **state)
{
    (void)state;
    struct http_parser *parser = http_parser_new(&limits);
    struct http_result result;
    assert_int_equal(feed(parser,
                          SLICE("GET /a%20b?c=d HTTP/1.1\r\nHost: example.org:80\r\n"
                                "X-Test:  spaced out \t\r\nX-Empty:\r\n\r\n"),
                          &result),
                     PARSED_REQUEST);
    assert_int_equal(result.request.method, METHOD_GET);
    assert_int_equal(result.request.version, 11);
    assert_true(slice_is(result.request.path, "/a%20b"));
    assert_true(slice_is(result.request.query, "c=d"));
    assert_true(slice_is(result.request.host, "example.org:80"));
    assert_int_equal(result.request.header_count, 3);
    assert_true(slice_is(http_header(&result.request, "x-TEST"), "spaced out"));
    assert_int_equal(http_header(&result.request, "X-Empty").len, 0);
    assert_true(result.keep_alive);
    http_parser_free(parser);
}

static void a_request_in_single_bytes(void **state)
{
    (void)state;
    const char text[] = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    struct http_parser *parser = http_parser_new(&limits);
    struct http_result result;
    for (size_t i = 0; i + 1 < sizeof(text) - 1; i++) {
        enum parsed event = feed(parser, (struct slice){text + i, 1}, &result);
        assert_int_equal(event, PARSED_MORE);
        assert_true(http_parser_busy(parser));
    }
    assert_int_equal(feed(parser, (struct slice){text + sizeof(text) - 2, 1}, &result),
                     PARSED_REQUEST);
    assert_true(slice_is(result.request.body, "hello"));
    assert_true(slice_is(result.request.path, "/p"));
    assert_false(http_parser_busy(parser));
    http_parser_free(parser);
}

static void requests_follow_each_other(void **state)
{
    (void)state;
    struct http_parser *parser = http_parser_new(&limits);
    struct http_result result;
    struct slice bytes = SLICE("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"
                               "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"
                               "GET /3 HTTP/1.1\r\nHost: h\r\n\r\nGET");
    const char *const paths[] = {"/1", "/2", "/3"};
    for (size_t i = 0; i < 3; i++) {
        http_parser_feed(parser, &bytes, &result);
        assert_int_equal(result.event, PARSED_REQUEST);
        assert_true(slice_is(result.request.path, paths[i]));
    }
    http_parser_feed(parser, &bytes, &result);
    assert_int_equal(result.event, PARSED_MORE);
    assert_int_equal(bytes.len, 0);
    http_parser_free(parser);
}

static void bytes_behind_an_upgrade_are_left(void **state)
{
    (void)state;
    struct http_parser *parser = http_parser_new(&limits);
    struct http_result result;
    struct slice bytes = SLICE("GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\n\r\n\x81\x80....");
    http_parser_feed(parser, &bytes, &result);
    assert_int_equal(result.event, PARSED_REQUEST);
    assert_true(slice_is(bytes, "\x81\x80...."));
    http_parser_free(parser);
}

static void a_chunked_body(void **state)
{
    (void)state;
    struct http_parser *parser = http_parser_new(&limits);
    struct http_result result;
    assert_int_equal(feed(parser,
                          SLICE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nTrailer: t\r\n\r\n"),
                          &result),
                     PARSED_REQUEST);
    assert_true(slice_is(result.request.body, "hello!"));
    assert_int_equal(result.request.header_count, 2);
    http_parser_free(parser);
}

static void the_client_is_told_to_go_on(void **state)
{
    (void)state;
    struct http_parser *parser = http_parser_new(&limits);
    struct http_result result;
    assert_int_equal(feed(parser,
                          SLICE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                                "Expect: 100-continue\r\n\r\n"),
                          &result),
                     PARSED_CONTINUE);
    assert_int_equal(feed(parser, SLICE("o"), &result), PARSED_MORE);
    assert_int_equal(feed(parser, SLICE("k"), &result), PARSED_REQUEST);
    http_parser_free(parser);
}

static void connections_are_kept_as_the_version_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool keep;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    };
    for (size_t i = 0; i < 4; i++) {
        struct http_parser *parser = http_parser_new(&limits);
        struct http_result result;
        assert_int_equal(feed(parser, slice_of(rows[i].text), &result), PARSED_REQUEST);
        assert_int_equal(result.keep_alive, rows[i].keep);
        http_parser_free(parser);
    }
}

static void an_absolute_target_names_the_host(void **state)
{
    (void)state;
    struct http_parser *parser = http_parser_new(&limits);
    struct http_result result;
    assert_int_equal(feed(parser,
                          SLICE("GET http://a.example/x?y HTTP/1.1\r\nHost: b.example\r\n\r\n"),
                          &result),
                     PARSED_REQUEST);
    assert_true(slice_is(result.request.host, "a.example"));
    assert_true(slice_is(result.request.path, "/x"));
    http_parser_free(parser);
    assert_int_equal(REFUSAL("GET http://a.example HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET ftp://a.example/ HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

static void one_empty_line_in_front_is_forgiven(void **state)
{
    (void)state;
    assert_int_equal(REFUSAL("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
    assert_int_equal(REFUSAL("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

/* RFC 9112 section 11.2, and what has been found in the wild. */
static void smuggling_shapes(void **state)
{
    (void)state;
#define POST "POST / HTTP/1.1\r\nHost: h\r\n"
    assert_int_equal(
        REFUSAL(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
    assert_int_equal(
        REFUSAL(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"), 400);
    assert_int_equal(REFUSAL(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"), 400);
    assert_int_equal(REFUSAL(POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), 400);
    assert_int_equal(REFUSAL(POST "Content-Length: 3, 3\r\n\r\nabc"), 400);
    assert_int_equal(REFUSAL(POST "Content-Length: +3\r\n\r\nabc"), 400);
    assert_int_equal(REFUSAL(POST "Content-Length: 0x3\r\n\r\nabc"), 400);
    assert_int_equal(REFUSAL(POST "Content-Length: -1\r\n\r\nabc"), 400);
    assert_int_equal(REFUSAL(POST "Content-Length: 99999999999999999999999\r\n\r\nabc"), 400);
    assert_int_equal(REFUSAL(POST "Content-Length : 3\r\n\r\nabc"), 400);
    assert_int_equal(REFUSAL(POST " Content-Length: 3\r\n\r\nabc"), 400);
    assert_int_equal(REFUSAL(POST "X: y\r\n\tContent-Length: 3\r\n\r\nabc"), 400);
    assert_int_equal(REFUSAL(POST "X: a\r\n folded\r\n\r\n"), 400);
    assert_int_equal(REFUSAL(POST "Content-Length: 3\n\r\n\r\nabc"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\nHost: h\n\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: h\r\n\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: h\r\nX\0: b\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: h\r\n: no name\r\n\r\n"), 400);
    assert_int_equal(REFUSAL(POST "Transfer-Encoding: gzip\r\n\r\n"), 400);
    assert_int_equal(REFUSAL(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501);
    assert_int_equal(REFUSAL(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), 400);
    assert_int_not_equal(REFUSAL(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 0);
    assert_int_not_equal(REFUSAL(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), 0);
    assert_int_not_equal(REFUSAL(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"
                                      "0\r\n\r\n"),
                         0);
    assert_int_equal(REFUSAL(POST "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"), 400);
    assert_int_equal(REFUSAL(POST "Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n"),
                     400);
    assert_int_equal(
        REFUSAL(POST "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n"),
        400);
    assert_int_equal(REFUSAL(POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n"),
                     400);
#undef POST
}

static void the_host_is_demanded_once_and_clean(void **state)
{
    (void)state;
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: a;script-src *\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), 0);
    assert_int_equal(REFUSAL("GET / HTTP/1.0\r\n\r\n"), 0);
}

static void methods_versions_and_targets(void **state)
{
    (void)state;
    assert_int_equal(REFUSAL("BREW / HTTP/1.1\r\nHost: h\r\n\r\n"), 501);
    assert_int_equal(REFUSAL("get / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"), 501);
    assert_int_equal(REFUSAL("\x16\x03\x01 hello\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
    assert_int_equal(REFUSAL("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), 505);
    assert_int_equal(REFUSAL("GET / HTTP/0.9\r\nHost: h\r\n\r\n"), 505);
    assert_int_equal(REFUSAL("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
    assert_int_equal(REFUSAL("GET /\r\n\r\n"), 505);
    assert_int_equal(REFUSAL("GET * HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
    assert_int_equal(REFUSAL("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    assert_int_equal(REFUSAL("GET / HTTP/1.1 \r\nHost: h\r\n\r\n"), 505);
    assert_int_equal(REFUSAL("GET / HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n"), 417);
}

static void sizes_have_limits(void **state)
{
    (void)state;
    char text[4096];
    snprintf(text, sizeof(text), "GET /%02000d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    assert_int_equal(refusal(text, strlen(text)), 414);
    snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: h\r\nX: %02000d\r\n\r\n", 0);
    assert_int_equal(refusal(text, strlen(text)), 431);
    strcpy(text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < HTTP_HEADERS_MAX; i++)
        strcat(text, "a:b\r\n");
    strcat(text, "\r\n");
    assert_int_equal(refusal(text, strlen(text)), 431);
    assert_int_equal(REFUSAL("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65\r\n\r\n"), 413);
    assert_int_equal(REFUSAL("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 64\r\n\r\n"), -1);
    snprintf(text, sizeof(text),
             "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n%065d\r\n", 0);
    assert_int_equal(refusal(text, strlen(text)), 413);
}

static void chunks_cannot_go_on_forever(void **state)
{
    (void)state;
    struct http_parser *parser = http_parser_new(&limits);
    struct http_result result;
    assert_int_equal(
        feed(parser, SLICE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;"),
             &result),
        PARSED_MORE);
    int fed = 0;
    while (feed(parser, SLICE("xxxxxxxxxxxxxxxx"), &result) == PARSED_MORE)
        assert_true(++fed < 1000);
    assert_int_equal(result.event, PARSED_REFUSED);
    assert_int_equal(result.status, 413);
    http_parser_free(parser);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool whole = false;
    for (unsigned nth = 1; !whole; nth++) {
        struct http_result result = {0};
        mem_fail_nth(nth);
        struct http_parser *parser = http_parser_new(&limits);
        if (parser != NULL) {
            feed(parser, SLICE("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"),
                 &result);
            whole = result.event == PARSED_REQUEST;
            assert_true(whole || result.event == PARSED_REFUSED);
        }
        mem_fail_nth(0);
        http_parser_free(parser);
        assert_true(nth < 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_taken_apart),
        cmocka_unit_test(a_request_in_single_bytes),
        cmocka_unit_test(requests_follow_each_other),
        cmocka_unit_test(bytes_behind_an_upgrade_are_left),
        cmocka_unit_test(a_chunked_body),
        cmocka_unit_test(the_client_is_told_to_go_on),
        cmocka_unit_test(connections_are_kept_as_the_version_says),
        cmocka_unit_test(an_absolute_target_names_the_host),
        cmocka_unit_test(one_empty_line_in_front_is_forgiven),
        cmocka_unit_test(smuggling_shapes),
        cmocka_unit_test(the_host_is_demanded_once_and_clean),
        cmocka_unit_test(methods_versions_and_targets),
        cmocka_unit_test(sizes_have_limits),
        cmocka_unit_test(chunks_cannot_go_on_forever),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
