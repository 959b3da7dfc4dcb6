/* Where log lines go: standard error, without ever waiting for who reads it.
 *
 * Lines that it does not take at once wait in a bounded buffer; what does not fit there is dropped
 * and counted. O_NONBLOCK on standard error itself would come over every process that shares it, so
 * a pipe or a terminal is opened once more, and a socket (journald's) is asked with each write. */
#ifndef ROOMLINE_BASE_LOG_OUT_H
#define ROOMLINE_BASE_LOG_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_OUT_WAITING_MAX 65536 /* bytes */

/* What is standard error now? */
void log_out_open(void);

/* Writes a line, its newline included, or lets it wait behind those that wait already. */
void log_out_line(const char *line, size_t len);

/* Writes what waits as far as it is taken. True: nothing waits any more. */
bool log_out_flush(void);

/* Lines that were dropped since the last call. Only once nothing waits: they came last. */
uint64_t log_out_dropped(void);

/* Gives the reader so many ms for what waits. */
void log_out_finish(int patience);

/* `on_wait` is called when a first line waits; somebody should call log_out_flush() now and then. */
void log_out_watch(void (*on_wait)(void *context), void *context);

#endif
