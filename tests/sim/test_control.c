/* What administrators do to rooms and peers, and what it crosses on its way; situation by situation,
 * and at random. */
#include "core/control.h"
#include "sim/situation.h"

#define NO_DATA SLICE_NONE

static void control(enum control_op op, const char *peer, struct slice data)
{
    directory_on_frame(cluster.directory, &(struct frame){.kind = FRAME_CONTROL,
                                                          .from = cluster.ids[3],
                                                          .to = DIRECTORY,
                                                          .request = CONTROL_REQUESTS,
                                                          .reason = op,
                                                          .room = SLICE("room"),
                                                          .peer = slice_of(peer),
                                                          .data = data});
}

static void kick(const char *peer, uint64_t ban)
{
    struct buf data;
    buf_init(&data, 100);
    control_ban_time_add(&data, &(struct control_ban_time){ban});
    control(CONTROL_KICK, peer, buf_slice(&data));
    buf_done(&data);
}

static void lock(bool locked)
{
    struct buf data;
    buf_init(&data, 100);
    control_change_add(
        &data, &(struct control_change){.fields = CONTROL_LOCKED, .settings.locked = locked});
    control(CONTROL_SET, "", buf_slice(&data));
    buf_done(&data);
}

static void expect_out(const struct client *client, int code)
{
    assert_int_equal(client->closed, code);
}

static size_t sessions(void)
{
    size_t count = 0;
    for (int i = 0; i < CLUSTER_WORKERS; i++)
        if (cluster.exchanges[i] != NULL)
            count += exchange_count(cluster.exchanges[i]).sessions;
    return count;
}

static void expect_nothing_left(void)
{
    assert_int_equal(directory_rooms(cluster.directory), 0);
    assert_int_equal(sessions(), 0);
}

/* ---- closed rooms */

static void everybody_in_a_closed_room_is_closed_with_4004(void **state)
{
    (void)state;
    join_both(0, 1);
    control(CONTROL_CLOSE, "", NO_DATA);
    cluster_settle(&cluster);
    expect_out(&alice, CLOSE_ROOM_CLOSED);
    expect_out(&bob, CLOSE_ROOM_CLOSED);
    expect_nothing_left();
}

static void a_closed_room_may_be_joined_anew(void **state)
{
    (void)state;
    join_both(0, 1);
    control(CONTROL_CLOSE, "", NO_DATA);
    client_join(&carol, 0, "room", "alice");
    cluster_settle(&cluster);
    assert_true(carol.joined);
    assert_int_equal(
        cJSON_GetArraySize(cJSON_GetObjectItem(client_next(&carol, "joined"), "peers")), 0);
    expect_out(&alice, CLOSE_ROOM_CLOSED);
    assert_int_equal(sessions(), 1);
}

static void who_was_away_when_it_closed_hears_so(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    cluster_settle(&cluster);
    control(CONTROL_CLOSE, "", NO_DATA);
    cluster_settle(&cluster);
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    expect_error(&bob, "room-closed");
    expect_out(&bob, CLOSE_ROOM_CLOSED);
    expect_nothing_left();
}

static void a_worker_that_missed_it_closes_them_all_the_same(void **state)
{
    (void)state;
    join_both(0, 1);
    control(CONTROL_CLOSE, "", NO_DATA);
    buf_clear(&cluster.down[1]);
    cluster_settle(&cluster);
    assert_int_equal(bob.closed, 0);
    exchange_restore(cluster.exchanges[1]);
    cluster_settle(&cluster);
    expect_out(&bob, CLOSE_ROOM_CLOSED);
    expect_nothing_left();
}

/* ---- kicked peers */

static void expect_kicked(void)
{
    expect_out(&bob, CLOSE_KICKED);
    assert_string_equal(text_of(client_next(&alice, "peer-left"), "reason"), "kicked");
    assert_int_equal(sessions(), 1);
}

static void a_kicked_peer_is_closed_with_4005(void **state)
{
    (void)state;
    join_both(0, 1);
    kick("bob", 0);
    cluster_settle(&cluster);
    expect_kicked();
    client_join(&carol, 1, "room", "bob");
    cluster_settle(&cluster);
    assert_true(carol.joined);
}

static void a_banned_peer_is_let_in_once_the_ban_is_over(void **state)
{
    (void)state;
    join_both(0, 1);
    kick("bob", 60000);
    cluster_settle(&cluster);
    expect_kicked();
    client_join(&carol, 2, "room", "bob");
    cluster_settle(&cluster);
    expect_error(&carol, "forbidden");
    expect_out(&carol, CLOSE_FORBIDDEN);
    cluster_advance(&cluster, 61000);
    client_join(&dave, 2, "room", "bob");
    cluster_settle(&cluster);
    assert_true(dave.joined);
}

static void bob_comes_back_in_vain(void)
{
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    expect_error(&bob, "forbidden");
    expect_out(&bob, CLOSE_KICKED);
    assert_int_equal(sessions(), 1);
}

static void a_kicked_peer_that_was_away_hears_so(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    cluster_settle(&cluster);
    kick("bob", 0);
    cluster_settle(&cluster);
    assert_string_equal(text_of(client_next(&alice, "peer-left"), "reason"), "kicked");
    bob_comes_back_in_vain();
}

static void so_does_one_whose_worker_crashed(void **state)
{
    (void)state;
    join_both(0, 1);
    cluster_crash(&cluster, 1);
    bob.session = NULL;
    cluster_settle(&cluster);
    kick("bob", 0);
    cluster_settle(&cluster);
    assert_string_equal(text_of(client_next(&alice, "peer-left"), "reason"), "kicked");
    bob_comes_back_in_vain();
}

static void so_does_one_in_a_mailbox(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    cluster_settle(&cluster);
    exchange_deposit(cluster.exchanges[1]);
    cluster_settle(&cluster);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    kick("bob", 0);
    cluster_settle(&cluster);
    assert_string_equal(text_of(client_next(&alice, "peer-left"), "reason"), "kicked");
    bob_comes_back_in_vain();
    signal_number(&alice, "bob", 2);
    cluster_settle(&cluster);
    expect_error(&alice, "peer-not-found");
}

static void a_worker_that_missed_it_kicks_them_all_the_same(void **state)
{
    (void)state;
    join_both(0, 1);
    kick("bob", 0);
    buf_clear(&cluster.down[1]);
    cluster_settle(&cluster);
    assert_int_equal(bob.closed, 0);
    exchange_restore(cluster.exchanges[1]);
    cluster_settle(&cluster);
    expect_kicked();
}

/* ---- settings */

static void a_locked_room_lets_nobody_new_in(void **state)
{
    (void)state;
    join_both(0, 1);
    lock(true);
    client_drop(&bob);
    cluster_settle(&cluster);
    client_join(&carol, 2, "room", "carol");
    cluster_settle(&cluster);
    expect_error(&carol, "room-locked");
    expect_out(&carol, CLOSE_ROOM_LOCKED);
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    lock(false);
    client_join(&dave, 3, "room", "dave");
    cluster_settle(&cluster);
    assert_true(dave.joined);
}

static void a_directory_that_forgot_is_told_of_locks_and_bans(void **state)
{
    (void)state;
    join_both(0, 1);
    lock(true);
    kick("bob", 60000);
    lock(false);
    cluster_settle(&cluster);
    cluster_forget(&cluster);
    exchange_restore(cluster.exchanges[0]);
    cluster_settle(&cluster);
    client_join(&carol, 2, "room", "bob");
    cluster_settle(&cluster);
    expect_out(&carol, CLOSE_FORBIDDEN);
    lock(true);
    cluster_forget(&cluster);
    cluster_settle(&cluster);
    exchange_restore(cluster.exchanges[0]);
    cluster_settle(&cluster);
    client_join(&dave, 3, "room", "dave");
    cluster_settle(&cluster);
    expect_out(&dave, CLOSE_ROOM_LOCKED);
}

/* ---- notices */

static const char *noticed(struct client *client)
{
    const cJSON *notice = client_next(client, "notice");
    return notice == NULL ? NULL : cJSON_GetStringValue(cJSON_GetObjectItem(notice, "data"));
}

static void a_notice_reaches_who_is_here(void **state)
{
    (void)state;
    join_both(0, 1);
    client_join(&carol, 1, "room", "carol");
    cluster_settle(&cluster);
    client_drop(&carol);
    cluster_settle(&cluster);
    control(CONTROL_NOTICE, "", SLICE("\"all\""));
    control(CONTROL_NOTICE, "bob", SLICE("\"bob\""));
    control(CONTROL_NOTICE, "carol", SLICE("\"carol\""));
    cluster_settle(&cluster);
    assert_string_equal(noticed(&alice), "all");
    assert_null(noticed(&alice));
    assert_string_equal(noticed(&bob), "all");
    assert_string_equal(noticed(&bob), "bob");
    assert_null(noticed(&bob));
    client_resume(&carol, 2, "room");
    cluster_settle(&cluster);
    assert_true(carol.resumed);
    assert_null(noticed(&carol));
}

/* ---- what crosses what */

static bool is_in(const struct client *client)
{
    return client->session != NULL && client->joined && client->closed == 0;
}

static size_t members(void)
{
    client_join(&dave, 3, "room", "dave");
    cluster_settle(&cluster);
    if (!dave.joined)
        return 0;
    return (size_t)cJSON_GetArraySize(cJSON_GetObjectItem(client_next(&dave, "joined"), "peers"));
}

static void some_steps(uint32_t below)
{
    for (uint32_t steps = cluster_random(&cluster, below); steps > 0; steps--)
        cluster_step(&cluster);
}

/* Whoever is connected is a member, nobody else is, and nobody holds anything more. */
static void expect_agreement(void)
{
    cluster_settle(&cluster);
    size_t in = (size_t)is_in(&alice) + is_in(&bob) + is_in(&carol);
    assert_int_equal(members(), in);
    assert_int_equal(sessions(), in + 1);
}

/* Bob on another connection, while the first may still be open. */
static struct client again;

static void begin(uint64_t seed)
{
    teardown(NULL);
    setup(NULL);
    client_init(&again, &cluster);
    cluster.random = seed * 7919;
    join_both(0, 1);
    if (seed % 2 == 0)
        client_drop(&bob);
    some_steps(4);
}

static void bob_resumes(int worker)
{
    memcpy(again.peer, bob.peer, sizeof(again.peer));
    memcpy(again.session_text, bob.session_text, sizeof(again.session_text));
    client_resume(&again, worker, "room");
    some_steps(8);
}

static void expect_bob_out(int code)
{
    expect_out(&again, code);
    if (bob.closed != CLOSE_TAKEN_OVER && bob.closed != 0)
        expect_out(&bob, code);
    assert_false(is_in(&bob));
}

static void a_kick_that_crosses_a_resume(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        begin(seed);
        bob_resumes(1 + (int)(seed % 3));
        kick("bob", 0);
        cluster_settle(&cluster);
        expect_bob_out(CLOSE_KICKED);
        expect_agreement();
        client_done(&again);
    }
}

static void a_close_that_crosses_joins_and_resumes(void **state)
{
    unsigned closed = 0, in = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        begin(seed);
        client_join(&carol, 2, "room", "carol");
        some_steps(4);
        bob_resumes(1 + (int)(seed % 3));
        control(CONTROL_CLOSE, "", NO_DATA);
        cluster_settle(&cluster);
        expect_out(&alice, CLOSE_ROOM_CLOSED);
        expect_bob_out(CLOSE_ROOM_CLOSED);
        closed += carol.closed == CLOSE_ROOM_CLOSED;
        in += is_in(&carol);
        expect_agreement();
        client_done(&again);
    }
    assert_int_equal(closed + in, 400);
    assert_true(closed > 20 && in > 20);
}

/* The holder is about to end while the peer is kicked or the room closed. */
static void a_kick_that_crosses_a_deposit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        begin(seed);
        client_drop(&bob);
        some_steps(4);
        client_done(&again);
        exchange_deposit(cluster.exchanges[1]);
        some_steps(6);
        if (seed % 2 == 0)
            kick("bob", 0);
        else
            control(CONTROL_CLOSE, "", NO_DATA);
        cluster_settle(&cluster);
        client_resume(&bob, 2, "room");
        cluster_settle(&cluster);
        expect_out(&bob, seed % 2 == 0 ? CLOSE_KICKED : CLOSE_ROOM_CLOSED);
        expect_agreement();
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(everybody_in_a_closed_room_is_closed_with_4004),
        TEST(a_closed_room_may_be_joined_anew),
        TEST(who_was_away_when_it_closed_hears_so),
        TEST(a_worker_that_missed_it_closes_them_all_the_same),
        TEST(a_kicked_peer_is_closed_with_4005),
        TEST(a_banned_peer_is_let_in_once_the_ban_is_over),
        TEST(a_kicked_peer_that_was_away_hears_so),
        TEST(so_does_one_whose_worker_crashed),
        TEST(so_does_one_in_a_mailbox),
        TEST(a_worker_that_missed_it_kicks_them_all_the_same),
        TEST(a_locked_room_lets_nobody_new_in),
        TEST(a_directory_that_forgot_is_told_of_locks_and_bans),
        TEST(a_notice_reaches_who_is_here),
        TEST(a_kick_that_crosses_a_resume),
        TEST(a_close_that_crosses_joins_and_resumes),
        TEST(a_kick_that_crosses_a_deposit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
