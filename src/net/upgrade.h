/* The server's side of the WebSocket opening handshake (RFC 6455 section 4.2). */
#ifndef ROOMLINE_NET_UPGRADE_H
#define ROOMLINE_NET_UPGRADE_H

#include <stdbool.h>

#include "net/http.h"

/* Whether the request asks for WebSocket at all. */
bool upgrade_is(const struct http_request *request);

/* 0, or the status to refuse it with; `refusal` then has the headers that go with it. */
int upgrade_check(const struct http_request *request, struct http_response *refusal);

/* Fills the answer that accepts; an empty subprotocol is left out. */
void upgrade_accept(const struct http_request *request, struct slice subprotocol,
                    struct http_response *response);

#endif
