/* TLS by OpenSSL, which only tls*.c include: the server's side here, the client's in tls_client.h.
 * RFC 8446, RFC 5246, RFC 5077. */
#ifndef ROOMLINE_NET_TLS_H
#define ROOMLINE_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

#define TLS_ERROR_SIZE 512 /* bytes of a readable error, its NUL included */
#define TLS_PAIRS_MAX 4

/* A certificate chain and its key, PEM files. */
struct tls_pair {
    const char *cert;
    const char *key;
};

struct tls_options {
    struct tls_pair
        pairs[TLS_PAIRS_MAX]; /* of different key types: the client's abilities choose */
    size_t pair_count;
    int min_version;       /* 12 or 13 */
    const char *client_ca; /* PEM file of who vouches for clients, which then all must show a
                              certificate; NULL: they need none */
};

/* What encrypts session tickets. Workers that share it can resume each other's sessions. */
struct tls_ticket_key {
    unsigned char name[16];
    unsigned char cipher[32]; /* AES-256-CBC */
    unsigned char mac[32];    /* HMAC-SHA-256 */
};

struct tls_ticket_keys {
    struct tls_ticket_key current;
    struct tls_ticket_key previous; /* still read, renewed by the current */
};

/* Whether a server could be set up with this. 0, or a negative number and a text that names the
 * file and what is wrong. */
int tls_check(const struct tls_options *options, char ret_error[TLS_ERROR_SIZE]);

/* Below this line is what stream.c uses. */

struct tls_context; /* certificates and settings; shared by the connections that began with it */
struct tls;         /* one connection */

#define TLS_RECORD_MAX 16384 /* bytes of text in a record */
#define TLS_RECORD_EXTRA 512 /* at most that much more on the wire, an alert or ticket included */

/* Where the connection that is at work takes its bytes from, and puts them. One for all connections
 * of a loop: OpenSSL is never left with bytes in a buffer of its own, so an idle connection needs
 * none. */
struct tls_wire {
    struct slice in;
    char *out;
    size_t out_len;
    size_t out_size;
};

enum tls_result {
    TLS_MORE,   /* needs more bytes from the wire */
    TLS_DONE,   /* the handshake is over */
    TLS_DATA,   /* *ret_len bytes of text were read */
    TLS_CLOSED, /* the other side said close_notify */
    TLS_BROKEN, /* no TLS, or not the one that was agreed on */
};

/* `wire` outlives the context and all of its connections. NULL with ret_error filled. */
struct tls_context *tls_context_new(const struct tls_options *options, struct tls_wire *wire,
                                    const struct tls_ticket_keys *keys,
                                    char ret_error[TLS_ERROR_SIZE]);
void tls_context_free(struct tls_context *context);

/* The server's end of a connection. NULL: no memory. */
struct tls *tls_new(struct tls_context *context);
void tls_free(struct tls *tls);

/* Whether the handshake begins with bytes of ours: a client's does. */
bool tls_speaks_first(const struct tls *tls);

/* After TLS_BROKEN and before any other connection of its context is at work: why; a static text. */
const char *tls_cause(const struct tls *tls);

enum tls_result tls_handshake(struct tls *tls);

/* Decrypts from wire->in into `text`. TLS_DATA: and there may be more. TLS_MORE: wire->in is used up,
 * perhaps by text that this call returned. Leaves *ret_len alone where there was none. */
enum tls_result tls_read(struct tls *tls, char *text, size_t size, size_t *ret_len);

/* Encrypts up to TLS_RECORD_MAX bytes as one record onto wire->out. 0, or negative: the connection
 * is broken. */
int tls_write(struct tls *tls, struct slice text);

/* Once for each connection, and by TLS 1.3 only, in which tickets may come at any time (RFC 8446
 * section 4.6.1): what is written next has a session ticket in front. A ticket costs some
 * 6 % of a handshake, and is of use only to who connects again. */
void tls_offer_ticket(struct tls *tls);

/* Puts close_notify onto the wire. */
void tls_close(struct tls *tls);

#endif
