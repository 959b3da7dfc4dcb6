/* What administrators ask of the scripts, where the differential test does not reach: who works
 * here, what is asked twice, what ends by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "core/control.h"
#include "redis/fixture.h"

static struct frame first(const struct buf *frames)
{
    struct slice bytes = buf_slice(frames);
    struct frame frame;
    assert_string_equal(rig.error, "");
    assert_true(frame_next(&bytes, &frame));
    return frame;
}

static unsigned count(const struct buf *frames)
{
    struct slice bytes = buf_slice(frames);
    struct frame frame;
    unsigned n = 0;
    while (frame_next(&bytes, &frame))
        n++;
    return n;
}

static struct frame ask_numbered(uint64_t number, enum control_op op, const char *peer,
                                 struct slice data)
{
    buf_clear(&rig.answers);
    rig_ask_numbered(&rig, number,
                     &(struct frame){.kind = FRAME_CONTROL,
                                     .from = rig_workers[0],
                                     .to = DIRECTORY,
                                     .request = 3,
                                     .reason = op,
                                     .room = op == CONTROL_WORKERS || op == CONTROL_LIST
                                                 ? SLICE_NONE
                                                 : SLICE("room"),
                                     .peer = slice_of(peer),
                                     .data = data});
    struct frame answer = first(&rig.answers);
    assert_int_equal(answer.kind, FRAME_CONTROLLED);
    assert_int_equal(answer.request, 3);
    assert_int_equal(answer.error, 0);
    return answer;
}

static struct frame ask(enum control_op op, const char *peer, struct slice data)
{
    return ask_numbered(++rig.number, op, peer, data);
}

static struct frame kick(const char *peer, uint64_t ms)
{
    struct buf data;
    buf_init(&data, 100);
    control_ban_time_add(&data, &(struct control_ban_time){ms});
    struct frame answer = ask(CONTROL_KICK, peer, buf_slice(&data));
    buf_done(&data);
    return answer;
}

static struct frame set_ttl(uint64_t ms)
{
    struct buf data;
    buf_init(&data, 100);
    control_change_add(
        &data, &(struct control_change){.fields = CONTROL_EMPTY_TTL, .settings.empty_ttl = ms});
    struct frame answer = ask(CONTROL_SET, "", buf_slice(&data));
    buf_done(&data);
    return answer;
}

/* 0, or why it was refused. */
static int join_with(unsigned worker, const char *peer, unsigned char secret, const char *ticket)
{
    buf_clear(&rig.answers);
    rig_ask(&rig, &(struct frame){.kind = FRAME_JOIN,
                                  .from = rig_workers[worker],
                                  .to = DIRECTORY,
                                  .request = 7,
                                  .room = SLICE("room"),
                                  .peer = slice_of(peer),
                                  .secret = {.bytes = {secret}},
                                  .ticket = slice_of(ticket),
                                  .ticket_ms = 5000000,
                                  .info = SLICE("{}")});
    return first(&rig.answers).error;
}

static int join(unsigned worker, const char *peer, unsigned char secret)
{
    return join_with(worker, peer, secret, "");
}

/* ---- workers */

static struct slice find_card(unsigned worker, bool *ret_fresh)
{
    struct frame answer = ask(CONTROL_WORKERS, "", SLICE_NONE);
    struct control_listing listing;
    struct control_worker entry;
    assert_true(control_listing_read(answer.data, &listing));
    while (control_worker_next(&listing.entries, &entry)) {
        *ret_fresh = entry.fresh;
        if (entry.worker == rig_workers[worker])
            return entry.card;
    }
    assert_int_equal(listing.entries.len, 0);
    return SLICE_NONE;
}

static void who_works_here_says_so_with_each_beat(void **state)
{
    bool fresh;
    (void)state;
    assert_null(find_card(1, &fresh).ptr);
    rig_beat(&rig, 1);
    assert_true(slice_is(find_card(1, &fresh), "{}"));
    assert_true(fresh);
    rig_lease_over(&rig, 1);
    assert_true(slice_is(find_card(1, &fresh), "{}"));
    assert_false(fresh);
    rig_sweep_all(&rig, 2);
    assert_null(find_card(1, &fresh).ptr);
    assert_int_equal(server_number(rig.commands, "EXISTS rl:cards"), 0);
}

static void who_leaves_takes_its_card_along(void **state)
{
    bool fresh;
    (void)state;
    rig_beat(&rig, 1);
    rig_goodbye(&rig, 1);
    assert_null(find_card(1, &fresh).ptr);
    assert_false(rig_has_key(&rig, "*"));
}

/* One that only has members and never beat has said nothing. */
static void one_that_never_beat_has_no_card(void **state)
{
    bool fresh;
    (void)state;
    assert_int_equal(join(2, "ann", 1), 0);
    assert_int_equal(find_card(2, &fresh).len, 0);
    assert_true(fresh);
}

/* ---- asked again, since the connection broke */

static void a_notice_is_sent_once(void **state)
{
    (void)state;
    join(1, "ann", 1);
    rig_clear(&rig);
    for (int i = 0; i < 3; i++) {
        struct frame answer = ask_numbered(50, CONTROL_NOTICE, "", SLICE("1"));
        struct control_reached reached;
        assert_int_equal(answer.reason, CONTROL_DONE);
        assert_true(control_reached_read(answer.data, &reached));
        assert_int_equal(reached.count, 1);
    }
    assert_int_equal(count(&rig.events), 1);
    struct frame notice = first(&rig.events);
    assert_int_equal(notice.kind, FRAME_NOTICE);
    assert_true(slice_is(notice.data, "1"));
    ask_numbered(51, CONTROL_NOTICE, "ann", SLICE("2"));
    assert_int_equal(count(&rig.events), 2);
}

static void a_join_by_ticket_that_is_asked_again_is_answered_again(void **state)
{
    (void)state;
    assert_int_equal(join_with(1, "ann", 1, "ticket"), 0);
    assert_int_equal(join_with(1, "ann", 1, "ticket"), 0);
    assert_int_equal(join_with(1, "ben", 2, "ticket"), ERR_UNAUTHORIZED);
}

/* ---- what ends by itself */

static void tickets_and_what_was_ended_are_forgotten(void **state)
{
    long long left;
    (void)state;
    join_with(1, "ann", 1, "ticket");
    left = server_number(rig.commands, "PTTL rl:ticket:ticket");
    assert_true(left > 4900000 && left <= 5000000);
    assert_int_equal(kick("ann", 0).reason, CONTROL_DONE);
    redisReply *keys = server_ask(rig.commands, "KEYS rl:ended:*");
    assert_int_equal(keys->elements, 1);
    left = server_number(rig.commands, "PTTL %b", keys->element[0]->str, keys->element[0]->len);
    assert_true(left > 500000 && left <= 600000);
    freeReplyObject(keys);
}

static void an_empty_room_goes_in_its_time(void **state)
{
    (void)state;
    assert_int_equal(set_ttl(5000000).reason, CONTROL_CREATED);
    rig_vacant_due(&rig, 4000000);
    rig_sweep_all(&rig, 0);
    assert_int_equal(server_number(rig.commands, "ZCARD rl:rooms"), 1);
    rig_vacant_due(&rig, 6000000);
    rig_sweep_all(&rig, 0);
    assert_false(rig_has_key(&rig, "rl:room*"));
    assert_false(rig_has_key(&rig, "rl:vacant"));
}

static void one_that_was_entered_does_not(void **state)
{
    (void)state;
    set_ttl(5000000);
    assert_int_equal(join(1, "ann", 1), 0);
    assert_false(rig_has_key(&rig, "rl:vacant"));
    server_do(rig.commands, "ZADD rl:vacant 1 room"); /* nor one that is there by mistake */
    rig_sweep_all(&rig, 0);
    assert_int_equal(server_number(rig.commands, "ZCARD rl:rooms"), 1);
    assert_false(rig_has_key(&rig, "rl:vacant"));
}

static void a_ban_ends(void **state)
{
    (void)state;
    join(1, "ann", 1);
    join(1, "ben", 2);
    kick("ben", 3600000);
    assert_int_equal(join(1, "ben", 3), ERR_FORBIDDEN);
    kick("ben", 1);
    while (join(1, "ben", 3) == ERR_FORBIDDEN)
        continue;
    assert_int_equal(first(&rig.answers).kind, FRAME_ROOM);
}

/* ---- a closed room leaves nothing behind */

static void a_closed_room_leaves_nothing_but_what_is_forgotten(void **state)
{
    (void)state;
    set_ttl(5000000);
    join(1, "ann", 1);
    join(2, "ben", 2);
    kick("cat", 3600000);
    assert_int_equal(ask(CONTROL_CLOSE, "", SLICE_NONE).reason, CONTROL_DONE);
    assert_false(rig_has_key(&rig, "rl:room*"));
    assert_false(rig_has_key(&rig, "rl:vacant"));
    assert_int_equal(server_number(rig.commands, "DBSIZE"), 3); /* workers, and two that ended */
}

/* ---- a full Redis: what was set up can be taken down */

static void a_full_redis_can_be_emptied(void **state)
{
    (void)state;
    join(1, "ann", 1);
    server_do(rig.commands, "CONFIG SET maxmemory 1");
    assert_int_equal(ask(CONTROL_CLOSE, "", SLICE_NONE).reason, CONTROL_DONE);
    server_do(rig.commands, "CONFIG SET maxmemory 0");
    assert_false(rig_has_key(&rig, "rl:room*"));
}

#define TEST(name) cmocka_unit_test_setup(name, fixture_clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_works_here_says_so_with_each_beat),
        TEST(who_leaves_takes_its_card_along),
        TEST(one_that_never_beat_has_no_card),
        TEST(a_notice_is_sent_once),
        TEST(a_join_by_ticket_that_is_asked_again_is_answered_again),
        TEST(tickets_and_what_was_ended_are_forgotten),
        TEST(an_empty_room_goes_in_its_time),
        TEST(one_that_was_entered_does_not),
        TEST(a_ban_ends),
        TEST(a_closed_room_leaves_nothing_but_what_is_forgotten),
        TEST(a_full_redis_can_be_emptied),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
