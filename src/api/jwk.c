#include "api/jwk.h"

#include <stdio.h>
#include <string.h>

#include "api/members.h"
#include "base/crypto.h"

#define ALGORITHM_MAX 16 /* bytes of an `alg` that could be ours */

static const struct {
    const char *name;
    enum crypto_algorithm algorithm;
} algorithms[] = {
    {"HS256", CRYPTO_HS256},
    {"ES256", CRYPTO_ES256},
    {"EdDSA", CRYPTO_ED25519},
    {"Ed25519", CRYPTO_ED25519},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *jwk_algorithm_name(enum crypto_algorithm algorithm)
{
    for (size_t i = 0; i < COUNT(algorithms); i++)
        if (algorithms[i].algorithm == algorithm)
            return algorithms[i].name;
    return "";
}

bool jwk_algorithm_of(struct slice name, enum crypto_algorithm *ret_algorithm)
{
    for (size_t i = 0; i < COUNT(algorithms); i++)
        if (slice_is(name, algorithms[i].name)) {
            *ret_algorithm = algorithms[i].algorithm;
            return true;
        }
    return false;
}

/* ---- one key */

enum { KTY, CRV, ALG, USE, OPS, KID, K, X, Y, D, MEMBER_COUNT };

static const char *const names[MEMBER_COUNT] = {"kty", "crv", "alg", "use", "key_ops",
                                                "kid", "k",   "x",   "y",   "d"};

struct source {
    struct named members[MEMBER_COUNT];
};

static const struct json_member *get(const struct source *source, int which)
{
    return &source->members[which].found;
}

static bool has(const struct source *source, int which)
{
    return get(source, which)->kind != JSON_INVALID;
}

/* Bytes of a coordinate: exactly as long as the curve's (RFC 7518 section 6.2.1.2). */
static bool read_coordinate(const struct source *source, int which,
                            unsigned char ret_bytes[CRYPTO_COORDINATE_SIZE])
{
    char text[CRYPTO_BASE64URL_SIZE(CRYPTO_COORDINATE_SIZE)];
    struct slice encoded;
    return member_text(get(source, which), text, sizeof(text), &encoded) &&
           crypto_base64url_decode(encoded, ret_bytes, CRYPTO_COORDINATE_SIZE) ==
               CRYPTO_COORDINATE_SIZE;
}

static struct crypto_key *make_secret(const struct source *source)
{
    char text[CRYPTO_BASE64URL_SIZE(CRYPTO_SECRET_MAX)];
    char bytes[CRYPTO_SECRET_MAX];
    struct slice encoded;
    struct crypto_key *key = NULL;
    if (member_text(get(source, K), text, sizeof(text), &encoded)) {
        long len = crypto_base64url_decode(encoded, bytes, sizeof(bytes));
        key = len < 0 ? NULL : crypto_key_secret((struct slice){bytes, (size_t)len});
    }
    explicit_bzero(text, sizeof(text));
    explicit_bzero(bytes, sizeof(bytes));
    return key;
}

struct coordinates {
    unsigned char x[CRYPTO_COORDINATE_SIZE];
    unsigned char y[CRYPTO_COORDINATE_SIZE];
    unsigned char d[CRYPTO_COORDINATE_SIZE];
};

static struct crypto_key *make_p256(const struct source *source)
{
    struct coordinates c;
    struct crypto_key *key = NULL;
    bool private = has(source, D);
    if (read_coordinate(source, X, c.x) && read_coordinate(source, Y, c.y) &&
        (!private || read_coordinate(source, D, c.d)))
        key = crypto_key_p256(c.x, c.y, private ? c.d : NULL);
    explicit_bzero(&c, sizeof(c));
    return key;
}

static struct crypto_key *make_ed25519(const struct source *source)
{
    struct coordinates c;
    struct crypto_key *key = NULL;
    bool private = has(source, D);
    if (read_coordinate(source, X, c.x) && (!private || read_coordinate(source, D, c.d)))
        key = crypto_key_ed25519(c.x, private ? c.d : NULL);
    explicit_bzero(&c, sizeof(c));
    return key;
}

static const struct kind {
    const char *kty;
    const char *crv; /* NULL: has none */
    enum crypto_algorithm algorithm;
    struct crypto_key *(*make)(const struct source *source);
    const char *wrong;
} kinds[] = {
    {"oct", NULL, CRYPTO_HS256, make_secret, "k is not base64url of 32 to 512 bytes"},
    {"EC", "P-256", CRYPTO_ES256, make_p256, "x, y and d are not a key of P-256"},
    {"OKP", "Ed25519", CRYPTO_ED25519, make_ed25519, "x and d are not a key of Ed25519"},
};

/* Whether key_ops (RFC 7517 section 4.3) lists what a token's key does. */
static bool is_for_signatures(const struct json_member *ops)
{
    struct json_reader reader;
    struct json_member op;
    bool found = false;
    if (ops->kind != JSON_ARRAY || !json_array_start(&reader, ops->value))
        return false;
    while (json_array_next(&reader, &op))
        found = found || member_is(&op, "verify") || member_is(&op, "sign");
    return found;
}

static bool alg_fits(const struct source *source, enum crypto_algorithm algorithm)
{
    char space[ALGORITHM_MAX];
    struct slice name;
    enum crypto_algorithm named;
    return member_text(get(source, ALG), space, sizeof(space), &name) &&
           jwk_algorithm_of(name, &named) && named == algorithm;
}

/* NULL: a key for something else. */
static const struct kind *kind_of(const struct source *source)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct kind *kind = &kinds[i];
        if (!member_is(get(source, KTY), kind->kty) ||
            (kind->crv != NULL && !member_is(get(source, CRV), kind->crv)))
            continue;
        bool fits = (!has(source, ALG) || alg_fits(source, kind->algorithm)) &&
                    (!has(source, USE) || member_is(get(source, USE), "sig")) &&
                    (!has(source, OPS) || is_for_signatures(get(source, OPS)));
        return fits ? kind : NULL;
    }
    return NULL;
}

static const struct jwk *find_kid(const struct jwk_set *set, struct slice kid)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->keys[i].has_kid && slice_equal(jwk_kid(&set->keys[i]), kid))
            return &set->keys[i];
    return NULL;
}

/* NULL, or what is wrong. */
static const char *read_kid(const struct jwk_set *set, const struct source *source, struct jwk *jwk)
{
    struct slice kid;
    jwk->has_kid = has(source, KID);
    if (!jwk->has_kid)
        return NULL;
    if (!member_text(get(source, KID), jwk->kid, sizeof(jwk->kid), &kid))
        return "kid is not a text of at most 128 bytes";
    jwk->kid_len = kid.len;
    return find_kid(set, kid) == NULL ? NULL : "another key has its kid";
}

static const char *add_key(struct jwk_set *set, struct slice text)
{
    struct source source;
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        source.members[i].name = names[i];
    const char *wrong = members_read(text, source.members, MEMBER_COUNT);
    const struct kind *kind = wrong == NULL ? kind_of(&source) : NULL;
    if (kind == NULL)
        return wrong;
    if (set->count == JWK_COUNT_MAX)
        return "more than 64 keys";
    struct jwk *jwk = &set->keys[set->count];
    wrong = read_kid(set, &source, jwk);
    if (wrong != NULL)
        return wrong;
    jwk->key = kind->make(&source);
    if (jwk->key == NULL)
        return kind->wrong;
    set->count++;
    return NULL;
}

/* ---- sets */

static int refuse(char ret_error[JWK_ERROR_SIZE], const char *wrong)
{
    snprintf(ret_error, JWK_ERROR_SIZE, "%s", wrong);
    return -1;
}

int jwk_set_read(struct jwk_set *set, struct slice text, char ret_error[JWK_ERROR_SIZE])
{
    struct named keys = {.name = "keys"};
    struct json_reader reader;
    struct json_member key;
    size_t before = set->count;
    if (text.len > JWK_SET_SIZE_MAX)
        return refuse(ret_error, "over 256 KiB");
    if (members_read(text, &keys, 1) != NULL || keys.found.kind != JSON_ARRAY)
        return refuse(ret_error, "not a JWK Set: a JSON object with an array \"keys\"");
    json_array_start(&reader, keys.found.value);
    for (size_t i = 1; json_array_next(&reader, &key); i++) {
        const char *wrong = add_key(set, key.value);
        if (wrong != NULL) {
            snprintf(ret_error, JWK_ERROR_SIZE, "key %zu: %s", i, wrong);
            return -1;
        }
    }
    if (set->count == before)
        return refuse(ret_error, "no key for HS256, ES256 or EdDSA");
    return 0;
}

int jwk_set_add_secret(struct jwk_set *set, struct slice secret, char ret_error[JWK_ERROR_SIZE])
{
    if (set->count == JWK_COUNT_MAX)
        return refuse(ret_error, "more than 64 keys");
    struct crypto_key *key = crypto_key_secret(secret);
    if (key == NULL)
        return refuse(ret_error, "a secret has 32 to 512 bytes");
    set->keys[set->count++] = (struct jwk){.key = key};
    return 0;
}

void jwk_set_done(struct jwk_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        crypto_key_free(set->keys[i].key);
    set->count = 0;
}

static bool is_of(const struct jwk *jwk, enum crypto_algorithm algorithm)
{
    return crypto_key_algorithm(jwk->key) == algorithm;
}

static const struct jwk *find_only(const struct jwk_set *set, enum crypto_algorithm algorithm)
{
    const struct jwk *only = NULL;
    for (size_t i = 0; i < set->count; i++) {
        if (!is_of(&set->keys[i], algorithm))
            continue;
        if (only != NULL)
            return NULL;
        only = &set->keys[i];
    }
    return only;
}

const struct jwk *jwk_find(const struct jwk_set *set, struct slice kid,
                           enum crypto_algorithm algorithm)
{
    if (kid.ptr == NULL)
        return find_only(set, algorithm);
    const struct jwk *jwk = find_kid(set, kid);
    return jwk != NULL && is_of(jwk, algorithm) ? jwk : NULL;
}

const struct jwk *jwk_find_signer(const struct jwk_set *set, struct slice kid)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct jwk *jwk = &set->keys[i];
        if (crypto_key_signs(jwk->key) &&
            (kid.ptr == NULL || (jwk->has_kid && slice_equal(jwk_kid(jwk), kid))))
            return jwk;
    }
    return NULL;
}
