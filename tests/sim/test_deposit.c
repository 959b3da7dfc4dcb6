/* A drained worker puts what it holds into the mailbox; situation by situation. */
#include "sim/situation.h"

static void drain(int worker)
{
    exchange_deposit(cluster.exchanges[worker]);
    cluster_settle(&cluster);
}

/* The process ends; the directory is told so. */
static void end(int worker)
{
    assert_int_equal(exchange_count(cluster.exchanges[worker]).sessions, 0);
    cluster_crash(&cluster, worker);
    cluster_settle(&cluster);
}

static void signal_numbers(struct client *from, const char *to, int first, int last)
{
    for (int i = first; i <= last; i++)
        signal_number(from, to, i);
    cluster_settle(&cluster);
}

static void expect_numbers(struct client *client, int first, int last)
{
    for (int i = first; i <= last; i++)
        assert_int_equal(next_number(client), i);
    assert_int_equal(next_number(client), -1);
}

static void come_back(struct client *client, int worker)
{
    client_resume(client, worker, "room");
    cluster_settle(&cluster);
    assert_true(client->joined);
}

static void what_was_held_is_claimed_from_the_mailbox(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    signal_numbers(&alice, "bob", 1, 3);
    drain(1);
    end(1);
    signal_numbers(&alice, "bob", 4, 5);
    come_back(&bob, 2);
    assert_true(bob.resumed);
    expect_numbers(&bob, 1, 5);
    signal_numbers(&alice, "bob", 6, 7);
    expect_numbers(&bob, 6, 7);
    assert_null(client_next(&alice, "error"));
}

static void who_was_connected_is_closed_with_1012_and_loses_nothing(void **state)
{
    (void)state;
    join_both(0, 1);
    signal_numbers(&bob, "alice", 1, 4);
    signal_numbers(&alice, "bob", 1, 2);
    bob.received = 1; /* the second is still on its way to the page */
    bob.read = bob.count;
    drain(1);
    assert_int_equal(bob.closed, CLOSE_DRAINING);
    assert_true(client_has(&alice, "peer-away", "bob"));
    end(1);
    signal_numbers(&alice, "bob", 3, 3);
    come_back(&bob, 3);
    assert_true(bob.resumed);
    assert_int_equal(bob.server_received, 4);
    expect_numbers(&bob, 2, 3);
    assert_true(client_has(&alice, "peer-back", "bob"));
    assert_null(client_next(&alice, "peer-left"));
}

static void order_holds_while_the_holder_drains(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        teardown(NULL);
        setup(NULL);
        cluster.random = seed * 7919;
        join_both(0, 1);
        for (int i = 1; i <= 20; i++) {
            signal_number(&alice, "bob", i);
            if (i == 5 && seed % 2 == 0)
                client_drop(&bob);
            if (i == 8)
                exchange_deposit(cluster.exchanges[1]);
            if (i == 12 || (seed % 3 == 0 && i == 9)) {
                client_drop(&bob);
                client_resume(&bob, 2, "room");
            }
            for (uint32_t steps = cluster_random(&cluster, 6); steps > 0; steps--)
                cluster_step(&cluster);
        }
        cluster_settle(&cluster);
        assert_true(bob.resumed);
        expect_numbers(&bob, 1, 20);
        assert_int_equal(exchange_count(cluster.exchanges[1]).sessions, 0);
    }
}

/* One worker after the other is drained and comes anew, and each time all move on. */
static void order_holds_in_a_rolling_restart(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        teardown(NULL);
        setup(NULL);
        cluster.random = seed * 104729;
        int next = 0, number = 0;
        join_both(0, 1);
        for (int worker = 0; worker < CLUSTER_WORKERS; worker++) {
            exchange_deposit(cluster.exchanges[worker]);
            for (int i = 0; i < 10; i++) {
                struct client *client = cluster_random(&cluster, 2) == 0 ? &alice : &bob;
                if (client->session == NULL) {
                    next = (worker + 1 + (int)cluster_random(&cluster, 3)) % CLUSTER_WORKERS;
                    client_resume(client, next, "room");
                }
                if (alice.session != NULL && alice.joined)
                    signal_number(&alice, "bob", ++number);
                for (uint32_t steps = cluster_random(&cluster, 8); steps > 0; steps--)
                    cluster_step(&cluster);
            }
            cluster_settle(&cluster);
            end(worker);
            cluster_restart(&cluster, worker);
        }
        if (bob.session == NULL)
            client_resume(&bob, 0, "room");
        cluster_settle(&cluster);
        assert_true(bob.resumed);
        expect_numbers(&bob, 1, number);
        assert_null(client_next(&alice, "peer-left"));
        bob.read = 0;
        assert_null(client_next(&bob, "peer-left"));
    }
}

/* The directory gave the membership to another worker before it heard of the deposit. */
static void who_is_taken_over_first_is_handed_over_as_ever(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    signal_numbers(&alice, "bob", 1, 2);
    client_resume(&bob, 2, "room");
    while (cluster.up[2].len > 0)
        cluster_step(&cluster);
    cluster.frozen[2] = true;
    exchange_deposit(cluster.exchanges[1]);
    signal_numbers(&alice, "bob", 3, 4);
    cluster.frozen[2] = false;
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    expect_numbers(&bob, 1, 4);
    assert_int_equal(exchange_count(cluster.exchanges[1]).sessions, 0);
}

static void a_full_mailbox_is_peer_busy(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    signal_numbers(&alice, "bob", 1, 10);
    drain(1);
    end(1);
    signal_numbers(&alice, "bob", 11, 65);
    const cJSON *error = client_next(&alice, "error");
    assert_string_equal(text_of(error, "code"), "peer-busy");
    assert_string_equal(text_of(error, "id"), "i65");
    come_back(&bob, 2);
    expect_numbers(&bob, 1, 64);
}

static void a_mailbox_that_nobody_claims_ends_in_peer_left(void **state)
{
    (void)state;
    join_both(0, 1);
    drain(1);
    end(1);
    cluster_advance(&cluster, 29000);
    cluster_settle(&cluster);
    assert_false(client_has(&alice, "peer-left", "bob"));
    cluster_advance(&cluster, 2000);
    cluster_settle(&cluster);
    assert_string_equal(text_of(client_next(&alice, "peer-left"), "reason"), "timeout");
    signal_numbers(&alice, "bob", 1, 1);
    expect_error(&alice, "peer-not-found");
    come_back(&bob, 2);
    assert_false(bob.resumed);
}

static void a_count_that_cannot_be_met_is_not_resumed(void **state)
{
    (void)state;
    join_both(0, 1);
    drain(1);
    bob.received = 5; /* nobody ever sent as many */
    come_back(&bob, 2);
    assert_false(bob.resumed);
    signal_numbers(&alice, "bob", 1, 1);
    expect_numbers(&bob, 1, 1);
}

/* What came back undelivered waits for its sender there, too. */
static void an_error_for_a_drained_sender_is_kept(void **state)
{
    (void)state;
    join_both(0, 1);
    client_join(&carol, 2, "room", "carol");
    cluster_settle(&cluster);
    cluster.frozen[2] = true;
    signal_number(&bob, "carol", 1);
    while (cluster.up[1].len > 0)
        cluster_step(&cluster);
    drain(1);
    assert_int_equal(exchange_count(cluster.exchanges[1]).sessions, 0);
    exchange_on_frame(cluster.exchanges[1], &(struct frame){.kind = FRAME_UNDELIVERED,
                                                            .room = SLICE("room"),
                                                            .peer = SLICE("carol"),
                                                            .sender = SLICE("bob"),
                                                            .id = SLICE("\"i1\""),
                                                            .error = ERR_UNAVAILABLE});
    cluster_settle(&cluster);
    end(1);
    come_back(&bob, 3);
    assert_true(bob.resumed);
    const cJSON *error = client_next(&bob, "error");
    assert_non_null(error);
    assert_string_equal(text_of(error, "to"), "carol");
    assert_string_equal(text_of(error, "id"), "i1");
    assert_null(client_next(&bob, "error"));
}

/* Who is on its way in when the end comes is a member by the time the answer comes. */
static void who_is_just_resuming_is_deposited_too(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    signal_numbers(&alice, "bob", 1, 2);
    client_resume(&bob, 2, "room");
    exchange_deposit(cluster.exchanges[2]);
    cluster_settle(&cluster);
    assert_int_equal(bob.closed, CLOSE_DRAINING);
    end(2);
    /* joined was not seen: the secret before it is good */
    come_back(&bob, 3);
    assert_true(bob.resumed);
    expect_numbers(&bob, 1, 2);
}

static void a_deposit_that_the_directory_forgot_is_made_again(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    signal_numbers(&alice, "bob", 1, 2);
    exchange_deposit(cluster.exchanges[1]);
    buf_clear(&cluster.up[1]); /* died with the directory */
    cluster_forget(&cluster);
    exchange_restore(cluster.exchanges[0]);
    exchange_restore(cluster.exchanges[1]);
    cluster_settle(&cluster);
    end(1);
    come_back(&bob, 2);
    assert_true(bob.resumed);
    expect_numbers(&bob, 1, 2);
}

static void a_restore_behind_a_deposit_changes_nothing(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    signal_numbers(&alice, "bob", 1, 2);
    exchange_deposit(cluster.exchanges[1]);
    exchange_restore(cluster.exchanges[1]);
    cluster_settle(&cluster);
    end(1);
    signal_numbers(&alice, "bob", 3, 3);
    come_back(&bob, 2);
    assert_true(bob.resumed);
    expect_numbers(&bob, 1, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_held_is_claimed_from_the_mailbox),
        TEST(who_was_connected_is_closed_with_1012_and_loses_nothing),
        TEST(order_holds_while_the_holder_drains),
        TEST(order_holds_in_a_rolling_restart),
        TEST(who_is_taken_over_first_is_handed_over_as_ever),
        TEST(a_full_mailbox_is_peer_busy),
        TEST(a_mailbox_that_nobody_claims_ends_in_peer_left),
        TEST(a_count_that_cannot_be_met_is_not_resumed),
        TEST(an_error_for_a_drained_sender_is_kept),
        TEST(who_is_just_resuming_is_deposited_too),
        TEST(a_deposit_that_the_directory_forgot_is_made_again),
        TEST(a_restore_behind_a_deposit_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
