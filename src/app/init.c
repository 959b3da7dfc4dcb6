#include "app/init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNAL_BASE 128 /* what shells add to the signal that ended a program */

/* Takes all that ended. True once the server is among them. */
static bool reap(pid_t server, int *ret_exit_code)
{
    int status;
    pid_t pid;
    bool over = false;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != server)
            continue;
        over = true;
        *ret_exit_code = WIFSIGNALED(status) ? SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return over;
}

/* All signals are blocked, and so wait to be fetched here. */
static void mind(pid_t server, const sigset_t *all, int *ret_exit_code)
{
    for (;;) {
        siginfo_t info;
        int number = sigwaitinfo(all, &info);
        if (number == SIGCHLD) {
            if (reap(server, ret_exit_code))
                return;
        } else if (number > 0) {
            kill(server, number);
        }
    }
}

bool init_fork(int *ret_exit_code)
{
    sigset_t all, before;
    if (getpid() != 1)
        return true;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t server = fork();
    if (server > 0) {
        mind(server, &all, ret_exit_code);
        return false;
    }
    if (server < 0)
        fprintf(stderr, "roomline: no process to reap orphans: %s\n", strerror(errno));
    sigprocmask(SIG_SETMASK, &before, NULL);
    return true;
}
