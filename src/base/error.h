/* The one table of errors and the one of close codes: server, client and documentation follow them.
 *
 * Errors are negative; 0 is success. docs/protocol.md section 4 lists what goes over the wire. */
#ifndef ROOMLINE_BASE_ERROR_H
#define ROOMLINE_BASE_ERROR_H

#include <stdbool.h>

#include "base/slice.h"

enum close_code {
    CLOSE_NONE = 0,
    CLOSE_NORMAL = 1000,
    CLOSE_WS_PROTOCOL = 1002,
    CLOSE_BINARY = 1003,
    CLOSE_NOT_JSON = 1007,
    CLOSE_TOO_LARGE = 1009,
    CLOSE_DRAINING = 1012,
    CLOSE_OVERLOADED = 1013,
    CLOSE_PROTOCOL = 4000,
    CLOSE_UNAUTHORIZED = 4001,
    CLOSE_FORBIDDEN = 4003,
    CLOSE_ROOM_CLOSED = 4004,
    CLOSE_KICKED = 4005,
    CLOSE_ROOM_FULL = 4006,
    CLOSE_ROOM_LOCKED = 4007,
    CLOSE_SILENT = 4008,
    CLOSE_TAKEN_OVER = 4009,
    CLOSE_PEER_TAKEN = 4010,
    CLOSE_RATE_LIMITED = 4029,
};

/* What a client should do once it sees the code. */
enum reconnect {
    RECONNECT_NO,
    RECONNECT_YES,
    RECONNECT_RESUME,
    RECONNECT_BACK_OFF,
    RECONNECT_NEW_TOKEN
};

/* X(code, reason in the close frame, may the membership be resumed, reconnect) */
#define CLOSE_CODES(X)                                                                             \
    X(CLOSE_NORMAL, "left", false, RECONNECT_NO)                                                   \
    X(CLOSE_WS_PROTOCOL, "not RFC 6455", true, RECONNECT_NO)                                       \
    X(CLOSE_BINARY, "binary message", true, RECONNECT_NO)                                          \
    X(CLOSE_NOT_JSON, "not UTF-8 or not JSON", true, RECONNECT_NO)                                 \
    X(CLOSE_TOO_LARGE, "message too large", true, RECONNECT_NO)                                    \
    X(CLOSE_DRAINING, "draining", true, RECONNECT_RESUME)                                          \
    X(CLOSE_OVERLOADED, "overloaded or too slow", true, RECONNECT_BACK_OFF)                        \
    X(CLOSE_PROTOCOL, "protocol breach", true, RECONNECT_NO)                                       \
    X(CLOSE_UNAUTHORIZED, "unauthorized", true, RECONNECT_NEW_TOKEN)                               \
    X(CLOSE_FORBIDDEN, "forbidden", false, RECONNECT_NO)                                           \
    X(CLOSE_ROOM_CLOSED, "room closed", false, RECONNECT_NO)                                       \
    X(CLOSE_KICKED, "kicked", false, RECONNECT_NO)                                                 \
    X(CLOSE_ROOM_FULL, "room full", false, RECONNECT_NO)                                           \
    X(CLOSE_ROOM_LOCKED, "room locked", false, RECONNECT_NO)                                       \
    X(CLOSE_SILENT, "silent too long", true, RECONNECT_YES)                                        \
    X(CLOSE_TAKEN_OVER, "session taken over", false, RECONNECT_NO)                                 \
    X(CLOSE_PEER_TAKEN, "peer ID taken", false, RECONNECT_NO)                                      \
    X(CLOSE_RATE_LIMITED, "rate limited", true, RECONNECT_BACK_OFF)

/* X(name, code on the wire, what it says, close when not joined yet, close when joined) */
#define WIRE_ERRORS(X)                                                                             \
    X(BAD_MESSAGE, "bad-message", "The message does not have the form its type demands.",          \
      CLOSE_PROTOCOL, CLOSE_PROTOCOL)                                                              \
    X(UNKNOWN_TYPE, "unknown-type", "There is no message of this type.", CLOSE_PROTOCOL,           \
      CLOSE_NONE)                                                                                  \
    X(NOT_JOINED, "not-joined", "The first message must be a join.", CLOSE_PROTOCOL,               \
      CLOSE_PROTOCOL)                                                                              \
    X(ALREADY_JOINED, "already-joined", "This connection has joined already.", CLOSE_PROTOCOL,     \
      CLOSE_PROTOCOL)                                                                              \
    X(BAD_NAME, "bad-name",                                                                        \
      "A peer ID is 1 to 64 bytes, a room name 1 to 128, of UTF-8 without control characters.",    \
      CLOSE_PROTOCOL, CLOSE_NONE)                                                                  \
    X(UNAUTHORIZED, "unauthorized", "The token is missing, invalid or expired.",                   \
      CLOSE_UNAUTHORIZED, CLOSE_NONE)                                                              \
    X(FORBIDDEN, "forbidden", "The token does not grant this.", CLOSE_FORBIDDEN, CLOSE_NONE)       \
    X(ROOM_FULL, "room-full", "The room is full.", CLOSE_ROOM_FULL, CLOSE_NONE)                    \
    X(ROOM_LOCKED, "room-locked", "The room is locked.", CLOSE_ROOM_LOCKED, CLOSE_NONE)            \
    X(ROOM_CLOSED, "room-closed", "The room is closed.", CLOSE_ROOM_CLOSED, CLOSE_ROOM_CLOSED)     \
    X(PEER_TAKEN, "peer-taken", "Somebody else in the room has this peer ID.", CLOSE_PEER_TAKEN,   \
      CLOSE_NONE)                                                                                  \
    X(PEER_NOT_FOUND, "peer-not-found", "There is no such peer in the room.", CLOSE_NONE,          \
      CLOSE_NONE)                                                                                  \
    X(PEER_BUSY, "peer-busy", "The peer is away and its hold is full; try again later.",           \
      CLOSE_NONE, CLOSE_NONE)                                                                      \
    X(RATE_LIMITED, "rate-limited", "Too many messages; slow down.", CLOSE_RATE_LIMITED,           \
      CLOSE_NONE)                                                                                  \
    X(TOO_LARGE, "too-large", "The info, id or token is too large.", CLOSE_PROTOCOL, CLOSE_NONE)   \
    X(UNAVAILABLE, "unavailable", "This can't be done right now; try again later.",                \
      CLOSE_OVERLOADED, CLOSE_NONE)                                                                \
    X(INTERNAL, "internal", "The server failed; try again later.", CLOSE_OVERLOADED,               \
      CLOSE_OVERLOADED)

enum close_index {
#define X(code, reason, resumable, reconnect) INDEX_OF_##code,
    CLOSE_CODES(X)
#undef X
        CLOSE_CODE_COUNT
};

enum error {
    ERR_OK = 0,
#define X(name, wire, text, close_new, close_joined) ERR_NEGATED_##name,
    WIRE_ERRORS(X)
#undef X
        ERR_COUNT,
    /* never on the wire */
    ERR_NOT_JSON_NEGATED,
    ERR_KICKED_NEGATED,
    ERR_TOO_MANY_ROOMS_NEGATED,
};

#define X(name, wire, text, close_new, close_joined) ERR_##name = -ERR_NEGATED_##name,
enum error_code {
    WIRE_ERRORS(X) ERR_NOT_JSON =
        -ERR_NOT_JSON_NEGATED,                        /* neither UTF-8 nor JSON: closes with 1007 */
    ERR_KICKED = -ERR_KICKED_NEGATED,                 /* `forbidden`, and closes with 4005 */
    ERR_TOO_MANY_ROOMS = -ERR_TOO_MANY_ROOMS_NEGATED, /* `unavailable`, by limits.rooms */
};
#undef X

const char *error_wire(int error);
const char *error_text(int error);

/* As which of WIRE_ERRORS it counts: above 0, below ERR_COUNT. What is none counts as internal. */
unsigned error_number(int error);

/* The close code that goes with an error, CLOSE_NONE where the connection stays. ERR_NOT_JSON has
 * no `error` message of its own but closes. */
enum close_code error_close(int error, bool joined);

/* The place of a code in the table, CLOSE_CODE_COUNT where it is not there; and the reverse. */
unsigned close_index(enum close_code code);
enum close_code close_at(unsigned index);

const char *close_reason(enum close_code code);

/* Whether a membership whose connection closed so stays for the resume window. */
bool close_resumable(enum close_code code);

#endif
