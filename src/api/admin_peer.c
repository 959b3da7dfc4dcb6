/* DELETE /v1/rooms/{room}/peers/{peer}?ban=SECONDS */
#include "api/admin_ask.h"
#include "api/admin_json.h"
#include "api/admin_query.h"
#include "api/admin_routes.h"

static void on_kicked(struct admin_ask *ask, const struct frame *answer)
{
    struct control_reached reached = {0};
    struct buf json;
    if (answer->reason != CONTROL_DONE) {
        admin_refuse_outcome(&ask->response, answer->reason);
        return;
    }
    admin_audit(&ask->call, ask->flags != 0 ? "admin-peer-banned" : "admin-peer-kicked");
    control_reached_read(answer->data, &reached);
    buf_init(&json, 128);
    buf_add_format(&json, "{\"kicked\":%s}\n", reached.count > 0 ? "true" : "false");
    admin_json_respond(&ask->response, 200, &json);
}

void admin_delete_peer(struct admin_call *call)
{
    static const char *const names[] = {"ban"};
    struct admin_query_value value;
    uint64_t seconds;
    struct buf data;
    if (!admin_query_read(call, names, 1, &value) ||
        !admin_query_number(call, names[0], &value, 0, CONTROL_TIME_MAX / 1000, 0, &seconds))
        return;
    buf_init(&data, 64);
    control_ban_time_add(&data, &(struct control_ban_time){.ms = seconds * 1000});
    struct frame frame = {
        .reason = CONTROL_KICK, .room = admin_name(&call->room), .peer = admin_name(&call->peer)};
    struct admin_ask *ask = admin_ask_with(call, &frame, &data, seconds > 0, on_kicked);
    if (ask != NULL)
        ask->flags = seconds > 0;
}
