/* Telling the directory again what it has lost, or what went on without it (directory_restore.c). */
#include "core/state.h"

#define RESTORED_AWAY 1 /* as a reason */

/* What it took the membership over with. */
static struct session_secret proof_of(const struct session *session)
{
    return session->entry != NULL ? session->entry->proof : session->proof;
}

/* Whether the client has its secret: then it uses none that came before. */
static bool is_known(const struct session *session)
{
    return session->entry == NULL && !session->unconfirmed && !session->unheard;
}

static void say(struct session *session, struct slice peer, struct slice info)
{
    struct exchange *exchange = session->exchange;
    char address[FRAME_ADDRESS_MAX];
    struct frame frame = {.kind = FRAME_RESTORE,
                          .from = exchange->options.self,
                          .to = DIRECTORY,
                          .version = session->room->version,
                          .taken = is_known(session) ? session->taken : 0,
                          .reason = session->state == SESSION_AWAY ? RESTORED_AWAY : 0,
                          .stint = session_stint(session),
                          .secret = session->secret,
                          .proof = proof_of(session),
                          .room = room_name(session->room),
                          .peer = peer,
                          .info = info,
                          .address = session_address(session, address),
                          .data = room_settings(session->room)};
    exchange_send(exchange, &frame);
    if (session->entry != NULL || session->unconfirmed)
        return;
    frame.kind = FRAME_CONFIRM; /* what came before it is no proof any more */
    exchange_send(exchange, &frame);
}

void restore_session(struct session *session)
{
    struct slice peer = entry_peer(session->entry);
    say(session, peer, member_info(room_member(session->room, peer)));
}

/* The last one to get the membership by way of this worker. */
static struct session *holder_of(const struct member *member)
{
    struct frame latest = {
        .version = UINT64_MAX, .room = room_name(member->room), .peer = member_name(member)};
    struct entry *entry = join_find_before(member->room->exchange, &latest);
    struct session *session = member->session;
    if (entry != NULL && entry->session->state == SESSION_CLAIMING &&
        (session == NULL || session_is_later(entry->session, session)))
        return entry->session;
    return session;
}

/* Somebody joins as it or resumes it by way of this worker: what was asked then goes before what
 * would be said now, and is the later truth. */
static bool is_being_entered(const struct member *member)
{
    struct entry *entry, *next;
    MAP_EACH (member->room->exchange->entries, entry, next) {
        if (entry->session->state == SESSION_ENTERING && entry->session->room == member->room &&
            slice_equal(entry_peer(entry), member_name(member)))
            return true;
    }
    return false;
}

/* patience: ms that others may need to restore theirs */
static void restore(struct room *room, uint64_t patience)
{
    struct member *member, *next;
    bool any = false;
    MAP_EACH (room->members, member, next) {
        struct session *holder = holder_of(member);
        if (holder == NULL || member->worker != room->exchange->options.self)
            continue;
        any = true;
        member->unrestored = is_being_entered(member);
        if (member->unrestored)
            continue;
        say(holder, member_name(member), member_info(member));
        if (holder->deposited)
            deposit_again(holder);
    }
    if (!any)
        return;
    room->restoring = true;
    roster_be_lenient(room, patience);
    roster_read(room);
}

void restore_room(struct room *room)
{
    restore(room, OTHERS_NOTICE);
}

void exchange_restore(struct exchange *exchange)
{
    struct room *room, *next;
    MAP_EACH (exchange->rooms, room, next) {
        room->astray = false; /* from here on it waits for its roster */
        restore(room, OTHERS_COME_BACK);
        if (room->members == NULL || room->restoring)
            continue;
        room->restoring = true; /* nothing to say, but to hear who went where */
        roster_read(room);
    }
}

static bool is_evicted(const struct session *session, const struct frame *frame)
{
    return session != NULL &&
           crypto_equal(session->secret.bytes, frame->secret.bytes, SESSION_SECRET_SIZE);
}

void restore_on_evicted(struct exchange *exchange, const struct frame *frame)
{
    struct room *room = room_find(exchange, frame->room);
    struct member *member = room == NULL ? NULL : room_member(room, frame->peer);
    struct session *holder = member == NULL ? NULL : holder_of(member);
    if (!is_evicted(holder, frame))
        return;
    if (frame->reason == LEAVE_KICKED || frame->reason == LEAVE_ROOM_CLOSED) {
        session_end(holder, frame->reason);
        return;
    }
    session_superseded(holder);
    session_free(holder);
}

/* ---- for who stands in for the directory */

static bool is_held_by(const struct member *member, const struct session *session)
{
    return session != NULL && member->worker == member->room->exchange->options.self;
}

void exchange_export_room(const struct exchange *exchange, struct slice name,
                          void (*each)(void *context, const struct frame *frame), void *context)
{
    struct room *room = room_find((struct exchange *)exchange, name);
    struct member *member, *next;
    if (room == NULL)
        return;
    MAP_EACH (room->members, member, next) {
        struct session *holder = holder_of(member);
        bool ours = is_held_by(member, holder);
        bool in_mailbox = exchange->options.mailbox && member->worker == MAILBOX;
        struct frame frame = {.kind = FRAME_RESTORE,
                              .from = in_mailbox ? DIRECTORY : member->worker,
                              .to = DIRECTORY,
                              .version = room->version,
                              .reason = member->away ? RESTORED_AWAY : 0,
                              .stint = member->stint,
                              .room = room_name(room),
                              .peer = member_name(member),
                              .info = member_info(member),
                              .data = room_settings(room)};
        if (ours) {
            frame.secret = holder->secret;
            frame.stint = session_stint(holder);
            frame.proof = proof_of(holder);
        } else if (member->worker == exchange->options.self) {
            frame.secret = member->left; /* the FRAME_LEAVE is still to come */
        }
        each(context, &frame);
    }
}
