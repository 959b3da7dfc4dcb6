#include "net/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "net/tls_state.h"

static int trust(SSL_CTX *ctx, const char *ca, char *ret_error)
{
    ERR_clear_error();
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (ca == NULL)
        return SSL_CTX_set_default_verify_paths(ctx) == 1
                   ? 0
                   : tls_fail(ret_error, "the system's certificate authorities");
    return SSL_CTX_load_verify_file(ctx, ca) == 1 ? 0 : tls_fail_file(ret_error, "CA file", ca);
}

static int set_up(SSL_CTX *ctx, const struct tls_client_options *options, char *ret_error)
{
    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        return tls_fail(ret_error, "TLS");
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (options->anyone)
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    else if (trust(ctx, options->ca, ret_error) != 0)
        return -1;
    return options->pair.cert == NULL ? 0 : tls_load_pair(ctx, &options->pair, ret_error);
}

struct tls_context *tls_client_context_new(const struct tls_client_options *options,
                                           struct tls_wire *wire, char ret_error[TLS_ERROR_SIZE])
{
    struct tls_context *context = tls_context_make(SSL_CTX_new(TLS_client_method()), wire);
    if (set_up(context->ctx, options, ret_error) == 0)
        return context;
    tls_context_free(context);
    return NULL;
}

int tls_client_check(const struct tls_client_options *options, char ret_error[TLS_ERROR_SIZE])
{
    struct tls_context *context = tls_client_context_new(options, NULL, ret_error);
    if (context == NULL)
        return -1;
    tls_context_free(context);
    return 0;
}

/* An address is looked for among the certificate's addresses, and is no name to ask for (RFC 6066
 * section 3). */
static int expect_host(SSL *ssl, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct tls *tls_client_new(struct tls_context *context, const char *host)
{
    struct tls *tls = tls_make(context);
    if (tls == NULL)
        return NULL;
    SSL_set_connect_state(tls->ssl);
    if (expect_host(tls->ssl, host) == 1)
        return tls;
    ERR_clear_error();
    tls_free(tls);
    return NULL;
}
