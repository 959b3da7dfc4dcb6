#include "base/message.h"

#include "base/mem.h"

/* Messages come and go with each signal, in a few sizes, and live until they are acknowledged: the
 * allocator would cut and join its blocks all the time. So blocks of these sizes are kept for the
 * next. Not under AddressSanitizer, which would see nothing of a message that is used after its
 * end. */
static const size_t block_sizes[] = {512, 1024, 1536, 2048, 4096, 6144, 8192, 16384};

#define MESSAGE_OVERHEAD (offsetof(struct message, text) + MESSAGE_TAIL_MAX)
#define BLOCK_SIZES (sizeof(block_sizes) / sizeof(block_sizes[0]))
#define KEEP_BYTES ((size_t)512 * 1024) /* of each size */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEP_BLOCKS 0
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define KEEP_BLOCKS 0
#endif
#ifndef KEEP_BLOCKS
#define KEEP_BLOCKS 1
#endif

struct block {
    struct block *next;
};

static struct {
    struct block *first;
    size_t bytes;
} kept[BLOCK_SIZES];

/* The smallest block of at least this size; BLOCK_SIZES where it is larger than all. */
static size_t block_for(size_t size)
{
    size_t i = 0;
    while (i < BLOCK_SIZES && block_sizes[i] < size)
        i++;
    return KEEP_BLOCKS ? i : BLOCK_SIZES;
}

static struct message *block_take(size_t i)
{
    struct block *block = kept[i].first;
    if (block == NULL)
        return mem_alloc(block_sizes[i]);
    if (mem_denied())
        return NULL;
    kept[i].first = block->next;
    kept[i].bytes -= block_sizes[i];
    return (struct message *)block;
}

/* What grew has another size than any block, and is not kept. */
static void block_put(struct message *message)
{
    size_t size = MESSAGE_OVERHEAD + message->capacity;
    size_t i = block_for(size);
    if (i == BLOCK_SIZES || block_sizes[i] != size || kept[i].bytes + size > KEEP_BYTES) {
        mem_free(message);
        return;
    }
    struct block *block = (struct block *)message;
    block->next = kept[i].first;
    kept[i].first = block;
    kept[i].bytes += size;
}

void message_free_kept(void)
{
    struct block *block;
    for (size_t i = 0; i < BLOCK_SIZES; i++) {
        while ((block = kept[i].first) != NULL) {
            kept[i].first = block->next;
            mem_free(block);
        }
        kept[i].bytes = 0;
    }
}

struct message *message_new(size_t capacity)
{
    size_t size = MESSAGE_OVERHEAD + capacity;
    size_t i = block_for(size);
    struct message *message = i < BLOCK_SIZES ? block_take(i) : mem_alloc(size);
    if (message == NULL)
        return NULL;
    if (i < BLOCK_SIZES)
        size = block_sizes[i];
    message->refs = 1;
    message->header_len = message->tail_len = message->kind = 0;
    message->len = 0;
    message->capacity = size - MESSAGE_OVERHEAD;
    return message;
}

struct message *message_of(struct slice text)
{
    struct message *message = message_new(text.len);
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
        block_put(message);
}

static bool grow(struct message **message, size_t need)
{
    size_t capacity = (*message)->capacity * 2;
    if (capacity < need)
        capacity = need;
    struct message *grown = mem_realloc(*message, MESSAGE_OVERHEAD + capacity);
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
    size_t end = (*message)->len;
    if (len > (*message)->capacity - end && !grow(message, end + len))
        return false;
    put((*message)->text + end, bytes, len);
    (*message)->len += len;
    return true;
}

/* In its place, byte by byte: put together elsewhere and copied by the word, the copy would wait for
 * the single bytes, and they for all of the text that was just written. */
void message_frame(struct message *message)
{
    if (message->header_len != 0)
        return;
    size_t len = message->len;
    unsigned bytes = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8; /* of extended length */
    char *at = message->text - 2 - bytes;
    message->header_len = (unsigned char)(2 + bytes);
    at[0] = (char)0x81;
    at[1] = (char)(bytes == 0 ? len : bytes == 2 ? 126 : 127);
    for (unsigned i = 0; i < bytes; i++)
        at[2 + i] = (char)((uint64_t)len >> (8 * (bytes - 1 - i)));
}

bool message_tail(struct message *message, const void *bytes, size_t len)
{
    if (message->tail_len != 0 || len > MESSAGE_TAIL_MAX)
        return false;
    memcpy(message->text + message->len, bytes, len);
    message->tail_len = (unsigned char)len;
    return true;
}
