/* The scripts one by one, where the differential test does not reach: what is asked twice, limits,
 * leases, what Redis refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "redis/fixture.h"

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

static void ask(struct frame frame)
{
    rig_clear(&rig);
    rig_ask(&rig, &frame);
    assert_string_equal(rig.error, "");
}

static unsigned count_of(const struct buf *frames, enum frame_kind kind)
{
    struct slice bytes = buf_slice(frames);
    struct frame frame;
    unsigned count = 0;
    while (frame_next(&bytes, &frame))
        count += kind == FRAME_NONE || frame.kind == kind;
    assert_int_equal(bytes.len, 0);
    return count;
}

static struct frame first(const struct buf *frames, enum frame_kind kind)
{
    struct slice bytes = buf_slice(frames);
    struct frame frame;
    do
        assert_true(frame_next(&bytes, &frame));
    while (frame.kind != kind);
    return frame;
}

static void resume(unsigned worker, const char *peer, unsigned char proof, unsigned char secret)
{
    struct frame frame = ask_of(FRAME_RESUME, worker, peer);
    frame.secret = secret_of(secret);
    frame.proof = secret_of(proof);
    ask(frame);
}

static void leave(unsigned worker, const char *peer, unsigned char secret)
{
    struct frame frame = ask_of(FRAME_LEAVE, worker, peer);
    frame.secret = secret_of(secret);
    ask(frame);
}

/* ---- rooms */

static void a_room_begins_at_the_clock_of_redis(void **state)
{
    (void)state;
    join(0, "alice", 1);
    uint64_t before = only(&rig.answers).version;
    assert_true(before > (uint64_t)1600000000 * 1000000);
    assert_true(before < (uint64_t)1 << 53);
    leave(0, "alice", 1);
    assert_false(rig_has_key(&rig, "rl:room:*"));
    rig_clear(&rig);
    join(0, "alice", 1);
    assert_true(only(&rig.answers).version > before);
}

static void a_version_keeps_all_its_digits(void **state)
{
    (void)state;
    struct frame frame = ask_of(FRAME_RESTORE, 0, "alice");
    frame.secret = secret_of(1);
    frame.version = ((uint64_t)1 << 53) - 3;
    ask(frame);
    ask(ask_of(FRAME_READ, 0, "alice"));
    assert_true(only(&rig.answers).version == ((uint64_t)1 << 53) - 2);
    frame = ask_of(FRAME_READ, 0, "alice");
    frame.version = ((uint64_t)1 << 53) - 2;
    ask(frame);
    assert_int_equal(rig.answers.len, 0);
    frame.version--;
    ask(frame);
    assert_int_equal(count_of(&rig.answers, FRAME_ROOM), 1);
}

static void rooms_and_peers_are_counted_for_all_workers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RIG_WORKERS; i++) {
        rig.shards[i].rooms = 1;
        rig.shards[i].peers_per_room = 2;
    }
    join(0, "alice", 1);
    join(1, "bob", 2);
    struct frame frame = ask_of(FRAME_JOIN, 2, "carol");
    ask(frame);
    assert_int_equal(only(&rig.answers).error, ERR_ROOM_FULL);
    frame.room = SLICE("another");
    ask(frame);
    assert_int_equal(only(&rig.answers).error, ERR_TOO_MANY_ROOMS);
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        rig.shards[i].rooms = rig.shards[i].peers_per_room = 0;
}

static void a_name_is_taken_once(void **state)
{
    (void)state;
    join(0, "alice", 1);
    struct frame frame = ask_of(FRAME_JOIN, 1, "alice");
    frame.secret = secret_of(2);
    ask(frame);
    assert_int_equal(only(&rig.answers).error, ERR_PEER_TAKEN);
    frame.kind = FRAME_RESUME; /* no secret at all is no proof */
    ask(frame);
    assert_int_equal(only(&rig.answers).error, ERR_PEER_TAKEN);
}

static void info_may_hold_any_byte(void **state)
{
    char every[256 * 16];
    struct roster_entry entry;
    bool broken;
    (void)state;
    for (size_t i = 0; i < sizeof(every); i++)
        every[i] = (char)i;
    struct frame frame = ask_of(FRAME_JOIN, 0, "alice");
    frame.info = (struct slice){every, sizeof(every)};
    memset(frame.secret.bytes, 0xff, sizeof(frame.secret.bytes));
    ask(frame);
    struct slice roster = only(&rig.answers).roster;
    assert_true(roster_next(&roster, &entry, &broken));
    assert_true(slice_equal(entry.info, frame.info));
    frame.kind = FRAME_LEAVE;
    ask(frame);
    assert_false(rig_has_key(&rig, "rl:room:*"));
}

static void names_of_all_lengths_make_keys_of_their_own(void **state)
{
    static const char *const names[] = {"{", "}", "{}", "}{", "a", "a}", "{a}", "rooms", "%00"};
    char longest[ROOM_NAME_MAX + 1];
    size_t count = sizeof(names) / sizeof(names[0]);
    (void)state;
    memset(longest, '}', ROOM_NAME_MAX);
    longest[ROOM_NAME_MAX] = '\0';
    for (size_t i = 0; i <= count; i++) {
        struct frame frame = ask_of(FRAME_JOIN, 0, "alice");
        frame.room = slice_of(i == count ? longest : names[i]);
        ask(frame);
        assert_int_equal(only(&rig.answers).reason, ROOM_ENTERED);
    }
    assert_int_equal(server_number(rig.commands, "ZCARD rl:rooms"), count + 1);
}

static void a_roster_has_a_maximum(void **state)
{
    (void)state;
    server_do(rig.commands, "EVAL %s 0",
              "redis.call('HSET', 'rl:room:{room}', 'v', 1, 'h', '') "
              "local info = string.rep('x', 1048576) "
              "for i = 1, 33 do redis.call('HSET', 'rl:room:{room}', 'm:' .. i, "
              "string.rep('\\2', 49) .. info) end return 0");
    struct frame frame = ask_of(FRAME_JOIN, 0, "alice");
    ask(frame);
    assert_int_equal(only(&rig.answers).error, ERR_UNAVAILABLE);
    frame.kind = FRAME_READ;
    ask(frame);
    assert_int_equal(only(&rig.answers).error, ERR_UNAVAILABLE);
    assert_int_equal(server_number(rig.commands, "HLEN rl:room:{room}"), 35);
}

/* ---- asked twice */

static void a_join_asked_again_is_answered_again(void **state)
{
    (void)state;
    join(1, "bob", 2);
    rig_clear(&rig);
    join(0, "alice", 1);
    assert_int_equal(count_of(&rig.events, FRAME_JOINED), 1);
    uint64_t version = only(&rig.answers).version;
    rig_clear(&rig);
    join(0, "alice", 1);
    assert_int_equal(rig.events.len, 0);
    assert_int_equal(only(&rig.answers).reason, ROOM_ENTERED);
    assert_true(only(&rig.answers).version == version);
    assert_true(only(&rig.answers).worker == rig_workers[0]);
}

static void a_resume_asked_again_names_the_same_former_holder(void **state)
{
    (void)state;
    join(0, "alice", 1);
    resume(1, "alice", 1, 2);
    assert_true(only(&rig.answers).worker == rig_workers[0]);
    resume(1, "alice", 1, 2);
    assert_int_equal(only(&rig.answers).reason, ROOM_TAKEN_OVER);
    assert_true(only(&rig.answers).worker == rig_workers[0]);
    assert_int_equal(rig.events.len, 0);
}

static void who_was_reaped_between_the_two_is_a_member_again(void **state)
{
    (void)state;
    rig_beat(&rig, 0);
    rig_beat(&rig, 1);
    join(0, "alice", 1);
    join(1, "bob", 2);
    rig_reap(&rig, 1, rig_workers[0]);
    rig_sweep_all(&rig, 1);
    rig_clear(&rig);
    join(0, "alice", 1);
    assert_int_equal(count_of(&rig.events, FRAME_MOVED), 1);
    assert_int_equal(only(&rig.answers).reason, ROOM_ENTERED);
    assert_false(rig_has_key(&rig, "rl:orphans"));
    rig_beat(&rig, 0); /* but it has lost what else it had */
    assert_int_equal(rig.list[1], 1);
}

static struct frame signal_of(unsigned worker, const char *peer, const char *data)
{
    struct frame frame = ask_of(FRAME_SIGNAL, worker, peer);
    frame.to = MAILBOX;
    frame.sender = SLICE("bob");
    frame.id = SLICE("\"1\"");
    frame.data = slice_of(data);
    return frame;
}

static void deposit(unsigned worker, const char *peer, unsigned char secret, const char *held)
{
    struct buf data;
    struct frame frame = ask_of(FRAME_DEPOSIT, worker, peer);
    buf_init(&data, 1 << 16);
    if (held != NULL)
        held_add(&data, slice_of(held));
    frame.to = MAILBOX;
    frame.secret = secret_of(secret);
    frame.received = 9;
    frame.acked = 3;
    frame.data = buf_slice(&data);
    ask(frame);
    buf_done(&data);
}

static void claim(unsigned worker, const char *peer, uint32_t request, uint64_t received)
{
    struct frame frame = ask_of(FRAME_CLAIM, worker, peer);
    frame.to = MAILBOX;
    frame.request = request;
    frame.received = received;
    ask(frame);
}

static void a_signal_asked_again_is_held_once(void **state)
{
    (void)state;
    join(0, "alice", 1);
    deposit(0, "alice", 1, NULL);
    struct frame frame = signal_of(1, "alice", "1");
    for (int i = 0; i < 3; i++)
        rig_ask_numbered(&rig, 50, &frame);
    rig_ask_numbered(&rig, 49, &frame);
    rig_ask_numbered(&rig, 51, &frame);
    resume(2, "alice", 1, 2);
    claim(2, "alice", 1, 3);
    assert_int_equal(count_of(&rig.answers, FRAME_HOLD), 2);
    assert_true(slice_is(first(&rig.answers, FRAME_HOLD).data,
                         "{\"type\":\"signal\",\"from\":\"bob\",\"data\":1}"));
    rig_clear(&rig); /* but passed on by each answer: it is asked again only where that was lost */
    for (int i = 0; i < 3; i++)
        rig_ask_numbered(&rig, 52, &frame);
    assert_int_equal(count_of(&rig.answers, FRAME_SIGNAL), 3);
    assert_true(first(&rig.answers, FRAME_SIGNAL).to == rig_workers[2]);
    rig_clear(&rig);
    rig_ask_numbered(&rig, 51, &frame);
    assert_int_equal(count_of(&rig.answers, FRAME_SIGNAL), 0);
    rig_goodbye(&rig, 1); /* the numbers of who is gone are forgotten */
    assert_false(rig_has_key(&rig, "rl:told"));
}

static void a_signal_that_came_back_may_be_asked_again(void **state)
{
    (void)state;
    struct frame frame = signal_of(1, "alice", "1");
    for (int i = 0; i < 2; i++) {
        rig_clear(&rig);
        rig_ask_numbered(&rig, 60, &frame);
        assert_int_equal(only(&rig.answers).kind, FRAME_UNDELIVERED);
        assert_int_equal(only(&rig.answers).error, ERR_PEER_NOT_FOUND);
    }
}

static void a_deposit_asked_again_keeps_what_came_since(void **state)
{
    (void)state;
    join(0, "alice", 1);
    deposit(0, "alice", 1, "held");
    ask(signal_of(1, "alice", "1"));
    deposit(0, "alice", 1, "held");
    assert_int_equal(rig.events.len, 0);
    resume(2, "alice", 1, 2);
    claim(2, "alice", 1, 3);
    assert_int_equal(count_of(&rig.answers, FRAME_HOLD), 2);
    assert_int_equal(first(&rig.answers, FRAME_HANDED).received, 9);
}

static void a_claim_asked_again_is_answered_again_and_another_is_not(void **state)
{
    (void)state;
    join(0, "alice", 1);
    deposit(0, "alice", 1, "held");
    resume(2, "alice", 1, 2);
    for (int i = 0; i < 2; i++) {
        claim(2, "alice", 77, 3);
        assert_int_equal(count_of(&rig.answers, FRAME_HOLD), 1);
        assert_int_equal(first(&rig.answers, FRAME_HANDED).error, 0);
    }
    claim(2, "alice", 78, 3);
    assert_int_equal(only(&rig.answers).error, ERR_UNAVAILABLE);
    claim(1, "alice", 77, 3);
    assert_int_equal(only(&rig.answers).error, ERR_UNAVAILABLE);
    assert_true(rig_has_key(&rig, "rl:mail:*"));
    struct frame confirm = ask_of(FRAME_CONFIRM, 2, "alice");
    confirm.secret = secret_of(2);
    ask(confirm);
    assert_false(rig_has_key(&rig, "rl:mail:*"));
}

/* ---- mailboxes */

static void a_mailbox_holds_so_many_and_so_much(void **state)
{
    (void)state;
    char large[500];
    memset(large, '1', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    join(0, "alice", 1);
    deposit(0, "alice", 1, NULL);
    ask(signal_of(1, "alice", large));
    assert_int_equal(only(&rig.answers).error, ERR_PEER_BUSY);
    for (size_t i = 0; i < rig.shards[0].hold_messages; i++) {
        ask(signal_of(1, "alice", "1"));
        assert_int_equal(rig.answers.len, 0);
    }
    ask(signal_of(1, "alice", "1"));
    struct frame answer = only(&rig.answers);
    assert_int_equal(answer.error, ERR_PEER_BUSY);
    assert_true(slice_is(answer.id, "\"1\""));
    assert_true(answer.to == rig_workers[1]);
}

static void a_mailbox_ends_by_itself(void **state)
{
    (void)state;
    join(0, "alice", 1);
    deposit(0, "alice", 1, "held");
    long long left = server_number(rig.commands, "PTTL rl:mail:{room}:alice");
    long long window = (long long)rig.shards[0].resume_window;
    assert_true(left > window && left <= window + 10000);
    server_do(rig.commands, "DEL rl:mail:{room}:alice");
    resume(1, "alice", 1, 2);
    claim(1, "alice", 1, 3);
    assert_int_equal(only(&rig.answers).error, ERR_UNAVAILABLE);
}

static void counts_that_do_not_meet_hand_over_nothing(void **state)
{
    (void)state;
    join(0, "alice", 1);
    deposit(0, "alice", 1, "held"); /* number 4 */
    resume(1, "alice", 1, 2);
    claim(1, "alice", 1, 2);
    assert_int_equal(only(&rig.answers).error, ERR_UNAVAILABLE);
    claim(1, "alice", 1, 5);
    assert_int_equal(only(&rig.answers).error, ERR_UNAVAILABLE);
    claim(1, "alice", 1, 4);
    assert_int_equal(only(&rig.answers).error, 0);
}

/* What it came behind is in the hold, which goes in front of what is sent straight to the claimant. */
static void a_fence_ends_where_signals_are_held(void **state)
{
    (void)state;
    struct frame fence = ask_of(FRAME_FENCE, 1, "alice");
    fence.to = MAILBOX;
    join(0, "alice", 1);
    deposit(0, "alice", 1, "held");
    resume(2, "alice", 1, 2);
    ask(fence);
    struct frame fenced = only(&rig.answers);
    assert_int_equal(fenced.kind, FRAME_FENCED);
    assert_true(fenced.from == MAILBOX);
    assert_int_equal(fenced.request, fence.request);
    claim(2, "alice", 1, 3);
    ask(fence);
    struct frame passed = only(&rig.answers); /* for another: it goes there by who asked */
    assert_int_equal(passed.kind, FRAME_FENCE);
    assert_true(passed.from == rig_workers[1]);
    assert_true(passed.to == rig_workers[2]);
    assert_int_equal(passed.hops, 1);
    assert_int_equal(passed.request, fence.request);
}

static void a_signal_is_passed_on_by_who_asked(void **state)
{
    (void)state;
    join(2, "alice", 1);
    ask(signal_of(1, "alice", "1"));
    assert_int_equal(rig.events.len, 0);
    struct frame passed = only(&rig.answers);
    assert_int_equal(passed.kind, FRAME_SIGNAL);
    assert_true(passed.from == rig_workers[1]);
    assert_true(passed.to == rig_workers[2]);
    assert_int_equal(passed.hops, 1);
}

static void what_is_for_nobody_comes_back(void **state)
{
    (void)state;
    struct frame fence = ask_of(FRAME_FENCE, 1, "alice");
    fence.to = MAILBOX;
    fence.worker = rig_workers[2];
    join(2, "alice", 1);
    rig_reap(&rig, 1, rig_workers[2]);
    rig_sweep_all(&rig, 1);
    ask(signal_of(1, "alice", "1"));
    assert_int_equal(only(&rig.answers).error, ERR_UNAVAILABLE);
    ask(fence);
    assert_int_equal(only(&rig.answers).kind, FRAME_FENCED);
}

/* ---- leases */

static void a_lease_is_lost_once(void **state)
{
    (void)state;
    rig_beat(&rig, 0);
    assert_int_equal(rig.list[1], 1);
    assert_true(rig.list[0] > 1600000000000);
    assert_int_equal(rig.beats, 1);
    rig_beat(&rig, 0);
    assert_int_equal(rig.list[1], 0);
    rig_beat(&rig, 1);
    rig_lease_over(&rig, 0);
    rig_sweep_all(&rig, 1);
    rig_beat(&rig, 0);
    assert_int_equal(rig.list[1], 1);
    rig_beat(&rig, 0);
    assert_int_equal(rig.list[1], 0);
}

static void a_lease_that_is_over_is_not_lost_before_somebody_reaps(void **state)
{
    (void)state;
    rig_beat(&rig, 0);
    rig_lease_over(&rig, 0);
    rig_sweep_all(&rig, 0); /* not oneself */
    rig_beat(&rig, 0);
    assert_int_equal(rig.list[1], 0);
}

static void who_has_members_but_never_beat_is_reaped_too(void **state)
{
    (void)state;
    join(0, "alice", 1);
    rig_beat(&rig, 1);
    rig_lease_over(&rig, 0);
    rig_sweep_all(&rig, 1);
    assert_int_equal(server_number(rig.commands, "ZCARD rl:orphans"), 1);
    assert_false(rig_has_key(&rig, "rl:rooms:*"));
}

/* After a standstill all leases are over, and nobody is dead. */
static void after_a_standstill_the_living_have_time_to_beat(void **state)
{
    (void)state;
    rig_beat(&rig, 0);
    rig_beat(&rig, 1);
    join(0, "alice", 1);
    rig_lease_over(&rig, 0);
    server_do(rig.commands, "SET rl:seen 1");
    rig_sweep_all(&rig, 1);
    assert_true(rig.result > 0 && rig.result <= 4000);
    assert_false(rig_has_key(&rig, "rl:orphans"));
    rig_beat(&rig, 0);
    assert_int_equal(rig.list[1], 0);
    rig_reap(&rig, 1, rig_workers[0]); /* who is known to be dead is dead */
    rig_sweep_all(&rig, 1);
    assert_true(rig_has_key(&rig, "rl:orphans"));
}

static void the_sweep_says_when_to_come_again(void **state)
{
    (void)state;
    rig_beat(&rig, 0);
    server_do(rig.commands, "DEL rl:recovering");
    rig_sweep(&rig, 0);
    assert_int_equal(rig.result, 3000);
    server_do(rig.commands, "EVAL %s 0",
              "local t = redis.call('TIME') redis.call('ZADD', 'rl:orphans', "
              "t[1] * 1000 + t[2] / 1000 + 2900, 'room\\0alice') return 0");
    rig_sweep(&rig, 0);
    assert_true(rig.result > 0 && rig.result <= 2901);
}

static void a_sweep_does_a_part_of_what_there_is(void **state)
{
    (void)state;
    char name[20];
    rig_beat(&rig, 0);
    rig_beat(&rig, 1);
    for (int i = 0; i < 100; i++) {
        struct frame frame = ask_of(FRAME_JOIN, 0, "alice");
        snprintf(name, sizeof(name), "room %d", i);
        frame.room = slice_of(name);
        ask(frame);
    }
    rig_reap(&rig, 1, rig_workers[0]);
    rig_sweep(&rig, 1);
    assert_int_equal(rig.result, 0);
    assert_int_equal(server_number(rig.commands, "ZCARD rl:orphans"), 16);
    assert_int_equal(count_of(&rig.events, FRAME_WORKER_DOWN), 0);
    rig_sweep_all(&rig, 1);
    assert_int_equal(server_number(rig.commands, "ZCARD rl:orphans"), 100);
    assert_int_equal(count_of(&rig.events, FRAME_WORKER_DOWN), 1);
    rig_orphans_due(&rig);
    rig_sweep(&rig, 1);
    assert_int_equal(rig.result, 0);
    assert_int_equal(server_number(rig.commands, "ZCARD rl:orphans"), 68);
    rig_sweep_all(&rig, 1);
    assert_int_equal(server_number(rig.commands, "EXISTS rl:orphans rl:rooms"), 0);
}

/* More fields than Lua's stack takes at once. */
static void a_large_room_is_reaped_whole(void **state)
{
    char name[20];
    (void)state;
    rig_beat(&rig, 0);
    rig_beat(&rig, 1);
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "peer %d", i);
        join(0, name, 1);
        rig_clear(&rig);
    }
    join(1, "alice", 1);
    rig_clear(&rig);
    rig_reap(&rig, 1, rig_workers[0]);
    rig_sweep_all(&rig, 1);
    assert_int_equal(server_number(rig.commands, "ZCARD rl:orphans"), 600);
    rig_clear(&rig);
    ask(ask_of(FRAME_READ, 1, "alice"));
    struct slice roster = only(&rig.answers).roster;
    struct roster_entry entry;
    unsigned held = 0;
    bool broken;
    while (roster_next(&roster, &entry, &broken))
        held += entry.worker != DIRECTORY;
    assert_int_equal(held, 1);
}

/* It was frozen, is being reaped, and beats: what is left of it stays. */
static void who_beats_while_it_is_reaped_keeps_the_rest(void **state)
{
    (void)state;
    char name[20];
    rig_beat(&rig, 0);
    rig_beat(&rig, 1);
    for (int i = 0; i < 40; i++) {
        struct frame frame = ask_of(FRAME_JOIN, 0, "alice");
        snprintf(name, sizeof(name), "room %d", i);
        frame.room = slice_of(name);
        ask(frame);
    }
    rig_reap(&rig, 1, rig_workers[0]);
    rig_sweep(&rig, 1);
    rig_beat(&rig, 0);
    assert_int_equal(rig.list[1], 1);
    rig_sweep_all(&rig, 1);
    assert_int_equal(server_number(rig.commands, "ZCARD rl:orphans"), 16);
    assert_int_equal(
        server_number(rig.commands, "SCARD rl:rooms:%016llx", (unsigned long long)rig_workers[0]),
        24);
}

static void what_who_leaves_still_has_is_left_to_the_others(void **state)
{
    (void)state;
    rig_beat(&rig, 0);
    rig_beat(&rig, 1);
    join(0, "alice", 1);
    rig_goodbye(&rig, 0);
    rig_sweep_all(&rig, 1);
    assert_int_equal(count_of(&rig.events, FRAME_WORKER_DOWN), 1);
    assert_int_equal(server_number(rig.commands, "ZCARD rl:orphans"), 1);
}

/* ---- what Redis refuses */

static void a_full_redis_refuses_whole_scripts(void **state)
{
    (void)state;
    join(0, "alice", 1);
    server_do(rig.commands, "CONFIG SET maxmemory 1");
    struct frame frame = ask_of(FRAME_JOIN, 0, "bob");
    frame.secret = secret_of(2);
    rig_ask(&rig, &frame);
    assert_memory_equal(rig.error, "OOM ", 4);
    ask(ask_of(FRAME_READ, 0, "alice"));
    assert_int_equal(count_of(&rig.answers, FRAME_ROOM), 1);
    rig_beat(&rig, 0);
    assert_string_equal(rig.error, "");
    leave(0, "alice", 1);
    server_do(rig.commands, "CONFIG SET maxmemory 0");
    assert_false(rig_has_key(&rig, "rl:room*"));
}

static void a_replica_refuses_even_to_be_read(void **state)
{
    static const enum frame_kind kinds[] = {FRAME_JOIN, FRAME_READ, FRAME_LEAVE};
    (void)state;
    server_do(rig.commands, "REPLICAOF 127.0.0.1 1");
    for (int i = 0; i < 3; i++) {
        struct frame frame = ask_of(kinds[i], 0, "alice");
        rig_ask(&rig, &frame);
        assert_memory_equal(rig.error, "READONLY ", 9);
    }
    server_do(rig.commands, "REPLICAOF NO ONE");
}

static void flushed_scripts_are_not_found(void **state)
{
    (void)state;
    server_do(rig.commands, "SCRIPT FLUSH");
    struct frame frame = ask_of(FRAME_JOIN, 0, "alice");
    rig_ask(&rig, &frame);
    assert_memory_equal(rig.error, "NOSCRIPT ", 9);
    rig_load(&rig);
    ask(frame);
    assert_int_equal(only(&rig.answers).kind, FRAME_ROOM);
}

/* What is somebody else's is neither taken nor spoilt. */
static void a_key_of_another_kind_fails_the_ask(void **state)
{
    (void)state;
    server_do(rig.commands, "SET rl:room:{room} mine");
    struct frame frame = ask_of(FRAME_JOIN, 0, "alice");
    rig_ask(&rig, &frame);
    assert_memory_equal(rig.error, "WRONGTYPE ", 10);
    assert_int_equal(server_number(rig.commands, "STRLEN rl:room:{room}"), 4);
}

#define TEST(name) cmocka_unit_test_setup(name, fixture_clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_room_begins_at_the_clock_of_redis),
        TEST(a_version_keeps_all_its_digits),
        TEST(rooms_and_peers_are_counted_for_all_workers),
        TEST(a_name_is_taken_once),
        TEST(info_may_hold_any_byte),
        TEST(names_of_all_lengths_make_keys_of_their_own),
        TEST(a_roster_has_a_maximum),
        TEST(a_join_asked_again_is_answered_again),
        TEST(a_resume_asked_again_names_the_same_former_holder),
        TEST(who_was_reaped_between_the_two_is_a_member_again),
        TEST(a_signal_asked_again_is_held_once),
        TEST(a_signal_that_came_back_may_be_asked_again),
        TEST(a_deposit_asked_again_keeps_what_came_since),
        TEST(a_claim_asked_again_is_answered_again_and_another_is_not),
        TEST(a_mailbox_holds_so_many_and_so_much),
        TEST(a_mailbox_ends_by_itself),
        TEST(counts_that_do_not_meet_hand_over_nothing),
        TEST(a_fence_ends_where_signals_are_held),
        TEST(a_signal_is_passed_on_by_who_asked),
        TEST(what_is_for_nobody_comes_back),
        TEST(a_lease_is_lost_once),
        TEST(a_lease_that_is_over_is_not_lost_before_somebody_reaps),
        TEST(who_has_members_but_never_beat_is_reaped_too),
        TEST(after_a_standstill_the_living_have_time_to_beat),
        TEST(the_sweep_says_when_to_come_again),
        TEST(a_sweep_does_a_part_of_what_there_is),
        TEST(a_large_room_is_reaped_whole),
        TEST(who_beats_while_it_is_reaped_keeps_the_rest),
        TEST(what_who_leaves_still_has_is_left_to_the_others),
        TEST(a_full_redis_refuses_whole_scripts),
        TEST(a_replica_refuses_even_to_be_read),
        TEST(flushed_scripts_are_not_found),
        TEST(a_key_of_another_kind_fails_the_ask),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
