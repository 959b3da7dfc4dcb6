#include "core/administer.h"

#include <string.h>

#include "core/ask.h"
#include "core/control.h"
#include "core/state.h"

#define DOCUMENT_MAX 256 /* bytes of what is asked */

/* Sends what was built in `data`, and ends it. */
static void ask_directory(struct session *session, const struct envelope *envelope,
                          enum control_op op, struct buf *data)
{
    struct exchange *exchange = session->exchange;
    struct ask *ask = ask_new(session, envelope);
    if (ask == NULL) {
        buf_done(data);
        return;
    }
    struct slice admin = member_name(session->member);
    ask->admin_len = (unsigned)admin.len;
    memcpy(ask->admin, admin.ptr, admin.len);
    ask->doing = op == CONTROL_SET ? "lock" : op == CONTROL_KICK ? "kick" : "close";
    struct frame frame = {.kind = FRAME_CONTROL,
                          .from = exchange->options.self,
                          .to = DIRECTORY,
                          .request = ask->request,
                          .reason = op,
                          .room = room_name(session->room),
                          .peer = envelope->peer,
                          .data = buf_slice(data)};
    if (buf_failed(data))
        ask_answer(ask, ERR_UNAVAILABLE);
    else
        exchange_send(exchange, &frame);
    buf_done(data);
}

void administer_lock(struct session *session, const struct envelope *envelope)
{
    struct buf data;
    struct control_change change = {.conditions = CONTROL_IF_ANY,
                                    .fields = CONTROL_LOCKED,
                                    .settings = {.locked = envelope->locked}};
    buf_init(&data, DOCUMENT_MAX);
    control_change_add(&data, &change);
    ask_directory(session, envelope, CONTROL_SET, &data);
}

void administer_kick(struct session *session, const struct envelope *envelope)
{
    struct buf data;
    buf_init(&data, DOCUMENT_MAX);
    control_ban_time_add(&data, &(struct control_ban_time){envelope->ban});
    ask_directory(session, envelope, CONTROL_KICK, &data);
}

void administer_close(struct session *session, const struct envelope *envelope)
{
    struct buf data;
    buf_init(&data, DOCUMENT_MAX);
    ask_directory(session, envelope, CONTROL_CLOSE, &data);
}

void administer_on_controlled(struct exchange *exchange, const struct frame *frame)
{
    static const int errors[CONTROL_OUTCOME_COUNT] = {
        [CONTROL_NO_ROOM] = ERR_ROOM_CLOSED,  [CONTROL_NO_PEER] = ERR_PEER_NOT_FOUND,
        [CONTROL_CONFLICT] = ERR_UNAVAILABLE, [CONTROL_FULL] = ERR_UNAVAILABLE,
        [CONTROL_INVALID] = ERR_BAD_MESSAGE,
    };
    struct ask *ask = ask_find(exchange, frame->request);
    int error = frame->error;
    if (ask == NULL)
        return;
    if (error == 0)
        error = frame->reason < CONTROL_OUTCOME_COUNT ? errors[frame->reason] : ERR_INTERNAL;
    ask_answer(ask, error);
}
