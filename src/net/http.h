/* Requests and responses as the rest of the program sees them (RFC 9110, RFC 9112). */
#ifndef ROOMLINE_NET_HTTP_H
#define ROOMLINE_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

#define HTTP_HEADERS_MAX 64 /* header lines of a request; more is answered with 431 */

enum http_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER,
};

struct http_header {
    struct slice name; /* in the case it was sent in */
    struct slice value;
};

/* One whole request, its body included. Everything is only valid for the call it is given to. */
struct http_request {
    enum http_method method;
    struct slice path;  /* still percent-encoded; begins with '/', or is "*" */
    struct slice query; /* what follows the '?'; SLICE_NONE where there is none */
    struct slice
        host; /* name or address, and port where given: letters, digits and "-._:[]" only */
    struct slice body;
    bool secure; /* came over TLS */
    int version; /* 10 or 11 */
    size_t header_count;
    const struct http_header *headers;
};

/* Takes the next element off a comma-separated list (RFC 9110 section 5.6.1), without the blanks
 * around it; empty ones do not count. False: there is none. */
bool http_list_next(struct slice *list, struct slice *ret_token);

/* The value of the first header of this name (any case), SLICE_NONE where there is none. */
struct slice http_header(const struct http_request *request, const char *name);

/* Whether a header of comma-separated tokens, perhaps sent on several lines, names this one (any
 * case). */
bool http_list_has(const struct http_request *request, const char *name, const char *token);

/* The token of "Authorization: Bearer ..." (RFC 6750 section 2.1), SLICE_NONE where there is none. */
struct slice http_bearer(const struct http_request *request);

/* How many tokens such a header names. */
size_t http_list_count(const struct http_request *request, const char *name);

/* Filled by on_request(). It comes with status 0 and no headers; the connection adds Date,
 * Content-Length and Connection, and leaves the body out where the method is HEAD or the status has
 * none. */
struct http_response {
    int status;
    bool close;         /* end the connection after it */
    bool later;         /* none of this: the answer comes by server_answer() */
    struct buf headers; /* whole lines: http_response_add() */
    struct slice body;
    void *owner; /* of the body */
    void (*release)(
        void *owner); /* called once when the body is not needed any more; NULL: it is static */
};

/* For an answer that comes later: http_response_done() is for one that is not sent after all. */
struct http_response http_response_init(void);
void http_response_done(struct http_response *response);

void http_response_add(struct http_response *response, const char *name, struct slice value);

/* A short text/plain answer. `text` is static. */
void http_response_text(struct http_response *response, int status, const char *text);

/* Gives the response a copy of these bytes as its body. 0, or ERR_UNAVAILABLE: no memory. */
int http_response_copy(struct http_response *response, struct slice body);

/* Status line and headers of a response as they go over the wire, in a buffer that the caller frees
 * by buf_done(); it may have failed. `date` is the value for Date. */
struct buf http_response_head(const struct http_response *response, int version, bool keep_alive,
                              const char *date);

/* Whether a response of this status has a body, and a Content-Length (RFC 9110 section 6.4.1). */
bool http_status_has_body(int status);

/* "Not Found" for 404. */
const char *http_reason(int status);

#endif
