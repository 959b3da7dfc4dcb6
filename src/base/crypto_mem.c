/* OpenSSL gives its record buffers back whenever they are empty, so that an idle connection does
 * without them: two blocks of some 17 KB are taken and given back for each message. The allocator
 * would cut them out of what is free and join them again each time. So a few are kept here, and
 * the one that was just used is still in the processor's cache.
 *
 * Single-threaded, as the programs that use it are. Not under AddressSanitizer, from which it would
 * hide what is used after its end. */
#include "base/crypto_mem.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_MIN ((size_t)16384)
#define BUFFER_SIZE ((size_t)17408) /* a record with all that may come around it */
#define BUFFERS 16u

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

/* In one piece, so that a look at its address tells whether a block is one of them: most of what
 * OpenSSL frees is not. */
static _Alignas(64) unsigned char buffers[BUFFERS][BUFFER_SIZE];
static unsigned char *unused[BUFFERS];
static unsigned unused_count;

static bool is_buffer(const void *block)
{
    return (uintptr_t)block - (uintptr_t)buffers < sizeof(buffers);
}

static void *alloc_cb(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size <= BUFFER_MIN || size > BUFFER_SIZE || unused_count == 0)
        return malloc(size);
    return unused[--unused_count];
}

static void free_cb(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    if (is_buffer(block))
        unused[unused_count++] = block;
    else
        free(block);
}

/* OpenSSL asks for another size of what is no record buffer; if it ever does of one, it is moved. */
static void *realloc_cb(void *block, size_t size, const char *file, int line)
{
    if (!is_buffer(block))
        return realloc(block, size);
    void *moved = malloc(size);
    if (moved != NULL) {
        memcpy(moved, block, size < BUFFER_SIZE ? size : BUFFER_SIZE);
        free_cb(block, file, line);
    }
    return moved;
}

void crypto_mem_init(void)
{
    if (!KEEP_BUFFERS || !CRYPTO_set_mem_functions(alloc_cb, realloc_cb, free_cb))
        return;
    for (unused_count = 0; unused_count < BUFFERS; unused_count++)
        unused[unused_count] = buffers[unused_count];
}
