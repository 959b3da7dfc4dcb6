/* TLS for the server's side, by OpenSSL; nobody else here includes it. RFC 8446, RFC 5246, RFC
 * 5077. */
#ifndef ROOMLINE_NET_TLS_H
#define ROOMLINE_NET_TLS_H

#include <stddef.h>

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
    int min_version; /* 12 or 13 */
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

#endif
