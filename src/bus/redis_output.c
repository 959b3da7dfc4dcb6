#include "bus/redis_output.h"

#include <inttypes.h>
#include <stdio.h>

#define KEPT_SIZE ((size_t)1 << 20) /* a buffer that grew beyond this is given back when empty */

void redis_output_init(struct redis_output *output, size_t max)
{
    *output = (struct redis_output){.max = max};
    buf_init(&output->filling, max);
    buf_init(&output->writing, max);
}

void redis_output_done(struct redis_output *output)
{
    buf_done(&output->filling);
    buf_done(&output->writing);
}

static void empty(struct buf *buf)
{
    buf_clear(buf);
    if (buf->capacity > KEPT_SIZE)
        buf_done(buf);
}

static void add_head(struct redis_output *output, char kind, uint64_t number)
{
    buf_add_char(&output->filling, kind);
    buf_add_uint(&output->filling, number);
    buf_add_slice(&output->filling, SLICE("\r\n"));
}

void redis_output_begin(struct redis_output *output, size_t count)
{
    output->begun = output->filling.len;
    add_head(output, '*', count);
}

void redis_output_begin_unanswered(struct redis_output *output, size_t count)
{
    output->begun = output->filling.len;
    buf_add_slice(&output->filling, SLICE("*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n"));
    add_head(output, '*', count);
}

void redis_output_word(struct redis_output *output, struct slice word)
{
    add_head(output, '$', word.len);
    buf_add_slice(&output->filling, word);
    buf_add_slice(&output->filling, SLICE("\r\n"));
}

void redis_output_number(struct redis_output *output, uint64_t number)
{
    char text[21];
    int len = snprintf(text, sizeof(text), "%" PRIu64, number);
    redis_output_word(output, (struct slice){text, (size_t)len});
}

bool redis_output_end(struct redis_output *output)
{
    struct buf *filling = &output->filling;
    size_t waiting = output->busy ? output->writing.len : 0;
    if (!buf_failed(filling) && filling->len + waiting <= output->max)
        return true;
    filling->len = output->begun;
    filling->failed = false;
    return false;
}

static void release(void *owner)
{
    struct redis_output *output = owner;
    output->busy = false;
    empty(&output->writing);
}

void redis_output_flush(struct redis_output *output, struct stream *stream)
{
    if (!output->busy && output->filling.len > 0) {
        struct buf filled = output->filling;
        output->filling = output->writing;
        output->writing = filled;
        output->busy = true;
        if (stream_push(stream, buf_slice(&filled), output, release) != 0)
            stream_fail(stream, UV_ENOMEM); /* the piece was released */
    }
    stream_flush(stream);
}

void redis_output_forget(struct redis_output *output)
{
    empty(&output->filling);
}
