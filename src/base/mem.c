#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static unsigned fail_countdown;

bool mem_denied(void)
{
    return fail_countdown > 0 && --fail_countdown == 0;
}

void mem_fail_nth(unsigned n)
{
    fail_countdown = n;
}

void *mem_alloc(size_t size)
{
    return mem_denied() ? NULL : malloc(size);
}

void *mem_zero(size_t size)
{
    return mem_denied() ? NULL : calloc(1, size);
}

void *mem_realloc(void *old, size_t size)
{
    return mem_denied() ? NULL : realloc(old, size);
}

void mem_free(void *block)
{
    free(block);
}

bool mem_replace(char **bytes, unsigned *bytes_len, const char *with, size_t len)
{
    char *copy = NULL;
    if (len > 0) {
        copy = mem_alloc(len);
        if (copy == NULL)
            return false;
        memcpy(copy, with, len);
    }
    mem_free(*bytes);
    *bytes = copy;
    *bytes_len = (unsigned)len;
    return true;
}

void *mem_must(size_t size)
{
    void *block = calloc(1, size);
    if (block == NULL)
        abort();
    return block;
}
