#include "api/static_compress.h"

#include <brotli/encode.h>
#include <zlib.h>

#include "base/mem.h"

#define SMALL_MAX ((size_t)1 << 20) /* bytes; brotli's best takes a second for each MiB */
#define QUALITY_LARGE 6

#define GZIP_WINDOW (MAX_WBITS + 16) /* zlib: with gzip's header and trailer */
#define GZIP_MEMORY 9

char *static_brotli(struct slice bytes, size_t *ret_len)
{
    size_t len = bytes.len;
    uint8_t *out = mem_alloc(len + 1);
    int quality = bytes.len <= SMALL_MAX ? BROTLI_MAX_QUALITY : QUALITY_LARGE;
    if (out != NULL &&
        BrotliEncoderCompress(quality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, bytes.len,
                              (const uint8_t *)bytes.ptr, &len, out) == BROTLI_TRUE &&
        len < bytes.len) {
        *ret_len = len;
        return (char *)out;
    }
    mem_free(out);
    return NULL;
}

/* The bytes written, 0 where they do not fit. */
static size_t deflate_whole(struct slice bytes, char *out, size_t size)
{
    z_stream stream = {.next_in = (Bytef *)bytes.ptr,
                       .avail_in = (uInt)bytes.len,
                       .next_out = (Bytef *)out,
                       .avail_out = (uInt)size};
    if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    size_t len = deflate(&stream, Z_FINISH) == Z_STREAM_END ? stream.total_out : 0;
    deflateEnd(&stream);
    return len;
}

char *static_gzip(struct slice bytes, size_t *ret_len)
{
    char *out = mem_alloc(bytes.len + 1);
    if (out == NULL)
        return NULL;
    *ret_len = deflate_whole(bytes, out, bytes.len);
    if (*ret_len > 0 && *ret_len < bytes.len)
        return out;
    mem_free(out);
    return NULL;
}
