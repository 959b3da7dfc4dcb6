/* TLS as clients meet it: certificates, versions, tickets, and clients that misbehave. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/certificates.h"
#include "net/fixture.h"

static const struct tls_options ec_only = {.pair_count = 1, .min_version = 12};

static struct tls_options pairs(const char *cert, const char *key)
{
    struct tls_options options = ec_only;
    options.pairs[0] = (struct tls_pair){certificate_file(cert), certificate_file(key)};
    return options;
}

/* The configuration check. */

static void expect_error(const struct tls_options *options, const char *start, const char *end)
{
    char error[TLS_ERROR_SIZE] = "";
    assert_true(tls_check(options, error) < 0);
    if (strncmp(error, start, strlen(start)) != 0 || strstr(error, end) == NULL)
        fail_msg("%s", error);
}

static void good_certificates_pass_the_check(void **state)
{
    (void)state;
    char error[TLS_ERROR_SIZE];
    struct tls_options options = pairs("ec.pem", "ec.key");
    assert_int_equal(tls_check(&options, error), 0);
    options.pairs[1] = (struct tls_pair){certificate_file("rsa.pem"), certificate_file("rsa.key")};
    options.pair_count = 2;
    assert_int_equal(tls_check(&options, error), 0);
}

static void bad_certificates_are_named(void **state)
{
    (void)state;
    struct tls_options options = pairs("missing.pem", "ec.key");
    expect_error(&options, "certificate /", "missing.pem: No such file or directory");
    options = pairs("garbage.pem", "ec.key");
    expect_error(&options, "certificate /", "garbage.pem: holds no such thing in PEM form");
    options = pairs("ec.pem", "missing.pem");
    expect_error(&options, "key /", "missing.pem: No such file or directory");
    options = pairs("ec.pem", "garbage.pem");
    expect_error(&options, "key /", "garbage.pem: ");
    options = pairs("ec.pem", "rsa.key");
    expect_error(&options, "key /", "rsa.key: is not the key of the certificate");
}

/* Clients. */

struct tls_client {
    struct client *client;
    SSL_CTX *ctx;
    SSL *ssl;
};

static struct tls_client dial(struct fixture *fixture)
{
    struct tls_client dialled = {.client = client_connect_raw(fixture),
                                 .ctx = SSL_CTX_new(TLS_client_method())};
    dialled.ssl = SSL_new(dialled.ctx);
    SSL_set_fd(dialled.ssl, dialled.client->fd);
    SSL_set_connect_state(dialled.ssl);
    dialled.client->ssl = dialled.ssl;
    return dialled;
}

static void hang_up(struct tls_client *dialled)
{
    client_close(dialled->client);
    SSL_CTX_free(dialled->ctx);
}

/* 1: done, -1: the server refused. */
static int handshake_step(SSL *ssl)
{
    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    if (result == 1)
        return 1;
    return SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ ? 0 : -1;
}

static int handshake(struct tls_client *dialled)
{
    int result;
    AWAIT(dialled->client->fixture, (result = handshake_step(dialled->ssl)) != 0);
    return result;
}

static void hello(struct tls_client *dialled)
{
    struct buf body;
    buf_init(&body, 16);
    client_send_text(dialled->client, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(client_response(dialled->client, NULL, &body), 200);
    assert_true(slice_is(buf_slice(&body), "hello"));
    buf_done(&body);
}

static void both_versions_are_spoken(void **state)
{
    (void)state;
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    for (int i = 0; i < 2; i++) {
        struct tls_client client = dial(fixture);
        SSL_set_min_proto_version(client.ssl, versions[i]);
        SSL_set_max_proto_version(client.ssl, versions[i]);
        assert_int_equal(handshake(&client), 1);
        assert_int_equal(SSL_version(client.ssl), versions[i]);
        hello(&client);
        hang_up(&client);
    }
    fixture_stop(fixture);
}

static void older_versions_are_refused(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    struct tls_client client = dial(fixture);
    SSL_set_security_level(client.ssl, 0);
    SSL_set_cipher_list(client.ssl, "ALL:@SECLEVEL=0");
    SSL_set_min_proto_version(client.ssl, TLS1_1_VERSION);
    SSL_set_max_proto_version(client.ssl, TLS1_1_VERSION);
    assert_int_equal(handshake(&client), -1);
    hang_up(&client);
    fixture_stop(fixture);
}

static void the_least_version_can_be_raised(void **state)
{
    (void)state;
    char error[TLS_ERROR_SIZE];
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    struct tls_options strict = pairs("ec.pem", "ec.key");
    strict.min_version = 13;
    assert_int_equal(server_tls(fixture->server, &strict, error), 0);
    struct tls_client client = dial(fixture);
    SSL_set_max_proto_version(client.ssl, TLS1_2_VERSION);
    assert_int_equal(handshake(&client), -1);
    hang_up(&client);
    fixture_stop(fixture);
}

static void the_certificate_follows_what_the_client_can(void **state)
{
    (void)state;
    char error[TLS_ERROR_SIZE];
    static const struct {
        const char *algorithms;
        int type;
    } rows[] = {{"ECDSA+SHA256", EVP_PKEY_EC}, {"rsa_pss_rsae_sha256", EVP_PKEY_RSA}};
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    struct tls_options both = pairs("ec.pem", "ec.key");
    both.pairs[1] = (struct tls_pair){certificate_file("rsa.pem"), certificate_file("rsa.key")};
    both.pair_count = 2;
    assert_int_equal(server_tls(fixture->server, &both, error), 0);
    for (int i = 0; i < 2; i++) {
        struct tls_client client = dial(fixture);
        assert_int_equal(SSL_set1_sigalgs_list(client.ssl, rows[i].algorithms), 1);
        assert_int_equal(handshake(&client), 1);
        X509 *cert = SSL_get0_peer_certificate(client.ssl);
        assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(cert)), rows[i].type);
        hang_up(&client);
    }
    fixture_stop(fixture);
}

static void new_certificates_are_for_new_connections(void **state)
{
    (void)state;
    char error[TLS_ERROR_SIZE];
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    struct client *old = client_websocket(fixture);
    struct tls_options rsa = pairs("rsa.pem", "rsa.key");
    assert_int_equal(server_tls(fixture->server, &rsa, error), 0);
    struct tls_client client = dial(fixture);
    assert_int_equal(handshake(&client), 1);
    X509 *cert = SSL_get0_peer_certificate(client.ssl);
    assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(cert)), EVP_PKEY_RSA);
    client_say(old, "still here");
    client_expect_text(old, "still here");
    struct tls_options bad = pairs("garbage.pem", "ec.key");
    assert_true(server_tls(fixture->server, &bad, error) < 0);
    hello(&client);
    hang_up(&client);
    client_close(old);
    fixture_stop(fixture);
}

static void http_1_1_is_agreed_on(void **state)
{
    (void)state;
    const unsigned char *chosen;
    unsigned len;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    struct tls_client client = dial(fixture);
    SSL_set_alpn_protos(client.ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    assert_int_equal(handshake(&client), 1);
    SSL_get0_alpn_selected(client.ssl, &chosen, &len);
    assert_int_equal(len, 8);
    assert_memory_equal(chosen, "http/1.1", 8);
    hang_up(&client);
    client = dial(fixture);
    SSL_set_alpn_protos(client.ssl, (const unsigned char *)"\x02h2", 3);
    assert_int_equal(handshake(&client), -1);
    hang_up(&client);
    fixture_stop(fixture);
}

/* Tickets. */

static SSL_SESSION *session_seen;

/* Connects with the session there is, keeps the new one; whether the server took it. */
static bool connect_again(struct fixture *fixture, int version)
{
    struct tls_client client = dial(fixture);
    SSL_set_max_proto_version(client.ssl, version);
    if (session_seen != NULL)
        SSL_set_session(client.ssl, session_seen);
    assert_int_equal(handshake(&client), 1);
    hello(&client); /* in TLS 1.3 the ticket comes behind the handshake */
    bool reused = SSL_session_reused(client.ssl) == 1;
    SSL_SESSION_free(session_seen);
    session_seen = SSL_get1_session(client.ssl);
    SSL_shutdown(client.ssl); /* else OpenSSL forgets the session */
    hang_up(&client);
    return reused;
}

static void fill_key(struct tls_ticket_key *key, int with)
{
    memset(key, with, sizeof(*key));
}

static void tickets_work_across_workers_and_rotations(void **state)
{
    (void)state;
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct server_options options = fixture_options();
    for (int i = 0; i < 2; i++) {
        struct fixture *one = fixture_start(&options, true);
        struct fixture *other = fixture_start(&options, true);
        struct tls_ticket_keys keys;
        fill_key(&keys.current, 1);
        fill_key(&keys.previous, 2);
        server_ticket_keys(one->server, &keys);
        server_ticket_keys(other->server, &keys);
        session_seen = NULL;
        assert_false(connect_again(one, versions[i]));
        assert_non_null(session_seen);
        assert_true(connect_again(other, versions[i]));
        keys.previous = keys.current;
        fill_key(&keys.current, 3);
        server_ticket_keys(one->server, &keys);
        assert_true(connect_again(one, versions[i])); /* with the old key, renewed by the new */
        fill_key(&keys.previous, 9);
        server_ticket_keys(one->server, &keys);
        assert_true(connect_again(one, versions[i]));
        fill_key(&keys.current, 8);
        server_ticket_keys(one->server, &keys);
        assert_false(connect_again(one, versions[i]));
        SSL_SESSION_free(session_seen);
        session_seen = NULL;
        fixture_stop(one);
        fixture_stop(other);
    }
}

static bool has_ticket(struct client *client)
{
    client_poll(client);
    return SSL_SESSION_has_ticket(SSL_get0_session(client->ssl)) == 1;
}

/* Says something again and again, so that it is hardly ever pinged. */
static bool has_ticket_by_now(struct client *busy)
{
    client_say(busy, "still here");
    return has_ticket(busy);
}

static void a_websocket_that_is_new_gets_no_ticket(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    struct client *client = client_websocket(fixture);
    client_say(client, "hello");
    client_expect_text(client, "hello");
    assert_false(has_ticket(client));
    client_close(client);
    fixture_stop(fixture);
}

static void a_websocket_gets_its_ticket_once_it_stays(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    options.ping_interval = 200;
    struct fixture *fixture = fixture_start(&options, true);
    struct client *silent = client_websocket(fixture);
    struct client *busy = client_websocket(fixture);
    AWAIT(fixture, has_ticket_by_now(busy));
    AWAIT(fixture, has_ticket(silent));
    client_close(silent);
    client_close(busy);
    fixture_stop(fixture);
}

/* Clients that misbehave. */

static void a_slow_handshake_is_cut(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    options.tls_handshake_timeout = 100;
    struct fixture *fixture = fixture_start(&options, true);
    struct client *silent = client_connect_raw(fixture);
    struct client *slow = client_connect_raw(fixture);
    client_send(slow, "\x16\x03\x01\x02\x00\x01", 6);
    client_await_end(silent);
    client_await_end(slow);
    AWAIT(fixture, server_count(fixture->server).connections == 0);
    client_close(silent);
    client_close(slow);
    fixture_stop(fixture);
}

static void plain_http_on_a_tls_port_is_ended(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    struct client *client = client_connect_raw(fixture);
    client_send_text(client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client_await_end(client);
    assert_int_equal(fixture->requests, 0);
    client_close(client);
    fixture_stop(fixture);
}

static void a_damaged_record_ends_the_connection(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    struct client *client = client_websocket(fixture);
    assert_int_equal(send(client->fd,
                          "\x17\x03\x03\x00\x20"
                          "0123456789abcdef0123456789abcdef",
                          37, MSG_NOSIGNAL),
                     37);
    client_await_end(client);
    AWAIT(fixture, fixture->sessions[0].lost == 1);
    assert_int_equal(fixture->sessions[0].cause, CLOSE_NONE);
    client_close(client);
    fixture_stop(fixture);
}

/* The shared BIO and buffers: handshakes that overlap do not see each other's bytes. */
static void handshakes_overlap(void **state)
{
    (void)state;
    struct tls_client clients[8];
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    for (int i = 0; i < 8; i++)
        clients[i] = dial(fixture);
    int done = 0;
    for (int turn = 0; turn < 1000 && done < 8; turn++) {
        done = 0;
        for (int i = 0; i < 8; i++)
            done += handshake_step(clients[i].ssl);
        fixture_turn(fixture);
    }
    assert_int_equal(done, 8);
    for (int i = 0; i < 8; i += 2)
        hello(&clients[i]);
    hang_up(&clients[0]);
    for (int i = 1; i < 8; i++) {
        hello(&clients[i]);
        hang_up(&clients[i]);
    }
    fixture_stop(fixture);
}

static void a_close_notify_ends_the_session(void **state)
{
    (void)state;
    struct server_options options = fixture_options();
    struct fixture *fixture = fixture_start(&options, true);
    struct client *client = client_websocket(fixture);
    SSL_shutdown(client->ssl);
    AWAIT(fixture, fixture->sessions[0].lost == 1);
    client_close(client);
    fixture_stop(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_certificates_pass_the_check),
        cmocka_unit_test(bad_certificates_are_named),
        cmocka_unit_test(both_versions_are_spoken),
        cmocka_unit_test(older_versions_are_refused),
        cmocka_unit_test(the_least_version_can_be_raised),
        cmocka_unit_test(the_certificate_follows_what_the_client_can),
        cmocka_unit_test(new_certificates_are_for_new_connections),
        cmocka_unit_test(http_1_1_is_agreed_on),
        cmocka_unit_test(tickets_work_across_workers_and_rotations),
        cmocka_unit_test(a_websocket_that_is_new_gets_no_ticket),
        cmocka_unit_test(a_websocket_gets_its_ticket_once_it_stays),
        cmocka_unit_test(a_slow_handshake_is_cut),
        cmocka_unit_test(plain_http_on_a_tls_port_is_ended),
        cmocka_unit_test(a_damaged_record_ends_the_connection),
        cmocka_unit_test(handshakes_overlap),
        cmocka_unit_test(a_close_notify_ends_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
