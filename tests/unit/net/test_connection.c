/* A connection's life, plain and over TLS: one situation per test. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/fixture.h"

static bool plain = false, secure = true;

static struct fixture *start(void **state, const struct server_options *options)
{
    return fixture_start(options, *(bool *)*state);
}

static void end(struct fixture *fixture, struct client *client)
{
    client_close(client);
    fixture_stop(fixture);
}

/* HTTP. */

static void expect_response(struct client *client, int status, const char *text)
{
    struct buf body;
    buf_init(&body, 100);
    assert_int_equal(client_response(client, NULL, &body), status);
    assert_true(slice_is(buf_slice(&body), text));
    buf_done(&body);
}

static void a_request_is_answered(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    char *head;
    struct buf body;
    buf_init(&body, 100);
    client_send_text(client, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(client_response(client, &head, &body), 200);
    assert_true(slice_is(buf_slice(&body), "hello"));
    assert_non_null(strstr(head, "HTTP/1.1 200 OK\r\nDate: "));
    assert_non_null(strstr(head, " GMT\r\n"));
    assert_null(strstr(head, "Connection:"));
    free(head);
    buf_done(&body);
    end(fixture, client);
}

static void a_connection_is_kept(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    for (int i = 0; i < 3; i++) {
        client_send_text(client, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
        expect_response(client, 200, "hello");
    }
    client_send_text(client, "GET /no HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    expect_response(client, 404, "not found");
    client_await_end(client);
    end(fixture, client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    client_send_text(client, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                             "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                             "GET /no HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_response(client, 200, "hello");
    expect_response(client, 200, "abc");
    expect_response(client, 404, "not found");
    end(fixture, client);
}

static void requests_behind_a_large_answer_wait(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    struct buf body;
    client_send_text(client,
                     "GET /big HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n"
                     "\r\nGET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    for (int i = 0; i < 20; i++)
        fixture_turn(fixture);
    assert_int_equal(fixture->requests, 1);
    buf_init(&body, BIG_BODY_SIZE);
    assert_int_equal(client_response(client, NULL, &body), 200);
    assert_int_equal(body.len, BIG_BODY_SIZE);
    assert_int_equal(body.data[BIG_BODY_SIZE - 1], 'a' + (BIG_BODY_SIZE - 1) % 26);
    expect_response(client, 200, "hello");
    buf_clear(&body);
    assert_int_equal(client_response(client, NULL, &body), 200);
    buf_done(&body);
    AWAIT(fixture, fixture->released == 2);
    end(fixture, client);
}

static void head_has_no_body(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    char *head;
    client_send_text(client, "HEAD /big HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(client_response(client, &head, NULL), 200);
    assert_non_null(strstr(head, "Content-Length: 8388608\r\n"));
    assert_int_equal(fixture->released, 1);
    free(head);
    client_send_text(client, "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(client_response(client, &head, NULL), 204);
    assert_null(strstr(head, "Content-Length"));
    free(head);
    client_send_text(client, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_response(client, 200, "hello");
    end(fixture, client);
}

static void a_refused_request_ends_the_connection(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    char *head;
    client_send_text(client, "GET / HTTP/1.1\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(client_response(client, &head, NULL), 400);
    assert_non_null(strstr(head, "Connection: close\r\n"));
    free(head);
    client_await_end(client);
    assert_int_equal(fixture->requests, 0);
    end(fixture, client);
}

static void the_client_is_told_to_continue(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    client_send_text(client, "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                             "Expect: 100-continue\r\n\r\n");
    assert_int_equal(client_response(client, NULL, NULL), 100);
    client_send_text(client, "ok");
    expect_response(client, 200, "ok");
    end(fixture, client);
}

static void half_a_request_is_waited_for_in_vain(void **state)
{
    struct server_options options = fixture_options();
    options.headers_timeout = 100;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    client_send_text(client, "GET / HTTP/1.1\r\n");
    expect_response(client, 408, "Request Timeout");
    client_await_end(client);
    end(fixture, client);
}

static void more_bytes_do_not_move_the_deadline_of_a_request(void **state)
{
    struct server_options options = fixture_options();
    options.headers_timeout = 200;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    client_send_text(client, "GET / HTTP/1.1\r\nX: ");
    uint64_t started = uv_hrtime();
    while (!client->eof && client->in.len == 0) {
        send(client->fd, "", 0, MSG_NOSIGNAL);
        if (client->ssl == NULL)
            client_send_text(client, "x");
        fixture_turn(fixture);
        client_poll(client);
        assert_true(uv_hrtime() - started < 4000000000u);
    }
    end(fixture, client);
}

static void an_idle_connection_is_ended(void **state)
{
    struct server_options options = fixture_options();
    options.http_idle_timeout = 100;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    client_await_end(client);
    assert_int_equal(client->in.len, 0);
    end(fixture, client);
}

static void a_client_that_closed_its_half_gets_its_answer(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    client_send_text(client, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    if (client->ssl != NULL)
        SSL_shutdown(client->ssl);
    shutdown(client->fd, SHUT_WR);
    struct buf body;
    buf_init(&body, BIG_BODY_SIZE);
    assert_int_equal(client_response(client, NULL, &body), 200);
    assert_int_equal(body.len, BIG_BODY_SIZE);
    buf_done(&body);
    client_await_end(client);
    AWAIT(fixture, server_count(fixture->server).connections == 0);
    end(fixture, client);
}

static void a_client_that_never_ends_its_half_is_cut(void **state)
{
    struct server_options options = fixture_options();
    options.close_timeout = 100;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    client_send_text(client, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect_response(client, 200, "hello");
    client_await_end(client);
    AWAIT(fixture, server_count(fixture->server).connections == 0);
    end(fixture, client);
}

static void a_client_that_stops_reading_is_cut(void **state)
{
    struct server_options options = fixture_options();
    options.http_idle_timeout = 150;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    client_send_text(client, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    AWAIT(fixture, fixture->requests == 1);
    AWAIT(fixture, server_count(fixture->server).connections == 0);
    assert_int_equal(fixture->released, 1);
    end(fixture, client);
}

/* The upgrade. */

#define UPGRADE_HEAD                                                                               \
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

static void an_upgrade_is_accepted(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    char *head;
    client_send_text(client, UPGRADE_HEAD KEY VERSION "Sec-WebSocket-Protocol: a, echo.v1\r\n"
                                                      "Sec-WebSocket-Extensions: "
                                                      "permessage-deflate\r\n\r\n");
    assert_int_equal(client_response(client, &head, NULL), 101);
    assert_non_null(strstr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(strstr(head, "Upgrade: websocket\r\nConnection: Upgrade\r\n"));
    assert_non_null(strstr(head, "Sec-WebSocket-Protocol: echo.v1\r\n"));
    assert_null(strstr(head, "Extensions"));
    assert_null(strstr(head, "Content-Length"));
    free(head);
    assert_int_equal(server_count(fixture->server).websockets, 1);
    end(fixture, client);
}

static void bad_upgrades_are_refused(void **state)
{
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {UPGRADE_HEAD KEY "\r\n", 426},
        {UPGRADE_HEAD KEY "Sec-WebSocket-Version: 8\r\n\r\n", 426},
        {UPGRADE_HEAD VERSION "\r\n", 400},
        {UPGRADE_HEAD VERSION "Sec-WebSocket-Key: short\r\n\r\n", 400},
        {UPGRADE_HEAD VERSION KEY KEY "\r\n", 400},
        {UPGRADE_HEAD VERSION KEY "Content-Length: 1\r\n\r\nx", 400},
        {"POST /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY VERSION
         "\r\n",
         400},
        {"GET /other HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
         404},
        {"GET /hello HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 200},
        {"GET /hello HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n", 200},
    };
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client *client = client_connect(fixture);
        char *head;
        client_send_text(client, rows[i].text);
        int status = client_response(client, &head, NULL);
        if (status != rows[i].status)
            fail_msg("%d for %s", status, rows[i].text);
        if (status == 426)
            assert_non_null(strstr(head, "Sec-WebSocket-Version: 13\r\n"));
        free(head);
        client_close(client);
    }
    assert_int_equal(fixture->session_count, 0);
    fixture_stop(fixture);
}

static void frames_may_come_right_behind_the_upgrade(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_connect(fixture);
    struct buf bytes, frame = frame_masked(0x81, "early", 5);
    buf_init(&bytes, 1000);
    buf_add_text(&bytes, UPGRADE_HEAD KEY VERSION "\r\n");
    buf_add_slice(&bytes, buf_slice(&frame));
    client_send(client, bytes.data, bytes.len);
    assert_int_equal(client_response(client, NULL, NULL), 101);
    client_expect_text(client, "early");
    buf_done(&bytes);
    buf_done(&frame);
    end(fixture, client);
}

/* WebSocket. */

static void a_message_is_echoed(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    client_say(client, "hello");
    client_expect_text(client, "hello");
    client_say(client, "");
    client_expect_text(client, "");
    assert_int_equal(fixture->sessions[0].messages, 2);
    end(fixture, client);
}

static void messages_of_each_size_come_back_whole(void **state)
{
    static char text[65537];
    const size_t sizes[] = {125, 126, 4000, 5700, 16383, 16384, 16385, 65535, 65536};
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = (char)('a' + i % 23);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        client_frame(client, 0x81, text, sizes[i]);
        struct server_frame frame = client_next_frame(client);
        assert_int_equal(frame.first_byte, 0x81);
        assert_int_equal(frame.payload.len, sizes[i]);
        assert_memory_equal(frame.payload.ptr, text, sizes[i]);
    }
    end(fixture, client);
}

static void frames_split_at_every_byte(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    struct buf frame = frame_masked(0x81, "split", 5);
    for (size_t i = 0; i < frame.len; i++) {
        client_send(client, frame.data + i, 1);
        fixture_turn(fixture);
        fixture_turn(fixture);
    }
    client_expect_text(client, "split");
    buf_done(&frame);
    end(fixture, client);
}

static void coalesced_frames_are_answered_in_one_go(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    struct buf all;
    char text[16];
    buf_init(&all, 1 << 20);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "message %d", i);
        struct buf frame = frame_masked(0x81, text, strlen(text));
        buf_add_slice(&all, buf_slice(&frame));
        buf_done(&frame);
    }
    client_send(client, all.data, all.len);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "message %d", i);
        client_expect_text(client, text);
    }
    buf_done(&all);
    end(fixture, client);
}

static void a_ping_is_answered(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    client_frame(client, 0x89, "payload", 7);
    struct server_frame frame = client_next_frame(client);
    assert_int_equal(frame.first_byte, 0x8a);
    assert_true(slice_is(frame.payload, "payload"));
    end(fixture, client);
}

static void a_pong_brings_its_number_back(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    struct session_seen *session = &fixture->sessions[0];
    connection_ping(session->connection, 0x1122334455667788);
    struct server_frame frame = client_next_frame(client);
    assert_int_equal(frame.first_byte, 0x89);
    char payload[8];
    assert_int_equal(frame.payload.len, 8);
    memcpy(payload, frame.payload.ptr, 8);
    client_frame(client, 0x8a, payload, 8);
    AWAIT(fixture, session->pongs == 1);
    assert_true(session->pong == 0x1122334455667788);
    client_frame(client, 0x8a, "", 0);
    AWAIT(fixture, session->pongs == 2);
    assert_true(session->pong == 0);
    end(fixture, client);
}

static void a_flood_of_control_frames_is_ended(void **state)
{
    struct server_options options = fixture_options();
    options.control_frames_per_second = 5;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    for (int i = 0; i < 30; i++)
        client_frame(client, 0x8a, "", 0);
    client_expect_close(client, CLOSE_RATE_LIMITED);
    client_await_end(client);
    assert_int_equal(fixture->sessions[0].lost, 1);
    assert_int_equal(fixture->sessions[0].cause, CLOSE_RATE_LIMITED);
    end(fixture, client);
}

/* What each breach is closed with, and told to the session as. */
static void breaches_close_with_their_code(void **state)
{
    static const struct {
        unsigned first_byte;
        const char *payload;
        enum close_code code;
    } rows[] = {
        {0x82, "binary", CLOSE_BINARY},
        {0xc1, "reserved bit", CLOSE_WS_PROTOCOL},
        {0x83, "reserved opcode", CLOSE_WS_PROTOCOL},
        {0x80, "nothing to continue", CLOSE_WS_PROTOCOL},
        {0x09, "fragmented ping", CLOSE_WS_PROTOCOL},
        {0x81, "more than sixteen bytes", CLOSE_TOO_LARGE},
        {0x88, "x", CLOSE_WS_PROTOCOL},
        {0x88, "\x03\xed", CLOSE_WS_PROTOCOL},
        {0x88, "\x03\xe8\xff", CLOSE_NOT_JSON},
    };
    struct server_options options = fixture_options();
    options.message_size = 16;
    struct fixture *fixture = start(state, &options);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client *client = client_websocket(fixture);
        client_frame(client, rows[i].first_byte, rows[i].payload, strlen(rows[i].payload));
        client_expect_close(client, rows[i].code);
        client_await_end(client);
        assert_int_equal(fixture->sessions[i].lost, 1);
        assert_int_equal(fixture->sessions[i].cause, rows[i].code);
        client_close(client);
    }
    fixture_stop(fixture);
}

static void a_frame_without_mask_is_a_breach(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    client_send(client, "\x81\x05hello", 7);
    client_expect_close(client, CLOSE_WS_PROTOCOL);
    client_await_end(client);
    end(fixture, client);
}

/* Closing. */

static void a_client_that_closes_gets_its_code_back(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    client_frame(client, 0x88, "\x03\xe9going", 7);
    client_expect_close(client, 1001);
    client_await_end(client);
    assert_int_equal(fixture->sessions[0].lost, 1);
    assert_int_equal(fixture->sessions[0].cause, CLOSE_NONE);
    client_close(client);
    AWAIT(fixture, server_count(fixture->server).connections == 0);
    fixture_stop(fixture);
}

static void a_close_without_code_gets_one_without(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    client_frame(client, 0x88, "", 0);
    struct server_frame frame = client_next_frame(client);
    assert_int_equal(frame.first_byte, 0x88);
    assert_int_equal(frame.payload.len, 0);
    client_await_end(client);
    end(fixture, client);
}

static void what_was_queued_comes_before_our_close(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    fixture->close_on_message = CLOSE_ROOM_CLOSED;
    client_say(client, "last");
    client_say(client, "too late");
    client_expect_text(client, "last");
    struct server_frame frame = client_next_frame(client);
    assert_int_equal(frame.first_byte, 0x88);
    assert_true(slice_is(frame.payload, "\x0f\xa4room closed"));
    assert_int_equal(fixture->sessions[0].messages, 1);
    assert_int_equal(fixture->sessions[0].lost, 0);
    client_frame(client, 0x88, "\x0f\xa4", 2);
    client_await_end(client);
    end(fixture, client);
}

static void a_client_that_never_answers_our_close_is_cut(void **state)
{
    struct server_options options = fixture_options();
    options.close_timeout = 100;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    fixture->close_on_message = CLOSE_KICKED;
    client_say(client, "x");
    client_expect_text(client, "x");
    client_expect_close(client, CLOSE_KICKED);
    client_await_end(client);
    end(fixture, client);
}

static void a_socket_that_breaks_is_told_once(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    client_close(client);
    AWAIT(fixture, fixture->sessions[0].lost == 1);
    assert_int_equal(fixture->sessions[0].cause, CLOSE_NONE);
    AWAIT(fixture, server_count(fixture->server).connections == 0);
    fixture_stop(fixture);
}

static void half_a_frame_and_then_the_end(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    struct buf frame = frame_masked(0x01, "never finished", 14);
    client_send(client, frame.data, frame.len - 3);
    buf_done(&frame);
    for (int i = 0; i < 5; i++)
        fixture_turn(fixture);
    client_close(client);
    AWAIT(fixture, fixture->sessions[0].lost == 1);
    assert_int_equal(fixture->sessions[0].messages, 0);
    fixture_stop(fixture);
}

/* Keeping alive. */

static void a_silent_client_is_pinged_and_then_lost(void **state)
{
    struct server_options options = fixture_options();
    options.ping_interval = 400;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    uint64_t started = uv_hrtime();
    assert_int_equal(client_next_frame(client).first_byte, 0x89);
    assert_int_equal(fixture->sessions[0].lost, 0);
    struct server_frame frame = client_next_frame(client);
    /* One more each time that this process stood still meanwhile. */
    for (int more = 0; frame.first_byte == 0x89 && more < 10; more++)
        frame = client_next_frame(client);
    assert_int_equal(frame.first_byte, 0x88);
    assert_int_equal((unsigned char)frame.payload.ptr[0] << 8 | (unsigned char)frame.payload.ptr[1],
                     CLOSE_SILENT);
    assert_true(uv_hrtime() - started >= 950000000u);
    assert_int_equal(fixture->sessions[0].lost, 1);
    assert_int_equal(fixture->sessions[0].cause, CLOSE_SILENT);
    end(fixture, client);
}

static void any_bytes_count_as_life(void **state)
{
    struct server_options options = fixture_options();
    options.ping_interval = 400;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(client_next_frame(client).first_byte, 0x89);
        client_frame(client, 0x8a, "", 0);
    }
    AWAIT(fixture, fixture->sessions[0].pongs == 4 || fixture->sessions[0].lost > 0);
    assert_int_equal(fixture->sessions[0].lost, 0);
    end(fixture, client);
}

static void a_server_that_stood_still_asks_before_it_drops(void **state)
{
    struct server_options options = fixture_options();
    options.ping_interval = 200;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    for (int i = 0; i < 3; i++) {
        usleep(600000); /* nobody turns the loop */
        assert_int_equal(client_next_frame(client).first_byte, 0x89);
        client_frame(client, 0x8a, "", 0);
    }
    assert_int_equal(fixture->sessions[0].lost, 0);
    end(fixture, client);
}

static void bytes_that_never_become_a_message_do_not_for_ever(void **state)
{
    struct server_options options = fixture_options();
    options.ping_interval = 150;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    struct buf frame = frame_masked(0x81, "a letter at a time is not enough to stay for ever", 49);
    for (size_t at = 0; at < frame.len - 1 && fixture->sessions[0].lost == 0; at++) {
        client_send(client, frame.data + at, 1);
        uint64_t until = uv_hrtime() + 50000000u;
        AWAIT(fixture, uv_hrtime() > until);
    }
    buf_done(&frame);
    assert_int_equal(fixture->sessions[0].lost, 1);
    assert_int_equal(fixture->sessions[0].cause, CLOSE_SILENT);
    end(fixture, client);
}

/* Slow readers. */

static void fill_output(struct fixture *fixture, unsigned messages)
{
    static char text[50000];
    memset(text, 'z', sizeof(text));
    for (unsigned i = 0; i < messages && fixture->sessions[0].connection != NULL; i++) {
        struct message *message = message_of((struct slice){text, sizeof(text)});
        connection_deliver(fixture->sessions[0].connection, message);
        message_unref(message);
        if (i % 10 == 9)
            fixture_turn(fixture);
    }
}

static void a_client_that_does_not_read_is_lost(void **state)
{
    struct server_options options = fixture_options();
    options.close_timeout = 100;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    fill_output(fixture, 1000);
    AWAIT(fixture, fixture->sessions[0].lost == 1);
    assert_int_equal(fixture->sessions[0].cause, CLOSE_OVERLOADED);
    AWAIT(fixture, server_count(fixture->server).connections == 0);
    end(fixture, client);
}

/* What was begun is finished, so that the close frame can be understood. */
static void a_slow_reader_still_sees_the_close_frame(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    fill_output(fixture, 1000);
    AWAIT(fixture, fixture->sessions[0].lost == 1);
    struct server_frame frame;
    do {
        frame = client_next_frame(client);
        assert_true(frame.first_byte == 0x81 || frame.first_byte == 0x88);
        if (frame.first_byte == 0x81)
            assert_int_equal(frame.payload.len, 50000);
    } while (frame.first_byte == 0x81);
    assert_true(slice_is(frame.payload, "\x03\xf5overloaded or too slow"));
    end(fixture, client);
}

static void a_reader_that_catches_up_loses_nothing(void **state)
{
    struct server_options options = fixture_options();
    options.output_queue = 0;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    fill_output(fixture, 300);
    for (int i = 0; i < 300; i++)
        assert_int_equal(client_next_frame(client).payload.len, 50000);
    client_say(client, "and on");
    client_expect_text(client, "and on");
    assert_int_equal(fixture->sessions[0].lost, 0);
    end(fixture, client);
}

static void only_the_latest_ping_is_answered_to_a_slow_reader(void **state)
{
    struct server_options options = fixture_options();
    options.output_queue = 0;
    options.control_frames_per_second = 0;
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    fill_output(fixture, 300);
    for (int i = 0; i < 100; i++) {
        char payload[8];
        int len = snprintf(payload, sizeof(payload), "%d", i);
        client_frame(client, 0x89, payload, (size_t)len);
        fixture_turn(fixture);
    }
    for (int i = 0; i < 300; i++)
        assert_int_equal(client_next_frame(client).first_byte, 0x81);
    struct server_frame frame = client_next_frame(client);
    assert_int_equal(frame.first_byte, 0x8a);
    assert_true(slice_is(frame.payload, "99"));
    end(fixture, client);
}

/* The end of the server. */

static void the_end_of_the_server_closes_websockets(void **state)
{
    struct server_options options = fixture_options();
    struct fixture *fixture = start(state, &options);
    struct client *client = client_websocket(fixture);
    client_say(client, "here");
    client_expect_text(client, "here");
    struct client *idle = client_connect(fixture);
    fixture_stop(fixture); /* cuts those off that do not close after 200 ms */
    client_poll(client);
    assert_true(client->in.len >= 4);
    assert_memory_equal(client->in.data,
                        "\x88\x0a\x03\xf4"
                        "draining",
                        12);
    client_close(client);
    client_close(idle);
}

/* Allocation failures, one after the other, over a whole conversation: never a crash, a leak or a
 * wrong message. */
static void turn_until(struct client *client, size_t len)
{
    for (int i = 0; i < 20 && !client->eof && client->in.len < len; i++) {
        fixture_turn(client->fixture);
        client_poll(client);
    }
}

/* The nth allocation fails, none where nth is 0. Whether all went as it should. */
static bool converse(struct fixture *fixture, unsigned nth)
{
    struct client *client = client_connect_raw(fixture);
    struct buf frames, one = frame_masked(0x01, "in two ", 7), two = frame_masked(0x80, "parts", 5),
                       ping = frame_masked(0x89, "p", 1);
    buf_init(&frames, 1000);
    buf_add_slice(&frames, buf_slice(&one));
    buf_add_slice(&frames, buf_slice(&two));
    buf_add_slice(&frames, buf_slice(&ping));
    buf_reserve(&client->in, 65536);
    mem_fail_nth(nth);
    client_send_text(client, UPGRADE_HEAD KEY VERSION "\r\n");
    turn_until(client, 100);
    bool whole = client->in.len > 12 && memcmp(client->in.data, "HTTP/1.1 101", 12) == 0;
    if (whole) {
        buf_clear(&client->in);
        client_send(client, frames.data, frames.len);
        turn_until(client, 17);
        whole = client->in.len == 17 &&
                memcmp(client->in.data, "\x81\x0cin two parts\x8a\x01p", 17) == 0;
    }
    mem_fail_nth(0);
    buf_done(&one);
    buf_done(&two);
    buf_done(&ping);
    buf_done(&frames);
    client_close(client);
    return whole;
}

static void every_allocation_may_fail(void **state)
{
    struct server_options options = fixture_options();
    unsigned failures = 0;
    bool whole = false;
    for (unsigned nth = 1; nth <= 40; nth++) {
        struct fixture *fixture = start(state, &options);
        whole = converse(fixture, nth);
        failures += !whole;
        assert_true(converse(fixture, 0)); /* the server goes on */
        fixture_stop(fixture);
    }
    assert_true(whole);
    assert_true(failures >= 8);
}

#define BOTH(test) cmocka_unit_test_prestate(test, &plain), cmocka_unit_test_prestate(test, &secure)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_request_is_answered),
        BOTH(a_connection_is_kept),
        BOTH(pipelined_requests_are_answered_in_order),
        BOTH(requests_behind_a_large_answer_wait),
        BOTH(head_has_no_body),
        BOTH(a_refused_request_ends_the_connection),
        BOTH(the_client_is_told_to_continue),
        BOTH(half_a_request_is_waited_for_in_vain),
        cmocka_unit_test_prestate(more_bytes_do_not_move_the_deadline_of_a_request, &plain),
        BOTH(an_idle_connection_is_ended),
        BOTH(a_client_that_closed_its_half_gets_its_answer),
        BOTH(a_client_that_never_ends_its_half_is_cut),
        BOTH(a_client_that_stops_reading_is_cut),
        BOTH(an_upgrade_is_accepted),
        BOTH(bad_upgrades_are_refused),
        BOTH(frames_may_come_right_behind_the_upgrade),
        BOTH(a_message_is_echoed),
        BOTH(messages_of_each_size_come_back_whole),
        BOTH(frames_split_at_every_byte),
        BOTH(coalesced_frames_are_answered_in_one_go),
        BOTH(a_ping_is_answered),
        BOTH(a_pong_brings_its_number_back),
        BOTH(a_flood_of_control_frames_is_ended),
        BOTH(breaches_close_with_their_code),
        BOTH(a_frame_without_mask_is_a_breach),
        BOTH(a_client_that_closes_gets_its_code_back),
        BOTH(a_close_without_code_gets_one_without),
        BOTH(what_was_queued_comes_before_our_close),
        BOTH(a_client_that_never_answers_our_close_is_cut),
        BOTH(a_socket_that_breaks_is_told_once),
        BOTH(half_a_frame_and_then_the_end),
        BOTH(a_silent_client_is_pinged_and_then_lost),
        BOTH(any_bytes_count_as_life),
        BOTH(a_server_that_stood_still_asks_before_it_drops),
        BOTH(bytes_that_never_become_a_message_do_not_for_ever),
        BOTH(a_client_that_does_not_read_is_lost),
        BOTH(a_slow_reader_still_sees_the_close_frame),
        BOTH(a_reader_that_catches_up_loses_nothing),
        BOTH(only_the_latest_ping_is_answered_to_a_slow_reader),
        BOTH(the_end_of_the_server_closes_websockets),
        cmocka_unit_test_prestate(every_allocation_may_fail, &plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
