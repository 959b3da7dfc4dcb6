/* Documents of administrators and of a directory gone mad: what is read lies within the bytes, and
 * is written as it was. */
#include "core/control.h"
#include "must.h"

static void check_same(struct buf *written, struct slice data)
{
    must(!buf_failed(written));
    must(slice_equal(buf_slice(written), data));
    buf_done(written);
}

static void check_settings(struct slice data)
{
    struct control_settings settings;
    struct control_ban ban;
    struct buf again, bans;
    buf_init(&again, data.len + 1);
    buf_init(&bans, data.len + 1);
    if (!control_settings_read(data, &settings) || data.len == 0)
        return;
    must(settings.metadata.len <= CONTROL_METADATA_MAX);
    struct slice rest = settings.bans;
    while (control_ban_next(&rest, &ban))
        control_ban_add(&bans, &ban);
    check_same(&bans, settings.bans);
    control_settings_add(&again, &settings);
    check_same(&again, data);
}

static void check_change(struct slice data)
{
    struct control_change change;
    struct buf again;
    buf_init(&again, data.len + 1);
    if (!control_change_read(data, &change))
        return;
    must(change.fields <= CONTROL_ALL_FIELDS && change.settings.empty_ttl <= CONTROL_TIME_MAX);
    control_change_add(&again, &change);
    check_same(&again, data);
}

static void check_query(struct slice data)
{
    struct control_query query;
    struct buf again;
    buf_init(&again, data.len + 1);
    if (!control_query_read(data, &query))
        return;
    must(query.limit >= 1 && query.limit <= CONTROL_LIST_MAX);
    control_query_add(&again, &query);
    check_same(&again, data);
}

static void check_description(struct slice data)
{
    struct control_description description;
    struct control_member member;
    struct buf again;
    buf_init(&again, data.len + 1);
    if (!control_description_read(data, &description))
        return;
    check_settings(description.settings);
    control_description_begin(&again, description.settings);
    while (control_member_next(&description.members, &member))
        control_member_add(&again, &member);
    check_same(&again, (struct slice){data.ptr, data.len - description.members.len});
}

static void check_listing(struct slice data, bool of_rooms)
{
    struct control_listing listing;
    struct control_listed listed;
    struct control_worker worker;
    struct slice name;
    struct buf again;
    buf_init(&again, data.len + 1);
    if (!control_listing_read(data, &listing))
        return;
    struct slice names = listing.names;
    while (control_name_next(&names, &name))
        must(name.len <= CONTROL_SHARD_NAME_MAX);
    control_listing_begin(&again, &listing);
    if (of_rooms)
        while (control_listed_next(&listing.entries, &listed))
            control_listed_add(&again, &listed);
    else
        while (control_worker_next(&listing.entries, &worker))
            control_worker_add(&again, &worker);
    check_same(&again, (struct slice){data.ptr, data.len - listing.entries.len});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    struct control_ban_time ban;
    struct control_reached reached;
    check_settings(bytes);
    check_change(bytes);
    check_query(bytes);
    check_description(bytes);
    check_listing(bytes, true);
    check_listing(bytes, false);
    must(!control_ban_time_read(bytes, &ban) || ban.ms <= CONTROL_TIME_MAX);
    must(control_reached_read(bytes, &reached) == (size == 4));
    return 0;
}
