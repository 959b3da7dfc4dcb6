/* The client's files, read into an immutable table at the start: no path of a request ever reaches
 * the file system. What begins with a dot is left out, and so is npm's: package.json,
 * package-lock.json, node_modules. */
#ifndef ROOMLINE_API_STATIC_H
#define ROOMLINE_API_STATIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http.h"

#define STATIC_ERROR_SIZE 512
#define STATIC_FILES_MAX 4096
#define STATIC_BYTES_MAX ((size_t)256 << 20)

struct static_options {
    const char *folder; /* NULL: an empty table */
    const char *policy; /* static; Content-Security-Policy of pages that need no more than it says
                         * and no device; NULL: that of the client's pages */
    uint64_t hsts;      /* seconds for Strict-Transport-Security over TLS; 0: do not send it */
};

struct static_table;

/* One reference, the caller's. NULL with ret_error filled where the folder can't be read or is too
 * large. `former`: the table before, which saves the work for files that stayed the same; or
 * NULL. */
struct static_table *static_load(const struct static_options *options,
                                 const struct static_table *former,
                                 char ret_error[STATIC_ERROR_SIZE]);

/* Would it load? 0, or -1 with ret_error filled. */
int static_check(const struct static_options *options, char ret_error[STATIC_ERROR_SIZE]);

struct static_table *static_ref(struct static_table *table);
void static_unref(struct static_table *table);

/* Answers the request: the file, 304, 404 or 405. The response holds a reference until it is sent,
 * so the caller may swap tables at any time. */
void static_respond(struct static_table *table, const struct http_request *request,
                    struct http_response *response);

/* The headers that every page of ours carries (nosniff, CSP, ...): for answers made elsewhere. */
void static_add_security(const struct static_table *table, const struct http_request *request,
                         struct http_response *response);

#endif
