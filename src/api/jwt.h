/* JWTs (RFC 7519) as signed compact texts (RFC 7515 section 7.1), read as RFC 8725 wants it:
 * the key says which algorithm it is, never the token alone. */
#ifndef ROOMLINE_API_JWT_H
#define ROOMLINE_API_JWT_H

#include "api/jwk.h"
#include "base/buf.h"

#define JWT_SIZE_MAX 4096 /* bytes of a token */

/* Verified. */
struct jwt {
    struct slice claims; /* JSON object, in `bytes` */
    char bytes[JWT_SIZE_MAX];
};

/* NULL, or why the token is not to be trusted, for the log: static text without any of the token.
 *
 * A header that is not known is ignored (RFC 7515 section 4), `crit` refused, so that nothing that
 * would have to be understood is ignored; `jku`, `jwk` and `x5u` name keys that a stranger chose and
 * are among the ignored. */
const char *jwt_open(const struct jwk_set *keys, struct slice token, struct jwt *ret_jwt);

/* Appends a token with these claims, a JSON object. 0, or -1: the key does not sign, or the token
 * would be over JWT_SIZE_MAX. */
int jwt_seal(const struct jwk *key, struct slice claims, struct buf *out);

#endif
