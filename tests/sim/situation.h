/* What the tests of single situations have in common: a cluster, four clients, and what they say. */
#ifndef ROOMLINE_TESTS_SITUATION_H
#define ROOMLINE_TESTS_SITUATION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/cluster.h"

static struct cluster cluster;
static struct client alice, bob, carol, dave;

static inline int setup(void **state)
{
    (void)state;
    cluster_start(&cluster, 1);
    client_init(&alice, &cluster);
    client_init(&bob, &cluster);
    client_init(&carol, &cluster);
    client_init(&dave, &cluster);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    cluster_stop(&cluster);
    client_done(&alice);
    client_done(&bob);
    client_done(&carol);
    client_done(&dave);
    return 0;
}

static inline void restart_all(void)
{
    for (int i = 0; i < CLUSTER_WORKERS; i++) {
        exchange_free(cluster.exchanges[i]);
        cluster_restart(&cluster, i);
    }
}

static inline const char *text_of(const cJSON *json, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(json, name));
}

static inline double number_of(const cJSON *json, const char *name)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItem(json, name));
}

static inline void join_both(int worker_of_alice, int worker_of_bob)
{
    client_join(&alice, worker_of_alice, "room", "alice");
    cluster_settle(&cluster);
    client_join(&bob, worker_of_bob, "room", "bob");
    cluster_settle(&cluster);
    assert_true(alice.joined);
    assert_true(bob.joined);
}

static inline void signal_number(struct client *from, const char *to, int number)
{
    client_send(from, "{\"type\":\"signal\",\"to\":\"%s\",\"id\":\"i%d\",\"data\":{\"n\":%d}}", to,
                number, number);
}

static inline int next_number(struct client *client)
{
    const cJSON *signal = client_next(client, "signal");
    return signal == NULL ? -1 : (int)number_of(cJSON_GetObjectItem(signal, "data"), "n");
}

static inline void expect_error(struct client *client, const char *code)
{
    const cJSON *error = client_next(client, "error");
    assert_non_null(error);
    assert_string_equal(text_of(error, "code"), code);
}

#endif
