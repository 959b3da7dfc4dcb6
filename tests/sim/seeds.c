#include "sim/seeds.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a job tells the parent, in memory that both see. */
struct job {
    pid_t pid;
    struct seeds_result result;
};

const struct temper *temper_named(const char *name)
{
    for (unsigned i = 0; i < temper_count; i++)
        if (strcmp(tempers[i].name, name) == 0)
            return &tempers[i];
    return NULL;
}

static void run_one(const struct seeds *seeds, uint64_t seed, struct seeds_result *result)
{
    static struct swarm swarm;
    result->seed = seed;
    result->failed = swarm_run(&swarm, seed, seeds->temper, seeds->mutation, false) != 0;
    memcpy(result->violation, swarm.world.violation, sizeof(result->violation));
    result->signals += swarm.ledger.received;
    result->refused += swarm.ledger.refused;
    result->steps += swarm.world.steps;
    result->done++;
    swarm_end(&swarm);
}

/* Every so manieth seed; a byte for each tells the parent that it is done. */
static void work(const struct seeds *seeds, unsigned number, struct job *job, int progress)
{
    signal(SIGSEGV, SIG_DFL); /* not cmocka's: the parent is to see what happened */
    signal(SIGABRT, SIG_DFL);
    for (uint64_t i = number; i < seeds->count && !job->result.failed; i += seeds->jobs) {
        uint64_t seed = seeds->first + i;
        run_one(seeds, seed, &job->result);
        if (write(progress, ".", 1) != 1)
            _exit(2);
    }
    _exit(0);
}

/* script/test keeps standard error for itself, and gives the terminal as descriptor 3. */
static void show(const struct seeds *seeds, uint64_t done)
{
    int terminal = isatty(3) ? 3 : STDERR_FILENO;
    if (isatty(terminal) && seeds->mutation == NULL)
        dprintf(terminal, "\r%-12s %llu of %llu seeds \r", seeds->temper->name,
                (unsigned long long)done, (unsigned long long)seeds->count);
}

/* Returns when every job has ended. */
static void watch(const struct seeds *seeds, int progress)
{
    char bytes[64];
    uint64_t done = 0;
    ssize_t len;
    while ((len = read(progress, bytes, sizeof(bytes))) > 0)
        show(seeds, done += (uint64_t)len);
}

static void start(const struct seeds *seeds, struct job *jobs, int *ret_progress)
{
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    fflush(NULL);
    for (unsigned i = 0; i < seeds->jobs; i++) {
        jobs[i].pid = fork();
        if (jobs[i].pid == 0) {
            close(ends[0]);
            work(seeds, i, &jobs[i], ends[1]);
        }
        assert(jobs[i].pid > 0);
    }
    close(ends[1]);
    *ret_progress = ends[0];
}

static void collect(struct job *job, struct seeds_result *result)
{
    int status;
    waitpid(job->pid, &status, 0);
    if (status != 0) {
        job->result.failed = true;
        snprintf(job->result.violation, sizeof(job->result.violation), "%s %d",
                 WIFSIGNALED(status) ? "ended by signal" : "ended with status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    result->done += job->result.done;
    result->signals += job->result.signals;
    result->refused += job->result.refused;
    result->steps += job->result.steps;
    if (!job->result.failed || (result->failed && result->seed < job->result.seed))
        return;
    result->failed = true;
    result->seed = job->result.seed;
    memcpy(result->violation, job->result.violation, sizeof(result->violation));
}

void seeds_run(const struct seeds *seeds, struct seeds_result *ret_result)
{
    size_t size = SEEDS_JOBS * sizeof(struct job);
    struct job *jobs = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int progress;
    assert(jobs != MAP_FAILED && seeds->jobs > 0 && seeds->jobs <= SEEDS_JOBS);
    memset(ret_result, 0, sizeof(*ret_result));
    start(seeds, jobs, &progress);
    watch(seeds, progress);
    close(progress);
    for (unsigned i = 0; i < seeds->jobs; i++)
        collect(&jobs[i], ret_result);
    munmap(jobs, size);
}

void seeds_report(const struct seeds *seeds, const struct seeds_result *result)
{
    char program[512];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[len > 0 ? len : 0] = '\0';
    if (result->failed)
        printf("%s, seed %llu: %s\nSee it again, with its trace: SIM_TRACE=1 %s --temper %s --seed "
               "%llu\n",
               seeds->temper->name, (unsigned long long)result->seed, result->violation, program,
               seeds->temper->name, (unsigned long long)result->seed);
    else
        printf("%s: %llu seeds, %llu signals delivered, %llu refused, %llu steps\n",
               seeds->temper->name, (unsigned long long)result->done,
               (unsigned long long)result->signals, (unsigned long long)result->refused,
               (unsigned long long)result->steps);
}

void seeds_trace(const struct seeds *seeds, uint64_t seed)
{
    static struct swarm swarm;
    swarm_run(&swarm, seed, seeds->temper, seeds->mutation, true);
    fwrite(swarm.world.trace.data, 1, swarm.world.trace.len, stdout);
    swarm_end(&swarm);
}
