/* The messages a server sends (docs/protocol.md section 3), each built in one function. NULL: no
 * memory. */
#ifndef ROOMLINE_CORE_REPLY_H
#define ROOMLINE_CORE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/message.h"
#include "core/frame.h"

/* to and id (raw JSON) may be SLICE_NONE. */
struct message *reply_error(int error, struct slice to, struct slice id);
struct message *reply_pong(uint64_t received);
struct message *reply_ice_servers(struct slice servers, uint64_t expires); /* Unix seconds */
struct message *reply_token(uint64_t expires_in_ms);                       /* 0: it does not */
struct message *reply_goaway(const char *reason, uint64_t reconnect_within_ms);
struct message *reply_peer_joined(struct slice peer, struct slice info);
struct message *reply_peer_info(struct slice peer, struct slice info);
struct message *reply_peer_away(struct slice peer);
struct message *reply_peer_back(struct slice peer);
struct message *reply_peer_left(struct slice peer, enum leave_reason reason);

struct message *reply_notice(struct slice data);

/* The one place where a signal's data is copied. */
struct message *reply_signal(struct slice from, struct slice data);

struct joined {
    struct slice room, peer;
    struct slice session; /* base64url */
    bool resumed;
    uint64_t received;
    struct slice ice_servers;              /* JSON array */
    uint64_t ice_expires;                  /* Unix seconds; 0: never */
    uint64_t ping_interval, resume_window; /* ms */
    uint64_t token_expires_in;             /* the same; 0: not said */
};

/* Appends the message up to and into its array `peers`; then each peer's entry; then the end. */
void reply_joined_start(struct buf *out, const struct joined *joined);
void reply_joined_peer(struct buf *out, struct slice peer, struct slice info, bool away);
struct message *reply_joined_end(struct buf *out);

#endif
