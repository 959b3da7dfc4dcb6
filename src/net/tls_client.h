/* The client's side of TLS, for what we connect to: the server has to prove who it is,
 * unless anyone will do. */
#ifndef ROOMLINE_NET_TLS_CLIENT_H
#define ROOMLINE_NET_TLS_CLIENT_H

#include "net/tls.h"

struct tls_client_options {
    const char *ca;       /* PEM file of the authorities that are trusted; NULL: the system's */
    struct tls_pair pair; /* our certificate and key; both NULL: none */
    bool anyone;          /* whoever answers will do: for asking oneself; no CA is needed */
};

/* Whether a client could be set up with this. 0, or negative with ret_error filled. */
int tls_client_check(const struct tls_client_options *options, char ret_error[TLS_ERROR_SIZE]);

/* `wire` outlives the context and all of its connections. NULL with ret_error filled. Goes by
 * tls_context_free(). */
struct tls_context *tls_client_context_new(const struct tls_client_options *options,
                                           struct tls_wire *wire, char ret_error[TLS_ERROR_SIZE]);

/* The client's end of a connection to `host`, a name or an IP address, which the certificate has to
 * hold (RFC 6125, RFC 9525). NULL: no memory. */
struct tls *tls_client_new(struct tls_context *context, const char *host);

#endif
