/* A connection to Redis against one that says what the test wants: greeting, commands, losses,
 * time-outs, bounds, and what a Redis must not say. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bus/fake_redis.h"
#include "bus/redis_fixture.h"
#include "bus/redis_master.h"

static struct redis_fixture f;
static struct fake_redis redis, other;
static struct user user;
static struct redis_client_options options;

static int start(void **state)
{
    (void)state;
    redis_fixture_start(&f);
    fake_redis_start(&redis, &f.loop);
    options = user_options(&f);
    options.address = &redis.address;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fake_redis_stop(&redis);
    redis_fixture_stop(&f);
    return 0;
}

static void start_up(void)
{
    user_start(&user, &options);
    AWAIT(&f, user.up);
}

static void subscribe_to(const struct slice *channels, size_t count)
{
    options.channels = channels;
    options.channel_count = count;
}

/* --- greeting --- */

static void it_comes_up_and_answers_in_order(void **state)
{
    (void)state;
    start_up();
    assert_true(redis_client_is_up(user.client));
    user_must_send(&user, "SET a 1");
    user_must_send(&user, "GET a");
    user_must_send(&user, "PING");
    assert_int_equal(redis_client_pending(user.client), 3);
    AWAIT(&f, user.answers == 3);
    assert_true(user_said(&user, "OK\nOK\nPONG\n"));
    assert_true(slice_is(buf_slice(&redis.heard), "PING\nSET a 1\nGET a\nPING\n"));
    assert_int_equal(redis_client_pending(user.client), 0);
    assert_int_equal(redis_client_waiting(user.client), 0);
    user_stop(&user, &f);
    assert_int_equal(user.downs, 0);
    assert_int_equal(redis_fixture_logged(&f, "redis-up"), 1);
    assert_int_equal(redis_fixture_logged(&f, "redis-down"), 0);
}

static void it_greets_with_all_that_is_configured(void **state)
{
    (void)state;
    strcpy(options.login.user, "app");
    strcpy(options.login.password, "hush");
    options.database = 7;
    options.name = "roomline-1";
    start_up();
    assert_true(slice_is(buf_slice(&redis.heard),
                         "AUTH app hush\nSELECT 7\nCLIENT SETNAME roomline-1\nPING\n"));
    user_stop(&user, &f);
}

static void a_password_needs_no_user(void **state)
{
    (void)state;
    strcpy(options.login.password, "hush");
    start_up();
    assert_true(slice_is(buf_slice(&redis.heard), "AUTH hush\nPING\n"));
    user_stop(&user, &f);
}

static bool refuse_auth(struct fake_redis *to, const struct fake_command *command)
{
    if (!slice_is(command->words[0], "AUTH"))
        return false;
    fake_redis_say(command->from, to->accepted < 4
                                      ? "-WRONGPASS invalid username-password pair or user is "
                                        "disabled.\r\n"
                                      : "-ERR unknown command `AUTH`, with args beginning with: "
                                        "`app` `hush` \r\n");
    return true;
}

static void a_refused_password_is_told_once_and_never_shown(void **state)
{
    (void)state;
    strcpy(options.login.user, "app");
    strcpy(options.login.password, "hush");
    redis.on_command = refuse_auth;
    user_start(&user, &options);
    AWAIT(&f, redis.accepted == 8);
    assert_int_equal(redis_fixture_logged(&f, "redis-down"), 2);
    assert_int_equal(redis_fixture_logged(&f, "AUTH was refused: WRONGPASS"), 1);
    assert_int_equal(redis_fixture_logged(&f, "hush"), 0);
    redis.on_command = NULL;
    AWAIT(&f, user.up);
    assert_int_equal(user.downs, 0);
    user_stop(&user, &f);
    assert_int_equal(redis_fixture_logged(&f, "hush"), 0);
}

static bool load(struct fake_redis *to, const struct fake_command *command)
{
    if (!slice_is(command->words[0], "PING") || to->accepted > 3)
        return false;
    fake_redis_say(command->from, "-LOADING Redis is loading the dataset in memory\r\n");
    return true;
}

static void a_redis_that_loads_is_not_up(void **state)
{
    (void)state;
    redis.on_command = load;
    start_up();
    assert_int_equal(redis.accepted, 4);
    assert_int_equal(redis_fixture_logged(&f, "PING was refused: LOADING"), 1);
    user_stop(&user, &f);
}

static bool refuse_name(struct fake_redis *to, const struct fake_command *command)
{
    (void)to;
    if (!slice_is(command->words[0], "CLIENT"))
        return false;
    fake_redis_say(command->from, "-NOPERM this user has no permissions\r\n");
    return true;
}

static void a_name_that_is_not_permitted_does_no_harm(void **state)
{
    (void)state;
    options.name = "roomline-1";
    redis.on_command = refuse_name;
    start_up();
    user_stop(&user, &f);
}

static void a_silence_that_is_not_permitted_does_no_harm(void **state)
{
    (void)state;
    options.unanswered = true;
    redis.on_command = refuse_name;
    start_up();
    struct slice words[] = {SLICE("SET"), SLICE("a"), SLICE("1")};
    assert_int_equal(redis_client_tell(user.client, words, 3), 0);
    assert_int_equal(redis_client_pending(user.client), 1);
    user_must_send(&user, "GET a");
    AWAIT(&f, user.answers == 1);
    assert_true(slice_is(buf_slice(&redis.heard), "CLIENT REPLY ON\nPING\nSET a 1\nGET a\n"));
    assert_int_equal(user.downs, 0);
    user_stop(&user, &f);
}

/* --- commands --- */

static void nothing_can_be_sent_before_it_is_up(void **state)
{
    (void)state;
    user_start(&user, &options);
    assert_int_equal(user_send(&user, "PING"), ERR_UNAVAILABLE);
    AWAIT(&f, user.up);
    assert_int_equal(fake_redis_heard(&redis, "PING"), 1);
    user_stop(&user, &f);
    assert_int_equal(user.answers + user.losses, 0);
}

static bool answer_each_kind(struct fake_redis *to, const struct fake_command *command)
{
    (void)to;
    if (!slice_is(command->words[0], "EVALSHA"))
        return false;
    fake_redis_say(command->from, "*4\r\n:-7\r\n$5\r\na\r\nbc\r\n$-1\r\n*2\r\n+in\r\n-ERR no\r\n");
    fake_redis_say(command->from, "-NOSCRIPT No matching script.\r\n");
    return true;
}

static void answers_may_come_byte_by_byte(void **state)
{
    (void)state;
    redis.on_command = answer_each_kind;
    redis.chunk = 1;
    start_up();
    user_must_send(&user, "EVALSHA x 0");
    user_must_send(&user, "DEL a");
    AWAIT(&f, user.answers == 2);
    assert_true(user_said(&user, "[-7 a\r\nbc nil [in ERR no]]\nNOSCRIPT No matching script.\n"));
    user_stop(&user, &f);
}

static void what_is_told_is_not_answered(void **state)
{
    (void)state;
    struct slice words[] = {SLICE("SET"), SLICE("a"), SLICE("1")};
    options.unanswered = true;
    start_up();
    buf_clear(&redis.heard);
    user_must_send(&user, "GET a");
    assert_int_equal(redis_client_tell(user.client, words, 3), 0);
    assert_int_equal(redis_client_tell(user.client, words, 3), 0);
    assert_int_equal(redis_client_pending(user.client), 1);
    user_must_send(&user, "PING");
    AWAIT(&f, user.answers == 2);
    assert_true(user_said(&user, "OK\nPONG\n"));
    assert_true(slice_is(buf_slice(&redis.heard), "GET a\nCLIENT REPLY SKIP\nSET a 1\n"
                                                  "CLIENT REPLY SKIP\nSET a 1\nPING\n"));
    user_stop(&user, &f);
}

static void what_is_told_is_bounded_as_well(void **state)
{
    (void)state;
    static char value[600];
    struct slice words[] = {SLICE("SET"), SLICE("a"), {value, sizeof(value)}};
    options.unanswered = true;
    options.output_max = 1000;
    start_up();
    assert_int_equal(redis_client_tell(user.client, words, 3), 0);
    assert_int_equal(redis_client_tell(user.client, words, 3), ERR_UNAVAILABLE);
    user_must_send(&user, "PING"); /* nothing of the second is in its way */
    AWAIT(&f, user.answers == 1);
    assert_true(user_said(&user, "PONG\n"));
    fake_redis_hang_up(&redis);
    AWAIT(&f, user.downs == 1);
    assert_int_equal(redis_client_tell(user.client, words, 3), ERR_UNAVAILABLE);
    user_stop(&user, &f);
}

static void large_commands_arrive_whole(void **state)
{
    static char value[4 << 20];
    (void)state;
    memset(value, 'x', sizeof(value));
    options.ping_interval =
        1000000; /* a slow machine may take seconds, and all bytes are counted */
    start_up();
    struct slice words[] = {SLICE("SET"), SLICE("a"), {value, sizeof(value)}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(redis_client_send(user.client, words, 3, NULL, NULL), 0);
        redis_client_flush(user.client);
    }
    user_must_send(&user, "GET a");
    AWAIT(&f, user.answers == 1);
    assert_int_equal(redis.heard.len,
                     strlen("PING\nGET a\n") + 4 * (strlen("SET a \n") + sizeof(value)));
    user_stop(&user, &f);
}

static void send_more(struct user *to)
{
    if (to->answers < 100)
        user_must_send(to, "INCR a");
}

static void an_answer_may_send_the_next_command(void **state)
{
    (void)state;
    start_up();
    user.on_answer = send_more;
    user_must_send(&user, "INCR a");
    AWAIT(&f, user.answers == 100);
    user_stop(&user, &f);
}

static void output_is_bounded(void **state)
{
    static char value[100000];
    (void)state;
    unsigned sent = 0;
    options.output_max = 1000000;
    start_up();
    struct slice words[] = {SLICE("SET"), SLICE("a"), {value, sizeof(value)}};
    while (redis_client_send(user.client, words, 3, NULL, NULL) == 0)
        sent++;
    assert_int_equal(sent, 9);
    assert_true(redis_client_waiting(user.client) <= 1000000);
    assert_int_equal(redis_client_pending(user.client), 9);
    /* What was refused is not half there. */
    redis_client_flush(user.client);
    AWAIT(&f, redis_client_pending(user.client) == 0);
    user_must_send(&user, "GET a");
    AWAIT(&f, user.answers == 1);
    assert_int_equal(redis.commands, 1 + 9 + 1);
    user_stop(&user, &f);
}

static void commands_without_an_answer_are_bounded(void **state)
{
    (void)state;
    options.pending_max = 100;
    start_up();
    for (int i = 0; i < 100; i++)
        user_must_send(&user, "GET a");
    assert_int_equal(user_send(&user, "GET a"), ERR_UNAVAILABLE);
    AWAIT(&f, user.answers == 100);
    user_must_send(&user, "GET a");
    AWAIT(&f, user.answers == 101);
    user_stop(&user, &f);
}

/* --- losses --- */

static bool hang_up_at_last(struct fake_redis *to, const struct fake_command *command)
{
    if (slice_is(command->words[0], "LAST"))
        fake_redis_hang_up(to);
    return slice_is(command->words[0], "LAST") || slice_is(command->words[0], "WAIT");
}

static void expect_lost_before_down(struct user *of)
{
    assert_int_equal(of->losses, 3);
    assert_int_equal(redis_client_pending(of->client), 0);
    assert_int_equal(user_send(of, "PING"), ERR_UNAVAILABLE);
}

static void a_loss_fails_every_command_in_order_and_it_comes_back(void **state)
{
    (void)state;
    redis.on_command = hang_up_at_last;
    start_up();
    user.on_down = expect_lost_before_down;
    user_must_send(&user, "GET a");
    user_must_send(&user, "WAIT");
    user_must_send(&user, "LAST");
    user_must_send(&user, "GET b");
    AWAIT(&f, user.downs == 1);
    assert_true(user_said(&user, "OK\nlost\nlost\nlost\n"));
    assert_string_equal(user.cause, "Redis closed the connection");
    AWAIT(&f, user.ups == 2);
    user_must_send(&user, "GET a");
    AWAIT(&f, user.answers == 2);
    AWAIT(&f, redis_fixture_logged(&f, "redis-up") == 2);
    assert_int_equal(redis_fixture_logged(&f, "redis-down"), 1);
    user_stop(&user, &f);
}

static void lose_it_at_once(struct user *of)
{
    if (of->ups < 10)
        redis_client_restart(of->client, "it cannot be used");
}

static void coming_and_going_is_told_once(void **state)
{
    (void)state;
    options.ping_interval = 40;
    user_start(&user, &options);
    user.on_up = lose_it_at_once;
    AWAIT(&f, user.ups == 10);
    assert_int_equal(redis_fixture_logged(&f, "redis-up"), 1);
    assert_int_equal(redis_fixture_logged(&f, "redis-down"), 1);
    AWAIT(&f, redis_fixture_logged(&f, "redis-up") == 2); /* it stays */
    assert_int_equal(user.ups, 10);
    user_stop(&user, &f);
}

static void a_closed_port_is_told_once_and_tried_again(void **state)
{
    (void)state;
    fake_redis_stop(&redis);
    redis_fixture_turn(&f);
    user_start(&user, &options);
    AWAIT(&f, redis_fixture_logged(&f, "cause=\"connection refused\"") == 1);
    uint64_t until = uv_hrtime() + 100000000;
    while (uv_hrtime() < until)
        redis_fixture_turn(&f);
    assert_int_equal(redis_fixture_logged(&f, "redis-down"), 1);
    user_stop(&user, &f);
    assert_int_equal(user.ups + user.downs, 0);
}

static void a_restart_makes_a_new_connection(void **state)
{
    (void)state;
    start_up();
    redis.deaf = true;
    user_must_send(&user, "GET a");
    redis_client_restart(user.client, "heard nothing");
    assert_int_equal(user.downs + user.losses, 0); /* not from within */
    assert_false(redis_client_is_up(user.client));
    redis.deaf = false;
    AWAIT(&f, user.ups == 2);
    assert_string_equal(user.cause, "heard nothing");
    assert_int_equal(user.losses, 1);
    redis_client_restart(user.client, "again");
    redis_client_restart(user.client, "and again"); /* already under way */
    AWAIT(&f, user.ups == 3);
    assert_string_equal(user.cause, "again");
    assert_int_equal(redis.accepted, 3);
    user_stop(&user, &f);
}

/* --- time --- */

static void a_greeting_without_answer_is_given_up(void **state)
{
    (void)state;
    redis.deaf = true;
    options.connect_timeout = 40;
    user_start(&user, &options);
    AWAIT(&f, redis.accepted == 3);
    assert_int_equal(redis_fixture_logged(&f, "no answer in time"), 1);
    redis.deaf = false;
    AWAIT(&f, user.up);
    user_stop(&user, &f);
}

static void a_command_without_answer_cuts_the_connection(void **state)
{
    (void)state;
    options.command_timeout = 60;
    start_up();
    redis.deaf = true;
    uint64_t began = uv_hrtime();
    user_must_send(&user, "GET a");
    AWAIT(&f, user.downs == 1);
    assert_true(uv_hrtime() - began >= 50000000);
    assert_string_equal(user.cause, "no answer in time");
    assert_int_equal(user.losses, 1);
    user_stop(&user, &f);
}

static void silence_is_broken_by_a_ping(void **state)
{
    (void)state;
    options.ping_interval = 30;
    start_up();
    AWAIT(&f, fake_redis_heard(&redis, "PING") >= 4);
    assert_int_equal(user.downs, 0);
    options.ping_interval = 1000000;
    user_stop(&user, &f);
}

static void a_dead_redis_is_noticed_without_a_command(void **state)
{
    (void)state;
    options.ping_interval = 30;
    options.command_timeout = 60;
    start_up();
    redis.deaf = true;
    AWAIT(&f, user.downs == 1);
    assert_string_equal(user.cause, "no answer in time");
    user_stop(&user, &f);
}

/* --- subscribers --- */

static void a_subscriber_hears_its_channels(void **state)
{
    static const struct slice channels[] = {{"inbox:1", 7}, {"all", 3}};
    (void)state;
    subscribe_to(channels, 2);
    start_up();
    assert_true(slice_is(buf_slice(&redis.heard), "PING\nSUBSCRIBE inbox:1\nSUBSCRIBE all\n"));
    fake_redis_say(redis.visitors, "*3\r\n$7\r\nmessage\r\n$7\r\ninbox:1\r\n$4\r\nE\r\n!\r\n"
                                   "*3\r\n$7\r\nmessage\r\n$3\r\nall\r\n$0\r\n\r\n");
    AWAIT(&f, user_heard(&user, "inbox:1 E\r\n!\nall \n"));
    assert_int_equal(user_send(&user, "PING"), ERR_UNAVAILABLE);
    user_stop(&user, &f);
}

static bool pong_in_between(struct fake_redis *to, const struct fake_command *command)
{
    if (!slice_is(command->words[0], "PING") || fake_redis_heard(to, "SUBSCRIBE in") == 0)
        return false;
    fake_redis_say(command->from, "*3\r\n$7\r\nmessage\r\n$2\r\nin\r\n$1\r\nx\r\n"
                                  "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    return true;
}

static void a_subscriber_is_asked_for_life_as_well(void **state)
{
    static const struct slice channel = {"in", 2};
    (void)state;
    subscribe_to(&channel, 1);
    redis.on_command = pong_in_between;
    redis.chunk = 3;
    options.ping_interval = 30;
    options.command_timeout = 60;
    start_up();
    AWAIT(&f, user.messages.len >= 3 * strlen("in x\n"));
    assert_int_equal(user.downs, 0);
    redis.deaf = true;
    AWAIT(&f, user.downs == 1);
    assert_string_equal(user.cause, "no answer in time");
    redis.deaf = false;
    AWAIT(&f, user.ups == 2);
    assert_true(fake_redis_heard(&redis, "SUBSCRIBE in") >= 2);
    user_stop(&user, &f);
}

/* Between on_up() and on_down() only. */
static bool message_too_early(struct fake_redis *to, const struct fake_command *command)
{
    (void)to;
    if (slice_is(command->words[0], "SUBSCRIBE") && slice_is(command->words[1], "b"))
        fake_redis_say(command->from, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nearly\r\n");
    return false;
}

static void messages_before_it_is_up_are_dropped(void **state)
{
    static const struct slice channels[] = {{"a", 1}, {"b", 1}};
    (void)state;
    subscribe_to(channels, 2);
    redis.on_command = message_too_early;
    start_up();
    fake_redis_say(redis.visitors, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\nlate\r\n");
    AWAIT(&f, user_heard(&user, "a late\n"));
    user_stop(&user, &f);
}

static bool refuse_subscribe(struct fake_redis *to, const struct fake_command *command)
{
    if (!slice_is(command->words[0], "SUBSCRIBE") || to->accepted > 2)
        return false;
    fake_redis_say(command->from, "-NOPERM this user has no permissions to access one of the "
                                  "channels used as arguments\r\n");
    return true;
}

static void a_refused_subscription_is_not_up(void **state)
{
    static const struct slice channel = {"in", 2};
    (void)state;
    subscribe_to(&channel, 1);
    redis.on_command = refuse_subscribe;
    start_up();
    assert_int_equal(redis.accepted, 3);
    assert_int_equal(redis_fixture_logged(&f, "SUBSCRIBE was refused: NOPERM"), 1);
    user_stop(&user, &f);
}

/* --- what a Redis must not say --- */

static void assert_cut_by(const char *bytes, const char *cause)
{
    unsigned downs = user.downs;
    AWAIT(&f, user.up);
    fake_redis_say(redis.visitors, bytes);
    AWAIT(&f, user.downs == downs + 1);
    assert_string_equal(user.cause, cause);
}

static void what_it_must_not_say_cuts_the_connection(void **state)
{
    (void)state;
    options.limits = (struct redis_limits){.size = 1000, .elements = 10, .depth = 3};
    start_up();
    assert_cut_by("+OK\r\n", "an answer that nothing asked for");
    assert_cut_by("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
                  "an answer that nothing asked for");
    assert_cut_by("SSH-2.0-OpenSSH\r\n", "a reply that is no RESP2");
    assert_cut_by("*11\r\n", "a reply with too many elements");
    assert_cut_by("*1\r\n*1\r\n*1\r\n*1\r\n", "a reply with lists nested too deep");
    char large[1200];
    snprintf(large, sizeof(large), "$5000\r\n%01100d", 0);
    assert_cut_by(large, "a reply over the limit");
    user_stop(&user, &f);
}

static void what_a_subscriber_must_not_hear_cuts_the_connection(void **state)
{
    static const struct slice channel = {"in", 2};
    (void)state;
    subscribe_to(&channel, 1);
    start_up();
    assert_cut_by("*3\r\n$11\r\nunsubscribe\r\n$2\r\nin\r\n:0\r\n",
                  "an answer that nothing asked for");
    assert_cut_by("*2\r\n$7\r\nmessage\r\n$2\r\nin\r\n", "an answer that nothing asked for");
    assert_cut_by("-ERR gone\r\n", "an answer that nothing asked for");
    /* Odd, but a message: both texts are there, and empty. */
    AWAIT(&f, user.up);
    fake_redis_say(redis.visitors, "*3\r\n$7\r\nmessage\r\n:1\r\n*0\r\n");
    AWAIT(&f, user_heard(&user, " \n"));
    user_stop(&user, &f);
}

/* --- the master --- */

static bool be_replica(struct fake_redis *to, const struct fake_command *command)
{
    (void)to;
    if (!slice_is(command->words[0], "ROLE"))
        return false;
    fake_redis_say(command->from, "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n"
                                  "$9\r\nconnected\r\n:0\r\n");
    return true;
}

static void it_waits_for_a_master_and_follows_it(void **state)
{
    struct redis_master master = {.known = false};
    (void)state;
    fake_redis_start(&other, &f.loop);
    options.address = NULL;
    options.master = &master;
    user_start(&user, &options);
    for (int i = 0; i < 5; i++)
        redis_fixture_turn(&f);
    redis_client_restart(user.client, "nothing to restart");
    assert_int_equal(redis.accepted, 0);
    redis_master_set(&master, &redis.address);
    AWAIT(&f, user.up);
    assert_int_equal(fake_redis_heard(&redis, "ROLE"), 1);

    redis_master_set(&master, &redis.address); /* no news */
    user_must_send(&user, "GET a");
    AWAIT(&f, user.answers == 1);
    assert_int_equal(user.downs, 0);

    redis_master_set(&master, &other.address);
    AWAIT(&f, user.ups == 2);
    assert_string_equal(user.cause, "the sentinels name another master");
    assert_int_equal(other.accepted, 1);
    user_stop(&user, &f);
    fake_redis_stop(&other);
}

static void a_replica_is_not_taken_for_the_master(void **state)
{
    struct redis_master master = {.known = true, .address = redis.address};
    (void)state;
    options.address = NULL;
    options.master = &master;
    options.ping_interval = 30;
    redis.on_command = be_replica;
    user_start(&user, &options);
    AWAIT(&f, redis.accepted == 3);
    assert_int_equal(user.ups, 0);
    redis.on_command = NULL;
    AWAIT(&f, user.up);
    redis.on_command = be_replica; /* it was demoted, and nobody says so */
    AWAIT(&f, user.downs == 1);
    assert_string_equal(user.cause, "it is not the master any more");
    assert_int_equal(redis_fixture_logged(&f, "it is not the master any more"), 2);
    user_stop(&user, &f);
}

/* Busy or not. */
static void a_busy_connection_is_asked_for_its_role_as_well(void **state)
{
    struct redis_master master = {.known = true, .address = redis.address};
    (void)state;
    options.address = NULL;
    options.master = &master;
    options.ping_interval = 30;
    start_up();
    while (fake_redis_heard(&redis, "ROLE") < 4) {
        unsigned answers = user.answers;
        user_must_send(&user, "GET a");
        AWAIT(&f, user.answers > answers);
    }
    user_stop(&user, &f);
}

/* --- closing --- */

static void close_now(struct user *of)
{
    redis_client_close(of->client);
    redis_client_close(of->client);
    assert_int_equal(user_send(of, "PING"), ERR_UNAVAILABLE);
    redis_client_restart(of->client, "too late");
}

static void it_may_be_closed_at_once(void **state)
{
    (void)state;
    user_start(&user, &options);
    user_stop(&user, &f);
    assert_int_equal(user.ups + user.downs, 0);
}

static void it_may_be_closed_in_every_state(void **state)
{
    (void)state;
    for (int turns = 0; turns < 8; turns++) {
        user_start(&user, &options);
        for (int i = 0; i < turns; i++)
            uv_run(&f.loop, UV_RUN_NOWAIT);
        user_stop(&user, &f);
    }
    fake_redis_stop(&redis); /* and between two tries */
    redis_fixture_turn(&f);
    user_start(&user, &options);
    AWAIT(&f, redis_fixture_logged(&f, "connection refused") == 1);
    user_stop(&user, &f);
}

static void it_may_be_closed_when_it_comes_up(void **state)
{
    (void)state;
    user_start(&user, &options);
    user.on_up = close_now;
    AWAIT(&f, user.closed == 1);
    user_stop(&user, &f);
    assert_int_equal(user.downs, 0);
}

static void it_may_be_closed_by_an_answer(void **state)
{
    (void)state;
    start_up();
    user.on_answer = close_now;
    for (int i = 0; i < 3; i++)
        user_must_send(&user, "GET a");
    AWAIT(&f, user.closed == 1);
    assert_true(user_said(&user, "OK\nlost\nlost\n"));
    user_stop(&user, &f);
}

static void it_may_be_closed_by_a_loss(void **state)
{
    (void)state;
    start_up();
    user.on_answer = close_now; /* of the first that is lost */
    redis.deaf = true;
    for (int i = 0; i < 3; i++)
        user_must_send(&user, "GET a");
    fake_redis_hang_up(&redis);
    AWAIT(&f, user.closed == 1);
    assert_int_equal(user.losses, 3);
    assert_int_equal(user.downs, 0);
    user_stop(&user, &f);
}

static void it_may_be_closed_when_it_goes_down(void **state)
{
    (void)state;
    start_up();
    user.on_down = close_now;
    fake_redis_hang_up(&redis);
    AWAIT(&f, user.closed == 1);
    user_stop(&user, &f);
}

static void it_may_be_closed_by_a_message(void **state)
{
    static const struct slice channel = {"in", 2};
    (void)state;
    subscribe_to(&channel, 1);
    start_up();
    user.on_message = close_now;
    fake_redis_say(redis.visitors, "*3\r\n$7\r\nmessage\r\n$2\r\nin\r\n$1\r\na\r\n"
                                   "*3\r\n$7\r\nmessage\r\n$2\r\nin\r\n$1\r\nb\r\n");
    AWAIT(&f, user.closed == 1);
    assert_true(user_heard(&user, "in a\n"));
    user_stop(&user, &f);
}

/* --- memory --- */

static void without_memory_there_is_no_client(void **state)
{
    static const struct redis_client_events none = {NULL, NULL, NULL, NULL};
    static const struct slice channel = {"in", 2};
    (void)state;
    options.name = "torture";
    subscribe_to(&channel, 1);
    for (unsigned n = 1; n <= 5; n++) { /* itself, reader, channels, channel, name */
        mem_fail_nth(n);
        assert_null(redis_client_new(&options, &none, NULL));
        mem_fail_nth(0);
    }
}

/* The nth allocation fails, whichever it is: what was asked is answered or lost, and the client
 * comes back. */
static void it_survives_every_failing_allocation(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 30; n++) {
        user_start(&user, &options);
        mem_fail_nth(n);
        AWAIT(&f, user.up);
        for (int i = 0; i < 100; i++)
            user_send(&user, "GET a");
        AWAIT(&f, user.up && redis_client_pending(user.client) == 0);
        mem_fail_nth(0);
        user_must_send(&user, "GET a");
        AWAIT(&f, user.up && redis_client_pending(user.client) == 0);
        user_stop(&user, &f);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_comes_up_and_answers_in_order),
        TEST(it_greets_with_all_that_is_configured),
        TEST(a_password_needs_no_user),
        TEST(a_refused_password_is_told_once_and_never_shown),
        TEST(a_redis_that_loads_is_not_up),
        TEST(a_name_that_is_not_permitted_does_no_harm),
        TEST(a_silence_that_is_not_permitted_does_no_harm),
        TEST(nothing_can_be_sent_before_it_is_up),
        TEST(answers_may_come_byte_by_byte),
        TEST(what_is_told_is_not_answered),
        TEST(what_is_told_is_bounded_as_well),
        TEST(large_commands_arrive_whole),
        TEST(an_answer_may_send_the_next_command),
        TEST(output_is_bounded),
        TEST(commands_without_an_answer_are_bounded),
        TEST(a_loss_fails_every_command_in_order_and_it_comes_back),
        TEST(coming_and_going_is_told_once),
        TEST(a_closed_port_is_told_once_and_tried_again),
        TEST(a_restart_makes_a_new_connection),
        TEST(a_greeting_without_answer_is_given_up),
        TEST(a_command_without_answer_cuts_the_connection),
        TEST(silence_is_broken_by_a_ping),
        TEST(a_dead_redis_is_noticed_without_a_command),
        TEST(a_subscriber_hears_its_channels),
        TEST(a_subscriber_is_asked_for_life_as_well),
        TEST(messages_before_it_is_up_are_dropped),
        TEST(a_refused_subscription_is_not_up),
        TEST(what_it_must_not_say_cuts_the_connection),
        TEST(what_a_subscriber_must_not_hear_cuts_the_connection),
        TEST(it_waits_for_a_master_and_follows_it),
        TEST(a_replica_is_not_taken_for_the_master),
        TEST(a_busy_connection_is_asked_for_its_role_as_well),
        TEST(it_may_be_closed_at_once),
        TEST(it_may_be_closed_in_every_state),
        TEST(it_may_be_closed_when_it_comes_up),
        TEST(it_may_be_closed_by_an_answer),
        TEST(it_may_be_closed_by_a_loss),
        TEST(it_may_be_closed_when_it_goes_down),
        TEST(it_may_be_closed_by_a_message),
        TEST(without_memory_there_is_no_client),
        TEST(it_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
