/* Allocation, in one place, so that tests can make the nth one fail.
 *
 * What a stranger sizes goes through mem_alloc() and its failure is handled. Small fixed
 * allocations of our own may use mem_must(), which aborts: the supervisor restarts the worker. */
#ifndef ROOMLINE_BASE_MEM_H
#define ROOMLINE_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

void *mem_alloc(size_t size);
void *mem_zero(size_t size);
void *mem_realloc(void *old, size_t size);
void mem_free(void *block);

/* Puts a copy of `len` bytes in place of what *bytes holds. False: no memory, and nothing has changed. */
bool mem_replace(char **bytes, unsigned *bytes_len, const char *with, size_t len);

/* Never NULL, zeroed. */
void *mem_must(size_t size);

/* Whether the test wants an allocation to fail now: for those who keep blocks and do without one. */
bool mem_denied(void);

/* For tests: the nth allocation from now fails, once (0: none does). */
void mem_fail_nth(unsigned n);

#endif
