/* One line per event, to standard error: text for people on a terminal, JSON otherwise. Nobody ever
 * waits for who reads it: lines that don't go at once wait for log_flush(), and when there are too
 * many of them, a line `log-dropped` tells how many were lost.
 *
 *     log_event(LOG_INFO, "joined", LOG_UINT("connection", id), LOG_SLICE("room", room), LOG_END);
 *
 * Tokens, session secrets, credentials and SDP are never given to it. */
#ifndef ROOMLINE_BASE_LOG_H
#define ROOMLINE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_AUTO, LOG_TEXT, LOG_JSON };

struct log_field {
    enum {
        LOG_FIELD_END,
        LOG_FIELD_UINT,
        LOG_FIELD_INT,
        LOG_FIELD_BOOL,
        LOG_FIELD_SLICE,
        LOG_FIELD_NULL
    } kind;
    const char *name;
    uint64_t number;
    struct slice text;
};

#define LOG_END ((struct log_field){.kind = LOG_FIELD_END})
#define LOG_UINT(field, value)                                                                     \
    ((struct log_field){.kind = LOG_FIELD_UINT, .name = (field), .number = (uint64_t)(value)})
#define LOG_INT(field, value)                                                                      \
    ((struct log_field){                                                                           \
        .kind = LOG_FIELD_INT, .name = (field), .number = (uint64_t)(int64_t)(value)})
#define LOG_BOOL(field, value)                                                                     \
    ((struct log_field){.kind = LOG_FIELD_BOOL, .name = (field), .number = (value)})
#define LOG_SLICE(field, value)                                                                    \
    ((struct log_field){.kind = LOG_FIELD_SLICE, .name = (field), .text = (value)})
/* Only in JSON: a text line leaves it out. */
#define LOG_NULL(field) ((struct log_field){.kind = LOG_FIELD_NULL, .name = (field)})
#define LOG_STR(field, value) LOG_SLICE(field, slice_of(value))

/* worker: this process's number, -1 in the supervisor. */
void log_init(enum log_level level, enum log_format format, int worker);

bool log_enabled(enum log_level level);

/* An empty slice (ptr NULL) leaves its field out. */
void log_event(enum log_level level, const char *event, ...);

/* Writes what waits as far as it is taken. True: nothing waits any more. */
bool log_flush(void);

/* At the end of the process: gives the reader half a second for what waits. */
void log_finish(void);

#endif
