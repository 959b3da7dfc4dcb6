#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/wheel.h"

#define START UINT64_C(1000000007) /* ms: in the middle of a slot */
#define TURN ((uint64_t)WHEEL_SLOTS * WHEEL_SLOT_MS)

static struct wheel wheel;
static uint64_t now;

struct timer {
    struct deadline deadline; /* first: a deadline is its timer */
    unsigned fired;
    uint64_t at;         /* when it last fired */
    struct timer *other; /* what `act` acts on */
    void (*act)(struct timer *timer);
};

static void fire(struct deadline *deadline)
{
    struct timer *timer = (struct timer *)deadline;
    timer->fired++;
    timer->at = now;
    if (timer->act != NULL)
        timer->act(timer);
}

static struct timer timer_make(void)
{
    return (struct timer){.deadline = {.on_due = fire}};
}

static int start(void **state)
{
    (void)state;
    now = START;
    wheel_init(&wheel, now);
    return 0;
}

static void turn_to(uint64_t time)
{
    now = time;
    wheel_turn(&wheel, now);
}

static void arm(struct timer *timer, uint64_t due)
{
    wheel_arm(&wheel, &timer->deadline, due);
}

static void fires_once_between_due_and_a_slot_later(void **state)
{
    (void)state;
    for (uint64_t wait = 0; wait < 3 * TURN; wait += 37) {
        struct timer timer = timer_make();
        start(NULL);
        arm(&timer, START + wait);
        while (timer.fired == 0 && now < START + wait + 2 * WHEEL_SLOT_MS)
            turn_to(now + 1);
        assert_int_equal(timer.fired, 1);
        assert_in_range(timer.at, START + wait, START + wait + WHEEL_SLOT_MS);
        assert_int_equal(timer.deadline.due, 0);
    }
}

static void what_is_past_fires_at_once(void **state)
{
    (void)state;
    struct timer timer = timer_make();
    arm(&timer, 0);
    assert_int_not_equal(timer.deadline.due, 0);
    turn_to(START + WHEEL_SLOT_MS);
    assert_int_equal(timer.fired, 1);
    arm(&timer, START - 5 * TURN);
    turn_to(now + WHEEL_SLOT_MS);
    assert_int_equal(timer.fired, 2);
}

static void moving_forgets_the_former_time(void **state)
{
    (void)state;
    struct timer timer = timer_make();
    arm(&timer, START + 100);
    arm(&timer, START + 5000);
    turn_to(START + 4999);
    assert_int_equal(timer.fired, 0);
    arm(&timer, START + 5100);
    arm(&timer, START + 5050);
    turn_to(START + 5100);
    assert_int_equal(timer.fired, 1);
    turn_to(START + 3 * TURN);
    assert_int_equal(timer.fired, 1);
}

static void disarmed_does_not_fire(void **state)
{
    (void)state;
    struct timer timer = timer_make();
    wheel_disarm(&timer.deadline);
    arm(&timer, START + 100);
    wheel_disarm(&timer.deadline);
    wheel_disarm(&timer.deadline);
    turn_to(START + 2 * TURN);
    assert_int_equal(timer.fired, 0);
}

static void far_deadlines_wait_for_their_turn(void **state)
{
    (void)state;
    struct timer hour = timer_make(), week = timer_make();
    arm(&hour, START + 3600000);
    arm(&week, START + 7 * 86400000);
    while (now < START + 3600000 - 1000)
        turn_to(now + 1000);
    assert_int_equal(hour.fired, 0);
    turn_to(START + 3600000 + WHEEL_SLOT_MS);
    assert_int_equal(hour.fired, 1);
    assert_int_equal(week.fired, 0);
    wheel_disarm(&week.deadline);
}

static void a_jump_of_time_misses_nothing(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    static struct timer timers[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        timers[i] = timer_make();
        arm(&timers[i], START + i * 100);
    }
    turn_to(START + 30000); /* more than two turns at once */
    for (size_t i = 0; i < COUNT; i++)
        if (i * 100 + WHEEL_SLOT_MS <= 30000)
            assert_int_equal(timers[i].fired, 1);
        else if (i * 100 > 30000)
            assert_int_equal(timers[i].fired, 0);
    turn_to(START + 365 * UINT64_C(86400000));
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(timers[i].fired, 1);
}

static void time_that_stands_still_or_goes_back_does_no_harm(void **state)
{
    (void)state;
    struct timer timer = timer_make();
    arm(&timer, START + 200);
    turn_to(START + 100);
    turn_to(START + 100);
    turn_to(START - 100000);
    assert_int_equal(timer.fired, 0);
    turn_to(START + 250);
    assert_int_equal(timer.fired, 1);
}

static void arm_again(struct timer *timer)
{
    arm(timer, now + 10);
}

static void may_arm_itself_when_due(void **state)
{
    (void)state;
    struct timer timer = timer_make();
    timer.act = arm_again;
    arm(&timer, START + 10);
    for (int i = 0; i < 100; i++) {
        unsigned fired = timer.fired;
        turn_to(now + WHEEL_SLOT_MS);
        assert_in_range(timer.fired - fired, 0, 1);
    }
    assert_in_range(timer.fired, 40, 100);
    wheel_disarm(&timer.deadline);
}

static void arm_a_turn_later(struct timer *timer)
{
    arm(timer, now + TURN);
}

/* It lands in the very slot that is being looked at. */
static void may_arm_itself_into_the_same_slot(void **state)
{
    (void)state;
    struct timer timer = timer_make();
    timer.act = arm_a_turn_later;
    arm(&timer, START + 10);
    turn_to(START + WHEEL_SLOT_MS);
    assert_int_equal(timer.fired, 1);
    turn_to(now + TURN - 1);
    assert_int_equal(timer.fired, 1);
    turn_to(now + WHEEL_SLOT_MS + 1);
    assert_int_equal(timer.fired, 2);
    wheel_disarm(&timer.deadline);
}

static void disarm_other(struct timer *timer)
{
    wheel_disarm(&timer->other->deadline);
}

static void may_disarm_another_that_is_due_as_well(void **state)
{
    (void)state;
    struct timer a = timer_make(), b = timer_make();
    a.act = b.act = disarm_other;
    a.other = &b;
    b.other = &a;
    arm(&a, START + 10);
    arm(&b, START + 10);
    turn_to(START + 1000);
    assert_int_equal(a.fired + b.fired, 1);
}

static void move_other(struct timer *timer)
{
    arm(timer->other, now + 500);
}

static void may_move_another_that_is_due_as_well(void **state)
{
    (void)state;
    struct timer a = timer_make(), b = timer_make();
    a.act = b.act = move_other;
    a.other = &b;
    b.other = &a;
    arm(&a, START + 10);
    arm(&b, START + 10);
    turn_to(START + 60);
    assert_int_equal(a.fired + b.fired, 1);
    turn_to(START + 60 + 500 + WHEEL_SLOT_MS);
    assert_int_equal(a.fired, 1);
    assert_int_equal(b.fired, 1);
    wheel_disarm(&a.deadline);
    wheel_disarm(&b.deadline);
}

static void free_self(struct timer *timer)
{
    free(timer);
}

static void may_free_its_owner_when_due(void **state)
{
    (void)state;
    struct timer witness = timer_make();
    for (int i = 0; i < 3; i++) {
        struct timer *timer = malloc(sizeof(*timer));
        assert_non_null(timer);
        *timer = timer_make();
        timer->act = free_self;
        arm(timer, START + 10);
    }
    arm(&witness, START + 10);
    turn_to(START + 1000);
    assert_int_equal(witness.fired, 1);
}

#define MODEL_TIMERS 200

static struct {
    struct timer timer;
    uint64_t due;   /* 0: not armed */
    uint64_t armed; /* when */
} model[MODEL_TIMERS];

static void check_due(struct timer *timer)
{
    for (size_t i = 0; i < MODEL_TIMERS; i++) {
        if (timer != &model[i].timer)
            continue;
        assert_int_not_equal(model[i].due, 0);
        assert_true(model[i].due <= now);
        model[i].due = 0;
        if (rand() % 4 == 0) {
            model[i].due = now + (uint64_t)(rand() % 400);
            model[i].armed = now;
            arm(timer, model[i].due);
        }
    }
}

static void act_at_random(void)
{
    size_t i = (size_t)rand() % MODEL_TIMERS;
    if (rand() % 4 == 0) {
        wheel_disarm(&model[i].timer.deadline);
        model[i].due = 0;
        return;
    }
    uint64_t reach = rand() % 8 == 0 ? 5 * TURN : 2000;
    model[i].due = now - 100 + (uint64_t)rand() % reach;
    model[i].armed = now;
    arm(&model[i].timer, model[i].due);
}

static void assert_none_is_late(void)
{
    for (size_t i = 0; i < MODEL_TIMERS; i++) {
        if (model[i].due == 0)
            continue;
        uint64_t earliest = model[i].due > model[i].armed ? model[i].due : model[i].armed;
        assert_true(now < earliest + WHEEL_SLOT_MS);
    }
}

/* Against a plain array, with a fixed seed: never early, never lost, at most one slot late. */
static void agrees_with_a_model(void **state)
{
    (void)state;
    srand(1);
    for (size_t i = 0; i < MODEL_TIMERS; i++) {
        model[i].timer = timer_make();
        model[i].timer.act = check_due;
        model[i].due = 0;
    }
    for (int round = 0; round < 20000; round++) {
        for (int i = rand() % 8; i > 0; i--)
            act_at_random();
        int step = rand() % 100;
        turn_to(now + (uint64_t)(step < 90   ? rand() % 60
                                 : step < 99 ? rand() % 1000
                                             : rand() % 40000));
        assert_none_is_late();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(fires_once_between_due_and_a_slot_later, start),
        cmocka_unit_test_setup(what_is_past_fires_at_once, start),
        cmocka_unit_test_setup(moving_forgets_the_former_time, start),
        cmocka_unit_test_setup(disarmed_does_not_fire, start),
        cmocka_unit_test_setup(far_deadlines_wait_for_their_turn, start),
        cmocka_unit_test_setup(a_jump_of_time_misses_nothing, start),
        cmocka_unit_test_setup(time_that_stands_still_or_goes_back_does_no_harm, start),
        cmocka_unit_test_setup(may_arm_itself_when_due, start),
        cmocka_unit_test_setup(may_arm_itself_into_the_same_slot, start),
        cmocka_unit_test_setup(may_disarm_another_that_is_due_as_well, start),
        cmocka_unit_test_setup(may_move_another_that_is_due_as_well, start),
        cmocka_unit_test_setup(may_free_its_owner_when_due, start),
        cmocka_unit_test_setup(agrees_with_a_model, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
