#include "load_tls.h"

#include "fail.h"
#include "load_net.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

/* What browsers offer, in their order; OpenSSL's own begins with AES-256, whose handshake costs more. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* No check of the certificate: it is the bench's own, made a moment ago. Every handshake is full. */
struct ssl_ctx_st *tls_context_new(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_set_ciphersuites(context, SUITES) != 1)
        fail("no TLS context");
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    return context;
}

void tls_context_free(struct ssl_ctx_st *context)
{
    SSL_CTX_free(context);
}

void tls_begin(struct conn *conn, struct ssl_ctx_st *context)
{
    conn->tls = SSL_new(context);
    if (!conn->tls || SSL_set_fd(conn->tls, conn->fd) != 1)
        fail("no TLS session");
    SSL_set_connect_state(conn->tls);
}

int tls_handshake(struct conn *conn)
{
    int result = SSL_do_handshake(conn->tls);
    if (result == 1)
        return 1;
    int error = SSL_get_error(conn->tls, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        fail("TLS handshake: %s", ERR_error_string(ERR_peek_error(), NULL));
    return 0;
}

void tls_end(struct conn *conn)
{
    SSL_free(conn->tls);
    conn->tls = NULL;
    ERR_clear_error();
}

static ssize_t tls_result(struct conn *conn, int result)
{
    int error = SSL_get_error(conn->tls, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return 0;
    ERR_clear_error();
    return -1;
}

/* Takes every record that one read of the socket brought, and asks the socket only once. */
static ssize_t tls_read(struct conn *conn, uint8_t *into, size_t size)
{
    size_t sum = 0;
    do {
        int result = SSL_read(conn->tls, into + sum, (int)(size - sum));
        if (result <= 0)
            return sum > 0 ? (ssize_t)sum : tls_result(conn, result);
        sum += (size_t)result;
    } while (sum < size && SSL_has_pending(conn->tls));
    return (ssize_t)sum;
}

ssize_t stream_read(struct conn *conn, uint8_t *into, size_t size)
{
    if (conn->tls)
        return tls_read(conn, into, size);
    ssize_t result = recv(conn->fd, into, size, 0);
    if (result > 0)
        return result;
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

ssize_t stream_write(struct conn *conn, const uint8_t *bytes, size_t size)
{
    if (conn->tls) {
        int result = SSL_write(conn->tls, bytes, (int)size);
        return result > 0 ? result : tls_result(conn, result);
    }
    ssize_t result = send(conn->fd, bytes, size, MSG_NOSIGNAL);
    if (result >= 0)
        return result;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}
