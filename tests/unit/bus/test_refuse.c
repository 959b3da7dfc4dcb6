#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "bus/bus.h"

static struct frame asked(enum frame_kind kind)
{
    return (struct frame){
        .kind = kind,
        .from = 7,
        .to = 9,
        .request = 3,
        .room = SLICE("room"),
        .peer = SLICE("bob"),
        .sender = SLICE("ann"),
        .id = SLICE("12"),
        .data = SLICE("{}"),
    };
}

static void a_signal_goes_back_as_undelivered(void **state)
{
    struct frame frame = asked(FRAME_SIGNAL), answer;
    (void)state;
    assert_true(bus_refuse(&frame, &answer));
    assert_int_equal(answer.kind, FRAME_UNDELIVERED);
    assert_int_equal(answer.from, 9);
    assert_int_equal(answer.to, 7);
    assert_int_equal(answer.error, ERR_UNAVAILABLE);
    assert_true(slice_is(answer.peer, "bob"));
    assert_true(slice_is(answer.sender, "ann"));
    assert_true(slice_is(answer.id, "12"));
}

static void whoever_waits_is_answered(void **state)
{
    static const struct {
        enum frame_kind kind, answer;
        int error;
    } cases[] = {
        {FRAME_JOIN, FRAME_REFUSED, ERR_UNAVAILABLE},
        {FRAME_RESUME, FRAME_REFUSED, ERR_UNAVAILABLE},
        {FRAME_READ, FRAME_REFUSED, ERR_UNAVAILABLE},
        {FRAME_CLAIM, FRAME_HANDED, ERR_UNAVAILABLE},
        {FRAME_FENCE, FRAME_FENCED, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct frame frame = asked(cases[i].kind), answer;
        assert_true(bus_refuse(&frame, &answer));
        assert_int_equal(answer.kind, cases[i].answer);
        assert_int_equal(answer.error, cases[i].error);
        assert_int_equal(answer.request, 3);
        assert_true(slice_is(answer.room, "room"));
    }
}

static void an_info_goes_back_to_its_own_peer(void **state)
{
    struct frame frame = asked(FRAME_INFO), answer;
    (void)state;
    assert_true(bus_refuse(&frame, &answer));
    assert_int_equal(answer.kind, FRAME_UNDELIVERED);
    assert_true(slice_is(answer.sender, "bob"));
    assert_true(slice_is(answer.peer, "bob"));
}

/* Or the sender's worker would take it that the peer lives there, and send another fence after
 * it. */
static void a_fence_is_never_answered_in_the_name_of_the_dead(void **state)
{
    struct frame frame = asked(FRAME_FENCE), answer;
    (void)state;
    assert_true(bus_refuse(&frame, &answer));
    assert_int_equal(answer.from, DIRECTORY);
}

static void claims_and_fences_are_rather_late_than_refused(void **state)
{
    struct frame claim = asked(FRAME_CLAIM), fence = asked(FRAME_FENCE), join = asked(FRAME_JOIN);
    struct frame answer;
    (void)state;
    assert_false(bus_refuse_waiting(&claim, &answer));
    assert_false(bus_refuse_waiting(&fence, &answer));
    assert_true(bus_refuse_waiting(&join, &answer));
}

static void an_answer_is_never_answered(void **state)
{
    static const enum frame_kind kinds[] = {FRAME_UNDELIVERED, FRAME_HANDED, FRAME_FENCED,
                                            FRAME_REFUSED,     FRAME_HOLD,   FRAME_ROOM,
                                            FRAME_JOINED,      FRAME_AWAY,   FRAME_LEAVE};
    struct frame answer;
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct frame frame = asked(kinds[i]);
        assert_false(bus_refuse(&frame, &answer));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_goes_back_as_undelivered),
        cmocka_unit_test(an_info_goes_back_to_its_own_peer),
        cmocka_unit_test(a_fence_is_never_answered_in_the_name_of_the_dead),
        cmocka_unit_test(claims_and_fences_are_rather_late_than_refused),
        cmocka_unit_test(whoever_waits_is_answered),
        cmocka_unit_test(an_answer_is_never_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
