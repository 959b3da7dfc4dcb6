/* What clients hear of ICE servers, and when they hear of them again. */
#include "base/mem.h"
#include "sim/situation.h"

#define TTL 100000 /* ms */

static int setup_ice(void **state)
{
    setup(state);
    cluster.ice_ttl = TTL;
    restart_all();
    return 0;
}

static const char *username_of(const cJSON *message)
{
    const cJSON *servers = cJSON_GetObjectItem(message, "iceServers");
    return message == NULL ? NULL : text_of(cJSON_GetArrayItem(servers, 0), "username");
}

/* Lets time pass in steps, and returns after how many ms the message came; 0: not within `ms`. */
static uint64_t await_fresh(struct client *client, uint64_t ms)
{
    for (uint64_t passed = 100; passed <= ms; passed += 100) {
        cluster_advance(&cluster, 100);
        cluster_settle(&cluster);
        if (client_has(client, "ice-servers", NULL))
            return passed;
    }
    return 0;
}

static void each_peer_has_credentials_of_its_own(void **state)
{
    (void)state;
    join_both(0, 1);
    const cJSON *joined = client_next(&alice, "joined");
    assert_string_equal(username_of(joined), "1:alice");
    assert_true(number_of(joined, "iceExpires") == (double)((cluster.now + TTL) / 1000));
    assert_string_equal(username_of(client_next(&bob, "joined")), "2:bob");
}

static void fresh_ones_come_before_the_old_ones_end(void **state)
{
    (void)state;
    client_join(&alice, 0, "room", "alice");
    cluster_settle(&cluster);
    client_next(&alice, "joined");
    for (int round = 0; round < 3; round++) {
        uint64_t after = await_fresh(&alice, TTL);
        assert_true(after >= TTL * 7 / 10 && after <= TTL * 8 / 10 + 200);
        const cJSON *fresh = client_next(&alice, "ice-servers");
        char expected[20];
        snprintf(expected, sizeof(expected), "%d:alice", round + 2);
        assert_string_equal(username_of(fresh), expected);
        assert_true(number_of(fresh, "iceExpires") >= (double)((cluster.now + TTL) / 1000 - 1));
    }
}

static void clients_are_not_told_all_at_once(void **state)
{
    struct client *const all[] = {&alice, &bob, &carol, &dave};
    static const char *const names[] = {"alice", "bob", "carol", "dave"};
    uint64_t told[4] = {0};
    (void)state;
    for (int i = 0; i < 4; i++)
        client_join(all[i], 0, "room", names[i]);
    cluster_settle(&cluster);
    for (uint64_t passed = 0; passed < TTL; passed += 100) {
        cluster_advance(&cluster, 100);
        for (int i = 0; i < 4; i++)
            if (told[i] == 0 && client_has(all[i], "ice-servers", NULL))
                told[i] = passed;
    }
    for (int i = 0; i < 4; i++)
        assert_true(told[i] > 0);
    assert_false(told[0] == told[1] && told[1] == told[2] && told[2] == told[3]);
}

static void who_is_away_is_told_when_it_is_back(void **state)
{
    (void)state;
    client_join(&alice, 0, "room", "alice");
    cluster_settle(&cluster);
    cluster_advance(&cluster, TTL / 10 * 6);
    client_drop(&alice);
    cluster_settle(&cluster);
    cluster_advance(&cluster, TTL / 10 * 2);
    assert_int_equal(cluster.ice_asked, 1);
    client_resume(&alice, 1, "room");
    cluster_settle(&cluster);
    assert_true(alice.resumed);
    client_next(&alice, "joined");
    assert_string_equal(username_of(client_next(&alice, "joined")), "2:alice");
    /* Its time begins anew. */
    assert_int_equal(await_fresh(&alice, TTL / 10 * 6), 0);
    assert_true(await_fresh(&alice, TTL / 10 * 3) > 0);
}

static void who_left_is_told_nothing(void **state)
{
    (void)state;
    join_both(0, 0);
    client_send(&alice, "{\"type\":\"leave\"}");
    client_drop(&bob); /* and its window ends */
    cluster_settle(&cluster);
    cluster_advance(&cluster, 2 * TTL);
    assert_int_equal(cluster.ice_asked, 2);
}

static void without_credentials_nothing_ends(void **state)
{
    (void)state;
    client_join(&alice, 0, "room", "alice");
    cluster_settle(&cluster);
    const cJSON *joined = client_next(&alice, "joined");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(joined, "iceServers")), 0);
    assert_null(cJSON_GetObjectItem(joined, "iceExpires"));
    assert_int_equal(await_fresh(&alice, TTL), 0);
}

/* Whichever allocation fails: the client has fresh ones, or was closed and may resume. */
static void without_memory_the_client_is_closed_or_told(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 8; n++) {
        client_join(&alice, 0, "room", "alice");
        cluster_settle(&cluster);
        alice.closed = 0;
        mem_fail_nth(n);
        cluster_advance(&cluster, TTL / 10 * 9);
        mem_fail_nth(0);
        client_next(&alice, "joined");
        const cJSON *fresh = client_next(&alice, "ice-servers");
        assert_true((fresh != NULL) == (alice.closed == 0));
        assert_true(fresh != NULL || alice.closed == CLOSE_OVERLOADED);
        if (alice.closed == 0)
            client_drop(&alice);
        cluster_settle(&cluster);
        cluster_advance(&cluster, 31000); /* its window ends */
        cluster_settle(&cluster);
    }
}

#define ICE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_ice, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ICE_TEST(each_peer_has_credentials_of_its_own),
        ICE_TEST(fresh_ones_come_before_the_old_ones_end),
        ICE_TEST(clients_are_not_told_all_at_once),
        ICE_TEST(who_is_away_is_told_when_it_is_back),
        ICE_TEST(who_left_is_told_nothing),
        ICE_TEST(without_memory_the_client_is_closed_or_told),
        cmocka_unit_test_setup_teardown(without_credentials_nothing_ends, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
