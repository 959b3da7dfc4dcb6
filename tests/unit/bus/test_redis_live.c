/* The client against real Redis: passwords, databases, unix sockets, TLS, restarts, freezes, and
 * Sentinel with a failover. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "bus/live_redis.h"
#include "bus/redis_fixture.h"
#include "bus/redis_sentinel.h"
#include "net/tls_client.h"

static const char *const no_args[] = {NULL};

static struct redis_fixture f;
static struct live_redis redis;
static struct redis_client_options options;
static struct user user, inbox;

static int start(void **state)
{
    (void)state;
    redis_fixture_start(&f);
    options = user_options(&f);
    options.address = &redis.address;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    live_redis_stop(&redis);
    redis_fixture_stop(&f);
    return 0;
}

static void start_up(void)
{
    user_start(&user, &options);
    AWAIT(&f, user.up);
}

static const char *answer_to(struct user *of, const char *line)
{
    unsigned answers = of->answers;
    buf_clear(&of->said);
    user_must_send(of, line);
    AWAIT(&f, of->answers == answers + 1);
    buf_add_char(&of->said, '\0');
    return of->said.data;
}

/* One command, and exactly this answer. */
static void assert_answer(struct user *of, const char *line, const char *answer)
{
    assert_string_equal(answer_to(of, line), answer);
}

/* One command, refused: the words behind the code differ between the servers. */
static void assert_refused(struct user *of, const char *line, const char *code)
{
    assert_memory_equal(answer_to(of, line), code, strlen(code));
}

static void start_inbox(const struct slice *channel)
{
    struct redis_client_options subscriber = options;
    subscriber.use = "inbox";
    subscriber.channels = channel;
    subscriber.channel_count = 1;
    user_start(&inbox, &subscriber);
    AWAIT(&f, inbox.up);
}

static const struct slice inbox_channel = {"rl:inbox:7", sizeof("rl:inbox:7") - 1};

/* --- plain --- */

static void commands_are_answered(void **state)
{
    (void)state;
    live_redis_start(&redis, no_args);
    options.name = "roomline-test";
    options.database = 9;
    start_up();
    assert_answer(&user, "CLIENT GETNAME", "roomline-test\n");
    assert_answer(&user, "SET a 1", "OK\n");
    assert_answer(&user, "GET b", "nil\n");
    assert_answer(&user, "LPUSH l x y", "2\n");
    assert_answer(&user, "LRANGE l 0 -1", "[y x]\n");
    assert_answer(&user, "EVAL return{1,{'a',false}} 0", "[1 [a nil]]\n");
    assert_answer(&user, "LPUSH a x",
                  "WRONGTYPE Operation against a key holding the wrong kind of value\n");
    assert_answer(&user, "SELECT 0", "OK\n");
    assert_answer(&user, "GET a", "nil\n");
    user_stop(&user, &f);
}

static void many_commands_are_answered_in_order(void **state)
{
    enum { COUNT = 20000 };
    (void)state;
    live_redis_start(&redis, no_args);
    start_up();
    struct buf expected;
    buf_init(&expected, (size_t)1 << 20);
    for (unsigned i = 1; i <= COUNT; i++) {
        buf_add_uint(&expected, i);
        buf_add_char(&expected, '\n');
    }
    for (unsigned i = 0; i < COUNT; i++) {
        user_must_send(&user, "INCR a");
        if (i % 100 == 0)
            uv_run(&f.loop, UV_RUN_NOWAIT);
    }
    AWAIT(&f, user.answers == COUNT);
    assert_true(slice_equal(buf_slice(&user.said), buf_slice(&expected)));
    buf_done(&expected);
    user_stop(&user, &f);
}

static void what_is_told_is_done_in_order_and_not_answered(void **state)
{
    (void)state;
    struct slice words[] = {SLICE("INCR"), SLICE("a")};
    struct slice wrong[] = {SLICE("INCR")};
    live_redis_start(&redis, no_args);
    options.unanswered = true;
    start_up();
    assert_int_equal(redis_client_tell(user.client, words, 2), 0);
    assert_answer(&user, "INCR a", "2\n");
    assert_int_equal(redis_client_tell(user.client, wrong, 1), 0);
    assert_int_equal(redis_client_tell(user.client, words, 2), 0);
    assert_answer(&user, "GET a", "3\n");
    assert_int_equal(user.downs, 0);
    user_stop(&user, &f);
}

static void large_values_go_both_ways(void **state)
{
    static char value[3000000];
    (void)state;
    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (char)('a' + i % 23);
    live_redis_start(&redis, no_args);
    start_up();
    struct slice words[] = {SLICE("SET"), SLICE("a"), {value, sizeof(value)}};
    assert_int_equal(redis_client_send(user.client, words, 3, NULL, NULL), 0);
    user_must_send(&user, "GET a");
    AWAIT(&f, user.answers == 1);
    assert_int_equal(user.said.len, sizeof(value) + 1);
    assert_memory_equal(user.said.data, value, sizeof(value));
    user_stop(&user, &f);
}

static void a_unix_socket_does(void **state)
{
    (void)state;
    live_redis_start(&redis, no_args);
    struct redis_address local = {.local = true};
    snprintf(local.host, sizeof(local.host), "%s", redis.socket);
    options.address = &local;
    start_up();
    assert_answer(&user, "SET a 1", "OK\n");
    assert_int_equal(redis_fixture_logged(&f, redis.socket), 1);
    user_stop(&user, &f);
}

static void a_unix_socket_that_is_not_there_is_told(void **state)
{
    struct redis_address local = {.local = true, .host = "/nowhere/redis.sock"};
    (void)state;
    options.address = &local;
    user_start(&user, &options);
    AWAIT(&f, redis_fixture_logged(&f, "no such file or directory") == 1);
    user_stop(&user, &f);
}

static void a_name_is_resolved(void **state)
{
    struct redis_address named;
    (void)state;
    live_redis_start(&redis, no_args);
    named = redis.address;
    strcpy(named.host, "localhost");
    options.address = &named;
    start_up();
    user_stop(&user, &f);
}

/* --- who may --- */

static const char *const acl_args[] = {"--user", "default", "off",   "--user", "app",    "on",
                                       ">hush",  "~rl:*",   "&rl:*", "+@all",  "-debug", NULL};

static void an_acl_user_logs_in(void **state)
{
    (void)state;
    live_redis_start(&redis, acl_args);
    strcpy(options.login.user, "app");
    strcpy(options.login.password, "hush");
    start_up();
    assert_answer(&user, "SET rl:a 1", "OK\n");
    assert_refused(&user, "SET a 1", "NOPERM ");
    start_inbox(&inbox_channel);
    assert_answer(&user, "PUBLISH rl:inbox:7 hello", "1\n");
    AWAIT(&f, user_heard(&inbox, "rl:inbox:7 hello\n"));
    user_stop(&inbox, &f);
    user_stop(&user, &f);
}

static void who_may_not_is_told_why(void **state)
{
    static const struct slice other = {"other", 5};
    (void)state;
    live_redis_start(&redis, acl_args);
    user_start(&user, &options);
    AWAIT(&f, redis_fixture_logged(&f, "PING was refused: NOAUTH Authentication required.") == 1);
    user_stop(&user, &f);
    strcpy(options.login.user, "app");
    strcpy(options.login.password, "wrong-hush");
    user_start(&user, &options);
    AWAIT(&f, redis_fixture_logged(&f, "AUTH was refused: WRONGPASS") == 1);
    user_stop(&user, &f);
    strcpy(options.login.password, "hush");
    options.channels = &other;
    options.channel_count = 1;
    user_start(&user, &options);
    AWAIT(&f, redis_fixture_logged(&f, "SUBSCRIBE was refused: NOPERM") == 1);
    user_stop(&user, &f);
    assert_int_equal(redis_fixture_logged(&f, "hush"), 0);
}

static void a_password_where_none_is_set_is_told(void **state)
{
    (void)state;
    live_redis_start(&redis, no_args);
    strcpy(options.login.password, "hush");
    user_start(&user, &options);
    AWAIT(&f, redis_fixture_logged(&f, "there is no password set for the default user") == 1);
    user_stop(&user, &f);
    assert_int_equal(redis_fixture_logged(&f, "hush"), 0);
}

/* What Redis says to a command that it does not know repeats the arguments. */
static void a_password_is_not_repeated_where_auth_is_renamed(void **state)
{
    static const char *const args[] = {"--rename-command", "AUTH", "LOGIN", NULL};
    (void)state;
    live_redis_start(&redis, args);
    strcpy(options.login.user, "app");
    strcpy(options.login.password, "hush");
    user_start(&user, &options);
    AWAIT(&f, redis_fixture_logged(&f, "AUTH was refused") == 1);
    user_stop(&user, &f);
    assert_int_equal(redis_fixture_logged(&f, "hush"), 0);
}

/* --- TLS --- */

static struct tls_context *context_of(const char *ca, const char *pair)
{
    char error[TLS_ERROR_SIZE], key[64];
    struct tls_client_options tls = {.ca = live_certificate(ca)};
    if (pair != NULL) {
        snprintf(key, sizeof(key), "%s.key", pair);
        tls.pair.key = live_certificate(key);
        snprintf(key, sizeof(key), "%s.pem", pair);
        tls.pair.cert = live_certificate(key);
    }
    struct tls_context *context =
        tls_client_context_new(&tls, &outgoing_streams(f.outgoing)->wire, error);
    if (context == NULL)
        fail_msg("%s", error);
    return context;
}

static void tls_with_a_client_certificate_does(void **state)
{
    (void)state;
    live_redis_start_tls(&redis, no_args);
    options.tls = context_of("ca.pem", "client");
    start_up();
    start_inbox(&inbox_channel);
    static char value[100000];
    memset(value, 'v', sizeof(value) - 1);
    struct slice words[] = {SLICE("PUBLISH"), inbox_channel, {value, sizeof(value) - 1}};
    for (int i = 0; i < 100; i++)
        assert_int_equal(redis_client_send(user.client, words, 3, NULL, NULL), 0);
    redis_client_flush(user.client);
    AWAIT(&f, inbox.messages.len == 100 * (inbox_channel.len + sizeof(value) + 1));
    user_stop(&inbox, &f);
    user_stop(&user, &f);
    tls_context_free(options.tls);
}

static void assert_tls_fails(const char *ca, const char *pair, const char *cause)
{
    options.tls = context_of(ca, pair);
    user_start(&user, &options);
    AWAIT(&f, redis_fixture_logged(&f, cause) == 1);
    user_stop(&user, &f);
    assert_int_equal(user.ups, 0);
    tls_context_free(options.tls);
}

static void a_stranger_is_not_trusted(void **state)
{
    (void)state;
    live_redis_start_tls(&redis, no_args);
    assert_tls_fails("other-ca.pem", "client", "self-signed certificate in certificate chain");
    assert_tls_fails("ca.pem", NULL, "certificate required");
}

static void a_certificate_must_be_of_the_host(void **state)
{
    static const char *args[] = {"--tls-cert-file", NULL, "--tls-key-file", NULL, NULL};
    struct redis_address named;
    (void)state;
    args[1] = live_certificate("name.pem");
    args[3] = live_certificate("name.key");
    live_redis_start_tls(&redis, args);
    assert_tls_fails("ca.pem", "client", "IP address mismatch");
    named = redis.address;
    strcpy(named.host, "localhost");
    options.address = &named;
    options.tls = context_of("ca.pem", "client");
    start_up();
    user_stop(&user, &f);
    tls_context_free(options.tls);
    live_redis_stop(&redis);

    live_redis_start_tls(&redis, no_args);
    named.port = redis.address.port;
    assert_tls_fails("ca.pem", "client", "hostname mismatch");
}

static void what_speaks_no_tls_is_told(void **state)
{
    (void)state;
    live_redis_start(&redis, no_args);
    options.connect_timeout = 200;
    /* Redis takes the handshake for a command and waits for its end, or says that it is none. */
    options.tls = context_of("ca.pem", "client");
    user_start(&user, &options);
    AWAIT(&f, redis_fixture_logged(&f, "redis-down") > 0);
    user_stop(&user, &f);
    assert_int_equal(user.ups, 0);
    tls_context_free(options.tls);
}

/* --- it goes and comes --- */

static void it_comes_back_after_a_restart(void **state)
{
    (void)state;
    live_redis_start(&redis, no_args);
    start_up();
    start_inbox(&inbox_channel);
    assert_answer(&user, "SET a 1", "OK\n");
    live_redis_again(&redis, false);
    AWAIT(&f, user.ups == 2 && inbox.ups == 2);
    assert_answer(&user, "GET a", "nil\n");
    assert_answer(&user, "PUBLISH rl:inbox:7 again", "1\n");
    AWAIT(&f, user_heard(&inbox, "rl:inbox:7 again\n"));
    user_stop(&inbox, &f);
    user_stop(&user, &f);
}

static void a_frozen_redis_is_left_and_found_again(void **state)
{
    (void)state;
    live_redis_start(&redis, no_args);
    options.command_timeout = 200;
    options.connect_timeout = 200;
    options.ping_interval = 100;
    start_up();
    start_inbox(&inbox_channel);
    live_redis_signal(&redis, SIGSTOP);
    user_must_send(&user, "INCR a");
    AWAIT(&f, user.downs == 1 && inbox.downs == 1);
    assert_string_equal(user.cause, "no answer in time");
    assert_int_equal(user.losses, 1);
    AWAIT(&f, redis_fixture_logged(&f, "no answer in time") >= 2);
    live_redis_signal(&redis, SIGCONT);
    AWAIT(&f, user.up && inbox.up);
    /* What was in its socket when it froze it does all the same: a loss is no promise. */
    assert_answer(&user, "INCR a", "2\n");
    user_stop(&inbox, &f);
    user_stop(&user, &f);
}

static void a_killed_subscription_is_made_anew(void **state)
{
    (void)state;
    live_redis_start(&redis, no_args);
    start_up();
    start_inbox(&inbox_channel);
    assert_answer(&user, "CLIENT KILL TYPE pubsub", "1\n");
    AWAIT(&f, inbox.ups == 2);
    assert_int_equal(user.downs, 0);
    assert_answer(&user, "PUBLISH rl:inbox:7 x", "1\n");
    user_stop(&inbox, &f);
    user_stop(&user, &f);
}

static void a_redis_that_loads_is_waited_for(void **state)
{
    static const char *const args[] = {"--dbfilename",
                                       "loading.rdb",
                                       "--loading-process-events-interval-bytes",
                                       "1024",
                                       "--key-load-delay",
                                       "50", /* us */
                                       "--enable-debug-command",
                                       "yes",
                                       NULL};
    (void)state;
    live_redis_start(&redis, args);
    start_up();
    assert_answer(&user, "DEBUG POPULATE 10000", "OK\n");
    assert_answer(&user, "SAVE", "OK\n");
    redis.ready = "Server initialized";
    live_redis_again(&redis, false);
    AWAIT(&f, user.ups == 2);
    assert_int_equal(redis_fixture_logged(&f, "PING was refused: LOADING"), 1);
    assert_answer(&user, "DBSIZE", "10000\n");
    user_stop(&user, &f);
}

/* --- Sentinel --- */

static struct live_redis replica, sentinels[3];
static struct redis_sentinel *watch;
static bool watch_closed;

static void on_watch_closed(void *context)
{
    (void)context;
    watch_closed = true;
}

static void start_group(bool tls)
{
    static const char *const master_args[] = {"--requirepass", "hush", "--masterauth", "hush",
                                              NULL};
    static char port[8];
    static const char *const replica_args[] = {"--requirepass", "hush",      "--masterauth", "hush",
                                               "--replicaof",   "127.0.0.1", port,           NULL};
    static char lines[1024];
    tls ? live_redis_start_tls(&redis, master_args) : live_redis_start(&redis, master_args);
    snprintf(port, sizeof(port), "%u", redis.address.port);
    tls ? live_redis_start_tls(&replica, replica_args) : live_redis_start(&replica, replica_args);
    snprintf(lines, sizeof(lines),
             "requirepass watch-hush\nsentinel sentinel-pass watch-hush\n"
             "sentinel monitor main 127.0.0.1 %s 2\nsentinel auth-pass main hush\n"
             "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n",
             port);
    for (int i = 0; i < 3; i++)
        live_redis_start_sentinel(&sentinels[i], lines, tls);
}

static void start_watch(void)
{
    struct redis_address addresses[3];
    for (int i = 0; i < 3; i++)
        addresses[i] = sentinels[i].address;
    struct redis_sentinel_options watch_options = {
        .addresses = addresses,
        .address_count = 3,
        .master = "main",
        .interval = 200,
        .client = options,
    };
    strcpy(watch_options.client.login.password, "watch-hush");
    watch = redis_sentinel_new(&watch_options);
    assert_non_null(watch);
    options.address = NULL;
    options.master = redis_sentinel_master(watch);
    strcpy(options.login.password, "hush");
    options.command_timeout = 500;
    options.connect_timeout = 500;
    options.ping_interval = 300;
}

static void stop_group(void)
{
    watch_closed = false;
    redis_sentinel_close(watch, on_watch_closed, NULL);
    AWAIT(&f, watch_closed);
    live_redis_stop(&replica);
    for (int i = 0; i < 3; i++)
        live_redis_stop(&sentinels[i]);
}

/* Sentinels fail over only once they know each other and the replica, which takes them a while. */
static void await_group(void)
{
    struct redis_client_options ask = options;
    struct user asker;
    ask.master = NULL;
    ask.command_timeout = 20000; /* only the failover is about time */
    ask.ping_interval = 20000;
    ask.address = &sentinels[0].address;
    strcpy(ask.login.password, "watch-hush");
    for (int i = 0; i < 3; i++) {
        ask.address = &sentinels[i].address;
        user_start(&asker, &ask);
        AWAIT(&f, asker.up);
        do {
            unsigned answers = asker.answers;
            buf_clear(&asker.said);
            user_must_send(&asker, "SENTINEL MASTER main");
            AWAIT(&f, asker.answers == answers + 1);
            buf_add_char(&asker.said, '\0');
        } while (strstr(asker.said.data, "num-slaves 1") == NULL ||
                 strstr(asker.said.data, "num-other-sentinels 2") == NULL);
        user_stop(&asker, &f);
    }
}

static bool is_at(const struct live_redis *at)
{
    const struct redis_master *master = redis_sentinel_master(watch);
    return master->known && redis_address_equal(&master->address, &at->address);
}

/* The old master is frozen, replaced, and comes back believing that it still is the master. */
static void fail_over(bool tls)
{
    start_group(tls);
    start_watch();
    start_up();
    start_inbox(&inbox_channel);
    assert_true(is_at(&redis));
    assert_answer(&user, "SET a 1", "OK\n");
    await_group();
    assert_answer(&user, "WAIT 1 5000", "1\n");
    live_redis_signal(&redis, SIGSTOP);
    AWAIT(&f, is_at(&replica) && user.up && inbox.up);
    live_redis_signal(&redis, SIGCONT);
    assert_answer(&user, "GET a", "1\n");
    assert_answer(&user, "SET a 2", "OK\n");
    assert_answer(&user, "PUBLISH rl:inbox:7 new", "1\n");
    AWAIT(&f, user_heard(&inbox, "rl:inbox:7 new\n"));
    unsigned downs = user.downs;
    for (int i = 0; i < 5; i++) {
        unsigned answers = user.answers;
        user_must_send(&user, "ROLE");
        AWAIT(&f, user.answers == answers + 1);
    }
    assert_true(is_at(&replica));
    assert_int_equal(user.downs, downs);
    assert_int_equal(redis_fixture_logged(&f, "hush"), 0);
    user_stop(&inbox, &f);
    user_stop(&user, &f);
    stop_group();
}

static void a_failover_is_followed(void **state)
{
    (void)state;
    fail_over(false);
}

static void a_failover_over_tls_is_followed(void **state)
{
    (void)state;
    options.tls = context_of("ca.pem", "client");
    fail_over(true);
    tls_context_free(options.tls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commands_are_answered),
        TEST(many_commands_are_answered_in_order),
        TEST(what_is_told_is_done_in_order_and_not_answered),
        TEST(large_values_go_both_ways),
        TEST(a_unix_socket_does),
        TEST(a_unix_socket_that_is_not_there_is_told),
        TEST(a_name_is_resolved),
        TEST(an_acl_user_logs_in),
        TEST(who_may_not_is_told_why),
        TEST(a_password_where_none_is_set_is_told),
        TEST(a_password_is_not_repeated_where_auth_is_renamed),
        TEST(tls_with_a_client_certificate_does),
        TEST(a_stranger_is_not_trusted),
        TEST(a_certificate_must_be_of_the_host),
        TEST(what_speaks_no_tls_is_told),
        TEST(it_comes_back_after_a_restart),
        TEST(a_frozen_redis_is_left_and_found_again),
        TEST(a_killed_subscription_is_made_anew),
        TEST(a_redis_that_loads_is_waited_for),
        TEST(a_failover_is_followed),
        TEST(a_failover_over_tls_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
