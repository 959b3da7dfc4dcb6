/* What the directory answers and tells: limits, proofs, requests that are asked again, memberships
 * that are restored. The ways of whole clients are in tests/sim. */
#include "core/directory_fixture.h"

#define A ((worker_id)20)
#define B ((worker_id)21)
#define C ((worker_id)22)

static void read_room(worker_id worker, uint64_t version)
{
    say(&(struct frame){.kind = FRAME_READ, .from = worker, .request = 9, .version = version});
}

static void change(enum frame_kind kind, worker_id worker, const char *peer, char byte,
                   uint32_t reason)
{
    say(&(struct frame){.kind = kind,
                        .from = worker,
                        .peer = slice_of(peer),
                        .secret = secret(byte),
                        .reason = reason});
}

static void restore(worker_id worker, const char *peer, char byte, char proof, bool away)
{
    say(&(struct frame){.kind = FRAME_RESTORE,
                        .from = worker,
                        .peer = slice_of(peer),
                        .secret = secret(byte),
                        .proof = proof == 0 ? (struct session_secret){{0}} : secret(proof),
                        .info = SLICE("{\"r\":1}"),
                        .version = 77,
                        .reason = away});
}

static void ann_and_ben(void)
{
    join(A, "ann", 'a');
    join(B, "ben", 'b');
    expect("20:room entered w=20\n"
           "20:joined ben w=21 {}\n"
           "21:room entered w=21\n");
    assert_string_equal(roster(), "ann@20 ben@21");
}

static void limits_are_of_rooms_and_of_peers(void **state)
{
    (void)state;
    ann_and_ben();
    join(A, "cat", 'c');
    expect("21:joined cat w=20 {}\n20:room entered w=20\n");
    join(A, "dan", 'd');
    expect("20:refused e=room-full\n");
    say(&(struct frame){.kind = FRAME_JOIN, .from = A, .room = SLICE("2"), .peer = SLICE("x")});
    expect("20:room entered w=20\n");
    say(&(struct frame){.kind = FRAME_JOIN, .from = A, .room = SLICE("3"), .peer = SLICE("x")});
    expect("20:refused e=unavailable\n");
}

static void a_read_is_answered_where_something_changed(void **state)
{
    (void)state;
    ann_and_ben();
    uint64_t version = last_version();
    read_room(A, 0);
    expect("20:room read q=9\n");
    read_room(A, version - 1);
    expect("20:room read q=9\n");
    assert_string_equal(roster(), "ann@20 ben@21");
    read_room(A, version);
    expect("");
    say(&(struct frame){.kind = FRAME_READ, .from = A, .room = SLICE("none"), .version = version});
    expect("20:refused e=peer-not-found\n");
}

/* ---- asked again */

static void a_join_that_is_asked_again_is_answered_again(void **state)
{
    (void)state;
    ann_and_ben();
    uint64_t version = last_version();
    join(B, "ben", 'b');
    expect("21:room entered w=21\n");
    assert_int_equal(last_version(), version); /* nothing has changed */
    join(A, "ben", 'x');
    expect("20:refused e=peer-taken\n");
}

static void a_join_that_is_asked_again_fits_into_a_full_room(void **state)
{
    (void)state;
    ann_and_ben();
    join(C, "cat", 'c');
    join(C, "cat", 'c');
    expect("20:joined cat w=22 {}\n"
           "21:joined cat w=22 {}\n"
           "22:room entered w=22\n"
           "22:room entered w=22\n");
}

static void a_resume_that_is_asked_again_names_the_same_former_holder(void **state)
{
    (void)state;
    ann_and_ben();
    resume(C, "ben", 'c', 'b');
    expect("20:moved ben w=22\n21:moved ben w=22\n22:room taken-over w=21\n");
    resume(C, "ben", 'c', 'b');
    expect("22:room taken-over w=21\n");
    change(FRAME_CONFIRM, C, "ben", 'c', 0);
    resume(C, "ben", 'c', 'b');
    expect("22:room taken-over w=21\n");
    resume(A, "ben", 'd', 'b');
    expect("20:refused e=peer-taken\n");
}

/* Both know the same proof. The first of them is asked again, for its answer was lost: it does not take
 * the membership back from the second. */
static void a_resume_that_another_came_after_is_refused(void **state)
{
    (void)state;
    ann_and_ben();
    resume(C, "ben", 'c', 'b');
    resume(A, "ben", 'd', 'b');
    expect("20:moved ben w=22\n21:moved ben w=22\n22:room taken-over w=21\n"
           "22:moved ben w=20\n20:room taken-over w=22\n");
    resume(C, "ben", 'c', 'b');
    expect("22:refused e=unavailable\n");
    restore(C, "ben", 'c', 'b', false); /* who has it now will claim what this one holds */
    expect("");
    resume(B, "ben", 'e', 'b'); /* the client is a third time there */
    expect("20:moved ben w=21\n21:room taken-over w=20\n");
    resume(C, "ben", 'c', 'b');
    resume(A, "ben", 'd', 'b');
    expect("22:refused e=unavailable\n20:refused e=unavailable\n");
}

/* Else the answer to the FRAME_READ behind it would look like one from before. */
static void who_is_not_believed_hears_of_a_later_version_all_the_same(void **state)
{
    (void)state;
    ann_and_ben();
    uint64_t known = last_version() + 5;
    say(&(struct frame){.kind = FRAME_RESTORE,
                        .from = C,
                        .peer = SLICE("ben"),
                        .secret = secret('x'),
                        .version = known});
    expect("22:evicted ben\n");
    read_room(C, known - 1);
    expect("22:room read q=9\n");
    assert_true(last_version() >= known);
}

static void a_resume_that_was_a_join_is_one_again(void **state)
{
    (void)state;
    resume(A, "ann", 'a', 'x');
    resume(A, "ann", 'a', 'x');
    expect("20:room entered w=20\n20:room entered w=20\n");
}

static void who_asks_again_after_its_worker_was_given_up_is_back(void **state)
{
    (void)state;
    ann_and_ben();
    directory_worker_down(directory, B, NULL, 0);
    expect("20:gone-away ben w=0\n");
    join(B, "ben", 'b');
    expect("20:moved ben w=21\n21:room entered w=21\n");
    assert_string_equal(roster(), "ann@20 ben@21");
    now += WINDOW + 1000;
    directory_tick(directory, now);
    expect("");
}

/* ---- a client that was never heard */

static void an_unheard_one_gives_way_once_it_is_away(void **state)
{
    (void)state;
    ann_and_ben();
    join(C, "ben", 'c');
    expect("22:refused e=peer-taken\n");
    change(FRAME_AWAY, B, "ben", 'b', AWAY_UNHEARD);
    expect("20:gone-away ben w=21\n21:gone-away ben w=21\n");
    join(C, "ben", 'c');
    expect("20:left ben r=3\n21:left ben r=3\n20:joined ben w=22 {}\n22:room entered w=22\n");
    assert_string_equal(roster(), "ann@20 ben@22");
}

static void an_unheard_one_alone_gives_way_too(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    change(FRAME_AWAY, A, "ann", 'a', AWAY_UNHEARD);
    expect("20:room entered w=20\n20:gone-away ann w=20\n");
    join(A, "ann", 'b');
    expect("20:left ann r=3\n20:room entered w=20\n"); /* nobody else to be told */
    assert_int_equal(directory_rooms(directory), 1);
}

static void one_that_was_heard_does_not(void **state)
{
    (void)state;
    ann_and_ben();
    change(FRAME_AWAY, B, "ben", 'b', AWAY_LOST);
    expect("20:gone-away ben w=21\n21:gone-away ben w=21\n");
    join(C, "ben", 'c');
    expect("22:refused e=peer-taken\n");
}

static void an_unheard_one_that_resumes_is_heard(void **state)
{
    (void)state;
    ann_and_ben();
    change(FRAME_AWAY, B, "ben", 'b', AWAY_UNHEARD);
    resume(B, "ben", 'c', 'b');
    expect("20:gone-away ben w=21\n21:gone-away ben w=21\n"
           "20:moved ben w=21\n21:room taken-over w=21\n");
    join(C, "ben", 'd');
    expect("22:refused e=peer-taken\n");
}

/* ---- restored */

static void a_lost_membership_is_made_again(void **state)
{
    (void)state;
    restore(A, "ann", 'a', 0, false);
    expect("");
    restore(B, "ben", 'b', 0, true);
    expect("20:joined ben w=21 {\"r\":1}\n20:gone-away ben w=21\n");
    assert_true(last_version() > 77);
    read_room(A, 0);
    assert_string_equal(roster(), "ann@20 ben@21*");
    expect("20:room read q=9\n");
    resume(C, "ben", 'c', 'b');
    expect("20:moved ben w=22\n21:moved ben w=22\n22:room taken-over w=21\n");
}

static void restoring_knows_no_limits(void **state)
{
    (void)state;
    static const char *const peers[] = {"1", "2", "3", "4", "5"};
    for (int i = 0; i < 5; i++)
        restore(A, peers[i], 'a', 0, false);
    read_room(A, 0);
    assert_string_equal(roster(), "1@20 2@20 3@20 4@20 5@20");
    for (int i = 0; i < 3; i++)
        say(&(struct frame){.kind = FRAME_RESTORE,
                            .from = A,
                            .room = slice_of(peers[i]),
                            .peer = SLICE("x"),
                            .info = SLICE("{}")});
    assert_int_equal(directory_rooms(directory), 4);
}

static void what_is_known_stays_as_it_is(void **state)
{
    (void)state;
    ann_and_ben();
    say(&(struct frame){.kind = FRAME_INFO,
                        .from = B,
                        .peer = SLICE("ben"),
                        .secret = secret('b'),
                        .info = SLICE("{\"later\":1}")});
    expect("20:changed ben {\"later\":1}\n21:changed ben {\"later\":1}\n");
    uint64_t version = last_version();
    restore(B, "ben", 'b', 0, false);
    expect("");
    read_room(B, version);
    expect("");
}

static void the_version_is_raised_to_what_the_worker_knows(void **state)
{
    (void)state;
    ann_and_ben();
    uint64_t later = last_version() + 1000;
    say(&(struct frame){.kind = FRAME_RESTORE,
                        .from = B,
                        .peer = SLICE("ben"),
                        .secret = secret('b'),
                        .info = SLICE("{}"),
                        .version = later});
    expect("");
    change(FRAME_AWAY, B, "ben", 'b', AWAY_LOST);
    assert_int_equal(last_version(), later + 1);
}

static void a_state_that_was_missed_is_told(void **state)
{
    (void)state;
    ann_and_ben();
    restore(B, "ben", 'b', 0, true);
    expect("20:gone-away ben w=21\n");
    restore(B, "ben", 'b', 0, true);
    expect("");
    restore(B, "ben", 'b', 0, false);
    expect("20:moved ben w=21\n");
}

static void one_that_was_reaped_is_given_back(void **state)
{
    (void)state;
    ann_and_ben();
    directory_worker_down(directory, B, NULL, 0);
    expect("20:gone-away ben w=0\n");
    restore(B, "ben", 'b', 0, false);
    expect("20:moved ben w=21\n20:changed ben {\"r\":1}\n");
    now += WINDOW + 1000;
    directory_tick(directory, now);
    expect("");
    change(FRAME_AWAY, B, "ben", 'b', AWAY_LOST); /* it is its holder again */
    expect("20:gone-away ben w=21\n21:gone-away ben w=21\n");
}

static void one_that_was_reaped_is_given_back_away(void **state)
{
    (void)state;
    ann_and_ben();
    directory_worker_down(directory, B, NULL, 0);
    expect("20:gone-away ben w=0\n");
    restore(B, "ben", 'b', 0, true);
    read_room(A, 0);
    assert_string_equal(roster(), "ann@20 ben@21*");
}

static void what_somebody_else_holds_is_evicted(void **state)
{
    (void)state;
    ann_and_ben();
    directory_worker_down(directory, B, NULL, 0);
    resume(C, "ben", 'c', 'b');
    expect("20:gone-away ben w=0\n20:moved ben w=22\n22:room taken-over\n");
    restore(B, "ben", 'b', 0, false);
    expect("21:evicted ben\n");
    restore(B, "ann", 'x', 0, false);
    expect("21:evicted ann\n");
    read_room(A, 0);
    assert_string_equal(roster(), "ann@20 ben@22");
}

static void what_somebody_else_is_about_to_claim_is_not(void **state)
{
    (void)state;
    ann_and_ben();
    resume(C, "ben", 'c', 'b');
    expect("20:moved ben w=22\n21:moved ben w=22\n22:room taken-over w=21\n");
    restore(B, "ben", 'b', 0, false);
    expect("");
    change(FRAME_CONFIRM, C, "ben", 'c', 0); /* so it has been handed over */
    restore(B, "ben", 'b', 0, false);
    expect("21:evicted ben\n");
}

static void an_older_session_of_the_same_worker_does_not_win(void **state)
{
    (void)state;
    ann_and_ben();
    resume(B, "ben", 'c', 'b');
    expect("20:moved ben w=21\n21:room taken-over w=21\n");
    restore(B, "ben", 'b', 0, false);
    expect("");
    change(FRAME_AWAY, B, "ben", 'c', AWAY_LOST); /* the later one holds it */
    expect("20:gone-away ben w=21\n21:gone-away ben w=21\n");
}

/* A client that resumed while something else stood in for the directory. */
static void a_secret_that_is_new_to_it_is_believed_to_the_holder(void **state)
{
    (void)state;
    ann_and_ben();
    restore(B, "ben", 'c', 'b', false);
    expect("20:changed ben {\"r\":1}\n");
    change(FRAME_AWAY, B, "ben", 'c', AWAY_LOST);
    expect("20:gone-away ben w=21\n21:gone-away ben w=21\n");
    directory_worker_down(directory, B, NULL, 0);
    expect("20:gone-away ben w=0\n");
    restore(B, "ben", 'd', 'c', false);
    expect("20:moved ben w=21\n");
    directory_worker_down(directory, B, NULL, 0);
    expect("20:gone-away ben w=0\n");
    restore(B, "ben", 'e', 'x', false); /* proves nothing */
    expect("21:evicted ben\n");
}

/* An older copy of the directory took its place: who came by its membership later than what that one
 * knows of has it, however often it went on since. */
static void who_took_it_later_than_this_copy_knows_has_it(void **state)
{
    (void)state;
    ann_and_ben(); /* at 1 and 2 of the room */
    uint64_t base = (uint64_t)1 << 32;
    struct frame later = {.kind = FRAME_RESTORE,
                          .from = C,
                          .peer = SLICE("ben"),
                          .secret = secret('z'),
                          .info = SLICE("{}"),
                          .version = base + 1,
                          .taken = base + 2};
    say(&later);
    expect("22:evicted ben\n");
    later.taken = base + 3;
    say(&later);
    expect("20:moved ben w=22\n21:moved ben w=22\n");
    later.from = B;
    later.secret = secret('y'); /* nor does it go back */
    say(&later);
    expect("21:evicted ben\n");
}

static void what_is_disclaimed_is_nobodys(void **state)
{
    struct frame disclaim = {.kind = FRAME_DISCLAIM, .from = B, .peer = SLICE("ann")};
    (void)state;
    ann_and_ben();
    say(&disclaim); /* not its own */
    disclaim.peer = SLICE("ben");
    disclaim.stint = 12345; /* of another session */
    say(&disclaim);
    expect("");
    disclaim.stint = 0; /* as it joined */
    say(&disclaim);
    expect("20:gone-away ben w=0\n");
    resume(C, "ben", 'c', 'b');
    expect("20:moved ben w=22\n22:room taken-over\n");
}

static void one_that_nobody_holds_can_be_restored_as_that(void **state)
{
    (void)state;
    restore(A, "ann", 'a', 0, false);
    restore(DIRECTORY, "ben", 'b', 0, true);
    expect("20:joined ben {\"r\":1}\n20:gone-away ben w=0\n");
    now += WINDOW + 100;
    directory_tick(directory, now);
    expect("20:left ben r=1\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(limits_are_of_rooms_and_of_peers),
        TEST(a_read_is_answered_where_something_changed),
        TEST(a_join_that_is_asked_again_is_answered_again),
        TEST(a_resume_that_another_came_after_is_refused),
        TEST(who_is_not_believed_hears_of_a_later_version_all_the_same),
        TEST(a_join_that_is_asked_again_fits_into_a_full_room),
        TEST(a_resume_that_is_asked_again_names_the_same_former_holder),
        TEST(a_resume_that_was_a_join_is_one_again),
        TEST(who_asks_again_after_its_worker_was_given_up_is_back),
        TEST(an_unheard_one_gives_way_once_it_is_away),
        TEST(an_unheard_one_alone_gives_way_too),
        TEST(one_that_was_heard_does_not),
        TEST(an_unheard_one_that_resumes_is_heard),
        TEST(a_lost_membership_is_made_again),
        TEST(restoring_knows_no_limits),
        TEST(what_is_known_stays_as_it_is),
        TEST(the_version_is_raised_to_what_the_worker_knows),
        TEST(a_state_that_was_missed_is_told),
        TEST(one_that_was_reaped_is_given_back),
        TEST(one_that_was_reaped_is_given_back_away),
        TEST(what_somebody_else_holds_is_evicted),
        TEST(what_somebody_else_is_about_to_claim_is_not),
        TEST(an_older_session_of_the_same_worker_does_not_win),
        TEST(a_secret_that_is_new_to_it_is_believed_to_the_holder),
        TEST(who_took_it_later_than_this_copy_knows_has_it),
        TEST(what_is_disclaimed_is_nobodys),
        TEST(one_that_nobody_holds_can_be_restored_as_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
