/* A directory that has lost its memory lists nobody whose worker has not told it again, and so a
 * member is taken to have left that comes back, perhaps elsewhere. What was sent to it before may be
 * under way all that time: where to is kept beyond the member, so that a fence can follow it. */
#include "core/state.h"

#define DROPPED_KEPT 30000 /* ms: longer than what was sent to it can still be on its way */

struct dropped {
    UT_hash_handle hh;
    struct deadline deadline;
    struct room *room;
    worker_id sent_to;
    uint32_t sent_stint;
    unsigned name_len;
    char name[];
};

static void dropped_free(struct dropped *dropped)
{
    wheel_disarm(&dropped->deadline);
    MAP_DELETE(dropped->room->dropped, dropped);
    mem_free(dropped);
}

static void on_dropped_due(struct deadline *deadline)
{
    dropped_free(WHEEL_OWNER(deadline, struct dropped, deadline));
}

static struct dropped *dropped_find(struct room *room, struct slice peer)
{
    struct dropped *dropped;
    MAP_FIND(room->dropped, peer.ptr, peer.len, dropped);
    return dropped;
}

static struct dropped *dropped_add(struct room *room, struct slice peer)
{
    struct dropped *dropped = mem_zero(sizeof(*dropped) + peer.len);
    if (dropped == NULL)
        return NULL;
    dropped->room = room;
    dropped->deadline.on_due = on_dropped_due;
    dropped->name_len = (unsigned)peer.len;
    memcpy(dropped->name, peer.ptr, peer.len);
    MAP_ADD(room->dropped, dropped->name, dropped->name_len, dropped);
    if (dropped->hh.tbl == NULL) {
        mem_free(dropped);
        return NULL;
    }
    return dropped;
}

void dropped_remember(struct member *member)
{
    struct room *room = member->room;
    struct exchange *exchange = room->exchange;
    fence_end(member); /* what waits behind it is sent now */
    if (member->sent_to == DIRECTORY)
        return;
    struct dropped *dropped = dropped_find(room, member_name(member));
    if (dropped == NULL)
        dropped = dropped_add(room, member_name(member));
    if (dropped == NULL)
        return; /* order is given up */
    dropped->sent_to = member->sent_to;
    dropped->sent_stint = member->sent_stint;
    wheel_arm(&exchange->wheel, &dropped->deadline, exchange->now + DROPPED_KEPT);
}

void dropped_recall(struct member *member)
{
    struct dropped *dropped = dropped_find(member->room, member_name(member));
    if (dropped == NULL)
        return;
    member->sent_to = dropped->sent_to;
    member->sent_stint = dropped->sent_stint;
    dropped_free(dropped);
    fence_on_move(member);
}

void dropped_forget(struct room *room, worker_id worker)
{
    struct dropped *dropped, *next;
    MAP_EACH (room->dropped, dropped, next) {
        if (worker == DIRECTORY || dropped->sent_to == worker)
            dropped_free(dropped);
    }
}
