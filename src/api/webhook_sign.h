/* How a webhook knows that a request is ours: a header with the time and an HMAC-SHA256 over both.
 *
 *     Roomline-Signature: t=1767225600,v1=<hex of HMAC(secret, "1767225600." + body)>
 *
 * The receiver computes the same, compares in constant time, and refuses times that are far from
 * its own, so that what was recorded can't be sent again later. */
#ifndef ROOMLINE_API_WEBHOOK_SIGN_H
#define ROOMLINE_API_WEBHOOK_SIGN_H

#include <stdint.h>

#include "base/buf.h"
#include "base/crypto_key.h"

/* Appends the header's line; nothing where `key` is NULL. `now` is Unix time in seconds. */
void webhook_sign(const struct crypto_key *key, uint64_t now, struct slice body, struct buf *out);

#endif
