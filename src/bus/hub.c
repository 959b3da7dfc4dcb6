#include "bus/hub.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "bus/channel.h"

#define TICK_MS 100

struct hub_worker {
    UT_hash_handle hh;
    struct hub *hub;
    struct channel channel;
    worker_id id;
};

struct hub {
    uv_loop_t *loop;
    uv_prepare_t prepare; /* flushes what one pass of the loop has sent */
    uv_timer_t timer;     /* the directory's clock */
    struct directory *directory;
    struct hub_worker *workers;
    struct hub_events events;
    unsigned open; /* handles of libuv that are not closed yet */
    bool closing;
};

static struct hub_worker *find(struct hub *hub, worker_id id)
{
    struct hub_worker *worker;
    MAP_FIND(hub->workers, &id, sizeof(id), worker);
    return worker;
}

static struct hub_worker *worker_of(struct channel *channel)
{
    return (struct hub_worker *)((char *)channel - offsetof(struct hub_worker, channel));
}

/* --- the way of a frame --- */

static bool is_between(enum frame_kind kind, enum frame_kind first, enum frame_kind last)
{
    return kind >= first && kind <= last;
}

static void answer_for_absent(struct hub *hub, const struct frame *frame)
{
    struct frame answer;
    struct hub_worker *asker = find(hub, frame->from);
    if (asker != NULL && bus_refuse(frame, &answer))
        channel_send_frame(&asker->channel, &answer);
}

static bool is_full(const struct hub_worker *worker)
{
    return channel_waiting(&worker->channel) > BUS_WAITING_MAX;
}

/* The bytes go on as they came: only the envelope of a frame was looked at. */
static void pass_on(struct hub *hub, const struct frame *frame, struct slice bytes)
{
    struct frame answer;
    struct hub_worker *to = find(hub, frame->to);
    if (to == NULL || (is_full(to) && bus_refuse_waiting(frame, &answer)))
        answer_for_absent(hub, frame);
    else
        channel_send(&to->channel, PACKET_FRAME, bytes);
}

/* A roster is far larger than the request for it: one who does not read what was asked for gets no
 * more of them. */
static void ask_directory(struct hub_worker *asker, const struct frame *frame)
{
    struct frame answer;
    if (is_full(asker) && bus_refuse_waiting(frame, &answer))
        channel_send_frame(&asker->channel, &answer);
    else
        directory_on_frame(asker->hub->directory, frame);
}

/* What nobody asked for any worker may tell: the same one, as long as it lives. */
static void directory_send(void *context, const struct frame *frame)
{
    struct hub *hub = context;
    struct hub_worker *to = frame->to == DIRECTORY ? hub->workers : find(hub, frame->to);
    if (to != NULL && !channel_send_frame(&to->channel, frame))
        log_event(LOG_ERROR, "frame-dropped", LOG_STR("frame", frame_name(frame->kind)),
                  LOG_SLICE("room", frame->room), LOG_END);
}

/* `from` is proven only towards the directory: between workers a former holder passes frames on for
 * others. */
static bool route(struct hub_worker *worker, struct slice bytes)
{
    struct hub *hub = worker->hub;
    struct frame frame;
    if (hub->directory == NULL || frame_decode(bytes, &frame) != 0)
        return false;
    if (frame.to != DIRECTORY) {
        if (!is_between(frame.kind, FRAME_SIGNAL, FRAME_FENCED) || frame.from == DIRECTORY)
            return false;
        pass_on(hub, &frame, bytes);
        return true;
    }
    if (!is_between(frame.kind, FRAME_JOIN, FRAME_CONTROL) || frame.from != worker->id)
        return false;
    ask_directory(worker, &frame);
    return true;
}

static void echo(struct hub_worker *worker, struct slice probe)
{
    if (!is_full(worker))
        channel_send(&worker->channel, PACKET_PROBE, probe);
}

static void on_packet(struct channel *channel, enum packet_kind kind, struct slice payload)
{
    struct hub_worker *worker = worker_of(channel);
    struct hub *hub = worker->hub;
    if (kind == PACKET_PROBE)
        echo(worker, payload);
    else if (kind != PACKET_FRAME)
        hub->events.on_control(hub->events.context, worker->id, kind, payload);
    else if (!route(worker, payload))
        channel_break(channel, "malformed frame");
}

/* --- workers come and go --- */

static void free_if_closed(struct hub *hub)
{
    if (hub->open == 0)
        mem_free(hub);
}

static void on_closed(struct channel *channel)
{
    struct hub_worker *worker = worker_of(channel);
    struct hub *hub = worker->hub;
    mem_free(worker);
    hub->open--;
    free_if_closed(hub);
}

static void on_lost(struct channel *channel, const char *cause)
{
    struct hub_worker *worker = worker_of(channel);
    struct hub *hub = worker->hub;
    worker_id id = worker->id;
    hub_remove(hub, id);
    hub->events.on_lost(hub->events.context, id, cause);
}

int hub_add(struct hub *hub, worker_id id, int fd)
{
    static const struct channel_events events = {on_packet, on_lost, on_closed};
    struct hub_worker *worker = mem_must(sizeof(*worker));
    worker->hub = hub;
    worker->id = id;
    hub->open++;
    int error = channel_open(&worker->channel, hub->loop, fd, PACKET_FROM_WORKER, &events);
    if (error == 0) {
        MAP_ADD(hub->workers, &worker->id, sizeof(worker->id), worker);
        if (worker->hh.tbl == NULL)
            error = UV_ENOMEM;
    }
    if (error != 0)
        channel_close(&worker->channel);
    return error;
}

static void tell_directory(struct hub *hub, worker_id gone)
{
    size_t count = 0;
    struct hub_worker *worker, *next;
    worker_id *living = mem_must(sizeof(*living) * (MAP_COUNT(hub->workers) + 1));
    MAP_EACH (hub->workers, worker, next) {
        living[count++] = worker->id;
    }
    directory_worker_down(hub->directory, gone, living, count);
    mem_free(living);
}

void hub_remove(struct hub *hub, worker_id id)
{
    struct hub_worker *worker = find(hub, id);
    if (worker == NULL)
        return;
    MAP_DELETE(hub->workers, worker);
    channel_close(&worker->channel);
    if (hub->directory != NULL && !hub->closing)
        tell_directory(hub, id);
}

void hub_control(struct hub *hub, worker_id id, enum packet_kind kind, struct slice payload)
{
    struct hub_worker *worker = find(hub, id);
    if (worker != NULL)
        channel_send(&worker->channel, kind, payload);
}

void hub_control_frame(struct hub *hub, worker_id id, const struct frame *frame)
{
    struct hub_worker *worker = find(hub, id);
    if (worker != NULL)
        channel_send_packed(&worker->channel, PACKET_CONTROL, frame);
}

/* --- the loop --- */

/* A flush may find a link broken, and remove the worker that is visited. */
static void flush_all(struct hub *hub)
{
    struct hub_worker *worker, *next;
    MAP_EACH (hub->workers, worker, next) {
        channel_flush(&worker->channel);
    }
}

static void prepare_cb(uv_prepare_t *prepare)
{
    flush_all(prepare->data);
}

static void timer_cb(uv_timer_t *timer)
{
    struct hub *hub = timer->data;
    directory_tick(hub->directory, uv_now(hub->loop));
}

struct hub *hub_new(uv_loop_t *loop, const struct directory_options *directory,
                    const struct hub_events *events)
{
    struct hub *hub = mem_must(sizeof(*hub));
    hub->loop = loop;
    hub->events = *events;
    if (directory != NULL) {
        struct directory_options own = *directory;
        own.send = directory_send;
        own.context = hub;
        hub->directory = directory_new(&own, uv_now(loop));
    }
    uv_prepare_init(loop, &hub->prepare);
    uv_timer_init(loop, &hub->timer);
    hub->prepare.data = hub->timer.data = hub;
    hub->open = 2;
    uv_prepare_start(&hub->prepare, prepare_cb);
    if (hub->directory != NULL)
        uv_timer_start(&hub->timer, timer_cb, TICK_MS, TICK_MS);
    return hub;
}

void hub_end(struct hub *hub)
{
    if (hub->directory != NULL)
        directory_end(hub->directory);
}

static void close_cb(uv_handle_t *handle)
{
    struct hub *hub = handle->data;
    hub->open--;
    free_if_closed(hub);
}

void hub_close(struct hub *hub)
{
    if (hub == NULL || hub->closing)
        return;
    hub->closing = true;
    struct hub_worker *worker, *next;
    MAP_EACH (hub->workers, worker, next) {
        hub_remove(hub, worker->id);
    }
    if (hub->directory != NULL)
        directory_free(hub->directory);
    hub->directory = NULL;
    uv_close((uv_handle_t *)&hub->prepare, close_cb);
    uv_close((uv_handle_t *)&hub->timer, close_cb);
}
