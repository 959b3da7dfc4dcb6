#include "bus/bus.h"

#include "base/error.h"

/* What answers a frame that cannot be delivered; FRAME_NONE: nothing does. */
static const enum frame_kind answers[FRAME_KIND_COUNT] = {
    [FRAME_JOIN] = FRAME_REFUSED, [FRAME_RESUME] = FRAME_REFUSED,
    [FRAME_READ] = FRAME_REFUSED, [FRAME_SIGNAL] = FRAME_UNDELIVERED,
    [FRAME_CLAIM] = FRAME_HANDED, [FRAME_FENCE] = FRAME_FENCED,
};

bool bus_refuse(const struct frame *frame, struct frame *ret_answer)
{
    enum frame_kind kind = answers[frame->kind];
    if (kind == FRAME_NONE)
        return false;
    *ret_answer = (struct frame){
        .kind = kind,
        .from = frame->to,
        .to = frame->from,
        .request = frame->request,
        .error = kind == FRAME_FENCED ? 0 : ERR_UNAVAILABLE,
        .room = frame->room,
        .peer = frame->peer,
        .sender = frame->sender,
        .id = frame->id,
    };
    return true;
}
