/* A webhook that decides who may enter, in place of tokens, or after it has looked at them itself.
 *
 *     POST {"room":"r","peer":"ann","token":"...","address":"192.0.2.1","origin":"https://...",
 *           "renewal":false}                      peer, token and origin as far as they are known
 *     200  {"allow":true,"peer":"ann","info":{},"grants":["signal","info"],"ttl":3600,
 *           "maxPeers":2,"iceServers":[...]}      all but `allow` may be absent
 *     200  {"allow":false,"reason":"for the log"}
 *
 * Nobody enters without an answer: no connection, no answer in time, another status, no such JSON
 * are ERR_UNAVAILABLE. After a few of these in a row the webhook is left alone for a while, so that
 * it can recover and joins fail at once; then one request tries it, and the rest wait for that. */
#ifndef ROOMLINE_API_AUTH_WEBHOOK_H
#define ROOMLINE_API_AUTH_WEBHOOK_H

#include <stdint.h>

#include "core/access.h"
#include "net/http_client.h"

struct auth_webhook_options {
    struct http_client_options client; /* loop, URL, TLS and time-out; the rest is ours */
    struct slice secret;               /* that requests are signed with; empty: they are not */
    unsigned failures;                 /* in a row, after which it is left alone; 0: never */
    uint64_t pause;                    /* ms for which it is */

    /* Exactly once for each auth_webhook_ask(), never from within it, but not after
     * auth_webhook_close(). The grant's slices are valid for the call. */
    void (*on_verdict)(void *context, uint32_t ticket, int error, const struct grant *grant);
    void *context;
};

struct auth_webhook_question {
    const struct access_request *asked;
    struct slice address;
};

struct auth_webhook;

/* NULL with ret_error filled. */
struct auth_webhook *auth_webhook_new(const struct auth_webhook_options *options,
                                      char ret_error[HTTP_CLIENT_ERROR_SIZE]);

/* AUTHORIZE_LATER, or ERR_UNAVAILABLE: it can't be asked now. */
int auth_webhook_ask(struct auth_webhook *hook, uint32_t ticket,
                     const struct auth_webhook_question *question);

/* Frees itself; NULL is let through. */
void auth_webhook_close(struct auth_webhook *hook);

/* What an answer says. 0, ERR_FORBIDDEN, or ERR_UNAVAILABLE where it is none of those above, with
 * *ret_cause, static. The grant's slices point into `body` and `space`. */
#define AUTH_WEBHOOK_SPACE 512
int auth_webhook_read(struct slice body, struct grant *ret_grant, char space[AUTH_WEBHOOK_SPACE],
                      const char **ret_cause);

#endif
