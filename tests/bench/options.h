/* What the command line of the load generator asks for. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

enum { INSTANCES_MAX = 16 };

struct dialect;

struct options {
    const char *mode;
    const char *urls[INSTANCES_MAX];
    unsigned url_count; /* instances; the two of a pair are on different ones */
    const struct dialect *dialect;
    pid_t pids[INSTANCES_MAX]; /* roots of the servers' processes: those are measured */
    unsigned pid_count;
    const char *redis;    /* IPV4:PORT of what joins the instances, measured as well; or NULL */
    unsigned pairs;       /* that exchange signals */
    unsigned peers;       /* members of each room, even */
    unsigned parked;      /* further rooms, each with one member that is away */
    unsigned window;      /* signals under way per pair */
    unsigned rate;        /* signals per second, all pairs together */
    unsigned concurrency; /* calls at once */
    unsigned count;       /* stop after so many signals or calls; 0: after `seconds` */
    unsigned connections; /* idle ones to measure */
    double seconds;
    double warmup; /* seconds */
    double settle; /* seconds before memory is read */
    bool verify;
};

#endif
