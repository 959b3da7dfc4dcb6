#include "api/routes.h"

#include <strings.h>

#include "base/buf.h"

/* Each has its own way to answer; `room` is the path's {room} as it was sent, still encoded. */
struct route {
    const char *before; /* the whole path, or what comes before {room} */
    const char *after;  /* what comes after {room}; NULL: there is none */
    void (*respond)(const struct routes *routes, struct slice room, struct http_response *response);
    bool upgrades;
};

static void respond_live(const struct routes *, struct slice, struct http_response *);
static void respond_ready(const struct routes *, struct slice, struct http_response *);
static void respond_websocket(const struct routes *, struct slice, struct http_response *);

static const struct route table[] = {
    {"/livez", NULL, respond_live, false},
    {"/readyz", NULL, respond_ready, false},
    {"/v1/rooms/", "/ws", respond_websocket, true},
};

#define ROUTE_COUNT (sizeof(table) / sizeof(table[0]))

static bool starts_with(struct slice text, struct slice start)
{
    return text.len >= start.len && memcmp(text.ptr, start.ptr, start.len) == 0;
}

static bool ends_with(struct slice text, struct slice end)
{
    return text.len >= end.len && memcmp(text.ptr + text.len - end.len, end.ptr, end.len) == 0;
}

/* {room} is one segment, split before it is decoded: an encoded slash does not make two of it. */
static bool matches(const struct route *route, struct slice path, struct slice *ret_room)
{
    struct slice before = slice_of(route->before);
    if (route->after == NULL)
        return slice_equal(path, before);
    struct slice after = slice_of(route->after);
    if (!starts_with(path, before))
        return false;
    path.ptr += before.len;
    path.len -= before.len;
    if (!ends_with(path, after))
        return false;
    path.len -= after.len;
    *ret_room = path;
    return path.len == 0 || memchr(path.ptr, '/', path.len) == NULL;
}

static const struct route *find_route(struct slice path, struct slice *ret_room)
{
    *ret_room = SLICE_NONE;
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (matches(&table[i], path, ret_room))
            return &table[i];
    return NULL;
}

static bool decode_room(struct slice room, struct room_request *asked)
{
    struct buf decoded;
    buf_init(&decoded, sizeof(asked->room));
    bool valid = text_percent_decode(room, &decoded) && !buf_failed(&decoded) &&
                 text_is_room_name(buf_slice(&decoded));
    if (valid) {
        memcpy(asked->room, decoded.data, decoded.len);
        asked->room_len = decoded.len;
    }
    buf_done(&decoded);
    return valid;
}

/* --- answers --- */

static void refuse_room(struct http_response *response)
{
    http_response_text(
        response, 400,
        "A room name is 1 to 128 bytes of UTF-8 without control characters and '/'.\n");
}

static void respond_live(const struct routes *routes, struct slice room,
                         struct http_response *response)
{
    (void)routes;
    (void)room;
    http_response_text(response, 200, "ok\n");
}

static void respond_ready(const struct routes *routes, struct slice room,
                          struct http_response *response)
{
    (void)room;
    if (routes->draining)
        http_response_text(response, 503, "draining\n");
    else if (routes->starting)
        http_response_text(response, 503, "starting\n");
    else
        http_response_text(response, 200, "ready\n");
}

static void respond_websocket(const struct routes *routes, struct slice room,
                              struct http_response *response)
{
    (void)routes;
    struct room_request asked;
    if (!decode_room(room, &asked)) {
        refuse_room(response);
        return;
    }
    http_response_text(response, 426, "This is a WebSocket.\n");
    http_response_add(response, "Upgrade", SLICE("websocket"));
}

static void refuse_method(struct http_response *response)
{
    http_response_text(response, 405, "Only GET and HEAD are allowed here.\n");
    http_response_add(response, "Allow", SLICE("GET, HEAD"));
}

void routes_respond(const struct routes *routes, const struct http_request *request,
                    struct http_response *response)
{
    struct slice room;
    const struct route *route = find_route(request->path, &room);
    if (route == NULL) {
        static_respond(routes->files, request, response);
        return;
    }
    if (request->method == METHOD_GET || request->method == METHOD_HEAD)
        route->respond(routes, room, response);
    else
        refuse_method(response);
    http_response_add(response, "Cache-Control", SLICE("no-store"));
    static_add_security(routes->files, request, response);
}

/* --- upgrades --- */

static int refuse(struct http_response *refusal, int status, const char *text)
{
    http_response_text(refusal, status, text);
    return status;
}

/* Unlike HTTP's own tokens, names of subprotocols are compared in their case (RFC 6455 section
 * 4.1). */
static bool offers_subprotocol(const struct http_request *request, const char *header)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct slice name = request->headers[i].name;
        struct slice list = request->headers[i].value, token;
        if (name.len != strlen(header) || strncasecmp(name.ptr, header, name.len) != 0)
            continue;
        while (http_list_next(&list, &token))
            if (slice_is(token, SUBPROTOCOL))
                return true;
    }
    return false;
}

static bool choose_subprotocol(const struct http_request *request, struct slice *ret_chosen)
{
    static const char header[] = "Sec-WebSocket-Protocol";
    bool offered = offers_subprotocol(request, header);
    *ret_chosen = offered ? SLICE(SUBPROTOCOL) : SLICE_NONE;
    return offered || http_list_count(request, header) == 0;
}

static int judge_upgrade(const struct routes *routes, const struct http_request *request,
                         struct room_request *ret_asked, struct http_response *refusal)
{
    struct slice room;
    const struct route *route = find_route(request->path, &room);
    if (route == NULL || !route->upgrades)
        return refuse(refusal, 404, "There is no WebSocket here.\n");
    if (!decode_room(room, ret_asked)) {
        refuse_room(refusal);
        return 400;
    }
    if (!origin_is_allowed(&routes->origins, request))
        return refuse(refusal, 403, "This origin is not allowed.\n");
    if (!choose_subprotocol(request, &ret_asked->subprotocol))
        return refuse(refusal, 400, "The subprotocol is " SUBPROTOCOL ".\n");
    return 0;
}

int routes_upgrade(const struct routes *routes, const struct http_request *request,
                   struct room_request *ret_asked, struct http_response *refusal)
{
    int status = judge_upgrade(routes, request, ret_asked, refusal);
    if (status != 0)
        static_add_security(routes->files, request, refusal);
    return status;
}
