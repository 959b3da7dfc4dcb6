/* Pieces of JSON that answers are made of. */
#ifndef ROOMLINE_API_ADMIN_JSON_H
#define ROOMLINE_API_ADMIN_JSON_H

#include "core/control.h"
#include "net/http.h"

#define ADMIN_JSON_MAX ((size_t)64 << 20) /* bytes of an answer */

/* "2026-11-22T07:30:00.123Z", with its quotes (RFC 3339). */
void admin_json_time(struct buf *out, uint64_t unix_ms);

/* An object as the directory has it; one that is none becomes {}, so that what a broken instance or
 * a stranger's Redis says never breaks the whole answer. */
void admin_json_object(struct buf *out, struct slice object);

/* Answers with this text, whose memory it takes over; 503 where there was not enough of it. */
void admin_json_respond(struct http_response *response, int status, struct buf *json);

/* Answers {"name": how many}, of a struct control_reached. */
void admin_json_reached(struct http_response *response, struct slice data, const char *name);

/* Appends ,"missing":[...], the shards that did not answer. */
void admin_json_missing(struct buf *out, const struct control_listing *listing);

/* The path of a room: "/v1/rooms/a%20b". */
void admin_json_room_path(struct buf *out, struct slice room);

#endif
