#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"

static void only_the_nth_allocation_fails(void **state)
{
    (void)state;
    mem_fail_nth(3);
    void *first = mem_alloc(8);
    void *second = mem_zero(8);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(mem_alloc(8));
    void *fourth = mem_alloc(8);
    assert_non_null(fourth);
    mem_free(first);
    mem_free(second);
    mem_free(fourth);
}

static void each_way_to_allocate_fails(void **state)
{
    (void)state;
    mem_fail_nth(1);
    assert_null(mem_alloc(1));
    mem_fail_nth(1);
    assert_null(mem_zero(1));
    mem_fail_nth(1);
    assert_null(mem_realloc(NULL, 1));
}

static void failed_realloc_keeps_the_block(void **state)
{
    (void)state;
    char *block = mem_alloc(4);
    assert_non_null(block);
    memcpy(block, "abc", 4);
    mem_fail_nth(1);
    assert_null(mem_realloc(block, 4096));
    assert_string_equal(block, "abc");
    mem_free(block);
}

static void zero_takes_the_failure_back(void **state)
{
    (void)state;
    mem_fail_nth(1);
    mem_fail_nth(0);
    void *block = mem_alloc(1);
    assert_non_null(block);
    mem_free(block);
}

static void must_is_zeroed_and_does_not_count(void **state)
{
    (void)state;
    static const char zeros[64];
    mem_fail_nth(1);
    char *block = mem_must(sizeof(zeros));
    assert_memory_equal(block, zeros, sizeof(zeros));
    assert_null(mem_alloc(1));
    mem_free(block);
}

static void zero_is_zeroed(void **state)
{
    (void)state;
    static const char zeros[256];
    char *dirty = mem_alloc(sizeof(zeros));
    assert_non_null(dirty);
    memset(dirty, 0xff, sizeof(zeros));
    mem_free(dirty);
    char *block = mem_zero(sizeof(zeros));
    assert_non_null(block);
    assert_memory_equal(block, zeros, sizeof(zeros));
    mem_free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_nth_allocation_fails),
        cmocka_unit_test(each_way_to_allocate_fails),
        cmocka_unit_test(failed_realloc_keeps_the_block),
        cmocka_unit_test(zero_takes_the_failure_back),
        cmocka_unit_test(must_is_zeroed_and_does_not_count),
        cmocka_unit_test(zero_is_zeroed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
