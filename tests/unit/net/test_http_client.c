/* The client against our own server, and against one that answers by a script, wrongly at need. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/certificates.h"
#include "net/fixture.h"
#include "net/http_answer.h"
#include "net/http_client.h"

#define PATIENCE 60000 /* ms, where no time-out is tested: a machine may be slow */

struct told {
    unsigned count;
    int status;
    char body[256];
    char cause[256];
};

static uv_loop_t loop;
static struct http_client *client;
static int listener = -1;
static int port;
static int accepted = -1; /* the connection that the script serves now */
static char heard[65536]; /* by it */
static size_t heard_len;

static void turn(void)
{
    uv_run(&loop, UV_RUN_NOWAIT);
    usleep(200);
}

#define WAIT(condition)                                                                            \
    do {                                                                                           \
        uint64_t until_ = uv_hrtime() + 20000000000u;                                              \
        while (!(condition)) {                                                                     \
            turn();                                                                                \
            if (uv_hrtime() > until_)                                                              \
                fail_msg("waited in vain: %s", #condition);                                        \
        }                                                                                          \
    } while (0)

static void on_answer(void *context, int status, struct slice body, const char *cause)
{
    struct told *told = context;
    told->count++;
    told->status = status;
    snprintf(told->body, sizeof(told->body), "%.*s", (int)body.len, body.len == 0 ? "" : body.ptr);
    snprintf(told->cause, sizeof(told->cause), "%s", cause == NULL ? "" : cause);
}

/* --- the script --- */

static void listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    port = ntohs(address.sin_port);
}

static bool try_accept(void)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return false;
    if (accepted >= 0)
        close(accepted);
    accepted = fd;
    heard_len = 0;
    return true;
}

static bool has_request(void)
{
    ssize_t len = recv(accepted, heard + heard_len, sizeof(heard) - 1 - heard_len, 0);
    heard_len += len > 0 ? (size_t)len : 0;
    heard[heard_len] = '\0';
    const char *body = strstr(heard, "\r\n\r\n");
    const char *length = strstr(heard, "Content-Length: ");
    return body != NULL && length != NULL &&
           strlen(body + 4) >= (size_t)strtol(length + 16, NULL, 10);
}

static void await_request(void)
{
    WAIT(has_request());
}

static void say(const char *text)
{
    heard_len = 0;
    assert_int_equal(send(accepted, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void hang_up(void)
{
    close(accepted);
    accepted = -1;
}

/* --- each test --- */

static void start_with(unsigned connections, unsigned requests, uint64_t timeout)
{
    char url[64], error[HTTP_CLIENT_ERROR_SIZE];
    struct http_client_options options = {.loop = &loop,
                                          .connections = connections,
                                          .requests = requests,
                                          .timeout = timeout,
                                          .answer_max = 100};
    assert_int_equal(uv_loop_init(&loop), 0);
    listen_anywhere();
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/hook?a=b", port);
    assert_null(http_url_parse(slice_of(url), &options.url));
    client = http_client_new(&options, error);
    assert_non_null(client);
}

static void stop(void)
{
    http_client_close(client);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    if (accepted >= 0)
        hang_up();
    close(listener);
}

static void post(struct told *told)
{
    *told = (struct told){.count = 0};
    assert_int_equal(
        http_client_post(client, SLICE("X-Sign: 1\r\n"), SLICE("{\"a\":1}"), on_answer, told), 0);
    assert_int_equal(told->count, 0);
}

/* A fresh client has asked, and what it asked was heard. */
static void ask(struct told *told)
{
    start_with(1, 10, PATIENCE);
    post(told);
    WAIT(try_accept());
    await_request();
}

static void expect_body(const struct told *told, const char *body)
{
    WAIT(told->count == 1);
    assert_int_equal(told->status, 200);
    assert_string_equal(told->body, body);
}

static void expect_failure(const struct told *told, const char *cause)
{
    WAIT(told->count == 1);
    assert_int_equal(told->status, 0);
    assert_string_equal(told->cause, cause);
}

static void a_request_has_what_http_demands(void **state)
{
    (void)state;
    struct told told;
    char expected[512];
    ask(&told);
    snprintf(expected, sizeof(expected),
             "POST /hook?a=b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
             "Content-Length: 7\r\nX-Sign: 1\r\n\r\n{\"a\":1}",
             port);
    assert_string_equal(heard, expected);
    say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    expect_body(&told, "ok");
    assert_int_equal(http_client_pending(client), 0);
    stop();
}

static void a_connection_is_kept_for_the_next(void **state)
{
    (void)state;
    struct told told[3];
    start_with(1, 10, PATIENCE);
    for (int i = 0; i < 3; i++)
        post(&told[i]);
    WAIT(try_accept());
    for (int i = 0; i < 3; i++) {
        await_request();
        say("HTTP/1.1 204 No Content\r\n\r\n");
        WAIT(told[i].count == 1);
        assert_int_equal(told[i].status, 204);
    }
    assert_false(try_accept());
    stop();
}

static void several_go_at_the_same_time(void **state)
{
    (void)state;
    struct told told[3];
    start_with(2, 3, PATIENCE);
    for (int i = 0; i < 3; i++)
        post(&told[i]);
    WAIT(try_accept());
    int first = accepted;
    accepted = -1;
    WAIT(try_accept());
    await_request();
    assert_int_equal(http_client_post(client, SLICE_NONE, SLICE_NONE, on_answer, &told[0]),
                     UV_ENOBUFS);
    close(first);
    WAIT(told[0].count + told[1].count == 1); /* a new connection's loss is told */
    assert_int_equal(told[0].status + told[1].status, 0);
    stop();
}

/* The server's time for idle connections may end at the moment of the next request. */
static void what_finds_a_kept_connection_closed_is_sent_again_once(void **state)
{
    (void)state;
    struct told told;
    ask(&told);
    say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    WAIT(told.count == 1);
    post(&told);
    await_request();
    hang_up();
    WAIT(try_accept());
    await_request();
    assert_int_equal(told.count, 0);
    hang_up();
    expect_failure(&told, "the connection was closed");
    stop();
}

static void a_body_may_end_with_the_connection(void **state)
{
    (void)state;
    struct told told;
    ask(&told);
    say("HTTP/1.0 200 OK\r\n\r\nall of it");
    hang_up();
    expect_body(&told, "all of it");
    stop();
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"
        "....................................................................................."
        "................",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct told told;
        ask(&told);
        say(wrong[i]);
        expect_failure(&told, "an answer that is not HTTP, or too large");
        stop();
    }
}

static void an_informational_answer_is_passed_over(void **state)
{
    (void)state;
    struct told told;
    ask(&told);
    say("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
        "chunked\r\n\r\n2\r\nye\r\n1\r\ns\r\n0\r\n\r\n");
    expect_body(&told, "yes");
    stop();
}

static void silence_is_told_in_time_also_to_who_waits(void **state)
{
    (void)state;
    struct told told[2];
    start_with(1, 10, 100);
    post(&told[0]);
    post(&told[1]);
    WAIT(told[0].count == 1 && told[1].count == 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(told[i].status, 0);
        assert_string_equal(told[i].cause, "no answer in time");
    }
    stop();
}

static void nobody_listens(void **state)
{
    (void)state;
    struct told told;
    start_with(1, 10, PATIENCE);
    close(listener);
    listener = -1;
    post(&told);
    expect_failure(&told, "connection refused");
    stop();
}

static void closing_in_the_middle_tells_nobody(void **state)
{
    (void)state;
    struct told told[3];
    start_with(1, 10, PATIENCE);
    for (int i = 0; i < 3; i++)
        post(&told[i]);
    WAIT(try_accept());
    await_request();
    stop();
    start_with(1, 10, PATIENCE);
    post(&told[1]); /* while it dials */
    stop();
    for (int i = 0; i < 3; i++)
        assert_int_equal(told[i].count, 0);
}

static void close_client(void *context, int status, struct slice body, const char *cause)
{
    on_answer(context, status, body, cause);
    http_client_close(client);
    client = NULL;
}

static void it_may_be_closed_by_an_answer(void **state)
{
    (void)state;
    struct told told = {.count = 0};
    start_with(1, 10, PATIENCE);
    assert_int_equal(http_client_post(client, SLICE_NONE, SLICE_NONE, close_client, &told), 0);
    WAIT(try_accept());
    await_request();
    say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    WAIT(told.count == 1);
    stop();
    start_with(1, 10, 50);
    assert_int_equal(http_client_post(client, SLICE_NONE, SLICE_NONE, close_client, &told), 0);
    WAIT(told.count == 2); /* in vain */
    stop();
}

/* Each allocation of a request fails in turn: it is refused, or told, or goes through. */
static void without_memory_nothing_hangs(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth < 20; nth++) {
        struct told told = {.count = 0};
        start_with(1, 10, 300);
        mem_fail_nth(nth);
        int error = http_client_post(client, SLICE_NONE, SLICE("{}"), on_answer, &told);
        assert_true(error == 0 || error == UV_ENOMEM);
        for (int i = 0; error == 0 && told.count == 0; i++) {
            turn();
            if (accepted < 0)
                try_accept();
            else if (has_request() && told.count == 0)
                say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
        mem_fail_nth(0);
        stop();
    }
}

static void our_own_server_over_tls(void **state)
{
    (void)state;
    struct server_options server = fixture_options();
    struct fixture *fixture = fixture_start(&server, true);
    struct http_client_options options = {.loop = &fixture->loop,
                                          .connections = 1,
                                          .requests = 2,
                                          .timeout = PATIENCE,
                                          .answer_max = 100,
                                          .tls = {.ca = certificate_file("ec.pem")}};
    char url[64], error[HTTP_CLIENT_ERROR_SIZE];
    struct told told = {.count = 0};
    snprintf(url, sizeof(url), "https://localhost:%d/body", fixture->port);
    assert_null(http_url_parse(slice_of(url), &options.url));
    struct http_client *secure = http_client_new(&options, error);
    assert_non_null(secure);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(http_client_post(secure, SLICE_NONE, SLICE("[1,2]"), on_answer, &told), 0);
        AWAIT(fixture, told.count == i);
        assert_int_equal(told.status, 200);
        assert_string_equal(told.body, "[1,2]");
    }
    assert_int_equal(server_count(fixture->server).accepted, 1);
    http_client_close(secure);
    fixture_stop(fixture);
}

/* --- URLs --- */

static void urls_are_read(void **state)
{
    (void)state;
    struct http_url url;
    assert_null(http_url_parse(SLICE("http://example.org"), &url));
    assert_string_equal(url.host, "example.org");
    assert_string_equal(url.authority, "example.org");
    assert_string_equal(url.target, "/");
    assert_int_equal(url.port, 80);
    assert_null(http_url_parse(SLICE("HTTPS://[::1]:8443/a/b?c"), &url));
    assert_true(url.tls);
    assert_string_equal(url.host, "::1");
    assert_string_equal(url.authority, "[::1]:8443");
    assert_string_equal(url.target, "/a/b?c");
    assert_null(http_url_parse(SLICE("https://h?x=1"), &url));
    assert_string_equal(url.target, "/?x=1");
    assert_int_equal(url.port, 443);
}

static void wrong_urls_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",           "ftp://a/",    "http://",      "http:///x",   "http://u:p@h/", "http://h:0/",
        "http://h:x", "http://h/ a", "http://h/a\n", "http://h/#a", "http://h/\"",   "h/x",
    };
    struct http_url url;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_non_null(http_url_parse(slice_of(wrong[i]), &url));
    static char longest[HTTP_URL_MAX + 2];
    memset(longest, 'a', sizeof(longest) - 1);
    memcpy(longest, "http://h/", 9);
    assert_non_null(http_url_parse(slice_of(longest), &url));
    longest[HTTP_URL_MAX] = '\0';
    assert_null(http_url_parse(slice_of(longest), &url));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_has_what_http_demands),
        cmocka_unit_test(a_connection_is_kept_for_the_next),
        cmocka_unit_test(several_go_at_the_same_time),
        cmocka_unit_test(what_finds_a_kept_connection_closed_is_sent_again_once),
        cmocka_unit_test(a_body_may_end_with_the_connection),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(an_informational_answer_is_passed_over),
        cmocka_unit_test(silence_is_told_in_time_also_to_who_waits),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(closing_in_the_middle_tells_nobody),
        cmocka_unit_test(it_may_be_closed_by_an_answer),
        cmocka_unit_test(without_memory_nothing_hangs),
        cmocka_unit_test(our_own_server_over_tls),
        cmocka_unit_test(urls_are_read),
        cmocka_unit_test(wrong_urls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
