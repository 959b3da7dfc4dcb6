/* What TLS is made of, for the files that meet OpenSSL: tls.c has the server's side and the
 * connections of both, tls_client.c the client's side, tls_files.c certificates, keys and errors. */
#ifndef ROOMLINE_NET_TLS_STATE_H
#define ROOMLINE_NET_TLS_STATE_H

#include <openssl/ssl.h>

#include "net/tls.h"

struct tls_context {
    SSL_CTX *ctx;
    BIO *bio; /* the one that all connections share; its data is the wire */
    BIO_METHOD *method;
    struct tls_wire *wire;
    const struct tls_ticket_keys *keys; /* the owner's, who may change them; NULL of a client */
    unsigned refs;                      /* the owner's and one for each connection */
    const char *cause; /* why the connection that broke last did; static, NULL: unknown */
};

struct tls {
    SSL *ssl;
    struct tls_context *context;
    bool offered; /* a ticket */
};

/* Takes over `ctx`. Never NULL, but where something could not be had context->ctx is. */
struct tls_context *tls_context_make(SSL_CTX *ctx, struct tls_wire *wire);

/* A connection that is neither a server nor a client yet. NULL: no memory. */
struct tls *tls_make(struct tls_context *context);

int tls_load_pair(SSL_CTX *ctx, const struct tls_pair *pair, char *ret_error);

/* Fill in what OpenSSL reported last. Always -1. */
int tls_fail(char *ret_error, const char *what);
int tls_fail_file(char *ret_error, const char *what, const char *path);

/* Why a connection broke, or NULL; a static text. Takes it off OpenSSL's queue. */
const char *tls_reason(const SSL *ssl);

#endif
