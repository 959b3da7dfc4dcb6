/* hiredis calls make_...() for each thing it has read; what they make lies in blocks of memory that
 * are emptied before the next reply.
 *
 *   bytes --feed--> redisReader --make_...()--> tree --next--> the caller
 */
#include "bus/redis_reply.h"

#include <hiredis/read.h>
#include <string.h>

#include "base/mem.h"

#define BLOCK_SIZE ((size_t)16 << 10) /* of the first, which is kept */
#define ALIGNMENT _Alignof(max_align_t)
#define HEAD_MAX 32 /* bytes around a text: its kind, its length, two line ends */

struct block {
    struct block *next; /* older ones */
    size_t size, used;  /* bytes of `space` */
    _Alignas(max_align_t) char space[];
};

struct redis_reader {
    redisReader *hiredis;
    struct redis_limits limits;
    struct block *blocks; /* the newest first */
    size_t bytes;         /* of texts in the reply that is being read */
    size_t elements;      /* of its lists */
    bool handed_out;      /* a reply lies in the blocks, and is through at the next call */
    const char *cause;    /* NULL: all is well */
};

static const struct redis_reply nothing = {.kind = REDIS_NIL};

/* --- memory --- */

static struct block *add_block(struct redis_reader *reader, size_t size)
{
    struct block *block = mem_alloc(sizeof(*block) + size);
    if (block == NULL)
        return NULL;
    *block = (struct block){.next = reader->blocks, .size = size};
    reader->blocks = block;
    return block;
}

/* NULL: no memory. */
static void *take(struct redis_reader *reader, size_t size)
{
    struct block *block = reader->blocks;
    size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (block == NULL || block->size - block->used < size)
        block = add_block(reader, size > BLOCK_SIZE ? size : BLOCK_SIZE);
    if (block == NULL) {
        reader->cause = "no memory for a reply";
        return NULL;
    }
    void *taken = block->space + block->used;
    block->used += size;
    return taken;
}

static void *take_zeroed(struct redis_reader *reader, size_t size)
{
    void *taken = take(reader, size);
    return taken == NULL ? NULL : memset(taken, 0, size);
}

/* Keeps one block of the usual size, if there is one. */
static void empty_blocks(struct redis_reader *reader)
{
    struct block *block = reader->blocks;
    reader->blocks = NULL;
    while (block != NULL) {
        struct block *next = block->next;
        if (block->size == BLOCK_SIZE && reader->blocks == NULL) {
            reader->blocks = block;
            block->next = NULL;
            block->used = 0;
        } else {
            mem_free(block);
        }
        block = next;
    }
    reader->bytes = reader->elements = 0;
    reader->handed_out = false;
}

/* --- what hiredis has read --- */

static void *refuse(struct redis_reader *reader, const char *cause)
{
    reader->cause = cause;
    return NULL;
}

/* A place in the list that it is an item of, or a new one. */
static struct redis_reply *place_of(const redisReadTask *task)
{
    struct redis_reader *reader = task->privdata;
    if (task->parent == NULL)
        return take_zeroed(reader, sizeof(struct redis_reply));
    const struct redis_reply *list = task->parent->obj;
    return (struct redis_reply *)list->items + task->idx;
}

static bool is_text(int type)
{
    return type == REDIS_REPLY_STRING || type == REDIS_REPLY_STATUS || type == REDIS_REPLY_ERROR;
}

static void *make_text(const redisReadTask *task, char *bytes, size_t len)
{
    struct redis_reader *reader = task->privdata;
    if (!is_text(task->type))
        return refuse(reader, "a reply of another protocol than RESP2");
    if (len > reader->limits.size - reader->bytes)
        return refuse(reader, "a reply over the limit");
    reader->bytes += len;
    struct redis_reply *reply = place_of(task);
    char *copy = reply == NULL ? NULL : take(reader, len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, bytes, len);
    copy[len] = '\0';
    reply->kind = task->type == REDIS_REPLY_STRING   ? REDIS_TEXT
                  : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
                                                     : REDIS_ERROR;
    reply->text = (struct slice){copy, len};
    return reply;
}

static unsigned depth_of(const redisReadTask *task)
{
    unsigned depth = 1;
    while ((task = task->parent) != NULL)
        depth++;
    return depth;
}

static void *make_list(const redisReadTask *task, size_t count)
{
    struct redis_reader *reader = task->privdata;
    if (task->type != REDIS_REPLY_ARRAY)
        return refuse(reader, "a reply of another protocol than RESP2");
    if (depth_of(task) > reader->limits.depth)
        return refuse(reader, "a reply with lists nested too deep");
    if (count > reader->limits.elements - reader->elements)
        return refuse(reader, "a reply with too many elements");
    reader->elements += count;
    struct redis_reply *reply = place_of(task);
    struct redis_reply *items = reply == NULL ? NULL : take_zeroed(reader, count * sizeof(*items));
    if (items == NULL)
        return NULL;
    reply->kind = REDIS_LIST;
    reply->count = count;
    reply->items = items;
    return reply;
}

static void *make_number(const redisReadTask *task, long long number)
{
    struct redis_reply *reply = place_of(task);
    if (reply != NULL) {
        reply->kind = REDIS_NUMBER;
        reply->number = number;
    }
    return reply;
}

static void *make_nil(const redisReadTask *task)
{
    if (task->type == REDIS_REPLY_NIL) /* "_" of RESP3; that of RESP2 is a text or list of -1 */
        return refuse(task->privdata, "a reply of another protocol than RESP2");
    return place_of(task); /* zeroed: REDIS_NIL */
}

static void free_nothing(void *reply)
{
    (void)reply; /* it lies in the blocks */
}

/* hiredis 1 reads RESP3, too, and counts lists in size_t. */
#ifdef REDIS_REPLY_DOUBLE
static void *make_double(const redisReadTask *task, double number, char *bytes, size_t len)
{
    (void)number;
    (void)bytes;
    (void)len;
    return refuse(task->privdata, "a reply of another protocol than RESP2");
}

static void *make_bool(const redisReadTask *task, int value)
{
    (void)value;
    return refuse(task->privdata, "a reply of another protocol than RESP2");
}

static redisReplyObjectFunctions functions = {
    .createString = make_text,
    .createArray = make_list,
    .createInteger = make_number,
    .createDouble = make_double,
    .createNil = make_nil,
    .createBool = make_bool,
    .freeObject = free_nothing,
};
#else
static void *make_list_of_int(const redisReadTask *task, int count)
{
    return make_list(task, count < 0 ? SIZE_MAX : (size_t)count);
}

static redisReplyObjectFunctions functions = {
    .createString = make_text,
    .createArray = make_list_of_int,
    .createInteger = make_number,
    .createNil = make_nil,
    .freeObject = free_nothing,
};
#endif

/* --- the reader --- */

static int start(struct redis_reader *reader)
{
    reader->hiredis = redisReaderCreateWithFunctions(&functions);
    if (reader->hiredis == NULL)
        return -1;
    reader->hiredis->privdata = reader;
    reader->cause = NULL;
    return 0;
}

struct redis_reader *redis_reader_new(const struct redis_limits *limits)
{
    struct redis_reader *reader = mem_zero(sizeof(*reader));
    if (reader == NULL)
        return NULL;
    reader->limits = *limits;
    if (start(reader) == 0)
        return reader;
    mem_free(reader);
    return NULL;
}

void redis_reader_reset(struct redis_reader *reader)
{
    redisReaderFree(reader->hiredis);
    empty_blocks(reader);
    if (start(reader) != 0)
        reader->cause = "no memory for a reply";
}

void redis_reader_free(struct redis_reader *reader)
{
    if (reader == NULL)
        return;
    redisReaderFree(reader->hiredis);
    empty_blocks(reader);
    mem_free(reader->blocks);
    mem_free(reader);
}

int redis_reader_feed(struct redis_reader *reader, struct slice bytes)
{
    if (reader->cause != NULL)
        return -1;
    if (redisReaderFeed(reader->hiredis, bytes.ptr, bytes.len) == REDIS_OK)
        return 0;
    reader->cause = "no memory for a reply";
    return -1;
}

int redis_reader_next(struct redis_reader *reader, const struct redis_reply **ret_reply)
{
    void *reply = NULL;
    *ret_reply = NULL;
    if (reader->handed_out)
        empty_blocks(reader);
    if (reader->cause != NULL)
        return -1;
    if (redisReaderGetReply(reader->hiredis, &reply) != REDIS_OK) {
        if (reader->cause == NULL) /* else it is one of ours, which hiredis takes for no memory */
            reader->cause = "a reply that is no RESP2";
        return -1;
    }
    if (reply == NULL) {
        /* A text is only handed over once it is whole: what waits for that counts as well. */
        if (reader->hiredis->len - reader->hiredis->pos + reader->bytes <=
            reader->limits.size + HEAD_MAX)
            return 0;
        reader->cause = "a reply over the limit";
        return -1;
    }
    reader->handed_out = true;
    *ret_reply = reply;
    return 1;
}

const char *redis_reader_cause(const struct redis_reader *reader)
{
    return reader->cause == NULL ? "" : reader->cause;
}

/* --- the reply --- */

const struct redis_reply *redis_reply_item(const struct redis_reply *reply, size_t place)
{
    return reply->kind == REDIS_LIST && place < reply->count ? &reply->items[place] : &nothing;
}

bool redis_reply_is(const struct redis_reply *reply, const char *text)
{
    return (reply->kind == REDIS_TEXT || reply->kind == REDIS_STATUS) &&
           slice_is(reply->text, text);
}
