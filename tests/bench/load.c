/*
 * The load generator: drives a server over many WebSocket connections, checks that every signal
 * arrives once, in order and on time, and prints what that cost the server as one line of JSON.
 */
#include "dialect.h"
#include "fail.h"
#include "load_net.h"
#include "modes.h"
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char usage[] =
    "bench-load throughput|latency|calls|idle URL... [option]...\n"
    "  More than one URL: instances of one cluster, the two of each pair on different ones.\n"
    "  --dialect NAME      roomline (default) or limit\n"
    "  --pid PID           the server's first process: measure it and its children (repeatable)\n"
    "  --redis IPV4:PORT   measure this Redis as well, and what it was asked\n"
    "  --pairs N           pairs that exchange signals (64)\n"
    "  --peers N           peers in each room, even (2)\n"
    "  --parked N          further rooms, with one member each that lost its connection (0)\n"
    "  --window N          throughput: signals under way per pair (1)\n"
    "  --rate N            latency: signals per second (2000)\n"
    "  --concurrency N     calls at once (32)\n"
    "  --connections N     idle connections (2000)\n"
    "  --count N           stop after N signals or calls instead of a time\n"
    "  --seconds S         measured time (3)\n"
    "  --warmup S          time before that (0.5)\n"
    "  --settle S          idle: time before memory is read (2)\n"
    "  --verify            compare every byte of every signal\n";

struct mode {
    const char *name;
    void (*run)(struct net *net, const struct options *options);
};

static const struct mode modes[] = {
    {"throughput", throughput_run},
    {"latency", latency_run},
    {"calls", calls_run},
    {"idle", idle_run},
};

static unsigned parse_count(const char *name, const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value > 100000000)
        fail("--%s must be a whole number, not %s", name, text);
    return (unsigned)value;
}

static double parse_seconds(const char *name, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value >= 0))
        fail("--%s must be a number of seconds, not %s", name, text);
    return value;
}

/* The numbers are the tables: a long option's `val` says which field it sets. */
static void set_option(struct options *options, int field, const char *name, const char *text)
{
    unsigned *counts[] = {&options->pairs,  &options->peers,      &options->parked,
                          &options->window, &options->rate,       &options->concurrency,
                          &options->count,  &options->connections};
    double *times[] = {&options->seconds, &options->warmup, &options->settle};
    if (field < 8)
        *counts[field] = parse_count(name, text);
    else
        *times[field - 8] = parse_seconds(name, text);
}

/* The versions of clang-format put these into columns in different ways. */
/* clang-format off */
static const struct option long_options[] = {
    {"pairs", required_argument, NULL, 0},
    {"peers", required_argument, NULL, 1},
    {"parked", required_argument, NULL, 2},
    {"window", required_argument, NULL, 3},
    {"rate", required_argument, NULL, 4},
    {"concurrency", required_argument, NULL, 5},
    {"count", required_argument, NULL, 6},
    {"connections", required_argument, NULL, 7},
    {"seconds", required_argument, NULL, 8},
    {"warmup", required_argument, NULL, 9},
    {"settle", required_argument, NULL, 10},
    {"dialect", required_argument, NULL, 'd'},
    {"pid", required_argument, NULL, 'p'},
    {"redis", required_argument, NULL, 'r'},
    {"verify", no_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};
/* clang-format on */

static void add_pid(struct options *options, const char *text)
{
    if (options->pid_count == INSTANCES_MAX)
        fail("more than %d servers", INSTANCES_MAX);
    options->pids[options->pid_count++] = (pid_t)parse_count("pid", text);
}

static void take_words(struct options *options, int count, char **words)
{
    if (count < 2 || count > 1 + INSTANCES_MAX)
        fail("usage: %s", usage);
    options->mode = words[0];
    options->url_count = (unsigned)count - 1;
    for (unsigned i = 0; i < options->url_count; i++)
        options->urls[i] = words[1 + i];
}

static void parse_options(struct options *options, int argc, char **argv)
{
    int which = 0;
    for (int field; (field = getopt_long(argc, argv, "", long_options, &which)) != -1;) {
        if (field == 'd')
            options->dialect = dialect_find(optarg);
        else if (field == 'p')
            add_pid(options, optarg);
        else if (field == 'r')
            options->redis = optarg;
        else if (field == 'v')
            options->verify = true;
        else if (field == '?')
            fail("usage: %s", usage);
        else
            set_option(options, field, long_options[which].name, optarg);
    }
    if (!options->dialect || options->peers % 2 != 0 || options->peers == 0 ||
        options->pairs == 0 || options->rate == 0 || options->concurrency == 0)
        fail("usage: %s", usage);
    take_words(options, argc - optind, argv + optind);
}

/* As many sockets as the machine lets a process have. */
static void raise_file_limit(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    struct net net;
    struct options options = {
        .dialect = dialect_find("roomline"),
        .pairs = 64,
        .peers = 2,
        .window = 1,
        .rate = 2000,
        .concurrency = 32,
        .connections = 2000,
        .seconds = 3,
        .warmup = 0.5,
        .settle = 2,
    };
    parse_options(&options, argc, argv);
    raise_file_limit();
    net_init(&net, options.urls, options.url_count);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, options.mode) == 0) {
            modes[i].run(&net, &options);
            net_done(&net);
            return 0;
        }
    }
    fail("unknown mode %s\n%s", options.mode, usage);
}
