/* A measurement that went wrong is worth nothing: say why and end. */
#ifndef BENCH_FAIL_H
#define BENCH_FAIL_H

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
