#include "proc.h"

#include "fail.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The parent of a process, 0 when that can't be read (it has just ended). */
static pid_t parent_of(pid_t pid)
{
    char path[64];
    char line[512];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    int parent = 0;
    if (fgets(line, sizeof(line), file)) {
        const char *after_name = strrchr(line, ')'); /* a name may hold spaces and brackets */
        if (after_name)
            (void)sscanf(after_name + 1, " %*c %d", &parent);
    }
    fclose(file);
    return (pid_t)parent;
}

static int holds(const struct proc_tree *tree, pid_t pid)
{
    for (size_t i = 0; i < tree->count; i++)
        if (tree->pids[i] == pid)
            return 1;
    return 0;
}

/* One pass over /proc; returns how many were added. */
static size_t add_children(struct proc_tree *tree)
{
    size_t before = tree->count;
    DIR *directory = opendir("/proc");
    if (!directory)
        fail("cannot read /proc");
    for (struct dirent *entry; (entry = readdir(directory)) && tree->count < PROC_TREE_MAX;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 0 && !holds(tree, pid) && holds(tree, parent_of(pid)))
            tree->pids[tree->count++] = pid;
    }
    closedir(directory);
    return tree->count - before;
}

void proc_tree_find(struct proc_tree *tree, const pid_t *roots, size_t count)
{
    *tree = (struct proc_tree){0};
    for (size_t i = 0; i < count; i++)
        tree->pids[tree->count++] = roots[i];
    while (count > 0 && add_children(tree) > 0)
        continue;
}

uint64_t proc_tree_cpu(const struct proc_tree *tree)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < tree->count; i++) {
        clockid_t clock;
        struct timespec used;
        if (clock_getcpuclockid(tree->pids[i], &clock) || clock_gettime(clock, &used))
            fail("process %d of the server has ended", (int)tree->pids[i]);
        sum += (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
    }
    return sum;
}

static uint64_t memory_of(pid_t pid)
{
    char path[64];
    char line[256];
    unsigned long long kibibytes = 0;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        fail("cannot read %s", path);
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "Pss: %llu kB", &kibibytes) == 1)
            break;
    fclose(file);
    return (uint64_t)kibibytes * 1024;
}

uint64_t proc_tree_memory(const struct proc_tree *tree)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < tree->count; i++)
        sum += memory_of(tree->pids[i]);
    return sum;
}
