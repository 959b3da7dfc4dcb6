/* Tokens: whatever the text, nothing is granted that no key signed; and whatever the claims that a
 * key did sign, what is granted is what cJSON reads in them, within its bounds. */
#include <string.h>

#include "api/token.h"
#include "base/crypto.h"
#include "core/json.h"
#include "must.h"
#include "second_opinion.h"

#define NOW UINT64_C(1700000000000)

static const char secret[] = "0123456789abcdef0123456789abcdef";
static const struct token_rules rules = {.issuer = "", .audience = "", .skew = 30000};
static struct jwk_set keys;
static struct token token;

static void start(void)
{
    char cause[JWK_ERROR_SIZE];
    if (keys.count > 0)
        return;
    crypto_init();
    must(jwk_set_add_secret(&keys, SLICE("0123456789abcdef0123456789abcdef"), cause) == 0);
}

static bool lies_within(struct slice inner, const void *start, size_t len)
{
    const char *at = start;
    return inner.ptr >= at && inner.ptr + inner.len <= at + len;
}

static void check_grant(struct slice claims)
{
    const struct grant *grant = &token.grant;
    must(grant->rights <= (RIGHT_SIGNAL | RIGHT_INFO | RIGHT_ADMIN));
    must(grant->lifetime > 0 && grant->ends == NOW + grant->lifetime);
    must(grant->peer.ptr == NULL || text_is_peer_name(grant->peer));
    must(grant->ticket.ptr == NULL || (grant->ticket.len > 0 && grant->ticket.len <= TOKEN_ID_MAX));
    if (grant->info.ptr != NULL) {
        must(lies_within(grant->info, token.jwt.bytes, sizeof(token.jwt.bytes)));
        must(json_check(grant->info) == JSON_OBJECT);
    }
    /* A NUL in a name is beyond cJSON. */
    if (!second_opinion_can_tell(claims) || memmem(claims.ptr, claims.len, "\\u0000", 6) != NULL)
        return;
    cJSON *json = second_opinion_parse(claims);
    must(json != NULL);
    const cJSON *exp = second_opinion_member(json, "exp");
    must(cJSON_IsNumber(exp) && exp->valuedouble * 1000 + 30000 > (double)NOW);
    must(second_opinion_member(json, "room") != NULL);
    must((grant->peer.ptr != NULL) == (second_opinion_member(json, "sub") != NULL));
    must(grant->ticket.ptr == NULL || cJSON_IsTrue(second_opinion_member(json, "once")));
    cJSON_Delete(json);
}

static int ask(struct slice text)
{
    const char *cause;
    int error = token_check(&token, &keys, &rules, text, SLICE("room"), NOW, &cause);
    must(error == 0 || error == ERR_UNAUTHORIZED || error == ERR_FORBIDDEN);
    must((error == 0) == (cause == NULL));
    return error;
}

/* Signed, so that the claims are read. */
static void try_claims(struct slice claims)
{
    struct buf text;
    buf_init(&text, JWT_SIZE_MAX);
    if (jwt_seal(&keys.keys[0], claims, &text) == 0 && ask(buf_slice(&text)) == 0)
        check_grant(claims);
    buf_done(&text);
}

/* The last part has to be the HMAC of what is before it. */
static void check_signature(struct slice text)
{
    char signature[64];
    unsigned char made[CRYPTO_SIGNATURE_MAX];
    const char *dot = memrchr(text.ptr, '.', text.len);
    must(dot != NULL);
    struct slice message = {text.ptr, (size_t)(dot - text.ptr)};
    struct slice last = {dot + 1, text.len - message.len - 1};
    struct crypto_key *key = crypto_key_secret(slice_of(secret));
    must(crypto_sign(key, message, made) == 32);
    crypto_key_free(key);
    crypto_base64url(made, 32, signature, sizeof(signature));
    must(slice_is(last, signature));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct jwt jwt;
    start();
    if (jwt_open(&keys, text, &jwt) == NULL)
        check_signature(text);
    ask(text);
    try_claims(text);
    return 0;
}
