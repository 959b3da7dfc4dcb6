/* Access tokens: what the claims of a JWT let their bearer do, and minting such tokens.
 * docs/access.md has them for users. */
#ifndef ROOMLINE_API_TOKEN_H
#define ROOMLINE_API_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "api/jwt.h"
#include "base/text.h"
#include "core/access.h"

#define TOKEN_ROOMS_MAX 64 /* in one token */
#define TOKEN_ID_MAX 128   /* bytes of a `jti` */

/* Whose tokens count. Texts are the caller's. */
struct token_rules {
    const char *issuer;   /* `iss` must be this; "": any */
    const char *audience; /* `aud` must hold this; "": there must be no `aud` */
    uint64_t skew;        /* ms that clocks may differ */
};

/* What a good token grants; the grant's slices are in here. */
struct token {
    struct jwt jwt;
    struct grant grant;
    char peer[PEER_NAME_MAX];
    char ticket[TOKEN_ID_MAX];
};

/* `now` is Unix time in ms. 0; ERR_UNAUTHORIZED: the token is no good; ERR_FORBIDDEN: it is, but
 * not for this room. *ret_cause, of an error: static text for the log without any of the token. */
int token_check(struct token *token, const struct jwk_set *keys, const struct token_rules *rules,
                struct slice text, struct slice room, uint64_t now, const char **ret_cause);

/* What a token is to say. */
struct token_order {
    size_t room_count;
    struct slice rooms[TOKEN_ROOMS_MAX]; /* names, or prefixes that end in '*' */
    struct slice peer;                   /* SLICE_NONE: whoever the bearer wants to be */
    struct slice info;                   /* raw JSON object; SLICE_NONE: none */
    unsigned rights;                     /* enum right; 0: the default */
    uint64_t lifetime;                   /* ms; whole seconds are used */
    bool once;
};

#define TOKEN_LIFETIME_MAX UINT64_C(31536000000) /* ms: a year */

/* NULL, or why there can be no such token. */
const char *token_check_order(const struct token_order *order);

/* Appends the token. NULL, or why not. The order was checked; *ret_expires is Unix time in
 * seconds. */
const char *token_mint(const struct token_order *order, const struct jwk *key,
                       const struct token_rules *rules, uint64_t now, struct buf *out,
                       uint64_t *ret_expires);

/* "signal", "info" or "admin"; 0: none of these. */
unsigned token_right(struct slice name);

#endif
