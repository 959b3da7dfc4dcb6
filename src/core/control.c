#include "core/control.h"

#include "base/text.h"
#include "core/wire.h"

/* Little-endian; a text is u32 length and bytes; bool is a byte.
 *
 *     settings     u64 version | bool locked | u32 peers_max | u64 empty_ttl | text metadata | bans
 *     ban          u64 until | text peer
 *     change       u8 conditions | u8 fields | bool locked | u32 peers_max | u64 empty_ttl |
 *                  text metadata
 *     description  text settings | members
 *     member       u64 worker | bool away | u64 since | text peer | text info | text address
 *     query        u32 limit | text prefix | text after
 *     listing      bool more | u32 shards | u32 missing | text names | entries
 *     listed       text room | u32 members | bool locked | u64 version
 *     worker       u64 worker | bool fresh | text card */

/* ---- settings */

static bool bans_are_whole(struct slice bans)
{
    struct control_ban ban;
    while (control_ban_next(&bans, &ban))
        continue;
    return bans.len == 0;
}

void control_settings_add(struct buf *out, const struct control_settings *settings)
{
    size_t size = 8 + 1 + 4 + 8 + 4 + settings->metadata.len + settings->bans.len;
    char *at = buf_reserve(out, size);
    if (at == NULL)
        return;
    at = wire_put_u64(at, settings->version);
    *at++ = settings->locked;
    at = wire_put_u32(at, settings->peers_max);
    at = wire_put_u64(at, settings->empty_ttl);
    at = wire_put_text(at, settings->metadata);
    wire_put_bytes(at, settings->bans.ptr, settings->bans.len);
    out->len += size;
}

/* What a change has of it too. */
static bool take_values(struct slice *data, struct control_settings *settings)
{
    uint8_t locked;
    if (!wire_take_u8(data, &locked) || locked > 1 || !wire_take_u32(data, &settings->peers_max) ||
        !wire_take_u64(data, &settings->empty_ttl) ||
        !wire_take_text(data, &settings->metadata, CONTROL_METADATA_MAX))
        return false;
    settings->locked = locked != 0;
    return settings->peers_max <= CONTROL_PEERS_MAX && settings->empty_ttl <= CONTROL_TIME_MAX;
}

bool control_settings_read(struct slice data, struct control_settings *ret_settings)
{
    *ret_settings = (struct control_settings){0};
    if (data.len == 0)
        return true;
    if (!wire_take_u64(&data, &ret_settings->version) || !take_values(&data, ret_settings))
        return false;
    ret_settings->bans = data;
    return bans_are_whole(data);
}

void control_ban_add(struct buf *out, const struct control_ban *ban)
{
    char *at = buf_reserve(out, 8 + 4 + ban->peer.len);
    if (at == NULL)
        return;
    wire_put_text(wire_put_u64(at, ban->until), ban->peer);
    out->len += 8 + 4 + ban->peer.len;
}

bool control_ban_next(struct slice *bans, struct control_ban *ret_ban)
{
    struct slice rest = *bans;
    if (!wire_take_u64(&rest, &ret_ban->until) ||
        !wire_take_text(&rest, &ret_ban->peer, PEER_NAME_MAX) || !text_is_peer_name(ret_ban->peer))
        return false;
    *bans = rest;
    return true;
}

/* ---- SET */

void control_change_add(struct buf *out, const struct control_change *change)
{
    const struct control_settings *settings = &change->settings;
    size_t size = 1 + 1 + 1 + 4 + 8 + 4 + settings->metadata.len;
    char *at = buf_reserve(out, size);
    if (at == NULL)
        return;
    *at++ = (char)change->conditions;
    *at++ = (char)change->fields;
    *at++ = settings->locked;
    at = wire_put_u32(at, settings->peers_max);
    at = wire_put_u64(at, settings->empty_ttl);
    wire_put_text(at, settings->metadata);
    out->len += size;
}

bool control_change_read(struct slice data, struct control_change *ret_change)
{
    uint8_t conditions, fields;
    *ret_change = (struct control_change){0};
    if (!wire_take_u8(&data, &conditions) || !wire_take_u8(&data, &fields) ||
        !take_values(&data, &ret_change->settings))
        return false;
    ret_change->conditions = conditions;
    ret_change->fields = fields;
    return data.len == 0 && fields <= CONTROL_ALL_FIELDS && conditions < 2 * CONTROL_IF_VERSION;
}

/* ---- DESCRIBE */

void control_description_begin(struct buf *out, struct slice settings)
{
    char *at = buf_reserve(out, 4 + settings.len);
    if (at == NULL)
        return;
    wire_put_text(at, settings);
    out->len += 4 + settings.len;
}

void control_member_add(struct buf *out, const struct control_member *member)
{
    size_t size = 8 + 1 + 8 + 4 + member->peer.len + 4 + member->info.len + 4 + member->address.len;
    char *at = buf_reserve(out, size);
    if (at == NULL)
        return;
    at = wire_put_u64(at, member->worker);
    *at++ = member->away;
    at = wire_put_u64(at, member->since);
    at = wire_put_text(at, member->peer);
    at = wire_put_text(at, member->info);
    wire_put_text(at, member->address);
    out->len += size;
}

bool control_description_read(struct slice data, struct control_description *ret_description)
{
    if (!wire_take_text(&data, &ret_description->settings, UINT32_MAX))
        return false;
    ret_description->members = data;
    return true;
}

bool control_member_next(struct slice *members, struct control_member *ret_member)
{
    struct slice rest = *members;
    uint8_t away;
    if (!wire_take_u64(&rest, &ret_member->worker) || !wire_take_u8(&rest, &away) || away > 1 ||
        !wire_take_u64(&rest, &ret_member->since) ||
        !wire_take_text(&rest, &ret_member->peer, PEER_NAME_MAX) ||
        !text_is_peer_name(ret_member->peer) ||
        !wire_take_text(&rest, &ret_member->info, UINT32_MAX) ||
        !wire_take_text(&rest, &ret_member->address, FRAME_ADDRESS_MAX))
        return false;
    ret_member->away = away != 0;
    *members = rest;
    return true;
}

/* ---- LIST and WORKERS */

void control_query_add(struct buf *out, const struct control_query *query)
{
    size_t size = 4 + 4 + query->prefix.len + 4 + query->after.len;
    char *at = buf_reserve(out, size);
    if (at == NULL)
        return;
    at = wire_put_u32(at, query->limit);
    at = wire_put_text(at, query->prefix);
    wire_put_text(at, query->after);
    out->len += size;
}

bool control_query_read(struct slice data, struct control_query *ret_query)
{
    return wire_take_u32(&data, &ret_query->limit) &&
           wire_take_text(&data, &ret_query->prefix, ROOM_NAME_MAX) &&
           wire_take_text(&data, &ret_query->after, ROOM_NAME_MAX) && data.len == 0 &&
           ret_query->limit >= 1 && ret_query->limit <= CONTROL_LIST_MAX;
}

void control_listing_begin(struct buf *out, const struct control_listing *listing)
{
    size_t size = 1 + 4 + 4 + 4 + listing->names.len;
    char *at = buf_reserve(out, size);
    if (at == NULL)
        return;
    *at++ = listing->more;
    at = wire_put_u32(at, listing->shards);
    at = wire_put_u32(at, listing->missing);
    wire_put_text(at, listing->names);
    out->len += size;
}

bool control_listing_read(struct slice data, struct control_listing *ret_listing)
{
    uint8_t more;
    if (!wire_take_u8(&data, &more) || more > 1 || !wire_take_u32(&data, &ret_listing->shards) ||
        !wire_take_u32(&data, &ret_listing->missing) ||
        !wire_take_text(&data, &ret_listing->names, UINT32_MAX))
        return false;
    ret_listing->more = more != 0;
    ret_listing->entries = data;
    return true;
}

void control_name_add(struct buf *out, struct slice name)
{
    char *at = buf_reserve(out, 4 + name.len);
    if (at == NULL)
        return;
    wire_put_text(at, name);
    out->len += 4 + name.len;
}

bool control_name_next(struct slice *names, struct slice *ret_name)
{
    return wire_take_text(names, ret_name, CONTROL_SHARD_NAME_MAX);
}

void control_listed_add(struct buf *out, const struct control_listed *listed)
{
    size_t size = 4 + listed->room.len + 4 + 1 + 8;
    char *at = buf_reserve(out, size);
    if (at == NULL)
        return;
    at = wire_put_text(at, listed->room);
    at = wire_put_u32(at, listed->members);
    *at++ = listed->locked;
    wire_put_u64(at, listed->version);
    out->len += size;
}

bool control_listed_next(struct slice *entries, struct control_listed *ret_listed)
{
    struct slice rest = *entries;
    uint8_t locked;
    if (!wire_take_text(&rest, &ret_listed->room, ROOM_NAME_MAX) ||
        !text_is_room_name(ret_listed->room) || !wire_take_u32(&rest, &ret_listed->members) ||
        !wire_take_u8(&rest, &locked) || locked > 1 || !wire_take_u64(&rest, &ret_listed->version))
        return false;
    ret_listed->locked = locked != 0;
    *entries = rest;
    return true;
}

void control_worker_add(struct buf *out, const struct control_worker *worker)
{
    size_t size = 8 + 1 + 4 + worker->card.len;
    char *at = buf_reserve(out, size);
    if (at == NULL)
        return;
    at = wire_put_u64(at, worker->worker);
    *at++ = worker->fresh;
    wire_put_text(at, worker->card);
    out->len += size;
}

bool control_worker_next(struct slice *entries, struct control_worker *ret_worker)
{
    struct slice rest = *entries;
    uint8_t fresh;
    if (!wire_take_u64(&rest, &ret_worker->worker) || !wire_take_u8(&rest, &fresh) || fresh > 1 ||
        !wire_take_text(&rest, &ret_worker->card, CONTROL_CARD_MAX))
        return false;
    ret_worker->fresh = fresh != 0;
    *entries = rest;
    return true;
}

/* ---- KICK; how many an op reached */

void control_ban_time_add(struct buf *out, const struct control_ban_time *ban)
{
    char *at = buf_reserve(out, 8);
    if (at == NULL)
        return;
    wire_put_u64(at, ban->ms);
    out->len += 8;
}

bool control_ban_time_read(struct slice data, struct control_ban_time *ret_ban)
{
    return wire_take_u64(&data, &ret_ban->ms) && data.len == 0 && ret_ban->ms <= CONTROL_TIME_MAX;
}

void control_reached_add(struct buf *out, const struct control_reached *reached)
{
    char *at = buf_reserve(out, 4);
    if (at == NULL)
        return;
    wire_put_u32(at, reached->count);
    out->len += 4;
}

bool control_reached_read(struct slice data, struct control_reached *ret_reached)
{
    return wire_take_u32(&data, &ret_reached->count) && data.len == 0;
}
