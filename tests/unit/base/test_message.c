#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/message.h"

static void assert_text(const struct message *message, const char *text)
{
    assert_int_equal(message->len, strlen(text));
    assert_memory_equal(message_text(message).ptr, text, message->len);
}

static void holds_the_text_it_is_made_of(void **state)
{
    (void)state;
    struct message *message = message_of(SLICE("hello"));
    assert_non_null(message);
    assert_text(message, "hello");
    message_unref(message);
}

static void may_be_empty(void **state)
{
    (void)state;
    struct message *message = message_of(SLICE_NONE);
    assert_non_null(message);
    message_frame(message);
    assert_int_equal(message_wire(message).len, 2);
    assert_memory_equal(message_wire(message).ptr, "\x81\x00", 2);
    message_unref(message);
}

static void lives_until_the_last_reference_goes(void **state)
{
    (void)state;
    struct message *message = message_of(SLICE("x"));
    assert_ptr_equal(message_ref(message), message);
    message_unref(message);
    assert_text(message, "x");
    message_unref(message);
    message_unref(NULL);
}

static void grows_as_it_is_appended_to(void **state)
{
    (void)state;
    struct message *message = message_new(3);
    for (int i = 0; i < 5000; i++)
        assert_true(message_append(&message, &"0123456789"[i % 10], 1));
    assert_true(message_append(&message, NULL, 0));
    assert_int_equal(message->len, 5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(message_text(message).ptr[i], '0' + i % 10);
    message_unref(message);
}

static void failed_append_keeps_the_text(void **state)
{
    (void)state;
    static const char more[1000];
    struct message *message = message_of(SLICE("hello"));
    struct message *before = message;
    mem_fail_nth(1);
    assert_false(message_append(&message, more, sizeof(more)));
    mem_fail_nth(0);
    assert_ptr_equal(message, before);
    assert_text(message, "hello");
    message_unref(message);
}

static void no_memory_makes_no_message(void **state)
{
    (void)state;
    message_free_kept();
    mem_fail_nth(1);
    assert_null(message_of(SLICE("hello")));
    mem_fail_nth(1);
    assert_null(message_new(1));
    mem_fail_nth(0);
}

/* RFC 6455 section 5.2: 7 bits of length, or 126 and 16 bits, or 127 and 64: the shortest. */
static const struct {
    size_t len;
    unsigned header_len;
    const char *header;
} frames[] = {
    {1, 2, "\x81\x01"},
    {125, 2, "\x81\x7d"},
    {126, 4, "\x81\x7e\x00\x7e"},
    {65535, 4, "\x81\x7e\xff\xff"},
    {65536, 10, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
};

static void frame_header_is_the_shortest(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        size_t len = frames[i].len;
        struct message *message = message_new(len);
        char *text = mem_must(len);
        memset(text, 'x', len);
        assert_true(message_append(&message, text, len));
        message_frame(message);
        struct slice wire = message_wire(message);
        assert_int_equal(wire.len, frames[i].header_len + len);
        assert_memory_equal(wire.ptr, frames[i].header, frames[i].header_len);
        assert_memory_equal(wire.ptr + frames[i].header_len, text, len);
        mem_free(text);
        message_unref(message);
    }
}

static void is_framed_once(void **state)
{
    (void)state;
    struct message *message = message_of(SLICE("hello"));
    message_frame(message);
    message_frame(message);
    assert_int_equal(message_wire(message).len, 7);
    assert_memory_equal(message_wire(message).ptr, "\x81\x05hello", 7);
    message_unref(message);
}

static void has_one_tail_behind_its_text(void **state)
{
    (void)state;
    struct message *message = message_of(SLICE("hello"));
    message_frame(message);
    struct slice wire = message_wire(message);
    assert_false(message_tail(message, "12345678901", MESSAGE_TAIL_MAX + 1));
    assert_true(message_tail(message, "1234567890", MESSAGE_TAIL_MAX));
    assert_memory_equal(wire.ptr, "\x81\x05hello1234567890", 7 + MESSAGE_TAIL_MAX);
    assert_false(message_tail(message, "x", 1));
    assert_int_equal(message_wire(message).len, 7);
    assert_text(message, "hello");
    message_unref(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_the_text_it_is_made_of),
        cmocka_unit_test(may_be_empty),
        cmocka_unit_test(lives_until_the_last_reference_goes),
        cmocka_unit_test(grows_as_it_is_appended_to),
        cmocka_unit_test(failed_append_keeps_the_text),
        cmocka_unit_test(no_memory_makes_no_message),
        cmocka_unit_test(frame_header_is_the_shortest),
        cmocka_unit_test(is_framed_once),
        cmocka_unit_test(has_one_tail_behind_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
