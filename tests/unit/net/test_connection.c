/* A connection's life over plain TCP: one situation per test. */
#include "net/fixture.h"

#include <string.h>

static void a_request_is_answered(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, false);
    struct client *client = client_connect(fixture);
    struct buf body;
    buf_init(&body, 100);
    client_send_text(client, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(client_response(client, NULL, &body), 200);
    assert_true(slice_is(buf_slice(&body), "hello"));
    buf_done(&body);
    client_close(client);
    fixture_stop(fixture);
}

static void a_message_is_echoed(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, false);
    struct client *client = client_websocket(fixture);
    client_say(client, "hello");
    client_expect_text(client, "hello");
    client_close(client);
    fixture_stop(fixture);
}

static void a_message_is_echoed_over_tls(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    struct client *client = client_websocket(fixture);
    client_say(client, "hello");
    client_expect_text(client, "hello");
    client_close(client);
    fixture_stop(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered),
        cmocka_unit_test(a_message_is_echoed),
        cmocka_unit_test(a_message_is_echoed_over_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
