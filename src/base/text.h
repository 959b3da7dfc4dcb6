/* UTF-8, names and JSON strings. */
#ifndef ROOMLINE_BASE_TEXT_H
#define ROOMLINE_BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define ROOM_NAME_MAX 128 /* bytes */
#define PEER_NAME_MAX 64  /* bytes */

/* The length of the well-formed UTF-8 sequence at `at` (RFC 3629 section 4), 0 where it is none. */
size_t text_utf8_sequence(const unsigned char *at, const unsigned char *end);

bool text_is_utf8(struct slice text);

/* Names as docs/protocol.md section 1 has them. */
bool text_is_room_name(struct slice name);
bool text_is_peer_name(struct slice name);

/* C0 and C1 controls and DEL: what a terminal might obey. The text is UTF-8. */
bool text_has_control(struct slice text);

/* Appends `text` as a JSON string with its quotes, controls escaped. Whatever the bytes are, what
 * comes out is JSON: what is not UTF-8 becomes U+FFFD. */
void text_add_json(struct buf *out, struct slice text);

/* Appends `text` with its %XX decoded (RFC 3986 section 2.1). False where an escape is broken. */
bool text_percent_decode(struct slice text, struct buf *out);

/* Writes the UTF-8 of a code point that is no surrogate; returns its length, 1 to 4. */
size_t text_utf8_encode(uint32_t code_point, char ret_bytes[4]);

#endif
