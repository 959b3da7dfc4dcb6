#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/shared.h"

static struct shared shared;
static const struct shared_limits no_limits;

static int start(void **state)
{
    (void)state;
    crypto_init();
    return shared_create(&shared, 3);
}

static int stop(void **state)
{
    (void)state;
    shared_done(&shared);
    return 0;
}

static bool admit(unsigned index, const struct shared_limits *limits, const char *from,
                  uint64_t *ticket)
{
    struct ip address;
    assert_true(ip_parse(slice_of(from), &address));
    return shared_admit(&shared, index, limits, &address, ticket);
}

static bool enter(unsigned index, const struct shared_limits *limits, const char *from)
{
    uint64_t ticket;
    return admit(index, limits, from, &ticket);
}

static void connections_are_summed_over_workers(void **state)
{
    (void)state;
    assert_true(enter(0, &no_limits, "10.0.0.1"));
    assert_true(enter(1, &no_limits, "10.0.0.2"));
    assert_true(enter(1, &no_limits, "10.0.0.3"));
    assert_int_equal(shared_sum(&shared, SHARED_connections), 3);
    assert_int_equal(tally_get(&shared_row(&shared, 1)->metrics.connections), 2);
}

static void the_limit_holds_for_all_workers_together(void **state)
{
    struct shared_limits limits = {.connections = 2};
    uint64_t ticket;
    (void)state;
    assert_true(admit(0, &limits, "10.0.0.1", &ticket));
    assert_true(enter(1, &limits, "10.0.0.2"));
    assert_false(enter(2, &limits, "10.0.0.3"));
    shared_release(&shared, 0, ticket);
    assert_true(enter(2, &limits, "10.0.0.3"));
    assert_false(enter(0, &limits, "10.0.0.4"));
}

static void so_does_the_limit_for_an_address(void **state)
{
    struct shared_limits limits = {.connections_per_address = 2};
    uint64_t ticket;
    (void)state;
    assert_true(admit(0, &limits, "10.0.0.1", &ticket));
    assert_true(enter(1, &limits, "10.0.0.1"));
    assert_false(enter(2, &limits, "10.0.0.1"));
    assert_true(enter(2, &limits, "10.0.0.2"));
    shared_release(&shared, 0, ticket);
    assert_true(enter(2, &limits, "10.0.0.1"));
}

static void a_refused_connection_is_not_counted(void **state)
{
    struct shared_limits limits = {.connections = 1, .connections_per_address = 1};
    (void)state;
    assert_true(enter(0, &limits, "10.0.0.1"));
    for (int i = 0; i < 5; i++)
        assert_false(enter(0, &limits, "10.0.0.1"));
    assert_int_equal(shared_sum(&shared, SHARED_connections), 1);
}

static void who_has_no_address_counts_among_all_but_has_no_limit_of_its_own(void **state)
{
    struct shared_limits limits = {.connections = 5, .connections_per_address = 1};
    uint64_t ticket;
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_true(shared_admit(&shared, 0, &limits, NULL, &ticket));
    assert_true(enter(0, &limits, "10.0.0.1"));
    assert_false(shared_admit(&shared, 1, &limits, NULL, &ticket));
    shared_release(&shared, 0, ticket);
    assert_true(shared_admit(&shared, 0, &limits, NULL, &ticket));
}

static bool same(const char *one, const char *other)
{
    struct shared_limits limits = {.connections_per_address = 1};
    uint64_t first, second;
    assert_true(admit(0, &limits, one, &first));
    bool refused = !admit(0, &limits, other, &second);
    if (!refused)
        shared_release(&shared, 0, second);
    shared_release(&shared, 0, first);
    return refused;
}

static void addresses_are_told_apart_as_subscribers_are(void **state)
{
    (void)state;
    assert_true(same("10.0.0.1", "10.0.0.1"));
    assert_false(same("10.0.0.1", "10.0.0.2"));
    assert_true(same("::ffff:10.0.0.1", "10.0.0.1"));
    assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
    assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert_false(same("::ffff:10.0.0.1", "::ffff:10.0.0.2"));
}

static void ten_thousand_others_do_not_fill_an_address_s_limit(void **state)
{
    struct shared_limits limits = {.connections_per_address = 20};
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        char text[32];
        snprintf(text, sizeof(text), "11.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        assert_true(enter(i % 3, &limits, text));
    }
    for (int i = 0; i < 10; i++)
        assert_true(enter(0, &limits, "10.0.0.1"));
}

static void all_counters_return_to_zero(void **state)
{
    uint64_t tickets[100];
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_true(admit(1, &no_limits, "10.0.0.1", &tickets[i]));
    for (unsigned i = 0; i < 100; i++)
        shared_release(&shared, 1, tickets[i]);
    static const struct shared_row zero;
    assert_memory_equal(shared_row(&shared, 1), &zero, sizeof(zero));
}

static void burying_a_crashed_worker_frees_what_it_held(void **state)
{
    struct shared_limits limits = {.connections = 2, .connections_per_address = 2};
    (void)state;
    assert_true(enter(0, &limits, "10.0.0.1"));
    assert_true(enter(1, &limits, "10.0.0.1"));
    assert_false(enter(2, &limits, "10.0.0.1"));
    shared_bury(&shared, 1);
    assert_true(enter(2, &limits, "10.0.0.1"));
}

static void what_a_crashed_worker_had_counted_stays(void **state)
{
    (void)state;
    struct metrics *metrics = &shared_row(&shared, 1)->metrics;
    tally_set(&metrics->net.closes[3], 7);
    tally_set(&metrics->core.calls[1][2], 5);
    tally_set(&metrics->rooms, 4);
    tally_set(&metrics->process.cpu, 9);
    histogram_add(&metrics->core.join_time, &histogram_slow, 1500);
    shared_bury(&shared, 1);
    tally_set(&metrics->net.closes[3], 1);
    shared_bury(&shared, 1);
    assert_int_equal(tally_get(&shared.own->net.closes[3]), 8);
    assert_int_equal(tally_get(&shared.own->core.calls[1][2]), 5);
    assert_int_equal(tally_get(&shared.own->rooms), 0);       /* a state ends */
    assert_int_equal(tally_get(&shared.own->process.cpu), 0); /* the process' own */
    assert_int_equal(tally_get(&shared.own->core.join_time.buckets[2]), 1);
    assert_int_equal(tally_get(&shared.own->core.join_time.sum), 1500);
    assert_int_equal(tally_get(&metrics->net.closes[3]), 0);
}

static void another_process_sees_and_is_seen(void **state)
{
    struct shared_limits limits = {.connections_per_address = 1};
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct shared own;
        struct ip address;
        uint64_t ticket;
        bool ok = ip_parse(SLICE("10.0.0.1"), &address) &&
                  shared_attach(&own, dup(shared.fd), 3) == 0 &&
                  shared_admit(&own, 2, &limits, &address, &ticket);
        shared_done(&own);
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(shared_sum(&shared, SHARED_connections), 1);
    assert_false(enter(0, &limits, "10.0.0.1"));
}

static void memory_of_another_shape_is_refused(void **state)
{
    struct shared own;
    int pipe_ends[2];
    (void)state;
    assert_int_equal(shared_attach(&own, dup(shared.fd), 4), -EINVAL);
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(shared_attach(&own, pipe_ends[0], 3), -EINVAL);
    close(pipe_ends[1]);
    memset(shared.memory, 0, 4); /* as another version of the program would have it */
    assert_int_equal(shared_attach(&own, dup(shared.fd), 3), -EINVAL);
    assert_null(own.memory);
}

#define SHARED_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARED_TEST(connections_are_summed_over_workers),
        SHARED_TEST(the_limit_holds_for_all_workers_together),
        SHARED_TEST(so_does_the_limit_for_an_address),
        SHARED_TEST(a_refused_connection_is_not_counted),
        SHARED_TEST(who_has_no_address_counts_among_all_but_has_no_limit_of_its_own),
        SHARED_TEST(addresses_are_told_apart_as_subscribers_are),
        SHARED_TEST(ten_thousand_others_do_not_fill_an_address_s_limit),
        SHARED_TEST(all_counters_return_to_zero),
        SHARED_TEST(burying_a_crashed_worker_frees_what_it_held),
        SHARED_TEST(what_a_crashed_worker_had_counted_stays),
        SHARED_TEST(another_process_sees_and_is_seen),
        SHARED_TEST(memory_of_another_shape_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
