/* JWK Sets: what is taken keeps to the bounds, each key has a kid of its own and works for its
 * algorithm alone; a cause shows nothing of the keys. */
#include <string.h>

#include "api/jwk.h"
#include "base/crypto.h"
#include "must.h"

static void check_key(const struct jwk_set *set, const struct jwk *jwk)
{
    unsigned char signature[CRYPTO_SIGNATURE_MAX];
    enum crypto_algorithm algorithm = crypto_key_algorithm(jwk->key);
    must(jwk->kid_len <= JWK_KID_MAX);
    must(!jwk->has_kid || jwk_find(set, jwk_kid(jwk), algorithm) == jwk);
    for (int other = CRYPTO_HS256; other <= CRYPTO_ED25519; other++)
        must(!jwk->has_kid || other == (int)algorithm ||
             jwk_find(set, jwk_kid(jwk), (enum crypto_algorithm)other) == NULL);
    long len = crypto_sign(jwk->key, SLICE("message"), signature);
    must((len > 0) == crypto_key_signs(jwk->key));
    if (len > 0)
        must(crypto_verify(jwk->key, SLICE("message"),
                           (struct slice){(const char *)signature, (size_t)len}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    static struct jwk_set set;
    char cause[JWK_ERROR_SIZE] = "";
    if (!started)
        crypto_init();
    started = true;
    int result = jwk_set_read(&set, (struct slice){(const char *)data, size}, cause);
    must(result == 0 ? set.count > 0 : cause[0] != '\0' && strlen(cause) < 100);
    must(set.count <= JWK_COUNT_MAX);
    for (size_t i = 0; i < set.count; i++)
        check_key(&set, &set.keys[i]);
    jwk_set_done(&set);
    return 0;
}
