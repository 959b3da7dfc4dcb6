#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/jwt.h"
#include "base/crypto.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECRET                                                                                     \
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
#define EC                                                                                         \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","      \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define EC_PRIVATE EC ",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\""
#define OKP                                                                                        \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define OKP_PRIVATE OKP ",\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\""
#define OCT "\"kty\":\"oct\",\"k\":\"" SECRET "\""

/* One of each kind, under the kids h, e and o. */
#define ALL                                                                                        \
    "{\"keys\":[{" OCT ",\"kid\":\"h\"},{" EC_PRIVATE ",\"kid\":\"e\"},{" OKP_PRIVATE              \
    ",\"kid\":\"o\"}]}"

static struct jwk_set keys;
static struct jwt jwt;
static char cause[JWK_ERROR_SIZE];

static int start(void **state)
{
    (void)state;
    crypto_init();
    return 0;
}

static int load(const char *text)
{
    jwk_set_done(&keys);
    return jwk_set_read(&keys, slice_of(text), cause);
}

static int teardown(void **state)
{
    (void)state;
    jwk_set_done(&keys);
    return 0;
}

static void add_encoded(struct buf *out, struct slice text)
{
    char space[8192];
    crypto_base64url(text.ptr, text.len, space, sizeof(space));
    buf_add_text(out, space);
}

/* Any header and claims, signed by whatever key there is; `by` NULL: no signature at all. */
static struct slice token_of(const char *header, const char *claims, const struct crypto_key *by)
{
    static struct buf token;
    unsigned char signature[CRYPTO_SIGNATURE_MAX];
    buf_done(&token);
    buf_init(&token, 16384);
    add_encoded(&token, slice_of(header));
    buf_add_char(&token, '.');
    add_encoded(&token, slice_of(claims));
    long len = by == NULL ? 0 : crypto_sign(by, buf_slice(&token), signature);
    assert_true(len >= 0);
    buf_add_char(&token, '.');
    add_encoded(&token, (struct slice){(const char *)signature, (size_t)len});
    return buf_slice(&token);
}

static const struct crypto_key *key_named(const char *kid)
{
    return jwk_find_signer(&keys, slice_of(kid))->key;
}

static void expect_refused(struct slice token, const char *why)
{
    const char *wrong = jwt_open(&keys, token, &jwt);
    if (wrong == NULL || strcmp(wrong, why) != 0)
        fail_msg("\"%s\" instead of \"%s\"", wrong == NULL ? "(taken)" : wrong, why);
}

static void the_example_of_rfc_7515_a1_is_read(void **state)
{
    (void)state;
    assert_int_equal(load("{\"keys\":[{" OCT "}]}"), 0);
    assert_null(jwt_open(&keys,
                         SLICE("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                               "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                               "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
                               "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
                         &jwt));
    assert_true(slice_is(jwt.claims, "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
                                     "\"http://example.com/is_root\":true}"));
}

static void the_example_of_rfc_7515_a3_is_read(void **state)
{
    (void)state;
    assert_int_equal(load("{\"keys\":[{" EC "}]}"), 0);
    assert_null(jwt_open(&keys,
                         SLICE("eyJhbGciOiJFUzI1NiJ9."
                               "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                               "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
                               "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApm"
                               "WQxfKTUJqPP3-Kg6NU1Q"),
                         &jwt));
}

/* Its payload is no JSON, so that it shows at least that the signature is good. */
static void the_example_of_rfc_8037_a4_is_verified(void **state)
{
    (void)state;
    assert_int_equal(load("{\"keys\":[{" OKP "}]}"), 0);
    expect_refused(SLICE("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
                         "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7"
                         "sVvpAr_MuM0KAg"),
                   "the claims are not a JSON object");
}

/* The unsecured JWT of RFC 7519 section 6.1. */
static void the_unsecured_example_of_rfc_7519_is_refused(void **state)
{
    (void)state;
    assert_int_equal(load(ALL), 0);
    expect_refused(SLICE("eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0"
                         "dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."),
                   "alg is not HS256, ES256 or EdDSA");
}

static void what_is_sealed_is_opened(void **state)
{
    (void)state;
    static const char *const kids[] = {"h", "e", "o"};
    assert_int_equal(load(ALL), 0);
    for (size_t i = 0; i < COUNT(kids); i++) {
        struct buf token;
        buf_init(&token, JWT_SIZE_MAX);
        assert_int_equal(
            jwt_seal(jwk_find_signer(&keys, slice_of(kids[i])), SLICE("{\"a\":1}"), &token), 0);
        assert_null(jwt_open(&keys, buf_slice(&token), &jwt));
        assert_true(slice_is(jwt.claims, "{\"a\":1}"));
        buf_done(&token);
    }
}

/* Each alg named in the header, with each kid or none, signed by each key: only where all three are
 * one is it taken. */
static void no_algorithm_is_taken_for_another(void **state)
{
    (void)state;
    static const char *const kids[] = {"h", "e", "o", NULL};
    static const char *const algorithms[] = {"HS256", "ES256", "EdDSA", "Ed25519"};
    static const size_t key_of_algorithm[] = {0, 1, 2, 2};
    unsigned taken = 0;
    assert_int_equal(load(ALL), 0);
    for (size_t named = 0; named < COUNT(kids); named++)
        for (size_t algorithm = 0; algorithm < COUNT(algorithms); algorithm++)
            for (size_t signer = 0; signer < 3; signer++) {
                char header[128];
                snprintf(header, sizeof(header), "{\"alg\":\"%s\"%s%s%s}", algorithms[algorithm],
                         kids[named] == NULL ? "" : ",\"kid\":\"",
                         kids[named] == NULL ? "" : kids[named], kids[named] == NULL ? "" : "\"");
                struct slice token = token_of(header, "{}", key_named(kids[signer]));
                size_t right = key_of_algorithm[algorithm];
                bool good = right == signer && (kids[named] == NULL || named == right);
                assert_int_equal(jwt_open(&keys, token, &jwt) == NULL, good);
                taken += good;
            }
    assert_int_equal(taken, 8);
}

/* The attack of RFC 8725 section 2.1: the public key, which everybody knows, as HMAC secret. */
static void a_public_key_is_no_secret(void **state)
{
    (void)state;
    unsigned char point[64];
    assert_int_equal(load("{\"keys\":[{" EC ",\"kid\":\"e\"}]}"), 0);
    crypto_base64url_decode(SLICE("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"), point, 32);
    crypto_base64url_decode(SLICE("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"), point + 32, 32);
    struct crypto_key *secret = crypto_key_secret((struct slice){(const char *)point, 64});
    expect_refused(token_of("{\"alg\":\"HS256\",\"kid\":\"e\"}", "{}", secret),
                   "no key of this kid and alg");
    expect_refused(token_of("{\"alg\":\"HS256\"}", "{}", secret),
                   "no kid, and not exactly one key of this alg");
    expect_refused(token_of("{\"alg\":\"ES256\",\"kid\":\"e\"}", "{}", secret),
                   "the signature is wrong");
    crypto_key_free(secret);
}

static const struct {
    const char *header;
    const char *why; /* NULL: taken */
} headers[] = {
    {"{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"JWT\"}", NULL},
    {"{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"jwt\"}", NULL},
    {"{\"alg\":\"HS256\",\"kid\":\"h\",\"typ\":\"application/at+jwt\"}", NULL},
    {"{ \"a\\u006cg\" : \"HS\\u0032\\u0035\\u0036\", \"kid\" : \"\\u0068\" }", NULL},
    {"{\"alg\":\"HS256\",\"jku\":\"https://evil.example\",\"x5u\":1,\"jwk\":{" EC "}}", NULL},
    {"{\"alg\":\"HS256\",\"typ\":\"JOSE\"}", "typ is not JWT"},
    {"{\"alg\":\"HS256\",\"typ\":\"JWE\"}", "typ is not JWT"},
    {"{\"alg\":\"HS256\",\"typ\":null}", "typ is not JWT"},
    {"{\"alg\":\"HS256\",\"typ\":7}", "typ is not JWT"},
    {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "the header has crit"},
    {"{\"alg\":\"HS256\",\"crit\":[]}", "the header has crit"},
    {"{\"alg\":\"HS256\",\"crit\":null}", "the header has crit"},
    {"{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", "the header has crit"},
    {"{\"alg\":\"none\"}", "alg is not HS256, ES256 or EdDSA"},
    {"{\"alg\":\"None\"}", "alg is not HS256, ES256 or EdDSA"},
    {"{\"alg\":\"\"}", "alg is not HS256, ES256 or EdDSA"},
    {"{\"alg\":\"hs256\"}", "alg is not HS256, ES256 or EdDSA"},
    {"{\"alg\":\"HS512\"}", "alg is not HS256, ES256 or EdDSA"},
    {"{\"alg\":\"RS256\"}", "alg is not HS256, ES256 or EdDSA"},
    {"{\"alg\":[\"HS256\"]}", "alg is not HS256, ES256 or EdDSA"},
    {"{\"alg\":null}", "alg is not HS256, ES256 or EdDSA"},
    {"{\"kid\":\"h\"}", "alg is not HS256, ES256 or EdDSA"},
    {"{\"alg\":\"HS256\\u0000\"}", "alg is not HS256, ES256 or EdDSA"},
    {"{\"alg\":\"HS256\",\"kid\":\"\"}", "no key of this kid and alg"},
    {"{\"alg\":\"HS256\",\"kid\":\"H\"}", "no key of this kid and alg"},
    {"{\"alg\":\"HS256\",\"kid\":7}", "kid is not a text of at most 128 bytes"},
    {"{\"alg\":\"HS256\",\"kid\":null}", "kid is not a text of at most 128 bytes"},
    {"{\"alg\":\"none\",\"alg\":\"HS256\"}", "the header is not a JSON object with unique members"},
    {"{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}",
     "the header is not a JSON object with unique members"},
    {"[\"HS256\"]", "the header is not a JSON object with unique members"},
    {"\"HS256\"", "the header is not a JSON object with unique members"},
    {"{\"alg\":\"HS256\"", "the header is not a JSON object with unique members"},
    {"{\"alg\":\"HS256\"}x", "the header is not a JSON object with unique members"},
    {"{\"alg\":\"HS256\",\"x\":\"\xff\"}", "the header is not a JSON object with unique members"},
    {"", "the header is not a JSON object with unique members"},
};

static void each_header_is_as_the_rfcs_have_it(void **state)
{
    (void)state;
    assert_int_equal(load(ALL), 0);
    for (size_t i = 0; i < COUNT(headers); i++) {
        struct slice token = token_of(headers[i].header, "{}", key_named("h"));
        const char *wrong = jwt_open(&keys, token, &jwt);
        const char *why = headers[i].why;
        if ((wrong == NULL) != (why == NULL) || (why != NULL && strcmp(wrong, why) != 0))
            fail_msg("%s: %s", headers[i].header, wrong == NULL ? "taken" : wrong);
    }
}

static void no_signature_is_no_signature(void **state)
{
    (void)state;
    assert_int_equal(load(ALL), 0);
    expect_refused(token_of("{\"alg\":\"HS256\"}", "{}", NULL), "the signature is wrong");
    expect_refused(token_of("{\"alg\":\"ES256\"}", "{}", NULL), "the signature is wrong");
    expect_refused(token_of("{\"alg\":\"EdDSA\"}", "{}", NULL), "the signature is wrong");
}

static void claims_are_a_json_object(void **state)
{
    (void)state;
    static const char *const claims[] = {"", "[]", "1", "\"{}\"", "{", "{}x", "{\"a\":\"\xff\"}"};
    assert_int_equal(load(ALL), 0);
    for (size_t i = 0; i < COUNT(claims); i++)
        expect_refused(token_of("{\"alg\":\"HS256\"}", claims[i], key_named("h")),
                       "the claims are not a JSON object");
}

/* Copied to a block of exactly its size, so that a sanitizer sees what is read too far. */
static bool opens(struct slice token)
{
    char *copy = malloc(token.len > 0 ? token.len : 1);
    assert_non_null(copy);
    memcpy(copy, token.ptr, token.len);
    bool good = jwt_open(&keys, (struct slice){copy, token.len}, &jwt) == NULL;
    free(copy);
    return good;
}

static void no_truncation_and_no_changed_byte_is_taken(void **state)
{
    (void)state;
    static const char *const kids[] = {"h", "e", "o"};
    static const char *const heads[] = {"{\"alg\":\"HS256\",\"kid\":\"h\"}",
                                        "{\"alg\":\"ES256\",\"kid\":\"e\"}",
                                        "{\"alg\":\"EdDSA\",\"kid\":\"o\"}"};
    assert_int_equal(load(ALL), 0);
    for (size_t i = 0; i < COUNT(kids); i++) {
        char token[512];
        struct slice good = token_of(heads[i], "{\"room\":\"a\"}", key_named(kids[i]));
        memcpy(token, good.ptr, good.len);
        assert_true(opens((struct slice){token, good.len}));
        for (size_t len = 0; len < good.len; len++)
            assert_false(opens((struct slice){token, len}));
        for (size_t at = 0; at < good.len; at++) {
            char was = token[at];
            token[at] = was == 'A' ? 'B' : 'A';
            assert_false(opens((struct slice){token, good.len}));
            token[at] = '.';
            assert_int_equal(opens((struct slice){token, good.len}), was == '.');
            token[at] = was;
        }
    }
}

/* RFC 7515 section 2: no padding, no white space, none of the other alphabet; and nothing in the
 * bits that are left over. */
static void base64url_is_strict(void **state)
{
    (void)state;
    char token[512];
    assert_int_equal(load(ALL), 0);
    struct slice good = token_of("{\"alg\":\"HS256\"}", "{\"a\":1}", key_named("h"));
    for (size_t i = 0; i < 4; i++) {
        memcpy(token, good.ptr, good.len);
        token[good.len] = "= \n."[i];
        assert_false(opens((struct slice){token, good.len + 1}));
    }
    /* 32 bytes are 43 digits, of whose last one the lower two bits are nothing's. */
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t last = (size_t)(strchr(digits, token[good.len - 1]) - digits);
    for (size_t other = last / 4 * 4; other < last / 4 * 4 + 4; other++) {
        token[good.len - 1] = digits[other];
        assert_int_equal(opens((struct slice){token, good.len}), other == last);
    }
}

static void parts_are_three(void **state)
{
    (void)state;
    assert_int_equal(load(ALL), 0);
    static const char *const texts[] = {"", ".", "a", "a.b"};
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_false(opens(slice_of(texts[i])));
    assert_false(opens(SLICE("..")));
    assert_false(opens(SLICE("a.b.c")));
    assert_false(opens(SLICE("a.b.c.d")));
    assert_false(opens(SLICE("a.b.c.d.e")));
}

static void a_token_has_at_most_4096_bytes(void **state)
{
    (void)state;
    static char claims[4096];
    assert_int_equal(load(ALL), 0);
    for (int more = 0; more < 4; more++) {
        memset(claims, 'x', sizeof(claims));
        int len = 3005 + more;
        memcpy(claims, "{\"a\":\"", 6);
        memcpy(claims + len - 2, "\"}", 3);
        struct slice token = token_of("{\"alg\":\"HS256\"}", claims, key_named("h"));
        assert_int_equal(opens(token), token.len <= JWT_SIZE_MAX);
        struct buf sealed;
        buf_init(&sealed, 2 * JWT_SIZE_MAX);
        jwt_seal(jwk_find_signer(&keys, SLICE("h")), slice_of(claims), &sealed);
        assert_true(sealed.len <= JWT_SIZE_MAX);
        assert_true(sealed.len == 0 || opens(buf_slice(&sealed)));
        buf_done(&sealed);
    }
    expect_refused((struct slice){claims, 4096}, "not three parts");
}

/* ---- sets of keys */

static const struct {
    const char *text;
    const char *cause; /* NULL: good */
    size_t count;
} sets[] = {
    {ALL, NULL, 3},
    {"{\"keys\":[{" EC ",\"alg\":\"ES256\",\"use\":\"sig\",\"key_ops\":[\"verify\"]}],\"x\":1}",
     NULL, 1},
    {"{\"keys\":[{" OKP ",\"alg\":\"EdDSA\"},{" OCT ",\"alg\":\"HS256\"}]}", NULL, 2},
    {"{\"keys\":[{" OKP ",\"alg\":\"Ed25519\"}]}", NULL, 1},
    /* for something else: passed over */
    {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"},{" OKP "}]}", NULL, 1},
    {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":1},{" OKP "}]}", NULL, 1},
    {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"\"},{" OKP "}]}", NULL, 1},
    {"{\"keys\":[{" EC ",\"use\":\"enc\"},{" OKP "}]}", NULL, 1},
    {"{\"keys\":[{" EC ",\"key_ops\":[\"encrypt\"]},{" OKP "}]}", NULL, 1},
    {"{\"keys\":[{" EC ",\"key_ops\":\"verify\"},{" OKP "}]}", NULL, 1},
    {"{\"keys\":[{" EC ",\"alg\":\"HS256\"},{" OKP "}]}", NULL, 1},
    {"{\"keys\":[{" OCT ",\"alg\":\"HS512\"},{" OKP "}]}", NULL, 1},
    {"{\"keys\":[{\"x\":1},{" OKP "}]}", NULL, 1},
    /* of no use at all */
    {"{\"keys\":[]}", "no key for HS256, ES256 or EdDSA", 0},
    {"{\"keys\":[{\"kty\":\"RSA\"}]}", "no key for HS256, ES256 or EdDSA", 0},
    {"", "not a JWK Set: a JSON object with an array \"keys\"", 0},
    {"{}", "not a JWK Set: a JSON object with an array \"keys\"", 0},
    {"{\"keys\":{}}", "not a JWK Set: a JSON object with an array \"keys\"", 0},
    {"{\"keys\":[],\"keys\":[]}", "not a JWK Set: a JSON object with an array \"keys\"", 0},
    {"[{" OKP "}]", "not a JWK Set: a JSON object with an array \"keys\"", 0},
    {"{\"keys\":[1]}", "key 1: not a JSON object", 0},
    {"{\"keys\":[{" OKP "},{" OCT ",\"kty\":\"oct\"}]}", "key 2: a member is there twice", 1},
    {"{\"keys\":[{" OCT ",\"kid\":\"a\"},{" OKP ",\"kid\":\"a\"}]}",
     "key 2: another key has its kid", 1},
    {"{\"keys\":[{" OCT ",\"kid\":1}]}", "key 1: kid is not a text of at most 128 bytes", 0},
    {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}]}",
     "key 1: k is not base64url of 32 to 512 bytes", 0},
    {"{\"keys\":[{\"kty\":\"oct\"}]}", "key 1: k is not base64url of 32 to 512 bytes", 0},
    {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "=\"}]}",
     "key 1: k is not base64url of 32 to 512 bytes", 0},
    {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}]}",
     "key 1: x and d are not a key of Ed25519", 0},
    {"{\"keys\":[{" OKP ",\"d\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
     "key 1: x and d are not a key of Ed25519", 0},
    {"{\"keys\":[{" EC ",\"d\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}",
     "key 1: x, y and d are not a key of P-256", 0},
    {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
     "key 1: x, y and d are not a key of P-256", 0},
};

static void each_set_of_keys_is_as_rfc_7517_has_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sets); i++) {
        int result = load(sets[i].text);
        if (result != (sets[i].cause == NULL ? 0 : -1) || keys.count != sets[i].count ||
            (result != 0 && strcmp(cause, sets[i].cause) != 0))
            fail_msg("%s: %d, %zu keys, %s", sets[i].text, result, keys.count, cause);
    }
}

static void no_cause_tells_of_a_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sets); i++)
        if (load(sets[i].text) != 0)
            assert_null(strstr(cause, "c2hvcnQ"));
}

static void a_set_holds_64_keys(void **state)
{
    (void)state;
    struct buf text;
    for (int count = 64; count <= 65; count++) {
        buf_init(&text, 1 << 20);
        buf_add_text(&text, "{\"keys\":[");
        for (int i = 0; i < count; i++)
            buf_add_format(&text, "%s{" OCT ",\"kid\":\"%d\"}", i > 0 ? "," : "", i);
        buf_add_text(&text, "]}");
        jwk_set_done(&keys);
        assert_int_equal(jwk_set_read(&keys, buf_slice(&text), cause), count == 64 ? 0 : -1);
        buf_done(&text);
    }
    assert_string_equal(cause, "key 65: more than 64 keys");
    assert_int_equal(jwk_set_add_secret(&keys, SLICE("0123456789abcdef0123456789abcdef"), cause),
                     -1);
}

static void without_kid_the_only_key_of_the_alg_counts(void **state)
{
    (void)state;
    assert_int_equal(load("{\"keys\":[{" OKP ",\"kid\":\"a\"},{" OCT ",\"kid\":\"b\"}]}"), 0);
    assert_non_null(jwk_find(&keys, SLICE_NONE, CRYPTO_ED25519));
    assert_null(jwk_find(&keys, SLICE_NONE, CRYPTO_ES256));
    assert_int_equal(jwk_set_add_secret(&keys, SLICE("0123456789abcdef0123456789abcdef"), cause),
                     0);
    assert_null(jwk_find(&keys, SLICE_NONE, CRYPTO_HS256));
    assert_non_null(jwk_find(&keys, SLICE("b"), CRYPTO_HS256));
    assert_null(jwk_find(&keys, SLICE("a"), CRYPTO_HS256));
}

static void a_public_key_does_not_sign(void **state)
{
    (void)state;
    assert_int_equal(load("{\"keys\":[{" EC ",\"kid\":\"a\"},{" OKP_PRIVATE ",\"kid\":\"b\"}]}"),
                     0);
    assert_null(jwk_find_signer(&keys, SLICE("a")));
    assert_true(slice_is(jwk_kid(jwk_find_signer(&keys, SLICE_NONE)), "b"));
    assert_null(jwk_find_signer(&keys, SLICE("c")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_example_of_rfc_7515_a1_is_read, teardown),
        cmocka_unit_test_teardown(the_example_of_rfc_7515_a3_is_read, teardown),
        cmocka_unit_test_teardown(the_example_of_rfc_8037_a4_is_verified, teardown),
        cmocka_unit_test_teardown(the_unsecured_example_of_rfc_7519_is_refused, teardown),
        cmocka_unit_test_teardown(what_is_sealed_is_opened, teardown),
        cmocka_unit_test_teardown(no_algorithm_is_taken_for_another, teardown),
        cmocka_unit_test_teardown(a_public_key_is_no_secret, teardown),
        cmocka_unit_test_teardown(each_header_is_as_the_rfcs_have_it, teardown),
        cmocka_unit_test_teardown(no_signature_is_no_signature, teardown),
        cmocka_unit_test_teardown(claims_are_a_json_object, teardown),
        cmocka_unit_test_teardown(no_truncation_and_no_changed_byte_is_taken, teardown),
        cmocka_unit_test_teardown(base64url_is_strict, teardown),
        cmocka_unit_test_teardown(parts_are_three, teardown),
        cmocka_unit_test_teardown(a_token_has_at_most_4096_bytes, teardown),
        cmocka_unit_test_teardown(each_set_of_keys_is_as_rfc_7517_has_it, teardown),
        cmocka_unit_test_teardown(no_cause_tells_of_a_key, teardown),
        cmocka_unit_test_teardown(a_set_holds_64_keys, teardown),
        cmocka_unit_test_teardown(without_kid_the_only_key_of_the_alg_counts, teardown),
        cmocka_unit_test_teardown(a_public_key_does_not_sign, teardown),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
