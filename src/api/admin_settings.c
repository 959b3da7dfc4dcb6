/* PUT /v1/rooms/{room}: makes a room, or replaces its settings; what is not given is as it is by
 * default. */
#include "api/admin_ask.h"
#include "api/admin_body.h"
#include "api/admin_json.h"
#include "api/admin_room.h"
#include "api/admin_routes.h"
#include "api/problem.h"

struct wanted {
    bool locked;
    uint64_t max_peers;
    uint64_t empty_ttl; /* seconds */
    struct slice metadata;
};

static const struct admin_field fields[] = {
    {"locked", ADMIN_BOOLEAN, 0, offsetof(struct wanted, locked)},
    {"maxPeers", ADMIN_COUNT, CONTROL_PEERS_MAX, offsetof(struct wanted, max_peers)},
    {"emptyTtl", ADMIN_COUNT, CONTROL_TIME_MAX / 1000, offsetof(struct wanted, empty_ttl)},
    {"metadata", ADMIN_OBJECT, CONTROL_METADATA_MAX, offsetof(struct wanted, metadata)},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* The version in an entity tag of ours. False: it is another one, which no room has. */
static bool read_tag(struct slice tag, uint64_t *ret_version)
{
    uint64_t version = 0;
    if (tag.len < 3 || tag.len > 18 || tag.ptr[0] != '"' || tag.ptr[tag.len - 1] != '"')
        return false;
    for (size_t i = 1; i < tag.len - 1; i++) {
        if (tag.ptr[i] < '0' || tag.ptr[i] > '9')
            return false;
        version = version * 10 + (uint64_t)(tag.ptr[i] - '0');
    }
    *ret_version = version;
    return true;
}

/* RFC 9110 section 13.1. Of entity tags only one is taken. False: the response says why not. */
static bool read_conditions(struct admin_call *call, unsigned *ret_conditions,
                            uint64_t *ret_version)
{
    struct slice match = http_header(call->request, "If-Match");
    struct slice none_match = http_header(call->request, "If-None-Match");
    *ret_conditions = 0;
    *ret_version = 0;
    if (slice_is(match, "*"))
        *ret_conditions |= CONTROL_IF_ANY;
    else if (match.len > 0 && read_tag(match, ret_version))
        *ret_conditions |= CONTROL_IF_VERSION;
    else if (match.len > 0)
        admin_refuse_outcome(call->response, CONTROL_CONFLICT);
    if (slice_is(none_match, "*"))
        *ret_conditions |= CONTROL_IF_NONE;
    else if (none_match.len > 0 && call->response->status == 0)
        problem_respond(call->response, 400, "bad-condition", "If-None-Match must be *.");
    return call->response->status == 0;
}

static void on_set(struct admin_ask *ask, const struct frame *answer)
{
    struct control_settings settings;
    struct buf json, path;
    bool created = answer->reason == CONTROL_CREATED;
    if (!created && answer->reason != CONTROL_DONE) {
        bool no_match = answer->reason == CONTROL_NO_ROOM; /* If-Match: "*" */
        admin_refuse_outcome(&ask->response, no_match ? CONTROL_CONFLICT : answer->reason);
        return;
    }
    admin_audit(&ask->call, created ? "admin-room-created" : "admin-room-changed");
    if (!control_settings_read(answer->data, &settings))
        settings = (struct control_settings){0};
    buf_init(&json, ADMIN_JSON_MAX);
    buf_add_char(&json, '{');
    admin_add_settings(&json, admin_name(&ask->call.room), &settings);
    buf_add_text(&json, "}\n");
    admin_json_respond(&ask->response, created ? 201 : 200, &json);
    admin_add_etag(&ask->response, answer->version);
    if (!created)
        return;
    buf_init(&path, 1024);
    admin_json_room_path(&path, admin_name(&ask->call.room));
    http_response_add(&ask->response, "Location", buf_slice(&path));
    buf_done(&path);
}

void admin_put_room(struct admin_call *call)
{
    struct wanted wanted = {0};
    struct control_change change = {.fields = CONTROL_ALL_FIELDS};
    uint64_t version;
    unsigned given;
    if (!read_conditions(call, &change.conditions, &version) ||
        !admin_body_read(call, fields, FIELD_COUNT, &wanted, &given))
        return;
    change.settings = (struct control_settings){
        .locked = wanted.locked,
        .peers_max = (uint32_t)wanted.max_peers,
        .empty_ttl = wanted.empty_ttl * 1000,
        .metadata = wanted.metadata,
    };
    struct buf data;
    buf_init(&data, CONTROL_METADATA_MAX + 1024);
    control_change_add(&data, &change);
    struct frame frame = {
        .reason = CONTROL_SET, .room = admin_name(&call->room), .version = version};
    admin_ask_with(call, &frame, &data, change.conditions == 0, on_set);
}
