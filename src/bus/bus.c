#include "bus/bus.h"

#include "base/error.h"

/* What answers a frame that cannot be delivered; FRAME_NONE: nothing does. */
static const struct {
    enum frame_kind answer;
    bool can_wait; /* small, and a refusal would cost a peer what was held for it, or the order */
} rows[FRAME_KIND_COUNT] = {
    [FRAME_JOIN] = {FRAME_REFUSED, false},       [FRAME_RESUME] = {FRAME_REFUSED, false},
    [FRAME_READ] = {FRAME_REFUSED, false},       [FRAME_INFO] = {FRAME_UNDELIVERED, false},
    [FRAME_SIGNAL] = {FRAME_UNDELIVERED, false}, [FRAME_CLAIM] = {FRAME_HANDED, true},
    [FRAME_FENCE] = {FRAME_FENCED, true},        [FRAME_CONTROL] = {FRAME_CONTROLLED, false},
};

/* What an answer to `frame` says it is from. A fence that a dead worker were said to have answered
 * would be sent there again. */
static worker_id answerer(const struct frame *frame)
{
    return frame->kind == FRAME_FENCE ? DIRECTORY : frame->to;
}

bool bus_refuse(const struct frame *frame, struct frame *ret_answer)
{
    enum frame_kind kind = rows[frame->kind].answer;
    if (kind == FRAME_NONE)
        return false;
    *ret_answer = (struct frame){
        .kind = kind,
        .from = answerer(frame),
        .to = frame->from,
        .request = frame->request,
        .error = kind == FRAME_FENCED ? 0 : ERR_UNAVAILABLE,
        .room = frame->room,
        .peer = frame->peer,
        .sender = frame->kind == FRAME_INFO ? frame->peer : frame->sender,
        .id = frame->id,
    };
    return true;
}

bool bus_refuse_waiting(const struct frame *frame, struct frame *ret_answer)
{
    return !rows[frame->kind].can_wait && bus_refuse(frame, ret_answer);
}
