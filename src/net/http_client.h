/* An HTTP/1.1 client for one URL that POSTs JSON to it: how webhooks are called.
 *
 * Requests wait in a queue for one of a few connections, each of which carries one at a time and is
 * kept for the next. The time-out of a request runs from http_client_post(), the wait included. One
 * that finds a kept connection closed by the server before any byte of an answer came is sent again
 * on a new one, once: whoever is called has to bear a request that comes twice, as over any network. */
#ifndef ROOMLINE_NET_HTTP_CLIENT_H
#define ROOMLINE_NET_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/slice.h"
#include "net/http_url.h"
#include "net/tls_client.h"

#define HTTP_CLIENT_ERROR_SIZE TLS_ERROR_SIZE

struct http_client_options {
    uv_loop_t *loop;
    struct http_url url;
    struct tls_client_options tls; /* where the URL is https:// */
    unsigned connections;          /* at most */
    unsigned requests;             /* at most, those that wait and those under way */
    uint64_t timeout;              /* ms */
    size_t answer_max;             /* bytes of an answer's body */
};

/* The answer's status and body, valid for the call; or status 0 and why there is none. Never called
 * from within http_client_post(). */
typedef void http_client_on_answer(void *context, int status, struct slice body, const char *cause);

struct http_client;

/* NULL with ret_error filled. */
struct http_client *http_client_new(const struct http_client_options *options,
                                    char ret_error[HTTP_CLIENT_ERROR_SIZE]);

/* `headers`: whole lines, each with its CR LF, beside Host, Content-Type, Content-Length. Both are
 * copied. 0, UV_ENOBUFS: too many requests, or UV_ENOMEM. */
int http_client_post(struct http_client *client, struct slice headers, struct slice body,
                     http_client_on_answer *on_answer, void *context);

/* The loop's time, ms: for who times what he asks. */
uint64_t http_client_now(const struct http_client *client);

/* Requests that have no answer yet. */
unsigned http_client_pending(const struct http_client *client);

/* No on_answer() comes any more. Frees itself once the loop has closed its handles; NULL is let
 * through. */
void http_client_close(struct http_client *client);

#endif
