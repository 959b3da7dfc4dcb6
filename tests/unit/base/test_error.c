/* The tables, held against the protocol as docs/protocol.md section 4 has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>

#include "base/error.h"

static const struct {
    int error;
    const char *wire;
    int close_new;
    int close_joined;
} expected[] = {
    {ERR_BAD_MESSAGE, "bad-message", 4000, 4000},
    {ERR_UNKNOWN_TYPE, "unknown-type", 4000, 0},
    {ERR_NOT_JOINED, "not-joined", 4000, 4000},
    {ERR_ALREADY_JOINED, "already-joined", 4000, 4000},
    {ERR_BAD_NAME, "bad-name", 4000, 0},
    {ERR_UNAUTHORIZED, "unauthorized", 4001, 0},
    {ERR_FORBIDDEN, "forbidden", 4003, 0},
    {ERR_ROOM_FULL, "room-full", 4006, 0},
    {ERR_ROOM_LOCKED, "room-locked", 4007, 0},
    {ERR_ROOM_CLOSED, "room-closed", 4004, 4004},
    {ERR_PEER_TAKEN, "peer-taken", 4010, 0},
    {ERR_PEER_NOT_FOUND, "peer-not-found", 0, 0},
    {ERR_PEER_BUSY, "peer-busy", 0, 0},
    {ERR_RATE_LIMITED, "rate-limited", 4029, 0},
    {ERR_TOO_LARGE, "too-large", 4000, 0},
    {ERR_UNAVAILABLE, "unavailable", 1013, 0},
    {ERR_INTERNAL, "internal", 1013, 1013},
};

#define EXPECTED (sizeof(expected) / sizeof(expected[0]))

static void each_error_is_as_the_protocol_has_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXPECTED; i++) {
        assert_true(expected[i].error < 0);
        assert_string_equal(error_wire(expected[i].error), expected[i].wire);
        assert_int_equal(error_close(expected[i].error, false), expected[i].close_new);
        assert_int_equal(error_close(expected[i].error, true), expected[i].close_joined);
        assert_true(strlen(error_text(expected[i].error)) > 0);
    }
}

static void no_error_is_left_out(void **state)
{
    (void)state;
    assert_int_equal(EXPECTED, ERR_COUNT - 1);
    for (int error = -1; error > -ERR_COUNT; error--) {
        size_t found = 0;
        for (size_t i = 0; i < EXPECTED; i++)
            found += expected[i].error == error;
        assert_int_equal(found, 1);
    }
}

static void what_is_not_json_closes_with_1007(void **state)
{
    (void)state;
    assert_int_equal(error_close(ERR_NOT_JSON, false), 1007);
    assert_int_equal(error_close(ERR_NOT_JSON, true), 1007);
    assert_true(strlen(error_text(ERR_NOT_JSON)) > 0);
}

static void who_was_kicked_hears_why_and_is_closed_with_4005(void **state)
{
    (void)state;
    assert_int_equal(error_close(ERR_KICKED, false), 4005);
    assert_int_equal(error_close(ERR_KICKED, true), 4005);
    assert_string_equal(error_wire(ERR_KICKED), "forbidden");
    assert_int_equal(error_close(ERR_TOO_MANY_ROOMS, false), 1013);
    assert_string_equal(error_wire(ERR_TOO_MANY_ROOMS), "unavailable");
}

static void what_is_no_error_counts_as_internal(void **state)
{
    (void)state;
    static const int strange[] = {0, 1, INT_MAX, INT_MIN, -ERR_COUNT, ERR_TOO_MANY_ROOMS - 1};
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
        assert_string_equal(error_wire(strange[i]), "internal");
}

/* What may be resumed: everything but a membership that ended or that another connection has. */
static const struct {
    int code;
    bool resumable;
} closes[] = {
    {1000, false}, {1002, true},  {1003, true}, {1007, true},  {1009, true},  {1012, true},
    {1013, true},  {4000, true},  {4001, true}, {4003, false}, {4004, false}, {4005, false},
    {4006, false}, {4007, false}, {4008, true}, {4009, false}, {4010, false}, {4029, true},
};

static void what_is_counted_is_one_of_the_wire(void **state)
{
    (void)state;
    static const int strange[] = {0, 1, INT_MAX, INT_MIN, -ERR_COUNT, ERR_TOO_MANY_ROOMS - 1};
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
        assert_int_equal(error_number(strange[i]), -ERR_INTERNAL);
    for (int error = 1; error < ERR_COUNT; error++)
        assert_int_equal(error_number(-error), error);
    assert_int_equal(error_number(ERR_KICKED), -ERR_FORBIDDEN);
    assert_int_equal(error_number(ERR_TOO_MANY_ROOMS), -ERR_UNAVAILABLE);
    assert_int_equal(error_number(ERR_NOT_JSON), -ERR_BAD_MESSAGE);
}

static void each_close_code_has_a_reason_that_fits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(closes) / sizeof(closes[0]); i++) {
        /* RFC 6455 section 5.5: a control frame has at most 125 bytes, two of them the code. */
        assert_in_range(strlen(close_reason(closes[i].code)), 1, 123);
        assert_int_equal(close_resumable(closes[i].code), closes[i].resumable);
    }
}

static void no_close_code_is_left_out(void **state)
{
    (void)state;
    size_t count = 0;
#define X(code, reason, resumable, reconnect) count++;
    CLOSE_CODES(X)
#undef X
    assert_int_equal(count, sizeof(closes) / sizeof(closes[0]));
}

static void an_unknown_code_is_a_broken_socket(void **state)
{
    (void)state;
    assert_string_equal(close_reason(CLOSE_NONE), "");
    assert_true(close_resumable(CLOSE_NONE));
    assert_true(close_resumable(1006));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_is_as_the_protocol_has_it),
        cmocka_unit_test(no_error_is_left_out),
        cmocka_unit_test(what_is_not_json_closes_with_1007),
        cmocka_unit_test(who_was_kicked_hears_why_and_is_closed_with_4005),
        cmocka_unit_test(what_is_no_error_counts_as_internal),
        cmocka_unit_test(what_is_counted_is_one_of_the_wire),
        cmocka_unit_test(each_close_code_has_a_reason_that_fits),
        cmocka_unit_test(no_close_code_is_left_out),
        cmocka_unit_test(an_unknown_code_is_a_broken_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
