/* Keys that sign and verify, each good for one algorithm alone (RFC 7518 section 3, RFC 8037): so a
 * public key can't be taken for a shared secret. By OpenSSL. */
#ifndef ROOMLINE_BASE_CRYPTO_KEY_H
#define ROOMLINE_BASE_CRYPTO_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum crypto_algorithm {
    CRYPTO_HS256,   /* HMAC with SHA-256 */
    CRYPTO_ES256,   /* ECDSA with P-256 and SHA-256 */
    CRYPTO_ED25519, /* EdDSA with Curve25519 */
};

#define CRYPTO_SECRET_MIN 32 /* bytes: the hash's size, RFC 7518 section 3.2 */
#define CRYPTO_SECRET_MAX 512
#define CRYPTO_COORDINATE_SIZE 32 /* of x, y and d of both curves */
#define CRYPTO_SIGNATURE_MAX 64   /* what crypto_sign() may write */

struct crypto_key;

/* NULL: too short or too long, a point that is not on the curve, a private key that is not the
 * public key's, or no memory. `d`, the private key, may be NULL: then it only verifies. All
 * coordinates have CRYPTO_COORDINATE_SIZE bytes. */
struct crypto_key *crypto_key_secret(struct slice secret);
struct crypto_key *crypto_key_p256(const void *x, const void *y, const void *d);
struct crypto_key *crypto_key_ed25519(const void *x, const void *d);

void crypto_key_free(struct crypto_key *key);

enum crypto_algorithm crypto_key_algorithm(const struct crypto_key *key);
bool crypto_key_signs(const struct crypto_key *key);

/* Whether the signature (of ES256: r and s, 32 bytes each, RFC 7518 section 3.4) is this key's for
 * the message. */
bool crypto_verify(const struct crypto_key *key, struct slice message, struct slice signature);

/* Returns the signature's length, or -1: the key does not sign, or no memory. */
long crypto_sign(const struct crypto_key *key, struct slice message,
                 unsigned char ret_signature[CRYPTO_SIGNATURE_MAX]);

#endif
