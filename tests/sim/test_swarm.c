/* Seed after seed of a cluster on which everything breaks: see swarm.h.
 *
 *     test_sim_swarm [--seeds N] [--first SEED] [--jobs N] [--temper NAME]
 *     test_sim_swarm --temper NAME --seed SEED         one again; SIM_TRACE=1 shows every event */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/seeds.h"

static struct seeds settings = {.first = 1, .count = 20, .jobs = 2};

static void run(const char *name)
{
    struct seeds seeds = settings;
    struct seeds_result result;
    if (settings.temper != NULL)
        name = settings.temper->name;
    seeds.temper = temper_named(name);
    if (seeds.count == 1 && getenv("SIM_TRACE") != NULL)
        seeds_trace(&seeds, seeds.first);
    seeds_run(&seeds, &result);
    seeds_report(&seeds, &result);
    assert_false(result.failed);
    assert_true(result.signals > 0);
}

static void clients_that_lose_sockets_and_move_lose_nothing(void **state)
{
    (void)state;
    run("calm");
}

static void what_breaks_for_a_second_loses_nothing(void **state)
{
    (void)state;
    run("mild");
}

static void nor_with_clients_that_do_as_they_like(void **state)
{
    (void)state;
    run("mild-wild");
}

static void nor_where_all_move_all_the_time(void **state)
{
    (void)state;
    run("restless");
}

static void what_breaks_for_long_heals_and_no_signal_goes_unaccounted_for(void **state)
{
    (void)state;
    run("strict");
}

static void also_with_clients_that_do_as_they_like(void **state)
{
    (void)state;
    run("harsh-wild");
}

static void where_redis_forgets_all_is_put_right_again(void **state)
{
    (void)state;
    run("forgetful");
}

static void also_there_with_clients_that_do_as_they_like(void **state)
{
    (void)state;
    run("forgetful-wild");
}

static void the_chosen_temper(void **state)
{
    (void)state;
    run(settings.temper->name);
}

static void one_seed_is_one_run_to_the_byte(void **state)
{
    static struct swarm first, second;
    (void)state;
    for (unsigned i = 0; i < temper_count; i++) {
        swarm_run(&first, 7, &tempers[i], NULL, true);
        swarm_run(&second, 7, &tempers[i], NULL, true);
        assert_true(first.world.trace.len > 0);
        assert_int_equal(first.world.trace.len, second.world.trace.len);
        assert_memory_equal(first.world.trace.data, second.world.trace.data, first.world.trace.len);
        swarm_end(&first);
        swarm_end(&second);
    }
}

static int usage(void)
{
    fprintf(stderr, "test_sim_swarm [--seeds N] [--first SEED] [--seed SEED] [--jobs N] "
                    "[--temper NAME]\ntempers:");
    for (unsigned i = 0; i < temper_count; i++)
        fprintf(stderr, " %s", tempers[i].name);
    fprintf(stderr, "\n");
    return 2;
}

static bool read_option(const char *name, const char *value)
{
    uint64_t number = strtoull(value, NULL, 10);
    if (strcmp(name, "--temper") == 0) {
        settings.temper = temper_named(value);
        return settings.temper != NULL;
    }
    if (strcmp(name, "--seed") == 0) {
        settings.first = number;
        settings.count = settings.jobs = 1;
    } else if (strcmp(name, "--seeds") == 0) {
        settings.count = number;
    } else if (strcmp(name, "--first") == 0) {
        settings.first = number;
    } else if (strcmp(name, "--jobs") == 0) {
        settings.jobs = (unsigned)number;
        return number > 0 && number <= SEEDS_JOBS;
    } else {
        return false;
    }
    return settings.count > 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || !read_option(argv[i], argv[i + 1]))
            return usage();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_that_lose_sockets_and_move_lose_nothing),
        cmocka_unit_test(what_breaks_for_a_second_loses_nothing),
        cmocka_unit_test(nor_with_clients_that_do_as_they_like),
        cmocka_unit_test(nor_where_all_move_all_the_time),
        cmocka_unit_test(what_breaks_for_long_heals_and_no_signal_goes_unaccounted_for),
        cmocka_unit_test(also_with_clients_that_do_as_they_like),
        cmocka_unit_test(where_redis_forgets_all_is_put_right_again),
        cmocka_unit_test(also_there_with_clients_that_do_as_they_like),
        cmocka_unit_test(one_seed_is_one_run_to_the_byte),
    };
    const struct CMUnitTest chosen[] = {cmocka_unit_test(the_chosen_temper)};
    if (settings.temper != NULL)
        return cmocka_run_group_tests(chosen, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
