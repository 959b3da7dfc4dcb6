/* Keys of tokens as a JWK Set (RFC 7517), each pinned to one algorithm by what it is:
 *
 *     {"keys":[{"kty":"oct","kid":"a","k":"..."},                                  HS256
 *              {"kty":"EC","crv":"P-256","kid":"b","x":"...","y":"..."},           ES256
 *              {"kty":"OKP","crv":"Ed25519","kid":"c","x":"...","d":"..."}]}       EdDSA
 *
 * Keys for something else (another `kty` or `crv`, `use` other than sig, another `alg`) are passed
 * over, as RFC 7517 section 5 wants it; a key of these kinds that is broken spoils the set. */
#ifndef ROOMLINE_API_JWK_H
#define ROOMLINE_API_JWK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/crypto_key.h"
#include "base/slice.h"

#define JWK_SET_SIZE_MAX ((size_t)256 << 10) /* bytes of JSON */
#define JWK_COUNT_MAX 64
#define JWK_KID_MAX 128 /* bytes */
#define JWK_ERROR_SIZE 256

struct jwk {
    bool has_kid;
    size_t kid_len;
    char kid[JWK_KID_MAX];
    struct crypto_key *key;
};

struct jwk_set {
    size_t count;
    struct jwk keys[JWK_COUNT_MAX];
};

static inline struct slice jwk_kid(const struct jwk *key)
{
    return key->has_kid ? (struct slice){key->kid, key->kid_len} : SLICE_NONE;
}

/* Adds the keys of a set. 0, or -1 with the cause, which holds no key; then some may have been
 * added. */
int jwk_set_read(struct jwk_set *set, struct slice text, char ret_error[JWK_ERROR_SIZE]);

/* Adds a shared secret without `kid`. */
int jwk_set_add_secret(struct jwk_set *set, struct slice secret, char ret_error[JWK_ERROR_SIZE]);

void jwk_set_done(struct jwk_set *set);

/* The key of this `kid`; without one (SLICE_NONE) the only key of the algorithm, if it is the only
 * one. NULL: none. */
const struct jwk *jwk_find(const struct jwk_set *set, struct slice kid,
                           enum crypto_algorithm algorithm);

/* The key to sign with: that of this `kid`, or (SLICE_NONE) the first that can. */
const struct jwk *jwk_find_signer(const struct jwk_set *set, struct slice kid);

/* "HS256" and so on, as `alg` names it. */
const char *jwk_algorithm_name(enum crypto_algorithm algorithm);

/* The reverse; RFC 9864 names EdDSA with this curve Ed25519. False: none of ours. */
bool jwk_algorithm_of(struct slice name, enum crypto_algorithm *ret_algorithm);

#endif
