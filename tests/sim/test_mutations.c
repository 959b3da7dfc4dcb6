/* The test of the test: each deliberate break of the product (mutation.c) is noticed within a few
 * seeds, as what it is.
 *
 *     test_sim_mutations [most seeds for each] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/seeds.h"

static uint64_t most = 100;

/* Seeds are tried until one fails by the right invariant. */
static void is_noticed(void **state)
{
    const struct mutation *mutation = *state;
    struct seeds seeds = {
        .temper = temper_named(mutation->temper), .mutation = mutation, .count = 1, .jobs = 1};
    struct seeds_result result;
    for (seeds.first = 1; seeds.first <= most; seeds.first++) {
        seeds_run(&seeds, &result);
        if (result.failed && strstr(result.violation, mutation->violation) != NULL) {
            printf("noticed by seed %llu: %s\n", (unsigned long long)seeds.first, result.violation);
            return;
        }
    }
    fail_msg("%s: not noticed by %llu seeds", mutation->name, (unsigned long long)most);
}

int main(int argc, char **argv)
{
    struct CMUnitTest *tests = calloc(mutation_count, sizeof(*tests));
    if (argc > 1)
        most = strtoull(argv[1], NULL, 10);
    for (unsigned i = 0; i < mutation_count; i++)
        tests[i] = (struct CMUnitTest){.name = mutations[i].name,
                                       .test_func = is_noticed,
                                       .initial_state = (void *)(uintptr_t)&mutations[i]};
    int failed = _cmocka_run_group_tests("mutations", tests, mutation_count, NULL, NULL);
    free(tests);
    return failed;
}
