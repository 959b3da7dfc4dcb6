/* Signals of a pair of which both move; situation by situation, each in many interleavings. */
#include "core/state.h"
#include "sim/situation.h"

#define INTERLEAVINGS 400

static void some_steps(uint32_t most)
{
    for (uint32_t steps = cluster_random(&cluster, most + 1); steps > 0; steps--)
        cluster_step(&cluster);
}

static void start_interleaving(uint64_t seed)
{
    teardown(NULL);
    setup(NULL);
    cluster.random = seed * 7919;
    join_both(1, 0);
}

static void move(struct client *client, int worker)
{
    client_drop(client);
    client_resume(client, worker, "room");
}

static void expect_in_order(struct client *client, int count)
{
    for (int i = 1; i <= count; i++)
        assert_int_equal(next_number(client), i);
    assert_int_equal(next_number(client), -1);
}

/* What is passed on to the new holder goes a longer way than what the sender sends from its own. */
static void order_holds_while_both_move(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= INTERLEAVINGS; seed++) {
        int number = 0;
        start_interleaving(seed);
        for (int i = 0; i < 40; i++) {
            if (alice.joined && alice.session != NULL)
                signal_number(&alice, "bob", ++number);
            if (i == 4 || (i == 12 && bob.joined))
                move(&bob, 2 + (i == 12));
            if (i == 14 && alice.joined)
                move(&alice, (int)(seed % CLUSTER_WORKERS));
            some_steps(4);
        }
        cluster_settle(&cluster);
        assert_true(bob.resumed);
        assert_true(alice.resumed);
        expect_in_order(&bob, number);
    }
}

/* Each is let go only when what it sent to those that moved before it is there: none waits for one
 * that waits for it. */
static void three_that_move_at_once_are_all_resumed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= INTERLEAVINGS; seed++) {
        int number = 0;
        start_interleaving(seed);
        client_join(&carol, 3, "room", "carol");
        cluster_settle(&cluster);
        for (int i = 0; i < 40; i++) {
            if (alice.joined && alice.session != NULL)
                signal_number(&alice, "bob", ++number);
            if (bob.joined && bob.session != NULL)
                client_send(&bob, "{\"type\":\"signal\",\"to\":\"carol\",\"data\":0}");
            if (i == 4 && carol.joined)
                move(&carol, 2);
            if (i == 6)
                move(&bob, 3);
            if (i == 12)
                move(&alice, 0);
            some_steps(5);
        }
        cluster_settle(&cluster); /* without a tick: nothing waits for its time to be over */
        assert_true(bob.resumed);
        assert_true(alice.resumed);
        assert_true(carol.resumed);
        expect_in_order(&bob, number);
    }
}

/* The addressee's hold waits there for who claims it, and is not the place for signals from a peer
 * that has sent to the new holder before. */
static void who_comes_to_the_former_holder_stays_behind_what_it_sent(void **state)
{
    (void)state;
    join_both(1, 0);
    client_join(&carol, 3, "room", "carol");
    cluster_settle(&cluster);
    signal_number(&bob, "carol", 0);
    cluster_settle(&cluster);
    cluster.frozen[3] = true;
    move(&carol, 2);
    cluster_settle(&cluster);
    move(&bob, 2); /* not let go before what it sent to carol is there */
    cluster_settle(&cluster);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    move(&alice, 0);
    cluster_settle(&cluster);
    assert_true(alice.resumed);
    signal_number(&alice, "bob", 2);
    cluster.frozen[3] = false;
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    expect_in_order(&bob, 2);
}

static void tell(int worker, const char *peer, enum frame_kind kind, worker_id holder)
{
    struct room *room = room_find(cluster.exchanges[worker], SLICE("room"));
    struct frame event = {.kind = kind,
                          .room = SLICE("room"),
                          .peer = slice_of(peer),
                          .version = room->version + 1,
                          .worker = holder,
                          .info = SLICE("{}")};
    exchange_on_frame(cluster.exchanges[worker], &event);
}

/* Worker 1 has sent nothing else. */
static void expect_fence_alone(worker_id way)
{
    struct slice sent = buf_slice(&cluster.up[1]);
    struct frame frame;
    assert_true(frame_next(&sent, &frame));
    assert_int_equal(frame.kind, FRAME_FENCE);
    assert_int_equal(frame.to, way);
    assert_int_equal(sent.len, 0);
}

/* The holder was taken for dead, came back and let the peer go on elsewhere: what was sent to it
 * before may still get there. */
static void a_way_to_who_was_taken_for_dead_is_drained_all_the_same(void **state)
{
    (void)state;
    join_both(1, 0);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    tell(1, "bob", FRAME_GONE_AWAY, DIRECTORY);
    tell(1, "bob", FRAME_MOVED, cluster.ids[2]);
    signal_number(&alice, "bob", 2);
    expect_fence_alone(cluster.ids[0]);
}

/* To worker 1, as if asked for: alice is there, and bob, unless NULL, where that says. */
static void show_roster(uint64_t version, const worker_id *worker_of_bob)
{
    struct room *room = room_find(cluster.exchanges[1], SLICE("room"));
    const struct member *member = room_member(room, SLICE("alice"));
    struct roster_entry entry = {.peer = member_name(member),
                                 .info = member_info(member),
                                 .worker = member->worker,
                                 .stint = member->stint};
    struct buf roster;
    buf_init(&roster, 1024);
    roster_add(&roster, &entry);
    if (worker_of_bob != NULL) {
        entry.peer = SLICE("bob");
        entry.worker = *worker_of_bob;
        roster_add(&roster, &entry);
    }
    exchange_on_frame(cluster.exchanges[1], &(struct frame){.kind = FRAME_ROOM,
                                                            .request = room->read,
                                                            .reason = ROOM_READ,
                                                            .version = version,
                                                            .room = SLICE("room"),
                                                            .roster = buf_slice(&roster)});
    buf_done(&roster);
}

/* A directory that lost its memory, told again only after others had read the roster. */
static void a_way_to_who_was_missed_in_a_roster_is_drained_all_the_same(void **state)
{
    (void)state;
    join_both(1, 0);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    uint64_t version = room_find(cluster.exchanges[1], SLICE("room"))->version;
    show_roster(version + 1, NULL);
    assert_non_null(client_next(&alice, "peer-left"));
    show_roster(version + 2, &cluster.ids[2]);
    signal_number(&alice, "bob", 2);
    expect_fence_alone(cluster.ids[0]);
}

/* Worker 3, to which she has moved by this version of the room, asks worker 1 for what it holds for her. */
static void claim_alice(uint64_t version)
{
    exchange_on_frame(cluster.exchanges[1], &(struct frame){.kind = FRAME_CLAIM,
                                                            .from = cluster.ids[3],
                                                            .to = cluster.ids[1],
                                                            .request = 1,
                                                            .version = version,
                                                            .room = SLICE("room"),
                                                            .peer = SLICE("alice")});
}

/* A provisional directory had counted as far as the one that it stood in for: what that one tells comes
 * before all that follows there. */
static void who_moves_on_waits_for_moves_that_were_counted_twice(void **state)
{
    (void)state;
    join_both(1, 0);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    uint64_t version = room_find(cluster.exchanges[1], SLICE("room"))->version;
    show_roster(version, &cluster.ids[2]);
    signal_number(&alice, "bob", 2);
    tell(1, "alice", FRAME_MOVED, cluster.ids[3]);
    claim_alice(version + 1);
    expect_fence_alone(cluster.ids[0]);
}

/* The same, but it counted less far: what is told may have taken place long before. */
static void who_moves_on_waits_for_moves_of_an_unknown_version(void **state)
{
    (void)state;
    join_both(1, 0);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    struct room *room = room_find(cluster.exchanges[1], SLICE("room"));
    uint64_t version = room->version;
    room->apart = true;
    tell(1, "alice", FRAME_MOVED, cluster.ids[3]);
    show_roster(version + 9, &cluster.ids[2]);
    claim_alice(version + 1);
    expect_fence_alone(cluster.ids[0]);
}

static struct member *member_on(int worker, const char *peer)
{
    return room_member(room_find(cluster.exchanges[worker], SLICE("room")), slice_of(peer));
}

/* While it was out of touch: those that moved it away, and back to there, were missed. */
static void an_event_that_may_not_be_in_turn_shows_no_stay(void **state)
{
    (void)state;
    join_both(1, 0);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    struct room *room = room_find(cluster.exchanges[1], SLICE("room"));
    struct frame event = {.kind = FRAME_MOVED,
                          .room = SLICE("room"),
                          .peer = SLICE("bob"),
                          .version = room->version + 1,
                          .worker = cluster.ids[0],
                          .stint = 77,
                          .flags = ASTRAY};
    exchange_on_frame(cluster.exchanges[1], &event);
    signal_number(&alice, "bob", 2);
    expect_fence_alone(cluster.ids[0]);
}

/* The way to it is drained, and then leads to its former holder once more, who has not handed it over. */
static void who_was_taken_over_is_the_holder_again(int heir)
{
    join_both(1, 0);
    const uint32_t stint = member_on(1, "bob")->stint;
    room_find(cluster.exchanges[0], SLICE("room"))->astray = true;
    move(&bob, heir);
    cluster_settle(&cluster);
    assert_int_equal(bob.closed, 0);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    struct frame event = {.kind = FRAME_MOVED,
                          .room = SLICE("room"),
                          .peer = SLICE("bob"),
                          .version = room_find(cluster.exchanges[1], SLICE("room"))->version + 1,
                          .worker = cluster.ids[0],
                          .stint = stint,
                          .flags = ASTRAY};
    exchange_on_frame(cluster.exchanges[1], &event);
    signal_number(&alice, "bob", 2);
    cluster_settle(&cluster);
    assert_int_equal(next_number(&bob), -1);
    exchange_restore(cluster.exchanges[0]);
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    expect_in_order(&bob, 2);
}

static void what_comes_by_a_takeover_that_was_lost_stays_behind_what_came_since(void **state)
{
    (void)state;
    who_was_taken_over_is_the_holder_again(2);
}

static void the_same_on_one_worker(void **state)
{
    (void)state;
    who_was_taken_over_is_the_holder_again(0);
}

/* What came while it waited went to who claimed; what comes later must not turn back before that. */
static void who_claimed_in_vain_is_sent_what_still_comes(void **state)
{
    (void)state;
    join_both(1, 0);
    const uint32_t stint = member_on(1, "bob")->stint;
    room_find(cluster.exchanges[0], SLICE("room"))->astray = true;
    move(&bob, 2);
    cluster_settle(&cluster);
    session_free(member_on(0, "bob")->session);
    buf_clear(&cluster.up[0]);
    exchange_on_frame(cluster.exchanges[0], &(struct frame){.kind = FRAME_FENCE,
                                                            .from = cluster.ids[1],
                                                            .to = cluster.ids[0],
                                                            .stint = stint,
                                                            .room = SLICE("room"),
                                                            .peer = SLICE("bob")});
    struct slice sent = buf_slice(&cluster.up[0]);
    struct frame frame;
    assert_true(frame_next(&sent, &frame));
    assert_int_equal(frame.kind, FRAME_FENCE);
    assert_int_equal(frame.to, cluster.ids[2]);
}

/* It may lie on another Redis, and what was missed of the one was not of the other. */
static void who_moves_waits_for_no_other_room(void **state)
{
    (void)state;
    join_both(1, 0);
    client_join(&carol, 0, "elsewhere", "carol");
    cluster_settle(&cluster);
    struct room *elsewhere = room_find(cluster.exchanges[0], SLICE("elsewhere"));
    struct frame event = {.kind = FRAME_CHANGED,
                          .room = SLICE("elsewhere"),
                          .peer = SLICE("carol"),
                          .version = elsewhere->version + 1,
                          .info = SLICE("{}"),
                          .flags = ASTRAY};
    exchange_on_frame(cluster.exchanges[0], &event);
    move(&bob, 2);
    cluster_settle(&cluster);
    assert_true(bob.resumed);
}

/* A directory that was empty learns of it only now; where the sender comes from it was known, and something
 * may be on its way from there. */
static void a_way_to_who_is_new_only_here_is_drained(void **state)
{
    (void)state;
    join_both(1, 0);
    room_find(cluster.exchanges[1], SLICE("room"))->astray = true;
    move(&alice, 2);
    cluster_settle(&cluster);
    tell(2, "carol", FRAME_JOINED, cluster.ids[0]);
    tell(2, "carol", FRAME_MOVED, cluster.ids[3]);
    assert_non_null(member_on(2, "carol")->fence);
    exchange_restore(cluster.exchanges[1]);
    cluster_settle(&cluster);
    assert_true(alice.resumed);
}

/* The fence ended with the worker that it was sent to; the bus refuses it as well, a little later, or who
 * had it in passing answers. */
static void a_fence_is_not_answered_by_what_answers_another(void **state)
{
    (void)state;
    join_both(1, 0);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    const struct member *member = member_on(1, "bob");
    struct frame refusal = {.kind = FRAME_FENCED, .room = SLICE("room"), .peer = SLICE("bob")};
    struct frame answer = refusal;
    tell(1, "bob", FRAME_MOVED, cluster.ids[2]);
    refusal.request = answer.request = cluster.exchanges[1]->last_fence;
    answer.from = cluster.ids[2];
    answer.stint = member->stint;
    signal_number(&alice, "bob", 2);
    exchange_on_frame(cluster.exchanges[1],
                      &(struct frame){.kind = FRAME_WORKER_DOWN, .worker = cluster.ids[0]});
    assert_null(member->fence);
    tell(1, "bob", FRAME_MOVED, cluster.ids[3]);
    assert_non_null(member->fence);
    exchange_on_frame(cluster.exchanges[1], &refusal);
    exchange_on_frame(cluster.exchanges[1], &answer);
    assert_non_null(member->fence);
    refusal.request = cluster.exchanges[1]->last_fence;
    exchange_on_frame(cluster.exchanges[1], &refusal);
    assert_null(member->fence);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(order_holds_while_both_move),
        TEST(three_that_move_at_once_are_all_resumed),
        TEST(a_way_to_who_was_taken_for_dead_is_drained_all_the_same),
        TEST(a_way_to_who_was_missed_in_a_roster_is_drained_all_the_same),
        TEST(who_moves_on_waits_for_moves_that_were_counted_twice),
        TEST(who_comes_to_the_former_holder_stays_behind_what_it_sent),
        TEST(an_event_that_may_not_be_in_turn_shows_no_stay),
        TEST(what_comes_by_a_takeover_that_was_lost_stays_behind_what_came_since),
        TEST(the_same_on_one_worker),
        TEST(who_moves_on_waits_for_moves_of_an_unknown_version),
        TEST(who_claimed_in_vain_is_sent_what_still_comes),
        TEST(who_moves_waits_for_no_other_room),
        TEST(a_way_to_who_is_new_only_here_is_drained),
        TEST(a_fence_is_not_answered_by_what_answers_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
