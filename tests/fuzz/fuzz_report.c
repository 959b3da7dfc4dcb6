/* What a client tells of a call: whatever it says, only what is enumerated and bounded comes out, and
 * cJSON reads the same. */
#include "core/json.h"
#include "core/report.h"
#include "must.h"
#include "second_opinion.h"

static void check_word(const cJSON *call, const char *key, unsigned got, const char *const *words,
                       unsigned count)
{
    const cJSON *member = second_opinion_member(call, key);
    const char *text = cJSON_GetStringValue(member);
    unsigned expected = text == NULL ? 0 : count - 1;
    must(got < count);
    for (unsigned i = 0; text != NULL && i < count; i++)
        if (strcmp(text, words[i]) == 0)
            expected = i;
    must(got == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct report report;
    if (json_check(text) != JSON_OBJECT || report_read(text, &report) != 0)
        return 0;
    must(report.ice_restarts <= REPORT_RESTARTS_MAX);
    must(report.connect_time <= REPORT_TIME_MAX && report.duration <= REPORT_TIME_MAX);
    must(report.has_connect_time || report.connect_time == 0);
    must(report.has_duration || report.duration == 0);
    if (!second_opinion_can_tell(text) || memmem(data, size, "\\u0000", 6) != NULL)
        return 0;
    cJSON *call = second_opinion_parse(text);
    must(call != NULL);
    check_word(call, "outcome", report.outcome, report_outcomes, REPORT_OUTCOME_COUNT);
    check_word(call, "reason", report.reason, report_reasons, REPORT_REASON_COUNT);
    check_word(call, "local", report.local, report_candidates, REPORT_CANDIDATE_COUNT);
    check_word(call, "remote", report.remote, report_candidates, REPORT_CANDIDATE_COUNT);
    cJSON_Delete(call);
    return 0;
}
