/* Randomness, keyed hashing and encodings, by libsodium and OpenSSL. */
#ifndef ROOMLINE_BASE_CRYPTO_H
#define ROOMLINE_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Once per process, before anything else here. Aborts where the system has no randomness. */
void crypto_init(void);

void crypto_random(void *bytes, size_t len);

/* SipHash-2-4 under a key chosen at start, so that strangers cannot aim at one hash bucket. */
unsigned crypto_keyed_hash(const void *bytes, size_t len);

#define CRYPTO_HASH_KEY_SIZE 16

/* The same under a key that several processes share. */
uint64_t crypto_hash_under(const unsigned char key[CRYPTO_HASH_KEY_SIZE], const void *bytes,
                           size_t len);

/* Compares in constant time. */
bool crypto_equal(const void *a, const void *b, size_t len);

/* What base64url text (RFC 4648 section 5, no padding) of `len` bytes needs, with its NUL. */
#define CRYPTO_BASE64URL_SIZE(len) ((4 * (len) + 2) / 3 + 1)

void crypto_base64url(const void *bytes, size_t len, char *ret_text, size_t size);

/* Returns how many bytes were decoded, or -1 where the text is not base64url or holds more than
 * `size`. */
long crypto_base64url_decode(struct slice text, void *ret_bytes, size_t size);

/* Sec-WebSocket-Accept for a key (RFC 6455 section 4.2.2): 28 characters and NUL. */
void crypto_websocket_accept(struct slice key, char ret_accept[29]);

#define CRYPTO_SHA256_SIZE 32

void crypto_sha256(const void *bytes, size_t len, unsigned char ret_hash[CRYPTO_SHA256_SIZE]);

/* A strong entity tag for content: 22 characters of base64url and NUL. */
void crypto_etag(const void *bytes, size_t len, char ret_tag[23]);

#endif
