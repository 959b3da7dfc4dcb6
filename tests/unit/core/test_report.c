#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/error.h"
#include "core/report.h"

static struct report report;

static int read_call(const char *text)
{
    return report_read(slice_of(text), &report);
}

static void all_fields_are_read(void **state)
{
    (void)state;
    assert_int_equal(
        read_call("{\"outcome\":\"connected\",\"reason\":\"peer-left\",\"local\":\"relay\","
                  "\"remote\":\"prflx\",\"connectTime\":840,\"duration\":61000,"
                  "\"iceRestarts\":2}"),
        0);
    assert_int_equal(report.outcome, REPORT_CONNECTED);
    assert_int_equal(report.reason, REASON_PEER_LEFT);
    assert_int_equal(report.local, CANDIDATE_RELAY);
    assert_int_equal(report.remote, CANDIDATE_PRFLX);
    assert_true(report.has_connect_time && report.has_duration);
    assert_int_equal(report.connect_time, 840);
    assert_int_equal(report.duration, 61000);
    assert_int_equal(report.ice_restarts, 2);
}

static void only_the_outcome_is_needed(void **state)
{
    (void)state;
    assert_int_equal(read_call("{\"outcome\":\"failed\"}"), 0);
    assert_int_equal(report.outcome, REPORT_FAILED);
    assert_int_equal(report.reason, REASON_NONE);
    assert_int_equal(report.local, CANDIDATE_NONE);
    assert_false(report.has_connect_time || report.has_duration);
    assert_int_equal(read_call("{}"), ERR_BAD_MESSAGE);
    assert_int_equal(read_call("{\"outcome\":null}"), ERR_BAD_MESSAGE);
    assert_int_equal(read_call("{\"reason\":\"hangup\"}"), ERR_BAD_MESSAGE);
}

static void every_word_is_known(void **state)
{
    (void)state;
    char text[128];
    for (unsigned i = 0; i < REPORT_REASON_COUNT; i++) {
        snprintf(text, sizeof(text), "{\"outcome\":\"failed\",\"reason\":\"%s\"}",
                 report_reasons[i]);
        assert_int_equal(read_call(text), 0);
        assert_int_equal(report.reason, i);
    }
    for (unsigned i = 0; i < REPORT_OUTCOME_COUNT; i++) {
        snprintf(text, sizeof(text), "{\"outcome\":\"%s\"}", report_outcomes[i]);
        assert_int_equal(read_call(text), 0);
        assert_int_equal(report.outcome, i);
    }
    for (unsigned i = 0; i < REPORT_CANDIDATE_COUNT; i++) {
        snprintf(text, sizeof(text), "{\"outcome\":\"failed\",\"remote\":\"%s\"}",
                 report_candidates[i]);
        assert_int_equal(read_call(text), 0);
        assert_int_equal(report.remote, i);
    }
}

static void what_is_not_known_is_other(void **state)
{
    (void)state;
    assert_int_equal(read_call("{\"outcome\":\"quantum\",\"reason\":\"\",\"local\":\"Host\","
                               "\"remote\":\"a-word-that-is-longer-than-any-that-there-will-be\"}"),
                     0);
    assert_int_equal(report.outcome, REPORT_OTHER);
    assert_int_equal(report.reason, REASON_OTHER);
    assert_int_equal(report.local, CANDIDATE_OTHER);
    assert_int_equal(report.remote, CANDIDATE_OTHER);
    assert_int_equal(read_call("{\"outcome\":\"\\ud800\"}"), 0); /* half a surrogate pair */
    assert_int_equal(report.outcome, REPORT_OTHER);
}

static void the_last_of_a_repeated_field_counts(void **state)
{
    (void)state;
    assert_int_equal(
        read_call("{\"outcome\":1,\"outcome\":\"failed\",\"o\\u0075tcome\":\"cancelled\"}"), 0);
    assert_int_equal(report.outcome, REPORT_CANCELLED);
}

static void wrong_kinds_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\"outcome\":true",
        "\"outcome\":[\"failed\"]",
        "\"outcome\":\"failed\",\"reason\":1",
        "\"outcome\":\"failed\",\"local\":{}",
        "\"outcome\":\"failed\",\"duration\":\"1\"",
        "\"outcome\":\"failed\",\"duration\":-1",
        "\"outcome\":\"failed\",\"duration\":1.5",
        "\"outcome\":\"failed\",\"duration\":1e3",
        "\"outcome\":\"failed\",\"duration\":12345678901234567",
        "\"outcome\":\"failed\",\"iceRestarts\":[]",
    };
    char text[128];
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(text, sizeof(text), "{%s}", wrong[i]);
        assert_int_equal(read_call(text), ERR_BAD_MESSAGE);
    }
    assert_int_equal(read_call("[]"), ERR_BAD_MESSAGE);
}

static void numbers_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(read_call("{\"outcome\":\"failed\",\"connectTime\":9999999999999999,"
                               "\"duration\":9999999999999999,\"iceRestarts\":9999999999999999}"),
                     0);
    assert_int_equal(report.connect_time, REPORT_TIME_MAX);
    assert_int_equal(report.duration, REPORT_TIME_MAX);
    assert_int_equal(report.ice_restarts, REPORT_RESTARTS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_are_read),
        cmocka_unit_test(only_the_outcome_is_needed),
        cmocka_unit_test(every_word_is_known),
        cmocka_unit_test(what_is_not_known_is_other),
        cmocka_unit_test(the_last_of_a_repeated_field_counts),
        cmocka_unit_test(wrong_kinds_are_refused),
        cmocka_unit_test(numbers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
