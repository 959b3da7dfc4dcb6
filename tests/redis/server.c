#include "redis/server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ARGUMENTS_MAX 32

static void run(const struct server *server, int out, const char *const *extra)
{
    const char *arguments[ARGUMENTS_MAX] = {"redis-server",
                                            "--port",
                                            "0",
                                            "--unixsocket",
                                            server->socket,
                                            "--dir",
                                            server->folder,
                                            "--save",
                                            "",
                                            "--appendonly",
                                            "no",
                                            "--databases",
                                            "1",
                                            "--daemonize",
                                            "no"};
    size_t count = 15;
    for (; extra != NULL && *extra != NULL && count < ARGUMENTS_MAX - 1; extra++)
        arguments[count++] = *extra;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies stops nothing any more */
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execvp("redis-server", (char *const *)arguments);
    perror("redis-server");
    _exit(127);
}

/* It says so in its log. */
static void await_ready(struct server *server)
{
    char text[16384];
    size_t len = 0;
    while (len < sizeof(text) - 1) {
        ssize_t got = read(server->log, text + len, sizeof(text) - 1 - len);
        if (got <= 0)
            break;
        text[len += (size_t)got] = '\0';
        if (strstr(text, "ready to accept connections") != NULL ||
            strstr(text, "Ready to accept connections") != NULL)
            return;
    }
    text[len] = '\0';
    fail_msg("redis-server did not start: %s", text);
}

void server_start(struct server *server, const char *const *extra)
{
    int out[2];
    snprintf(server->folder, sizeof(server->folder), "/tmp/roomline-redis-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    snprintf(server->socket, sizeof(server->socket), "%s/redis.sock", server->folder);
    assert_int_equal(pipe(out), 0);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        close(out[0]);
        run(server, out[1], extra);
    }
    close(out[1]);
    server->log = out[0];
    await_ready(server);
}

void server_stop(struct server *server)
{
    char command[128];
    kill(server->pid, SIGCONT);
    kill(server->pid, SIGTERM);
    waitpid(server->pid, NULL, 0);
    close(server->log);
    snprintf(command, sizeof(command), "rm -rf %s", server->folder);
    assert_int_equal(system(command), 0);
}

redisContext *server_connect(const struct server *server)
{
    redisContext *redis = redisConnectUnix(server->socket);
    assert_non_null(redis);
    if (redis->err != 0)
        fail_msg("%s: %s", server->socket, redis->errstr);
    assert_int_equal(redisSetTimeout(redis, (struct timeval){.tv_sec = 20}), REDIS_OK);
    return redis;
}

static redisReply *ask(redisContext *redis, const char *format, va_list arguments)
{
    redisReply *reply = redisvCommand(redis, format, arguments);
    if (reply == NULL)
        fail_msg("%s: %s", format, redis->errstr);
    else if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply->str);
    return reply;
}

redisReply *server_ask(redisContext *redis, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask(redis, format, arguments);
    va_end(arguments);
    return reply;
}

void server_do(redisContext *redis, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    freeReplyObject(ask(redis, format, arguments));
    va_end(arguments);
}

long long server_number(redisContext *redis, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = ask(redis, format, arguments);
    va_end(arguments);
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}
