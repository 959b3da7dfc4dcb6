/* The documents of control.h come out as they went in, and what is cut short, too long or over a
 * maximum is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/control.h"

static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, CONTROL_ANSWER_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_done(&out);
    return 0;
}

static void add_ban(struct buf *bans, const char *peer, uint64_t until)
{
    control_ban_add(bans, &(struct control_ban){.peer = slice_of(peer), .until = until});
}

static void settings_survive(void **state)
{
    (void)state;
    struct buf bans;
    buf_init(&bans, 1000);
    add_ban(&bans, "ann", 0x0102030405060708);
    add_ban(&bans, "bob", 7);
    control_settings_add(&out, &(struct control_settings){.version = 0x1112131415161718,
                                                          .locked = true,
                                                          .peers_max = 12,
                                                          .empty_ttl = 34000,
                                                          .metadata = SLICE("{\"a\":1}"),
                                                          .bans = buf_slice(&bans)});
    struct control_settings read;
    struct control_ban ban;
    assert_true(control_settings_read(buf_slice(&out), &read));
    assert_int_equal(read.version, 0x1112131415161718);
    assert_true(read.locked);
    assert_int_equal(read.peers_max, 12);
    assert_int_equal(read.empty_ttl, 34000);
    assert_true(slice_is(read.metadata, "{\"a\":1}"));
    assert_true(control_ban_next(&read.bans, &ban));
    assert_true(slice_is(ban.peer, "ann"));
    assert_int_equal(ban.until, 0x0102030405060708);
    assert_true(control_ban_next(&read.bans, &ban));
    assert_false(control_ban_next(&read.bans, &ban));
    assert_int_equal(read.bans.len, 0);
    buf_done(&bans);
}

static void nothing_is_settings_that_nobody_set(void **state)
{
    (void)state;
    struct control_settings read;
    assert_true(control_settings_read(SLICE_NONE, &read));
    assert_int_equal(read.version, 0);
    assert_false(read.locked);
    assert_int_equal(read.metadata.len, 0);
}

static void add_change(struct control_settings settings, unsigned fields, unsigned conditions)
{
    buf_clear(&out);
    control_change_add(&out, &(struct control_change){
                                 .settings = settings, .fields = fields, .conditions = conditions});
}

static void a_change_survives_within_its_maxima(void **state)
{
    (void)state;
    static char long_text[CONTROL_METADATA_MAX + 1];
    struct control_change read;
    add_change((struct control_settings){.locked = true,
                                         .peers_max = CONTROL_PEERS_MAX,
                                         .empty_ttl = CONTROL_TIME_MAX,
                                         .metadata = {long_text, CONTROL_METADATA_MAX}},
               CONTROL_ALL_FIELDS, CONTROL_IF_NONE | CONTROL_IF_VERSION);
    assert_true(control_change_read(buf_slice(&out), &read));
    assert_int_equal(read.fields, CONTROL_ALL_FIELDS);
    assert_int_equal(read.conditions, CONTROL_IF_NONE | CONTROL_IF_VERSION);
    assert_int_equal(read.settings.metadata.len, CONTROL_METADATA_MAX);
    add_change((struct control_settings){.peers_max = CONTROL_PEERS_MAX + 1}, 1, 0);
    assert_false(control_change_read(buf_slice(&out), &read));
    add_change((struct control_settings){.empty_ttl = CONTROL_TIME_MAX + 1}, 1, 0);
    assert_false(control_change_read(buf_slice(&out), &read));
    add_change((struct control_settings){.metadata = {long_text, sizeof(long_text)}}, 1, 0);
    assert_false(control_change_read(buf_slice(&out), &read));
    add_change((struct control_settings){.locked = false}, CONTROL_ALL_FIELDS + 1, 0);
    assert_false(control_change_read(buf_slice(&out), &read));
    add_change((struct control_settings){.locked = false}, 0, 8);
    assert_false(control_change_read(buf_slice(&out), &read));
}

static void a_description_survives(void **state)
{
    (void)state;
    control_description_begin(&out, SLICE("settings"));
    control_member_add(&out, &(struct control_member){.peer = SLICE("ann"),
                                                      .info = SLICE("{}"),
                                                      .away = true,
                                                      .since = 1234567890123,
                                                      .worker = 77,
                                                      .address = SLICE("2001:db8::1")});
    struct control_description read;
    struct control_member member;
    assert_true(control_description_read(buf_slice(&out), &read));
    assert_true(slice_is(read.settings, "settings"));
    assert_true(control_member_next(&read.members, &member));
    assert_true(slice_is(member.peer, "ann"));
    assert_true(slice_is(member.info, "{}"));
    assert_true(slice_is(member.address, "2001:db8::1"));
    assert_true(member.away);
    assert_int_equal(member.since, 1234567890123);
    assert_int_equal(member.worker, 77);
    assert_false(control_member_next(&read.members, &member));
    assert_int_equal(read.members.len, 0);
}

static void a_query_survives_within_its_maxima(void **state)
{
    (void)state;
    struct control_query read;
    control_query_add(&out, &(struct control_query){.prefix = SLICE("a"),
                                                    .after = SLICE("ab"),
                                                    .limit = CONTROL_LIST_MAX});
    assert_true(control_query_read(buf_slice(&out), &read));
    assert_true(slice_is(read.prefix, "a"));
    assert_true(slice_is(read.after, "ab"));
    assert_int_equal(read.limit, CONTROL_LIST_MAX);
    for (uint32_t limit = 0; limit <= CONTROL_LIST_MAX + 1; limit += CONTROL_LIST_MAX + 1) {
        buf_clear(&out);
        control_query_add(&out, &(struct control_query){.limit = limit});
        assert_false(control_query_read(buf_slice(&out), &read));
    }
}

static void listings_survive(void **state)
{
    (void)state;
    struct buf names;
    struct control_listing read;
    struct control_listed listed;
    struct control_worker worker;
    struct slice name;
    buf_init(&names, 1000);
    control_name_add(&names, SLICE("redis:6379"));
    control_listing_begin(&out,
                          &(struct control_listing){
                              .more = true, .shards = 3, .missing = 1, .names = buf_slice(&names)});
    size_t head = out.len;
    control_listed_add(&out, &(struct control_listed){SLICE("room"), 3, true, 9});
    assert_true(control_listing_read(buf_slice(&out), &read));
    assert_true(read.more);
    assert_int_equal(read.shards, 3);
    assert_int_equal(read.missing, 1);
    assert_true(control_name_next(&read.names, &name));
    assert_true(slice_is(name, "redis:6379"));
    assert_true(control_listed_next(&read.entries, &listed));
    assert_true(slice_is(listed.room, "room"));
    assert_int_equal(listed.members, 3);
    assert_true(listed.locked);
    assert_int_equal(listed.version, 9);
    assert_int_equal(read.entries.len, 0);
    out.len = head;
    control_worker_add(&out, &(struct control_worker){0x123456789abcd, true, SLICE("{}")});
    assert_true(control_listing_read(buf_slice(&out), &read));
    assert_true(control_worker_next(&read.entries, &worker));
    assert_int_equal(worker.worker, 0x123456789abcd);
    assert_true(worker.fresh);
    assert_true(slice_is(worker.card, "{}"));
    assert_false(control_worker_next(&read.entries, &worker));
    buf_done(&names);
}

static void small_documents_survive(void **state)
{
    (void)state;
    struct control_ban_time ban;
    struct control_reached reached;
    control_ban_time_add(&out, &(struct control_ban_time){CONTROL_TIME_MAX});
    assert_true(control_ban_time_read(buf_slice(&out), &ban));
    assert_int_equal(ban.ms, CONTROL_TIME_MAX);
    buf_clear(&out);
    control_ban_time_add(&out, &(struct control_ban_time){CONTROL_TIME_MAX + 1});
    assert_false(control_ban_time_read(buf_slice(&out), &ban));
    buf_clear(&out);
    control_reached_add(&out, &(struct control_reached){5});
    assert_true(control_reached_read(buf_slice(&out), &reached));
    assert_int_equal(reached.count, 5);
}

/* ---- broken ones: each is a whole document, and is none when cut anywhere or with a byte more */

static bool read_settings(struct slice data)
{
    struct control_settings settings;
    return data.len > 0 && control_settings_read(data, &settings);
}

static bool read_change(struct slice data)
{
    struct control_change change;
    return control_change_read(data, &change);
}

static bool read_member(struct slice data)
{
    struct control_member member;
    return control_member_next(&data, &member) && data.len == 0;
}

static bool read_query(struct slice data)
{
    struct control_query query;
    return control_query_read(data, &query);
}

static bool read_listed(struct slice data)
{
    struct control_listed listed;
    return control_listed_next(&data, &listed) && data.len == 0;
}

static bool read_worker(struct slice data)
{
    struct control_worker worker;
    return control_worker_next(&data, &worker) && data.len == 0;
}

static bool read_ban_time(struct slice data)
{
    struct control_ban_time ban;
    return control_ban_time_read(data, &ban);
}

static bool read_reached(struct slice data)
{
    struct control_reached reached;
    return control_reached_read(data, &reached);
}

static void is_none_when_cut(bool (*read)(struct slice))
{
    assert_true(read(buf_slice(&out)));
    for (size_t len = 0; len < out.len; len++)
        assert_false(read((struct slice){out.data, len}));
    buf_add_char(&out, '\1');
    assert_false(read(buf_slice(&out)));
    buf_clear(&out);
}

static void what_is_cut_short_or_too_long_is_none(void **state)
{
    (void)state;
    control_settings_add(&out, &(struct control_settings){.metadata = SLICE("{}")});
    is_none_when_cut(read_settings);
    control_change_add(&out, &(struct control_change){.settings.metadata = SLICE("{}")});
    is_none_when_cut(read_change);
    control_member_add(&out, &(struct control_member){.peer = SLICE("p"), .address = SLICE("a")});
    is_none_when_cut(read_member);
    control_query_add(&out, &(struct control_query){.prefix = SLICE("p"), .limit = 1});
    is_none_when_cut(read_query);
    control_listed_add(&out, &(struct control_listed){.room = SLICE("r")});
    is_none_when_cut(read_listed);
    control_worker_add(&out, &(struct control_worker){.card = SLICE("{}")});
    is_none_when_cut(read_worker);
    control_ban_time_add(&out, &(struct control_ban_time){1});
    is_none_when_cut(read_ban_time);
    control_reached_add(&out, &(struct control_reached){1});
    is_none_when_cut(read_reached);
}

static void bans_that_are_broken_are_none(void **state)
{
    (void)state;
    struct control_settings settings;
    struct buf bans;
    buf_init(&bans, 1000);
    add_ban(&bans, "a\nb", 1);
    control_settings_add(&out, &(struct control_settings){.bans = buf_slice(&bans)});
    assert_false(control_settings_read(buf_slice(&out), &settings));
    buf_done(&bans);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(settings_survive, setup, teardown),
        cmocka_unit_test(nothing_is_settings_that_nobody_set),
        cmocka_unit_test_setup_teardown(a_change_survives_within_its_maxima, setup, teardown),
        cmocka_unit_test_setup_teardown(a_description_survives, setup, teardown),
        cmocka_unit_test_setup_teardown(a_query_survives_within_its_maxima, setup, teardown),
        cmocka_unit_test_setup_teardown(listings_survive, setup, teardown),
        cmocka_unit_test_setup_teardown(small_documents_survive, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_cut_short_or_too_long_is_none, setup, teardown),
        cmocka_unit_test_setup_teardown(bans_that_are_broken_are_none, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
