#include "core/report.h"

#include "base/error.h"
#include "core/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORD_MAX 32 /* longer than any word or key of ours */
#define DIGITS_MAX 16

#define X(name, word) word,
const char *const report_outcomes[] = {REPORT_OUTCOMES(X)};
const char *const report_reasons[] = {REPORT_REASONS(X)};
const char *const report_candidates[] = {REPORT_CANDIDATES(X)};
#undef X

struct field {
    const char *key;
    enum json_kind kind;
    size_t offset;            /* of the value in struct report */
    const char *const *words; /* of a string */
    unsigned count;           /* of them */
    size_t given;             /* of a number: offset of the bool that there is one; 0: none */
};

#define WORD(key, member, words)                                                                   \
    {                                                                                              \
        key, JSON_STRING, offsetof(struct report, member), words, COUNT(words), 0                  \
    }
#define NUMBER(key, member, given)                                                                 \
    {                                                                                              \
        key, JSON_NUMBER, offsetof(struct report, member), NULL, 0, given                          \
    }

static const struct field fields[] = {
    WORD("outcome", outcome, report_outcomes),
    WORD("reason", reason, report_reasons),
    WORD("local", local, report_candidates),
    WORD("remote", remote, report_candidates),
    NUMBER("connectTime", connect_time, offsetof(struct report, has_connect_time)),
    NUMBER("duration", duration, offsetof(struct report, has_duration)),
    NUMBER("iceRestarts", ice_restarts, 0),
};

/* The text of a raw string without quotes; one too long for any of ours is empty. */
static struct slice plain(struct slice inside, char space[WORD_MAX])
{
    long len = json_decode(inside, space, WORD_MAX);
    return (struct slice){space, len < 0 ? 0 : (size_t)len};
}

static unsigned find_word(const struct field *field, struct slice value)
{
    char space[WORD_MAX];
    struct slice word = plain(json_inside(value), space);
    unsigned i = 0;
    while (i < field->count - 1 && !slice_is(word, field->words[i]))
        i++;
    return i;
}

/* Digits alone, as JSON.stringify writes a count. */
static bool read_number(struct slice value, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (value.len > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return false;
        number = number * 10 + (unsigned)(value.ptr[i] - '0');
    }
    *ret_number = number;
    return true;
}

static bool set_field(struct report *report, const struct field *field,
                      const struct json_member *member)
{
    char *place = (char *)report + field->offset;
    if (member->kind != field->kind)
        return false;
    if (field->kind == JSON_STRING) {
        unsigned word = find_word(field, member->value);
        memcpy(place, &word, sizeof(word)); /* of all three enumerations; asserted below */
        return true;
    }
    uint64_t number;
    if (!read_number(member->value, &number))
        return false;
    memcpy(place, &number, sizeof(number));
    if (field->given != 0)
        *(bool *)((char *)report + field->given) = true;
    return true;
}

_Static_assert(sizeof(enum report_outcome) == sizeof(unsigned) &&
                   sizeof(enum report_reason) == sizeof(unsigned) &&
                   sizeof(enum report_candidate) == sizeof(unsigned),
               "a word is written as unsigned");

/* Of a repeated field the last one counts, and null is as good as absent, as everywhere. */
static void note(const struct json_member *member, struct json_member *found)
{
    char space[WORD_MAX];
    struct slice key = plain(member->key, space);
    for (size_t i = 0; i < COUNT(fields); i++)
        if (slice_is(key, fields[i].key))
            found[i] = *member;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

int report_read(struct slice call, struct report *ret_report)
{
    struct json_member member, found[COUNT(fields)] = {0};
    struct json_reader reader;
    struct report report = {0};
    if (!json_object_start(&reader, call))
        return ERR_BAD_MESSAGE;
    while (json_object_next(&reader, &member))
        note(&member, found);
    if (!reader.valid || found[0].kind != JSON_STRING)
        return ERR_BAD_MESSAGE;
    for (size_t i = 0; i < COUNT(fields); i++)
        if (found[i].kind != JSON_INVALID && found[i].kind != JSON_NULL &&
            !set_field(&report, &fields[i], &found[i]))
            return ERR_BAD_MESSAGE;
    report.ice_restarts = least(report.ice_restarts, REPORT_RESTARTS_MAX);
    report.connect_time = least(report.connect_time, REPORT_TIME_MAX);
    report.duration = least(report.duration, REPORT_TIME_MAX);
    *ret_report = report;
    return 0;
}
