/* The output queue: what is gathered, what is released and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "net/queue.h"

static unsigned released;

static void release(void *owner)
{
    assert_ptr_equal(owner, &released);
    released++;
}

static int push(struct queue *queue, const char *text)
{
    return queue_push(queue, slice_of(text), &released, release);
}

static void expect(const struct queue *queue, const char *text)
{
    char bytes[256];
    size_t len = queue_peek(queue, bytes, sizeof(bytes));
    assert_int_equal(len, strlen(text));
    assert_memory_equal(bytes, text, len);
    assert_int_equal(queue->bytes, len);
}

static void pieces_are_released_when_they_are_through(void **state)
{
    (void)state;
    struct queue queue = {0};
    released = 0;
    push(&queue, "abc");
    push(&queue, "def");
    queue_advance(&queue, 2);
    expect(&queue, "cdef");
    assert_int_equal(released, 0);
    queue_advance(&queue, 2);
    expect(&queue, "ef");
    assert_int_equal(released, 1);
    queue_advance(&queue, 2);
    assert_int_equal(released, 2);
    assert_null(queue.pieces);
}

static void an_empty_piece_is_released_at_once(void **state)
{
    (void)state;
    struct queue queue = {0};
    released = 0;
    assert_int_equal(push(&queue, ""), 0);
    assert_int_equal(released, 1);
    assert_null(queue.pieces);
}

static void the_ring_grows_in_order(void **state)
{
    (void)state;
    struct queue queue = {0};
    char expected[101] = "";
    released = 0;
    for (int i = 0; i < 5; i++)
        push(&queue, "x");
    queue_advance(&queue, 5);
    for (int i = 0; i < 3; i++)
        push(&queue, "y");
    queue_advance(&queue, 1); /* the head is not at 0 now */
    for (int i = 0; i < 98; i++) {
        const char *const letters[] = {"a", "b", "c"};
        push(&queue, letters[i % 3]);
    }
    strcat(expected, "yy");
    for (int i = 0; i < 98; i++)
        strcat(expected, i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "c");
    expect(&queue, expected);
    queue_clear(&queue);
    assert_int_equal(released, 106);
}

static void gathering_starts_within_the_head(void **state)
{
    (void)state;
    struct queue queue = {0};
    struct iovec runs[2];
    push(&queue, "abc");
    push(&queue, "def");
    push(&queue, "ghi");
    queue_advance(&queue, 1);
    assert_int_equal(queue_gather(&queue, runs, 2), 2);
    assert_int_equal(runs[0].iov_len, 2);
    assert_memory_equal(runs[0].iov_base, "bc", 2);
    assert_int_equal(runs[1].iov_len, 3);
    queue_clear(&queue);
}

static void truncating_keeps_what_was_begun(void **state)
{
    (void)state;
    struct queue queue = {0};
    released = 0;
    push(&queue, "abc");
    push(&queue, "def");
    push(&queue, "ghi");
    queue_advance(&queue, 1);
    queue_truncate(&queue, 3); /* into the second */
    expect(&queue, "bcdef");
    queue_truncate(&queue, 0); /* the first was begun */
    expect(&queue, "bc");
    assert_int_equal(released, 2);
    queue_advance(&queue, 2);
    assert_null(queue.pieces);
}

static void truncating_to_nothing_empties(void **state)
{
    (void)state;
    struct queue queue = {0};
    released = 0;
    push(&queue, "abc");
    push(&queue, "def");
    queue_truncate(&queue, 0);
    assert_int_equal(released, 2);
    assert_int_equal(queue.bytes, 0);
    assert_null(queue.pieces);
    queue_truncate(&queue, 0);
}

static void without_memory_the_piece_is_released(void **state)
{
    (void)state;
    struct queue queue = {0};
    released = 0;
    assert_int_equal(push(&queue, "a"), 0);
    mem_fail_nth(1);
    assert_true(push(&queue, "b") < 0);
    assert_int_equal(released, 1);
    for (int i = 0; i < 7; i++)
        assert_int_equal(push(&queue, "a"), 0);
    mem_fail_nth(1);
    assert_true(push(&queue, "b") < 0);
    expect(&queue, "aaaaaaaa");
    queue_clear(&queue);
}

static void the_last_piece_is_extended(void **state)
{
    (void)state;
    struct queue queue = {0};
    released = 0;
    assert_null(queue_last(&queue));
    push(&queue, "ab");
    queue_push(&queue, (struct slice){"cdef", 2}, &released, release);
    assert_int_equal(queue_last(&queue)->bytes.len, 2);
    queue_advance(&queue, 3);
    queue_extend(&queue, 2);
    expect(&queue, "def");
    queue_advance(&queue, 3);
    assert_int_equal(released, 2);
    assert_null(queue_last(&queue));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_released_when_they_are_through),
        cmocka_unit_test(an_empty_piece_is_released_at_once),
        cmocka_unit_test(the_ring_grows_in_order),
        cmocka_unit_test(gathering_starts_within_the_head),
        cmocka_unit_test(truncating_keeps_what_was_begun),
        cmocka_unit_test(truncating_to_nothing_empties),
        cmocka_unit_test(the_last_piece_is_extended),
        cmocka_unit_test(without_memory_the_piece_is_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
