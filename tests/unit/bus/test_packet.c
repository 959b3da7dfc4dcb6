#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "bus/packet.h"

static struct buf out;

static int start(void **state)
{
    (void)state;
    buf_init(&out, 4096);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    buf_done(&out);
    return 0;
}

static int next(struct slice *bytes, enum packet_side from, enum packet_kind *kind,
                struct slice *payload)
{
    return packet_next(bytes, from, kind, payload);
}

static void packets_come_out_as_they_went_in(void **state)
{
    enum packet_kind kind;
    struct slice payload;
    (void)state;
    assert_true(packet_add(&out, PACKET_HELLO, SLICE("name")));
    assert_true(packet_add(&out, PACKET_STOP, SLICE_NONE));
    struct slice bytes = buf_slice(&out);
    assert_int_equal(next(&bytes, PACKET_FROM_SUPERVISOR, &kind, &payload), 1);
    assert_int_equal(kind, PACKET_HELLO);
    assert_true(slice_is(payload, "name"));
    assert_int_equal(next(&bytes, PACKET_FROM_SUPERVISOR, &kind, &payload), 1);
    assert_int_equal(kind, PACKET_STOP);
    assert_int_equal(payload.len, 0);
    assert_int_equal(next(&bytes, PACKET_FROM_SUPERVISOR, &kind, &payload), 0);
}

static void a_packet_cut_anywhere_is_waited_for(void **state)
{
    enum packet_kind kind;
    struct slice payload;
    (void)state;
    packet_add(&out, PACKET_FRAME, SLICE("some bytes"));
    for (size_t len = 0; len < out.len; len++) {
        struct slice bytes = {out.data, len};
        assert_int_equal(next(&bytes, PACKET_FROM_WORKER, &kind, &payload), 0);
        assert_int_equal(bytes.len, len);
    }
}

static void refuses(const char *bytes, size_t len, enum packet_side from)
{
    enum packet_kind kind;
    struct slice payload;
    struct slice given = {bytes, len};
    assert_int_equal(next(&given, from, &kind, &payload), -1);
}

static void what_no_side_sends_is_refused_by_its_header_alone(void **state)
{
    (void)state;
    refuses("\0\0\0\0\0", 5, PACKET_FROM_WORKER);         /* no kind */
    refuses("\1\0\0\0\xff", 5, PACKET_FROM_WORKER);       /* unknown kind */
    refuses("\xff\xff\xff\xff\0", 5, PACKET_FROM_WORKER); /* 4 GiB of frame */
    refuses("\1\0\0\0\0", 5, PACKET_FROM_WORKER);         /* empty frame */
    refuses("\2\0\0\0\2", 5, PACKET_FROM_WORKER);         /* READY with a payload */
    refuses("\1\0\0\0\2", 5, PACKET_FROM_SUPERVISOR);     /* READY is a worker's */
    refuses("\2\0\0\0\1x", 6, PACKET_FROM_WORKER);        /* HELLO is the supervisor's */
}

static void what_does_not_fit_leaves_no_trace(void **state)
{
    static const char large[8192];
    (void)state;
    packet_add(&out, PACKET_FRAME, SLICE("before"));
    size_t len = out.len;
    assert_false(packet_add(&out, PACKET_FRAME, (struct slice){large, sizeof(large)}));
    assert_int_equal(out.len, len);
    assert_true(packet_add(&out, PACKET_FRAME, SLICE("after")));
}

static void running_out_of_memory_leaves_no_trace(void **state)
{
    static const char large[2000];
    (void)state;
    packet_add(&out, PACKET_FRAME, SLICE("before"));
    size_t len = out.len;
    mem_fail_nth(1);
    assert_false(packet_add(&out, PACKET_FRAME, (struct slice){large, sizeof(large)}));
    mem_fail_nth(0);
    assert_int_equal(out.len, len);
    assert_false(buf_failed(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(packets_come_out_as_they_went_in, start, stop),
        cmocka_unit_test_setup_teardown(a_packet_cut_anywhere_is_waited_for, start, stop),
        cmocka_unit_test_setup_teardown(what_no_side_sends_is_refused_by_its_header_alone, start,
                                        stop),
        cmocka_unit_test_setup_teardown(what_does_not_fit_leaves_no_trace, start, stop),
        cmocka_unit_test_setup_teardown(running_out_of_memory_leaves_no_trace, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
