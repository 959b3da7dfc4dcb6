#include "base/crypto_key.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

#define HASH_SIZE 32
#define SIGNATURE_SIZE 64                           /* of both curves */
#define POINT_SIZE (1 + 2 * CRYPTO_COORDINATE_SIZE) /* SEC 1: 4, x, y */
#define DER_MAX 80 /* of an ECDSA signature on this curve: 72 at most */

struct crypto_key {
    enum crypto_algorithm algorithm;
    bool signs;
    EVP_PKEY *pkey; /* NULL: a secret */
    size_t secret_len;
    unsigned char secret[CRYPTO_SECRET_MAX];
};

static struct crypto_key *key_new(enum crypto_algorithm algorithm, bool signs)
{
    struct crypto_key *key = mem_zero(sizeof(*key));
    if (key == NULL)
        return NULL;
    key->algorithm = algorithm;
    key->signs = signs;
    return key;
}

void crypto_key_free(struct crypto_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    explicit_bzero(key, sizeof(*key));
    mem_free(key);
}

struct crypto_key *crypto_key_secret(struct slice secret)
{
    if (secret.len < CRYPTO_SECRET_MIN || secret.len > CRYPTO_SECRET_MAX)
        return NULL;
    struct crypto_key *key = key_new(CRYPTO_HS256, true);
    if (key == NULL)
        return NULL;
    memcpy(key->secret, secret.ptr, secret.len);
    key->secret_len = secret.len;
    return key;
}

/* Takes the pkey. What OpenSSL noted of a failure must not be found by a TLS connection later. */
static struct crypto_key *key_of(enum crypto_algorithm algorithm, EVP_PKEY *pkey, bool signs)
{
    ERR_clear_error();
    struct crypto_key *key = pkey == NULL ? NULL : key_new(algorithm, signs);
    if (key == NULL)
        EVP_PKEY_free(pkey);
    else
        key->pkey = pkey;
    return key;
}

/* ---- P-256 */

static bool push_p256(OSSL_PARAM_BLD *build, const unsigned char *point, BIGNUM *d)
{
    return OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
           OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, POINT_SIZE) &&
           (d == NULL || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d));
}

static EVP_PKEY *import_p256(OSSL_PARAM *parameters, int selection)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, selection, parameters) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    return pkey;
}

/* Whether the point is on the curve, and the private key this point's. */
static bool is_sound(EVP_PKEY *pkey, bool private)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool sound = context != NULL && EVP_PKEY_public_check(context) == 1 &&
                 (!private || EVP_PKEY_pairwise_check(context) == 1);
    EVP_PKEY_CTX_free(context);
    return sound;
}

static EVP_PKEY *make_p256(const unsigned char *point, BIGNUM *d)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    EVP_PKEY *pkey = NULL;
    if (build != NULL && push_p256(build, point, d))
        parameters = OSSL_PARAM_BLD_to_param(build);
    if (parameters != NULL)
        pkey = import_p256(parameters, d == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    if (pkey == NULL || is_sound(pkey, d != NULL))
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

struct crypto_key *crypto_key_p256(const void *x, const void *y, const void *d)
{
    unsigned char point[POINT_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, x, CRYPTO_COORDINATE_SIZE);
    memcpy(point + 1 + CRYPTO_COORDINATE_SIZE, y, CRYPTO_COORDINATE_SIZE);
    BIGNUM *number = d == NULL ? NULL : BN_bin2bn(d, CRYPTO_COORDINATE_SIZE, NULL);
    if (d != NULL && number == NULL)
        return NULL;
    EVP_PKEY *pkey = make_p256(point, number);
    BN_clear_free(number);
    return key_of(CRYPTO_ES256, pkey, d != NULL);
}

/* A signature of JWS as the DER that OpenSSL takes. Returns its length, 0: no memory. */
static int to_der(struct slice signature, unsigned char der[DER_MAX])
{
    const unsigned char *bytes = (const unsigned char *)signature.ptr;
    int len = 0;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, SIGNATURE_SIZE / 2, NULL);
    BIGNUM *s = BN_bin2bn(bytes + SIGNATURE_SIZE / 2, SIGNATURE_SIZE / 2, NULL);
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* the pair's now */
        len = i2d_ECDSA_SIG(pair, NULL) <= DER_MAX ? i2d_ECDSA_SIG(pair, &der) : 0;
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return len > 0 ? len : 0;
}

static bool from_der(const unsigned char *der, size_t len, unsigned char *ret_signature)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);
    bool fits = pair != NULL &&
                BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_signature, SIGNATURE_SIZE / 2) > 0 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_signature + SIGNATURE_SIZE / 2,
                             SIGNATURE_SIZE / 2) > 0;
    ECDSA_SIG_free(pair);
    return fits;
}

/* ---- Ed25519 */

static EVP_PKEY *private_ed25519(const void *x, const void *d)
{
    unsigned char public[CRYPTO_COORDINATE_SIZE];
    size_t len = sizeof(public);
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, d, sizeof(public));
    if (pkey != NULL && EVP_PKEY_get_raw_public_key(pkey, public, &len) == 1 &&
        crypto_equal(public, x, sizeof(public)))
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

struct crypto_key *crypto_key_ed25519(const void *x, const void *d)
{
    EVP_PKEY *pkey =
        d == NULL ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, CRYPTO_COORDINATE_SIZE)
                  : private_ed25519(x, d);
    return key_of(CRYPTO_ED25519, pkey, d != NULL);
}

/* ---- use */

enum crypto_algorithm crypto_key_algorithm(const struct crypto_key *key)
{
    return key->algorithm;
}

bool crypto_key_signs(const struct crypto_key *key)
{
    return key->signs;
}

static bool make_hmac(const struct crypto_key *key, struct slice message,
                      unsigned char ret_hash[HASH_SIZE])
{
    unsigned len = HASH_SIZE;
    return HMAC(EVP_sha256(), key->secret, (int)key->secret_len, (const unsigned char *)message.ptr,
                message.len, ret_hash, &len) != NULL;
}

static bool verify_hmac(const struct crypto_key *key, struct slice message, struct slice signature)
{
    unsigned char hash[HASH_SIZE];
    return signature.len == HASH_SIZE && make_hmac(key, message, hash) &&
           crypto_equal(hash, signature.ptr, HASH_SIZE);
}

static const EVP_MD *digest_of(const struct crypto_key *key)
{
    return key->algorithm == CRYPTO_ES256 ? EVP_sha256() : NULL;
}

static bool verify_curve(const struct crypto_key *key, struct slice message, struct slice signature)
{
    unsigned char der[DER_MAX];
    const unsigned char *bytes = (const unsigned char *)signature.ptr;
    size_t len = signature.len;
    if (len != SIGNATURE_SIZE)
        return false;
    if (key->algorithm == CRYPTO_ES256) {
        len = (size_t)to_der(signature, der);
        bytes = der;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good =
        len > 0 && context != NULL &&
        EVP_DigestVerifyInit(context, NULL, digest_of(key), NULL, key->pkey) == 1 &&
        EVP_DigestVerify(context, bytes, len, (const unsigned char *)message.ptr, message.len) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}

bool crypto_verify(const struct crypto_key *key, struct slice message, struct slice signature)
{
    return key->algorithm == CRYPTO_HS256 ? verify_hmac(key, message, signature)
                                          : verify_curve(key, message, signature);
}

static long sign_curve(const struct crypto_key *key, struct slice message,
                       unsigned char ret_signature[CRYPTO_SIGNATURE_MAX])
{
    unsigned char bytes[DER_MAX];
    size_t len = sizeof(bytes);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good =
        context != NULL &&
        EVP_DigestSignInit(context, NULL, digest_of(key), NULL, key->pkey) == 1 &&
        EVP_DigestSign(context, bytes, &len, (const unsigned char *)message.ptr, message.len) == 1;
    EVP_MD_CTX_free(context);
    if (good && key->algorithm == CRYPTO_ES256)
        good = from_der(bytes, len, ret_signature);
    else if (good)
        memcpy(ret_signature, bytes, SIGNATURE_SIZE);
    ERR_clear_error();
    return good ? SIGNATURE_SIZE : -1;
}

long crypto_sign(const struct crypto_key *key, struct slice message,
                 unsigned char ret_signature[CRYPTO_SIGNATURE_MAX])
{
    if (!key->signs)
        return -1;
    if (key->algorithm == CRYPTO_HS256)
        return make_hmac(key, message, ret_signature) ? HASH_SIZE : -1;
    return sign_curve(key, message, ret_signature);
}
