/* Sentinels that disagree, fall silent, lie, and tell of switches; and a client that follows. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "bus/fake_redis.h"
#include "bus/redis_fixture.h"
#include "bus/redis_sentinel.h"

static struct redis_fixture f;
static struct fake_redis sentinels[3];
static struct fake_redis old, new;
static struct redis_sentinel *sentinel;
static struct redis_sentinel_options options;
static struct redis_address addresses[3];
static bool closed;

/* What each of the three says. */
static struct view {
    const struct fake_redis *master; /* NULL: says `text` */
    unsigned epoch;
    const char *text;
} views[3];

static bool say_master(struct fake_redis *redis, const struct fake_command *command)
{
    const struct view *view = &views[redis - sentinels];
    char answer[512], port[16];
    if (!slice_is(command->words[0], "SENTINEL"))
        return false;
    assert_true(fake_command_is(command, "SENTINEL MASTER main"));
    if (view->master == NULL) {
        fake_redis_say(command->from, view->text);
        return true;
    }
    snprintf(port, sizeof(port), "%u", view->master->address.port);
    snprintf(answer, sizeof(answer),
             "*8\r\n$4\r\nname\r\n$4\r\nmain\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n"
             "$4\r\nport\r\n$%zu\r\n%s\r\n$12\r\nconfig-epoch\r\n$1\r\n%u\r\n",
             strlen(port), port, view->epoch);
    fake_redis_say(command->from, answer);
    return true;
}

static int start(void **state)
{
    (void)state;
    redis_fixture_start(&f);
    for (int i = 0; i < 3; i++) {
        fake_redis_start(&sentinels[i], &f.loop);
        sentinels[i].on_command = say_master;
        addresses[i] = sentinels[i].address;
        views[i] = (struct view){.master = &old, .epoch = 1};
    }
    fake_redis_start(&old, &f.loop);
    fake_redis_start(&new, &f.loop);
    options = (struct redis_sentinel_options){
        .addresses = addresses,
        .address_count = 3,
        .master = "main",
        .interval = 30,
        .client = user_options(&f),
    };
    closed = false;
    return 0;
}

static void on_closed(void *context)
{
    (void)context;
    closed = true;
}

static void stop_sentinel(void)
{
    redis_sentinel_close(sentinel, on_closed, NULL);
    AWAIT(&f, closed);
}

static int stop(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        fake_redis_stop(&sentinels[i]);
    fake_redis_stop(&old);
    fake_redis_stop(&new);
    redis_fixture_stop(&f);
    return 0;
}

static bool is_master(const struct fake_redis *redis)
{
    const struct redis_master *master = redis_sentinel_master(sentinel);
    return master->known && redis_address_equal(&master->address, &redis->address);
}

static void start_sentinel(void)
{
    sentinel = redis_sentinel_new(&options);
    assert_non_null(sentinel);
}

/* Until everybody was asked twice more. */
static void let_pass(void)
{
    unsigned asked[3];
    for (int i = 0; i < 3; i++)
        asked[i] = fake_redis_heard(&sentinels[i], "SENTINEL MASTER main");
    for (int i = 0; i < 3; i++)
        AWAIT(&f, sentinels[i].deaf || uv_is_closing((uv_handle_t *)&sentinels[i].listener) ||
                      fake_redis_heard(&sentinels[i], "SENTINEL MASTER main") >= asked[i] + 2);
}

static void they_name_the_master(void **state)
{
    (void)state;
    start_sentinel();
    assert_false(redis_sentinel_master(sentinel)->known);
    AWAIT(&f, is_master(&old));
    let_pass();
    assert_int_equal(redis_fixture_logged(&f, "redis-master "), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fake_redis_heard(&sentinels[i], "SUBSCRIBE +switch-master"), 1);
    stop_sentinel();
}

static void one_of_three_is_enough_when_nothing_is_known(void **state)
{
    (void)state;
    sentinels[0].deaf = true;
    views[1] = (struct view){.text = "-ERR No such master with that name\r\n"};
    options.client.connect_timeout = 50;
    start_sentinel();
    AWAIT(&f, is_master(&old));
    stop_sentinel();
}

static void the_highest_epoch_counts(void **state)
{
    (void)state;
    views[1] = (struct view){.master = &new, .epoch = 2};
    start_sentinel();
    AWAIT(&f, is_master(&new));
    let_pass();
    assert_true(is_master(&new));
    stop_sentinel();
}

static unsigned times_asked(void)
{
    unsigned times = 0;
    for (int i = 0; i < 3; i++)
        times += fake_redis_heard(&sentinels[i], "SENTINEL MASTER main");
    return times;
}

static void await_subscriptions(void)
{
    for (int i = 0; i < 3; i++)
        AWAIT(&f, sentinels[i].visitors != NULL &&
                      fake_redis_heard(&sentinels[i], "SUBSCRIBE +switch-master") == 1);
    /* Each that comes up has all of them asked. */
    unsigned asked;
    do {
        asked = times_asked();
        for (int i = 0; i < 5; i++)
            redis_fixture_turn(&f);
    } while (times_asked() != asked);
}

static void a_client_follows_a_switch(void **state)
{
    struct redis_client_options follow = user_options(&f);
    static struct user user;
    (void)state;
    options.interval = 1000000; /* so that it can only be the message */
    start_sentinel();
    follow.master = redis_sentinel_master(sentinel);
    user_start(&user, &follow);
    AWAIT(&f, user.up && old.accepted == 1);
    await_subscriptions();
    unsigned asked = times_asked();

    fake_redis_publish(&sentinels[2], "+switch-master", "mainly 127.0.0.1 1 127.0.0.1 2");
    fake_redis_publish(&sentinels[2], "+switch-master", "other 127.0.0.1 1 127.0.0.1 2");
    for (int i = 0; i < 10; i++)
        redis_fixture_turn(&f);
    assert_int_equal(times_asked(), asked);

    views[2] = (struct view){.master = &new, .epoch = 2};
    fake_redis_publish(&sentinels[2], "+switch-master", "main 127.0.0.1 1 127.0.0.1 2");
    AWAIT(&f, user.ups == 2);
    assert_string_equal(user.cause, "the sentinels name another master");
    assert_int_equal(new.accepted, 1);
    user_stop(&user, &f);
    stop_sentinel();
}

/* The old master and one sentinel are cut off together from the rest, but not from us. */
static void a_minority_that_lags_behind_is_not_believed(void **state)
{
    (void)state;
    start_sentinel();
    AWAIT(&f, is_master(&old));
    views[1] = views[2] = (struct view){.master = &new, .epoch = 2};
    AWAIT(&f, is_master(&new));
    fake_redis_stop(&sentinels[1]);
    fake_redis_stop(&sentinels[2]);
    let_pass();
    let_pass();
    assert_true(is_master(&new));
    views[0] = (struct view){.master = &old, .epoch = 3};
    AWAIT(&f, is_master(&old));
    stop_sentinel();
}

/* They were set up anew, and count from the start. */
static void a_majority_is_believed_whatever_its_epoch(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        views[i].epoch = 9;
    start_sentinel();
    AWAIT(&f, is_master(&old));
    for (int i = 0; i < 3; i++)
        views[i] = (struct view){.master = &new, .epoch = 0};
    AWAIT(&f, is_master(&new));
    stop_sentinel();
}

static void nonsense_is_told_once_of_each_and_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "-ERR No such master with that name\r\n",
        "+OK\r\n",
        "*0\r\n",
        "*1\r\n$2\r\nip\r\n",
        "*6\r\n$2\r\nip\r\n$1\r\nh\r\n$4\r\nport\r\n$1\r\n0\r\n$12\r\nconfig-epoch\r\n$1\r\n1\r\n",
        "*6\r\n$2\r\nip\r\n$1\r\nh\r\n$4\r\nport\r\n$5\r\n65536\r\n$12\r\nconfig-epoch\r\n$"
        "1\r\n1\r\n",
        "*6\r\n$2\r\nip\r\n$0\r\n\r\n$4\r\nport\r\n$1\r\n1\r\n$12\r\nconfig-epoch\r\n$1\r\n1\r\n",
        "*6\r\n$2\r\nip\r\n$1\r\n\n\r\n$4\r\nport\r\n$1\r\n1\r\n$12\r\nconfig-epoch\r\n$1\r\n1\r\n",
        "*6\r\n$2\r\nip\r\n$1\r\nh\r\n$4\r\nport\r\n$1\r\n1\r\n$12\r\nconfig-epoch\r\n$1\r\nx\r\n",
        "*6\r\n$2\r\nip\r\n$1\r\nh\r\n$4\r\nport\r\n$1\r\n1\r\n$12\r\nconfig-epoch\r\n"
        "$20\r\n99999999999999999999\r\n",
    };
    (void)state;
    start_sentinel();
    AWAIT(&f, is_master(&old));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (int j = 0; j < 3; j++)
            views[j] = (struct view){.text = texts[i]};
        let_pass();
        assert_true(is_master(&old));
    }
    assert_int_equal(redis_fixture_logged(&f, "No such master with that name"), 3);
    assert_int_equal(redis_fixture_logged(&f, "an odd answer"), 3);
    views[0] = views[1] = (struct view){.master = &new, .epoch = 2};
    AWAIT(&f, is_master(&new));
    let_pass();
    assert_int_equal(redis_fixture_logged(&f, "an odd answer"), 3);
    stop_sentinel();
}

static void it_may_be_closed_at_any_time(void **state)
{
    (void)state;
    for (int turns = 0; turns < 8; turns++) {
        closed = false;
        start_sentinel();
        for (int i = 0; i < turns; i++)
            uv_run(&f.loop, UV_RUN_NOWAIT);
        stop_sentinel();
    }
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 12; n++) {
        mem_fail_nth(n);
        assert_null(redis_sentinel_new(&options));
        mem_fail_nth(0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(they_name_the_master),
        TEST(one_of_three_is_enough_when_nothing_is_known),
        TEST(the_highest_epoch_counts),
        TEST(a_client_follows_a_switch),
        TEST(a_minority_that_lags_behind_is_not_believed),
        TEST(a_majority_is_believed_whatever_its_epoch),
        TEST(nonsense_is_told_once_of_each_and_changes_nothing),
        TEST(it_may_be_closed_at_any_time),
        TEST(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
