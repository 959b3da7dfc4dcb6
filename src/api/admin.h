/* The admin API: what the supervisor's own listener serves to operators (docs/admin.md,
 * docs/openapi.yaml). Routes are rows of admin_routes.c; each is one function.
 *
 *     request -> route -> method -> token -> handler -> response, now or later
 *
 * It lives in the supervisor's loop, so no handler may block. It knows nothing of rooms: those it
 * asks for by way of a worker. */
#ifndef ROOMLINE_API_ADMIN_H
#define ROOMLINE_API_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "api/admin_tokens.h"
#include "api/static.h"
#include "api/token.h"
#include "core/exchange.h"
#include "net/http.h"

/* What the admin API asks of the process that it is part of. */
struct admin_world {
    void *context;

    struct slice instance; /* the name of this one; static */
    bool clustered;        /* there may be others, of whom the directory knows */
    unsigned workers;      /* of this one */

    uint64_t (*now)(void *context); /* ms; never goes back */

    /* NULL: the instance takes clients. Else why it does not, as /readyz says it; static. */
    const char *(*not_ready)(void *context);

    /* Appends a line for each thing that readiness depends on, good or bad, to be read by people. */
    void (*write_checks)(void *context, struct buf *out);

    /* Appends Prometheus' text format. */
    void (*write_metrics)(void *context, struct buf *out);

    /* server_answer(), for the handlers that answer later. */
    bool (*answer)(void *context, uint64_t connection, struct http_response *response);

    /* Has a worker ask the directory this FRAME_CONTROL (core/control.h). The answer comes by
     * admin_answered() and has the same request number. Returns which worker, for
     * admin_worker_ended(); DIRECTORY: there is none to ask. */
    worker_id (*ask)(void *context, const struct frame *frame);

    /* Appends the JSON array that this peer would be told of. */
    struct ice_validity (*ice_servers)(void *context, struct slice peer, struct buf *out);

    void (*card)(void *context, struct buf *out); /* appends JSON about this instance: app/card.h */
    void (*drain)(void *context);                 /* this instance; again does nothing */
};

struct admin;

/* Never NULL. */
struct admin *admin_new(const struct admin_world *world);
void admin_free(struct admin *admin);

/* From now on; those before count no more. */
void admin_use_tokens(struct admin *admin, const struct admin_tokens *tokens);

/* The keys and rules by which tokens for clients are made from now on. Takes the keys over. */
void admin_use_keys(struct admin *admin, struct jwk_set *keys, const struct token_rules *rules);

/* The files of the dashboard from now on; NULL: there is none. Takes the reference over. */
void admin_use_dashboard(struct admin *admin, struct static_table *files);

/* The Content-Security-Policy of its pages. */
extern const char admin_dashboard_policy[];

/* Who asks. */
struct admin_client {
    uint64_t connection;
    struct slice address; /* as text, without port */
};

/* Answers a request; response->later where that comes by world.answer(). */
void admin_respond(struct admin *admin, const struct admin_client *client,
                   const struct http_request *request, struct http_response *response);

/* What came of world.ask(); an answer that nobody waits for any more is dropped. */
void admin_answered(struct admin *admin, const struct frame *answer);
void admin_worker_ended(struct admin *admin, worker_id worker);

/* Now and then, so that no request waits for ever. */
void admin_tick(struct admin *admin);

/* Answers what is no request that HTTP allows. */
void admin_refuse(int status, struct http_response *response);

#endif
