#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/crypto.h"

static int start(void **state)
{
    (void)state;
    crypto_init();
    return 0;
}

static void random_bytes_differ(void **state)
{
    (void)state;
    unsigned char a[16] = {0}, b[16] = {0};
    crypto_random(a, sizeof(a));
    crypto_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

static void hash_depends_on_bytes_and_length(void **state)
{
    (void)state;
    assert_int_equal(crypto_keyed_hash("room", 4), crypto_keyed_hash("room", 4));
    assert_int_not_equal(crypto_keyed_hash("room", 4), crypto_keyed_hash("rooM", 4));
    assert_int_not_equal(crypto_keyed_hash("a\0", 1), crypto_keyed_hash("a\0", 2));
}

static void hash_has_another_key_after_each_start(void **state)
{
    (void)state;
    unsigned before = crypto_keyed_hash("room", 4);
    crypto_init();
    unsigned after = crypto_keyed_hash("room", 4);
    crypto_init();
    assert_true(before != after || before != crypto_keyed_hash("room", 4));
}

/* The vectors of "SipHash: a fast short-input PRF" (Aumasson and Bernstein 2012), appendix A. */
static void shared_hash_is_siphash(void **state)
{
    (void)state;
    unsigned char key[CRYPTO_HASH_KEY_SIZE], bytes[15];
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (unsigned char)i;
    memcpy(bytes, key, sizeof(bytes));
    assert_true(crypto_hash_under(key, bytes, sizeof(bytes)) == UINT64_C(0xa129ca6149be45e5));
    assert_true(crypto_hash_under(key, bytes, 0) == UINT64_C(0x726fdb47dd0e0e31));
}

/* 4096 keys that a client might count up spread over 64 buckets. */
static void hash_spreads_keys(void **state)
{
    (void)state;
    unsigned buckets[64] = {0};
    for (uint32_t i = 0; i < 4096; i++)
        buckets[crypto_keyed_hash(&i, sizeof(i)) % 64]++;
    for (size_t i = 0; i < 64; i++)
        assert_in_range(buckets[i], 16, 160);
}

static void equal_compares_all_bytes(void **state)
{
    (void)state;
    assert_true(crypto_equal("abcd", "abcd", 4));
    assert_false(crypto_equal("abcd", "abce", 4));
    assert_false(crypto_equal("xbcd", "abcd", 4));
    assert_true(crypto_equal("abcd", "abce", 3));
}

static const struct {
    const char *bytes;
    size_t len;
    const char *text;
} pairs[] = {
    /* RFC 4648 section 10, without padding */
    {"", 0, ""},
    {"f", 1, "Zg"},
    {"fo", 2, "Zm8"},
    {"foo", 3, "Zm9v"},
    {"foob", 4, "Zm9vYg"},
    {"fooba", 5, "Zm9vYmE"},
    {"foobar", 6, "Zm9vYmFy"},
    {"\xfb\xff", 2, "-_8"},
};

static void base64url_goes_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char text[CRYPTO_BASE64URL_SIZE(6)], bytes[6];
        crypto_base64url(pairs[i].bytes, pairs[i].len, text, CRYPTO_BASE64URL_SIZE(pairs[i].len));
        assert_string_equal(text, pairs[i].text);
        long len = crypto_base64url_decode(slice_of(text), bytes, sizeof(bytes));
        assert_int_equal(len, pairs[i].len);
        assert_memory_equal(bytes, pairs[i].bytes, pairs[i].len);
    }
}

static void base64url_refuses_anything_else(void **state)
{
    (void)state;
    static const char *const bad[] = {"Zg==", "+/8",    " Zg",
                                      "Zg\n", "Z",      "Zm9vY",
                                      "Zh",   "Zm\xc3", "Zm\xc7\x89\xa6\x92\xb9\x86\xd2\x9b\x38"};
    char bytes[16];
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(crypto_base64url_decode(slice_of(bad[i]), bytes, sizeof(bytes)), -1);
}

static void base64url_refuses_what_does_not_fit(void **state)
{
    (void)state;
    char bytes[6] = "x";
    assert_int_equal(crypto_base64url_decode(SLICE("Zm9vYmFy"), bytes, 5), -1);
    assert_int_equal(crypto_base64url_decode(SLICE("Zm9vYmFy"), bytes, 6), 6);
}

static void accept_is_as_in_the_rfc(void **state)
{
    (void)state;
    char accept[29];
    crypto_websocket_accept(SLICE("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void etag_is_half_a_sha256(void **state)
{
    (void)state;
    char tag[23];
    crypto_etag("", 0, tag);
    assert_string_equal(tag, "47DEQpj8HBSa-_TImW-5JA");
    crypto_etag("abc", 3, tag);
    assert_string_equal(tag, "ungWv48Bz-pBQUDeXa4iIw");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(hash_depends_on_bytes_and_length),
        cmocka_unit_test(hash_has_another_key_after_each_start),
        cmocka_unit_test(shared_hash_is_siphash),
        cmocka_unit_test(hash_spreads_keys),
        cmocka_unit_test(equal_compares_all_bytes),
        cmocka_unit_test(base64url_goes_both_ways),
        cmocka_unit_test(base64url_refuses_anything_else),
        cmocka_unit_test(base64url_refuses_what_does_not_fit),
        cmocka_unit_test(accept_is_as_in_the_rfc),
        cmocka_unit_test(etag_is_half_a_sha256),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
