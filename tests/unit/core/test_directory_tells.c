/* What the directory tells of rooms and peers that come and go: to whom, once, and only that. */
#include "core/directory_fixture.h"

#include "core/control.h"

#define A ((worker_id)20)
#define B ((worker_id)21)
#define ADMIN ((worker_id)30)

static int setup(void **state)
{
    fixture_setup(state);
    fixture_tells();
    return 0;
}

static void pass(uint64_t ms)
{
    now += ms;
    directory_tick(directory, now);
}

static void leave(worker_id worker, const char *peer, char byte, enum leave_reason reason)
{
    say(&(struct frame){.kind = FRAME_LEAVE,
                        .from = worker,
                        .peer = slice_of(peer),
                        .secret = secret(byte),
                        .reason = reason});
}

static void ignore_answer(const struct frame *frame)
{
    assert_int_equal(frame->error, 0);
}

static void control(enum control_op op, const char *peer, struct slice data)
{
    fixture_on_controlled = ignore_answer;
    say(&(struct frame){
        .kind = FRAME_CONTROL, .from = ADMIN, .reason = op, .peer = slice_of(peer), .data = data});
    fixture_on_controlled = NULL;
}

static void the_asker_is_told_and_nobody_else(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    expect("20:happened opened\n20:happened ann joined\n20:room entered w=20\n");
    join(B, "bob", 'b');
    expect("20:joined bob w=21 {}\n21:happened bob joined\n21:room entered w=21\n");
    leave(A, "ann", 'a', LEAVE_LEFT);
    expect("21:left ann r=0\n20:happened ann left r=0\n");
    leave(B, "bob", 'b', LEAVE_TIMEOUT);
    expect("21:happened bob left r=1\n21:happened closed r=0\n");
}

static void each_has_a_higher_version(void **state)
{
    (void)state;
    uint64_t before;
    join(A, "ann", 'a');
    before = last_version();
    leave(A, "ann", 'a', LEAVE_LEFT);
    assert_int_equal(last_version(), before + 2); /* left, closed */
    before = last_version();
    join(A, "ann", 'a');
    assert_true(last_version() > before);
}

static void who_is_away_or_moves_has_not_left(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    expect("20:happened opened\n20:happened ann joined\n20:room entered w=20\n");
    say(&(struct frame){
        .kind = FRAME_AWAY, .from = A, .peer = SLICE("ann"), .secret = secret('a')});
    expect("20:gone-away ann w=20\n");
    resume(B, "ann", 'b', 'a');
    expect("20:moved ann w=21\n21:room taken-over w=20\n");
}

static void who_replaces_another_joins_after_that_one_left(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    expect("20:happened opened\n20:happened ann joined\n20:room entered w=20\n");
    say(&(struct frame){.kind = FRAME_JOIN,
                        .from = B,
                        .peer = SLICE("ann"),
                        .secret = secret('b'),
                        .flags = JOIN_PROVEN});
    expect("20:left ann r=3\n21:happened ann left r=3\n21:happened ann joined\n"
           "21:room entered w=21\n");
}

static void what_is_asked_again_is_told_again(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    join(A, "ann", 'a');
    expect("20:happened opened\n20:happened ann joined\n20:room entered w=20\n"
           "20:happened opened\n20:happened ann joined\n20:room entered w=20\n");
    join(A, "bob", 'b');
    join(A, "bob", 'b');
    expect("20:happened bob joined\n20:room entered w=20\n"
           "20:happened bob joined\n20:room entered w=20\n");
    resume(A, "ann", 'c', 'a');
    resume(A, "ann", 'c', 'a');
    expect("20:room taken-over w=20\n20:room taken-over w=20\n");
}

static void what_time_brings_is_told_to_any_one(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    expect("20:happened opened\n20:happened ann joined\n20:room entered w=20\n");
    directory_worker_down(directory, A, NULL, 0);
    expect("");
    pass(WINDOW + 1000);
    expect("0:happened ann left r=1\n0:happened closed r=0\n");
}

static void administrators_make_empty_and_close_rooms(void **state)
{
    struct control_change change = {.settings = {.empty_ttl = 70000}, .fields = CONTROL_EMPTY_TTL};
    struct buf data, no_ban;
    (void)state;
    buf_init(&data, 1000);
    buf_init(&no_ban, 1000);
    control_change_add(&data, &change);
    control_ban_time_add(&no_ban, &(struct control_ban_time){0});
    control(CONTROL_SET, "", buf_slice(&data));
    expect("30:happened opened\n");
    join(A, "ann", 'a');
    join(A, "bob", 'b');
    expect("20:happened ann joined\n20:room entered w=20\n"
           "20:happened bob joined\n20:room entered w=20\n");
    control(CONTROL_KICK, "ann", buf_slice(&no_ban));
    expect("20:left ann r=2\n30:happened ann left r=2\n");
    leave(A, "bob", 'b', LEAVE_LEFT);
    expect("20:happened bob left r=0\n");
    pass(71000);
    expect("0:happened closed r=0\n");
    join(A, "ann", 'a');
    expect("20:happened opened\n20:happened ann joined\n20:room entered w=20\n");
    control(CONTROL_CLOSE, "", SLICE_NONE);
    expect("30:happened ann left r=4\n20:closed\n30:happened closed r=4\n");
    buf_done(&data);
    buf_done(&no_ban);
}

static void rooms_end_with_it(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    expect("20:happened opened\n20:happened ann joined\n20:room entered w=20\n");
    directory_end(directory);
    expect("0:happened ann left r=4\n0:happened closed r=4\n");
    leave(A, "ann", 'a', LEAVE_LEFT);
    join(A, "ben", 'b');
    directory_end(directory);
    expect("20:room entered w=20\n");
}

static void who_is_restored_has_joined_where_nothing_was_known_of_it(void **state)
{
    (void)state;
    struct frame restore = {
        .kind = FRAME_RESTORE, .from = A, .peer = SLICE("ann"), .secret = secret('a')};
    say(&restore);
    expect("20:happened opened\n20:happened ann joined\n");
    say(&restore);
    expect("");
}

static void a_join_that_fails_is_no_news(void **state)
{
    (void)state;
    join(A, "ann", 'a');
    join(A, "ann", 'b');
    expect("20:happened opened\n20:happened ann joined\n20:room entered w=20\n"
           "20:refused e=peer-taken\n");
}

static void nothing_is_told_where_nobody_wants_to_know(void **state)
{
    (void)state;
    fixture_limits(1, 1);
    join(A, "ann", 'a');
    leave(A, "ann", 'a', LEAVE_LEFT);
    expect("20:room entered w=20\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_asker_is_told_and_nobody_else),
        TEST(each_has_a_higher_version),
        TEST(who_is_away_or_moves_has_not_left),
        TEST(who_replaces_another_joins_after_that_one_left),
        TEST(what_is_asked_again_is_told_again),
        TEST(what_time_brings_is_told_to_any_one),
        TEST(administrators_make_empty_and_close_rooms),
        TEST(rooms_end_with_it),
        TEST(who_is_restored_has_joined_where_nothing_was_known_of_it),
        TEST(a_join_that_fails_is_no_news),
        TEST(nothing_is_told_where_nobody_wants_to_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
