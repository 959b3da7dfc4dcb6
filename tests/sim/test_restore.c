/* The directory loses what it knew, or takes a worker for dead that lives; situation by situation. */
#include "core/state.h"
#include "sim/situation.h"

static void restore_all(void)
{
    for (int i = 0; i < CLUSTER_WORKERS; i++)
        exchange_restore(cluster.exchanges[i]);
    cluster_settle(&cluster);
}

static void check_interval(uint64_t ms)
{
    cluster.options.check_interval = ms;
    restart_all();
}

static int roster_size(int worker)
{
    client_join(&dave, worker, "room", "dave");
    cluster_settle(&cluster);
    assert_true(dave.joined);
    return cJSON_GetArraySize(cJSON_GetObjectItem(client_next(&dave, "joined"), "peers"));
}

static void expect_nobody_noticed(void)
{
    assert_int_equal(alice.closed, 0);
    assert_int_equal(bob.closed, 0);
    assert_null(client_next(&alice, "peer-left"));
    assert_null(client_next(&bob, "peer-left"));
}

static void expect_call_goes_on(void)
{
    signal_number(&alice, "bob", 7);
    signal_number(&bob, "alice", 8);
    cluster_settle(&cluster);
    assert_int_equal(next_number(&bob), 7);
    assert_int_equal(next_number(&alice), 8);
}

static void a_directory_that_forgot_is_told_again(void **state)
{
    (void)state;
    join_both(0, 1);
    client_send(&alice, "{\"type\":\"info\",\"info\":{\"name\":\"A\"}}");
    cluster_settle(&cluster);
    cluster_forget(&cluster);
    restore_all();
    client_join(&carol, 2, "room", "carol");
    cluster_settle(&cluster);
    const cJSON *peers = cJSON_GetObjectItem(client_next(&carol, "joined"), "peers"), *peer;
    assert_int_equal(cJSON_GetArraySize(peers), 2);
    cJSON_ArrayForEach(peer, peers)
    {
        assert_string_equal(text_of(peer, "state"), "here");
        if (strcmp(text_of(peer, "peer"), "alice") == 0)
            assert_string_equal(text_of(cJSON_GetObjectItem(peer, "info"), "name"), "A");
    }
    assert_true(client_has(&alice, "peer-joined", "carol"));
    assert_true(client_has(&bob, "peer-joined", "carol"));
    expect_call_goes_on();
    expect_nobody_noticed();
}

static void who_was_away_is_restored_away_and_comes_back(void **state)
{
    (void)state;
    join_both(0, 1);
    client_pong(&bob);
    client_drop(&bob);
    cluster_settle(&cluster);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    cluster_forget(&cluster);
    restore_all();
    client_join(&carol, 2, "room", "carol");
    cluster_settle(&cluster);
    const cJSON *peers = cJSON_GetObjectItem(client_next(&carol, "joined"), "peers"), *peer;
    cJSON_ArrayForEach(peer, peers)
    {
        if (strcmp(text_of(peer, "peer"), "bob") == 0)
            assert_string_equal(text_of(peer, "state"), "away");
    }
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    assert_int_equal(next_number(&bob), 1);
    expect_nobody_noticed();
}

/* One worker is told of the loss later than the other, whose roster then lacks its members. */
static void members_that_are_still_to_be_restored_are_not_ended(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        teardown(NULL);
        setup(NULL);
        cluster.random = seed * 7919;
        join_both(0, 1);
        client_join(&carol, 0, "room", "carol");
        cluster_settle(&cluster);
        cluster_forget(&cluster);
        exchange_restore(cluster.exchanges[0]);
        client_join(&dave, 1, "room", "dave"); /* its roster lacks bob */
        exchange_restore(cluster.exchanges[1]);
        cluster_settle(&cluster);
        assert_true(dave.joined);
        assert_int_equal(carol.closed, 0);
        expect_nobody_noticed();
        expect_call_goes_on();
    }
}

/* It came in before it was said what is held, by way of the same worker: it is the later truth. */
static void who_joins_while_the_holder_restores_is_the_member(void **state)
{
    (void)state;
    join_both(0, 1);
    cluster_forget(&cluster);
    client_join(&carol, 1, "room", "bob");
    exchange_restore(cluster.exchanges[1]);
    cluster_settle(&cluster);
    assert_true(carol.joined);
    client_pong(&carol);
    client_drop(&carol);
    client_resume(&carol, 2, "room");
    cluster_settle(&cluster);
    assert_true(carol.resumed);
}

static void who_was_taken_for_dead_says_that_it_lives(void **state)
{
    (void)state;
    join_both(0, 1);
    cluster_disown(&cluster, 1);
    cluster_settle(&cluster);
    assert_true(client_has(&alice, "peer-away", "bob"));
    exchange_restore(cluster.exchanges[1]);
    cluster_settle(&cluster);
    assert_true(client_has(&alice, "peer-back", "bob"));
    expect_call_goes_on();
    expect_nobody_noticed();
    cluster_advance(&cluster, 31000);
    cluster_settle(&cluster);
    expect_nobody_noticed();
}

/* It shares the room with another of its members, and so hears that both were given up. */
static void who_hears_that_it_is_dead_restores_by_itself(void **state)
{
    (void)state;
    join_both(0, 1);
    cluster.frozen[1] = true;
    cluster_disown(&cluster, 1);
    client_join(&carol, 2, "room", "carol");
    cluster_settle(&cluster);
    cluster.frozen[1] = false;
    /* what a node that was heard again would do for one room: read it */
    client_join(&dave, 1, "room", "dave");
    cluster_settle(&cluster);
    expect_call_goes_on();
    expect_nobody_noticed();
    cluster_advance(&cluster, 31000);
    cluster_settle(&cluster);
    expect_nobody_noticed();
}

static void who_was_taken_over_meanwhile_is_evicted(void **state)
{
    (void)state;
    join_both(0, 1);
    strcpy(carol.session_text, bob.session_text);
    strcpy(carol.peer, "bob");
    cluster.frozen[1] = true;
    cluster_disown(&cluster, 1);
    client_resume(&carol, 2, "room");
    cluster_settle(&cluster);
    assert_true(carol.joined);
    assert_false(carol.resumed);
    client_pong(&carol);
    cluster_settle(&cluster);
    cluster.frozen[1] = false;
    exchange_restore(cluster.exchanges[1]);
    cluster_settle(&cluster);
    assert_int_equal(bob.closed, CLOSE_TAKEN_OVER);
    assert_int_equal(carol.closed, 0);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    assert_int_equal(next_number(&carol), 1);
    assert_int_equal(exchange_count(cluster.exchanges[1]).sessions, 0);
}

/* The claim is under way while the former holder restores: it must not be evicted before it. */
static void who_is_about_to_be_claimed_keeps_its_hold(void **state)
{
    (void)state;
    join_both(0, 1);
    strcpy(carol.session_text, bob.session_text);
    strcpy(carol.peer, "bob");
    client_drop(&bob);
    cluster_settle(&cluster);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    client_resume(&carol, 2, "room");
    while (cluster.up[2].len > 0) /* the directory knows it */
        cluster_step(&cluster);
    cluster.frozen[2] = true;
    exchange_restore(cluster.exchanges[1]);
    cluster_settle(&cluster);
    cluster.frozen[2] = false;
    cluster_settle(&cluster);
    assert_true(carol.resumed);
    assert_int_equal(next_number(&carol), 1);
}

static void a_missed_event_is_noticed_by_the_check(void **state)
{
    (void)state;
    check_interval(60000);
    client_join(&alice, 0, "room", "alice");
    cluster_settle(&cluster);
    client_join(&bob, 1, "room", "bob");
    while (cluster.up[1].len > 0)
        cluster_step(&cluster);
    buf_clear(&cluster.down[0]); /* lost */
    cluster_settle(&cluster);
    assert_false(client_has(&alice, "peer-joined", "bob"));
    for (int i = 0; i < 61; i++)
        cluster_advance(&cluster, 1000);
    cluster_settle(&cluster);
    assert_true(client_has(&alice, "peer-joined", "bob"));
}

static void a_check_that_finds_nothing_is_not_answered(void **state)
{
    (void)state;
    check_interval(60000);
    join_both(0, 1);
    unsigned long frames = cluster.frames;
    for (int i = 0; i < 600; i++) {
        cluster_advance(&cluster, 100);
        cluster_settle(&cluster);
    }
    /* each of the two asks once in 30 to 60 s */
    assert_true(cluster.frames - frames >= 2);
    assert_true(cluster.frames - frames <= 4);
}

static void without_an_interval_nothing_is_checked(void **state)
{
    (void)state;
    join_both(0, 1);
    unsigned long frames = cluster.frames;
    for (int i = 0; i < 600; i++)
        cluster_advance(&cluster, 1000);
    cluster_settle(&cluster);
    assert_int_equal(cluster.frames, frames);
}

static void a_room_that_the_directory_forgot_is_restored_by_the_check(void **state)
{
    (void)state;
    check_interval(60000);
    join_both(0, 1);
    cluster_forget(&cluster);
    for (int i = 0; i < 61; i++) {
        cluster_advance(&cluster, 1000);
        cluster_settle(&cluster);
    }
    assert_int_equal(roster_size(2), 2);
    expect_nobody_noticed();
    expect_call_goes_on();
}

static void an_answer_to_an_earlier_read_is_passed_over(void **state)
{
    (void)state;
    join_both(0, 1);
    struct frame stale = {.kind = FRAME_ROOM,
                          .to = cluster.ids[0],
                          .request = 99999,
                          .version = UINT64_MAX,
                          .reason = ROOM_READ,
                          .room = SLICE("room")};
    exchange_on_frame(cluster.exchanges[0], &stale); /* an empty room */
    assert_int_equal(alice.closed, 0);
    expect_call_goes_on();
}

/* ---- who stands in for the directory while it cannot be reached */

static void to_directory(void *context, const struct frame *frame)
{
    directory_on_frame(context, frame);
}

static void an_exported_room_is_what_a_fresh_directory_needs(void **state)
{
    (void)state;
    join_both(0, 1);
    client_join(&carol, 2, "room", "carol");
    cluster_settle(&cluster);
    cluster_crash(&cluster, 2);
    cluster_settle(&cluster);
    carol.session = NULL;
    cluster_forget(&cluster);
    exchange_export_room(cluster.exchanges[0], SLICE("room"), to_directory, cluster.directory);
    exchange_export_room(cluster.exchanges[0], SLICE("none"), to_directory, cluster.directory);
    cluster_settle(&cluster);
    client_drop(&alice);
    client_resume(&alice, 0, "room"); /* its secret is known there */
    cluster_settle(&cluster);
    assert_true(alice.resumed);
    const cJSON *peers = NULL, *peer, *joined;
    while ((joined = client_next(&alice, "joined")) != NULL)
        peers = cJSON_GetObjectItem(joined, "peers");
    assert_int_equal(cJSON_GetArraySize(peers), 2);
    cJSON_ArrayForEach(peer, peers)
    {
        bool is_bob = strcmp(text_of(peer, "peer"), "bob") == 0;
        assert_string_equal(text_of(peer, "state"), is_bob ? "here" : "away");
    }
    cluster_advance(&cluster, 31000); /* carol, whom nobody holds, leaves */
    cluster_settle(&cluster);
    assert_true(client_has(&alice, "peer-left", "carol"));
}

/* Meanwhile a client resumed: the directory proper hears of a secret that it does not know. */
static void a_secret_that_changed_meanwhile_is_believed_to_the_holder(void **state)
{
    (void)state;
    join_both(0, 1);
    struct directory *proper = cluster.directory;
    cluster.directory = directory_new(
        &(struct directory_options){.resume_window = 30000,
                                    .send = ((struct directory_options *)proper)->send,
                                    .context = &cluster},
        cluster.now);
    exchange_export_room(cluster.exchanges[1], SLICE("room"), to_directory, cluster.directory);
    client_drop(&bob);
    client_resume(&bob, 1, "room");
    cluster_settle(&cluster);
    client_pong(&bob);
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    directory_free(cluster.directory);
    cluster.directory = proper;
    cluster_disown(&cluster, 1); /* its lease ended meanwhile */
    restore_all();
    expect_call_goes_on();
    expect_nobody_noticed();
    client_drop(&bob);
    client_resume(&bob, 3, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
}

/* It counts from what was known when the store went away; the store itself may have come less far. */
static void who_resumed_where_versions_were_counted_apart_resumes_again(void **state)
{
    (void)state;
    join_both(0, 1);
    struct room *room = room_find(cluster.exchanges[1], SLICE("room"));
    room_member(room, SLICE("bob"))->session->version += 1000;
    client_drop(&bob);
    client_resume(&bob, 1, "room");
    cluster_settle(&cluster);
    assert_int_equal(bob.closed, 0);
    assert_true(bob.resumed);
    expect_call_goes_on();
}

/* Here is the one that it took over from; the directory waits for one that was refused. */
static void a_stint_that_nobody_has_is_disclaimed(void **state)
{
    (void)state;
    join_both(0, 1);
    struct room *room = room_find(cluster.exchanges[1], SLICE("room"));
    room_member(room, SLICE("bob"))->session->request += 5;
    roster_read(room);
    cluster_settle(&cluster);
    assert_int_equal(room_member(room, SLICE("bob"))->stint,
                     session_stint(room_member(room, SLICE("bob"))->session));
    assert_int_equal(bob.closed, 0);
    expect_call_goes_on();
}

/* A directory that an older copy took the place of: bob has gone elsewhere since. */
static void lose_holder_of_bob(void)
{
    join_both(0, 1);
    struct member *member =
        room_member(room_find(cluster.exchanges[1], SLICE("room")), SLICE("bob"));
    member->session->connection = NULL;
    bob.session = NULL;
    session_free(member->session);
    cluster_settle(&cluster);
}

static void what_nobody_holds_is_disclaimed_by_who_enters_there(void **state)
{
    (void)state;
    lose_holder_of_bob();
    client_join(&carol, 1, "room", "carol");
    cluster_settle(&cluster);
    assert_true(carol.joined);
    assert_true(client_has(&alice, "peer-away", "bob"));
}

static void what_nobody_holds_is_disclaimed_where_somebody_is_refused_for_it(void **state)
{
    (void)state;
    check_interval(60000);
    lose_holder_of_bob();
    client_join(&carol, 1, "room", "bob");
    cluster_settle(&cluster);
    assert_int_equal(carol.closed, CLOSE_PEER_TAKEN);
    assert_true(client_has(&alice, "peer-away", "bob"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_directory_that_forgot_is_told_again),
        TEST(who_was_away_is_restored_away_and_comes_back),
        TEST(members_that_are_still_to_be_restored_are_not_ended),
        TEST(who_joins_while_the_holder_restores_is_the_member),
        TEST(who_was_taken_for_dead_says_that_it_lives),
        TEST(who_hears_that_it_is_dead_restores_by_itself),
        TEST(who_was_taken_over_meanwhile_is_evicted),
        TEST(who_is_about_to_be_claimed_keeps_its_hold),
        TEST(a_missed_event_is_noticed_by_the_check),
        TEST(a_check_that_finds_nothing_is_not_answered),
        TEST(without_an_interval_nothing_is_checked),
        TEST(a_room_that_the_directory_forgot_is_restored_by_the_check),
        TEST(an_answer_to_an_earlier_read_is_passed_over),
        TEST(an_exported_room_is_what_a_fresh_directory_needs),
        TEST(a_secret_that_changed_meanwhile_is_believed_to_the_holder),
        TEST(who_resumed_where_versions_were_counted_apart_resumes_again),
        TEST(a_stint_that_nobody_has_is_disclaimed),
        TEST(what_nobody_holds_is_disclaimed_by_who_enters_there),
        TEST(what_nobody_holds_is_disclaimed_where_somebody_is_refused_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
