/* A redis-server of a test's own, on a unix socket in a folder of its own, and hiredis' blocking
 * calls to it. What goes wrong ends the test. */
#ifndef ROOMLINE_TESTS_REDIS_SERVER_H
#define ROOMLINE_TESTS_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <sys/types.h>

struct server {
    pid_t pid;
    int log; /* its standard output */
    char folder[64];
    char socket[96];
};

/* Returns when it accepts connections. `extra`: more arguments, NULL behind the last; or NULL. */
void server_start(struct server *server, const char *const *extra);
void server_stop(struct server *server);

redisContext *server_connect(const struct server *server);

/* printf-like, as redisCommand(). The answer is the caller's; an error of Redis ends the test. */
redisReply *server_ask(redisContext *redis, const char *format, ...);

/* The same for an answer that nobody needs, or that is a number. */
void server_do(redisContext *redis, const char *format, ...);
long long server_number(redisContext *redis, const char *format, ...);

#endif
