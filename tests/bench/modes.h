/* What can be measured. Each prints one line of JSON and fails the run if anything went missing. */
#ifndef BENCH_MODES_H
#define BENCH_MODES_H

struct net;
struct options;

void throughput_run(struct net *net, const struct options *options);
void latency_run(struct net *net, const struct options *options);
void calls_run(struct net *net, const struct options *options);
void idle_run(struct net *net, const struct options *options);

#endif
