/* Every kind of frame comes out of its encoding as it went in, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "core/frame.h"

static struct frame full_frame(enum frame_kind kind)
{
    struct frame frame = {.kind = kind,
                          .from = 0x1112131415161718,
                          .to = 0x2122232425262728,
                          .request = 0x31323334,
                          .error = ERR_PEER_BUSY,
                          .version = 0x4142434445464748,
                          .taken = 0x6162636465666768,
                          .worker = 0x5152535455565758,
                          .received = 0x6162636465666768,
                          .acked = 0x7172737475767778,
                          .reason = 3,
                          .hops = 2,
                          .stint = 0xabcdef,
                          .room = SLICE("room"),
                          .peer = SLICE("peer"),
                          .sender = SLICE("sender"),
                          .id = SLICE("\"id\""),
                          .info = SLICE("{\"a\":1}"),
                          .data = SLICE("data"),
                          .roster = SLICE("roster")};
    memset(frame.secret.bytes, 's', SESSION_SECRET_SIZE);
    memset(frame.proof.bytes, 'p', SESSION_SECRET_SIZE);
    return frame;
}

static struct buf encode(const struct frame *frame)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    frame_encode(frame, &out);
    assert_false(buf_failed(&out));
    return out;
}

static void every_kind_survives_its_encoding(void **state)
{
    (void)state;
    for (int kind = FRAME_NONE + 1; kind < FRAME_KIND_COUNT; kind++) {
        struct frame frame = full_frame(kind), decoded;
        struct buf once = encode(&frame);
        assert_int_equal(frame_decode(buf_slice(&once), &decoded), 0);
        assert_int_equal(decoded.kind, kind);
        assert_int_equal(decoded.from, frame.from);
        assert_int_equal(decoded.to, frame.to);
        struct buf twice = encode(&decoded);
        assert_true(slice_equal(buf_slice(&once), buf_slice(&twice)));
        buf_done(&once);
        buf_done(&twice);
    }
}

static struct frame carried(enum frame_kind kind)
{
    static struct buf bytes;
    struct frame frame = full_frame(kind), decoded;
    buf_done(&bytes);
    bytes = encode(&frame);
    assert_int_equal(frame_decode(buf_slice(&bytes), &decoded), 0);
    return decoded;
}

static void a_deposit_carries_the_counts_and_what_is_held(void **state)
{
    (void)state;
    struct frame frame = carried(FRAME_DEPOSIT);
    assert_int_equal(frame.received, 0x6162636465666768);
    assert_int_equal(frame.acked, 0x7172737475767778);
    assert_true(slice_is(frame.data, "data"));
    assert_true(slice_is(frame.peer, "peer"));
    assert_int_equal(frame.secret.bytes[0], 's');
}

static void a_restore_carries_both_secrets_and_the_version(void **state)
{
    (void)state;
    struct frame frame = carried(FRAME_RESTORE);
    assert_int_equal(frame.secret.bytes[15], 's');
    assert_int_equal(frame.proof.bytes[15], 'p');
    assert_int_equal(frame.version, 0x4142434445464748);
    assert_int_equal(frame.reason, 3);
    assert_int_equal(frame.taken, 0x6162636465666768);
    assert_true(slice_is(frame.info, "{\"a\":1}"));
}

static void a_read_carries_what_is_known(void **state)
{
    (void)state;
    struct frame frame = carried(FRAME_READ);
    assert_int_equal(frame.request, 0x31323334);
    assert_int_equal(frame.version, 0x4142434445464748);
}

static void what_is_cut_short_or_too_long_is_no_frame(void **state)
{
    (void)state;
    for (int kind = FRAME_NONE + 1; kind < FRAME_KIND_COUNT; kind++) {
        struct frame frame = full_frame(kind), decoded;
        struct buf bytes = encode(&frame);
        for (size_t len = 0; len < bytes.len; len++)
            assert_int_equal(frame_decode((struct slice){bytes.data, len}, &decoded),
                             ERR_BAD_MESSAGE);
        buf_add_char(&bytes, 0);
        assert_int_equal(frame_decode(buf_slice(&bytes), &decoded), ERR_BAD_MESSAGE);
        buf_done(&bytes);
    }
}

static void an_unknown_kind_is_no_frame(void **state)
{
    (void)state;
    struct frame frame = full_frame(FRAME_WORKER_DOWN), decoded;
    struct buf bytes = encode(&frame);
    bytes.data[FRAME_LENGTH_SIZE] = FRAME_KIND_COUNT;
    assert_int_equal(frame_decode(buf_slice(&bytes), &decoded), ERR_BAD_MESSAGE);
    bytes.data[FRAME_LENGTH_SIZE] = FRAME_NONE;
    assert_int_equal(frame_decode(buf_slice(&bytes), &decoded), ERR_BAD_MESSAGE);
    buf_done(&bytes);
}

static void names_are_checked(void **state)
{
    (void)state;
    struct frame frame = full_frame(FRAME_DEPOSIT), decoded;
    frame.peer = SLICE("a\nb");
    struct buf bytes = encode(&frame);
    assert_int_equal(frame_decode(buf_slice(&bytes), &decoded), ERR_BAD_MESSAGE);
    buf_done(&bytes);
}

static void held_messages_come_out_in_order(void **state)
{
    (void)state;
    static const char *const texts[] = {"one", "", "three"};
    struct buf held;
    struct slice rest, text;
    buf_init(&held, 1000);
    for (int i = 0; i < 3; i++)
        held_add(&held, slice_of(texts[i]));
    rest = buf_slice(&held);
    for (int i = 0; i < 3; i++) {
        assert_true(held_next(&rest, &text));
        assert_true(slice_is(text, texts[i]));
    }
    assert_false(held_next(&rest, &text));
    buf_done(&held);
}

static void a_held_message_that_is_cut_short_is_none(void **state)
{
    (void)state;
    struct buf held;
    struct slice rest, text;
    buf_init(&held, 1000);
    held_add(&held, SLICE("whole"));
    rest = (struct slice){held.data, held.len - 1};
    assert_false(held_next(&rest, &text));
    buf_done(&held);
    buf_init(&held, 6);
    held_add(&held, SLICE("too much"));
    assert_true(buf_failed(&held));
    assert_int_equal(held.len, 0);
    buf_done(&held);
}

static void each_kind_has_a_name(void **state)
{
    (void)state;
    for (int kind = FRAME_NONE + 1; kind < FRAME_KIND_COUNT; kind++)
        for (int other = kind + 1; other < FRAME_KIND_COUNT; other++)
            assert_string_not_equal(frame_name(kind), frame_name(other));
    assert_string_equal(frame_name(FRAME_NONE), "none");
    assert_string_equal(frame_name(FRAME_KIND_COUNT), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_survives_its_encoding),
        cmocka_unit_test(a_deposit_carries_the_counts_and_what_is_held),
        cmocka_unit_test(a_restore_carries_both_secrets_and_the_version),
        cmocka_unit_test(a_read_carries_what_is_known),
        cmocka_unit_test(what_is_cut_short_or_too_long_is_no_frame),
        cmocka_unit_test(an_unknown_kind_is_no_frame),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(held_messages_come_out_in_order),
        cmocka_unit_test(a_held_message_that_is_cut_short_is_none),
        cmocka_unit_test(each_kind_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
