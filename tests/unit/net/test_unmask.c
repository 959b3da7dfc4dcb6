/* The mask filter, against a byte-by-byte unmasking of the same frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "net/fixture.h"
#include "net/unmask.h"

#define LONGEST 70000

/* The frame as it should come out: the mask bit cleared, the key gone. */
static struct buf frame_plain(unsigned first_byte, const char *payload, size_t len)
{
    struct buf masked = frame_masked(first_byte, payload, len);
    size_t head = masked.len - len - 4;
    struct buf plain;
    buf_init(&plain, len + 14);
    buf_add(&plain, masked.data, head);
    plain.data[1] &= 0x7f;
    buf_add(&plain, payload, len);
    buf_done(&masked);
    return plain;
}

static void fill(char *payload, size_t len)
{
    for (size_t i = 0; i < len; i++)
        payload[i] = (char)(i * 7 + i / 256);
}

/* What wslay would have, in place of `step` bytes at a time, with room for `room` bytes of it. */
static struct buf pass(struct unmask *unmask, struct slice in, size_t step, size_t room)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    unsigned char bytes[4096];
    char *copy = malloc(in.len);
    assert_non_null(copy);
    memcpy(copy, in.ptr, in.len);
    for (size_t at = 0; at < in.len && !unmask->refused;) {
        struct unmask_input part = {copy + at, in.len - at < step ? in.len - at : step};
        at += part.len;
        while (part.len > 0 && !unmask->refused) {
            bool of_payload = unmask->payload_left > 0;
            size_t shown = unmask_show(unmask, &part, bytes, room);
            buf_add(&out, of_payload ? unmask_take(unmask, &part, shown) : (char *)bytes, shown);
        }
    }
    free(copy);
    return out;
}

static void check(size_t len, size_t step, size_t room)
{
    static char payload[LONGEST];
    fill(payload, len);
    struct buf masked = frame_masked(0x81, payload, len);
    struct buf plain = frame_plain(0x81, payload, len);
    struct unmask unmask = {0};
    struct buf out = pass(&unmask, buf_slice(&masked), step, room);
    assert_int_equal(out.len, plain.len);
    assert_memory_equal(out.data, plain.data, plain.len);
    assert_true(unmask_at_boundary(&unmask));
    buf_done(&masked);
    buf_done(&plain);
    buf_done(&out);
}

static void every_length_around_a_register(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 130; len++)
        check(len, SIZE_MAX, 4096);
}

static void both_extended_lengths(void **state)
{
    (void)state;
    const size_t lengths[] = {125, 126, 127, 65535, 65536, LONGEST};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        check(lengths[i], SIZE_MAX, 4096);
}

static void parts_of_any_size(void **state)
{
    (void)state;
    for (size_t step = 1; step <= 40; step++) {
        check(100, step, 4096);
        check(300, step, 4096);
    }
    check(65536, 1, 4096);
}

static void little_room(void **state)
{
    (void)state;
    for (size_t room = UNMASK_OUTPUT_MIN; room <= 40; room++)
        check(300, SIZE_MAX, room);
}

static void several_frames_at_once(void **state)
{
    (void)state;
    struct buf in, expected;
    buf_init(&in, 4096);
    buf_init(&expected, 4096);
    for (size_t len = 0; len < 20; len++) {
        char payload[20];
        fill(payload, len);
        struct buf masked = frame_masked(0x82, payload, len);
        struct buf plain = frame_plain(0x82, payload, len);
        buf_add_slice(&in, buf_slice(&masked));
        buf_add_slice(&expected, buf_slice(&plain));
        buf_done(&masked);
        buf_done(&plain);
    }
    struct unmask unmask = {0};
    struct buf out = pass(&unmask, buf_slice(&in), SIZE_MAX, 4096);
    assert_int_equal(out.len, expected.len);
    assert_memory_equal(out.data, expected.data, expected.len);
    buf_done(&in);
    buf_done(&out);
    buf_done(&expected);
}

static void a_boundary_is_only_between_frames(void **state)
{
    (void)state;
    struct buf masked = frame_masked(0x81, "hello", 5);
    struct unmask unmask = {0};
    unsigned char out[64];
    assert_true(unmask_at_boundary(&unmask));
    for (size_t i = 0; i < masked.len; i++) {
        struct unmask_input byte = {masked.data + i, 1};
        bool of_payload = unmask.payload_left > 0;
        size_t shown = unmask_show(&unmask, &byte, out, sizeof(out));
        if (of_payload)
            unmask_take(&unmask, &byte, shown);
        assert_int_equal(unmask_at_boundary(&unmask), i == masked.len - 1);
    }
    buf_done(&masked);
}

static void a_frame_without_mask_is_refused(void **state)
{
    (void)state;
    char bytes[] = "\x81\x05hello";
    struct unmask_input in = {bytes, sizeof(bytes) - 1};
    struct unmask unmask = {0};
    unsigned char out[64];
    assert_int_equal(unmask_show(&unmask, &in, out, sizeof(out)), 0);
    assert_true(unmask.refused);
}

/* From a copy of just this length, which sanitizers watch the ends of. */
static bool takes(struct buf masked, size_t have, size_t max, struct buf *ret_payload)
{
    char *own = malloc(have);
    assert_true(own != NULL || have == 0);
    memcpy(own, masked.data, have);
    struct unmask_input in = {own, have};
    struct slice payload = SLICE_NONE;
    bool taken = unmask_whole(&in, 0x81, max, &payload);
    assert_true(taken ? in.len == 0 : in.len == have && memcmp(own, masked.data, have) == 0);
    buf_init(ret_payload, 65536);
    buf_add_slice(ret_payload, payload);
    free(own);
    return taken;
}

static void whole_frames(void **state)
{
    (void)state;
    const size_t lengths[] = {2, 3, 31, 32, 33, 64, 125, 126, 127, 128, 300, 65535};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t len = lengths[i];
        char payload[65535];
        fill(payload, len);
        struct buf masked = frame_masked(0x81, payload, len), out;
        assert_true(takes(masked, masked.len, len, &out));
        assert_int_equal(out.len, len);
        assert_memory_equal(out.data, payload, len);
        buf_done(&out);
        assert_false(takes(masked, masked.len, len - 1, &out));
        for (size_t have = 0; have < masked.len && have < 400; have++)
            assert_false(takes(masked, have, SIZE_MAX, &out));
        assert_false(takes(masked, masked.len - 1, SIZE_MAX, &out));
        buf_done(&masked);
    }
}

static void frames_that_are_not_simply_whole(void **state)
{
    (void)state;
    const struct slice frames[] = {
        SLICE("\x01\x85\1\2\3\4hello"),                 /* more follows */
        SLICE("\xc1\x85\1\2\3\4hello"),                 /* a reserved bit */
        SLICE("\x89\x85\1\2\3\4hello"),                 /* a ping */
        SLICE("\x81\x05\1\2\3\4hello"),                 /* no mask */
        SLICE("\x81\xfe\0\5\1\2\3\4hello"),             /* its length in more bytes than it takes */
        SLICE("\x81\xff\0\0\0\0\0\0\0\5\1\2\3\4hello"), /* the same */
        SLICE("\x81\xfe\0\x7d\1\2\3\4hello"),
    };
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        struct buf frame = {.data = (char *)frames[i].ptr, .len = frames[i].len}, out;
        assert_false(takes(frame, frame.len, SIZE_MAX, &out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_around_a_register),
        cmocka_unit_test(both_extended_lengths),
        cmocka_unit_test(parts_of_any_size),
        cmocka_unit_test(little_room),
        cmocka_unit_test(several_frames_at_once),
        cmocka_unit_test(a_boundary_is_only_between_frames),
        cmocka_unit_test(a_frame_without_mask_is_refused),
        cmocka_unit_test(whole_frames),
        cmocka_unit_test(frames_that_are_not_simply_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
