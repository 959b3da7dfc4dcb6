/* The scripts one by one, where the differential test does not reach: what is asked twice, limits,
 * leases, what Redis refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/error.h"
#include "redis/rig.h"

static struct rig rig;

static int start(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    server_do(rig.commands, "FLUSHALL");
    rig_clear(&rig);
    return 0;
}

static struct session_secret secret_of(unsigned char first)
{
    return (struct session_secret){.bytes = {first, 0, 255, '{'}};
}

static struct frame ask_of(enum frame_kind kind, unsigned worker, const char *peer)
{
    return (struct frame){.kind = kind,
                          .from = rig_workers[worker],
                          .to = DIRECTORY,
                          .request = 7,
                          .room = SLICE("room"),
                          .peer = slice_of(peer),
                          .info = SLICE("{}")};
}

static void join(unsigned worker, const char *peer, unsigned char secret)
{
    struct frame frame = ask_of(FRAME_JOIN, worker, peer);
    frame.secret = secret_of(secret);
    rig_ask(&rig, &frame);
    assert_string_equal(rig.error, "");
}

static struct frame only(const struct buf *frames)
{
    struct slice bytes = buf_slice(frames);
    struct frame frame;
    assert_true(frame_next(&bytes, &frame));
    assert_int_equal(bytes.len, 0);
    return frame;
}

static void a_join_makes_a_room(void **state)
{
    (void)state;
    join(0, "alice", 1);
    struct frame answer = only(&rig.answers);
    assert_int_equal(answer.kind, FRAME_ROOM);
    assert_int_equal(answer.reason, ROOM_ENTERED);
    assert_int_equal(answer.request, 7);
    assert_true(answer.to == rig_workers[0]);
    assert_true(answer.worker == rig_workers[0]);
    assert_int_equal(rig.events.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_join_makes_a_room, clear),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
