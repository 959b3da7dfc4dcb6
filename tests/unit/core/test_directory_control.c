/* What administrators ask of the directory, and who is let in because of it. */
#include "core/directory_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "core/control.h"

#define A ((worker_id)20)
#define B ((worker_id)21)
#define C ((worker_id)22)
#define ADMIN ((worker_id)30)

/* What is said to the administrator's worker is looked at here, the rest by expect(). */
static struct {
    int error;
    enum control_outcome outcome;
    uint64_t version;
    char data[8192];
    size_t len;
} answer;

static void on_controlled(const struct frame *frame)
{
    assert_int_equal(frame->to, ADMIN);
    assert_int_equal(frame->request, 7);
    answer.error = frame->error;
    answer.outcome = frame->reason;
    answer.version = frame->version;
    answer.len = frame->data.len;
    assert_true(frame->data.len <= sizeof(answer.data));
    if (frame->data.len > 0)
        memcpy(answer.data, frame->data.ptr, frame->data.len);
}

static struct slice answered(void)
{
    return (struct slice){answer.data, answer.len};
}

static void control_in(const char *room, enum control_op op, const char *peer, struct slice data,
                       uint64_t version)
{
    fixture_on_controlled = on_controlled;
    answer.outcome = CONTROL_OUTCOME_COUNT;
    directory_on_frame(directory, &(struct frame){.kind = FRAME_CONTROL,
                                                  .from = ADMIN,
                                                  .to = DIRECTORY,
                                                  .request = 7,
                                                  .reason = op,
                                                  .room = slice_of(room),
                                                  .peer = slice_of(peer),
                                                  .version = version,
                                                  .data = data});
    assert_int_not_equal(answer.outcome, CONTROL_OUTCOME_COUNT);
}

static enum control_outcome control(enum control_op op, const char *peer, struct slice data)
{
    control_in("room", op, peer, data, 0);
    return answer.outcome;
}

static enum control_outcome set_in(const char *room, struct control_settings settings,
                                   unsigned fields, unsigned conditions, uint64_t version)
{
    struct buf data;
    buf_init(&data, 10000);
    control_change_add(
        &data,
        &(struct control_change){.settings = settings, .fields = fields, .conditions = conditions});
    control_in(room, CONTROL_SET, "", buf_slice(&data), version);
    buf_done(&data);
    return answer.outcome;
}

static enum control_outcome set(struct control_settings settings, unsigned fields)
{
    return set_in("room", settings, fields, 0, 0);
}

static enum control_outcome kick(const char *peer, uint64_t ban)
{
    struct buf data;
    buf_init(&data, 100);
    control_ban_time_add(&data, &(struct control_ban_time){ban});
    control(CONTROL_KICK, peer, buf_slice(&data));
    buf_done(&data);
    return answer.outcome;
}

static unsigned reached(void)
{
    struct control_reached reached;
    assert_int_equal(answer.error, 0);
    assert_true(control_reached_read(answered(), &reached));
    return reached.count;
}

static void pass(uint64_t ms)
{
    now += ms;
    directory_tick(directory, now);
}

static void ann_and_ben(void)
{
    join(A, "ann", 'a');
    join(B, "ben", 'b');
    expect("20:room entered w=20\n20:joined ben w=21 {}\n21:room entered w=21\n");
}

/* ---- describing */

static void a_room_is_described_with_its_members(void **state)
{
    struct control_description description;
    struct control_member member;
    unsigned seen = 0;
    (void)state;
    say(&(struct frame){.kind = FRAME_JOIN,
                        .from = A,
                        .peer = SLICE("ann"),
                        .secret = secret('a'),
                        .info = SLICE("{\"n\":1}"),
                        .address = SLICE("192.0.2.1")});
    pass(5000);
    join(B, "ben", 'b');
    say(&(struct frame){
        .kind = FRAME_AWAY, .from = B, .peer = SLICE("ben"), .secret = secret('b')});
    assert_int_equal(control(CONTROL_DESCRIBE, "", SLICE_NONE), CONTROL_DONE);
    assert_int_equal(answer.version, 0);
    assert_true(control_description_read(answered(), &description));
    assert_int_equal(description.settings.len, 0);
    while (control_member_next(&description.members, &member)) {
        bool is_ann = slice_is(member.peer, "ann");
        seen |= is_ann ? 1 : 2;
        assert_true(slice_is(member.info, is_ann ? "{\"n\":1}" : "{}"));
        assert_true(slice_is(member.address, is_ann ? "192.0.2.1" : ""));
        assert_int_equal(member.since, FIXTURE_UNIX + (is_ann ? 0 : 5000));
        assert_int_equal(member.worker, is_ann ? A : B);
        assert_int_equal(member.away, !is_ann);
    }
    assert_int_equal(seen, 3);
    control_in("other", CONTROL_DESCRIBE, "", SLICE_NONE, 0);
    assert_int_equal(answer.outcome, CONTROL_NO_ROOM);
}

static void who_resumes_elsewhere_has_joined_when_it_joined(void **state)
{
    struct control_description description;
    struct control_member member;
    (void)state;
    join(A, "ann", 'a');
    pass(5000);
    say(&(struct frame){.kind = FRAME_RESUME,
                        .from = B,
                        .peer = SLICE("ann"),
                        .secret = secret('b'),
                        .proof = secret('a'),
                        .address = SLICE("192.0.2.2")});
    control(CONTROL_DESCRIBE, "", SLICE_NONE);
    assert_true(control_description_read(answered(), &description));
    assert_true(control_member_next(&description.members, &member));
    assert_int_equal(member.since, FIXTURE_UNIX);
    assert_true(slice_is(member.address, "192.0.2.2"));
    assert_int_equal(member.worker, B);
}

/* ---- settings */

static void a_room_is_made_and_lives_empty_for_its_time(void **state)
{
    (void)state;
    assert_int_equal(set((struct control_settings){.empty_ttl = 600000}, CONTROL_EMPTY_TTL),
                     CONTROL_CREATED);
    assert_int_equal(directory_rooms(directory), 1);
    pass(599000);
    assert_int_equal(directory_rooms(directory), 1);
    pass(2000);
    assert_int_equal(directory_rooms(directory), 0);
}

static void one_that_nobody_enters_lives_for_a_minute_at_least(void **state)
{
    (void)state;
    set((struct control_settings){.locked = true}, CONTROL_LOCKED);
    pass(CONTROL_UNENTERED_TTL - 1000);
    assert_int_equal(directory_rooms(directory), 1);
    pass(2000);
    assert_int_equal(directory_rooms(directory), 0);
}

static void it_lives_for_its_time_after_each_that_leaves(void **state)
{
    (void)state;
    set((struct control_settings){.empty_ttl = 600000}, CONTROL_EMPTY_TTL);
    pass(500000);
    join(A, "ann", 'a');
    pass(500000);
    say(&(struct frame){
        .kind = FRAME_LEAVE, .from = A, .peer = SLICE("ann"), .secret = secret('a')});
    pass(599000);
    assert_int_equal(directory_rooms(directory), 1);
    pass(2000);
    assert_int_equal(directory_rooms(directory), 0);
}

static void only_the_fields_that_are_named_change(void **state)
{
    struct control_settings read;
    (void)state;
    set((struct control_settings){.locked = true, .peers_max = 5, .metadata = SLICE("{\"a\":1}")},
        CONTROL_ALL_FIELDS);
    uint64_t first = answer.version;
    assert_int_equal(set((struct control_settings){.locked = false}, CONTROL_LOCKED), CONTROL_DONE);
    assert_true(answer.version > first);
    assert_true(control_settings_read(answered(), &read));
    assert_int_equal(read.version, answer.version);
    assert_false(read.locked);
    assert_int_equal(read.peers_max, 5);
    assert_true(slice_is(read.metadata, "{\"a\":1}"));
}

static void conditions_are_kept_to(void **state)
{
    const struct control_settings none = {0};
    (void)state;
    assert_int_equal(set_in("room", none, 0, CONTROL_IF_ANY, 0), CONTROL_NO_ROOM);
    assert_int_equal(set_in("room", none, 0, CONTROL_IF_VERSION, 0), CONTROL_CONFLICT);
    assert_int_equal(set_in("room", none, 0, CONTROL_IF_NONE, 0), CONTROL_CREATED);
    uint64_t version = answer.version;
    assert_int_equal(set_in("room", none, 0, CONTROL_IF_NONE, 0), CONTROL_CONFLICT);
    assert_int_equal(answer.version, version);
    assert_int_equal(set_in("room", none, 0, CONTROL_IF_VERSION, version + 1), CONTROL_CONFLICT);
    assert_int_equal(set_in("room", none, 0, CONTROL_IF_ANY | CONTROL_IF_VERSION, version),
                     CONTROL_DONE);
    assert_int_equal(set_in("room", none, 0, CONTROL_IF_VERSION, version), CONTROL_CONFLICT);
    assert_int_equal(set_in("room", none, CONTROL_ALL_FIELDS + 1, 0, 0), CONTROL_INVALID);
    assert_int_equal(set_in("", none, 0, 0, 0), CONTROL_INVALID);
}

static void there_are_no_more_rooms_than_may_be(void **state)
{
    (void)state;
    set_in("one", (struct control_settings){0}, 0, 0, 0);
    set_in("two", (struct control_settings){0}, 0, 0, 0);
    assert_int_equal(set_in("three", (struct control_settings){0}, 0, 0, 0), CONTROL_FULL);
    assert_int_equal(directory_rooms(directory), 2);
}

static void who_hosts_the_room_is_told_of_its_settings(void **state)
{
    (void)state;
    ann_and_ben();
    uint64_t before = last_version();
    set((struct control_settings){.locked = true}, CONTROL_LOCKED);
    expect("20:settings\n21:settings\n");
    assert_int_equal(last_version(), before + 1);
    assert_int_equal(answer.version, before + 1);
}

/* ---- who is let in */

static struct frame entrant(const char *peer, char byte, uint32_t flags)
{
    return (struct frame){.kind = FRAME_JOIN,
                          .from = C,
                          .peer = slice_of(peer),
                          .secret = secret(byte),
                          .flags = flags};
}

static void let_in(const char *peer, char byte, uint32_t flags)
{
    struct frame frame = entrant(peer, byte, flags);
    say(&frame);
}

static void a_locked_room_is_for_those_who_are_in_and_administrators(void **state)
{
    (void)state;
    ann_and_ben();
    set((struct control_settings){.locked = true}, CONTROL_LOCKED);
    expect("20:settings\n21:settings\n");
    let_in("cat", 'c', JOIN_PROVEN);
    expect("22:refused e=room-locked\n");
    resume(A, "ben", 'd', 'b');
    expect("21:moved ben w=20\n20:room taken-over w=21\n");
}

static void an_administrator_enters_a_locked_room(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    set((struct control_settings){.locked = true}, CONTROL_LOCKED);
    expect("20:room entered w=20\n20:settings\n");
    let_in("cat", 'c', JOIN_ADMIN);
    expect("20:joined cat w=22 {}\n22:room entered w=22\n");
}

static void who_proves_to_be_a_member_replaces_it(void **state)
{
    (void)state;
    ann_and_ben();
    set((struct control_settings){.locked = true}, CONTROL_LOCKED);
    expect("20:settings\n21:settings\n");
    let_in("ben", 'c', JOIN_PROVEN);
    expect("20:left ben r=3\n21:left ben r=3\n20:joined ben w=22 {}\n22:room entered w=22\n");
    assert_string_equal(roster(), "ann@20 ben@22");
}

static void a_room_has_a_limit_of_its_own(void **state)
{
    (void)state;
    ann_and_ben();
    set((struct control_settings){.peers_max = 2}, CONTROL_MAX_PEERS);
    expect("20:settings\n21:settings\n");
    let_in("cat", 'c', 0);
    expect("22:refused e=room-full\n");
    let_in("ben", 'c', JOIN_PROVEN); /* takes a place that it has */
    expect("20:left ben r=3\n21:left ben r=3\n20:joined ben w=22 {}\n22:room entered w=22\n");
    set((struct control_settings){.peers_max = 10}, CONTROL_MAX_PEERS);
    expect("20:settings\n22:settings\n");
    join(A, "dan", 'd');
    expect("22:joined dan w=20 {}\n20:room entered w=20\n");
    join(A, "eve", 'e'); /* more than the limit of the configuration, which is 3 */
    expect("22:joined eve w=20 {}\n20:room entered w=20\n");
}

static void who_asks_may_be_content_with_fewer(void **state)
{
    (void)state;
    ann_and_ben();
    struct frame cat = entrant("cat", 'c', 0);
    cat.peers_max = 2;
    say(&cat);
    expect("22:refused e=room-full\n");
    cat.peers_max = 3;
    say(&cat);
    expect("20:joined cat w=22 {}\n21:joined cat w=22 {}\n22:room entered w=22\n");
}

static void a_ticket_lets_in_once(void **state)
{
    (void)state;
    struct frame ann = entrant("ann", 'a', 0), ben = entrant("ben", 'b', 0);
    ann.ticket = ben.ticket = SLICE("ticket");
    ann.ticket_ms = ben.ticket_ms = 60000;
    say(&ann);
    expect("22:room entered w=22\n");
    say(&ann); /* the answer was lost */
    expect("22:room entered w=22\n");
    say(&ben);
    expect("22:refused e=unauthorized\n");
    pass(59000);
    say(&ben);
    expect("22:refused e=unauthorized\n");
    pass(2000); /* by then it has expired */
    say(&ben);
    expect("22:room entered w=22\n");
}

static void a_ticket_is_not_used_up_by_a_refusal(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    set((struct control_settings){.locked = true}, CONTROL_LOCKED);
    struct frame ben = entrant("ben", 'b', 0);
    ben.ticket = SLICE("ticket");
    ben.ticket_ms = 60000;
    say(&ben);
    set((struct control_settings){.locked = false}, CONTROL_LOCKED);
    expect("20:room entered w=20\n20:settings\n22:refused e=room-locked\n20:settings\n");
    say(&ben);
    expect("20:joined ben w=22 {}\n22:room entered w=22\n");
}

/* ---- kicked, banned, closed */

static void a_kicked_peer_leaves_and_its_holder_is_told(void **state)
{
    (void)state;
    ann_and_ben();
    assert_int_equal(kick("ben", 0), CONTROL_DONE);
    expect("20:left ben r=2\n21:left ben r=2\n");
    assert_int_equal(reached(), 1);
    assert_int_equal(kick("ben", 0), CONTROL_NO_PEER);
    resume(B, "ben", 'c', 'b');
    expect("21:refused e=forbidden\n");
    join(B, "ben", 'd');
    expect("20:joined ben w=21 {}\n21:room entered w=21\n");
    assert_int_equal(kick("", 0), CONTROL_INVALID);
}

static void the_room_goes_with_the_last_that_is_kicked(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    expect("20:room entered w=20\n");
    kick("ann", 0);
    expect("20:left ann r=2\n");
    assert_int_equal(directory_rooms(directory), 0);
    assert_int_equal(kick("ann", 0), CONTROL_NO_ROOM);
}

static void a_ban_outlives_the_room_that_is_empty(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    expect("20:room entered w=20\n");
    kick("ann", 3600000);
    expect("20:settings\n20:left ann r=2\n");
    pass(3599000);
    join(A, "ann", 'b');
    expect("20:refused e=forbidden\n");
    assert_int_equal(directory_rooms(directory), 1);
    pass(2000);
    assert_int_equal(directory_rooms(directory), 0);
    join(A, "ann", 'b');
    expect("20:room entered w=20\n");
}

static void one_that_is_not_there_may_be_banned(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    expect("20:room entered w=20\n");
    assert_int_equal(kick("ben", 60000), CONTROL_DONE);
    assert_int_equal(reached(), 0);
    expect("20:settings\n");
    join(B, "ben", 'b');
    expect("21:refused e=forbidden\n");
}

static void there_are_no_more_bans_than_may_be(void **state)
{
    char name[16];
    (void)state;
    join(A, "ann", 'a');
    for (unsigned i = 0; i < CONTROL_BANS_MAX; i++) {
        snprintf(name, sizeof(name), "p%u", i);
        assert_int_equal(kick(name, 60000 + i), CONTROL_DONE);
    }
    assert_int_equal(kick("one more", 60000), CONTROL_FULL);
    assert_int_equal(kick("p3", 90000), CONTROL_DONE); /* another in place of its own */
    pass(60050);
    assert_int_equal(kick("one more", 60000), CONTROL_DONE); /* those that are over don't count */
}

static void a_closed_room_is_gone_and_all_hosts_are_told(void **state)
{
    (void)state;
    ann_and_ben();
    assert_int_equal(control(CONTROL_CLOSE, "", SLICE_NONE), CONTROL_DONE);
    assert_int_equal(reached(), 2);
    expect("20:closed\n21:closed\n");
    assert_int_equal(directory_rooms(directory), 0);
    assert_int_equal(control(CONTROL_CLOSE, "", SLICE_NONE), CONTROL_NO_ROOM);
    resume(B, "ben", 'c', 'b');
    expect("21:refused e=room-closed\n");
    join(B, "ben", 'c');
    expect("21:room entered w=21\n");
}

static void restore(worker_id worker, const char *peer, char byte, char proof)
{
    say(&(struct frame){.kind = FRAME_RESTORE,
                        .from = worker,
                        .peer = slice_of(peer),
                        .secret = secret(byte),
                        .proof = secret(proof),
                        .info = SLICE("{}")});
}

static void what_was_ended_is_not_restored(void **state)
{
    (void)state;
    ann_and_ben();
    resume(B, "ben", 'c', 'b');
    kick("ben", 0);
    expect("20:moved ben w=21\n21:room taken-over w=21\n20:left ben r=2\n21:left ben r=2\n");
    restore(B, "ben", 'c', 'b');
    restore(B, "ben", 'b', 0);
    restore(B, "ben", 'x', 'c'); /* a take-over that the directory has lost */
    expect("21:evicted ben r=2\n21:evicted ben r=2\n21:evicted ben r=2\n");
    control(CONTROL_CLOSE, "", SLICE_NONE);
    expect("20:closed\n");
    restore(A, "ann", 'a', 0);
    expect("20:evicted ann r=4\n");
    assert_int_equal(directory_rooms(directory), 0);
    pass(601000);
    restore(A, "ann", 'a', 0);
    expect("");
    assert_int_equal(directory_rooms(directory), 1);
}

/* ---- notices, lists */

static void a_notice_goes_to_the_hosts_of_who_is_meant(void **state)
{
    (void)state;
    ann_and_ben();
    assert_int_equal(control(CONTROL_NOTICE, "", SLICE("1")), CONTROL_DONE);
    expect("20:notice 1\n21:notice 1\n");
    assert_int_equal(reached(), 2);
    assert_int_equal(control(CONTROL_NOTICE, "ben", SLICE("2")), CONTROL_DONE);
    expect("21:notice ben 2\n");
    assert_int_equal(control(CONTROL_NOTICE, "cat", SLICE("3")), CONTROL_NO_PEER);
    say(&(struct frame){
        .kind = FRAME_AWAY, .from = B, .peer = SLICE("ben"), .secret = secret('b')});
    expect("20:gone-away ben w=21\n21:gone-away ben w=21\n");
    assert_int_equal(control(CONTROL_NOTICE, "ben", SLICE("4")), CONTROL_DONE);
    assert_int_equal(reached(), 0);
    expect("");
    assert_int_equal(control(CONTROL_NOTICE, "", SLICE("")), CONTROL_INVALID);
}

static void list(const char *prefix, const char *after, uint32_t limit, const char *expected,
                 bool more)
{
    struct control_listing listing;
    struct control_listed listed;
    char names[200] = "";
    struct buf data;
    buf_init(&data, 1000);
    control_query_add(&data, &(struct control_query){.prefix = slice_of(prefix),
                                                     .after = slice_of(after),
                                                     .limit = limit});
    control_in("", CONTROL_LIST, "", buf_slice(&data), 0);
    buf_done(&data);
    assert_true(control_listing_read(answered(), &listing));
    assert_int_equal(listing.more, more);
    while (control_listed_next(&listing.entries, &listed))
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%.*s:%u%s ",
                 (int)listed.room.len, listed.room.ptr, listed.members, listed.locked ? "L" : "");
    assert_string_equal(names, expected);
}

static void join_room(const char *room, const char *peer, char byte)
{
    say(&(struct frame){.kind = FRAME_JOIN,
                        .from = A,
                        .room = slice_of(room),
                        .peer = slice_of(peer),
                        .secret = secret(byte)});
}

static void rooms_are_listed_in_the_order_of_bytes(void **state)
{
    (void)state;
    fixture_limits(0, 0);
    join_room("b", "ann", 'a');
    join_room("b", "ben", 'b');
    join_room("B", "ann", 'c');
    join_room("ba", "ann", 'd');
    join_room("\xc3\xa9", "ann", 'e');
    set_in("a", (struct control_settings){.locked = true}, CONTROL_LOCKED, 0, 0);
    list("", "", 10, "B:1 a:0L b:2 ba:1 \xc3\xa9:1 ", false);
    list("", "", 2, "B:1 a:0L ", true);
    list("", "a", 2, "b:2 ba:1 ", true);
    list("", "b", 2, "ba:1 \xc3\xa9:1 ", false);
    list("b", "", 10, "b:2 ba:1 ", false);
    list("b", "b", 10, "ba:1 ", false);
    list("x", "", 10, "", false);
}

static void only_administrators_make_rooms_where_that_is_so(void **state)
{
    (void)state;
    fixture_made_rooms_only();
    join(A, "ann", 'a');
    expect("20:refused e=room-closed\n");
    set((struct control_settings){0}, 0);
    join(A, "ann", 'a');
    expect("20:room entered w=20\n");
}

static void what_there_is_no_memory_for_changes_nothing(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 30; n++) {
        mem_fail_nth(n);
        set((struct control_settings){.metadata = SLICE("{}")}, CONTROL_ALL_FIELDS);
        mem_fail_nth(0);
        if (answer.error == 0)
            return;
        assert_int_equal(answer.error, ERR_UNAVAILABLE);
        control(CONTROL_CLOSE, "", SLICE_NONE);
    }
    fail_msg("it fails for ever");
}

static void what_is_no_op_is_refused(void **state)
{
    (void)state;
    assert_int_equal(control(CONTROL_OP_COUNT, "", SLICE_NONE), CONTROL_INVALID);
    assert_int_equal(control(CONTROL_LIST, "", SLICE("x")), CONTROL_INVALID);
}

static int teardown(void **state)
{
    fixture_on_controlled = NULL;
    return fixture_teardown(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_room_is_described_with_its_members),
        TEST(who_resumes_elsewhere_has_joined_when_it_joined),
        TEST(a_room_is_made_and_lives_empty_for_its_time),
        TEST(one_that_nobody_enters_lives_for_a_minute_at_least),
        TEST(it_lives_for_its_time_after_each_that_leaves),
        TEST(only_the_fields_that_are_named_change),
        TEST(conditions_are_kept_to),
        TEST(there_are_no_more_rooms_than_may_be),
        TEST(who_hosts_the_room_is_told_of_its_settings),
        TEST(a_locked_room_is_for_those_who_are_in_and_administrators),
        TEST(an_administrator_enters_a_locked_room),
        TEST(who_proves_to_be_a_member_replaces_it),
        TEST(a_room_has_a_limit_of_its_own),
        TEST(who_asks_may_be_content_with_fewer),
        TEST(a_ticket_lets_in_once),
        TEST(a_ticket_is_not_used_up_by_a_refusal),
        TEST(a_kicked_peer_leaves_and_its_holder_is_told),
        TEST(the_room_goes_with_the_last_that_is_kicked),
        TEST(a_ban_outlives_the_room_that_is_empty),
        TEST(one_that_is_not_there_may_be_banned),
        TEST(there_are_no_more_bans_than_may_be),
        TEST(a_closed_room_is_gone_and_all_hosts_are_told),
        TEST(what_was_ended_is_not_restored),
        TEST(a_notice_goes_to_the_hosts_of_who_is_meant),
        TEST(rooms_are_listed_in_the_order_of_bytes),
        TEST(only_administrators_make_rooms_where_that_is_so),
        TEST(what_there_is_no_memory_for_changes_nothing),
        TEST(what_is_no_op_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
