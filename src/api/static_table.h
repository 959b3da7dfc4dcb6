/* What static_load.c makes and static.c serves. */
#ifndef ROOMLINE_API_STATIC_TABLE_H
#define ROOMLINE_API_STATIC_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/slice.h"

#define STATIC_NAME_SIZE 23 /* bytes of what crypto_etag() makes of a file */
#define STATIC_TAG_SIZE 32  /* bytes of an entity tag with its quotes and NUL */

enum static_coding { CODING_BROTLI, CODING_GZIP, CODING_IDENTITY, CODING_COUNT };

/* One form in which a file can be sent. */
struct static_form {
    char *bytes; /* NULL: it would be no smaller than the file itself */
    size_t len;
    char tag[STATIC_TAG_SIZE];
    struct buf headers; /* Content-Type, Content-Encoding, ETag, Vary */
};

struct static_file {
    char *path; /* as a request has it, decoded: "/pages/a.html" */
    char tag[STATIC_NAME_SIZE];
    struct static_form forms[CODING_COUNT];
    UT_hash_handle hh;
};

struct static_table {
    unsigned refs;
    const char *policy; /* see struct static_options */
    uint64_t hsts;
    size_t files;
    size_t bytes; /* of the files, not compressed */
    struct static_file *by_path;
};

/* A name from which the type of a file can be told, and the type. */
const char *static_type(const char *path, bool *ret_compressible);

#endif
