/* Requests whose handler answers in a later pass of the loop. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/fixture.h"

#define ASK(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

static struct fixture *start(void)
{
    struct server_options options = fixture_options();
    return fixture_start(&options, false);
}

static struct client *ask(struct fixture *fixture, const char *text)
{
    struct client *client = client_connect(fixture);
    unsigned before = fixture->asked;
    client_send_text(client, text);
    AWAIT(fixture, fixture->asked > before);
    return client;
}

static void expect(struct client *client, const char *text)
{
    struct buf body;
    buf_init(&body, 1024);
    assert_int_equal(client_response(client, NULL, &body), 200);
    assert_true(slice_is(buf_slice(&body), text));
    buf_done(&body);
}

static void an_answer_may_come_later(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    struct client *client = ask(fixture, ASK("/later"));
    assert_true(fixture_answer(fixture, "at last"));
    expect(client, "at last");
    client_send_text(client, ASK("/hello"));
    expect(client, "hello");
    assert_int_equal(fixture->released, 1);
    client_close(client);
    fixture_stop(fixture);
}

static void answers_stay_in_the_order_of_the_requests(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    struct client *client =
        ask(fixture, ASK("/later") ASK("/hello") ASK("/later") ASK("/hello") "GET /hel");
    client_send_text(client, "lo HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 5; i++)
        fixture_turn(fixture);
    assert_int_equal(fixture->requests, 1); /* nobody else's turn before it is answered */
    assert_true(fixture_answer(fixture, "one"));
    AWAIT(fixture, fixture->asked == 1);
    assert_true(fixture_answer(fixture, "two"));
    expect(client, "one");
    expect(client, "hello");
    expect(client, "two");
    expect(client, "hello");
    expect(client, "hello");
    client_close(client);
    fixture_stop(fixture);
}

static void who_sends_on_and_on_is_read_no_further(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    struct client *client = ask(fixture, ASK("/later"));
    struct buf many;
    buf_init(&many, (size_t)1 << 20);
    for (int i = 0; i < 1000; i++)
        buf_add_text(&many, ASK("/hello"));
    client_send(client, many.data, many.len);
    assert_int_equal(fixture->requests, 1);
    assert_true(fixture_answer(fixture, "one"));
    expect(client, "one");
    for (int i = 0; i < 1000; i++)
        expect(client, "hello");
    buf_done(&many);
    client_close(client);
    fixture_stop(fixture);
}

static void an_answer_for_who_is_gone_is_dropped(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    struct client *client = ask(fixture, ASK("/later"));
    struct linger reset = {1, 0};
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    client_close(client);
    AWAIT(fixture, server_count(fixture->server).connections == 0);
    assert_false(fixture_answer(fixture, "to nobody"));
    assert_int_equal(fixture->released, 1);
    fixture_stop(fixture);
}

static void who_closed_its_half_still_gets_the_answer(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    struct client *client = ask(fixture, ASK("/later"));
    shutdown(client->fd, SHUT_WR);
    for (int i = 0; i < 5; i++)
        fixture_turn(fixture);
    assert_true(fixture_answer(fixture, "bye"));
    expect(client, "bye");
    client_await_end(client);
    client_close(client);
    fixture_stop(fixture);
}

static void the_last_answer_ends_the_connection(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    struct client *client =
        ask(fixture, "GET /later HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_true(fixture_answer(fixture, "bye"));
    expect(client, "bye");
    client_await_end(client);
    client_close(client);
    fixture_stop(fixture);
}

static void a_head_gets_no_body_later_either(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    struct client *client = ask(fixture, "HEAD /later HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(fixture_answer(fixture, "nothing"));
    char *head;
    assert_int_equal(client_response(client, &head, NULL), 200);
    assert_non_null(strstr(head, "Content-Length: 7\r\n"));
    free(head);
    client_send_text(client, ASK("/hello"));
    expect(client, "hello");
    client_close(client);
    fixture_stop(fixture);
}

static void an_end_waits_for_what_is_owed(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    struct client *client = ask(fixture, ASK("/later"));
    fixture_end(fixture, 5000);
    for (int i = 0; i < 5; i++)
        fixture_turn(fixture);
    assert_true(fixture_answer(fixture, "just in time"));
    expect(client, "just in time");
    client_await_end(client);
    client_close(client);
    fixture_stop(fixture);
}

static void an_end_does_not_wait_for_ever(void **state)
{
    (void)state;
    struct fixture *fixture = start();
    struct client *client = ask(fixture, ASK("/later"));
    fixture_end(fixture, 100);
    client_await_end(client);
    assert_false(fixture_answer(fixture, "too late"));
    client_close(client);
    fixture_stop(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_may_come_later),
        cmocka_unit_test(answers_stay_in_the_order_of_the_requests),
        cmocka_unit_test(who_sends_on_and_on_is_read_no_further),
        cmocka_unit_test(an_answer_for_who_is_gone_is_dropped),
        cmocka_unit_test(who_closed_its_half_still_gets_the_answer),
        cmocka_unit_test(the_last_answer_ends_the_connection),
        cmocka_unit_test(a_head_gets_no_body_later_either),
        cmocka_unit_test(an_end_waits_for_what_is_owed),
        cmocka_unit_test(an_end_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
