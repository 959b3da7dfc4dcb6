#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/crypto_key.h"
#include "base/mem.h"

static int start(void **state)
{
    (void)state;
    crypto_init();
    return 0;
}

static void bytes_of(const char *base64url, unsigned char *ret_bytes, size_t len)
{
    assert_int_equal(crypto_base64url_decode(slice_of(base64url), ret_bytes, len), len);
}

struct coordinates {
    unsigned char x[32], y[32], d[32];
};

/* RFC 7515 appendix A.3 */
static struct coordinates p256(void)
{
    struct coordinates c;
    bytes_of("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", c.x, 32);
    bytes_of("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", c.y, 32);
    bytes_of("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI", c.d, 32);
    return c;
}

/* RFC 8037 appendix A.1 */
static struct coordinates ed25519(void)
{
    struct coordinates c;
    bytes_of("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", c.x, 32);
    bytes_of("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", c.d, 32);
    return c;
}

static struct slice slice_from(const unsigned char *bytes, size_t len)
{
    return (struct slice){(const char *)bytes, len};
}

static void a_secret_signs_as_rfc_7515_shows(void **state)
{
    (void)state;
    unsigned char secret[64], expected[32], made[CRYPTO_SIGNATURE_MAX];
    struct slice message = SLICE("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
                                 "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                 "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ");
    bytes_of("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"
             "aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
             secret, 64);
    bytes_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", expected, 32);
    struct crypto_key *key = crypto_key_secret(slice_from(secret, 64));
    assert_int_equal(crypto_key_algorithm(key), CRYPTO_HS256);
    assert_int_equal(crypto_sign(key, message, made), 32);
    assert_memory_equal(made, expected, 32);
    assert_true(crypto_verify(key, message, slice_from(expected, 32)));
    crypto_key_free(key);
}

static void p256_verifies_what_rfc_7515_shows(void **state)
{
    (void)state;
    struct coordinates c = p256();
    unsigned char signature[64];
    struct slice message = SLICE("eyJhbGciOiJFUzI1NiJ9."
                                 "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                 "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ");
    bytes_of(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        signature, 64);
    struct crypto_key *key = crypto_key_p256(c.x, c.y, NULL);
    assert_true(crypto_verify(key, message, slice_from(signature, 64)));
    assert_false(crypto_key_signs(key));
    assert_int_equal(crypto_sign(key, message, signature), -1);
    crypto_key_free(key);
}

static void ed25519_signs_as_rfc_8037_shows(void **state)
{
    (void)state;
    struct coordinates c = ed25519();
    unsigned char expected[64], made[CRYPTO_SIGNATURE_MAX];
    struct slice message = SLICE("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
    bytes_of(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        expected, 64);
    struct crypto_key *key = crypto_key_ed25519(c.x, c.d);
    assert_int_equal(crypto_sign(key, message, made), 64);
    assert_memory_equal(made, expected, 64);
    crypto_key_free(key);
    key = crypto_key_ed25519(c.x, NULL);
    assert_true(crypto_verify(key, message, slice_from(expected, 64)));
    crypto_key_free(key);
}

static struct crypto_key *key_of(enum crypto_algorithm algorithm)
{
    struct coordinates p = p256(), e = ed25519();
    switch (algorithm) {
    case CRYPTO_HS256: return crypto_key_secret(SLICE("0123456789abcdef0123456789abcdef"));
    case CRYPTO_ES256: return crypto_key_p256(p.x, p.y, p.d);
    case CRYPTO_ED25519: return crypto_key_ed25519(e.x, e.d);
    }
    return NULL;
}

static void what_is_signed_verifies_and_no_bit_of_it_can_change(void **state)
{
    (void)state;
    for (int algorithm = CRYPTO_HS256; algorithm <= CRYPTO_ED25519; algorithm++) {
        struct crypto_key *key = key_of((enum crypto_algorithm)algorithm);
        unsigned char made[CRYPTO_SIGNATURE_MAX];
        long len = crypto_sign(key, SLICE("message"), made);
        assert_true(len > 0);
        struct slice signature = slice_from(made, (size_t)len);
        assert_true(crypto_verify(key, SLICE("message"), signature));
        assert_false(crypto_verify(key, SLICE("messagf"), signature));
        assert_false(crypto_verify(key, SLICE("messag"), signature));
        for (long bit = 0; bit < len * 8; bit++) {
            made[bit / 8] ^= (unsigned char)(1 << bit % 8);
            assert_false(crypto_verify(key, SLICE("message"), signature));
            made[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
        for (size_t shorter = 0; shorter < (size_t)len; shorter++)
            assert_false(crypto_verify(key, SLICE("message"), slice_from(made, shorter)));
        crypto_key_free(key);
    }
}

static void no_other_key_verifies(void **state)
{
    (void)state;
    for (int signer = CRYPTO_HS256; signer <= CRYPTO_ED25519; signer++)
        for (int other = CRYPTO_HS256; other <= CRYPTO_ED25519; other++) {
            struct crypto_key *key = key_of((enum crypto_algorithm)signer);
            struct crypto_key *stranger = key_of((enum crypto_algorithm)other);
            unsigned char made[CRYPTO_SIGNATURE_MAX];
            long len = crypto_sign(key, SLICE("message"), made);
            assert_int_equal(
                crypto_verify(stranger, SLICE("message"), slice_from(made, (size_t)len)),
                signer == other);
            crypto_key_free(key);
            crypto_key_free(stranger);
        }
}

/* r and s of nothing, and of more than the group's order (CVE-2022-21449 and its like). */
static void degenerate_signatures_are_refused(void **state)
{
    (void)state;
    struct crypto_key *key = key_of(CRYPTO_ES256);
    unsigned char zero[64] = {0}, ones[64];
    memset(ones, 0xff, sizeof(ones));
    assert_false(crypto_verify(key, SLICE("message"), slice_from(zero, 64)));
    assert_false(crypto_verify(key, SLICE("message"), slice_from(ones, 64)));
    crypto_key_free(key);
}

static void a_secret_that_is_too_short_or_long_is_refused(void **state)
{
    (void)state;
    char secret[CRYPTO_SECRET_MAX + 1] = {0};
    const struct {
        size_t len;
        bool good;
    } rows[] = {{0, false}, {31, false}, {32, true}, {CRYPTO_SECRET_MAX, true}, {513, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct crypto_key *key = crypto_key_secret((struct slice){secret, rows[i].len});
        assert_int_equal(key != NULL, rows[i].good);
        crypto_key_free(key);
    }
}

static void points_off_the_curve_are_refused(void **state)
{
    (void)state;
    struct coordinates c = p256();
    c.y[31] ^= 1;
    assert_null(crypto_key_p256(c.x, c.y, NULL));
    memset(&c, 0, sizeof(c));
    assert_null(crypto_key_p256(c.x, c.y, NULL));
    memset(&c, 0xff, sizeof(c));
    assert_null(crypto_key_p256(c.x, c.y, NULL));
}

static void a_private_key_of_another_is_refused(void **state)
{
    (void)state;
    struct coordinates p = p256(), e = ed25519();
    p.d[31] ^= 1;
    e.d[31] ^= 1;
    assert_null(crypto_key_p256(p.x, p.y, p.d));
    assert_null(crypto_key_ed25519(e.x, e.d));
    memset(&p.d, 0, sizeof(p.d));
    assert_null(crypto_key_p256(p.x, p.y, p.d));
}

static void without_memory_there_is_no_key(void **state)
{
    (void)state;
    struct coordinates p = p256(), e = ed25519();
    mem_fail_nth(1);
    assert_null(crypto_key_secret(SLICE("0123456789abcdef0123456789abcdef")));
    mem_fail_nth(1);
    assert_null(crypto_key_p256(p.x, p.y, p.d));
    mem_fail_nth(1);
    assert_null(crypto_key_ed25519(e.x, e.d));
    mem_fail_nth(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_signs_as_rfc_7515_shows),
        cmocka_unit_test(p256_verifies_what_rfc_7515_shows),
        cmocka_unit_test(ed25519_signs_as_rfc_8037_shows),
        cmocka_unit_test(what_is_signed_verifies_and_no_bit_of_it_can_change),
        cmocka_unit_test(no_other_key_verifies),
        cmocka_unit_test(degenerate_signatures_are_refused),
        cmocka_unit_test(a_secret_that_is_too_short_or_long_is_refused),
        cmocka_unit_test(points_off_the_curve_are_refused),
        cmocka_unit_test(a_private_key_of_another_is_refused),
        cmocka_unit_test(without_memory_there_is_no_key),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
