/* Compression of whole files, by brotli (RFC 7932) and zlib (RFC 1952). */
#ifndef ROOMLINE_API_STATIC_COMPRESS_H
#define ROOMLINE_API_STATIC_COMPRESS_H

#include <stddef.h>

#include "base/slice.h"

/* The compressed bytes, the caller's to free by mem_free(); NULL where they would not be smaller.
 */
char *static_brotli(struct slice bytes, size_t *ret_len);
char *static_gzip(struct slice bytes, size_t *ret_len);

#endif
