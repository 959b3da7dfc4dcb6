/* redis_store.c on a real Redis, and on one of the test's own for what a real one seldom does. */
#include "redis/witness.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bus/fake_redis.h"
#include "redis/server.h"

#define ALICE ((worker_id)0x1111)
#define BOB ((worker_id)0x2222)

static struct redis_fixture f;
static struct server server;
static redisContext *admin;
static struct redis_address address;
static struct witness alice, bob;

static int start_server(void **state)
{
    (void)state;
    server_start(&server, NULL);
    admin = server_connect(&server);
    address = (struct redis_address){.local = true};
    strcpy(address.host, server.socket);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    redisFree(admin);
    server_stop(&server);
    return 0;
}

static int start(void **state)
{
    (void)state;
    server_do(admin, "FLUSHALL");
    redis_fixture_start(&f);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_fixture_stop(&f);
    return 0;
}

static void begin(struct witness *witness, worker_id self)
{
    struct redis_store_options options = witness_options(&f, self);
    options.client.address = &address;
    witness_start(witness, &options);
    AWAIT(&f, witness->up && witness->listening);
}

static struct frame frame_of(enum frame_kind kind, worker_id from, const char *peer)
{
    return (struct frame){.kind = kind,
                          .from = from,
                          .to = DIRECTORY,
                          .request = 5,
                          .room = SLICE("room"),
                          .peer = slice_of(peer),
                          .secret = {.bytes = {1, 2, 3}},
                          .info = SLICE("{}")};
}

static void join(struct witness *witness, worker_id self, const char *peer)
{
    struct frame frame = frame_of(FRAME_JOIN, self, peer);
    unsigned dones = witness->dones;
    witness_ask(witness, dones + 1, &frame);
    AWAIT(&f, witness->dones > dones);
}

/* ---- what it is for */

static void an_ask_is_answered_and_done(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    join(&alice, ALICE, "alice");
    struct frame answer = witness_frame(&alice, 0);
    assert_int_equal(answer.kind, FRAME_ROOM);
    assert_int_equal(answer.reason, ROOM_ENTERED);
    assert_int_equal(answer.request, 5);
    struct frame leave = frame_of(FRAME_LEAVE, ALICE, "alice");
    witness_ask(&alice, 2, &leave);
    AWAIT(&f, alice.dones == 2);
    assert_int_equal(alice.failures, 0);
    assert_int_equal(server_number(admin, "EXISTS rl:room:{room} rl:rooms"), 0);
    assert_int_equal(redis_store_count(alice.store).asks, 2);
    witness_stop(&alice, &f);
}

static void another_worker_hears_of_it(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    begin(&bob, BOB);
    join(&alice, ALICE, "alice");
    join(&bob, BOB, "bob");
    AWAIT(&f, alice.messages == 1);
    struct slice bytes = {alice.inbox.data + 1, alice.inbox.len - 2};
    struct frame event;
    assert_int_equal(alice.inbox.data[0], STORE_EVENTS);
    assert_true(frame_next(&bytes, &event));
    assert_int_equal(event.kind, FRAME_JOINED);
    assert_true(slice_is(event.peer, "bob"));
    assert_int_equal(bob.messages, 0);
    witness_stop(&alice, &f);
    witness_stop(&bob, &f);
}

static void publish(struct witness *witness, worker_id to, const char *text)
{
    struct message *packet = message_of(slice_of(text));
    witness->store->publish(witness->store, to, packet);
    message_unref(packet);
    witness->store->flush(witness->store);
}

static void packets_come_in_order_and_who_hears_is_told(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    begin(&bob, BOB);
    publish(&alice, BOB, "Lone");
    publish(&alice, BOB, "Ltwo");
    AWAIT(&f, bob.messages == 2);
    assert_true(slice_is(buf_slice(&bob.inbox), "Lone|Ltwo|"));
    AWAIT(&f, alice.published == 1); /* the first of a second */
    assert_int_equal(alice.receivers, 1);
    publish(&bob, 0x3333, "Lnobody");
    AWAIT(&f, bob.published == 1);
    assert_int_equal(bob.receivers, 0);
    witness_stop(&alice, &f);
    witness_stop(&bob, &f);
}

static void a_beat_comes_back_by_both_ways(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    alice.store->beat(alice.store, 77);
    alice.store->flush(alice.store);
    AWAIT(&f, alice.beaten == 1 && alice.messages == 1);
    assert_int_equal(alice.lost, 1);
    assert_int_equal(alice.number, 77);
    assert_memory_equal(alice.inbox.data, "BM\0\0\0\0\0\0\0|", 10);
    alice.store->beat(alice.store, 78);
    alice.store->flush(alice.store);
    AWAIT(&f, alice.beaten == 2);
    assert_int_equal(alice.lost, 1);
    assert_true(alice.time > 1600000000000);
    witness_stop(&alice, &f);
}

static void the_dead_are_swept_without_being_asked_for(void **state)
{
    (void)state;
    struct redis_store_options options = witness_options(&f, ALICE);
    options.client.address = &address;
    options.shard.resume_window = 200;
    witness_start(&alice, &options);
    AWAIT(&f, alice.up && alice.listening);
    begin(&bob, BOB);
    join(&bob, BOB, "bob");
    join(&alice, ALICE, "alice");
    witness_stop(&bob, &f);
    alice.store->reap(alice.store, BOB);
    alice.store->flush(alice.store);
    AWAIT(&f, alice.messages >= 2); /* away and down in one, then left */
    assert_int_equal(server_number(admin, "HLEN rl:room:{room}"), 3);
    assert_int_equal(
        server_number(admin, "EXISTS rl:orphans rl:rooms:%016llx", (unsigned long long)BOB), 0);
    witness_stop(&alice, &f);
}

static void who_leaves_leaves_nothing(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    alice.store->beat(alice.store, 1);
    alice.store->leave(alice.store);
    alice.store->flush(alice.store);
    AWAIT(&f, server_number(admin, "DBSIZE") == 0);
    witness_stop(&alice, &f);
}

/* ---- what goes wrong */

static void flushed_scripts_are_loaded_again(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    server_do(admin, "SCRIPT FLUSH");
    struct frame frame = frame_of(FRAME_JOIN, ALICE, "alice");
    witness_ask(&alice, 1, &frame);
    AWAIT(&f, alice.downs == 1 && alice.up);
    assert_int_equal(alice.dones, 0);
    join(&alice, ALICE, "alice");
    assert_int_equal(witness_frame(&alice, 0).kind, FRAME_ROOM);
    witness_stop(&alice, &f);
}

static void a_full_redis_takes_nobody_in_and_lets_everybody_go(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    join(&alice, ALICE, "alice");
    server_do(admin, "CONFIG SET maxmemory 1");
    struct frame frame = frame_of(FRAME_JOIN, ALICE, "bob");
    witness_ask(&alice, 2, &frame);
    AWAIT(&f, alice.dones == 2);
    assert_int_equal(alice.failures, 1);
    alice.store->beat(alice.store, 1);
    frame = frame_of(FRAME_LEAVE, ALICE, "alice");
    witness_ask(&alice, 3, &frame);
    AWAIT(&f, alice.dones == 3 && alice.beaten == 1);
    assert_int_equal(alice.failures, 1);
    assert_int_equal(server_number(admin, "EXISTS rl:room:{room}"), 0);
    assert_int_equal(alice.downs, 0);
    server_do(admin, "CONFIG SET maxmemory 0");
    join(&alice, ALICE, "bob");
    assert_int_equal(alice.failures, 1);
    witness_stop(&alice, &f);
}

/* That the server ever took. */
static unsigned long connections(void)
{
    static const char name[] = "total_connections_received:";
    redisReply *reply = server_ask(admin, "INFO stats");
    unsigned long count = strtoul(strstr(reply->str, name) + sizeof(name) - 1, NULL, 10);
    freeReplyObject(reply);
    return count;
}

static void a_replica_is_not_up(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    server_do(admin, "REPLICAOF 127.0.0.1 1");
    struct frame frame = frame_of(FRAME_JOIN, ALICE, "alice");
    witness_ask(&alice, 1, &frame);
    AWAIT(&f, alice.downs == 1);
    assert_string_equal(alice.cause, "this Redis is a replica");
    unsigned long tries = connections();
    AWAIT(&f, connections() >= tries + 2); /* one of them had its answer */
    assert_false(alice.up);
    server_do(admin, "REPLICAOF NO ONE");
    AWAIT(&f, alice.up);
    assert_int_equal(alice.dones, 0);
    witness_stop(&alice, &f);
}

/* Redis runs it until it is told to stop. */
static void a_busy_redis_is_waited_for(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    redisContext *other = server_connect(&server);
    server_do(admin, "CONFIG SET busy-reply-threshold 20");
    redisAppendCommand(other, "EVAL %s 0", "while true do end");
    int done = 0;
    while (!done)
        assert_int_equal(redisBufferWrite(other, &done), REDIS_OK);
    AWAIT(&f, ({
        redisReply *reply = redisCommand(admin, "PING");
        bool busy = reply->type == REDIS_REPLY_ERROR;
        freeReplyObject(reply);
        busy;
    }));
    struct frame frame = frame_of(FRAME_JOIN, ALICE, "alice");
    witness_ask(&alice, 1, &frame);
    AWAIT(&f, alice.downs == 1);
    assert_string_equal(alice.cause, "Redis is busy with a script");
    server_do(admin, "SCRIPT KILL");
    AWAIT(&f, alice.up);
    join(&alice, ALICE, "alice");
    assert_int_equal(alice.failures, 0);
    redisFree(other);
    witness_stop(&alice, &f);
}

static void a_lost_command_connection_is_made_anew(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    server_do(admin, "CLIENT KILL TYPE normal SKIPME yes");
    AWAIT(&f, alice.downs == 1 && alice.up);
    assert_true(alice.listening);
    join(&alice, ALICE, "alice");
    witness_stop(&alice, &f);
}

static void a_lost_subscription_is_told_and_made_anew(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    server_do(admin, "CLIENT KILL TYPE pubsub");
    AWAIT(&f, alice.deafs == 1 && alice.listening);
    alice.store->resubscribe(alice.store);
    AWAIT(&f, alice.deafs == 2 && alice.listening);
    publish(&alice, ALICE, "Lself");
    AWAIT(&f, alice.messages == 1);
    assert_int_equal(alice.downs, 0);
    witness_stop(&alice, &f);
}

static void what_is_queued_while_it_is_down_is_dropped(void **state)
{
    (void)state;
    struct redis_store_options options = witness_options(&f, ALICE);
    struct frame frame = frame_of(FRAME_JOIN, ALICE, "alice");
    options.client.address = &address;
    witness_start(&alice, &options);
    witness_ask(&alice, 1, &frame);
    publish(&alice, ALICE, "Lself");
    alice.store->beat(alice.store, 1);
    alice.store->reap(alice.store, BOB);
    alice.store->leave(alice.store);
    AWAIT(&f, alice.up && alice.listening);
    join(&alice, ALICE, "bob");
    assert_int_equal(alice.dones, 1);
    assert_int_equal(alice.published + alice.beaten + alice.messages, 0);
    witness_stop(&alice, &f);
}

static void it_closes_with_everything_under_way(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    struct frame frame = frame_of(FRAME_JOIN, ALICE, "alice");
    publish(&alice, ALICE, "Lself");
    alice.store->beat(alice.store, 1);
    witness_ask(&alice, 1, &frame);
    redis_store_close(alice.store);
    witness_stop(&alice, &f);
    assert_int_equal(alice.dones + alice.published + alice.beaten + alice.downs, 0);
}

static void a_frame_nobody_understands_is_done_in_vain(void **state)
{
    (void)state;
    begin(&alice, ALICE);
    struct frame frame = frame_of(FRAME_JOINED, ALICE, "alice");
    witness_ask(&alice, 1, &frame);
    frame = frame_of(FRAME_JOIN, ALICE, "alice");
    frame.to = MAILBOX;
    witness_ask(&alice, 2, &frame);
    AWAIT(&f, alice.dones == 2);
    assert_int_equal(alice.failures, 2);
    assert_int_equal(alice.downs, 0);
    witness_stop(&alice, &f);
}

/* ---- a Redis of our own */

static struct fake_redis fake;
static const char *say;              /* to an ask */
static struct fake_visitor *waiting; /* who was not answered yet */

static bool answer(struct fake_redis *redis, const struct fake_command *command)
{
    (void)redis;
    if (slice_is(command->words[0], "SCRIPT")) {
        fake_redis_say(command->from, "$40\r\n0123456789012345678901234567890123456789\r\n");
        return true;
    }
    if (!slice_is(command->words[0], "EVALSHA"))
        return false;
    bool has_keys = !slice_is(command->words[2], "0");
    if (!has_keys && command->count == 5) /* it asks whether a right is missing */
        fake_redis_say(command->from, "$0\r\n\r\n");
    else if (!has_keys) /* it is a sweep */
        fake_redis_say(command->from, "*2\r\n:1000000\r\n$0\r\n\r\n");
    else if (say != NULL)
        fake_redis_say(command->from, say);
    else
        waiting = command->from;
    return true;
}

static int start_fake(void **state)
{
    (void)state;
    redis_fixture_start(&f);
    fake_redis_start(&fake, &f.loop);
    fake.on_command = answer;
    waiting = NULL;
    struct redis_store_options options = witness_options(&f, ALICE);
    options.client.address = &fake.address;
    witness_start(&alice, &options);
    AWAIT(&f, alice.up && alice.listening);
    return 0;
}

static int stop_fake(void **state)
{
    (void)state;
    witness_stop(&alice, &f);
    fake_redis_stop(&fake);
    redis_fixture_stop(&f);
    return 0;
}

static void ask_fake(unsigned number, const char *reply)
{
    struct frame frame = frame_of(FRAME_LEAVE, ALICE, "alice");
    say = reply;
    witness_ask(&alice, number, &frame);
}

static void what_nobody_can_do_now_ends_the_connection(void **state)
{
    static const char *const replies[] = {
        "-NOSCRIPT No matching script.\r\n",
        "-READONLY You can't write against a read only replica.\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-BUSY Redis is busy running a script.\r\n",
        "-MASTERDOWN Link with MASTER is down\r\n",
        "-MISCONF Redis is configured to save RDB snapshots\r\n",
        "-NOREPLICAS Not enough good replicas to write.\r\n",
        "-NOPERM this user has no permissions\r\n",
        "-ERR The user executing the script can't run this command or subcommand\r\n",
        "-ERR ACL failure in script: User roomline has no permissions to run the 'hset' "
        "command\r\n",
        "-NOAUTH Authentication required.\r\n",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        ask_fake(1, replies[i]);
        ask_fake(2, replies[i]);
        AWAIT(&f, alice.downs == i + 1 && alice.up);
        assert_int_equal(alice.dones, 0);
    }
}

static void what_fails_for_one_ask_is_done(void **state)
{
    static const char *const replies[] = {
        "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
        "-ERR user_script:1: something\r\n",
        "-\r\n",
        ":1\r\n",
        "*0\r\n",
        "$-1\r\n",
        "$5\r\nabcde\r\n",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        ask_fake(i + 1, replies[i]);
        AWAIT(&f, alice.dones == i + 1);
        assert_int_equal(alice.failures, i + 1);
    }
    assert_int_equal(alice.downs, 0);
    assert_int_equal(alice.frames.len, 0);
    assert_int_equal(redis_store_count(alice.store).failed, 8);
}

/* It may be a consequence of what was asked, which has come by the other connection. */
static void the_inbox_waits_for_the_answers_before_it(void **state)
{
    (void)state;
    struct frame frame = frame_of(FRAME_READ, ALICE, "alice");
    struct redis_store_options options = witness_options(&f, BOB);
    options.client.address = &fake.address;
    witness_start(&bob, &options); /* the fake one publishes to all who listen */
    AWAIT(&f, bob.up && bob.listening);
    say = NULL;
    witness_ask(&alice, 1, &frame);
    AWAIT(&f, waiting != NULL);
    fake_redis_publish(&fake, "rl:inbox:0000000000001111", "Lone");
    fake_redis_publish(&fake, "rl:inbox:0000000000001111", "Ltwo");
    AWAIT(&f, bob.messages == 2);
    redis_fixture_turn(&f);
    assert_int_equal(alice.messages, 0);
    fake_redis_say(waiting, "$0\r\n\r\n");
    AWAIT(&f, alice.dones == 1 && alice.messages == 2);
    assert_true(slice_is(buf_slice(&alice.inbox), "Lone|Ltwo|"));
    witness_stop(&bob, &f);
}

static void the_inbox_does_not_wait_for_what_is_lost(void **state)
{
    (void)state;
    struct frame frame = frame_of(FRAME_READ, ALICE, "alice");
    say = NULL;
    witness_ask(&alice, 1, &frame);
    AWAIT(&f, waiting != NULL);
    fake_redis_publish(&fake, "rl:inbox:0000000000001111", "Lone");
    redis_fixture_turn(&f);
    fake_redis_hang_up(&fake);
    AWAIT(&f, alice.messages == 1 && alice.downs == 1 && alice.up);
    assert_int_equal(alice.dones, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_ask_is_answered_and_done, start, stop),
        cmocka_unit_test_setup_teardown(another_worker_hears_of_it, start, stop),
        cmocka_unit_test_setup_teardown(packets_come_in_order_and_who_hears_is_told, start, stop),
        cmocka_unit_test_setup_teardown(a_beat_comes_back_by_both_ways, start, stop),
        cmocka_unit_test_setup_teardown(the_dead_are_swept_without_being_asked_for, start, stop),
        cmocka_unit_test_setup_teardown(who_leaves_leaves_nothing, start, stop),
        cmocka_unit_test_setup_teardown(flushed_scripts_are_loaded_again, start, stop),
        cmocka_unit_test_setup_teardown(a_full_redis_takes_nobody_in_and_lets_everybody_go, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_replica_is_not_up, start, stop),
        cmocka_unit_test_setup_teardown(a_busy_redis_is_waited_for, start, stop),
        cmocka_unit_test_setup_teardown(a_lost_command_connection_is_made_anew, start, stop),
        cmocka_unit_test_setup_teardown(a_lost_subscription_is_told_and_made_anew, start, stop),
        cmocka_unit_test_setup_teardown(what_is_queued_while_it_is_down_is_dropped, start, stop),
        cmocka_unit_test_setup_teardown(it_closes_with_everything_under_way, start, stop),
        cmocka_unit_test_setup_teardown(a_frame_nobody_understands_is_done_in_vain, start, stop),
        cmocka_unit_test_setup_teardown(what_nobody_can_do_now_ends_the_connection, start_fake,
                                        stop_fake),
        cmocka_unit_test_setup_teardown(what_fails_for_one_ask_is_done, start_fake, stop_fake),
        cmocka_unit_test_setup_teardown(the_inbox_waits_for_the_answers_before_it, start_fake,
                                        stop_fake),
        cmocka_unit_test_setup_teardown(the_inbox_does_not_wait_for_what_is_lost, start_fake,
                                        stop_fake),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
