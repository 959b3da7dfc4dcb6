#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log_out.h"
#include "base/text.h"

/* No more than PIPE_BUF, so that the lines of several workers never mix in one pipe. */
#define LINE_MAX_BYTES 4096
#define VALUE_MAX_BYTES 512 /* a longer text is cut */
#define FINISH_MS 500

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct {
    enum log_level level;
    bool json;
    int worker;
    long pid;
} logger = {.level = LOG_INFO, .worker = -1};

void log_init(enum log_level level, enum log_format format, int worker)
{
    logger.level = level;
    logger.json = format == LOG_AUTO ? !isatty(STDERR_FILENO) : format == LOG_JSON;
    logger.worker = worker;
    logger.pid = (long)getpid();
    log_out_open();
}

bool log_enabled(enum log_level level)
{
    return level >= logger.level;
}

/* To the second, which many lines share. */
static struct slice date_and_time(time_t second)
{
    static char text[sizeof("-YYYYYYYYYY-MM-DDThh:mm:ss")];
    static size_t len;
    static time_t made_for;
    struct tm tm;
    if (second != made_for || len == 0) {
        made_for = second;
        gmtime_r(&second, &tm);
        len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    }
    return (struct slice){text, len};
}

static void add_time(struct buf *line, bool with_date)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct slice text = date_and_time(now.tv_sec);
    size_t date_len = with_date ? 0 : text.len - strlen("hh:mm:ss");
    buf_add(line, text.ptr + date_len, text.len - date_len);
    long ms = now.tv_nsec / 1000000;
    char digits[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
                     (char)('0' + ms % 10)};
    buf_add(line, digits, sizeof(digits));
}

/* Cut between characters. */
static struct slice cut(struct slice text)
{
    if (text.len <= VALUE_MAX_BYTES)
        return text;
    text.len = VALUE_MAX_BYTES;
    while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

/* Whether people can read the text without quotes. */
static bool is_bare(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr(" \"\\=", text.ptr[i]) != NULL)
            return false;
    return text.len > 0 && text_is_utf8(text) && !text_has_control(text);
}

static void add_text(struct buf *line, struct slice text)
{
    if (!logger.json && is_bare(text))
        buf_add_slice(line, text);
    else
        text_add_json(line, text);
}

/* A field that does not fit is left out: a shorter line is better than none. */
static void add_field(struct buf *line, const struct log_field *field)
{
    size_t before = line->len;
    if (field->kind == LOG_FIELD_NULL && !logger.json)
        return;
    buf_add_text(line, logger.json ? ",\"" : " ");
    buf_add_text(line, field->name);
    buf_add_text(line, logger.json ? "\":" : "=");
    if (field->kind == LOG_FIELD_UINT)
        buf_add_uint(line, field->number);
    else if (field->kind == LOG_FIELD_INT)
        buf_add_format(line, "%" PRId64, (int64_t)field->number);
    else if (field->kind == LOG_FIELD_BOOL)
        buf_add_text(line, field->number != 0 ? "true" : "false");
    else if (field->kind == LOG_FIELD_NULL)
        buf_add_text(line, "null");
    else
        add_text(line, cut(field->text));
    if (buf_failed(line)) {
        buf_clear(line);
        line->len = before;
    }
}

static void add_start(struct buf *line, enum log_level level, const char *event)
{
    if (logger.json) {
        buf_add_text(line, "{\"time\":\"");
        add_time(line, true);
        buf_add_text(line, "Z\",\"level\":\"");
        buf_add_text(line, level_names[level]);
        buf_add_text(line, "\",\"event\":\"");
        buf_add_text(line, event);
        buf_add_char(line, '"');
    } else {
        add_time(line, false);
        buf_add_format(line, " %-5s %s", level_names[level], event);
    }
    if (logger.worker >= 0)
        add_field(line, &LOG_INT("worker", logger.worker));
    if (logger.worker >= 0 && logger.json)
        add_field(line, &LOG_INT("pid", logger.pid));
}

/* The line's memory is allocated once, whole, so that a line is never torn for want of it. */
static bool start_line(struct buf *line)
{
    buf_clear(line);
    line->max = LINE_MAX_BYTES;
    if (buf_reserve(line, LINE_MAX_BYTES) == NULL)
        return false;
    line->max -= strlen("}\n");
    return true;
}

static void end_line(struct buf *line)
{
    line->max = LINE_MAX_BYTES;
    buf_add_text(line, logger.json ? "}\n" : "\n");
    log_out_line(line->data, line->len);
}

bool log_flush(void)
{
    uint64_t dropped = log_out_flush() ? log_out_dropped() : 0;
    if (dropped > 0)
        log_event(LOG_WARN, "log-dropped", LOG_UINT("lines", dropped), LOG_END);
    return log_out_flush();
}

void log_finish(void)
{
    log_out_finish(FINISH_MS);
    log_flush();
}

void log_event(enum log_level level, const char *event, ...)
{
    static struct buf line;
    va_list args;
    if (!log_enabled(level))
        return;
    log_flush(); /* before `line` is in use */
    if (!start_line(&line))
        return;
    add_start(&line, level, event);
    va_start(args, event);
    for (;;) {
        struct log_field field = va_arg(args, struct log_field);
        if (field.kind == LOG_FIELD_END)
            break;
        if (field.kind != LOG_FIELD_SLICE || field.text.ptr != NULL)
            add_field(&line, &field);
    }
    va_end(args);
    end_line(&line);
}
