/*
 * The bytes of a connection, plain or through OpenSSL. Reads and writes return a count of bytes,
 * 0 when the socket is not ready, -1 when the stream has ended.
 */
#ifndef BENCH_LOAD_TLS_H
#define BENCH_LOAD_TLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct conn;
struct ssl_ctx_st;

struct ssl_ctx_st *tls_context_new(void);
void tls_context_free(struct ssl_ctx_st *context);

void tls_begin(struct conn *conn, struct ssl_ctx_st *context);
/* 1: the handshake is done, 0: it goes on. */
int tls_handshake(struct conn *conn);
void tls_end(struct conn *conn);

ssize_t stream_read(struct conn *conn, uint8_t *into, size_t size);
ssize_t stream_write(struct conn *conn, const uint8_t *bytes, size_t size);

#endif
