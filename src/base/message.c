#include "base/message.h"

#include "base/mem.h"

struct message *message_new(size_t room, size_t capacity)
{
    size_t start = room + MESSAGE_HEADER_MAX;
    struct message *message = mem_alloc(sizeof(*message) + start + capacity);
    if (message == NULL)
        return NULL;
    *message = (struct message){.refs = 1, .start = start, .capacity = start + capacity};
    return message;
}

struct message *message_of(struct slice text)
{
    struct message *message = message_new(0, text.len);
    if (message != NULL)
        message_append(&message, text.ptr, text.len);
    return message;
}

struct message *message_ref(struct message *message)
{
    message->refs++;
    return message;
}

void message_unref(struct message *message)
{
    if (message != NULL && --message->refs == 0)
        mem_free(message);
}

static bool grow(struct message **message, size_t need)
{
    size_t capacity = (*message)->capacity * 2;
    if (capacity < need)
        capacity = need;
    struct message *grown = mem_realloc(*message, sizeof(*grown) + capacity);
    if (grown == NULL)
        return false;
    grown->capacity = capacity;
    *message = grown;
    return true;
}

/* memcpy() must not see NULL, not even for no bytes. */
static void put(char *to, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(to, bytes, len);
}

bool message_append(struct message **message, const void *bytes, size_t len)
{
    size_t end = (*message)->start + (*message)->len;
    if (len > (*message)->capacity - end && !grow(message, end + len))
        return false;
    put((*message)->bytes + end, bytes, len);
    (*message)->len += len;
    return true;
}

bool message_rewrap(struct message *message, struct slice head, struct slice body,
                    struct slice tail)
{
    size_t body_start = (size_t)(body.ptr - message->bytes);
    size_t body_end = body_start + body.len;
    if (body_start < head.len + MESSAGE_HEADER_MAX || message->capacity - body_end < tail.len)
        return false;
    put(message->bytes + body_start - head.len, head.ptr, head.len);
    put(message->bytes + body_end, tail.ptr, tail.len);
    message->start = body_start - head.len;
    message->len = head.len + body.len + tail.len;
    return true;
}

void message_frame(struct message *message)
{
    if (message->header_len != 0)
        return;
    unsigned char header[MESSAGE_HEADER_MAX];
    size_t len = message->len, used = 2;
    header[0] = 0x81;
    if (len < 126) {
        header[1] = (unsigned char)len;
    } else {
        size_t bytes = len <= UINT16_MAX ? 2 : 8;
        header[1] = bytes == 2 ? 126 : 127;
        for (size_t i = 0; i < bytes; i++)
            header[used + i] = (unsigned char)((uint64_t)len >> (8 * (bytes - 1 - i)));
        used += bytes;
    }
    message->header_len = (unsigned)used;
    memcpy(message->bytes + message->start - used, header, used);
}
