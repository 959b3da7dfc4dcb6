/* POST /v1/rooms/{room}/notices */
#include "api/admin_ask.h"
#include "api/admin_body.h"
#include "api/admin_json.h"
#include "api/admin_routes.h"

struct notice {
    struct slice data;
    struct admin_name peer;
};

enum { DATA, PEER };

static const struct admin_field fields[] = {
    [DATA] = {"data", ADMIN_ANY, CONTROL_NOTICE_MAX, offsetof(struct notice, data)},
    [PEER] = {"peer", ADMIN_PEER, 0, offsetof(struct notice, peer)},
};

static void on_sent(struct admin_ask *ask, const struct frame *answer)
{
    if (answer->reason != CONTROL_DONE) {
        admin_refuse_outcome(&ask->response, answer->reason);
        return;
    }
    admin_audit(&ask->call, "admin-notice-sent");
    admin_json_reached(&ask->response, answer->data, "reached");
}

void admin_post_notice(struct admin_call *call)
{
    struct notice notice = {.peer.len = 0};
    unsigned given;
    if (!admin_body_read(call, fields, sizeof(fields) / sizeof(fields[0]), &notice, &given))
        return;
    if ((given & 1u << DATA) == 0) {
        admin_body_lacks(call, "data");
        return;
    }
    call->peer = notice.peer; /* for the log */
    struct frame frame = {.reason = CONTROL_NOTICE,
                          .room = admin_name(&call->room),
                          .peer = admin_name(&notice.peer),
                          .data = notice.data};
    admin_ask(call, &frame, false, on_sent);
}
