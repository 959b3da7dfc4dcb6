#include "net/fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "net/certificates.h"

/* The handler: answers a few paths, echoes messages, writes down what it sees. */

static void on_release(void *owner)
{
    ((struct fixture *)owner)->released++;
}

static const char *big_body(void)
{
    static char *body;
    if (body == NULL) {
        body = malloc(BIG_BODY_SIZE);
        for (size_t i = 0; i < BIG_BODY_SIZE; i++)
            body[i] = (char)('a' + i % 26);
    }
    return body;
}

#define TICKET 0x7469636b6574

static bool on_accept(void *context, const struct ip *address, uint64_t *ret_ticket)
{
    struct fixture *fixture = context;
    if (address == NULL)
        fixture->unnamed++;
    else
        ip_text(address, fixture->last_address);
    if (fixture->admitted == fixture->admit)
        return false;
    fixture->admitted++;
    *ret_ticket = TICKET;
    return true;
}

static void on_gone(void *context, uint64_t ticket)
{
    assert_true(ticket == TICKET);
    ((struct fixture *)context)->admitted--;
}

static void on_request(void *context, struct connection *connection,
                       const struct http_request *request, struct http_response *response)
{
    struct fixture *fixture = context;
    fixture->requests++;
    fixture->last_secure = request->secure;
    if (slice_is(request->path, "/hello")) {
        http_response_text(response, 200, "hello");
    } else if (slice_is(request->path, "/body")) {
        response->status = 200;
        assert_int_equal(http_response_copy(response, request->body), 0);
    } else if (slice_is(request->path, "/big")) {
        response->status = 200;
        response->body = (struct slice){big_body(), BIG_BODY_SIZE};
        response->owner = fixture;
        response->release = on_release;
    } else if (slice_is(request->path, "/later")) {
        assert_true(fixture->asked < FIXTURE_SESSIONS);
        fixture->askers[fixture->asked++] = connection_number(connection);
        response->later = true;
    } else if (slice_is(request->path, "/empty")) {
        response->status = 204;
    } else {
        http_response_text(response, 404, "not found");
    }
}

bool fixture_answer(struct fixture *fixture, const char *text)
{
    struct http_response response = http_response_init();
    assert_true(fixture->asked > 0);
    uint64_t asker = fixture->askers[0];
    memmove(fixture->askers, fixture->askers + 1, --fixture->asked * sizeof(asker));
    http_response_text(&response, 200, text);
    response.owner = fixture;
    response.release = on_release;
    return server_answer(fixture->server, asker, &response);
}

static int on_upgrade(void *context, struct connection *connection,
                      const struct http_request *request, struct upgrade *upgrade,
                      struct http_response *refusal)
{
    struct fixture *fixture = context;
    if (!slice_is(request->path, "/ws")) {
        http_response_add(refusal, "X-Why", SLICE("no such path"));
        return 404;
    }
    assert_true(fixture->session_count < FIXTURE_SESSIONS);
    struct session_seen *session = &fixture->sessions[fixture->session_count++];
    *session = (struct session_seen){.fixture = fixture, .connection = connection};
    buf_init(&session->text, (size_t)64 << 20);
    upgrade->session = session;
    if (http_list_has(request, "Sec-WebSocket-Protocol", "echo.v1"))
        upgrade->subprotocol = SLICE("echo.v1");
    return 0;
}

static void on_message(void *context, struct slice text)
{
    struct session_seen *session = context;
    struct fixture *fixture = session->fixture;
    assert_non_null(session->connection);
    session->messages++;
    buf_clear(&session->text);
    buf_add_slice(&session->text, text);
    if (fixture->echo) {
        struct message *message = message_of(text);
        if (message == NULL) {
            connection_close(session->connection, CLOSE_OVERLOADED);
            session->connection = NULL;
            return;
        }
        connection_deliver(session->connection, message);
        message_unref(message);
    }
    if (fixture->close_on_message != CLOSE_NONE) {
        connection_close(session->connection, fixture->close_on_message);
        session->connection = NULL;
    }
}

static void on_pong(void *context, uint64_t number)
{
    struct session_seen *session = context;
    session->pongs++;
    session->pong = number;
}

static void on_lost(void *context, enum close_code cause)
{
    struct session_seen *session = context;
    session->lost++;
    session->cause = cause;
    session->connection = NULL;
}

struct server_options fixture_options(void)
{
    return (struct server_options){.backlog = 128,
                                   .tls_handshake_timeout = 10000,
                                   .headers_timeout = 10000,
                                   .http_idle_timeout = 10000,
                                   .close_timeout = 5000,
                                   .header_size = 16384,
                                   .body_size = 65536,
                                   .ping_interval = 25000,
                                   .message_size = 65536,
                                   .fragments = 64,
                                   .control_frames_per_second = 50,
                                   .output_queue = 1 << 20};
}

static int listen_anywhere(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 128), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void give_certificates(struct fixture *fixture)
{
    char error[TLS_ERROR_SIZE];
    struct tls_options options = {
        .pairs = {{certificate_file("ec.pem"), certificate_file("ec.key")}},
        .pair_count = 1,
        .min_version = 12};
    assert_int_equal(server_tls(fixture->server, &options, error), 0);
}

struct fixture *fixture_start(const struct server_options *options, bool secure)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    crypto_init();
    fixture->options = *options;
    fixture->secure = secure;
    fixture->echo = true;
    fixture->admit = UINT_MAX;
    fixture->handler = (struct connection_handler){.context = fixture,
                                                   .on_accept = on_accept,
                                                   .on_gone = on_gone,
                                                   .on_request = on_request,
                                                   .on_upgrade = on_upgrade,
                                                   .on_message = on_message,
                                                   .on_pong = on_pong,
                                                   .on_lost = on_lost};
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    fixture->server = server_new(&fixture->loop, options, &fixture->handler);
    assert_non_null(fixture->server);
    if (secure)
        give_certificates(fixture);
    int fd = listen_anywhere(&fixture->port);
    assert_int_equal(server_listen(fixture->server, fd, secure), 0);
    return fixture;
}

static void on_ended(void *context)
{
    ((struct fixture *)context)->ended = true;
}

void fixture_end(struct fixture *fixture, uint64_t deadline)
{
    fixture->ending = true;
    server_end(fixture->server, CLOSE_DRAINING, deadline, on_ended, fixture);
}

void fixture_stop(struct fixture *fixture)
{
    if (!fixture->ending)
        fixture_end(fixture, 200);
    AWAIT(fixture, fixture->ended);
    struct server_counts counts = server_count(fixture->server);
    assert_int_equal(counts.connections, 0);
    assert_int_equal(counts.websockets, 0);
    assert_int_equal(fixture->admitted, 0);
    server_free(fixture->server);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    for (unsigned i = 0; i < fixture->session_count; i++) {
        struct session_seen *session = &fixture->sessions[i];
        assert_null(session->connection);
        assert_true(session->lost <= 1);
        buf_done(&session->text);
    }
    free(fixture);
}

void fixture_turn(struct fixture *fixture)
{
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

/* Clients. */

struct client *client_connect_raw(struct fixture *fixture)
{
    struct client *client = calloc(1, sizeof(*client));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)fixture->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    client->fixture = fixture;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    buf_init(&client->in, (size_t)256 << 20);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    int on = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fcntl(client->fd, F_SETFL, fcntl(client->fd, F_GETFL) | O_NONBLOCK);
    return client;
}

void client_shake_hands(struct client *client)
{
    static SSL_CTX *ctx;
    if (ctx == NULL)
        ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, client->fd);
    SSL_set_connect_state(ssl);
    client->ssl = ssl;
    AWAIT(client->fixture, SSL_do_handshake(ssl) == 1);
}

struct client *client_connect(struct fixture *fixture)
{
    struct client *client = client_connect_raw(fixture);
    if (fixture->secure)
        client_shake_hands(client);
    return client;
}

void client_close(struct client *client)
{
    SSL_free(client->ssl);
    close(client->fd);
    buf_done(&client->in);
    free(client);
}

static ssize_t send_some(struct client *client, const char *bytes, size_t len)
{
    if (client->ssl == NULL)
        return send(client->fd, bytes, len, MSG_NOSIGNAL);
    ERR_clear_error();
    return SSL_write(client->ssl, bytes, (int)len);
}

void client_send(struct client *client, const void *bytes, size_t len)
{
    uint64_t until = uv_hrtime() + 20000000000u;
    for (size_t sent = 0; sent < len;) {
        ssize_t some = send_some(client, (const char *)bytes + sent, len - sent);
        if (some > 0)
            sent += (size_t)some;
        else
            fixture_turn(client->fixture);
        if (uv_hrtime() > until)
            fail_msg("could not send");
    }
}

void client_send_text(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

void client_poll(struct client *client)
{
    char bytes[65536];
    for (;;) {
        ssize_t len;
        if (client->ssl != NULL) {
            ERR_clear_error();
            len = SSL_read(client->ssl, bytes, sizeof(bytes));
            if (len <= 0) {
                client->eof =
                    client->eof || SSL_get_error(client->ssl, (int)len) != SSL_ERROR_WANT_READ;
                return;
            }
        } else {
            len = recv(client->fd, bytes, sizeof(bytes), 0);
            if (len <= 0) {
                client->eof = client->eof || len == 0 || (errno != EAGAIN && errno != EINTR);
                return;
            }
        }
        buf_add(&client->in, bytes, (size_t)len);
    }
}

static bool has(struct client *client, size_t len)
{
    client_poll(client);
    return client->in.len >= len || client->eof;
}

void client_await(struct client *client, size_t len)
{
    AWAIT(client->fixture, has(client, len));
    if (client->in.len < len)
        fail_msg("the server ended after %zu bytes of %zu", client->in.len, len);
}

static bool at_end(struct client *client)
{
    client_poll(client);
    return client->eof;
}

void client_await_end(struct client *client)
{
    AWAIT(client->fixture, at_end(client));
}

static bool has_head(struct client *client)
{
    client_poll(client);
    return client->eof ||
           (client->in.len > 0 && memmem(client->in.data, client->in.len, "\r\n\r\n", 4) != NULL);
}

int client_response(struct client *client, char **ret_head, struct buf *ret_body)
{
    AWAIT(client->fixture, has_head(client));
    const char *end =
        client->in.len == 0 ? NULL : memmem(client->in.data, client->in.len, "\r\n\r\n", 4);
    if (end == NULL)
        fail_msg("no response but the end");
    size_t len = (size_t)(end - client->in.data) + 4;
    char *head = strndup(client->in.data, len);
    int status = (int)strtol(head + 9, NULL, 10);
    const char *field = strstr(head, "Content-Length: ");
    size_t body = field == NULL || ret_body == NULL ? 0 : (size_t)strtol(field + 16, NULL, 10);
    client_await(client, len + body);
    if (ret_body != NULL)
        buf_add(ret_body, client->in.data + len, body);
    buf_drop(&client->in, len + body);
    if (ret_head != NULL)
        *ret_head = head;
    else
        free(head);
    return status;
}

#define UPGRADE                                                                                    \
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"         \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

struct client *client_websocket(struct fixture *fixture)
{
    struct client *client = client_connect(fixture);
    client_send_text(client, UPGRADE);
    assert_int_equal(client_response(client, NULL, NULL), 101);
    return client;
}

struct buf frame_masked(unsigned first_byte, const void *payload, size_t len)
{
    static const unsigned char key[4] = {0x37, 0xfa, 0x21, 0x3d};
    struct buf frame;
    buf_init(&frame, len + 14);
    buf_add_char(&frame, (char)first_byte);
    unsigned extended = len < 126 ? 0 : len < 65536 ? 2 : 8;
    buf_add_char(&frame, (char)(0x80 | (extended == 0 ? len : extended == 2 ? 126 : 127)));
    for (unsigned i = extended; i > 0; i--)
        buf_add_char(&frame, (char)((uint64_t)len >> (8 * (i - 1))));
    buf_add(&frame, key, 4);
    for (size_t i = 0; i < len; i++)
        buf_add_char(&frame, (char)(((const unsigned char *)payload)[i] ^ key[i % 4]));
    assert_false(buf_failed(&frame));
    return frame;
}

void client_frame(struct client *client, unsigned first_byte, const void *payload, size_t len)
{
    struct buf frame = frame_masked(first_byte, payload, len);
    client_send(client, frame.data, frame.len);
    buf_done(&frame);
}

void client_say(struct client *client, const char *text)
{
    client_frame(client, 0x81, text, strlen(text));
}

struct server_frame client_next_frame(struct client *client)
{
    static char payload[1 << 20];
    client_await(client, 2);
    const unsigned char *bytes = (const unsigned char *)client->in.data;
    unsigned first = bytes[0];
    size_t head = 2, len = bytes[1];
    assert_true(len < 128); /* a server does not mask */
    unsigned extended = len == 126 ? 2 : len == 127 ? 8 : 0;
    client_await(client, head + extended);
    bytes = (const unsigned char *)client->in.data;
    if (extended > 0)
        len = 0;
    for (unsigned i = 0; i < extended; i++)
        len = len << 8 | bytes[head++];
    client_await(client, head + len);
    assert_true(len <= sizeof(payload));
    memcpy(payload, client->in.data + head, len);
    buf_drop(&client->in, head + len);
    return (struct server_frame){first, {payload, len}};
}

void client_expect_close(struct client *client, unsigned code)
{
    struct server_frame frame = client_next_frame(client);
    assert_int_equal(frame.first_byte, 0x88);
    assert_true(frame.payload.len >= 2);
    assert_int_equal((unsigned char)frame.payload.ptr[0] << 8 | (unsigned char)frame.payload.ptr[1],
                     code);
}

void client_expect_text(struct client *client, const char *text)
{
    struct server_frame frame = client_next_frame(client);
    assert_int_equal(frame.first_byte, 0x81);
    assert_int_equal(frame.payload.len, strlen(text));
    assert_memory_equal(frame.payload.ptr, text, frame.payload.len);
}
