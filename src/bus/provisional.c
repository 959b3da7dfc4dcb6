#include "bus/provisional.h"

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"

#define ANSWER_MAX ((size_t)64 << 20) /* bytes of what one frame gives rise to */

/* A room that was taken over from the exchange's replica, or was born here. */
struct seeded {
    UT_hash_handle hh;
    bool whole; /* all its members are known, since the replica had it */
    unsigned name_len;
    char name[];
};

struct provisional {
    struct provisional_options options;
    struct directory *directory;
    struct seeded *rooms;
    struct buf answer; /* encoded frames for this worker that the present frame gave rise to */
    bool silent;       /* nobody is to hear of what happens now */
    bool tried;        /* the store may have done the present frame */
    unsigned emitted;
    enum frame_kind kind; /* of the first answer */
    unsigned reason;
};

static void on_send(void *context, const struct frame *frame)
{
    struct provisional *provisional = context;
    if (provisional->silent || frame->to != provisional->options.self)
        return;
    struct frame marked = *frame;
    if (frame->kind == FRAME_ROOM || frame->kind == FRAME_REFUSED) {
        provisional->kind = frame->kind;
        provisional->reason = frame->reason;
    }
    if (frame->kind == FRAME_ROOM)
        marked.reason |= ROOM_PROVISIONAL;
    frame_encode(&marked, &provisional->answer);
}

/* ---- rooms */

static struct seeded *seeded_find(struct provisional *provisional, struct slice name)
{
    struct seeded *room;
    MAP_FIND(provisional->rooms, name.ptr, name.len, room);
    return room;
}

static struct seeded *seeded_add(struct provisional *provisional, struct slice name, bool whole)
{
    struct seeded *room = mem_zero(sizeof(*room) + name.len);
    if (room == NULL)
        return NULL;
    room->whole = whole;
    room->name_len = (unsigned)name.len;
    memcpy(room->name, name.ptr, name.len);
    MAP_ADD(provisional->rooms, room->name, room->name_len, room);
    if (room->hh.tbl == NULL) {
        mem_free(room);
        return NULL;
    }
    return room;
}

static void emit(void *to, const struct frame *restore)
{
    struct provisional *provisional = to;
    provisional->emitted++;
    directory_on_frame(provisional->directory, restore);
}

/* False: no memory. *ret_whole: whether who is not in it now is not a member. */
static bool seed(struct provisional *provisional, struct slice name, bool *ret_whole)
{
    struct seeded *room = seeded_find(provisional, name);
    if (room == NULL) {
        provisional->silent = true;
        provisional->emitted = 0;
        provisional->options.export_room(provisional->options.context, name, emit, provisional);
        provisional->silent = false;
        *ret_whole = provisional->emitted > 0;
        return !*ret_whole || seeded_add(provisional, name, true) != NULL;
    }
    *ret_whole = room->whole;
    return true;
}

/* ---- serving */

static void undo(struct provisional *provisional, const struct frame *entered)
{
    struct frame leave = *entered;
    leave.kind = FRAME_LEAVE;
    leave.reason = LEAVE_LEFT;
    provisional->silent = true;
    directory_on_frame(provisional->directory, &leave);
    provisional->silent = false;
}

static enum provisional_outcome serve_quietly(struct provisional *provisional,
                                              const struct frame *frame)
{
    (void)provisional;
    (void)frame;
    return PROVISIONAL_SERVED;
}

static enum provisional_outcome serve_and_ask_later(struct provisional *provisional,
                                                    const struct frame *frame)
{
    (void)provisional;
    (void)frame;
    return PROVISIONAL_LATER;
}

static enum provisional_outcome serve_join(struct provisional *provisional,
                                           const struct frame *frame)
{
    const struct seeded *room = seeded_find(provisional, frame->room);
    if (provisional->kind != FRAME_ROOM)
        return provisional->tried ? PROVISIONAL_UNABLE : PROVISIONAL_SERVED;
    if (room == NULL && provisional->options.directory.made_rooms_only) {
        undo(provisional, frame); /* whether there is such a room is not known */
        return PROVISIONAL_UNABLE;
    }
    if (room == NULL)
        seeded_add(provisional, frame->room, false); /* without it the room is seeded once more */
    return PROVISIONAL_SERVED;
}

/* Somebody else may hold the membership, and what that one holds: it is better to wait for that
 * than to begin afresh. */
static enum provisional_outcome serve_resume(struct provisional *provisional,
                                             const struct frame *frame)
{
    const struct seeded *room = seeded_find(provisional, frame->room);
    if (provisional->kind != FRAME_ROOM)
        return PROVISIONAL_UNABLE;
    if (provisional->reason == ROOM_TAKEN_OVER)
        return PROVISIONAL_LATER;
    if (room != NULL && room->whole)
        return PROVISIONAL_SERVED;
    undo(provisional, frame);
    return PROVISIONAL_UNABLE;
}

/* What comes of a frame once the directory has had it. NULL: it is not for the directory. */
typedef enum provisional_outcome (*judge)(struct provisional *, const struct frame *);

static const judge judges[FRAME_KIND_COUNT] = {
    [FRAME_JOIN] = serve_join,       [FRAME_RESUME] = serve_resume,
    [FRAME_READ] = serve_quietly,    [FRAME_CONFIRM] = serve_quietly,
    [FRAME_INFO] = serve_quietly,    [FRAME_AWAY] = serve_quietly,
    [FRAME_RESTORE] = serve_quietly, [FRAME_LEAVE] = serve_and_ask_later,
};

/* All or nothing. */
static bool append(struct buf *to, const struct buf *from)
{
    buf_add_slice(to, buf_slice(from));
    if (!buf_failed(to))
        return true;
    to->failed = false;
    return false;
}

static enum provisional_outcome serve(struct provisional *provisional, const struct frame *frame,
                                      struct buf *ret_frames)
{
    bool whole;
    if (!seed(provisional, frame->room, &whole))
        return PROVISIONAL_UNABLE;
    buf_clear(&provisional->answer);
    provisional->kind = FRAME_NONE;
    directory_on_frame(provisional->directory, frame);
    enum provisional_outcome outcome = judges[frame->kind](provisional, frame);
    if (outcome == PROVISIONAL_UNABLE)
        return outcome;
    if (!buf_failed(&provisional->answer) && append(ret_frames, &provisional->answer))
        return outcome;
    if (frame->kind == FRAME_JOIN || frame->kind == FRAME_RESUME)
        undo(provisional, frame);
    return PROVISIONAL_UNABLE;
}

enum provisional_outcome provisional_serve(struct provisional *provisional,
                                           const struct frame *frame, bool tried,
                                           struct buf *ret_frames)
{
    provisional->tried = tried;
    if (frame->to == DIRECTORY && judges[frame->kind] != NULL)
        return serve(provisional, frame, ret_frames);
    bool unable = frame->kind == FRAME_SIGNAL || frame->kind == FRAME_CONTROL;
    return unable ? PROVISIONAL_UNABLE : PROVISIONAL_WAITS;
}

bool provisional_let_in(const struct provisional *provisional)
{
    return provisional->kind == FRAME_ROOM && provisional->reason != ROOM_READ;
}

/* ---- life */

void provisional_tick(struct provisional *provisional, uint64_t now, struct buf *ret_frames)
{
    buf_clear(&provisional->answer);
    directory_tick(provisional->directory, now);
    append(ret_frames, &provisional->answer); /* what is lost here is a gap in the versions */
}

struct provisional *provisional_new(const struct provisional_options *options, uint64_t now)
{
    struct provisional *provisional = mem_zero(sizeof(*provisional));
    if (provisional == NULL)
        return NULL;
    provisional->options = *options;
    provisional->options.directory.send = on_send;
    provisional->options.directory.context = provisional;
    struct directory_options directory = provisional->options.directory;
    directory.made_rooms_only = false; /* see serve_join() */
    directory.no_tickets = true;
    directory.tells = false; /* the store does, once it is told */
    provisional->directory = directory_new(&directory, now);
    buf_init(&provisional->answer, ANSWER_MAX);
    return provisional;
}

void provisional_free(struct provisional *provisional)
{
    struct seeded *room, *next;
    if (provisional == NULL)
        return;
    MAP_EACH (provisional->rooms, room, next) {
        MAP_DELETE(provisional->rooms, room);
        mem_free(room);
    }
    directory_free(provisional->directory);
    buf_done(&provisional->answer);
    mem_free(provisional);
}
