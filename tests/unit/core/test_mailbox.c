/* The mailbox of a drained worker's member, frame by frame. */
#include "core/directory_fixture.h"

#include <stdio.h>

#include "base/mem.h"

#define A ((worker_id)20)
#define B ((worker_id)21)
#define C ((worker_id)22)

static void deposit(worker_id worker, const char *peer, char byte, int messages)
{
    struct buf held;
    buf_init(&held, 1000);
    for (int i = 0; i < messages; i++)
        held_add(&held, slice_of((const char *[]){"m1", "m2", "m3", "m4"}[i]));
    say(&(struct frame){.kind = FRAME_DEPOSIT,
                        .from = worker,
                        .to = MAILBOX,
                        .peer = slice_of(peer),
                        .secret = secret(byte),
                        .received = 7,
                        .acked = 10,
                        .data = buf_slice(&held)});
    buf_done(&held);
}

/* ann on A; ben on B, who has drained and left m1 and m2 (his 11th and 12th). */
static void ben_is_deposited(void)
{
    join(A, "ann", 'a');
    join(B, "ben", 'b');
    expect("20:room entered w=20\n20:joined ben w=21 {}\n21:room entered w=21\n");
    deposit(B, "ben", 'b', 2);
    expect("20:gone-away ben w=1\n21:gone-away ben w=1\n");
}

static void signal_to(const char *peer, const char *data)
{
    say(&(struct frame){.kind = FRAME_SIGNAL,
                        .from = A,
                        .to = MAILBOX,
                        .peer = slice_of(peer),
                        .sender = SLICE("ann"),
                        .id = SLICE("1"),
                        .data = slice_of(data)});
}

static void fence(void)
{
    say(&(struct frame){.kind = FRAME_FENCE, .from = A, .to = MAILBOX, .peer = SLICE("ben")});
}

/* A signal from ben that found nobody. */
static void come_back(void)
{
    say(&(struct frame){.kind = FRAME_UNDELIVERED,
                        .from = A,
                        .to = MAILBOX,
                        .peer = SLICE("ann"),
                        .sender = SLICE("ben"),
                        .error = ERR_UNAVAILABLE});
}

static void claim(worker_id worker, uint32_t request, uint64_t received)
{
    say(&(struct frame){.kind = FRAME_CLAIM,
                        .from = worker,
                        .to = MAILBOX,
                        .request = request,
                        .peer = SLICE("ben"),
                        .received = received});
}

static void confirm(worker_id worker, char byte)
{
    say(&(struct frame){
        .kind = FRAME_CONFIRM, .from = worker, .peer = SLICE("ben"), .secret = secret(byte)});
}

static void ben_is_taken_over(void)
{
    resume(C, "ben", 'c', 'b');
    expect("20:moved ben w=22\n22:room taken-over w=1\n");
}

static void what_is_deposited_and_what_came_since_is_handed_over_in_order(void **state)
{
    (void)state;
    ben_is_deposited();
    signal_to("ben", "3");
    ben_is_taken_over();
    signal_to("ben", "4");
    expect("");
    claim(C, 5, 11);
    expect("22:hold ben from-mailbox q=5 m2\n"
           "22:hold ben from-mailbox q=5 {\"type\":\"signal\",\"from\":\"ann\",\"data\":3}\n"
           "22:hold ben from-mailbox q=5 {\"type\":\"signal\",\"from\":\"ann\",\"data\":4}\n"
           "22:handed ben from-mailbox q=5 n=7\n");
}

static void only_the_holder_deposits(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    expect("20:room entered w=20\n");
    deposit(B, "ann", 'a', 0);
    deposit(A, "ann", 'x', 0);
    deposit(A, "nobody", 'a', 0);
    expect("");
    deposit(A, "ann", 'a', 0);
    expect("20:gone-away ann w=1\n");
    deposit(A, "ann", 'a', 0); /* asked again */
    expect("");
}

static void the_same_claim_gets_the_same_answer(void **state)
{
    (void)state;
    ben_is_deposited();
    ben_is_taken_over();
    for (int i = 0; i < 2; i++) {
        claim(C, 5, 11);
        expect("22:hold ben from-mailbox q=5 m2\n22:handed ben from-mailbox q=5 n=7\n");
    }
    claim(C, 6, 11);
    expect("22:handed ben from-mailbox e=unavailable q=6\n");
    claim(A, 5, 11);
    expect("20:handed ben from-mailbox e=unavailable q=5\n");
    confirm(C, 'c');
    claim(C, 5, 11);
    expect("22:handed ben from-mailbox e=unavailable q=5\n");
}

static void counts_that_do_not_meet_are_declined(void **state)
{
    (void)state;
    ben_is_deposited();
    ben_is_taken_over();
    claim(C, 5, 9); /* the tenth is not there any more */
    expect("22:handed ben from-mailbox e=unavailable q=5 n=7\n");
}

static void a_count_of_the_future_is_declined(void **state)
{
    (void)state;
    ben_is_deposited();
    ben_is_taken_over();
    claim(C, 5, 13);
    expect("22:handed ben from-mailbox e=unavailable q=5 n=7\n");
}

static void a_full_one_answers_peer_busy(void **state)
{
    (void)state;
    ben_is_deposited();
    signal_to("ben", "3");
    signal_to("ben", "4");
    expect("");
    signal_to("ben", "5");
    expect("20:undelivered ben from-mailbox e=peer-busy 5\n");
}

static void one_that_is_full_of_bytes_answers_peer_busy(void **state)
{
    (void)state;
    char data[1000];
    ben_is_deposited();
    snprintf(data, sizeof(data), "\"%0*d\"", 960, 1);
    signal_to("ben", data);
    expect("");
    signal_to("ben", "4");
    expect("20:undelivered ben from-mailbox e=peer-busy 4\n");
}

static void nobody_there_is_said_so(void **state)
{
    (void)state;
    ben_is_deposited();
    signal_to("nobody", "1");
    expect("20:undelivered nobody from-mailbox e=peer-not-found 1\n");
    claim(C, 5, 10);
    expect("22:hold ben from-mailbox q=5 m1\n"
           "22:hold ben from-mailbox q=5 m2\n"
           "22:handed ben from-mailbox q=5 n=7\n");
}

static void what_comes_late_is_passed_on(void **state)
{
    (void)state;
    ben_is_deposited();
    ben_is_taken_over();
    claim(C, 5, 12);
    expect("22:handed ben from-mailbox q=5 n=7\n");
    signal_to("ben", "3");
    fence();
    expect("22:signal ben h=1 3\n22:fence ben h=1\n");
    directory_worker_down(directory, C, NULL, 0);
    expect("20:gone-away ben w=0\n");
    signal_to("ben", "4");
    fence();
    expect("20:undelivered ben from-mailbox e=unavailable 4\n20:fenced ben\n");
}

/* What it came behind is in the hold, which goes in front of what is sent straight to the new holder. */
static void a_fence_to_who_holds_has_arrived(void **state)
{
    (void)state;
    ben_is_deposited();
    fence();
    expect("20:fenced ben from-mailbox\n");
    ben_is_taken_over();
    fence();
    expect("20:fenced ben from-mailbox\n");
    claim(C, 5, 12);
    expect("22:handed ben from-mailbox q=5 n=7\n");
}

static void what_ben_sent_and_came_back_waits_for_him(void **state)
{
    (void)state;
    ben_is_deposited();
    come_back();
    expect("");
    ben_is_taken_over();
    claim(C, 5, 12);
    expect("22:handed ben from-mailbox q=5 n=7\n22:undelivered ann e=unavailable h=1\n");
    come_back();
    expect("22:undelivered ann e=unavailable h=1\n");
}

static void it_goes_with_the_membership(void **state)
{
    (void)state;
    ben_is_deposited();
    come_back();
    now += WINDOW + 100;
    directory_tick(directory, now);
    expect("20:left ben r=1\n");
    signal_to("ben", "1");
    expect("20:undelivered ben from-mailbox e=peer-not-found 1\n");
    claim(C, 5, 12);
    expect("22:handed ben from-mailbox e=unavailable q=5\n");
}

static void an_unclaimed_one_goes_in_time(void **state)
{
    (void)state;
    ben_is_deposited();
    ben_is_taken_over();
    come_back();
    now += WINDOW + 11000;
    directory_tick(directory, now);
    expect("22:undelivered ann e=unavailable h=1\n");
    claim(C, 5, 12);
    expect("22:handed ben from-mailbox e=unavailable q=5\n");
}

static void who_takes_over_from_the_claimant_leaves_it_there(void **state)
{
    (void)state;
    ben_is_deposited();
    ben_is_taken_over();
    resume(A, "ben", 'd', 'c');
    expect("22:moved ben w=20\n20:room taken-over w=22\n");
    claim(C, 5, 12);
    expect("22:handed ben from-mailbox q=5 n=7\n");
}

static void a_claimant_that_crashes_takes_it_along(void **state)
{
    (void)state;
    ben_is_deposited();
    ben_is_taken_over();
    directory_worker_down(directory, C, NULL, 0);
    resume(A, "ben", 'd', 'c');
    expect("20:gone-away ben w=0\n20:room taken-over\n");
    claim(A, 5, 12);
    expect("20:handed ben from-mailbox e=unavailable q=5\n");
}

static void who_claimed_may_deposit_again(void **state)
{
    (void)state;
    ben_is_deposited();
    ben_is_taken_over();
    claim(C, 5, 12);
    deposit(C, "ben", 'c', 1);
    expect("22:handed ben from-mailbox q=5 n=7\n20:gone-away ben w=1\n22:gone-away ben w=1\n");
    resume(A, "ben", 'd', 'c');
    claim(A, 6, 10);
    expect("20:room taken-over w=1\n"
           "20:hold ben from-mailbox q=6 m1\n"
           "20:handed ben from-mailbox q=6 n=7\n");
}

static void the_holder_that_restores_has_deposited_already(void **state)
{
    (void)state;
    struct frame restore = {.kind = FRAME_RESTORE,
                            .from = B,
                            .peer = SLICE("ben"),
                            .secret = secret('b'),
                            .info = SLICE("{}")};
    ben_is_deposited();
    say(&restore);
    expect("");
    restore.secret = secret('x');
    say(&restore);
    expect("21:evicted ben\n");
    ben_is_taken_over();
}

static void a_deposit_that_cannot_be_read_is_as_a_crash(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    expect("20:room entered w=20\n");
    mem_fail_nth(3);
    deposit(A, "ann", 'a', 2);
    mem_fail_nth(0);
    resume(B, "ann", 'b', 'a');
    expect("21:room taken-over\n");
}

static void the_end_of_the_directory_sends_nothing(void **state)
{
    (void)state;
    ben_is_deposited();
    come_back();
    expect("");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_deposited_and_what_came_since_is_handed_over_in_order),
        TEST(only_the_holder_deposits),
        TEST(the_same_claim_gets_the_same_answer),
        TEST(counts_that_do_not_meet_are_declined),
        TEST(a_count_of_the_future_is_declined),
        TEST(a_full_one_answers_peer_busy),
        TEST(one_that_is_full_of_bytes_answers_peer_busy),
        TEST(nobody_there_is_said_so),
        TEST(what_comes_late_is_passed_on),
        TEST(a_fence_to_who_holds_has_arrived),
        TEST(what_ben_sent_and_came_back_waits_for_him),
        TEST(it_goes_with_the_membership),
        TEST(an_unclaimed_one_goes_in_time),
        TEST(who_takes_over_from_the_claimant_leaves_it_there),
        TEST(a_claimant_that_crashes_takes_it_along),
        TEST(who_claimed_may_deposit_again),
        TEST(the_holder_that_restores_has_deposited_already),
        TEST(a_deposit_that_cannot_be_read_is_as_a_crash),
        TEST(the_end_of_the_directory_sends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
