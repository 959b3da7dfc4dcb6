/* Frames into messages, by section of RFC 6455, without a socket. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/fixture.h"
#include "net/ws.h"

/* What came out, written down: "t:hello" "ping:x" "close:". */
struct seen {
    struct buf log;
    unsigned messages;
};

static void on_message(void *context, struct slice text)
{
    struct seen *seen = context;
    seen->messages++;
    buf_add_text(&seen->log, "t:");
    buf_add_slice(&seen->log, text);
    buf_add_char(&seen->log, ' ');
}

static bool on_control(void *context, enum ws_opcode opcode, struct slice payload)
{
    struct seen *seen = context;
    buf_add_text(&seen->log, opcode == WS_PING ? "ping:" : opcode == WS_PONG ? "pong:" : "close:");
    buf_add_slice(&seen->log, payload);
    buf_add_char(&seen->log, ' ');
    return opcode != WS_CLOSE;
}

static const struct ws_events ws_events = {on_message, on_control};

struct bench {
    struct ws ws;
    struct ws_pool pool;
    struct ws_limits limits;
    struct seen seen;
    struct buf in;
    uint64_t now;
};

static void bench_init(struct bench *bench)
{
    *bench = (struct bench){.limits = {.message_size = 65536, .fragments = 8}};
    buf_init(&bench->seen.log, 1 << 20);
    buf_init(&bench->in, 1 << 20);
}

static void bench_done(struct bench *bench)
{
    ws_done(&bench->ws);
    ws_pool_done(&bench->pool);
    buf_done(&bench->seen.log);
    buf_done(&bench->in);
}

static void frame(struct bench *bench, unsigned first_byte, const char *payload)
{
    struct buf bytes = frame_masked(first_byte, payload, strlen(payload));
    buf_add_slice(&bench->in, buf_slice(&bytes));
    buf_done(&bytes);
}

/* From a copy that is no longer than the bytes are: they are unmasked in place, and sanitizers see
 * what is read beyond them. */
static enum close_code feed_raw(struct bench *bench, struct slice bytes)
{
    char *own = malloc(bytes.len);
    assert_non_null(own);
    memcpy(own, bytes.ptr, bytes.len);
    enum close_code code = ws_feed(&bench->ws, &bench->pool, &bench->limits, own, bytes.len,
                                   bench->now, &ws_events, &bench->seen);
    free(own);
    return code;
}

/* Feeds what was put together, in parts of `step` bytes. */
static enum close_code feed(struct bench *bench, size_t step)
{
    enum close_code code = CLOSE_NONE;
    for (size_t at = 0; at < bench->in.len && code == CLOSE_NONE; at += step) {
        size_t len = bench->in.len - at < step ? bench->in.len - at : step;
        code = feed_raw(bench, (struct slice){bench->in.data + at, len});
    }
    buf_clear(&bench->in);
    return code;
}

static void expect(struct bench *bench, const char *log)
{
    buf_add_char(&bench->seen.log, '\0');
    assert_string_equal(bench->seen.log.data, log);
    buf_clear(&bench->seen.log);
}

static void section_5_2_lengths(void **state)
{
    (void)state;
    const size_t lengths[] = {0, 1, 125, 126, 127, 4096, 65535, 65536};
    struct bench bench;
    bench_init(&bench);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct buf payload, bytes;
        buf_init(&payload, 65537);
        for (size_t at = 0; at < lengths[i]; at++)
            buf_add_char(&payload, 'x');
        bytes = frame_masked(0x81, payload.data, payload.len);
        assert_int_equal(feed_raw(&bench, buf_slice(&bytes)), CLOSE_NONE);
        assert_int_equal(bench.seen.log.len, lengths[i] + 3);
        buf_clear(&bench.seen.log);
        buf_done(&payload);
        buf_done(&bytes);
    }
    bench_done(&bench);
}

static void section_5_2_lengths_are_minimal(void **state)
{
    (void)state;
    const struct slice frames[] = {
        SLICE("\x81\xfe\x00\x7d\1\2\3\4"),
        SLICE("\x81\xff\0\0\0\0\0\0\xff\xff\1\2\3\4"),
        SLICE("\x81\xff\x80\0\0\0\0\1\0\0\1\2\3\4"),
    };
    for (size_t i = 0; i < 3; i++) {
        struct bench bench;
        bench_init(&bench);
        assert_int_equal(feed_raw(&bench, frames[i]), CLOSE_WS_PROTOCOL);
        bench_done(&bench);
    }
}

static void section_5_2_reserved_bits(void **state)
{
    (void)state;
    const unsigned first_bytes[] = {0xc1, 0xa1, 0x91, 0xf1, 0xc9};
    for (size_t i = 0; i < sizeof(first_bytes) / sizeof(first_bytes[0]); i++) {
        struct bench bench;
        bench_init(&bench);
        frame(&bench, first_bytes[i], "x");
        assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_WS_PROTOCOL);
        bench_done(&bench);
    }
}

static void section_5_2_reserved_opcodes(void **state)
{
    (void)state;
    const unsigned opcodes[] = {3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf};
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
        struct bench bench;
        bench_init(&bench);
        frame(&bench, 0x80 | opcodes[i], "x");
        assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_WS_PROTOCOL);
        bench_done(&bench);
    }
}

static void section_5_1_frames_are_masked(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(feed_raw(&bench, SLICE("\x81\x05hello")), CLOSE_WS_PROTOCOL);
    expect(&bench, "");
    bench_done(&bench);
}

static void section_5_4_fragments_make_a_message(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    frame(&bench, 0x01, "one ");
    frame(&bench, 0x00, "");
    frame(&bench, 0x00, "two ");
    frame(&bench, 0x80, "three");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_NONE);
    expect(&bench, "t:one two three ");
    bench_done(&bench);
}

static void section_5_4_control_frames_come_between_fragments(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    frame(&bench, 0x01, "a");
    frame(&bench, 0x89, "p");
    frame(&bench, 0x00, "b");
    frame(&bench, 0x8a, "q");
    frame(&bench, 0x80, "c");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_NONE);
    expect(&bench, "ping:p pong:q t:abc ");
    bench_done(&bench);
}

static void section_5_4_nothing_to_continue(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    frame(&bench, 0x80, "x");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_WS_PROTOCOL);
    bench_done(&bench);
}

static void section_5_4_a_message_within_a_message(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    frame(&bench, 0x01, "a");
    frame(&bench, 0x81, "b");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_WS_PROTOCOL);
    bench_done(&bench);
}

static void section_5_5_control_frames_are_short_and_whole(void **state)
{
    (void)state;
    char payload[127];
    memset(payload, 'x', 126);
    payload[126] = '\0';
    struct bench bench;
    bench_init(&bench);
    frame(&bench, 0x89, payload);
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_WS_PROTOCOL);
    bench_done(&bench);
    bench_init(&bench);
    frame(&bench, 0x09, "x");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_WS_PROTOCOL);
    bench_done(&bench);
    bench_init(&bench);
    payload[125] = '\0';
    frame(&bench, 0x89, payload);
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_NONE);
    bench_done(&bench);
}

static void section_5_5_1_nothing_is_read_behind_a_close(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    frame(&bench, 0x88, "");
    frame(&bench, 0x81, "late");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_NONE);
    expect(&bench, "close: ");
    bench_done(&bench);
}

static void section_5_6_binary_is_refused(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    frame(&bench, 0x82, "x");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_BINARY);
    bench_done(&bench);
}

static void frames_split_at_every_byte(void **state)
{
    (void)state;
    char text[301];
    memset(text, 'y', 300);
    text[300] = '\0';
    for (size_t step = 1; step < 40; step++) {
        struct bench bench;
        bench_init(&bench);
        frame(&bench, 0x81, "hello");
        frame(&bench, 0x89, "ping");
        frame(&bench, 0x01, "frag");
        frame(&bench, 0x80, "mented");
        frame(&bench, 0x81, text);
        assert_int_equal(feed(&bench, step), CLOSE_NONE);
        assert_int_equal(bench.seen.messages, 3);
        assert_null(bench.ws.reader);
        buf_add_char(&bench.seen.log, '\0');
        assert_ptr_equal(strstr(bench.seen.log.data, "t:hello ping:ping t:fragmented t:yyy"),
                         bench.seen.log.data);
        bench_done(&bench);
    }
}

static void one_split_at_each_place(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    for (size_t at = 1; at < 40; at++) {
        frame(&bench, 0x81, "twenty bytes of text");
        frame(&bench, 0x81, "more");
        size_t len = bench.in.len;
        if (at >= len)
            break;
        assert_int_equal(feed_raw(&bench, (struct slice){bench.in.data, at}), CLOSE_NONE);
        assert_int_equal(feed_raw(&bench, (struct slice){bench.in.data + at, len - at}),
                         CLOSE_NONE);
        expect(&bench, "t:twenty bytes of text t:more ");
        buf_clear(&bench.in);
    }
    bench_done(&bench);
}

static void the_reader_is_lent_only_within_a_frame(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    frame(&bench, 0x01, "first fragment");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_NONE);
    assert_null(bench.ws.reader);
    assert_int_equal(bench.pool.count, 1);
    assert_int_equal(feed_raw(&bench, SLICE("\x80")), CLOSE_NONE);
    assert_non_null(bench.ws.reader);
    assert_int_equal(bench.pool.count, 0);
    bench_done(&bench);
}

static void whole_messages_and_pongs_need_no_reader(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    frame(&bench, 0x81, "one");
    frame(&bench, 0x8a, "answer");
    frame(&bench, 0x81, "two");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_NONE);
    assert_null(bench.ws.reader);
    assert_int_equal(bench.pool.count, 0);
    expect(&bench, "t:one pong:answer t:two ");
    bench_done(&bench);
}

static void two_connections_share_one_reader(void **state)
{
    (void)state;
    struct bench a, b;
    bench_init(&a);
    bench_init(&b);
    frame(&a, 0x81, "from a");
    assert_int_equal(feed(&a, 3), CLOSE_NONE);
    assert_int_equal(a.pool.count, 1);
    b.pool = a.pool;
    a.pool = (struct ws_pool){0};
    frame(&b, 0x81, "from b");
    assert_int_equal(feed(&b, 3), CLOSE_NONE);
    assert_int_equal(b.pool.count, 1);
    expect(&b, "t:from b ");
    bench_done(&a);
    bench_done(&b);
}

static void a_message_over_the_limit(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.limits.message_size = 10;
    frame(&bench, 0x81, "ten bytes.");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_NONE);
    frame(&bench, 0x81, "eleven char");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_TOO_LARGE);
    bench_done(&bench);
    bench_init(&bench);
    bench.limits.message_size = 10;
    frame(&bench, 0x01, "seven..");
    frame(&bench, 0x80, "four");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_TOO_LARGE);
    bench_done(&bench);
}

static void a_length_near_the_end_of_the_numbers(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct slice head = SLICE("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\1\2\3\4x");
    assert_int_equal(feed_raw(&bench, head), CLOSE_TOO_LARGE);
    bench_done(&bench);
}

static void too_many_fragments(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    frame(&bench, 0x01, "");
    for (int i = 0; i < 7; i++)
        frame(&bench, 0x00, "");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_NONE);
    frame(&bench, 0x00, "");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_TOO_LARGE);
    bench_done(&bench);
}

static void too_many_control_frames_in_a_second(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.limits.control_frames_per_second = 3;
    for (bench.now = 1000; bench.now <= 3000; bench.now += 1000) {
        for (int i = 0; i < 3; i++)
            frame(&bench, 0x89, "");
        assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_NONE);
    }
    bench.now = 3000;
    frame(&bench, 0x8a, "");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_RATE_LIMITED);
    bench_done(&bench);
}

static void pongs_that_were_asked_for_are_no_flood(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.limits.control_frames_per_second = 1;
    bench.ws.pongs_due = 3;
    for (int i = 0; i < 4; i++)
        frame(&bench, 0x8a, "");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_NONE);
    assert_int_equal(bench.ws.pongs_due, 0);
    frame(&bench, 0x8a, "");
    assert_int_equal(feed(&bench, SIZE_MAX / 2), CLOSE_RATE_LIMITED);
    bench_done(&bench);
}

static void it_is_known_since_when_a_message_is_unfinished(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.now = 1000;
    frame(&bench, 0x01, "begun");
    feed(&bench, SIZE_MAX / 2);
    assert_int_equal(bench.ws.unfinished_since, 1000);
    bench.now = 2000;
    frame(&bench, 0x89, "");
    frame(&bench, 0x00, "more");
    feed(&bench, SIZE_MAX / 2);
    assert_int_equal(bench.ws.unfinished_since, 1000);
    frame(&bench, 0x80, "done");
    frame(&bench, 0x01, "the next");
    feed(&bench, SIZE_MAX / 2);
    assert_int_equal(bench.ws.unfinished_since, 2000);
    frame(&bench, 0x80, "done");
    feed(&bench, SIZE_MAX / 2);
    assert_int_equal(bench.ws.unfinished_since, 0);
    feed_raw(&bench, SLICE("\x81"));
    assert_int_equal(bench.ws.unfinished_since, 2000);
    bench_done(&bench);
}

static void section_7_4_close_codes(void **state)
{
    (void)state;
    static const struct {
        unsigned code;
        bool good;
    } rows[] = {
        {0, false},    {999, false},  {1000, true},  {1001, true},   {1002, true}, {1003, true},
        {1004, false}, {1005, false}, {1006, false}, {1007, true},   {1011, true}, {1012, true},
        {1014, true},  {1015, false}, {1016, false}, {2999, false},  {3000, true}, {3999, true},
        {4000, true},  {4999, true},  {5000, false}, {65535, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char payload[2] = {(char)(rows[i].code >> 8), (char)rows[i].code};
        unsigned code;
        enum close_code wrong = ws_close_read((struct slice){payload, 2}, &code);
        assert_int_equal(wrong, rows[i].good ? CLOSE_NONE : CLOSE_WS_PROTOCOL);
        assert_int_equal(code, rows[i].good ? rows[i].code : 0);
    }
}

static void section_5_5_1_close_payloads(void **state)
{
    (void)state;
    unsigned code;
    assert_int_equal(ws_close_read(SLICE_NONE, &code), CLOSE_NONE);
    assert_int_equal(ws_close_read(SLICE("\x03"), &code), CLOSE_WS_PROTOCOL);
    assert_int_equal(ws_close_read(SLICE("\x03\xe8"
                                         "bye \xe2\x82\xac"),
                                   &code),
                     CLOSE_NONE);
    assert_int_equal(code, 1000);
    assert_int_equal(ws_close_read(SLICE("\x03\xe8\xe2\x82"), &code), CLOSE_NOT_JSON);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool whole = false;
    for (unsigned nth = 1; !whole; nth++) {
        struct bench bench;
        bench_init(&bench);
        buf_reserve(&bench.seen.log, 100000);
        frame(&bench, 0x01, "some text");
        frame(&bench, 0x80, " and more that makes the message grow");
        message_free_kept();
        mem_fail_nth(nth);
        enum close_code code = feed(&bench, 5);
        mem_fail_nth(0);
        whole = code == CLOSE_NONE;
        assert_true(whole || code == CLOSE_OVERLOADED);
        assert_int_equal(bench.seen.messages, whole);
        assert_true(nth < 20);
        if (nth <= 2)
            assert_false(whole);
        bench_done(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(section_5_1_frames_are_masked),
        cmocka_unit_test(section_5_2_lengths),
        cmocka_unit_test(section_5_2_lengths_are_minimal),
        cmocka_unit_test(section_5_2_reserved_bits),
        cmocka_unit_test(section_5_2_reserved_opcodes),
        cmocka_unit_test(section_5_4_fragments_make_a_message),
        cmocka_unit_test(section_5_4_control_frames_come_between_fragments),
        cmocka_unit_test(section_5_4_nothing_to_continue),
        cmocka_unit_test(section_5_4_a_message_within_a_message),
        cmocka_unit_test(section_5_5_control_frames_are_short_and_whole),
        cmocka_unit_test(section_5_5_1_nothing_is_read_behind_a_close),
        cmocka_unit_test(section_5_5_1_close_payloads),
        cmocka_unit_test(section_5_6_binary_is_refused),
        cmocka_unit_test(section_7_4_close_codes),
        cmocka_unit_test(frames_split_at_every_byte),
        cmocka_unit_test(one_split_at_each_place),
        cmocka_unit_test(the_reader_is_lent_only_within_a_frame),
        cmocka_unit_test(whole_messages_and_pongs_need_no_reader),
        cmocka_unit_test(two_connections_share_one_reader),
        cmocka_unit_test(a_message_over_the_limit),
        cmocka_unit_test(a_length_near_the_end_of_the_numbers),
        cmocka_unit_test(too_many_fragments),
        cmocka_unit_test(too_many_control_frames_in_a_second),
        cmocka_unit_test(pongs_that_were_asked_for_are_no_flood),
        cmocka_unit_test(it_is_known_since_when_a_message_is_unfinished),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
