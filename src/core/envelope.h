/* What a client said: the envelope around a payload that is validated but never built as a tree. */
#ifndef ROOMLINE_CORE_ENVELOPE_H
#define ROOMLINE_CORE_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/text.h"
#include "core/report.h"

#define ENVELOPE_ID_MAX 128         /* bytes of the raw JSON, quotes included */
#define ENVELOPE_TOKEN_MAX 4096     /* bytes */
#define ENVELOPE_BAN_MAX 315360000u /* seconds: ten years */
#define ENVELOPE_SESSION_MAX 256    /* bytes; a longer one is none of ours */

enum message_type {
    TYPE_UNKNOWN,
    TYPE_JOIN,
    TYPE_SIGNAL,
    TYPE_INFO,
    TYPE_PING,
    TYPE_LEAVE,
    TYPE_REPORT,
    TYPE_TOKEN,
    TYPE_LOCK,
    TYPE_KICK,
    TYPE_CLOSE,
    TYPE_COUNT,
};

/* Slices are SLICE_NONE where the field is absent. They point into the text, or into `decoded`
 * where the text had escapes; so an envelope is not copied.
 *
 * `decoded` is large and never cleared. Keep one envelope for all messages rather than one on the
 * stack of each call: the build has the compiler clear those (-ftrivial-auto-var-init=zero). */
struct envelope {
    enum message_type type;
    struct slice to;      /* decoded, a valid peer ID */
    struct slice peer;    /* decoded, a valid peer ID */
    struct slice token;   /* decoded */
    struct slice session; /* of resume; decoded */
    struct slice id;      /* raw JSON: a string or a number */
    struct slice data;    /* raw JSON value, its bytes untouched */
    struct slice info;    /* raw JSON object */
    struct report report;
    bool locked;       /* of lock */
    uint64_t ban;      /* of kick: ms; 0: none */
    bool has_received; /* of ping or of resume */
    uint64_t received;
    size_t decoded_len;
    char decoded[2 * PEER_NAME_MAX + ENVELOPE_TOKEN_MAX + ENVELOPE_SESSION_MAX];
};

/* As on the wire; `unknown` of TYPE_UNKNOWN. */
const char *envelope_type_name(enum message_type type);

/* Reads one message. 0 or, with as much of the envelope filled in as an error answer needs:
 *   ERR_NOT_JSON      not UTF-8 or not JSON (RFC 8259), or nested deeper than JSON_DEPTH_MAX
 *   ERR_BAD_MESSAGE   not an object, no string `type`, a field of the wrong kind or one missing
 *   ERR_UNKNOWN_TYPE  well-formed, of no known type
 *   ERR_BAD_NAME      `to` or `peer` is no valid peer ID
 *   ERR_TOO_LARGE     `id` or `token` too long
 * The first of these that applies. Of a repeated field the last counts, as in JSON.parse; null is
 * as good as absent (but for `data`); fields that are not of the message's type are ignored. */
int envelope_read(struct envelope *envelope, struct slice text);

#endif
