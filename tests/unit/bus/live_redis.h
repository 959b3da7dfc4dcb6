/* Real redis-server processes on loopback, for one test each. */
#ifndef ROOMLINE_TESTS_BUS_LIVE_REDIS_H
#define ROOMLINE_TESTS_BUS_LIVE_REDIS_H

#include <stdbool.h>
#include <sys/types.h>

#include "bus/redis_url.h"

#define LIVE_ARGS_MAX 64

struct live_redis {
    pid_t pid;
    int output; /* what it prints, after "ready" */
    bool sentinel;
    struct redis_address address;
    char config[160]; /* of a sentinel: its file */
    char socket[108]; /* its unix socket */
    const char *const *args;
    const char *ready; /* what it prints when it is; NULL: the usual */
};

/* A folder for all of the test program, removed when that ends. */
const char *live_folder(void);

/* Starts one on a free port of 127.0.0.1, which also listens on ->socket, and waits until it takes
 * connections. `args` goes behind the usual ones, ends with NULL, and has to live as long. */
void live_redis_start(struct live_redis *redis, const char *const *args);

/* The same over TLS alone: server.pem, which is for 127.0.0.1, and clients need a certificate, too.
 */
void live_redis_start_tls(struct live_redis *redis, const char *const *args);

/* A sentinel with these lines in its configuration. */
void live_redis_start_sentinel(struct live_redis *redis, const char *lines, bool tls);

/* The same process anew, on the same port. */
void live_redis_again(struct live_redis *redis, bool tls);

void live_redis_signal(const struct live_redis *redis, int signal);

/* Kills it, and waits for its end. Does nothing where it is not there. */
void live_redis_stop(struct live_redis *redis);

/* ca.pem server.pem server.key name.pem name.key (for localhost, no address) client.pem client.key
 * other-ca.pem: made at first use. */
const char *live_certificate(const char *name);

#endif
