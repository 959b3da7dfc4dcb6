/* A cluster in memory: workers with real exchanges around a hub with a real directory. Each
 * worker's link to the hub and from it keeps order and is as slow as the test (or its seed) wants.
 * Clients behave as docs/protocol.md section 5 asks of them. */
#ifndef ROOMLINE_TESTS_CLUSTER_H
#define ROOMLINE_TESTS_CLUSTER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/directory.h"
#include "core/exchange.h"

#define CLUSTER_WORKERS 4
#define CLIENT_INBOX 4096

struct cluster;

/* What a client got, in order. */
struct client {
    struct cluster *cluster;
    struct session *session; /* the server's side of its socket; NULL: no socket */
    int worker;              /* index */
    char session_text[200];
    char peer[65];
    bool joined, resumed;
    int closed;        /* close code, 0: open or lost */
    uint64_t received; /* signals of this membership */
    uint64_t server_received;
    cJSON *inbox[CLIENT_INBOX];
    int count, read;
    uint64_t ping;     /* number of a WebSocket ping that was not answered yet */
    bool pinged, mute; /* mute: never answers pings */
    int pings;         /* so many came */
    size_t footprint;  /* bytes of memory behind the last message */
};

struct cluster {
    struct directory *directory;
    struct exchange *exchanges[CLUSTER_WORKERS]; /* NULL: crashed */
    worker_id ids[CLUSTER_WORKERS];
    worker_id last_id;
    struct buf up[CLUSTER_WORKERS], down[CLUSTER_WORKERS]; /* encoded frames under way */
    struct exchange_options options;
    uint64_t now;
    uint64_t random;
    unsigned long frames;
    bool frozen[CLUSTER_WORKERS]; /* nothing comes to it or from it */
    uint64_t ice_ttl;             /* ms; workers started from now on tell of ICE servers so; 0: they
                                     have no hook for it */
    unsigned ice_asked;           /* how often they were asked */
    /* Decides who may enter; NULL: everybody. For those that are restarted from then on. */
    int (*authorize)(void *context, void *connection, uint32_t ticket,
                     const struct access_request *asked, struct grant *ret_grant);
};

void cluster_start(struct cluster *cluster, uint64_t seed);
void cluster_stop(struct cluster *cluster);

uint32_t cluster_random(struct cluster *cluster, uint32_t below);

/* Delivers the first frame of a link chosen by the seed. False: nothing is under way. */
bool cluster_step(struct cluster *cluster);

/* Delivers until nothing is under way. */
void cluster_settle(struct cluster *cluster);

void cluster_advance(struct cluster *cluster, uint64_t ms);
void cluster_crash(struct cluster *cluster, int worker);
void cluster_restart(struct cluster *cluster, int worker);

/* The directory and its mailboxes start again, empty. Workers are told nothing. */
void cluster_forget(struct cluster *cluster);

/* The directory takes a worker for dead that lives on. */
void cluster_disown(struct cluster *cluster, int worker);

void client_init(struct client *client, struct cluster *cluster);
void client_done(struct client *client);
void client_connect(struct client *client, int worker, const char *room);
void client_send(struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void client_join(struct client *client, int worker, const char *room, const char *peer);
void client_resume(struct client *client, int worker, const char *room);
/* The socket breaks, and the server notices. */
void client_drop(struct client *client);
void client_pong(struct client *client);

/* The next message of this type, what is before it passed over; NULL: none. */
const cJSON *client_next(struct client *client, const char *type);
/* peer: NULL is any. */
bool client_has(const struct client *client, const char *type, const char *peer);

#endif
