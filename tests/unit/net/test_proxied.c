/* Connections that come by way of a load balancer. */
#include "net/fixture.h"

#include <stdlib.h>
#include <string.h>

#define LINE "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"
#define HELLO "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
#define UPGRADE                                                                                    \
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define FORWARDED(address) "X-Forwarded-For: " address "\r\n"

static struct ip_network loopback, elsewhere;

static int name_networks(void **state)
{
    (void)state;
    return ip_network_parse(SLICE("127.0.0.0/8"), &loopback) &&
                   ip_network_parse(SLICE("10.0.0.0/8"), &elsewhere)
               ? 0
               : -1;
}

static struct fixture *start(enum proxy_mode mode, const struct ip_network *network, bool secure)
{
    struct server_options options = fixture_options();
    options.proxy = (struct proxy_rules){mode, 1, network};
    return fixture_start(&options, secure);
}

static void expect_hello(struct client *client)
{
    assert_int_equal(client_response(client, NULL, NULL), 200);
    buf_clear(&client->in);
}

static void end(struct fixture *fixture, struct client *client)
{
    client_close(client);
    fixture_stop(fixture);
}

static void the_header_names_the_client(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_PROTOCOL, &loopback, false);
    struct client *client = client_connect(fixture);
    char text[IP_TEXT_SIZE];
    client_send_text(client, LINE UPGRADE "\r\n");
    assert_int_equal(client_response(client, NULL, NULL), 101);
    assert_string_equal(fixture->last_address, "192.0.2.1");
    assert_true(slice_is(connection_address(fixture->sessions[0].connection, text), "192.0.2.1"));
    end(fixture, client);
}

static void the_header_may_come_a_byte_at_a_time(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_PROTOCOL, &loopback, false);
    struct client *client = client_connect(fixture);
    for (const char *at = LINE HELLO; *at != '\0'; at++) {
        client_send(client, at, 1);
        fixture_turn(fixture);
    }
    expect_hello(client);
    assert_string_equal(fixture->last_address, "192.0.2.1");
    end(fixture, client);
}

static void tls_begins_behind_the_header(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_PROTOCOL, &loopback, true);
    struct client *client = client_connect_raw(fixture);
    client_send_text(client, LINE);
    client_shake_hands(client);
    client_send_text(client, HELLO);
    expect_hello(client);
    assert_string_equal(fixture->last_address, "192.0.2.1");
    end(fixture, client);
}

static void nobody_is_counted_before_the_header_is_there(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_PROTOCOL, &loopback, false);
    struct client *client = client_connect(fixture);
    client_send_text(client, "PROXY TCP4");
    for (int i = 0; i < 10; i++)
        fixture_turn(fixture);
    assert_int_equal(fixture->admitted, 0);
    client_send_text(client, LINE + strlen("PROXY TCP4"));
    AWAIT(fixture, fixture->admitted == 1);
    end(fixture, client);
}

static void who_is_not_let_in_is_told_so(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_PROTOCOL, &loopback, false);
    fixture->admit = 0;
    struct client *client = client_connect(fixture);
    client_send_text(client, LINE);
    assert_int_equal(client_response(client, NULL, NULL), 503);
    client_await_end(client);
    end(fixture, client);
}

static void a_proxy_that_speaks_for_itself_has_its_own_address(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_PROTOCOL, &loopback, false);
    struct client *client = client_connect(fixture);
    client_send_text(client, "PROXY UNKNOWN\r\n" HELLO);
    expect_hello(client);
    assert_string_equal(fixture->last_address, "127.0.0.1");
    end(fixture, client);
}

static void without_the_header_the_connection_ends(void **state)
{
    (void)state;
    for (int secure = 0; secure < 2; secure++) {
        struct fixture *fixture = start(PROXY_PROTOCOL, &loopback, secure == 1);
        struct client *client = client_connect_raw(fixture);
        client_send_text(client, HELLO);
        client_await_end(client);
        assert_int_equal(client->in.len, 0);
        assert_int_equal(fixture->requests, 0);
        end(fixture, client);
    }
}

static void a_header_that_does_not_come_is_not_waited_for_long(void **state)
{
    (void)state;
    for (int secure = 0; secure < 2; secure++) {
        struct server_options options = fixture_options();
        options.proxy = (struct proxy_rules){PROXY_PROTOCOL, 1, &loopback};
        *(secure ? &options.tls_handshake_timeout : &options.headers_timeout) = 100;
        struct fixture *fixture = fixture_start(&options, secure == 1);
        struct client *client = client_connect_raw(fixture);
        client_send_text(client, "PROXY TCP");
        client_await_end(client);
        assert_int_equal(client->in.len, 0);
        end(fixture, client);
    }
}

static void a_client_that_goes_before_the_header_is_whole_leaves_nothing(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_PROTOCOL, &loopback, false);
    struct client *client = client_connect(fixture);
    client_send_text(client, "PROXY");
    fixture_turn(fixture);
    client_close(client);
    AWAIT(fixture, server_count(fixture->server).connections == 0);
    fixture_stop(fixture);
}

static void a_header_from_elsewhere_is_no_request(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_PROTOCOL, &elsewhere, false);
    struct client *client = client_connect(fixture);
    client_send_text(client, LINE HELLO);
    assert_int_equal(client_response(client, NULL, NULL), 501); /* PROXY would be a method */
    client_await_end(client);
    assert_int_equal(fixture->requests, 0);
    assert_string_equal(fixture->last_address, "127.0.0.1");
    end(fixture, client);
}

static void a_header_from_elsewhere_is_no_tls(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_PROTOCOL, &elsewhere, true);
    struct client *client = client_connect_raw(fixture);
    client_send_text(client, LINE);
    client_await_end(client);
    end(fixture, client);
}

static void an_upgrade_is_for_whom_the_request_names(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_FORWARDED_FOR, &loopback, false);
    struct client *client = client_connect(fixture);
    char text[IP_TEXT_SIZE];
    client_send_text(client, HELLO);
    expect_hello(client);
    assert_int_equal(fixture->unnamed, 1);
    assert_string_equal(fixture->last_address, "");
    client_send_text(client, UPGRADE FORWARDED("9.9.9.9, 192.0.2.1, 127.0.0.7") "\r\n");
    assert_int_equal(client_response(client, NULL, NULL), 101);
    assert_string_equal(fixture->last_address, "192.0.2.1");
    assert_int_equal(fixture->admitted, 1);
    assert_true(slice_is(connection_address(fixture->sessions[0].connection, text), "192.0.2.1"));
    end(fixture, client);
}

static void an_upgrade_that_is_one_too_many_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_FORWARDED_FOR, &loopback, false);
    struct client *client = client_connect(fixture);
    char *head;
    AWAIT(fixture, fixture->admitted == 1);
    fixture->admit = 0;
    client_send_text(client, UPGRADE FORWARDED("192.0.2.1") "\r\n");
    assert_int_equal(client_response(client, &head, NULL), 503);
    assert_non_null(strstr(head, "Retry-After: "));
    free(head);
    client_await_end(client);
    assert_int_equal(fixture->admitted, 0);
    assert_int_equal(fixture->session_count, 0);
    end(fixture, client);
}

static void a_connection_that_was_one_client_s_is_not_shared_again(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_FORWARDED_FOR, &loopback, false);
    struct client *client = client_connect(fixture);
    client_send_text(client,
                     "GET /no HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\n" FORWARDED("192.0.2.1") "\r\n");
    assert_int_equal(client_response(client, NULL, NULL), 404);
    client_await_end(client);
    end(fixture, client);
}

static void what_others_say_they_forward_is_not_believed(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_FORWARDED_FOR, &elsewhere, false);
    struct client *client = client_connect(fixture);
    client_send_text(client, UPGRADE FORWARDED("192.0.2.1") "\r\n");
    assert_int_equal(client_response(client, NULL, NULL), 101);
    assert_string_equal(fixture->last_address, "127.0.0.1");
    assert_int_equal(fixture->unnamed, 0);
    end(fixture, client);
}

static void only_one_of_the_two_is_read(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_PROTOCOL, &loopback, false);
    struct client *client = client_connect(fixture);
    client_send_text(client, LINE UPGRADE FORWARDED("192.0.2.99") "\r\n");
    assert_int_equal(client_response(client, NULL, NULL), 101);
    assert_string_equal(fixture->last_address, "192.0.2.1");
    end(fixture, client);

    fixture = start(PROXY_FORWARDED_FOR, &loopback, false);
    client = client_connect(fixture);
    client_send_text(client, LINE HELLO);
    assert_int_equal(client_response(client, NULL, NULL), 501); /* PROXY would be a method */
    end(fixture, client);
}

static void tls_at_the_proxy_is_tls(void **state)
{
    (void)state;
    struct fixture *fixture = start(PROXY_FORWARDED_FOR, &loopback, false);
    struct client *client = client_connect(fixture);
    client_send_text(client, "GET /hello HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https\r\n\r\n");
    expect_hello(client);
    assert_true(fixture->last_secure);
    client_send_text(client, HELLO);
    expect_hello(client);
    assert_false(fixture->last_secure);
    end(fixture, client);

    fixture = start(PROXY_FORWARDED_FOR, &elsewhere, false);
    client = client_connect(fixture);
    client_send_text(client, "GET /hello HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https\r\n\r\n");
    expect_hello(client);
    assert_false(fixture->last_secure);
    end(fixture, client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_names_the_client),
        cmocka_unit_test(the_header_may_come_a_byte_at_a_time),
        cmocka_unit_test(tls_begins_behind_the_header),
        cmocka_unit_test(nobody_is_counted_before_the_header_is_there),
        cmocka_unit_test(who_is_not_let_in_is_told_so),
        cmocka_unit_test(a_proxy_that_speaks_for_itself_has_its_own_address),
        cmocka_unit_test(without_the_header_the_connection_ends),
        cmocka_unit_test(a_header_that_does_not_come_is_not_waited_for_long),
        cmocka_unit_test(a_client_that_goes_before_the_header_is_whole_leaves_nothing),
        cmocka_unit_test(a_header_from_elsewhere_is_no_request),
        cmocka_unit_test(a_header_from_elsewhere_is_no_tls),
        cmocka_unit_test(an_upgrade_is_for_whom_the_request_names),
        cmocka_unit_test(an_upgrade_that_is_one_too_many_is_refused),
        cmocka_unit_test(a_connection_that_was_one_client_s_is_not_shared_again),
        cmocka_unit_test(what_others_say_they_forward_is_not_believed),
        cmocka_unit_test(only_one_of_the_two_is_read),
        cmocka_unit_test(tls_at_the_proxy_is_tls),
    };
    return cmocka_run_group_tests(tests, name_networks, NULL);
}
