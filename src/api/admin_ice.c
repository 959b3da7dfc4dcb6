/* GET /v1/ice-servers?peer=: what a client would be told, for back ends of another kind. */
#include <inttypes.h>

#include "api/admin_json.h"
#include "api/admin_query.h"
#include "api/admin_routes.h"
#include "api/problem.h"

void admin_get_ice_servers(struct admin_call *call)
{
    static const char *const names[] = {"peer"};
    const struct admin_world *world = &call->admin->world;
    struct admin_query_value peer;
    struct buf json;
    if (!admin_query_read(call, names, 1, &peer))
        return;
    if (!peer.given || !text_is_peer_name(admin_query_text(&peer))) {
        problem_field(call->response, slice_of(names[0]), false,
                      "It must be a peer's ID: 1 to 64 bytes of UTF-8 without control characters.");
        return;
    }
    buf_init(&json, ADMIN_JSON_MAX);
    buf_add_text(&json, "{\"iceServers\":");
    struct ice_validity validity =
        world->ice_servers(world->context, admin_query_text(&peer), &json);
    if (validity.expires != 0)
        buf_add_format(&json, ",\"iceExpires\":%" PRIu64, validity.expires);
    buf_add_text(&json, "}\n");
    admin_json_respond(call->response, 200, &json);
}
