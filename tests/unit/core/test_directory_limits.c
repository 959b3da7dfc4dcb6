/* How much the directory remembers of what is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/error.h"
#include "core/control.h"
#include "core/directory.h"
#include "core/directory_state.h"

static int last_error;

static void send_cb(void *context, const struct frame *frame)
{
    (void)context;
    last_error = frame->error;
}

static int setup(void **state)
{
    static const struct directory_options options = {.send = send_cb};
    crypto_init();
    *state = directory_new(&options, 0);
    return *state == NULL;
}

static int teardown(void **state)
{
    directory_free(*state);
    return 0;
}

static struct frame entrant(struct slice ticket)
{
    return (struct frame){.kind = FRAME_JOIN,
                          .from = 20,
                          .to = DIRECTORY,
                          .room = SLICE("room"),
                          .peer = SLICE("ann"),
                          .ticket = ticket,
                          .ticket_ms = CONTROL_TIME_MAX};
}

static void a_million_tickets_are_remembered(void **state)
{
    struct frame frame;
    for (uint32_t i = 0; i < 1000000; i++) {
        frame = entrant((struct slice){(const char *)&i, sizeof(i)});
        assert_true(directory_ticket_use(*state, &frame));
    }
    frame = entrant(SLICE("ticket"));
    directory_on_frame(*state, &frame);
    assert_int_equal(last_error, ERR_UNAVAILABLE);
}

static void so_many_that_were_ended_are_remembered(void **state)
{
    struct session_secret secret = {0};
    struct frame ann = entrant(SLICE_NONE);
    directory_on_frame(*state, &ann);
    struct directory_member *member = directory_find(*state, &ann);
    for (uint32_t i = 1; i <= 200001; i++) {
        memcpy(secret.bytes, &i, sizeof(i));
        member->secret = secret;
        directory_ended_add(member, LEAVE_KICKED);
        assert_int_equal(directory_ended_find(*state, ann.room, &secret, &secret),
                         i <= 200000 ? LEAVE_KICKED : LEAVE_REASON_COUNT);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_million_tickets_are_remembered),
        TEST(so_many_that_were_ended_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
