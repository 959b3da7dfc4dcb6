/* The exchange and the directory, situation by situation, on one worker and across several. */
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "sim/situation.h"

static void the_roster_and_the_others_hear_of_a_join(void **state)
{
    (void)state;
    join_both(0, 1);
    const cJSON *peers = cJSON_GetObjectItem(client_next(&bob, "joined"), "peers");
    assert_int_equal(cJSON_GetArraySize(peers), 1);
    assert_string_equal(text_of(cJSON_GetArrayItem(peers, 0), "peer"), "alice");
    assert_true(client_has(&alice, "peer-joined", "bob"));
    assert_false(client_has(&bob, "peer-joined", "bob"));
}

static void a_signal_reaches_its_addressee_only(void **state)
{
    int workers = *(const int *)*state;
    client_join(&carol, 2 % workers, "room", "carol");
    join_both(0, 1 % workers);
    signal_number(&alice, "bob", 7);
    cluster_settle(&cluster);
    const cJSON *signal = client_next(&bob, "signal");
    assert_string_equal(text_of(signal, "from"), "alice");
    assert_int_equal(number_of(cJSON_GetObjectItem(signal, "data"), "n"), 7);
    assert_null(client_next(&carol, "signal"));
    assert_null(client_next(&alice, "signal"));
}

static void an_unknown_peer_is_an_error_at_once(void **state)
{
    (void)state;
    join_both(0, 0);
    signal_number(&alice, "nobody", 1);
    const cJSON *error = client_next(&alice, "error");
    assert_string_equal(text_of(error, "code"), "peer-not-found");
    assert_string_equal(text_of(error, "to"), "nobody");
    assert_string_equal(text_of(error, "id"), "i1");
    assert_int_equal(alice.closed, 0);
}

static void a_taken_name_is_refused(void **state)
{
    (void)state;
    join_both(0, 1);
    client_join(&carol, 2, "room", "bob");
    cluster_settle(&cluster);
    expect_error(&carol, "peer-taken");
    assert_int_equal(carol.closed, CLOSE_PEER_TAKEN);
}

/* Runs until nothing is under way, and returns what was logged meanwhile. */
static const char *settle_and_read_log(void)
{
    static char text[4096];
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    log_init(LOG_INFO, LOG_TEXT, -1);
    cluster_settle(&cluster);
    log_init(LOG_ERROR, LOG_TEXT, -1);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void the_log_says_who_was_refused(void **state)
{
    (void)state;
    join_both(0, 1);
    client_join(&carol, 2, "room", "bob");
    const char *log = settle_and_read_log();
    assert_non_null(strstr(log, "refused connection=1 room=room peer=bob"));
    assert_non_null(strstr(log, "cause=peer-taken"));
    assert_null(strstr(log, bob.session_text));
}

static void a_full_room_is_refused(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof(name), "p%d", i);
        client_join(&alice, i % CLUSTER_WORKERS, "room", name);
        cluster_settle(&cluster);
        alice.session = NULL; /* its socket stays, nobody looks */
    }
    client_join(&bob, 0, "room", "bob");
    cluster_settle(&cluster);
    expect_error(&bob, "room-full");
    assert_int_equal(bob.closed, CLOSE_ROOM_FULL);
}

static void leaving_is_told_and_closes(void **state)
{
    (void)state;
    join_both(0, 1);
    client_send(&alice, "{\"type\":\"leave\"}");
    cluster_settle(&cluster);
    assert_int_equal(alice.closed, CLOSE_NORMAL);
    const cJSON *left = client_next(&bob, "peer-left");
    assert_string_equal(text_of(left, "reason"), "left");
    client_send(&bob, "{\"type\":\"leave\"}");
    cluster_settle(&cluster);
    assert_int_equal(directory_rooms(cluster.directory), 0);
}

static void info_is_told(void **state)
{
    (void)state;
    join_both(0, 1);
    client_send(&alice, "{\"type\":\"info\",\"info\":{\"name\":\"A\"}}");
    cluster_settle(&cluster);
    const cJSON *info = cJSON_GetObjectItem(client_next(&bob, "peer-info"), "info");
    assert_string_equal(text_of(info, "name"), "A");
}

static void resume_with(struct client *client, int worker, const char *info)
{
    client_connect(client, worker, "room");
    client_send(client,
                "{\"type\":\"join\",\"info\":%s,\"resume\":{\"session\":\"%s\",\"received\":0}}",
                info, client->session_text);
    cluster_settle(&cluster);
    assert_true(client->joined);
}

static void info_in_a_resume_is_the_new_one(void **state)
{
    int workers = *(const int *)*state;
    join_both(0, 1 % workers);
    client_drop(&bob);
    resume_with(&bob, 2 % workers, "{\"name\":\"B\"}");
    const cJSON *news = client_next(&alice, "peer-info");
    assert_string_equal(text_of(cJSON_GetObjectItem(news, "info"), "name"), "B");
    client_drop(&bob);
    resume_with(&bob, 3 % workers, "null"); /* says nothing: all stays */
    assert_null(client_next(&alice, "peer-info"));
}

static void info_that_the_bus_has_no_room_for_is_an_error(void **state)
{
    (void)state;
    join_both(0, 1);
    exchange_on_frame(cluster.exchanges[0], &(struct frame){.kind = FRAME_UNDELIVERED,
                                                            .room = SLICE("room"),
                                                            .peer = SLICE("alice"),
                                                            .sender = SLICE("alice"),
                                                            .error = ERR_UNAVAILABLE});
    const cJSON *error = client_next(&alice, "error");
    assert_string_equal(text_of(error, "code"), "unavailable");
    assert_null(cJSON_GetObjectItem(error, "to"));
}

/* A number that no table has, as from a server of another version. */
static void an_error_that_is_unknown_is_internal(void **state)
{
    (void)state;
    client_join(&bob, 0, "room", "bob"); /* not settled: it waits for the directory */
    exchange_on_frame(cluster.exchanges[0], &(struct frame){.kind = FRAME_REFUSED,
                                                            .room = SLICE("room"),
                                                            .request = 1,
                                                            .error = -9999});
    expect_error(&bob, "internal");
    assert_int_equal(bob.closed, CLOSE_OVERLOADED);
}

static void no_join_in_time_is_4008(void **state)
{
    (void)state;
    client_connect(&alice, 0, "room");
    cluster_advance(&cluster, 9900);
    assert_int_equal(alice.closed, 0);
    cluster_advance(&cluster, 200);
    assert_int_equal(alice.closed, CLOSE_SILENT);
}

static void messages_sent_behind_the_join_wait_for_it(void **state)
{
    (void)state;
    client_join(&bob, 1, "room", "bob");
    cluster_settle(&cluster);
    client_join(&alice, 0, "room", "alice");
    signal_number(&alice, "bob", 1);
    signal_number(&alice, "bob", 2);
    cluster_settle(&cluster);
    assert_int_equal(next_number(&bob), 1);
    assert_int_equal(next_number(&bob), 2);
}

static void a_lost_socket_is_away_then_back_with_what_was_held(void **state)
{
    int workers = *(const int *)*state;
    join_both(0, 1 % workers);
    client_drop(&bob);
    cluster_settle(&cluster);
    assert_true(client_has(&alice, "peer-away", "bob"));
    for (int i = 1; i <= 3; i++)
        signal_number(&alice, "bob", i);
    cluster_settle(&cluster);
    client_resume(&bob, 2 % workers, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    assert_true(client_has(&alice, "peer-back", "bob"));
    for (int i = 1; i <= 3; i++)
        assert_int_equal(next_number(&bob), i);
    assert_int_equal(next_number(&bob), -1);
}

static void a_resume_takes_over_from_a_socket_that_looks_alive(void **state)
{
    int workers = *(const int *)*state;
    join_both(0, 1 % workers);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    strcpy(carol.session_text, bob.session_text);
    strcpy(carol.peer, "bob");
    client_resume(&carol, 2 % workers, "room"); /* the same client on a new socket */
    cluster_settle(&cluster);
    assert_true(carol.resumed);
    assert_int_equal(bob.closed, CLOSE_TAKEN_OVER);
    assert_int_equal(next_number(&carol), 1);
    assert_false(client_has(&alice, "peer-away", "bob"));
}

static void a_resume_acknowledges_what_the_client_has(void **state)
{
    (void)state;
    join_both(0, 1);
    for (int i = 1; i <= 5; i++)
        signal_number(&alice, "bob", i);
    cluster_settle(&cluster);
    client_drop(&bob);
    bob.read = bob.count;
    bob.received = 3; /* the last two did not get through */
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    assert_int_equal(next_number(&bob), 4);
    assert_int_equal(next_number(&bob), 5);
    assert_int_equal(next_number(&bob), -1);
}

static void the_server_says_what_it_has(void **state)
{
    (void)state;
    join_both(0, 1);
    for (int i = 1; i <= 4; i++)
        signal_number(&alice, "bob", i);
    client_drop(&alice);
    client_resume(&alice, 3, "room");
    cluster_settle(&cluster);
    assert_true(alice.resumed);
    assert_int_equal(alice.server_received, 4);
}

static void a_replayed_secret_is_refused(void **state)
{
    (void)state;
    join_both(0, 1);
    strcpy(carol.session_text, bob.session_text);
    strcpy(carol.peer, "bob");
    client_drop(&bob);
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    client_pong(&bob); /* the new secret has arrived */
    cluster_settle(&cluster);
    client_resume(&carol, 3, "room");
    cluster_settle(&cluster);
    expect_error(&carol, "peer-taken");
    assert_int_equal(bob.closed, 0);
}

static void a_joined_that_was_lost_does_not_lock_out(void **state)
{
    (void)state;
    char secret[200];
    join_both(0, 1);
    strcpy(secret, bob.session_text);
    client_drop(&bob);
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    strcpy(bob.session_text, secret); /* never saw the answer */
    client_drop(&bob);
    client_resume(&bob, 3, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
}

static void two_that_race_end_as_one(void **state)
{
    int workers = *(const int *)*state;
    join_both(0, 1 % workers);
    client_drop(&bob);
    strcpy(carol.session_text, bob.session_text);
    strcpy(carol.peer, "bob");
    signal_number(&alice, "bob", 1);
    client_resume(&bob, 2 % workers, "room");
    client_resume(&carol, 3 % workers, "room");
    cluster_settle(&cluster);
    signal_number(&alice, "bob", 2);
    cluster_settle(&cluster);
    struct client *winner = bob.session != NULL ? &bob : &carol;
    struct client *loser = winner == &bob ? &carol : &bob;
    assert_non_null(winner->session);
    assert_null(loser->session);
    assert_true(loser->closed == CLOSE_TAKEN_OVER || loser->closed == CLOSE_PEER_TAKEN);
    assert_int_equal(next_number(winner), 1);
    assert_int_equal(next_number(winner), 2);
}

static void a_window_that_is_over_is_a_plain_join(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    cluster_settle(&cluster);
    cluster_advance(&cluster, 30100);
    cluster_settle(&cluster);
    const cJSON *left = client_next(&alice, "peer-left");
    assert_string_equal(text_of(left, "reason"), "timeout");
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    assert_true(bob.joined);
    assert_false(bob.resumed);
    assert_string_equal(bob.peer, "bob");
}

static void just_inside_the_window_resumes(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    cluster_settle(&cluster);
    cluster_advance(&cluster, 29900);
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
}

static void a_full_hold_is_peer_busy(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    cluster_settle(&cluster);
    for (int i = 1; i <= 65; i++)
        signal_number(&alice, "bob", i);
    cluster_settle(&cluster);
    const cJSON *error = client_next(&alice, "error");
    assert_string_equal(text_of(error, "code"), "peer-busy");
    assert_string_equal(text_of(error, "id"), "i65");
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    for (int i = 1; i <= 64; i++)
        assert_int_equal(next_number(&bob), i);
}

static void a_pong_acknowledges(void **state)
{
    (void)state;
    join_both(0, 1);
    for (int i = 1; i <= 200; i++) {
        signal_number(&alice, "bob", i);
        cluster_settle(&cluster);
        client_pong(&bob);
    }
    client_drop(&bob);
    bob.read = bob.count;
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    assert_int_equal(next_number(&bob), -1);
}

static void who_never_acknowledges_is_not_starved(void **state)
{
    (void)state;
    bob.mute = true;
    join_both(0, 1);
    for (int i = 1; i <= 200; i++)
        signal_number(&alice, "bob", i);
    cluster_settle(&cluster);
    for (int i = 1; i <= 200; i++)
        assert_int_equal(next_number(&bob), i);
}

static void a_crash_makes_its_peers_away_and_lets_them_resume(void **state)
{
    (void)state;
    join_both(0, 1);
    cluster_crash(&cluster, 1);
    cluster_settle(&cluster);
    assert_true(client_has(&alice, "peer-away", "bob"));
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    expect_error(&alice, "unavailable");
    bob.session = NULL;
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    assert_true(bob.joined);
    assert_false(bob.resumed);
    assert_string_equal(bob.peer, "bob");
    assert_true(client_has(&alice, "peer-back", "bob"));
    signal_number(&alice, "bob", 2);
    cluster_settle(&cluster);
    assert_int_equal(next_number(&bob), 2);
}

static void a_crash_that_nobody_comes_back_from_ends_in_peer_left(void **state)
{
    (void)state;
    join_both(0, 1);
    cluster_crash(&cluster, 1);
    cluster_settle(&cluster);
    cluster_advance(&cluster, 30100);
    cluster_settle(&cluster);
    assert_string_equal(text_of(client_next(&alice, "peer-left"), "reason"), "timeout");
}

static void order_holds_while_the_addressee_moves(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        teardown(NULL);
        setup(NULL);
        cluster.random = seed * 7919;
        join_both(0, 1);
        for (int i = 1; i <= 20; i++) {
            signal_number(&alice, "bob", i);
            if (i == 5)
                client_drop(&bob);
            if (i == 8)
                client_resume(&bob, 2, "room");
            if (i == 14 && bob.joined) {
                client_drop(&bob);
                client_resume(&bob, 3, "room");
            }
            for (uint32_t steps = cluster_random(&cluster, 6); steps > 0; steps--)
                cluster_step(&cluster);
        }
        cluster_settle(&cluster);
        assert_true(bob.resumed);
        for (int i = 1; i <= 20; i++)
            assert_int_equal(next_number(&bob), i);
        assert_int_equal(next_number(&bob), -1);
    }
}

/* The former holder gave the peer up before it was asked for it, and cannot say where it went. */
static void a_way_that_ends_nowhere_is_not_followed_for_ever(void **state)
{
    (void)state;
    cluster.options.resume_window = 1000;
    restart_all();
    join_both(0, 1);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    client_resume(&bob, 2, "room");
    while (cluster.up[2].len > 0)
        cluster_step(&cluster);
    cluster.frozen[0] = cluster.frozen[2] = true;
    cluster_settle(&cluster);
    cluster_advance(&cluster, 1100);
    cluster.frozen[0] = cluster.frozen[2] = false;
    cluster_settle(&cluster);
    assert_true(bob.joined);
    assert_false(bob.resumed);
    signal_number(&alice, "bob", 2);
    cluster_settle(&cluster);
    bob.read = 0;
    assert_int_equal(next_number(&bob), 1);
    assert_int_equal(next_number(&bob), 2);
}

static void floods_are_limited_then_closed(void **state)
{
    (void)state;
    cluster.options.messages_per_second = 10;
    cluster.options.messages_burst = 20;
    restart_all();
    join_both(0, 0);
    for (int i = 1; i <= 40 && alice.closed == 0; i++)
        signal_number(&alice, "bob", i);
    cluster_settle(&cluster);
    expect_error(&alice, "rate-limited");
    assert_int_equal(alice.closed, CLOSE_RATE_LIMITED);
    for (int i = 1; i <= 20; i++)
        assert_int_equal(next_number(&bob), i);
}

static void draining_says_goaway_once(void **state)
{
    (void)state;
    join_both(0, 1);
    exchange_drain(cluster.exchanges[0], 2000, 3000);
    alice.read = 0;
    cluster_advance(&cluster, 100);
    const cJSON *goaway = client_next(&alice, "goaway");
    assert_int_equal(number_of(goaway, "reconnectWithin"), 2900);
    cluster_advance(&cluster, 2000);
    assert_null(client_next(&alice, "goaway"));
    strcpy(carol.session_text, alice.session_text);
    strcpy(carol.peer, "alice");
    client_resume(&carol, 1, "room");
    cluster_settle(&cluster);
    assert_true(carol.resumed);
    assert_false(client_has(&bob, "peer-away", "alice"));
}

static void who_had_no_turn_yet_hears_goaway_before_the_close(void **state)
{
    (void)state;
    join_both(0, 0);
    exchange_drain(cluster.exchanges[0], 2000, 3000);
    exchange_close_all(cluster.exchanges[0], CLOSE_DRAINING);
    assert_non_null(client_next(&alice, "goaway"));
    assert_non_null(client_next(&bob, "goaway"));
    assert_int_equal(alice.closed, CLOSE_DRAINING);
}

static void floods_of_bytes_alone_are_closed_too(void **state)
{
    (void)state;
    cluster.options.bytes_per_second = 100;
    cluster.options.bytes_burst = 1000;
    restart_all();
    join_both(0, 0);
    for (int i = 1; i <= 60 && alice.closed == 0; i++)
        signal_number(&alice, "bob", i);
    assert_int_equal(alice.closed, CLOSE_RATE_LIMITED);
}

static void what_came_before_the_answer_does_not_confirm_it(void **state)
{
    (void)state;
    char secret[200];
    join_both(0, 1);
    strcpy(secret, bob.session_text);
    client_drop(&bob);
    client_resume(&bob, 2, "room");
    client_send(&bob, "{\"type\":\"ping\"}");
    cluster_settle(&cluster);
    assert_non_null(client_next(&bob, "pong"));
    strcpy(bob.session_text, secret); /* joined and pong were lost on the way */
    client_drop(&bob);
    client_resume(&bob, 3, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
}

/* The former holder is frozen; who comes last gives up first, and those before it must not take its
 * place. */
static void of_many_that_wait_in_vain_the_last_one_stays(void **state)
{
    (void)state;
    struct client *heirs[] = {&bob, &carol, &dave};
    join_both(0, 1);
    cluster.frozen[1] = true;
    strcpy(carol.session_text, bob.session_text);
    strcpy(dave.session_text, bob.session_text);
    client_drop(&bob);
    for (int i = 0; i < 3; i++) {
        strcpy(heirs[i]->peer, "bob");
        client_resume(heirs[i], 2, "room");
        cluster_settle(&cluster);
    }
    cluster_advance(&cluster, 6000);
    cluster_settle(&cluster);
    assert_non_null(dave.session);
    assert_false(dave.resumed);
    signal_number(&alice, "bob", 1);
    cluster_settle(&cluster);
    assert_int_equal(next_number(&dave), 1);
    client_send(&dave, "{\"type\":\"leave\"}");
    cluster.frozen[1] = false;
    cluster_settle(&cluster);
    assert_int_equal(dave.closed, CLOSE_NORMAL);
    assert_true(client_has(&alice, "peer-left", "bob"));
    cluster_advance(&cluster, 31000);
}

/* Its successor's worker dies before it could claim: the one in the middle must not stay on. */
static void who_was_moved_on_from_closes_once_it_is_in(void **state)
{
    (void)state;
    join_both(0, 1);
    strcpy(carol.session_text, bob.session_text);
    strcpy(carol.peer, "bob");
    client_drop(&bob);
    cluster.frozen[1] = true;
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    client_resume(&carol, 3, "room");
    while (cluster.up[3].len > 0)
        cluster_step(&cluster);
    cluster.frozen[3] = true;
    cluster_settle(&cluster);
    cluster_crash(&cluster, 3);
    carol.session = NULL;
    cluster_settle(&cluster);
    cluster_advance(&cluster, 5100); /* no answer from the first holder either */
    cluster.frozen[1] = false;
    cluster_settle(&cluster);
    assert_int_equal(bob.closed, CLOSE_TAKEN_OVER);
}

static void a_little_data_in_a_large_message_holds_little(void **state)
{
    (void)state;
    static char chaff[60000];
    memset(chaff, 'x', sizeof(chaff) - 1);
    join_both(0, 0);
    client_send(&alice, "{\"type\":\"signal\",\"to\":\"bob\",\"data\":{\"n\":1},\"x\":\"%s\"}",
                chaff);
    assert_int_equal(next_number(&bob), 1);
    assert_true(bob.footprint < 4096);
}

static void both_sides_count_alike_without_memory(void **state)
{
    (void)state;
    cluster.options.hold_messages = 1;
    restart_all();
    join_both(0, 0);
    signal_number(&alice, "bob", 1);
    mem_fail_nth(2); /* the message is the first: its place in the hold */
    signal_number(&alice, "bob", 2);
    mem_fail_nth(0);
    assert_int_equal(bob.received, 2);
    client_send(&bob, "{\"type\":\"ping\",\"received\":2}");
    assert_int_equal(bob.closed, 0);
}

/* Memory runs out at any place of a join's way: who was refused is no member, all others are. */
static void no_member_is_left_behind_by_a_failed_join(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 60; n++) {
        teardown(NULL);
        setup(NULL);
        client_join(&alice, 0, "room", "alice");
        cluster_settle(&cluster);
        client_join(&bob, 1, "room", "bob");
        mem_fail_nth(n);
        cluster_settle(&cluster);
        mem_fail_nth(0);
        if (bob.closed != 0)
            cluster_advance(&cluster, 31000);
        cluster_settle(&cluster);
        client_join(&carol, 3, "room", "carol");
        cluster_settle(&cluster);
        const cJSON *peers = cJSON_GetObjectItem(client_next(&carol, "joined"), "peers");
        assert_int_equal(cJSON_GetArraySize(peers), bob.closed == 0 ? 2 : 1);
    }
}

/* The nth allocation fails, for every n that a small story needs: nobody crashes, nothing leaks,
 * and whoever is not told of an error got what was sent. */
static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 120; n++) {
        teardown(NULL);
        setup(NULL);
        client_join(&alice, 0, "room", "alice");
        cluster_settle(&cluster);
        client_connect(&bob, 1, "room");
        client_send(&bob, "{\"type\":\"ping\",\"x\":%u}", n); /* refused: not joined */
        client_connect(&bob, 1, "room");
        mem_fail_nth(n);
        struct session *session = bob.session;
        if (session != NULL)
            client_send(&bob, "{\"type\":\"join\",\"peer\":\"bob\",\"info\":{\"a\":1}}");
        for (int i = 0; i < 3; i++)
            signal_number(&alice, "bob", i);
        client_send(&alice, "{\"type\":\"info\",\"info\":{\"b\":2}}");
        mem_fail_nth(0);
        cluster_settle(&cluster);
        cluster_advance(&cluster, 31000); /* who was lost on the way leaves */
        cluster_settle(&cluster);
        client_join(&carol, 3, "room", "carol");
        cluster_settle(&cluster);
        assert_true(carol.joined);
    }
}

/* The client never learnt that it had joined, and tries again: nobody is to wait for the window. */
static void a_first_joined_that_was_lost_leaves_the_name_free(void **state)
{
    (void)state;
    for (int again = 0; again < 3; again++) {
        teardown(NULL);
        setup(NULL);
        join_both(0, 1);
        client_drop(&bob);
        cluster_settle(&cluster);
        client_join(&carol, again, "room", "bob");
        cluster_settle(&cluster);
        assert_true(carol.joined);
        assert_false(carol.resumed);
        assert_string_equal(text_of(client_next(&alice, "peer-left"), "reason"), "replaced");
        assert_true(client_has(&alice, "peer-joined", "bob"));
        signal_number(&alice, "bob", 1);
        cluster_settle(&cluster);
        assert_int_equal(next_number(&carol), 1);
        client_resume(&bob, 1, "room"); /* whoever has the old secret comes too late */
        cluster_settle(&cluster);
        assert_int_equal(bob.closed, CLOSE_PEER_TAKEN);
        assert_int_equal(carol.closed, 0);
    }
}

static void a_first_joined_that_arrived_is_resumed_though_nothing_was_said(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&bob);
    cluster_settle(&cluster);
    assert_null(client_next(&alice, "peer-left"));
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    client_join(&dave, 3, "room", "bob");
    cluster_settle(&cluster);
    expect_error(&dave, "peer-taken");
    client_drop(&bob);
    cluster_settle(&cluster);
    client_join(&carol, 3, "room", "bob"); /* who resumed did get a joined */
    cluster_settle(&cluster);
    expect_error(&carol, "peer-taken");
}

static void who_was_heard_keeps_its_name(void **state)
{
    (void)state;
    join_both(0, 1);
    exchange_pong(bob.session, 0); /* any sign of life */
    client_drop(&bob);
    cluster_settle(&cluster);
    client_join(&carol, 2, "room", "bob");
    cluster_settle(&cluster);
    expect_error(&carol, "peer-taken");
    client_resume(&bob, 2, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
}

static void who_is_connected_keeps_its_name_unheard(void **state)
{
    (void)state;
    join_both(0, 1);
    client_join(&carol, 2, "room", "bob");
    cluster_settle(&cluster);
    expect_error(&carol, "peer-taken");
    assert_int_equal(bob.closed, 0);
}

/* Signals that come back undelivered while their sender is away. */
static void an_error_for_who_is_away_waits_for_it(void **state)
{
    (void)state;
    for (int worker = 0; worker < 3; worker++) {
        teardown(NULL);
        setup(NULL);
        join_both(0, 1);
        signal_number(&alice, "bob", 1);
        signal_number(&alice, "bob", 2);
        client_drop(&alice);
        cluster_crash(&cluster, 1);
        cluster_settle(&cluster);
        bob.session = NULL;
        if (worker == 1)
            cluster_restart(&cluster, 1);
        client_resume(&alice, worker, "room");
        cluster_settle(&cluster);
        assert_true(alice.resumed);
        for (int i = 1; i <= 2; i++) {
            const cJSON *error = client_next(&alice, "error");
            assert_non_null(error);
            assert_string_equal(text_of(error, "code"), "unavailable");
            assert_string_equal(text_of(error, "id"), i == 1 ? "i1" : "i2");
        }
        assert_null(client_next(&alice, "error"));
        assert_int_equal(alice.closed, 0);
    }
}

/* They come when the sender has been handed over already. */
static void an_error_follows_its_sender(void **state)
{
    (void)state;
    join_both(0, 1);
    signal_number(&alice, "bob", 1);
    cluster.frozen[0] = true; /* the signal does not leave yet */
    cluster_crash(&cluster, 1);
    cluster_settle(&cluster);
    bob.session = NULL;
    client_drop(&alice);
    client_resume(&alice, 2, "room");
    cluster.frozen[0] = false;
    while (cluster.up[0].len > 0) /* comes back, and waits in front of worker 0 */
        cluster_step(&cluster);
    cluster_settle(&cluster);
    client_resume(&alice, 3, "room");
    cluster_settle(&cluster);
    const cJSON *error = client_next(&alice, "error");
    assert_non_null(error);
    assert_string_equal(text_of(error, "id"), "i1");
}

static void errors_for_who_is_away_are_bounded(void **state)
{
    (void)state;
    join_both(0, 1);
    client_drop(&alice);
    for (int i = 0; i < 5000; i++)
        exchange_on_frame(cluster.exchanges[0], &(struct frame){.kind = FRAME_UNDELIVERED,
                                                                .room = SLICE("room"),
                                                                .peer = SLICE("bob"),
                                                                .sender = SLICE("alice"),
                                                                .error = ERR_UNAVAILABLE});
    client_resume(&alice, 0, "room");
    cluster_settle(&cluster);
    int count = 0;
    while (client_next(&alice, "error") != NULL)
        count++;
    assert_true(count > 500 && count < 1500); /* 64 KiB of frames */
}

/* Over 32 KiB are held all the time, since a pong acknowledges only what came before the ping
 * before it: still not every signal needs a ping. */
static void large_signals_need_no_ping_each(void **state)
{
    (void)state;
    static char filler[9000];
    memset(filler, 'x', sizeof(filler) - 1);
    join_both(0, 0);
    int before = bob.pings;
    for (int i = 0; i < 64; i++) {
        client_send(&alice, "{\"type\":\"signal\",\"to\":\"bob\",\"data\":\"%s\"}", filler);
        client_pong(&bob);
    }
    assert_true(bob.pings - before >= 8);
    assert_true(bob.pings - before <= 64 / 4 + 1);
    client_drop(&bob);
    bob.read = bob.count;
    client_resume(&bob, 1, "room");
    cluster_settle(&cluster);
    assert_true(bob.resumed);
    assert_null(client_next(&bob, "signal"));
}

int main(void)
{
    static int one = 1, several = CLUSTER_WORKERS;
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_roster_and_the_others_hear_of_a_join),
        TEST(an_unknown_peer_is_an_error_at_once),
        TEST(a_taken_name_is_refused),
        TEST(the_log_says_who_was_refused),
        TEST(a_full_room_is_refused),
        TEST(leaving_is_told_and_closes),
        TEST(info_is_told),
        TEST(info_that_the_bus_has_no_room_for_is_an_error),
        TEST(an_error_that_is_unknown_is_internal),
        TEST(no_join_in_time_is_4008),
        TEST(messages_sent_behind_the_join_wait_for_it),
        TEST(a_resume_acknowledges_what_the_client_has),
        TEST(the_server_says_what_it_has),
        TEST(a_replayed_secret_is_refused),
        TEST(a_joined_that_was_lost_does_not_lock_out),
        TEST(a_window_that_is_over_is_a_plain_join),
        TEST(just_inside_the_window_resumes),
        TEST(a_full_hold_is_peer_busy),
        TEST(a_pong_acknowledges),
        TEST(who_never_acknowledges_is_not_starved),
        TEST(a_crash_makes_its_peers_away_and_lets_them_resume),
        TEST(a_crash_that_nobody_comes_back_from_ends_in_peer_left),
        TEST(order_holds_while_the_addressee_moves),
        TEST(a_way_that_ends_nowhere_is_not_followed_for_ever),
        TEST(floods_are_limited_then_closed),
        TEST(draining_says_goaway_once),
        TEST(who_had_no_turn_yet_hears_goaway_before_the_close),
        TEST(floods_of_bytes_alone_are_closed_too),
        TEST(what_came_before_the_answer_does_not_confirm_it),
        TEST(of_many_that_wait_in_vain_the_last_one_stays),
        TEST(who_was_moved_on_from_closes_once_it_is_in),
        TEST(a_little_data_in_a_large_message_holds_little),
        TEST(both_sides_count_alike_without_memory),
        TEST(no_member_is_left_behind_by_a_failed_join),
        TEST(any_allocation_may_fail),
        TEST(a_first_joined_that_was_lost_leaves_the_name_free),
        TEST(a_first_joined_that_arrived_is_resumed_though_nothing_was_said),
        TEST(who_was_heard_keeps_its_name),
        TEST(who_is_connected_keeps_its_name_unheard),
        TEST(an_error_for_who_is_away_waits_for_it),
        TEST(an_error_follows_its_sender),
        TEST(errors_for_who_is_away_are_bounded),
        TEST(large_signals_need_no_ping_each),
        cmocka_unit_test_prestate_setup_teardown(a_signal_reaches_its_addressee_only, setup,
                                                 teardown, &one),
        cmocka_unit_test_prestate_setup_teardown(a_signal_reaches_its_addressee_only, setup,
                                                 teardown, &several),
        cmocka_unit_test_prestate_setup_teardown(info_in_a_resume_is_the_new_one, setup, teardown,
                                                 &one),
        cmocka_unit_test_prestate_setup_teardown(info_in_a_resume_is_the_new_one, setup, teardown,
                                                 &several),
        cmocka_unit_test_prestate_setup_teardown(a_lost_socket_is_away_then_back_with_what_was_held,
                                                 setup, teardown, &one),
        cmocka_unit_test_prestate_setup_teardown(a_lost_socket_is_away_then_back_with_what_was_held,
                                                 setup, teardown, &several),
        cmocka_unit_test_prestate_setup_teardown(a_resume_takes_over_from_a_socket_that_looks_alive,
                                                 setup, teardown, &one),
        cmocka_unit_test_prestate_setup_teardown(a_resume_takes_over_from_a_socket_that_looks_alive,
                                                 setup, teardown, &several),
        cmocka_unit_test_prestate_setup_teardown(two_that_race_end_as_one, setup, teardown, &one),
        cmocka_unit_test_prestate_setup_teardown(two_that_race_end_as_one, setup, teardown,
                                                 &several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
