/*
 * How much user-space memory a joined connection takes that does nothing. A first crowd warms the
 * server up and stays, so that what the first connections allocate once is not counted.
 */
#include "crowd.h"
#include "modes.h"
#include "options.h"
#include "proc.h"

#include <stdio.h>

enum { WARMING_PAIRS = 100 };

static const struct member_events events;

static void settle(struct net *net, double seconds)
{
    uint64_t end = time_now() + (uint64_t)(seconds * 1e9);
    net_expect(net, "settling", seconds + 10);
    while (time_now() < end)
        net_step(net, 50);
}

void idle_run(struct net *net, const struct options *options)
{
    struct crowd warming;
    struct crowd crowd;
    struct proc_tree tree;
    crowd_open(&warming, net, options, WARMING_PAIRS, &events, NULL);
    settle(net, options->settle);
    proc_tree_find(&tree, options->pids, options->pid_count);
    uint64_t before = proc_tree_memory(&tree);
    crowd_open(&crowd, net, options, options->connections / 2, &events, NULL);
    settle(net, options->settle);
    uint64_t after = proc_tree_memory(&tree);
    printf("{\"mode\":\"idle\",\"connections\":%u,\"bytesBefore\":%llu,\"bytesAfter\":%llu,"
           "\"bytesPerConnection\":%.1f}\n",
           crowd.count, (unsigned long long)before, (unsigned long long)after,
           (double)((int64_t)after - (int64_t)before) / crowd.count);
    crowd_abort(&crowd);
    crowd_abort(&warming);
}
