#include "bus/live_redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000
#define TRIES 5 /* somebody else may take the port that was free */

/* --- files --- */

static char folder[] = "/tmp/roomline-redis-XXXXXX";

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s stays\n", folder);
}

const char *live_folder(void)
{
    static bool made;
    if (!made && mkdtemp(folder) == NULL)
        abort();
    if (!made)
        atexit(remove_folder);
    made = true;
    return folder;
}

static void run(const char *command)
{
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static void make_authority(const char *name)
{
    char command[1024];
    snprintf(command, sizeof(command),
             "cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
             "-days 2 -subj '/CN=%s' -keyout %s.key -out %s.pem 2>/dev/null",
             live_folder(), name, name, name);
    run(command);
}

static void make_certificate(const char *name, const char *alternative)
{
    char command[1024];
    snprintf(command, sizeof(command),
             "cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
             "-days 2 -subj '/CN=%s' -addext 'subjectAltName=%s' "
             "-addext basicConstraints=critical,CA:FALSE -CA ca.pem -CAkey ca.key "
             "-keyout %s.key -out %s.pem 2>/dev/null",
             live_folder(), name, alternative, name, name);
    run(command);
}

const char *live_certificate(const char *name)
{
    static char paths[8][160];
    static unsigned next;
    static bool made;
    if (!made) {
        make_authority("ca");
        make_authority("other-ca");
        make_certificate("server", "IP:127.0.0.1,DNS:redis.example");
        make_certificate("name", "DNS:localhost");
        make_certificate("client", "DNS:client.example");
    }
    made = true;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", live_folder(), name);
    return path;
}

/* --- processes --- */

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* Ends with the test program, however that ends. */
static void become(const char *const *args, int output)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    execvp(args[0], (char *const *)args);
    _exit(127);
}

/* Reads what it prints until that holds the text. False: it ended before. */
static bool await_text(int fd, const char *text)
{
    static char printed[65536];
    size_t len = 0;
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, START_MS) != 1)
            fail_msg("redis-server does not start: %.*s", (int)len, printed);
        ssize_t got = read(fd, printed + len, sizeof(printed) - 1 - len);
        if (got <= 0)
            return false;
        len += (size_t)got;
        printed[len] = '\0';
        if (strstr(printed, text) != NULL)
            return true;
    }
}

static bool launch(struct live_redis *redis, const char *const *args, const char *ready)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    redis->pid = fork();
    if (redis->pid == 0)
        become(args, ends[1]);
    close(ends[1]);
    redis->output = ends[0];
    if (await_text(ends[0], ready))
        return true;
    live_redis_stop(redis);
    return false;
}

void live_redis_signal(const struct live_redis *redis, int signal)
{
    assert_int_equal(kill(redis->pid, signal), 0);
}

void live_redis_stop(struct live_redis *redis)
{
    if (redis->pid <= 0)
        return;
    kill(redis->pid, SIGKILL);
    while (waitpid(redis->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(redis->output);
    redis->pid = 0;
}

/* --- command lines --- */

struct line {
    const char *args[LIVE_ARGS_MAX];
    size_t count;
};

static void add(struct line *line, const char *const *args)
{
    for (; *args != NULL; args++) {
        assert_true(line->count + 1 < LIVE_ARGS_MAX);
        line->args[line->count++] = *args;
    }
}

static void add_port(struct line *line, const char *port, bool tls)
{
    if (!tls) {
        add(line, (const char *[]){"--port", port, NULL});
        return;
    }
    add(line, (const char *[]){"--port", "0", "--tls-port", port, "--tls-replication", "yes",
                               "--tls-auth-clients", "yes", NULL});
    add(line, (const char *[]){"--tls-ca-cert-file", live_certificate("ca.pem"), "--tls-cert-file",
                               live_certificate("server.pem"), "--tls-key-file",
                               live_certificate("server.key"), NULL});
}

static bool launch_server(struct live_redis *redis, bool tls)
{
    struct line line = {.count = 0};
    char port[8];
    snprintf(port, sizeof(port), "%u", redis->address.port);
    add(&line, (const char *[]){"redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly",
                                "no", "--dir", live_folder(), "--unixsocket", redis->socket,
                                "--repl-diskless-sync-delay", "0", NULL});
    add_port(&line, port, tls);
    add(&line, redis->args);
    return launch(redis, line.args,
                  redis->ready != NULL ? redis->ready : "Ready to accept connections");
}

static bool launch_sentinel(struct live_redis *redis, bool tls)
{
    struct line line = {.count = 0};
    char port[8];
    snprintf(port, sizeof(port), "%u", redis->address.port);
    add(&line, (const char *[]){"redis-server", redis->config, "--sentinel", "--bind", "127.0.0.1",
                                "--dir", live_folder(), NULL});
    add_port(&line, port, tls);
    return launch(redis, line.args, "+monitor");
}

void live_redis_again(struct live_redis *redis, bool tls)
{
    live_redis_stop(redis);
    assert_true(redis->sentinel ? launch_sentinel(redis, tls) : launch_server(redis, tls));
}

static void choose_address(struct live_redis *redis)
{
    redis->address = (struct redis_address){.host = "127.0.0.1", .port = free_port()};
    snprintf(redis->socket, sizeof(redis->socket), "%s/%u.sock", live_folder(),
             redis->address.port);
}

static void start(struct live_redis *redis, const char *const *args, bool tls)
{
    bool started = false;
    *redis = (struct live_redis){.args = args};
    for (int i = 0; i < TRIES && !started; i++) {
        choose_address(redis);
        started = launch_server(redis, tls);
    }
    assert_true(started);
}

void live_redis_start(struct live_redis *redis, const char *const *args)
{
    start(redis, args, false);
}

void live_redis_start_tls(struct live_redis *redis, const char *const *args)
{
    start(redis, args, true);
}

void live_redis_start_sentinel(struct live_redis *redis, const char *lines, bool tls)
{
    bool started = false;
    *redis = (struct live_redis){.sentinel = true};
    for (int i = 0; i < TRIES && !started; i++) {
        choose_address(redis);
        snprintf(redis->config, sizeof(redis->config), "%s/%u.conf", live_folder(),
                 redis->address.port);
        FILE *file = fopen(redis->config, "w");
        assert_non_null(file);
        fputs(lines, file);
        fclose(file);
        started = launch_sentinel(redis, tls);
    }
    assert_true(started);
}
