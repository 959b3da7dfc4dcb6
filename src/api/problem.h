/* Errors of the HTTP APIs: application/problem+json (RFC 9457).
 *
 *     {"type":"about:blank","title":"Not Found","status":404,"code":"room-not-found","detail":"…"}
 *
 * `code` is ours, and what programs should look at: a title is only the status in words. */
#ifndef ROOMLINE_API_PROBLEM_H
#define ROOMLINE_API_PROBLEM_H

#include "net/http.h"

/* Texts are plain ASCII without quotes. */
void problem_respond(struct http_response *response, int status, const char *code,
                     const char *detail);

/* 422, and where: `place` is a JSON pointer into the body as a URI fragment ("#/peersMax"), or the
 * name of a query parameter. */
void problem_field(struct http_response *response, struct slice place, bool in_body,
                   const char *detail);

/* 429 or 503, with Retry-After. */
void problem_later(struct http_response *response, int status, unsigned seconds, const char *code,
                   const char *detail);

#endif
