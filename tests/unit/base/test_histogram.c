#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"

static const struct histogram_scale *const scales[] = {&histogram_fast, &histogram_slow,
                                                       &histogram_calls};

static void bounds_ascend(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof(scales) / sizeof(scales[0]); s++)
        for (unsigned i = 1; i < HISTOGRAM_BOUNDS; i++)
            assert_true(scales[s]->bounds[i] > scales[s]->bounds[i - 1]);
}

static uint64_t count(const struct histogram *histogram, unsigned bucket)
{
    return tally_get(&histogram->buckets[bucket]);
}

static void a_bound_is_within_its_range(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    for (unsigned i = 0; i < HISTOGRAM_BOUNDS; i++) {
        histogram_add(&histogram, &histogram_slow, histogram_slow.bounds[i]);
        assert_int_equal(count(&histogram, i), 1);
        histogram_add(&histogram, &histogram_slow, histogram_slow.bounds[i] + 1);
        assert_int_equal(count(&histogram, i + 1), 1);
        tally_set(&histogram.buckets[i + 1], 0);
    }
}

static void the_extremes_and_the_sum(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    histogram_add(&histogram, &histogram_fast, 0);
    histogram_add(&histogram, &histogram_fast, UINT64_C(1) << 40);
    assert_int_equal(count(&histogram, 0), 1);
    assert_int_equal(count(&histogram, HISTOGRAM_BOUNDS), 1);
    assert_int_equal(tally_get(&histogram.sum), UINT64_C(1) << 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_ascend),
        cmocka_unit_test(a_bound_is_within_its_range),
        cmocka_unit_test(the_extremes_and_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
