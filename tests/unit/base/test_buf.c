#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

static void assert_holds(const struct buf *buf, const char *text)
{
    assert_int_equal(buf->len, strlen(text));
    if (buf->len > 0)
        assert_memory_equal(buf->data, text, buf->len);
}

static void appends_what_it_is_given(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1024);
    buf_add(&buf, "ab", 2);
    buf_add_text(&buf, "cd");
    buf_add_char(&buf, 'e');
    buf_add_slice(&buf, SLICE("fg"));
    buf_add_format(&buf, "%d-%s", 7, "h");
    assert_false(buf_failed(&buf));
    assert_holds(&buf, "abcdefg7-h");
    assert_true(slice_is(buf_slice(&buf), "abcdefg7-h"));
    buf_done(&buf);
}

static void empty_pieces_need_no_memory(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 16);
    mem_fail_nth(1);
    buf_add(&buf, NULL, 0);
    buf_add_slice(&buf, SLICE_NONE);
    buf_add_text(&buf, "");
    buf_drop(&buf, 0);
    mem_fail_nth(0);
    assert_false(buf_failed(&buf));
    assert_null(buf.data);
    buf_done(&buf);
}

static void fills_up_to_its_maximum_and_no_further(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    for (int i = 0; i < 100; i++)
        buf_add_char(&buf, 'x');
    assert_false(buf_failed(&buf));
    assert_int_equal(buf.len, 100);
    assert_true(buf.capacity <= 100);
    buf_add_char(&buf, 'y');
    assert_true(buf_failed(&buf));
    assert_int_equal(buf.len, 100);
    assert_int_equal(buf.data[99], 'x');
    buf_done(&buf);
}

static void a_piece_that_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 8);
    buf_add_text(&buf, "12345");
    buf_add_text(&buf, "6789");
    assert_true(buf_failed(&buf));
    assert_holds(&buf, "12345");
    buf_add_char(&buf, '6'); /* would fit, but the message has a hole by now */
    assert_holds(&buf, "12345");
    buf_done(&buf);
}

static void huge_requests_do_not_wrap_around(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 64);
    buf_add_text(&buf, "abc");
    assert_null(buf_reserve(&buf, SIZE_MAX));
    assert_true(buf_failed(&buf));
    buf_clear(&buf);
    buf_add_text(&buf, "abc");
    assert_null(buf_reserve(&buf, SIZE_MAX - 2));
    assert_holds(&buf, "abc");
    buf_done(&buf);
}

static void clear_takes_the_mark_and_keeps_the_memory(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    buf_add_text(&buf, "12345");
    buf_clear(&buf);
    buf_add_text(&buf, "1234");
    assert_false(buf_failed(&buf));
    buf_clear(&buf);
    mem_fail_nth(1);
    buf_add_text(&buf, "5678");
    mem_fail_nth(0);
    assert_false(buf_failed(&buf));
    assert_holds(&buf, "5678");
    buf_done(&buf);
}

static void reserve_gives_space_and_keeps_the_length(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    buf_add_text(&buf, "abc");
    char *space = buf_reserve(&buf, 500);
    assert_non_null(space);
    assert_ptr_equal(space, buf.data + 3);
    memset(space, 'x', 500);
    assert_int_equal(buf.len, 3);
    buf_done(&buf);
}

static void reserving_nothing_is_no_failure(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_non_null(buf_reserve(&buf, 0));
    assert_false(buf_failed(&buf));
    buf_done(&buf);
}

static void drop_takes_from_the_front(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_add_text(&buf, "abcdef");
    buf_drop(&buf, 2);
    assert_holds(&buf, "cdef");
    buf_drop(&buf, 4);
    assert_holds(&buf, "");
    buf_done(&buf);
}

static void numbers_are_decimal(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 64);
    buf_add_uint(&buf, 0);
    buf_add_char(&buf, ' ');
    buf_add_uint(&buf, 1907);
    buf_add_char(&buf, ' ');
    buf_add_uint(&buf, UINT64_MAX);
    assert_holds(&buf, "0 1907 18446744073709551615");
    buf_done(&buf);
}

static void a_format_that_is_too_long_fails(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4096);
    buf_add_format(&buf, "%511d", 1);
    assert_false(buf_failed(&buf));
    assert_int_equal(buf.len, 511);
    buf_add_format(&buf, "%512d", 1);
    assert_true(buf_failed(&buf));
    assert_int_equal(buf.len, 511);
    buf_done(&buf);
}

/* Three pieces of growing size; the nth allocation fails. Returns whether one did. */
static bool add_with_failure(unsigned nth)
{
    static const char piece[300];
    struct buf buf;
    buf_init(&buf, 4096);
    size_t good = 0;
    mem_fail_nth(nth);
    for (size_t len = 50; len <= 300; len += 125) {
        buf_add(&buf, piece, len);
        if (!buf_failed(&buf))
            good += len;
    }
    mem_fail_nth(0);
    bool failed = buf_failed(&buf);
    assert_int_equal(buf.len, good);
    for (size_t i = 0; i < good; i++)
        assert_int_equal(buf.data[i], 0);
    buf_done(&buf);
    return failed;
}

static void content_survives_each_failed_allocation(void **state)
{
    (void)state;
    unsigned nth = 1;
    while (add_with_failure(nth))
        nth++;
    assert_true(nth > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_what_it_is_given),
        cmocka_unit_test(empty_pieces_need_no_memory),
        cmocka_unit_test(fills_up_to_its_maximum_and_no_further),
        cmocka_unit_test(a_piece_that_does_not_fit_is_left_out_whole),
        cmocka_unit_test(huge_requests_do_not_wrap_around),
        cmocka_unit_test(clear_takes_the_mark_and_keeps_the_memory),
        cmocka_unit_test(reserve_gives_space_and_keeps_the_length),
        cmocka_unit_test(reserving_nothing_is_no_failure),
        cmocka_unit_test(drop_takes_from_the_front),
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(a_format_that_is_too_long_fails),
        cmocka_unit_test(content_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
