/* What a route's handler is given, and what all of them share. */
#ifndef ROOMLINE_API_ADMIN_CALL_H
#define ROOMLINE_API_ADMIN_CALL_H

#include <sys/queue.h>

#include "api/admin.h"
#include "base/text.h"
#include "core/bucket.h"

#define ADMIN_INSTANCE_MAX 64 /* bytes of an instance's name */
#define ADMIN_FAILURES 64     /* addresses whose failures are counted apart, more or less */

LIST_HEAD(admin_ask_list, admin_ask);

struct admin {
    struct admin_world world;
    struct admin_tokens tokens;
    struct jwk_set keys; /* that sign tokens for clients */
    struct token_rules token_rules;
    struct static_table *dashboard;         /* NULL: none */
    struct bucket failures[ADMIN_FAILURES]; /* of authentication, by hash of the address */
    struct admin_ask_list asks;
    unsigned ask_count;
    uint32_t last_ask; /* its number */
};

/* A name out of the path, decoded and found to be one. */
struct admin_name {
    char text[ROOM_NAME_MAX];
    size_t len;
};

static inline struct slice admin_name(const struct admin_name *name)
{
    return (struct slice){name->text, name->len};
}

/* One request, for as long as the handler runs; but for `request` and what it points to it may be
 * copied. */
struct admin_call {
    struct admin *admin;
    const struct admin_client *client;
    const struct http_request *request;
    struct http_response *response;         /* to be filled, or `later` set */
    struct admin_name room, peer, instance; /* those that the route's pattern has */
    int token;                              /* whose it is: its index; -1: nobody's */
    bool is_page;                           /* a file, which has headers of its own */
};

/* The headers that every answer has. */
void admin_finish(struct http_response *response);

/* A change that this request made, for the log: who, from where, what. */
void admin_audit(const struct admin_call *call, const char *event);

#endif
