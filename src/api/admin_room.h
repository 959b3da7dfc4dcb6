/* What several answers say of a room. */
#ifndef ROOMLINE_API_ADMIN_ROOM_H
#define ROOMLINE_API_ADMIN_ROOM_H

#include "api/admin_call.h"
#include "core/control.h"

/* Appends "room","locked","maxPeers","emptyTtl","metadata" and "bans", without braces. */
void admin_add_settings(struct buf *out, struct slice room,
                        const struct control_settings *settings);

/* The ETag of a room is the version of its settings. */
void admin_add_etag(struct http_response *response, uint64_t version);

#endif
