#include "redis/alike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ENTRIES_MAX 16
#define BYTES_MAX (1 << 20)
#define SOON 1800000 /* ms; over when the test lets windows end, and not before */

void alike_settings(struct buf *out, struct slice bytes, struct slice room, alike_version since)
{
    struct control_settings settings;
    struct control_ban ban;
    struct buf bans;
    assert_true(control_settings_read(bytes, &settings));
    if (bytes.len == 0)
        return;
    buf_init(&bans, BYTES_MAX);
    while (control_ban_next(&settings.bans, &ban)) {
        assert_true(ban.until > 0);
        ban.until = 1;
        control_ban_add(&bans, &ban);
    }
    settings.version = since(room, settings.version);
    settings.bans = buf_slice(&bans);
    control_settings_add(out, &settings);
    buf_done(&bans);
}

static int compare_slices(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_members(const void *a, const void *b)
{
    const struct control_member *one = a, *other = b;
    return compare_slices(one->peer, other->peer);
}

static void alike_description(struct buf *out, struct slice data, struct slice room,
                              alike_version since)
{
    struct control_member members[ENTRIES_MAX];
    struct control_description description;
    struct buf settings;
    size_t count = 0;
    assert_true(control_description_read(data, &description));
    buf_init(&settings, BYTES_MAX);
    alike_settings(&settings, description.settings, room, since);
    control_description_begin(out, buf_slice(&settings));
    buf_done(&settings);
    while (count < ENTRIES_MAX && control_member_next(&description.members, &members[count]))
        count++;
    assert_int_equal(description.members.len, 0);
    qsort(members, count, sizeof(members[0]), compare_members);
    for (size_t i = 0; i < count; i++) {
        assert_true(members[i].since > 0);
        members[i].since = 1;
        control_member_add(out, &members[i]);
    }
}

/* In the order in which it came: that is part of what is compared. */
static void alike_listing(struct buf *out, struct slice data, alike_version since)
{
    struct control_listing listing;
    struct control_listed listed;
    assert_true(control_listing_read(data, &listing));
    control_listing_begin(out, &listing);
    while (control_listed_next(&listing.entries, &listed)) {
        listed.version = since(listed.room, listed.version);
        control_listed_add(out, &listed);
    }
    assert_int_equal(listing.entries.len, 0);
}

void alike_answer(struct buf *out, struct slice data, const struct frame *ask, alike_version since)
{
    if (data.len == 0)
        return;
    switch (ask->reason) {
    case CONTROL_DESCRIBE: alike_description(out, data, ask->room, since); break;
    case CONTROL_LIST: alike_listing(out, data, since); break;
    case CONTROL_SET: alike_settings(out, data, ask->room, since); break;
    default: buf_add_slice(out, data);
    }
}

/* ---- at random */

static struct slice some_text(uint32_t (*random)(uint32_t))
{
    static const char *const texts[] = {"", "{}", "{\"a\":\"\\u0000\"}", "a\0b", "r", "*", "\xff"};
    return slice_of(texts[random(sizeof(texts) / sizeof(texts[0]))]);
}

static struct control_settings some_settings(uint32_t (*random)(uint32_t))
{
    static const uint64_t times[] = {0, SOON, CONTROL_TIME_MAX};
    return (struct control_settings){.locked = random(3) == 0,
                                     .peers_max = random(3) == 0 ? 1 + random(3) : 0,
                                     .empty_ttl = times[random(3)],
                                     .metadata = some_text(random)};
}

static void some_change(struct buf *out, uint32_t (*random)(uint32_t))
{
    static const unsigned conditions[] = {0,
                                          0,
                                          0,
                                          CONTROL_IF_NONE,
                                          CONTROL_IF_ANY,
                                          CONTROL_IF_VERSION,
                                          CONTROL_IF_ANY | CONTROL_IF_VERSION};
    struct control_change change = {
        .conditions = conditions[random(sizeof(conditions) / sizeof(conditions[0]))],
        .fields = random(CONTROL_ALL_FIELDS + 1),
        .settings = some_settings(random)};
    if (random(40) == 0)
        change.settings.peers_max = CONTROL_PEERS_MAX + 1;
    control_change_add(out, &change);
}

static void some_query(struct buf *out, uint32_t (*random)(uint32_t))
{
    control_query_add(out, &(struct control_query){.prefix = some_text(random),
                                                   .after = some_text(random),
                                                   .limit = random(4)});
}

void alike_random_data(struct buf *out, enum control_op op, uint32_t (*random)(uint32_t))
{
    switch (op) {
    case CONTROL_SET: some_change(out, random); break;
    case CONTROL_LIST: some_query(out, random); break;
    case CONTROL_NOTICE: buf_add_slice(out, some_text(random)); break;
    case CONTROL_KICK:
        control_ban_time_add(out,
                             &(struct control_ban_time){random(3) == 0 ? CONTROL_TIME_MAX : 0});
        break;
    default: break;
    }
    if (random(40) == 0)
        buf_add_char(out, 'x');
    if (out->len > 0 && random(40) == 0)
        out->len = random((uint32_t)out->len);
}

void alike_random_settings(struct buf *out, uint64_t version, uint32_t (*random)(uint32_t))
{
    struct control_settings settings = some_settings(random);
    struct buf bans;
    buf_init(&bans, BYTES_MAX);
    for (uint32_t i = random(3); i > 0; i--)
        control_ban_add(&bans,
                        &(struct control_ban){.peer = SLICE("p"), .until = (uint64_t)4 << 41});
    settings.version = version;
    settings.bans = buf_slice(&bans);
    control_settings_add(out, &settings);
    buf_done(&bans);
}
