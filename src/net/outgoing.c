#include "net/outgoing.h"

#include "base/mem.h"

struct outgoing {
    struct stream_loop streams;
    uv_prepare_t prepare; /* for what timers queued */
    uv_check_t check;     /* for what came of input */
    unsigned handles;     /* of these two and the streams' that are not closed */
};

static void prepare_cb(uv_prepare_t *prepare)
{
    stream_end_pass(&((struct outgoing *)prepare->data)->streams);
}

static void check_cb(uv_check_t *check)
{
    stream_end_pass(&((struct outgoing *)check->data)->streams);
}

struct outgoing *outgoing_new(uv_loop_t *loop)
{
    struct outgoing *outgoing = mem_zero(sizeof(*outgoing));
    if (outgoing == NULL)
        return NULL;
    if (stream_loop_init(&outgoing->streams, loop) != 0) {
        mem_free(outgoing);
        return NULL;
    }
    uv_prepare_init(loop, &outgoing->prepare);
    uv_check_init(loop, &outgoing->check);
    outgoing->prepare.data = outgoing->check.data = outgoing;
    outgoing->handles = 3;
    uv_prepare_start(&outgoing->prepare, prepare_cb);
    uv_check_start(&outgoing->check, check_cb);
    uv_unref((uv_handle_t *)&outgoing->prepare);
    uv_unref((uv_handle_t *)&outgoing->check);
    return outgoing;
}

struct stream_loop *outgoing_streams(struct outgoing *outgoing)
{
    return &outgoing->streams;
}

static void drop_handle(struct outgoing *outgoing)
{
    if (--outgoing->handles == 0)
        mem_free(outgoing);
}

static void closed_cb(uv_handle_t *handle)
{
    drop_handle(handle->data);
}

static void streams_closed(struct stream_loop *streams)
{
    drop_handle((struct outgoing *)streams); /* its first member */
}

void outgoing_close(struct outgoing *outgoing)
{
    if (outgoing == NULL)
        return;
    uv_close((uv_handle_t *)&outgoing->prepare, closed_cb);
    uv_close((uv_handle_t *)&outgoing->check, closed_cb);
    stream_loop_close(&outgoing->streams, streams_closed);
}
