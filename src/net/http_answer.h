/* A response of HTTP/1.1 out of bytes (RFC 9112), as a client reads it: its status and its body are
 * all that is kept. What is in front of it (1xx) is passed over. */
#ifndef ROOMLINE_NET_HTTP_ANSWER_H
#define ROOMLINE_NET_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

#define HTTP_ANSWER_HEAD_MAX 16384 /* bytes of all that is no body */

enum http_answered {
    ANSWER_MORE,
    ANSWER_WHOLE,
    ANSWER_BROKEN, /* no HTTP, or larger than allowed */
};

struct http_answer;

/* NULL: no memory. */
struct http_answer *http_answer_new(size_t body_max);
void http_answer_free(struct http_answer *answer); /* NULL is let through */

/* Bytes behind a whole answer make it broken: nobody asked for more. */
enum http_answered http_answer_feed(struct http_answer *answer, struct slice bytes);

/* The connection ended: that may be how the body does. */
enum http_answered http_answer_end(struct http_answer *answer);

/* Of a whole answer. */
int http_answer_status(const struct http_answer *answer);
struct slice http_answer_body(const struct http_answer *answer);
bool http_answer_keeps_alive(
    const struct http_answer *answer); /* the connection can be used again */

/* Whether any byte of it came. */
bool http_answer_has_begun(const struct http_answer *answer);

/* Ready for the next one on this connection. */
void http_answer_reset(struct http_answer *answer);

#endif
