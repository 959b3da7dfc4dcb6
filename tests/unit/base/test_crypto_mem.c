/* The memory that OpenSSL works with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/crypto.h"

#define RECORD 16700 /* bytes, as libssl asks for */
#define MANY 40

static void a_record_buffer_is_used_again(void **state)
{
    (void)state;
    char *first = OPENSSL_malloc(RECORD);
    uintptr_t address = (uintptr_t)first;
    memset(first, 'x', RECORD);
    OPENSSL_free(first);
    char *second = OPENSSL_malloc(RECORD + 300);
    memset(second, 'y', RECORD + 300);
#ifndef __SANITIZE_ADDRESS__
    assert_true((uintptr_t)second == address);
#else
    assert_true((uintptr_t)second != address);
#endif
    OPENSSL_free(second);
}

static void buffers_in_use_are_apart(void **state)
{
    (void)state;
    char *blocks[MANY];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            blocks[i] = OPENSSL_malloc(RECORD);
            memset(blocks[i], i, RECORD);
        }
        for (int i = 0; i < MANY; i++) {
            assert_int_equal(blocks[i][0], i);
            assert_int_equal(blocks[i][RECORD - 1], i);
            OPENSSL_free(blocks[i]);
        }
    }
}

static void a_block_grows_with_its_content(void **state)
{
    (void)state;
    const size_t sizes[] = {10, 16384, 16385, 17408, 17409, 100000, 17000, 20};
    char *block = OPENSSL_malloc(5);
    memcpy(block, "text", 5);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        block = OPENSSL_realloc(block, sizes[i]);
        assert_string_equal(block, "text");
        memset(block + 5, 'z', sizes[i] - 5);
    }
    OPENSSL_free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_buffer_is_used_again),
        cmocka_unit_test(buffers_in_use_are_apart),
        cmocka_unit_test(a_block_grows_with_its_content),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
