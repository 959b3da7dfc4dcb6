/* What the public listeners serve: the WebSocket of a room, health, and the static client. One
 * table, in routes.c. */
#ifndef ROOMLINE_API_ROUTES_H
#define ROOMLINE_API_ROUTES_H

#include <stdbool.h>

#include "api/origin.h"
#include "api/static.h"
#include "base/text.h"
#include "net/http.h"

#define SUBPROTOCOL "roomline.v1"

struct routes {
    struct static_table *files; /* the owner may swap it between calls */
    struct origin_rules origins;
    bool starting, draining; /* /readyz says 503 */
};

/* Answers a request that is no upgrade. */
void routes_respond(const struct routes *routes, const struct http_request *request,
                    struct http_response *response);

/* What an upgrade asks for. */
struct room_request {
    char room[ROOM_NAME_MAX]; /* decoded, valid */
    size_t room_len;
    struct slice subprotocol; /* to be echoed; static; SLICE_NONE where none was offered */
};

/* 0, or the HTTP status of the refusal, with `refusal` filled. */
int routes_upgrade(const struct routes *routes, const struct http_request *request,
                   struct room_request *ret_asked, struct http_response *refusal);

#endif
