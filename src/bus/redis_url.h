/* Where a Redis is:
 *
 *   redis://[[user]:password@]host[:port][/database]      rediss:// the same over TLS
 *   unix:[[user]:password@]/path/of/socket[?db=database]
 *   redis+sentinel://[[user]:password@]host[:port][,host[:port]...]/master[/database]
 *   rediss+sentinel://...                                 sentinels and Redis over TLS
 *
 * User, password and master may hold %XX. An IPv6 host stands in brackets. The password is the one
 * of Redis; sentinels have their own, which no URL holds. */
#ifndef ROOMLINE_BUS_REDIS_URL_H
#define ROOMLINE_BUS_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define REDIS_URL_MAX 2048 /* bytes */
#define REDIS_PORT 6379
#define REDIS_SENTINEL_PORT 26379
#define REDIS_SENTINELS_MAX 9
#define REDIS_DATABASE_MAX 65535

struct redis_address {
    bool local;     /* `host` is the path of a unix socket */
    char host[254]; /* a name or an IP address, without brackets */
    uint16_t port;
};

/* "" for none. Lengths in bytes with the NUL. */
struct redis_login {
    char user[129];
    char password[513];
};

struct redis_url {
    bool tls;
    bool sentinel; /* `addresses` are of sentinels, and `master` is what they watch */
    size_t address_count;
    struct redis_address addresses[REDIS_SENTINELS_MAX];
    char master[129];
    unsigned database;
    struct redis_login login;
};

/* NULL, or what is wrong: a static text that holds nothing of the URL. */
const char *redis_url_parse(struct slice text, struct redis_url *ret_url);

/* Appends the URL, its password as ******** where there is one: for people and logs. */
void redis_url_show(const struct redis_url *url, struct buf *out);

bool redis_address_equal(const struct redis_address *a, const struct redis_address *b);

/* "host:port", "[::1]:port" or the path, with a NUL. */
struct redis_shown {
    char text[272];
};
struct redis_shown redis_address_show(const struct redis_address *address);

#endif
