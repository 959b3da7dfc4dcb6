#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "base/crypto.h"

static struct routes routes;
static struct http_header headers[4];
static struct http_request request;
static struct http_response response;
static struct room_request asked;

static void reset(void)
{
    buf_done(&response.headers);
    if (response.release != NULL)
        response.release(response.owner);
    response = (struct http_response){.status = 0};
    buf_init(&response.headers, 16384);
}

static int start(void **state)
{
    struct static_options options = {.folder = NULL};
    char error[STATIC_ERROR_SIZE];
    (void)state;
    crypto_init();
    routes =
        (struct routes){.files = static_load(&options, NULL, error), .origins = {.self = true}};
    request = (struct http_request){.headers = headers, .host = SLICE("example.com")};
    memset(&response, 0, sizeof(response));
    reset();
    return routes.files == NULL;
}

static int stop(void **state)
{
    (void)state;
    reset();
    buf_done(&response.headers);
    static_unref(routes.files);
    return 0;
}

static int respond(enum http_method method, const char *path)
{
    reset();
    request.method = method;
    request.path = slice_of(path);
    routes_respond(&routes, &request, &response);
    return response.status;
}

static int upgrade(const char *path)
{
    reset();
    request.method = METHOD_GET;
    request.path = slice_of(path);
    return routes_upgrade(&routes, &request, &asked, &response);
}

static void give_header(const char *name, const char *value)
{
    headers[request.header_count++] = (struct http_header){slice_of(name), slice_of(value)};
}

static bool has_header(const char *line)
{
    return memmem(response.headers.data, response.headers.len, line, strlen(line)) != NULL;
}

static bool room_is(const char *name)
{
    return slice_is((struct slice){asked.room, asked.room_len}, name);
}

static void health_follows_draining(void **state)
{
    (void)state;
    assert_int_equal(respond(METHOD_GET, "/livez"), 200);
    assert_int_equal(respond(METHOD_GET, "/readyz"), 200);
    assert_true(slice_is(response.body, "ready\n"));
    routes.draining = true;
    assert_int_equal(respond(METHOD_GET, "/livez"), 200);
    assert_int_equal(respond(METHOD_HEAD, "/readyz"), 503);
    assert_true(slice_is(response.body, "draining\n"));
    assert_true(has_header("Cache-Control: no-store\r\n"));
}

static void other_methods_are_refused_with_those_allowed(void **state)
{
    static const enum http_method methods[] = {METHOD_POST,    METHOD_PUT,   METHOD_DELETE,
                                               METHOD_OPTIONS, METHOD_PATCH, METHOD_OTHER};
    static const char *const paths[] = {"/livez", "/readyz", "/v1/rooms/a/ws"};
    (void)state;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        for (size_t j = 0; j < sizeof(paths) / sizeof(paths[0]); j++) {
            assert_int_equal(respond(methods[i], paths[j]), 405);
            assert_true(has_header("Allow: GET, HEAD\r\n"));
        }
    }
}

static void a_room_without_an_upgrade_says_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(respond(METHOD_GET, "/v1/rooms/a/ws"), 426);
    assert_true(has_header("Upgrade: websocket\r\n"));
    assert_int_equal(respond(METHOD_GET, "/v1/rooms//ws"), 400);
}

static void what_only_looks_like_a_route_is_not_found(void **state)
{
    static const char *const paths[] = {
        "/",
        "/livez/",
        "/livezz",
        "/v1/rooms/a/ws/",
        "/v1/rooms/a",
        "/v1/rooms/",
        "/v1/rooms/a/wss",
        "/v1/rooms/a/b/ws",
        "/v1/rooms/ws",
        "/V1/rooms/a/ws",
        "*",
        "",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (respond(METHOD_GET, paths[i]) != 404)
            fail_msg("%s: %d", paths[i], response.status);
        if (upgrade(paths[i]) != 404)
            fail_msg("upgrade %s", paths[i]);
    }
    assert_int_equal(upgrade("/livez"), 404);
}

static void a_room_s_name_is_decoded(void **state)
{
    (void)state;
    assert_int_equal(upgrade("/v1/rooms/daily/ws"), 0);
    assert_true(room_is("daily"));
    assert_int_equal(upgrade("/v1/rooms/a%20b%3F%23%25/ws"), 0);
    assert_true(room_is("a b?#%"));
    assert_int_equal(upgrade("/v1/rooms/%EB%B0%A9/ws"), 0);
    assert_true(room_is("\xeb\xb0\xa9"));
    assert_int_equal(upgrade("/v1/rooms/../ws"), 0); /* a name like any other */
    assert_true(room_is(".."));
}

static void a_bad_room_name_is_refused(void **state)
{
    static const char *const paths[] = {
        "/v1/rooms//ws",      "/v1/rooms/%/ws",      "/v1/rooms/%4/ws",        "/v1/rooms/%zz/ws",
        "/v1/rooms/a%2Fb/ws", "/v1/rooms/%00/ws",    "/v1/rooms/a%0Ab/ws",     "/v1/rooms/%7f/ws",
        "/v1/rooms/%ff/ws",   "/v1/rooms/%c0%af/ws", "/v1/rooms/%ed%a0%80/ws",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (upgrade(paths[i]) != 400 || response.status != 400)
            fail_msg("%s", paths[i]);
}

static void a_room_s_name_has_at_most_128_bytes(void **state)
{
    char path[600];
    char name[ROOM_NAME_MAX * 3 + 4] = "";
    (void)state;
    for (int i = 0; i < ROOM_NAME_MAX; i++)
        strcat(name, "%61");
    snprintf(path, sizeof(path), "/v1/rooms/%s/ws", name);
    assert_int_equal(upgrade(path), 0);
    assert_int_equal(asked.room_len, ROOM_NAME_MAX);
    snprintf(path, sizeof(path), "/v1/rooms/%sx/ws", name);
    assert_int_equal(upgrade(path), 400);
}

static void a_foreign_page_is_refused(void **state)
{
    (void)state;
    give_header("Origin", "https://evil.example");
    assert_int_equal(upgrade("/v1/rooms/a/ws"), 403);
    assert_int_equal(response.status, 403);
}

static void the_subprotocol_is_echoed_where_it_is_offered(void **state)
{
    static const struct {
        const char *offer;
        int status;
    } cases[] = {
        {"roomline.v1", 0},
        {"x, roomline.v1", 0},
        {"x,\troomline.v1 ,y", 0},
        {",,roomline.v1", 0},
        {"x", 400},
        {"roomline.v2", 400},
        {"ROOMLINE.V1", 400},
        {"roomline.v1x", 400},
        {"roomline.v1 x", 400},
        {"xroomline.v1, y", 400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        request.header_count = 0;
        give_header("sec-websocket-protocol", cases[i].offer);
        if (upgrade("/v1/rooms/a/ws") != cases[i].status)
            fail_msg("%s", cases[i].offer);
        assert_int_equal(asked.subprotocol.len > 0, cases[i].status == 0);
    }
}

static void offers_may_come_on_several_lines(void **state)
{
    (void)state;
    give_header("Sec-WebSocket-Protocol", "x");
    give_header("Sec-WebSocket-Protocol", "roomline.v1");
    assert_int_equal(upgrade("/v1/rooms/a/ws"), 0);
    assert_true(slice_is(asked.subprotocol, "roomline.v1"));
}

static void no_offer_is_no_echo(void **state)
{
    (void)state;
    assert_int_equal(upgrade("/v1/rooms/a/ws"), 0);
    assert_int_equal(asked.subprotocol.len, 0);
}

#define ROUTE_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROUTE_TEST(health_follows_draining),
        ROUTE_TEST(other_methods_are_refused_with_those_allowed),
        ROUTE_TEST(a_room_without_an_upgrade_says_what_it_is),
        ROUTE_TEST(what_only_looks_like_a_route_is_not_found),
        ROUTE_TEST(a_room_s_name_is_decoded),
        ROUTE_TEST(a_bad_room_name_is_refused),
        ROUTE_TEST(a_room_s_name_has_at_most_128_bytes),
        ROUTE_TEST(a_foreign_page_is_refused),
        ROUTE_TEST(the_subprotocol_is_echoed_where_it_is_offered),
        ROUTE_TEST(offers_may_come_on_several_lines),
        ROUTE_TEST(no_offer_is_no_echo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
