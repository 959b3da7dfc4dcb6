#include "app/metrics.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#define PROCESS_LABEL "process"

static size_t stride_of(const struct metric *metric)
{
    return metric->type == METRIC_HISTOGRAM ? sizeof(struct histogram) : sizeof(struct tally);
}

static unsigned values_of(const struct metric *metric)
{
    return metric->outer.count * metric->inner.count;
}

static const void *value_at(const struct metrics *metrics, const struct metric *metric, unsigned i)
{
    return (const char *)metrics + metric->offset + i * stride_of(metric);
}

/* ---- a process is no more */

static bool is_inherited(const struct metric *metric)
{
    return metric->type != METRIC_GAUGE && !metric->by_process;
}

/* A histogram is nothing but tallies. */
_Static_assert(sizeof(struct histogram) == (HISTOGRAM_BOUNDS + 2) * sizeof(struct tally),
               "buckets and sum");

void metrics_inherit(struct metrics *heir, const struct metrics *dead)
{
    for (unsigned row = 0; row < metrics_table_rows; row++) {
        const struct metric *metric = &metrics_table[row];
        size_t count = values_of(metric) * stride_of(metric) / sizeof(struct tally);
        struct tally *to = (struct tally *)((char *)heir + metric->offset);
        const struct tally *from = value_at(dead, metric, 0);
        for (size_t i = 0; i < count && is_inherited(metric); i++)
            tally_add(&to[i], tally_get(&from[i]));
    }
}

/* FNV-1a (Fowler, Noll, Vo 1991). */
static uint32_t mix(uint32_t hash, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 16777619u;
    return hash;
}

uint32_t metrics_layout(void)
{
    uint32_t hash = 2166136261u;
    for (unsigned row = 0; row < metrics_table_rows; row++) {
        const struct metric *metric = &metrics_table[row];
        unsigned count = values_of(metric);
        hash = mix(hash, metric->name, strlen(metric->name));
        hash = mix(hash, &metric->offset, sizeof(metric->offset));
        hash = mix(hash, &count, sizeof(count));
    }
    return hash;
}

/* ---- the text */

uint64_t metrics_sum(const struct metrics_sources *sources, size_t offset)
{
    uint64_t sum = tally_get((const struct tally *)((const char *)sources->supervisor + offset));
    for (unsigned i = 0; i < sources->count; i++) {
        const struct metrics *worker = sources->worker(sources->context, i);
        sum += tally_get((const struct tally *)((const char *)worker + offset));
    }
    return sum;
}

static void add_escaped(struct buf *out, const char *text, bool quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            buf_add_text(out, "\\n");
            continue;
        }
        if (*text == '\\' || (quotes && *text == '"'))
            buf_add_char(out, '\\');
        buf_add_char(out, *text);
    }
}

/* `before`: what stands between this one and what precedes it; becomes what the next needs. */
static void add_label(struct buf *out, char *before, const char *name, const char *value)
{
    if (value == NULL)
        return;
    buf_add_char(out, *before);
    *before = ',';
    buf_add_text(out, name);
    buf_add_text(out, "=\"");
    add_escaped(out, value, true);
    buf_add_char(out, '"');
}

static void add_microseconds(struct buf *out, uint64_t us)
{
    buf_add_uint(out, us / 1000000);
    if (us % 1000000 != 0)
        buf_add_format(out, ".%06u", (unsigned)(us % 1000000));
}

static const char *type_name(enum metric_type type)
{
    static const char *const names[] = {"counter", "gauge", "histogram"};
    return names[type];
}

static void add_head(struct buf *out, const struct metric *metric)
{
    buf_add_text(out, "# HELP ");
    buf_add_text(out, metric->name);
    buf_add_char(out, ' ');
    add_escaped(out, metric->help, false);
    buf_add_text(out, "\n# TYPE ");
    buf_add_text(out, metric->name);
    buf_add_char(out, ' ');
    buf_add_text(out, type_name(metric->type));
    buf_add_char(out, '\n');
}

/* The labels of one sample. */
struct labels {
    const struct metric *metric;
    const char *outer, *inner; /* NULL: none */
    const char *process;       /* NULL: it is the sum */
};

static void add_sample_name(struct buf *out, const struct labels *labels, const char *suffix,
                            const char *bound)
{
    const struct metric *metric = labels->metric;
    char before = '{';
    buf_add_text(out, metric->name);
    buf_add_text(out, suffix);
    add_label(out, &before, metric->outer.name, labels->outer);
    add_label(out, &before, metric->inner.name, labels->inner);
    add_label(out, &before, PROCESS_LABEL, labels->process);
    add_label(out, &before, "le", bound);
    buf_add_text(out, before == '{' ? " " : "} ");
}

static void add_bucket(struct buf *out, const struct labels *labels, unsigned i, uint64_t count)
{
    char space[32];
    struct buf bound = {.data = space, .capacity = sizeof(space), .max = sizeof(space)};
    if (i < HISTOGRAM_BOUNDS)
        add_microseconds(&bound, labels->metric->scale->bounds[i]);
    else
        buf_add_text(&bound, "+Inf");
    buf_add_char(&bound, '\0');
    add_sample_name(out, labels, "_bucket", space);
    buf_add_uint(out, count);
    buf_add_char(out, '\n');
}

/* Buckets are summed before the count is, and all in the end have to agree: so the count is theirs. */
static void add_histogram(struct buf *out, const struct labels *labels,
                          const struct metrics_sources *sources, size_t offset)
{
    uint64_t count = 0;
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        count += metrics_sum(sources, offset + i * sizeof(struct tally));
        add_bucket(out, labels, i, count);
    }
    add_sample_name(out, labels, "_sum", NULL);
    add_microseconds(out, metrics_sum(sources, offset + offsetof(struct histogram, sum)));
    buf_add_char(out, '\n');
    add_sample_name(out, labels, "_count", NULL);
    buf_add_uint(out, count);
    buf_add_char(out, '\n');
}

static void add_value(struct buf *out, const struct labels *labels, uint64_t value)
{
    add_sample_name(out, labels, "", NULL);
    if (labels->metric->microseconds)
        add_microseconds(out, value);
    else
        buf_add_uint(out, value);
    buf_add_char(out, '\n');
}

static void add_by_process(struct buf *out, const struct metric *metric,
                           const struct metrics_sources *sources)
{
    char name[16];
    struct labels labels = {.metric = metric, .process = "supervisor"};
    add_value(out, &labels, tally_get(value_at(sources->supervisor, metric, 0)));
    labels.process = name;
    for (unsigned i = 0; i < sources->count; i++) {
        snprintf(name, sizeof(name), "%u", i);
        const struct metrics *worker = sources->worker(sources->context, i);
        add_value(out, &labels, tally_get(value_at(worker, metric, 0)));
    }
}

static const char *word_of(const struct metric_label *label, unsigned i, char *space)
{
    return label->name == NULL ? NULL : label->word(i, space);
}

static void add_row(struct buf *out, const struct metric *metric,
                    const struct metrics_sources *sources)
{
    char outer[METRIC_WORD_SIZE], inner[METRIC_WORD_SIZE];
    for (unsigned i = 0; i < values_of(metric); i++) {
        unsigned o = i / metric->inner.count, n = i % metric->inner.count;
        size_t offset = metric->offset + i * stride_of(metric);
        struct labels labels = {metric, word_of(&metric->outer, o, outer),
                                word_of(&metric->inner, n, inner), NULL};
        if (metric->outer.name != NULL && labels.outer == NULL)
            continue;
        if (metric->type == METRIC_HISTOGRAM)
            add_histogram(out, &labels, sources, offset);
        else
            add_value(out, &labels, metrics_sum(sources, offset));
    }
}

void metrics_write(const struct metrics_sources *sources, struct buf *out)
{
    const char *last = "";
    for (unsigned row = 0; row < metrics_table_rows; row++) {
        const struct metric *metric = &metrics_table[row];
        if (strcmp(metric->name, last) != 0)
            add_head(out, metric);
        last = metric->name;
        if (metric->by_process)
            add_by_process(out, metric, sources);
        else
            add_row(out, metric, sources);
    }
}

/* ---- the process */

static uint64_t microseconds(const uv_timeval_t *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

void metrics_measure_process(struct process_tally *process)
{
    uv_rusage_t usage;
    size_t resident;
    if (uv_resident_set_memory(&resident) == 0)
        tally_set(&process->resident, resident);
    if (uv_getrusage(&usage) == 0)
        tally_set(&process->cpu, microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime));
}
