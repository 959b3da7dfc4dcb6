/* Who stands in for the directory says only what it can know: nothing about tickets and about rooms
 * that administrators make, and nothing to administrators. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/error.h"
#include "bus/provisional.h"
#include "core/control.h"

#define SELF ((worker_id)20)

static struct provisional *provisional;
static struct buf frames, settings;

/* The worker hosts "room", where ann is; its settings are those of the test. */
static void export_room(void *context, struct slice room, node_emit emit, void *to)
{
    (void)context;
    if (slice_is(room, "room"))
        emit(to, &(struct frame){.kind = FRAME_RESTORE,
                                 .from = SELF,
                                 .to = DIRECTORY,
                                 .version = 50,
                                 .room = room,
                                 .peer = SLICE("ann"),
                                 .secret = {.bytes = {1}},
                                 .data = buf_slice(&settings)});
}

static void start(struct directory_options directory)
{
    crypto_init();
    buf_init(&frames, 1 << 20);
    buf_init(&settings, 10000);
    provisional = provisional_new(&(struct provisional_options){.directory = directory,
                                                                .self = SELF,
                                                                .export_room = export_room},
                                  1000);
    assert_non_null(provisional);
}

static int teardown(void **state)
{
    (void)state;
    provisional_free(provisional);
    buf_done(&frames);
    buf_done(&settings);
    return 0;
}

static enum provisional_outcome serve(struct frame frame)
{
    frame.from = SELF;
    frame.to = DIRECTORY;
    frame.request = 7;
    buf_clear(&frames);
    return provisional_serve(provisional, &frame, false, &frames);
}

static enum provisional_outcome join(const char *room, const char *peer, const char *ticket)
{
    return serve((struct frame){.kind = FRAME_JOIN,
                                .room = slice_of(room),
                                .peer = slice_of(peer),
                                .secret = {.bytes = {2}},
                                .ticket = slice_of(ticket),
                                .ticket_ms = 60000});
}

static struct frame answer(void)
{
    struct slice bytes = buf_slice(&frames);
    struct frame frame;
    assert_true(frame_next(&bytes, &frame));
    return frame;
}

static void administrators_are_not_served(void **state)
{
    (void)state;
    start((struct directory_options){0});
    for (enum control_op op = 0; op < CONTROL_OP_COUNT; op++) {
        assert_int_equal(
            serve((struct frame){.kind = FRAME_CONTROL, .reason = op, .room = SLICE("room")}),
            PROVISIONAL_UNABLE);
        assert_int_equal(frames.len, 0);
    }
}

static void a_ticket_lets_nobody_in(void **state)
{
    (void)state;
    start((struct directory_options){0});
    assert_int_equal(join("room", "bob", "ticket"), PROVISIONAL_SERVED);
    assert_int_equal(answer().error, ERR_UNAVAILABLE);
    assert_int_equal(join("room", "bob", ""), PROVISIONAL_SERVED);
    assert_int_equal(answer().kind, FRAME_ROOM);
}

static void where_only_administrators_make_rooms_none_is_made(void **state)
{
    (void)state;
    start((struct directory_options){.made_rooms_only = true});
    assert_int_equal(join("other", "bob", ""), PROVISIONAL_UNABLE);
    assert_int_equal(frames.len, 0);
    assert_int_equal(join("room", "bob", ""), PROVISIONAL_SERVED);
    assert_int_equal(answer().kind, FRAME_ROOM);
}

static void locks_and_bans_that_are_known_hold(void **state)
{
    struct buf bans;
    (void)state;
    start((struct directory_options){0});
    buf_init(&bans, 1000);
    control_ban_add(&bans, &(struct control_ban){.peer = SLICE("bob"), .until = 1000000});
    control_settings_add(&settings, &(struct control_settings){
                                        .version = 40, .locked = true, .bans = buf_slice(&bans)});
    buf_done(&bans);
    join("room", "bob", "");
    assert_int_equal(answer().error, ERR_FORBIDDEN);
    join("room", "eve", "");
    assert_int_equal(answer().error, ERR_ROOM_LOCKED);
}

/* The store does, once it is told of what happened here. */
static void it_tells_nothing_of_who_comes(void **state)
{
    (void)state;
    start((struct directory_options){.tells = true});
    assert_int_equal(join("other", "bob", ""), PROVISIONAL_SERVED);
    assert_int_equal(answer().kind, FRAME_ROOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(administrators_are_not_served, teardown),
        cmocka_unit_test_teardown(a_ticket_lets_nobody_in, teardown),
        cmocka_unit_test_teardown(where_only_administrators_make_rooms_none_is_made, teardown),
        cmocka_unit_test_teardown(locks_and_bans_that_are_known_hold, teardown),
        cmocka_unit_test_teardown(it_tells_nothing_of_who_comes, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
