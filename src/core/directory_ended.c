/* Memberships that an administrator ended, by their secrets, for a while: a worker that was cut off
 * or frozen meanwhile would bring them back (FRAME_RESTORE), and a client that was away would join
 * anew with what it believes to be a resume. */
#include "base/text.h"
#include "core/directory_state.h"

#define ENDED_KEPT 600000u /* ms; as in redis_scripts.c */
#define ENDED_MAX 200000u  /* what is over that is not remembered */

struct ended {
    UT_hash_handle hh;
    struct directory *directory;
    struct deadline deadline;
    enum leave_reason reason;
    unsigned key_len;
    char key[]; /* secret, room */
};

#define KEY_MAX (SESSION_SECRET_SIZE + ROOM_NAME_MAX)

static const struct session_secret no_secret;

static unsigned make_key(const struct session_secret *secret, struct slice room, char key[KEY_MAX])
{
    memcpy(key, secret->bytes, SESSION_SECRET_SIZE);
    memcpy(key + SESSION_SECRET_SIZE, room.ptr, room.len);
    return SESSION_SECRET_SIZE + (unsigned)room.len;
}

static struct ended *find(const struct directory *directory, struct slice room,
                          const struct session_secret *secret)
{
    char key[KEY_MAX];
    unsigned len = make_key(secret, room, key);
    struct ended *ended;
    MAP_FIND(directory->ended, key, len, ended);
    return ended;
}

static void ended_free(struct ended *ended)
{
    wheel_disarm(&ended->deadline);
    MAP_DELETE(ended->directory->ended, ended);
    mem_free(ended);
}

static void on_due(struct deadline *deadline)
{
    ended_free(WHEEL_OWNER(deadline, struct ended, deadline));
}

static struct ended *ended_new(struct directory *directory, struct slice room,
                               const struct session_secret *secret)
{
    struct ended *ended = mem_zero(sizeof(*ended) + SESSION_SECRET_SIZE + room.len);
    if (ended == NULL)
        return NULL;
    ended->directory = directory;
    ended->deadline.on_due = on_due;
    ended->key_len = make_key(secret, room, ended->key);
    MAP_ADD(directory->ended, ended->key, ended->key_len, ended);
    if (ended->hh.tbl == NULL) {
        mem_free(ended);
        return NULL;
    }
    return ended;
}

static void add(const struct directory_member *member, const struct session_secret *secret,
                enum leave_reason reason)
{
    struct directory *directory = member->room->directory;
    struct slice room = directory_room_name(member->room);
    if (secret_equal(secret, &no_secret))
        return;
    struct ended *ended = find(directory, room, secret);
    if (ended == NULL && MAP_COUNT(directory->ended) < ENDED_MAX)
        ended = ended_new(directory, room, secret);
    if (ended == NULL)
        return;
    ended->reason = reason;
    wheel_arm(&directory->wheel, &ended->deadline, directory->now + ENDED_KEPT);
}

void directory_ended_add(const struct directory_member *member, enum leave_reason reason)
{
    add(member, &member->secret, reason);
    add(member, &member->previous, reason);
}

enum leave_reason directory_ended_find(const struct directory *directory, struct slice room,
                                       const struct session_secret *secret,
                                       const struct session_secret *proof)
{
    const struct ended *ended = find(directory, room, secret);
    if (ended == NULL)
        ended = find(directory, room, proof);
    return ended == NULL ? LEAVE_REASON_COUNT : ended->reason;
}

void directory_ended_free(struct directory *directory)
{
    struct ended *ended, *next;
    MAP_EACH (directory->ended, ended, next) {
        ended_free(ended);
    }
}
