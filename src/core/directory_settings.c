/* The settings of a room, and the bans in them. A room keeps them as bytes, for that is how they are
 * told and mostly there are none. */
#include "base/text.h"
#include "core/directory_state.h"

#define BANS_SIZE ((size_t)CONTROL_BANS_MAX * (8 + 4 + PEER_NAME_MAX))

struct control_settings directory_settings_read(const struct directory_room *room)
{
    struct control_settings settings;
    control_settings_read((struct slice){room->settings, room->settings_len}, &settings);
    return settings;
}

static bool store(struct directory_room *room, struct slice settings)
{
    return mem_replace(&room->settings, &room->settings_len, settings.ptr, settings.len);
}

static void announce(struct directory_room *room)
{
    directory_announce(
        room, &(struct frame){.kind = FRAME_SETTINGS, .data = directory_room_settings(room)},
        DIRECTORY);
}

bool directory_settings_change(struct directory_room *room, struct control_settings *settings)
{
    struct buf bytes;
    settings->version = room->version + 1; /* of the event that tells of it */
    buf_init(&bytes, BANS_SIZE + CONTROL_METADATA_MAX + 64);
    control_settings_add(&bytes, settings);
    bool stored = !buf_failed(&bytes) && store(room, buf_slice(&bytes));
    buf_done(&bytes);
    if (stored)
        announce(room);
    return stored;
}

void directory_settings_restore(struct directory_room *room, struct slice known)
{
    struct control_settings settings;
    if (!control_settings_read(known, &settings) ||
        settings.version <= directory_settings_read(room).version || !store(room, known))
        return;
    if (room->version < settings.version)
        room->version = settings.version;
    announce(room);
}

/* ---- bans */

bool directory_is_banned(const struct directory_room *room, struct slice peer)
{
    struct slice bans = directory_settings_read(room).bans;
    uint64_t now = directory_unix_time(room->directory);
    struct control_ban ban;
    while (control_ban_next(&bans, &ban))
        if (ban.until > now && slice_equal(ban.peer, peer))
            return true;
    return false;
}

uint64_t directory_bans_end(const struct directory_room *room)
{
    struct slice bans = directory_settings_read(room).bans;
    struct control_ban ban;
    uint64_t end = 0;
    while (control_ban_next(&bans, &ban))
        if (ban.until > end)
            end = ban.until;
    return end;
}

/* Those that still run, but for this peer's. Returns how many. */
static unsigned copy_bans(struct slice bans, uint64_t now, struct slice but, struct buf *out)
{
    struct control_ban ban;
    unsigned count = 0;
    while (control_ban_next(&bans, &ban)) {
        if (ban.until <= now || slice_equal(ban.peer, but))
            continue;
        control_ban_add(out, &ban);
        count++;
    }
    return count;
}

enum ban_outcome directory_ban(struct directory_room *room, struct slice peer, uint64_t ms)
{
    struct control_settings settings = directory_settings_read(room);
    uint64_t now = directory_unix_time(room->directory);
    struct buf bans;
    enum ban_outcome outcome = BAN_FULL;
    buf_init(&bans, BANS_SIZE);
    if (copy_bans(settings.bans, now, peer, &bans) < CONTROL_BANS_MAX) {
        control_ban_add(&bans, &(struct control_ban){.peer = peer, .until = now + ms});
        settings.bans = buf_slice(&bans);
        bool done = !buf_failed(&bans) && directory_settings_change(room, &settings);
        outcome = done ? BAN_DONE : BAN_NO_MEMORY;
    }
    buf_done(&bans);
    return outcome;
}
