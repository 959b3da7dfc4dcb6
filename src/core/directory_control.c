/* What administrators ask (control.h). */
#include "core/control.h"

#include "base/error.h"
#include "core/directory_state.h"

struct answer {
    enum control_outcome outcome;
    int error;
    uint64_t version;
    struct buf data;
};

static uint64_t settings_version(const struct directory_room *room)
{
    struct control_settings settings;
    control_settings_read(directory_room_settings(room), &settings);
    return settings.version;
}

static void describe(struct directory *directory, const struct frame *frame, struct answer *answer)
{
    struct directory_room *room = directory_room_find(directory, frame->room);
    struct directory_member *member, *next;
    if (room == NULL) {
        answer->outcome = CONTROL_NO_ROOM;
        return;
    }
    answer->version = settings_version(room);
    control_description_begin(&answer->data, directory_room_settings(room));
    MAP_EACH (room->members, member, next) {
        control_member_add(&answer->data, &(struct control_member){
                                              .peer = directory_member_name(member),
                                              .info = directory_member_info(member),
                                              .away = member->away,
                                              .since = member->since,
                                              .worker = member->worker,
                                              .address = {member->address, member->address_len}});
    }
}

static void send_answer(struct directory *directory, const struct frame *frame,
                        const struct answer *answer)
{
    bool failed = answer->error != 0 || buf_failed(&answer->data);
    struct frame reply = {
        .kind = FRAME_CONTROLLED, .request = frame->request, .error = failed ? ERR_UNAVAILABLE : 0};
    if (!failed) {
        reply.reason = answer->outcome;
        reply.version = answer->version;
        reply.data = buf_slice(&answer->data);
    }
    directory_send(directory, &reply, frame->from);
}

void directory_on_control(struct directory *directory, const struct frame *frame)
{
    static void (*const ops[CONTROL_OP_COUNT])(struct directory *, const struct frame *,
                                               struct answer *) = {
        [CONTROL_DESCRIBE] = describe,
    };
    struct answer answer = {.outcome = CONTROL_DONE};
    buf_init(&answer.data, CONTROL_ANSWER_MAX);
    if (frame->reason < CONTROL_OP_COUNT && ops[frame->reason] != NULL)
        ops[frame->reason](directory, frame, &answer);
    else
        answer.error = ERR_UNAVAILABLE;
    send_answer(directory, frame, &answer);
    buf_done(&answer.data);
}
