/* Listening, accepting, counting, ending. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/fixture.h"
#include "net/stream.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void at_most_ten_are_accepted_in_a_pass(void **state)
{
    (void)state;
    struct client *clients[35];
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, false);
    for (int i = 0; i < 35; i++)
        clients[i] = client_connect_raw(fixture);
    uint64_t before = 0;
    int passes = 0;
    while (before < 35) {
        fixture_turn(fixture);
        uint64_t accepted = server_count(fixture->server).accepted;
        assert_true(accepted - before <= 11); /* the eleventh is the next pass's first */
        before = accepted;
        assert_true(++passes < 100);
    }
    assert_true(passes >= 4);
    for (int i = 0; i < 35; i++) {
        client_send_text(clients[i], "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_int_equal(client_response(clients[i], NULL, NULL), 200);
        client_close(clients[i]);
    }
    fixture_stop(fixture);
}

static void more_than_a_look_tells_of_are_read_in_a_pass(void **state)
{
    (void)state;
    struct client *clients[2 * STREAM_READY_MAX + 1];
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, false);
    for (size_t i = 0; i < COUNT(clients); i++)
        clients[i] = client_websocket(fixture);
    for (size_t i = 0; i < COUNT(clients); i++)
        client_say(clients[i], "hello");
    assert_int_equal(server_count(fixture->server).messages_in, 0);
    fixture_turn(fixture);
    assert_int_equal(server_count(fixture->server).messages_in, COUNT(clients));
    for (size_t i = 0; i < COUNT(clients); i++) {
        client_expect_text(clients[i], "hello");
        client_close(clients[i]);
    }
    fixture_stop(fixture);
}

static void who_is_too_many_is_told(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, false);
    fixture->admit = 1;
    struct client *first = client_websocket(fixture);
    struct client *second = client_connect_raw(fixture);
    assert_int_equal(client_response(second, NULL, NULL), 503);
    client_await_end(second);
    client_close(second);
    assert_int_equal(server_count(fixture->server).refused, 1);
    client_close(first);
    AWAIT(fixture, fixture->admitted == 0);
    first = client_websocket(fixture);
    client_close(first);
    fixture_stop(fixture);
}

static void who_is_too_many_over_tls_is_just_ended(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    fixture->admit = 0;
    struct client *client = client_connect_raw(fixture);
    client_await_end(client);
    assert_int_equal(client->in.len, 0);
    client_close(client);
    fixture_stop(fixture);
}

static void what_is_connected_stays_when_accepting_stops(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, false);
    struct client *client = client_websocket(fixture);
    server_stop_accepting(fixture->server);
    fixture_turn(fixture);
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    assert_int_equal(getpeername(client->fd, (struct sockaddr *)&address, &size), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, size), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    client_say(client, "still here");
    client_expect_text(client, "still here");
    client_close(client);
    fixture_stop(fixture);
}

static void bytes_and_messages_are_counted(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, false);
    struct client *client = client_websocket(fixture);
    struct server_counts before = server_count(fixture->server);
    client_say(client, "hello");
    client_expect_text(client, "hello");
    struct server_counts after = server_count(fixture->server);
    assert_int_equal(after.messages_in - before.messages_in, 1);
    assert_int_equal(after.messages_out - before.messages_out, 1);
    assert_int_equal(after.bytes_in - before.bytes_in, 11);
    assert_int_equal(after.bytes_out - before.bytes_out, 7);
    assert_int_equal(after.websockets, 1);
    client_close(client);
    fixture_stop(fixture);
}

static void every_client_has_a_number_and_an_address(void **state)
{
    (void)state;
    char text[46];
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, false);
    struct client *one = client_websocket(fixture);
    struct client *two = client_websocket(fixture);
    assert_true(slice_is(connection_address(fixture->sessions[0].connection, text), "127.0.0.1"));
    assert_true(connection_number(fixture->sessions[0].connection) <
                connection_number(fixture->sessions[1].connection));
    client_close(one);
    client_close(two);
    fixture_stop(fixture);
}

static void what_is_no_socket_is_refused(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, false);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(server_listen(fixture->server, fd, false) < 0);
    fixture_stop(fixture);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void without_clients_the_end_is_at_once(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, false);
    fixture_stop(fixture);
}

static void the_deadline_cuts_who_does_not_go(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    options.close_timeout = 0;
    struct fixture *fixture = fixture_start(&options, false);
    struct client *client = client_websocket(fixture);
    struct client *half = client_connect_raw(fixture);
    client_send_text(half, "GET /");
    for (int i = 0; i < 5; i++)
        fixture_turn(fixture);
    fixture_stop(fixture);
    client_poll(client);
    assert_true(client->eof);
    client_close(client);
    client_close(half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_most_ten_are_accepted_in_a_pass),
        cmocka_unit_test(more_than_a_look_tells_of_are_read_in_a_pass),
        cmocka_unit_test(who_is_too_many_is_told),
        cmocka_unit_test(who_is_too_many_over_tls_is_just_ended),
        cmocka_unit_test(what_is_connected_stays_when_accepting_stops),
        cmocka_unit_test(bytes_and_messages_are_counted),
        cmocka_unit_test(every_client_has_a_number_and_an_address),
        cmocka_unit_test(what_is_no_socket_is_refused),
        cmocka_unit_test(without_clients_the_end_is_at_once),
        cmocka_unit_test(the_deadline_cuts_who_does_not_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
