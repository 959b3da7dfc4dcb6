/* A full ring becomes a larger one, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "base/ring.h"

static void starts_from_nothing(void **state)
{
    (void)state;
    char *ring = ring_grow(NULL, 0, 0, 4, 1);
    assert_non_null(ring);
    memset(ring, 'x', 4);
    mem_free(ring);
}

static void keeps_the_order_wherever_it_begins(void **state)
{
    (void)state;
    for (size_t first = 0; first < 4; first++) {
        uint16_t *ring = mem_alloc(4 * sizeof(*ring));
        for (size_t i = 0; i < 4; i++)
            ring[(first + i) % 4] = (uint16_t)(1000 + i);
        ring = ring_grow(ring, 4, first, 8, sizeof(*ring));
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(ring[i], 1000 + i);
        mem_free(ring);
    }
}

static void stays_as_it_is_without_memory(void **state)
{
    (void)state;
    char *ring = mem_alloc(2);
    ring[0] = 'a';
    ring[1] = 'b';
    mem_fail_nth(1);
    assert_null(ring_grow(ring, 2, 1, 4, 1));
    mem_fail_nth(0);
    assert_memory_equal(ring, "ab", 2);
    mem_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_from_nothing),
        cmocka_unit_test(keeps_the_order_wherever_it_begins),
        cmocka_unit_test(stays_as_it_is_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
