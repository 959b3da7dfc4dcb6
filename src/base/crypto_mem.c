/* OpenSSL gives its record buffers back whenever they are empty, so that an idle connection does
 * without them: two blocks of some 17 KB are taken and given back for each message. The allocator
 * would cut them out of what is free and join them again each time. So a few are kept here, and
 * one that was just used is still in the processor's cache.
 *
 * Single-threaded, as the programs that use it are. Not under AddressSanitizer, from which it would
 * hide what is used after its end. */
#include "base/crypto_mem.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>

#define BUFFER_MIN ((size_t)16384)
#define BUFFER_SIZE ((size_t)17408) /* a record with all that may come around it */
#define BUFFER_SLACK ((size_t)64)   /* that malloc() may add */
#define KEEP_MAX 16

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_BUFFERS false
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define KEEP_BUFFERS false
#endif
#ifndef KEEP_BUFFERS
#define KEEP_BUFFERS true
#endif

static void *kept[KEEP_MAX];
static unsigned kept_count;

static void *alloc_cb(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size <= BUFFER_MIN || size > BUFFER_SIZE)
        return malloc(size);
    return kept_count > 0 ? kept[--kept_count] : malloc(BUFFER_SIZE);
}

static void *realloc_cb(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return realloc(block, size);
}

static void free_cb(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    size_t size = malloc_usable_size(block);
    if (size >= BUFFER_SIZE && size < BUFFER_SIZE + BUFFER_SLACK && kept_count < KEEP_MAX)
        kept[kept_count++] = block;
    else
        free(block);
}

void crypto_mem_init(void)
{
    if (KEEP_BUFFERS)
        CRYPTO_set_mem_functions(alloc_cb, realloc_cb, free_cb);
}
