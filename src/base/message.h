/* A text message on its way: refcounted, shared by every queue that holds it, never copied again.
 *
 * The text has room in front for its WebSocket header: what is written to a socket is one run of
 * bytes.
 *
 *     bytes: | header, 2 to 10 bytes | text | tail |
 *              ^ message_wire()        ^ message_text()
 */
#ifndef ROOMLINE_BASE_MESSAGE_H
#define ROOMLINE_BASE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define MESSAGE_HEADER_MAX 10
#define MESSAGE_TAIL_MAX 10 /* bytes */

struct message {
    unsigned refs;
    unsigned char header_len; /* 0 until message_frame() */
    unsigned char tail_len;   /* 0 until message_tail() */
    unsigned char kind;       /* for who counts messages; 0 until somebody says so */
    size_t len;               /* of the text */
    size_t capacity;          /* of the text */
    char header[MESSAGE_HEADER_MAX];
    char text[];
};

/* An empty message with space for so many bytes of text. NULL: no memory. */
struct message *message_new(size_t capacity);

/* One with this text. */
struct message *message_of(struct slice text);

/* Frees the blocks that are kept for messages to come: at the end of a process, and before a test
 * counts allocations. */
void message_free_kept(void);

struct message *message_ref(struct message *message);
void message_unref(struct message *message);

/* Appends to the text; may move the message, so only its single owner may. False: no memory,
 * *message is as it was. */
bool message_append(struct message **message, const void *bytes, size_t len);

/* Writes the unmasked WebSocket header (RFC 6455 section 5.2: FIN, text) in front. The text stays
 * as it is from now on. */
void message_frame(struct message *message);

/* Puts up to MESSAGE_TAIL_MAX bytes right behind the text of a framed message, once: who sends the
 * wire's bytes may send these along, in one run. message_text() and message_wire() stay as they
 * are. False where there is a tail already. */
bool message_tail(struct message *message, const void *bytes, size_t len);

static inline struct slice message_text(const struct message *message)
{
    return (struct slice){message->text, message->len};
}

/* Header and text; message_frame() was called before. */
static inline struct slice message_wire(const struct message *message)
{
    return (struct slice){message->text - message->header_len, message->len + message->header_len};
}

#endif
