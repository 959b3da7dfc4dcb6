/* What processes and their descendants cost: CPU time and memory, read from the outside. */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_TREE_MAX = 64 };

/* The processes are looked up once: a server that loses one in between fails the measurement. */
struct proc_tree {
    size_t count;
    pid_t pids[PROC_TREE_MAX];
};

/* Several roots make one tree; none makes an empty one, whose figures are 0. */
void proc_tree_find(struct proc_tree *tree, const pid_t *roots, size_t count);
/* Nanoseconds of CPU, user and kernel, all threads. */
uint64_t proc_tree_cpu(const struct proc_tree *tree);
/* Bytes of user-space memory (proportional set size: shared pages are split by their users). */
uint64_t proc_tree_memory(const struct proc_tree *tree);

#endif
