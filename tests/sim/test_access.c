/* Who may enter, for how long, and what he may do there: the exchange against a world that decides
 * by what a token says, at once or later. */
#include "base/mem.h"
#include "sim/situation.h"

/* The world: a token is one of these names. */
static const struct scripted {
    const char *token;
    int answer;
    struct grant grant;
} script[] = {
    {"any", 0, {.rights = RIGHTS_DEFAULT}},
    {"alice", 0, {.rights = RIGHTS_DEFAULT, .peer = SLICE("alice")}},
    {"alice-minute", 0, {.rights = RIGHTS_DEFAULT, .peer = SLICE("alice"), .lifetime = 60000}},
    {"alice-hour", 0, {.rights = RIGHTS_DEFAULT, .peer = SLICE("alice"), .lifetime = 3600000}},
    {"alice-mute", 0, {.rights = RIGHT_INFO, .peer = SLICE("alice")}},
    {"alice-silent", 0, {.rights = RIGHT_SIGNAL, .peer = SLICE("alice")}},
    {"alice-once", 0, {.rights = RIGHTS_DEFAULT, .peer = SLICE("alice"), .ticket = SLICE("t1")}},
    {"bob", 0, {.rights = RIGHTS_DEFAULT, .peer = SLICE("bob")}},
    {"admin",
     0,
     {.rights = RIGHTS_DEFAULT | RIGHT_ADMIN, .peer = SLICE("alice"), .lifetime = 60000}},
    {"alice-host",
     0,
     {.rights = RIGHTS_DEFAULT,
      .peer = SLICE("alice"),
      .info = SLICE("{ \"role\": \"host\", \"n\\u0061me\":\"Alice\" }")}},
    {"alice-guest",
     0,
     {.rights = RIGHTS_DEFAULT, .peer = SLICE("alice"), .info = SLICE("{\"role\":\"guest\"}")}},
    {"alice-ice",
     0,
     {.rights = RIGHTS_DEFAULT,
      .peer = SLICE("alice"),
      .ice_servers = SLICE("[{\"urls\":\"stun:own\"}]")}},
    {"bad", ERR_UNAUTHORIZED, {.rights = 0}},
    {"elsewhere", ERR_FORBIDDEN, {.rights = 0}},
    {"later", AUTHORIZE_LATER, {.rights = 0}},
};

static uint32_t tickets[8]; /* of those that were told: later */
static unsigned ticket_count;
static struct access_request last_asked; /* its slices are only good for ptr != NULL */
static char last_peer[65];

static int authorize(void *context, void *connection, uint32_t ticket,
                     const struct access_request *asked, struct grant *ret_grant)
{
    (void)context;
    assert_non_null(connection);
    assert_true(slice_is(asked->room, "room"));
    last_asked = *asked;
    snprintf(last_peer, sizeof(last_peer), "%.*s", (int)asked->peer.len,
             asked->peer.ptr == NULL ? "" : asked->peer.ptr);
    for (size_t i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
        if (!slice_is(asked->token, script[i].token))
            continue;
        *ret_grant = script[i].grant;
        if (script[i].answer == AUTHORIZE_LATER)
            tickets[ticket_count++] = ticket;
        return script[i].answer;
    }
    return ERR_UNAUTHORIZED;
}

static int setup_guarded(void **state)
{
    setup(state);
    cluster.authorize = authorize;
    ticket_count = 0;
    restart_all();
    return 0;
}

static const struct grant *grant_of(const char *token)
{
    for (size_t i = 0; i < sizeof(script) / sizeof(script[0]); i++)
        if (strcmp(script[i].token, token) == 0)
            return &script[i].grant;
    return NULL;
}

static void answer(int worker, const char *token)
{
    exchange_authorized(cluster.exchanges[worker], tickets[--ticket_count], 0, grant_of(token));
}

static void enter(struct client *client, int worker, const char *token, const char *more)
{
    client_connect(client, worker, "room");
    client_send(client, "{\"type\":\"join\",\"token\":\"%s\"%s}", token, more);
    cluster_settle(&cluster);
}

static void enter_as_bob(int worker)
{
    enter(&bob, worker, "bob", "");
    assert_true(bob.joined);
}

static void resume_with(struct client *client, int worker, const char *token)
{
    client_connect(client, worker, "room");
    client_send(
        client,
        "{\"type\":\"join\",\"token\":\"%s\",\"resume\":{\"session\":\"%s\",\"received\":%d}}",
        token, client->session_text, (int)client->received);
    cluster_settle(&cluster);
}

static void without_a_token_nobody_enters(void **state)
{
    (void)state;
    static const char *const tokens[] = {"", ",\"token\":null", ",\"token\":\"\"",
                                         ",\"token\":\"bad\""};
    for (size_t i = 0; i < 4; i++) {
        client_connect(&alice, 0, "room");
        client_send(&alice, "{\"type\":\"join\",\"peer\":\"alice\"%s}", tokens[i]);
        cluster_settle(&cluster);
        expect_error(&alice, "unauthorized");
        assert_int_equal(alice.closed, CLOSE_UNAUTHORIZED);
    }
}

static void a_token_for_another_room_is_forbidden(void **state)
{
    (void)state;
    enter(&alice, 0, "elsewhere", "");
    expect_error(&alice, "forbidden");
    assert_int_equal(alice.closed, CLOSE_FORBIDDEN);
}

static void the_token_says_who_it_is(void **state)
{
    (void)state;
    enter(&alice, 0, "alice", "");
    assert_string_equal(alice.peer, "alice");
    client_drop(&alice);
    enter(&bob, 0, "bob", ",\"peer\":\"bob\"");
    assert_string_equal(bob.peer, "bob");
    enter(&carol, 0, "bob", ",\"peer\":\"carol\"");
    expect_error(&carol, "forbidden");
    assert_int_equal(carol.closed, CLOSE_FORBIDDEN);
}

static void a_token_without_sub_leaves_the_choice(void **state)
{
    (void)state;
    enter(&alice, 0, "any", ",\"peer\":\"anything\"");
    assert_string_equal(alice.peer, "anything");
    enter(&bob, 1, "any", "");
    assert_int_equal(strlen(bob.peer), 16);
}

static void the_token_of_the_upgrade_counts_where_the_join_has_none(void **state)
{
    (void)state;
    client_connect(&alice, 0, "room");
    assert_true(exchange_bear(alice.session, SLICE("alice"), SLICE_NONE));
    client_send(&alice, "{\"type\":\"join\"}");
    cluster_settle(&cluster);
    assert_string_equal(alice.peer, "alice");
    client_connect(&bob, 0, "room");
    assert_true(exchange_bear(bob.session, SLICE("bob"), SLICE_NONE));
    client_send(&bob, "{\"type\":\"join\",\"token\":\"bad\"}");
    expect_error(&bob, "unauthorized");
}

static void a_message_takes_its_right(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter(&alice, 0, "alice-mute", "");
    signal_number(&alice, "bob", 1);
    const cJSON *error = client_next(&alice, "error");
    assert_string_equal(text_of(error, "code"), "forbidden");
    assert_string_equal(text_of(error, "to"), "bob");
    assert_string_equal(text_of(error, "id"), "i1");
    assert_int_equal(alice.closed, 0);
    client_send(&alice, "{\"type\":\"ping\"}");
    assert_int_equal((int)number_of(client_next(&alice, "pong"), "received"), 1);
    cluster_settle(&cluster);
    assert_null(client_next(&bob, "signal"));
    client_send(&alice, "{\"type\":\"info\",\"info\":{\"a\":1}}");
    cluster_settle(&cluster);
    assert_true(client_has(&bob, "peer-info", "alice"));
}

static void without_the_info_right_a_client_says_nothing_of_itself(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter(&alice, 0, "alice-silent", ",\"info\":{\"name\":\"x\"}");
    const cJSON *joined = client_next(&bob, "peer-joined");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(joined, "info")), 0);
    client_send(&alice, "{\"type\":\"info\",\"info\":{\"a\":1}}");
    cluster_settle(&cluster);
    expect_error(&alice, "forbidden");
    assert_false(client_has(&bob, "peer-info", "alice"));
    signal_number(&alice, "bob", 3);
    cluster_settle(&cluster);
    assert_int_equal(next_number(&bob), 3);
}

static void expect_info(struct client *client, const char *type, const char *expected)
{
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItem(client_next(client, type), "info"));
    assert_non_null(text);
    assert_string_equal(text, expected);
    cJSON_free(text);
}

static void what_the_token_says_of_a_peer_stands(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter(&alice, 0, "alice-host",
          ",\"info\":{\"name\":\"Mallory\",\"muted\":true,\"r\\u006fle\":\"x\",\"role\":\"y\"}");
    expect_info(&bob, "peer-joined", "{\"role\":\"host\",\"name\":\"Alice\",\"muted\":true}");
    client_send(&alice, "{\"type\":\"info\",\"info\":{\"role\":\"z\",\"muted\":false}}");
    cluster_settle(&cluster);
    expect_info(&bob, "peer-info", "{\"role\":\"host\",\"name\":\"Alice\",\"muted\":false}");
}

static void what_it_says_counts_for_the_limit(void **state)
{
    (void)state;
    char text[4081] = {0}, own[4200];
    memset(text, 'x', sizeof(text) - 1); /* 4088 bytes of info, of the 4096 that there may be */
    snprintf(own, sizeof(own), ",\"info\":{\"a\":\"%s\"}", text);
    enter(&alice, 0, "alice-host", own);
    expect_error(&alice, "too-large");
    assert_int_equal(alice.closed, CLOSE_PROTOCOL);
}

static void info_is_kept_over_a_resume_and_what_the_token_says_is_set_again(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter(&alice, 0, "alice-host", ",\"info\":{\"muted\":true}");
    client_drop(&alice);
    cluster_settle(&cluster);
    resume_with(&alice, 2, "alice-guest");
    assert_true(alice.resumed);
    expect_info(&bob, "peer-info", "{\"role\":\"guest\",\"name\":\"Alice\",\"muted\":true}");
    client_drop(&alice);
    cluster_settle(&cluster);
    resume_with(&alice, 1, "alice-guest");
    assert_true(alice.resumed);
    assert_null(client_next(&bob, "peer-info"));
}

static void a_client_is_told_its_own_ice_servers(void **state)
{
    (void)state;
    enter(&alice, 0, "alice-ice", "");
    const cJSON *servers = cJSON_GetObjectItem(client_next(&alice, "joined"), "iceServers");
    assert_string_equal(text_of(cJSON_GetArrayItem(servers, 0), "urls"), "stun:own");
    enter(&alice, 0, "any", "");
    servers = cJSON_GetObjectItem(client_next(&alice, "joined"), "iceServers");
    assert_int_equal(cJSON_GetArraySize(servers), 0);
}

/* ---- the end of a token */

static void an_expired_token_closes_and_a_fresh_one_resumes(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter(&alice, 0, "alice-minute", "");
    assert_int_equal((int)number_of(client_next(&alice, "joined"), "tokenExpiresIn"), 60);
    cluster_advance(&cluster, 59000);
    assert_int_equal(alice.closed, 0);
    cluster_advance(&cluster, 2000);
    expect_error(&alice, "unauthorized");
    assert_int_equal(alice.closed, CLOSE_UNAUTHORIZED);
    cluster_settle(&cluster);
    assert_true(client_has(&bob, "peer-away", "alice"));
    signal_number(&bob, "alice", 5);
    cluster_settle(&cluster);
    resume_with(&alice, 2, "bad");
    expect_error(&alice, "unauthorized");
    assert_int_equal(alice.closed, CLOSE_UNAUTHORIZED);
    resume_with(&alice, 2, "alice-hour");
    assert_true(alice.resumed);
    assert_int_equal(next_number(&alice), 5);
    cluster_advance(&cluster, 61000);
    assert_int_equal(alice.closed, 0);
}

static void another_ones_token_resumes_nothing(void **state)
{
    (void)state;
    enter(&alice, 0, "alice", "");
    client_drop(&alice);
    cluster_settle(&cluster);
    resume_with(&alice, 1, "bob");
    expect_error(&alice, "forbidden");
    resume_with(&alice, 1, "alice");
    assert_true(alice.resumed);
}

static void a_fresh_token_in_time_keeps_the_connection(void **state)
{
    (void)state;
    enter(&alice, 0, "alice-minute", "");
    assert_non_null(client_next(&alice, "joined"));
    cluster_advance(&cluster, 50000);
    client_send(&alice, "{\"type\":\"token\",\"token\":\"alice-hour\",\"id\":1}");
    assert_true(last_asked.renewal);
    assert_string_equal(last_peer, "alice");
    assert_int_equal((int)number_of(client_next(&alice, "token"), "tokenExpiresIn"), 3600);
    cluster_advance(&cluster, 3540000);
    assert_int_equal(alice.closed, 0);
    cluster_advance(&cluster, 70000);
    assert_int_equal(alice.closed, CLOSE_UNAUTHORIZED);
}

static void a_fresh_token_changes_rights_and_info(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter(&alice, 0, "alice", ",\"info\":{\"a\":1}");
    client_send(&alice, "{\"type\":\"token\",\"token\":\"alice-host\"}");
    cluster_settle(&cluster);
    expect_info(&bob, "peer-info", "{\"role\":\"host\",\"name\":\"Alice\",\"a\":1}");
    client_send(&alice, "{\"type\":\"token\",\"token\":\"alice-mute\"}");
    signal_number(&alice, "bob", 1);
    expect_error(&alice, "forbidden");
}

static void a_bad_fresh_token_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        const char *code;
    } rows[] = {{"bad", "unauthorized"},
                {"elsewhere", "forbidden"},
                {"bob", "forbidden"},
                {"any", "forbidden"},
                {"alice-once", "unauthorized"}};
    enter_as_bob(1);
    enter(&alice, 0, "alice-minute", "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        client_send(&alice, "{\"type\":\"token\",\"token\":\"%s\",\"id\":\"n%zu\"}", rows[i].token,
                    i);
        const cJSON *error = client_next(&alice, "error");
        assert_string_equal(text_of(error, "code"), rows[i].code);
        assert_string_equal(text_of(error, "id"), i == 0 ? "n0" : text_of(error, "id"));
        assert_int_equal(alice.closed, 0);
    }
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    assert_int_equal(next_number(&bob), 1);
    cluster_advance(&cluster, 61000);
    assert_int_equal(alice.closed, CLOSE_UNAUTHORIZED);
}

/* ---- a world that takes its time */

static void who_is_asked_about_waits_and_then_enters(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter(&alice, 0, "later", ",\"info\":{\"a\":1}");
    signal_number(&alice, "bob", 1); /* does not wait for the answer */
    cluster_advance(&cluster, 60000);
    assert_int_equal(alice.count, 0);
    assert_int_equal(alice.closed, 0);
    answer(0, "alice-host");
    cluster_settle(&cluster);
    assert_string_equal(alice.peer, "alice");
    expect_info(&bob, "peer-joined", "{\"role\":\"host\",\"name\":\"Alice\",\"a\":1}");
    assert_int_equal(next_number(&bob), 1);
}

static void who_is_refused_later_is_refused(void **state)
{
    (void)state;
    enter(&alice, 0, "later", "");
    exchange_authorized(cluster.exchanges[0], tickets[0], ERR_FORBIDDEN, NULL);
    expect_error(&alice, "forbidden");
    assert_int_equal(alice.closed, CLOSE_FORBIDDEN);
}

static void who_has_gone_meanwhile_does_not_enter(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter(&alice, 0, "later", "");
    client_drop(&alice);
    assert_int_equal(exchange_count(cluster.exchanges[0]).sessions, 1);
    answer(0, "alice");
    cluster_settle(&cluster);
    assert_int_equal(exchange_count(cluster.exchanges[0]).sessions, 0);
    assert_false(client_has(&bob, "peer-joined", "alice"));
    exchange_authorized(cluster.exchanges[0], tickets[0], 0, grant_of("alice")); /* once more */
}

static void a_resume_may_be_decided_later(void **state)
{
    (void)state;
    enter(&alice, 0, "alice", "");
    client_drop(&alice);
    cluster_settle(&cluster);
    resume_with(&alice, 1, "later");
    assert_string_equal(last_peer, "alice");
    assert_false(alice.joined);
    answer(1, "alice");
    cluster_settle(&cluster);
    assert_true(alice.resumed);
}

static void a_fresh_token_may_be_decided_later(void **state)
{
    (void)state;
    enter(&alice, 0, "alice-minute", "");
    client_send(&alice, "{\"type\":\"token\",\"token\":\"later\",\"id\":7}");
    cluster_advance(&cluster, 30000);
    answer(0, "alice-hour");
    assert_non_null(client_next(&alice, "token"));
    cluster_advance(&cluster, 61000);
    assert_int_equal(alice.closed, 0);
}

static void an_answer_about_somebody_who_left_is_for_nobody(void **state)
{
    (void)state;
    enter(&alice, 0, "alice-minute", "");
    client_send(&alice, "{\"type\":\"token\",\"token\":\"later\"}");
    client_send(&alice, "{\"type\":\"leave\"}");
    cluster_settle(&cluster);
    answer(0, "alice-hour");
    enter(&alice, 0, "alice-minute", "");
    client_send(&alice, "{\"type\":\"token\",\"token\":\"later\"}");
    client_drop(&alice);
    answer(0, "alice-hour");
    resume_with(&alice, 0, "alice-minute");
    assert_true(alice.resumed);
    cluster_advance(&cluster, 61000);
    assert_int_equal(alice.closed, CLOSE_UNAUTHORIZED);
}

static void no_more_than_16_answers_are_waited_for(void **state)
{
    (void)state;
    enter(&alice, 0, "alice", "");
    for (int i = 0; i < 17; i++) {
        ticket_count = 0;
        client_send(&alice, "{\"type\":\"token\",\"token\":\"later\"}");
        if (i < 16)
            assert_null(client_next(&alice, "error"));
    }
    expect_error(&alice, "rate-limited");
}

/* ---- steering the room */

static void only_an_admin_steers(void **state)
{
    (void)state;
    static const char *const messages[] = {"{\"type\":\"lock\",\"locked\":true,\"id\":1}",
                                           "{\"type\":\"kick\",\"peer\":\"bob\",\"id\":1}",
                                           "{\"type\":\"close\",\"id\":1}"};
    enter_as_bob(1);
    enter(&alice, 0, "alice", "");
    for (size_t i = 0; i < 3; i++) {
        client_send(&alice, "%s", messages[i]);
        cluster_settle(&cluster);
        const cJSON *error = client_next(&alice, "error");
        assert_string_equal(text_of(error, "code"), "forbidden");
        assert_int_equal((int)number_of(error, "id"), 1);
    }
    assert_int_equal(bob.closed, 0);
}

static void enter_as_admin(int worker)
{
    enter(&alice, worker, "admin", "");
    assert_true(alice.joined);
}

static void an_admin_locks_but_those_who_resume_and_admins_come_in(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter_as_admin(0);
    client_send(&alice, "{\"type\":\"lock\",\"locked\":true}");
    cluster_settle(&cluster);
    enter(&carol, 2, "any", "");
    expect_error(&carol, "room-locked");
    assert_int_equal(carol.closed, CLOSE_ROOM_LOCKED);
    client_drop(&bob);
    cluster_settle(&cluster);
    resume_with(&bob, 2, "bob");
    assert_true(bob.resumed);
    client_send(&alice, "{\"type\":\"leave\"}");
    cluster_settle(&cluster);
    enter_as_admin(3);
    client_send(&alice, "{\"type\":\"lock\",\"locked\":false}");
    cluster_settle(&cluster);
    enter(&carol, 2, "any", "");
    assert_true(carol.joined);
    assert_null(client_next(&alice, "error"));
}

static void an_admin_kicks_and_bans(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter_as_admin(0);
    client_send(&alice, "{\"type\":\"kick\",\"peer\":\"carol\",\"id\":9}");
    cluster_settle(&cluster);
    const cJSON *error = client_next(&alice, "error");
    assert_string_equal(text_of(error, "code"), "peer-not-found");
    assert_string_equal(text_of(error, "to"), "carol");
    assert_int_equal((int)number_of(error, "id"), 9);
    client_send(&alice, "{\"type\":\"kick\",\"peer\":\"bob\",\"ban\":60}");
    cluster_settle(&cluster);
    assert_int_equal(bob.closed, CLOSE_KICKED);
    assert_string_equal(text_of(client_next(&alice, "peer-left"), "reason"), "kicked");
    enter(&bob, 2, "bob", "");
    expect_error(&bob, "forbidden");
    assert_int_equal(bob.closed, CLOSE_FORBIDDEN);
    cluster_advance(&cluster, 59000);
    client_send(&alice, "{\"type\":\"token\",\"token\":\"admin\"}");
    cluster_advance(&cluster, 2000);
    enter_as_bob(2);
}

static void an_admin_closes_the_room_for_all(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter_as_admin(0);
    client_send(&alice, "{\"type\":\"close\"}");
    cluster_settle(&cluster);
    assert_int_equal(bob.closed, CLOSE_ROOM_CLOSED);
    assert_int_equal(alice.closed, CLOSE_ROOM_CLOSED);
    for (int i = 0; i < CLUSTER_WORKERS; i++)
        assert_int_equal(exchange_count(cluster.exchanges[i]).sessions, 0);
    enter_as_bob(2);
}

/* The first takes its room with it; the answers to the others are for nobody. */
static void orders_of_one_who_is_gone_are_answered_to_nobody(void **state)
{
    (void)state;
    enter_as_admin(0);
    for (int i = 0; i < 5; i++)
        client_send(&alice, "{\"type\":\"%s\",\"locked\":true}", i == 0 ? "close" : "lock");
    cluster_settle(&cluster);
    assert_int_equal(alice.closed, CLOSE_ROOM_CLOSED);
    assert_int_equal(exchange_count(cluster.exchanges[0]).sessions, 0);
}

/* What closes the connection ends all that it asked, this one too. */
static void an_admin_of_a_room_that_the_directory_lost_is_told_once(void **state)
{
    (void)state;
    enter_as_admin(0);
    cluster_forget(&cluster);
    for (int i = 0; i < 2; i++)
        client_send(&alice, "{\"type\":\"lock\",\"locked\":true,\"id\":%d}", i);
    cluster_settle(&cluster);
    const cJSON *error = client_next(&alice, "error");
    assert_string_equal(text_of(error, "code"), "room-closed");
    assert_int_equal((int)number_of(error, "id"), 0);
    assert_null(client_next(&alice, "error"));
    assert_int_equal(alice.closed, CLOSE_ROOM_CLOSED);
    assert_int_equal(exchange_count(cluster.exchanges[0]).sessions, 0);
}

static void the_ticket_is_torn_by_the_one_who_enters(void **state)
{
    (void)state;
    enter(&alice, 0, "alice-once", "");
    assert_true(alice.joined);
    enter(&bob, 1, "alice-once", "");
    expect_error(&bob, "unauthorized");
    assert_int_equal(alice.closed, 0);
    client_drop(&alice);
    cluster_settle(&cluster);
    resume_with(&alice, 1, "alice-once");
    assert_true(alice.resumed);
}

static void who_proves_to_be_the_same_takes_its_own_place(void **state)
{
    (void)state;
    enter_as_bob(1);
    enter(&alice, 0, "alice", "");
    client_send(&bob, "{\"type\":\"ping\"}");
    enter(&carol, 2, "alice", "");
    assert_string_equal(carol.peer, "alice");
    assert_false(carol.resumed);
    assert_int_equal(alice.closed, CLOSE_TAKEN_OVER);
    assert_string_equal(text_of(client_next(&bob, "peer-left"), "reason"), "replaced");
    assert_true(client_has(&bob, "peer-joined", "alice"));
    enter(&dave, 3, "any", ",\"peer\":\"alice\"");
    expect_error(&dave, "peer-taken");
}

static void where_nobody_is_asked_nobody_is_admin(void **state)
{
    (void)state;
    cluster.authorize = NULL;
    restart_all();
    join_both(0, 1);
    client_send(&alice, "{\"type\":\"close\"}");
    expect_error(&alice, "forbidden");
    client_send(&alice, "{\"type\":\"token\",\"token\":\"any\"}");
    assert_null(client_next(&alice, "error"));
}

/* Each allocation of the stories above fails in turn: whoever can't be served is closed or told,
 * and nothing is left over. */
static void without_memory_nothing_is_granted(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth < 60; nth++) {
        client_connect(&alice, 0, "room");
        mem_fail_nth(nth);
        if (exchange_bear(alice.session, SLICE("alice-host"), SLICE_NONE))
            client_send(&alice, "{\"type\":\"join\",\"info\":{\"a\":1}}");
        cluster_settle(&cluster);
        client_send(&alice, "{\"type\":\"info\",\"info\":{\"b\":1}}");
        client_send(&alice, "{\"type\":\"token\",\"token\":\"alice-guest\"}");
        client_send(&alice, "{\"type\":\"token\",\"token\":\"later\"}");
        cluster_settle(&cluster);
        mem_fail_nth(0);
        client_send(&alice, "{\"type\":\"leave\"}");
        cluster_settle(&cluster);
        if (alice.session != NULL)
            client_drop(&alice);
        cluster_advance(&cluster, 31000);
        ticket_count = 0;
        assert_int_equal(exchange_count(cluster.exchanges[0]).sessions, 0);
        client_done(&alice);
        client_init(&alice, &cluster);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_guarded, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_token_nobody_enters),
        TEST(a_token_for_another_room_is_forbidden),
        TEST(the_token_says_who_it_is),
        TEST(a_token_without_sub_leaves_the_choice),
        TEST(the_token_of_the_upgrade_counts_where_the_join_has_none),
        TEST(a_message_takes_its_right),
        TEST(without_the_info_right_a_client_says_nothing_of_itself),
        TEST(what_the_token_says_of_a_peer_stands),
        TEST(what_it_says_counts_for_the_limit),
        TEST(info_is_kept_over_a_resume_and_what_the_token_says_is_set_again),
        TEST(a_client_is_told_its_own_ice_servers),
        TEST(an_expired_token_closes_and_a_fresh_one_resumes),
        TEST(another_ones_token_resumes_nothing),
        TEST(a_fresh_token_in_time_keeps_the_connection),
        TEST(a_fresh_token_changes_rights_and_info),
        TEST(a_bad_fresh_token_changes_nothing),
        TEST(who_is_asked_about_waits_and_then_enters),
        TEST(who_is_refused_later_is_refused),
        TEST(who_has_gone_meanwhile_does_not_enter),
        TEST(a_resume_may_be_decided_later),
        TEST(a_fresh_token_may_be_decided_later),
        TEST(an_answer_about_somebody_who_left_is_for_nobody),
        TEST(no_more_than_16_answers_are_waited_for),
        TEST(only_an_admin_steers),
        TEST(an_admin_locks_but_those_who_resume_and_admins_come_in),
        TEST(an_admin_kicks_and_bans),
        TEST(an_admin_closes_the_room_for_all),
        TEST(orders_of_one_who_is_gone_are_answered_to_nobody),
        TEST(an_admin_of_a_room_that_the_directory_lost_is_told_once),
        TEST(the_ticket_is_torn_by_the_one_who_enters),
        TEST(who_proves_to_be_the_same_takes_its_own_place),
        TEST(where_nobody_is_asked_nobody_is_admin),
        TEST(without_memory_nothing_is_granted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
