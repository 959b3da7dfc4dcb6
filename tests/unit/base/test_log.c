#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

static int saved_stderr;
static int reading; /* where standard error comes out */
static char output[65536];

static int capture_in(int write_end)
{
    saved_stderr = dup(STDERR_FILENO);
    if (saved_stderr < 0 || dup2(write_end, STDERR_FILENO) < 0)
        return -1;
    return close(write_end);
}

static int capture(void **state)
{
    (void)state;
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) < 0)
        return -1;
    reading = ends[0];
    return capture_in(ends[1]);
}

static int capture_terminal(void **state)
{
    (void)state;
    reading = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (reading < 0 || grantpt(reading) < 0 || unlockpt(reading) < 0)
        return -1;
    return capture_in(open(ptsname(reading), O_RDWR | O_NOCTTY));
}

static int release(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    log_init(LOG_INFO, LOG_TEXT, -1);
    return close(reading);
}

/* What was logged since the last time. */
static const char *logged(void)
{
    ssize_t len = read(reading, output, sizeof(output) - 1);
    output[len > 0 ? len : 0] = '\0';
    return output;
}

/* The one line logged, parsed. */
static cJSON *logged_json(void)
{
    const char *line = logged();
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    cJSON *json = cJSON_Parse(line);
    if (json == NULL)
        fail_msg("not JSON: %s", line);
    return json;
}

static void assert_member(const cJSON *json, const char *name, const char *value)
{
    const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
    assert_non_null(found);
    assert_string_equal(found, value);
}

static double number_of(const cJSON *json, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

/* Whether `text` has the shape of `pattern`, where 9 is any digit. */
static bool is_like(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; text++, pattern++)
        if (*pattern == '9' ? *text < '0' || *text > '9' : *text != *pattern)
            return false;
    return true;
}

static void json_has_time_level_event_and_fields(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_JSON, -1);
    log_event(LOG_INFO, "listening", LOG_STR("url", "http://127.0.0.1:1"),
              LOG_UINT("backlog", 1024), LOG_INT("delta", -5), LOG_BOOL("yes", true),
              LOG_BOOL("no", false), LOG_END);
    cJSON *json = logged_json();
    const cJSON *time = cJSON_GetObjectItemCaseSensitive(json, "time");
    assert_true(is_like(cJSON_GetStringValue(time), "9999-99-99T99:99:99.999Z"));
    assert_member(json, "level", "info");
    assert_member(json, "event", "listening");
    assert_member(json, "url", "http://127.0.0.1:1");
    assert_true(number_of(json, "backlog") == 1024);
    assert_true(number_of(json, "delta") == -5);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "yes")));
    assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(json, "no")));
    assert_false(cJSON_HasObjectItem(json, "worker"));
    cJSON_Delete(json);
}

static void a_worker_names_itself(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_JSON, 3);
    log_event(LOG_ERROR, "broken", LOG_END);
    cJSON *json = logged_json();
    assert_true(number_of(json, "worker") == 3);
    assert_true(number_of(json, "pid") == getpid());
    cJSON_Delete(json);
    log_init(LOG_INFO, LOG_TEXT, 3);
    log_event(LOG_ERROR, "broken", LOG_END);
    assert_true(is_like(logged(), "99:99:99.999 error broken worker=3\n"));
}

static void text_is_plain(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_TEXT, -1);
    log_event(LOG_INFO, "listening", LOG_STR("url", "http://127.0.0.1:1"), LOG_UINT("n", 7),
              LOG_BOOL("on", true), LOG_END);
    assert_true(is_like(logged(), "99:99:99.999 info  listening url="));
    assert_string_equal(output + 12, " info  listening url=http://127.0.0.1:1 n=7 on=true\n");
}

static void text_quotes_what_would_mislead(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_TEXT, -1);
    log_event(LOG_INFO, "e", LOG_STR("a", "two words"), LOG_STR("b", "x=\"y\""), LOG_STR("c", ""),
              LOG_STR("d", "\xed\x95\x9c"), LOG_STR("e", "\x1b[31m"), LOG_STR("f", "\xc2\x9b"),
              LOG_STR("g", "\xff"), LOG_STR("h", "a\nb"), LOG_END);
    assert_string_equal(logged() + 12,
                        " info  e a=\"two words\" b=\"x=\\\"y\\\"\" c=\"\" d=\xed\x95\x9c"
                        " e=\"\\u001b[31m\" f=\"\\u009b\" g=\"\xef\xbf\xbd\""
                        " h=\"a\\nb\"\n");
}

static void json_stays_json_whatever_it_holds(void **state)
{
    (void)state;
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    struct slice all = {bytes, sizeof(bytes)};
    log_init(LOG_INFO, LOG_JSON, 0);
    log_event(LOG_INFO, "e", LOG_SLICE("bytes", all), LOG_STR("after", "x"), LOG_END);
    cJSON *json = logged_json();
    assert_member(json, "after", "x");
    cJSON_Delete(json);
}

static void absent_texts_are_left_out(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_JSON, -1);
    log_event(LOG_INFO, "e", LOG_SLICE("room", SLICE_NONE), LOG_SLICE("peer", SLICE("")), LOG_END);
    cJSON *json = logged_json();
    assert_false(cJSON_HasObjectItem(json, "room"));
    assert_member(json, "peer", "");
    cJSON_Delete(json);
}

static void levels_below_are_silent(void **state)
{
    (void)state;
    log_init(LOG_WARN, LOG_TEXT, -1);
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARN));
    log_event(LOG_DEBUG, "no", LOG_END);
    log_event(LOG_INFO, "no", LOG_END);
    assert_string_equal(logged(), "");
    log_event(LOG_WARN, "yes", LOG_END);
    assert_string_equal(logged() + 12, " warn  yes\n");
}

static void auto_is_json_in_a_pipe(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_AUTO, -1);
    log_event(LOG_INFO, "e", LOG_END);
    cJSON_Delete(logged_json());
}

static void auto_is_text_on_a_terminal(void **state)
{
    (void)state;
    log_init(LOG_INFO, LOG_AUTO, -1);
    log_event(LOG_INFO, "e", LOG_END);
    assert_true(is_like(logged(), "99:99:99.999 info  e"));
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[2001];
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, i == 0 ? "xx" : "\xc3\xa9", 2);
    text[0] = 'x';
    struct slice odd = {text + 1, 1999}; /* 1 + 2n bytes: the limit falls inside a character */
    log_init(LOG_INFO, LOG_JSON, -1);
    log_event(LOG_INFO, "e", LOG_SLICE("long", odd), LOG_STR("after", "y"), LOG_END);
    cJSON *json = logged_json();
    const char *kept = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "long"));
    assert_in_range(strlen(kept), 256, 512);
    assert_memory_equal(kept, odd.ptr, strlen(kept));
    assert_null(strstr(kept, "\xef\xbf\xbd"));
    assert_member(json, "after", "y");
    cJSON_Delete(json);
}

static void a_line_that_is_too_long_loses_fields_only(void **state)
{
    (void)state;
    char text[512];
    memset(text, 1, sizeof(text)); /* six bytes each once escaped */
    struct slice long_text = {text, sizeof(text)};
    log_init(LOG_INFO, LOG_JSON, -1);
    log_event(LOG_INFO, "e", LOG_SLICE("a", long_text), LOG_SLICE("b", long_text),
              LOG_UINT("connection", 7), LOG_END);
    assert_true(strlen(logged()) <= 4096);
    cJSON *json = cJSON_Parse(output);
    assert_non_null(json);
    assert_true(cJSON_HasObjectItem(json, "a"));
    assert_false(cJSON_HasObjectItem(json, "b"));
    assert_true(number_of(json, "connection") == 7);
    cJSON_Delete(json);
}

static void a_line_is_whole_however_full(void **state)
{
    (void)state;
    char text[512];
    memset(text, 1, sizeof(text));
    log_init(LOG_INFO, LOG_JSON, -1);
    size_t longest = 0;
    for (size_t len = 0; len < 400; len++) {
        log_event(LOG_INFO, "e", LOG_SLICE("a", ((struct slice){text, 512})),
                  LOG_SLICE("b", ((struct slice){text, 130})),
                  LOG_SLICE("c", ((struct slice){"..........", len % 10})),
                  LOG_SLICE("d", ((struct slice){text, len / 10})), LOG_END);
        cJSON_Delete(logged_json());
        longest = strlen(output) > longest ? strlen(output) : longest;
    }
    assert_int_equal(longest, 4096);
}

static void a_line_needs_no_memory_of_its_own(void **state)
{
    (void)state;
    char text[500];
    memset(text, 'x', sizeof(text));
    struct slice long_text = {text, sizeof(text)};
    log_init(LOG_INFO, LOG_JSON, -1);
    log_event(LOG_INFO, "first", LOG_END);
    cJSON_Delete(logged_json());
    mem_fail_nth(1);
    log_event(LOG_INFO, "e", LOG_SLICE("a", long_text), LOG_SLICE("b", long_text), LOG_END);
    mem_fail_nth(0);
    cJSON *json = logged_json();
    assert_true(cJSON_HasObjectItem(json, "b"));
    cJSON_Delete(json);
}

static void a_gap_is_told_where_it_is(void **state)
{
    (void)state;
    double number = 0;
    log_init(LOG_INFO, LOG_JSON, -1);
    for (int i = 0; i < 4000; i++)
        log_event(LOG_INFO, "e", LOG_INT("number", i), LOG_STR("text", "sixty bytes of text or so"),
                  LOG_END);
    size_t total = 0;
    static char all[1 << 20];
    do
        total += strlen(strcpy(all + total, logged()));
    while (!log_flush() || output[0] != '\0');
    log_event(LOG_INFO, "after", LOG_END);
    strcpy(all + total, logged());
    char *rest, *line = strtok_r(all, "\n", &rest);
    cJSON *json = cJSON_Parse(line);
    for (; cJSON_HasObjectItem(json, "number"); json = cJSON_Parse(line)) {
        assert_true(number_of(json, "number") == number++);
        cJSON_Delete(json);
        line = strtok_r(NULL, "\n", &rest);
    }
    assert_member(json, "event", "log-dropped");
    assert_member(json, "level", "warn");
    assert_true(number > 0 && number_of(json, "lines") == 4000 - number);
    cJSON_Delete(json);
    json = cJSON_Parse(strtok_r(NULL, "\n", &rest));
    assert_member(json, "event", "after");
    cJSON_Delete(json);
    assert_null(strtok_r(NULL, "\n", &rest));
}

#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAPTURED(json_has_time_level_event_and_fields),
        CAPTURED(a_worker_names_itself),
        CAPTURED(text_is_plain),
        CAPTURED(text_quotes_what_would_mislead),
        CAPTURED(json_stays_json_whatever_it_holds),
        CAPTURED(absent_texts_are_left_out),
        CAPTURED(levels_below_are_silent),
        CAPTURED(auto_is_json_in_a_pipe),
        cmocka_unit_test_setup_teardown(auto_is_text_on_a_terminal, capture_terminal, release),
        CAPTURED(a_long_text_is_cut_between_characters),
        CAPTURED(a_line_that_is_too_long_loses_fields_only),
        CAPTURED(a_line_is_whole_however_full),
        CAPTURED(a_line_needs_no_memory_of_its_own),
        CAPTURED(a_gap_is_told_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
