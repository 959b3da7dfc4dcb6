/* HTTP/1.1 requests out of bytes (RFC 9112); the only file that knows llhttp.
 *
 * A head is first collected whole, up to its limit, and looked at line by line for the shapes that
 * request smuggling lives on, which parsers read differently: a bare CR or LF, a folded line. Then
 * llhttp reads it in one go, so that all it finds are slices of one buffer. A refused request is
 * the last of its connection. */
#ifndef ROOMLINE_NET_HTTP_PARSER_H
#define ROOMLINE_NET_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "net/http.h"

struct http_parser;

/* 0: no limit, but for the head, which then may have 1 MiB. */
struct http_limits {
    size_t header_size;
    size_t body_size;
};

enum parsed {
    PARSED_MORE,     /* all bytes are read, no request is complete */
    PARSED_CONTINUE, /* the client waits for 100 Continue before it sends the body */
    PARSED_REQUEST,  /* `request` is complete, and valid until the next call */
    PARSED_REFUSED,  /* answer with `status`, then close */
};

struct http_result {
    enum parsed event;
    int status;
    struct http_request request;
    bool keep_alive; /* the client wants to go on after the answer */
};

/* NULL: no memory. */
struct http_parser *http_parser_new(const struct http_limits *limits);
void http_parser_free(struct http_parser *parser);

/* Takes what it reads off the front of `bytes`: after PARSED_REQUEST the rest is the next
 * request's, or belongs to what the connection was upgraded to. */
void http_parser_feed(struct http_parser *parser, struct slice *bytes, struct http_result *result);

/* Whether a request has begun but is not complete. */
bool http_parser_busy(const struct http_parser *parser);

#endif
