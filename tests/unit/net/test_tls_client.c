/* Our client's side of streams and TLS against our server's. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/certificates.h"
#include "net/dial.h"
#include "net/fixture.h"
#include "net/outgoing.h"
#include "net/tls_client.h"

/* A connection of ours to the fixture's server. */
static struct caller {
    struct stream stream; /* first */
    bool open, ended, closed;
    int error;
    const char *cause;
    struct buf in;
} caller;

static struct fixture *fixture;
static struct outgoing *outgoing;
static struct tls_context *context;
static int dialed;

static void on_open(struct stream *stream)
{
    (void)stream;
    caller.open = true;
}

static void on_bytes(struct stream *stream, struct slice bytes)
{
    (void)stream;
    buf_add_slice(&caller.in, bytes);
}

static void on_end(struct stream *stream, int error)
{
    caller.ended = true;
    caller.error = error;
    caller.cause = error == UV_EPROTO && stream->tls != NULL ? tls_cause(stream->tls) : NULL;
}

static void on_drained(struct stream *stream)
{
    (void)stream;
}

static void on_closed(struct stream *stream)
{
    (void)stream;
    caller.closed = true;
}

static const struct stream_events events = {on_open, on_bytes, on_end, on_drained, on_closed};

static void on_dialed(void *unused, int result)
{
    (void)unused;
    dialed = result;
}

/* Connects, and begins TLS as `host` where that is not NULL. */
static void call(const char *host)
{
    struct dial_target target = {.host = "127.0.0.1", .port = (uint16_t)fixture->port};
    struct tls *tls = NULL;
    dialed = -1;
    caller = (struct caller){.open = false};
    buf_init(&caller.in, (size_t)16 << 20);
    assert_non_null(dial_start(&fixture->loop, &target, 1000, on_dialed, NULL));
    AWAIT(fixture, dialed >= 0);
    stream_init(&caller.stream, outgoing_streams(outgoing), &events, dialed);
    if (host != NULL) {
        tls = tls_client_new(context, host);
        assert_non_null(tls);
    }
    assert_int_equal(stream_start(&caller.stream, tls), 0);
}

static void hang_up(void)
{
    stream_close(&caller.stream);
    AWAIT(fixture, caller.closed);
    buf_done(&caller.in);
}

static void start(bool secure, const char *ca)
{
    struct server_options options = fixture_options();
    struct tls_client_options tls = {.ca = ca};
    char error[TLS_ERROR_SIZE];
    fixture = fixture_start(&options, secure);
    outgoing = outgoing_new(&fixture->loop);
    context = tls_client_context_new(&tls, &outgoing_streams(outgoing)->wire, error);
    if (context == NULL)
        fail_msg("%s", error);
}

static void stop(void)
{
    hang_up();
    tls_context_free(context);
    outgoing_close(outgoing);
    fixture_stop(fixture);
}

static void ask(const char *path)
{
    static char request[128];
    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    assert_int_equal(stream_push(&caller.stream, slice_of(request), NULL, NULL), 0);
}

static void plain_streams_can_be_made_as_well(void **state)
{
    (void)state;
    start(false, certificate_file("ec.pem"));
    call(NULL);
    ask("/hello");
    AWAIT(fixture, caller.in.len > 0);
    assert_memory_equal(caller.in.data, "HTTP/1.1 ", 9);
    assert_false(caller.open);
    stop();
}

static void text_goes_both_ways(void **state)
{
    (void)state;
    start(true, certificate_file("ec.pem"));
    call("localhost");
    AWAIT(fixture, caller.open);
    for (int i = 0; i < 20; i++) {
        size_t before = caller.in.len;
        ask("/hello");
        AWAIT(fixture, caller.in.len > before);
    }
    ask("/big");
    AWAIT(fixture, caller.in.len >= BIG_BODY_SIZE);
    assert_false(caller.ended);
    stop();
}

static void assert_refused(const char *host, const char *cause)
{
    call(host);
    AWAIT(fixture, caller.ended);
    assert_false(caller.open);
    assert_int_equal(caller.error, UV_EPROTO);
    assert_string_equal(caller.cause, cause);
}

static void a_stranger_is_refused(void **state)
{
    (void)state;
    start(true, certificate_file("rsa.pem"));
    assert_refused("localhost", "self-signed certificate");
    stop();
}

static void another_name_is_refused(void **state)
{
    (void)state;
    start(true, certificate_file("ec.pem"));
    assert_refused("localhost.example", "hostname mismatch");
    hang_up();
    assert_refused("127.0.0.1", "IP address mismatch");
    stop();
}

static void the_authorities_of_the_system_do_not_know_it(void **state)
{
    (void)state;
    start(true, NULL);
    assert_refused("localhost", "self-signed certificate");
    stop();
}

static void what_speaks_no_tls_is_refused(void **state)
{
    (void)state;
    start(false, certificate_file("ec.pem"));
    call("localhost");
    AWAIT(fixture, caller.ended);
    assert_false(caller.open);
    stop();
}

static void an_end_is_told(void **state)
{
    (void)state;
    start(true, certificate_file("ec.pem"));
    call("localhost");
    AWAIT(fixture, caller.open);
    stream_end(&caller.stream); /* the server ends as well */
    AWAIT(fixture, caller.ended);
    assert_int_equal(caller.error, 0);
    stop();
}

static void a_handshake_may_be_cut_short(void **state)
{
    (void)state;
    for (int turns = 0; turns < 4; turns++) {
        start(true, certificate_file("ec.pem"));
        call("localhost");
        for (int i = 0; i < turns; i++)
            uv_run(&fixture->loop, UV_RUN_NOWAIT);
        stop();
    }
}

static void assert_bad(struct tls_client_options tls, const char *error)
{
    char text[TLS_ERROR_SIZE];
    assert_int_equal(tls_client_check(&tls, text), -1);
    if (strstr(text, error) == NULL)
        fail_msg("%s", text);
}

static void files_are_checked(void **state)
{
    char text[TLS_ERROR_SIZE];
    struct tls_client_options good = {
        .ca = certificate_file("ec.pem"),
        .pair = {certificate_file("rsa.pem"), certificate_file("rsa.key")}};
    (void)state;
    assert_int_equal(tls_client_check(&good, text), 0);
    assert_bad((struct tls_client_options){.ca = certificate_file("missing.pem")},
               "missing.pem: No such file or directory");
    assert_bad((struct tls_client_options){.ca = certificate_file("garbage.pem")}, "garbage.pem: ");
    good.pair.key = certificate_file("ec.key");
    assert_bad(good, "ec.key: is not the key of the certificate");
    good.pair.cert = certificate_file("garbage.pem");
    assert_bad(good, "garbage.pem: holds no such thing in PEM form");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_streams_can_be_made_as_well),
        cmocka_unit_test(text_goes_both_ways),
        cmocka_unit_test(a_stranger_is_refused),
        cmocka_unit_test(another_name_is_refused),
        cmocka_unit_test(the_authorities_of_the_system_do_not_know_it),
        cmocka_unit_test(what_speaks_no_tls_is_refused),
        cmocka_unit_test(an_end_is_told),
        cmocka_unit_test(a_handshake_may_be_cut_short),
        cmocka_unit_test(files_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
