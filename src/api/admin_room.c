/* GET and DELETE /v1/rooms/{room}. */
#include "api/admin_room.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/admin_ask.h"
#include "api/admin_instances.h"
#include "api/admin_json.h"
#include "api/admin_routes.h"
#include "api/problem.h"

void admin_add_etag(struct http_response *response, uint64_t version)
{
    char tag[32];
    snprintf(tag, sizeof(tag), "\"%" PRIu64 "\"", version);
    http_response_add(response, "ETag", slice_of(tag));
}

static void add_bans(struct buf *out, struct slice bans)
{
    struct control_ban ban;
    const char *comma = "";
    while (control_ban_next(&bans, &ban)) {
        buf_add_text(out, comma);
        buf_add_text(out, "{\"peer\":");
        text_add_json(out, ban.peer);
        buf_add_text(out, ",\"until\":");
        admin_json_time(out, ban.until);
        buf_add_char(out, '}');
        comma = ",";
    }
}

void admin_add_settings(struct buf *out, struct slice room, const struct control_settings *settings)
{
    buf_add_text(out, "\"room\":");
    text_add_json(out, room);
    buf_add_format(out, ",\"locked\":%s,\"maxPeers\":%u,\"emptyTtl\":%" PRIu64 ",\"metadata\":",
                   settings->locked ? "true" : "false", settings->peers_max,
                   settings->empty_ttl / 1000);
    admin_json_object(out, settings->metadata);
    buf_add_text(out, ",\"bans\":[");
    add_bans(out, settings->bans);
    buf_add_char(out, ']');
}

/* --- a room and who is in it --- */

static void add_member(struct buf *out, const struct control_member *member, struct slice instance)
{
    buf_add_text(out, "{\"peer\":");
    text_add_json(out, member->peer);
    buf_add_text(out, ",\"info\":");
    admin_json_object(out, member->info);
    buf_add_text(out, member->away ? ",\"state\":\"away\",\"since\":"
                                   : ",\"state\":\"here\",\"since\":");
    admin_json_time(out, member->since);
    buf_add_text(out, ",\"instance\":");
    if (instance.len > 0)
        text_add_json(out, instance);
    else
        buf_add_text(out, "null");
    buf_add_text(out, ",\"address\":");
    if (member->address.len > 0)
        text_add_json(out, member->address);
    else
        buf_add_text(out, "null");
    buf_add_char(out, '}');
}

/* A peer that nobody holds is on no instance. */
static struct slice instance_of(const struct admin_call *call, const struct admin_instances *others,
                                worker_id worker)
{
    if (worker <= WORKER_RESERVED)
        return SLICE_NONE;
    return others == NULL ? call->admin->world.instance : admin_instance_of(others, worker);
}

static void respond(struct admin_ask *ask, uint64_t version, struct slice description,
                    const struct admin_instances *others)
{
    struct control_description room;
    struct control_settings settings;
    struct control_member member;
    struct buf json;
    if (!control_description_read(description, &room) ||
        !control_settings_read(room.settings, &settings)) {
        admin_refuse_outcome(&ask->response, CONTROL_OUTCOME_COUNT);
        return;
    }
    buf_init(&json, ADMIN_JSON_MAX);
    buf_add_char(&json, '{');
    admin_add_settings(&json, admin_name(&ask->call.room), &settings);
    buf_add_text(&json, ",\"peers\":[");
    for (const char *comma = ""; control_member_next(&room.members, &member); comma = ",") {
        buf_add_text(&json, comma);
        add_member(&json, &member, instance_of(&ask->call, others, member.worker));
    }
    buf_add_text(&json, "]}\n");
    admin_json_respond(&ask->response, 200, &json);
    if (ask->response.status == 200)
        admin_add_etag(&ask->response, version);
}

static void on_workers(struct admin_ask *ask, const struct frame *answer)
{
    struct admin_instances instances;
    admin_instances_init(&instances, answer);
    respond(ask, ask->version, buf_slice(&ask->kept), &instances);
    admin_instances_done(&instances);
}

static void on_description(struct admin_ask *ask, const struct frame *answer)
{
    struct frame workers = {.reason = CONTROL_WORKERS};
    if (answer->reason != CONTROL_DONE) {
        admin_refuse_outcome(&ask->response, answer->reason);
    } else if (!ask->call.admin->world.clustered) {
        respond(ask, answer->version, answer->data, NULL);
    } else {
        ask->version = answer->version;
        buf_add_slice(&ask->kept, answer->data);
        admin_ask_on(ask, &workers, on_workers);
    }
}

void admin_get_room(struct admin_call *call)
{
    struct frame frame = {.reason = CONTROL_DESCRIBE, .room = admin_name(&call->room)};
    admin_ask(call, &frame, true, on_description);
}

/* --- the end of one --- */

static void on_closed(struct admin_ask *ask, const struct frame *answer)
{
    if (answer->reason != CONTROL_DONE) {
        admin_refuse_outcome(&ask->response, answer->reason);
        return;
    }
    admin_audit(&ask->call, "admin-room-closed");
    admin_json_reached(&ask->response, answer->data, "peers");
}

void admin_delete_room(struct admin_call *call)
{
    struct frame frame = {.reason = CONTROL_CLOSE, .room = admin_name(&call->room)};
    admin_ask(call, &frame, false, on_closed);
}
