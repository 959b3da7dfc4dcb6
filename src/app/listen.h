/* The listening sockets: for each address in server.listen and stun.listen one per worker, so that
 * the kernel spreads connections, and datagrams, evenly and none is lost with a worker
 * (SO_REUSEPORT). The supervisor holds them; workers inherit. */
#ifndef ROOMLINE_APP_LISTEN_H
#define ROOMLINE_APP_LISTEN_H

#include <stddef.h>

#include "app/config.h"

#define LISTEN_ERROR_SIZE 256
#define LISTEN_URL_SIZE 72 /* bytes of an address written as URL, with its NUL */

struct listeners {
    size_t count;                      /* addresses */
    unsigned workers;                  /* sockets for each */
    struct config_listener *addresses; /* with the port that was chosen */
    int *fds;                          /* [address * workers + worker]; -1: closed */
};

/* Opens all, or none. 0, or -1 with ret_error a line that names the address and what to do. */
int listeners_open(struct listeners *listeners, const struct config_listeners *wanted,
                   unsigned workers, unsigned backlog, char ret_error[LISTEN_ERROR_SIZE]);

/* Puts the others, of as many workers, behind; they are none afterwards. */
void listeners_join(struct listeners *listeners, struct listeners *others);

/* The socket that one worker accepts from. */
int listeners_fd(const struct listeners *listeners, size_t address, unsigned worker);

/* The same, which belongs to the caller from now on. */
int listeners_take(struct listeners *listeners, size_t address, unsigned worker);

/* Closes our side of one worker's sockets. Connections that nobody accepted are reset once the
 * worker's is closed, too. */
void listeners_close_worker(struct listeners *listeners, unsigned worker);

/* Closes all; idempotent. */
void listeners_done(struct listeners *listeners);

void listener_url(const struct config_listener *address, char ret_url[LISTEN_URL_SIZE]);

#endif
