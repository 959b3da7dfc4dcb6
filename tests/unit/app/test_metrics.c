#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/metrics.h"

#define WORKERS 3
#define TEXT_MAX ((size_t)1 << 20)

static struct metrics own, workers[WORKERS];
static struct buf text;

static const struct metrics *worker(const void *context, unsigned index)
{
    (void)context;
    return &workers[index];
}

static const struct metrics_sources sources = {&own, worker, NULL, WORKERS};

static int start(void **state)
{
    (void)state;
    memset((void *)&own, 0, sizeof(own));
    memset((void *)workers, 0, sizeof(workers));
    buf_init(&text, TEXT_MAX);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    buf_done(&text);
    return 0;
}

static void write_all(void)
{
    buf_clear(&text);
    metrics_write(&sources, &text);
    assert_false(buf_failed(&text));
    buf_add_char(&text, '\0');
}

static void assert_line(const char *line)
{
    char within[256];
    snprintf(within, sizeof(within), "\n%s\n", line);
    if (strstr(text.data, within) == NULL)
        fail_msg("no line %s", line);
}

static unsigned count_of(const char *part)
{
    unsigned count = 0;
    for (const char *at = text.data; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static void values_are_summed_over_processes(void **state)
{
    (void)state;
    tally_set(&own.accepted, 100); /* of workers that are no more */
    tally_set(&workers[0].accepted, 20);
    tally_set(&workers[2].accepted, 3);
    tally_set(&workers[1].core.errors[-ERR_PEER_BUSY], 2);
    tally_set(&workers[1].core.sessions[SESSION_AWAY], 6);
    write_all();
    assert_line("roomline_connections_accepted_total 123");
    assert_line("roomline_errors_total{code=\"peer-busy\"} 2");
    assert_line("roomline_errors_total{code=\"internal\"} 0");
    assert_line("roomline_sessions{state=\"away\"} 6");
    assert_line("roomline_peers{state=\"away\"} 6");
    assert_line("roomline_peers{state=\"here\"} 0");
}

static void two_labels_are_told_apart(void **state)
{
    (void)state;
    tally_set(&workers[0].core.calls[REPORT_FAILED][REASON_ICE_FAILED], 4);
    tally_set(&workers[0].core.candidates[CANDIDATE_RELAY][CANDIDATE_HOST], 9);
    write_all();
    assert_line("roomline_call_reports_total{outcome=\"failed\",reason=\"ice-failed\"} 4");
    assert_line("roomline_call_reports_total{outcome=\"connected\",reason=\"ice-failed\"} 0");
    assert_line("roomline_call_candidates_total{local=\"relay\",remote=\"host\"} 9");
    assert_line("roomline_call_candidates_total{local=\"host\",remote=\"relay\"} 0");
}

static void histograms_are_cumulative_and_in_seconds(void **state)
{
    (void)state;
    histogram_add(&workers[0].core.connect_time[CALL_RELAY], &histogram_slow, 400);
    histogram_add(&workers[1].core.connect_time[CALL_RELAY], &histogram_slow, 1500000);
    histogram_add(&workers[1].core.connect_time[CALL_RELAY], &histogram_slow, 70000000);
    write_all();
    assert_line("roomline_call_connect_seconds_bucket{path=\"relay\",le=\"0.000500\"} 1");
    assert_line("roomline_call_connect_seconds_bucket{path=\"relay\",le=\"1\"} 1");
    assert_line("roomline_call_connect_seconds_bucket{path=\"relay\",le=\"2.500000\"} 2");
    assert_line("roomline_call_connect_seconds_bucket{path=\"relay\",le=\"60\"} 2");
    assert_line("roomline_call_connect_seconds_bucket{path=\"relay\",le=\"+Inf\"} 3");
    assert_line("roomline_call_connect_seconds_sum{path=\"relay\"} 71.500400");
    assert_line("roomline_call_connect_seconds_count{path=\"relay\"} 3");
    assert_line("roomline_join_seconds_bucket{le=\"+Inf\"} 0");
}

static void processes_are_named(void **state)
{
    (void)state;
    tally_set(&own.process.resident, 1000);
    tally_set(&workers[2].process.cpu, 1500000);
    write_all();
    assert_line("roomline_resident_memory_bytes{process=\"supervisor\"} 1000");
    assert_line("roomline_resident_memory_bytes{process=\"0\"} 0");
    assert_line("roomline_cpu_seconds_total{process=\"2\"} 1.500000");
}

/* However many rows of the table have one name, it has one head, and nothing of another stands
 * between its samples. */
static void each_name_has_one_head(void **state)
{
    (void)state;
    char head[256];
    write_all();
    for (unsigned i = 0; i < metrics_table_rows; i++) {
        snprintf(head, sizeof(head), "# TYPE %s ", metrics_table[i].name);
        assert_int_equal(count_of(head), 1);
        snprintf(head, sizeof(head), "# HELP %s ", metrics_table[i].name);
        assert_int_equal(count_of(head), 1);
    }
}

static void names_follow_the_guide(void **state)
{
    (void)state;
    for (unsigned i = 0; i < metrics_table_rows; i++) {
        const struct metric *metric = &metrics_table[i];
        size_t len = strlen(metric->name);
        assert_memory_equal(metric->name, "roomline_", 9);
        assert_int_equal(strspn(metric->name, "abcdefghijklmnopqrstuvwxyz_"), len);
        bool total = len > 6 && strcmp(metric->name + len - 6, "_total") == 0;
        assert_int_equal(total, metric->type == METRIC_COUNTER);
        bool seconds = len > 8 && strcmp(metric->name + len - 8, "_seconds") == 0;
        assert_true(seconds || metric->type != METRIC_HISTOGRAM);
        assert_int_equal(metric->scale != NULL, metric->type == METRIC_HISTOGRAM);
        assert_true(strlen(metric->help) > 0 && metric->help[strlen(metric->help) - 1] == '.');
    }
}

/* Every word of every label is there, and no two of one label are the same. */
static void labels_are_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < metrics_table_rows; i++) {
        const struct metric_label *label = &metrics_table[i].outer;
        unsigned left_out = 0;
        for (unsigned a = 0; label->name != NULL && a < label->count; a++) {
            char one[METRIC_WORD_SIZE], other[METRIC_WORD_SIZE];
            const char *word = label->word(a, one);
            left_out += word == NULL;
            for (unsigned b = 0; word != NULL && b < a; b++) {
                const char *before = label->word(b, other);
                assert_true(before == NULL || strcmp(word, before) != 0);
            }
        }
        assert_in_range(left_out, 0, 1); /* errors and status classes begin with none */
    }
}

static void the_size_is_bounded(void **state)
{
    (void)state;
    const struct metrics_sources many = {&own, worker, NULL, WORKERS};
    memset((void *)workers, 0xff, sizeof(workers));
    metrics_write(&many, &text);
    assert_false(buf_failed(&text));
    assert_true(text.len < 256 * 1024);
}

static void no_memory_is_told(void **state)
{
    (void)state;
    struct buf small;
    buf_init(&small, 1000);
    metrics_write(&sources, &small);
    assert_true(buf_failed(&small));
    buf_done(&small);
}

#define METRICS_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        METRICS_TEST(values_are_summed_over_processes),
        METRICS_TEST(two_labels_are_told_apart),
        METRICS_TEST(histograms_are_cumulative_and_in_seconds),
        METRICS_TEST(processes_are_named),
        METRICS_TEST(each_name_has_one_head),
        METRICS_TEST(names_follow_the_guide),
        METRICS_TEST(labels_are_whole),
        METRICS_TEST(the_size_is_bounded),
        METRICS_TEST(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
