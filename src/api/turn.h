/* Credentials for TURN servers that share a secret with us: coturn's `use-auth-secret`, known as the
 * TURN REST API (draft-uberti-behave-turn-rest-00). The one file here that knows OpenSSL. */
#ifndef ROOMLINE_API_TURN_H
#define ROOMLINE_API_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define TURN_SECRET_MAX 512     /* bytes */
#define TURN_CREDENTIAL_SIZE 29 /* base64 of 20 bytes, NUL included */

/* All zero: no TURN servers. */
struct turn_rules {
    size_t url_count;
    char *const *urls; /* borrowed */
    uint64_t ttl;      /* ms that credentials hold */
    char secret[TURN_SECRET_MAX + 1];
};

/* "EXPIRES:PEER", where of the peer ID letters, digits and -._~ stay what they are and the rest is
 * percent-encoded: coturn refuses names with blanks, quotes or backslashes. */
void turn_add_username(uint64_t expires, struct slice peer, struct buf *out);

/* base64(HMAC-SHA1(secret, username)). */
void turn_credential(const char *secret, struct slice username,
                     char ret_credential[TURN_CREDENTIAL_SIZE]);

/* Appends an RTCIceServer as JSON, with credentials until then (Unix seconds). There are URLs. */
void turn_add_server(const struct turn_rules *rules, uint64_t expires, struct slice peer,
                     struct buf *out);

#endif
