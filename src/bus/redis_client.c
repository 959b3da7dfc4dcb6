/* Read from top to bottom this is the life of a connection: waiting, dialing, greeting, ready, lost,
 * and again; then what commands and answers do. redis_client.h draws the states. */
#include "bus/redis_client.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/redis_greeting.h"
#include "bus/redis_master.h"
#include "bus/redis_output.h"
#include "bus/redis_pending.h"
#include "net/dial.h"
#include "net/outgoing.h"
#include "net/stream.h"
#include "net/tls_client.h"

#define FEED_SIZE                                                                                  \
    ((size_t)8 << 10) /* hiredis moves what is left of a feed after every KiB it read */
#define CAUSE_SIZE 192
#define TRIES_MAX 16 /* then the back-off has long reached its maximum */
#define TICK_MIN 5   /* ms */
#define TICK_MAX 1000

enum state { IDLE, WAITING, DIALING, SHAKING, GREETING, READY, CUTTING, CLOSED, STATE_COUNT };

struct redis_client {
    struct stream stream; /* first: stream events come with its address */
    struct redis_client_options options;
    const struct redis_client_events *events;
    void *context;
    enum state state;
    bool stream_open; /* from its making to its on_closed() */
    bool timer_open;
    bool was_up;      /* on_up() was called, and on_down() not yet */
    bool overdue;     /* at the last tick: whoever stood still himself has read nothing, either */
    bool flapping;    /* the last time it was up it did not stay so */
    uv_timer_t timer; /* what for depends on the state */
    struct dial *dial;
    struct redis_address address; /* that is connected to, or was last */
    struct redis_follower follower;
    struct redis_reader *reader;
    struct redis_output output;
    struct redis_pending pending;
    struct redis_greeting greeting;
    unsigned tries;    /* since it was last up for a while */
    uint64_t up_since; /* ms, all of them */
    uint64_t heard;    /* when an answer or message came, or the first of those due was asked for */
    uint64_t checked;  /* when it was asked whether it still is the master */
    char cause[CAUSE_SIZE];  /* of the loss that is under way */
    char logged[CAUSE_SIZE]; /* what the log said last; "": that it is up */
};

static struct redis_client *client_of(struct stream *stream)
{
    return (struct redis_client *)stream;
}

static void enter(struct redis_client *client, enum state state)
{
    static const bool legal[STATE_COUNT][STATE_COUNT] = {
        [IDLE] = {[WAITING] = true, [CLOSED] = true},
        [WAITING] = {[DIALING] = true, [CLOSED] = true},
        [DIALING] = {[WAITING] = true,
                     [SHAKING] = true,
                     [GREETING] = true,
                     [CUTTING] = true,
                     [CLOSED] = true},
        [SHAKING] = {[GREETING] = true, [CUTTING] = true, [CLOSED] = true},
        [GREETING] = {[READY] = true, [CUTTING] = true, [CLOSED] = true},
        [READY] = {[CUTTING] = true, [CLOSED] = true},
        [CUTTING] = {[WAITING] = true, [CLOSED] = true},
    };
    assert(legal[client->state][state]);
    client->state = state;
}

static uint64_t now_of(const struct redis_client *client)
{
    return uv_now(client->timer.loop);
}

/* --- what the log says: once per change --- */

/* Of one that comes and goes nothing more is said until it stays. */
static void log_up(struct redis_client *client)
{
    if (client->flapping)
        return;
    client->logged[0] = '\0';
    log_event(LOG_INFO, "redis-up", LOG_STR("use", client->options.use),
              LOG_STR("address", redis_address_show(&client->address).text), LOG_END);
}

static void log_down(struct redis_client *client)
{
    if (strcmp(client->logged, client->cause) == 0)
        return;
    snprintf(client->logged, sizeof(client->logged), "%s", client->cause);
    log_event(LOG_WARN, "redis-down", LOG_STR("use", client->options.use),
              LOG_STR("address", redis_address_show(&client->address).text),
              LOG_STR("cause", client->cause), LOG_END);
}

/* --- waiting --- */

static void dial(struct redis_client *client);
static void on_timer(uv_timer_t *timer);

static void start_timer(struct redis_client *client, uint64_t time, uint64_t repeat)
{
    uv_timer_start(&client->timer, on_timer, time, repeat);
}

/* Full jitter: a herd of workers that lost the same Redis comes back spread over the time. */
static uint64_t backoff(struct redis_client *client)
{
    uint64_t most = client->options.backoff_min << client->tries;
    uint64_t random;
    if (most > client->options.backoff_max)
        most = client->options.backoff_max;
    if (client->tries < TRIES_MAX)
        client->tries++;
    crypto_random(&random, sizeof(random));
    return random % (most + 1);
}

static void start_waiting(struct redis_client *client, uint64_t time)
{
    enter(client, WAITING);
    start_timer(client, time, 0);
}

static void on_master(struct redis_follower *follower)
{
    struct redis_client *client =
        (struct redis_client *)((char *)follower - offsetof(struct redis_client, follower));
    client->tries = 0;
    if (client->state == IDLE)
        start_waiting(client, 0);
    else if (client->state == WAITING)
        start_timer(client, 0, 0);
    else
        redis_client_restart(client, "the sentinels name another master");
}

/* --- lost --- */

static bool has_stood(const struct redis_client *client)
{
    return now_of(client) - client->up_since > client->options.backoff_max;
}

/* The connection is of no more use; the stream's end makes it known. */
static void cut(struct redis_client *client, const char *cause)
{
    if (client->state == CUTTING || client->state == CLOSED)
        return;
    snprintf(client->cause, sizeof(client->cause), "%s", cause);
    if (client->state == READY) {
        client->flapping = !has_stood(client);
        client->tries = client->flapping ? client->tries : 0;
    }
    uv_timer_stop(&client->timer);
    enter(client, CUTTING);
    stream_close(&client->stream);
}

/* The same where there is no stream yet. */
static void fail_dial(struct redis_client *client, const char *cause)
{
    snprintf(client->cause, sizeof(client->cause), "%s", cause);
    log_down(client);
    start_waiting(client, backoff(client));
}

static void fail_pending(struct redis_client *client)
{
    while (client->pending.count > 0) {
        struct redis_waiter waiter = redis_pending_pop(&client->pending);
        if (waiter.on_reply != NULL)
            waiter.on_reply(waiter.context, NULL);
    }
}

static void finish_if_closed(struct redis_client *client);

static void on_stream_closed(struct stream *stream)
{
    struct redis_client *client = client_of(stream);
    client->stream_open = false;
    redis_output_forget(&client->output);
    redis_reader_reset(client->reader);
    if (client->state == CUTTING) {
        log_down(client);
        fail_pending(client);
    }
    if (client->state == CUTTING && client->was_up) {
        client->was_up = false;
        client->events->on_down(client->context, client->cause);
    }
    if (client->state == CUTTING)
        start_waiting(client, backoff(client));
    else
        finish_if_closed(client);
}

void redis_client_restart(struct redis_client *client, const char *cause)
{
    if (client->state == DIALING) {
        dial_cancel(client->dial);
        client->dial = NULL;
        fail_dial(client, cause);
    } else if (client->state == SHAKING || client->state == GREETING || client->state == READY) {
        cut(client, cause);
    }
}

/* --- dialing --- */

static void greet(struct redis_client *client);
static const struct stream_events stream_events;

/* 0 or a libuv error. */
static int start_stream(struct redis_client *client, int fd)
{
    struct tls *tls = NULL;
    int error = stream_open(&client->stream, fd);
    if (error != 0)
        return error;
    if (client->options.tls != NULL) {
        tls = tls_client_new(client->options.tls, client->address.host);
        if (tls == NULL)
            return UV_ENOMEM;
    }
    return stream_start(&client->stream, tls);
}

static void on_dialed(void *context, int result)
{
    struct redis_client *client = context;
    client->dial = NULL;
    if (result < 0) {
        fail_dial(client, uv_strerror(result));
        return;
    }
    stream_init(&client->stream, outgoing_streams(client->options.outgoing), &stream_events);
    client->stream_open = true;
    int error = start_stream(client, result);
    if (error != 0)
        cut(client, uv_strerror(error));
    else if (client->options.tls != NULL)
        enter(client, SHAKING);
    else
        greet(client);
}

static void dial(struct redis_client *client)
{
    const struct redis_master *master = client->options.master;
    if (master != NULL)
        client->address = master->address;
    struct dial_target target = {
        .host = client->address.host, .local = client->address.local, .port = client->address.port};
    enter(client, DIALING);
    client->dial =
        dial_start(client->timer.loop, &target, client->options.connect_timeout, on_dialed, client);
    if (client->dial == NULL)
        fail_dial(client, "no memory");
    else
        start_timer(client, client->options.connect_timeout, 0);
}

static void on_open(struct stream *stream)
{
    greet(client_of(stream));
}

/* --- greeting --- */

/* The first answer that is awaited starts the clock. */
static void push_waiter(struct redis_client *client, redis_on_reply *on_reply, void *context)
{
    if (client->pending.count == 0) {
        client->heard = now_of(client);
        client->overdue = false;
    }
    redis_pending_push(&client->pending, (struct redis_waiter){on_reply, context});
}

static void become_ready(struct redis_client *client)
{
    uint64_t least = client->options.command_timeout < client->options.ping_interval
                         ? client->options.command_timeout
                         : client->options.ping_interval;
    uint64_t tick = least / 4 < TICK_MIN ? TICK_MIN : least / 4 > TICK_MAX ? TICK_MAX : least / 4;
    enter(client, READY);
    start_timer(client, tick, tick);
    client->up_since = client->heard = client->checked = now_of(client);
    client->overdue = false;
    client->was_up = true;
    log_up(client);
    client->events->on_up(client->context);
}

static void on_greeted(void *context, const struct redis_reply *reply)
{
    struct redis_client *client = context;
    char cause[CAUSE_SIZE];
    if (reply == NULL || client->state != GREETING)
        return;
    if (!redis_greeting_check(&client->greeting, reply, cause, sizeof(cause)))
        cut(client, cause);
    else if (client->pending.count == 0)
        become_ready(client);
}

static void greet(struct redis_client *client)
{
    const struct redis_client_options *options = &client->options;
    enter(client, GREETING);
    redis_greeting_init(&client->greeting, options);
    while (redis_greeting_next(&client->greeting, options, &client->output)) {
        if (!redis_output_end(&client->output) || !redis_pending_reserve(&client->pending)) {
            cut(client, "no memory");
            return;
        }
        push_waiter(client, on_greeted, client);
    }
    redis_output_flush(&client->output, &client->stream);
}

/* --- ready: is anybody there? --- */

static void on_pong(void *context, const struct redis_reply *reply)
{
    struct redis_client *client = context;
    char cause[CAUSE_SIZE];
    if (reply != NULL && client->state == READY &&
        !redis_greeting_alive(&client->options, reply, cause, sizeof(cause)))
        cut(client, cause);
}

static void ask_for_life(struct redis_client *client)
{
    if (!redis_pending_reserve(&client->pending))
        return;
    redis_greeting_ask(&client->options, &client->output);
    if (!redis_output_end(&client->output))
        return;
    push_waiter(client, on_pong, client);
    client->checked = now_of(client);
    redis_output_flush(&client->output, &client->stream);
}

static void tick(struct redis_client *client)
{
    const struct redis_client_options *options = &client->options;
    uint64_t now = now_of(client);
    bool overdue = client->pending.count > 0 && now - client->heard >= options->command_timeout;
    if (overdue && client->overdue) {
        cut(client, "no answer in time");
        return;
    }
    client->overdue = overdue;
    if (client->flapping && has_stood(client)) {
        client->flapping = false;
        log_up(client);
    }
    uint64_t since =
        options->master != NULL && options->channel_count == 0 ? client->checked : client->heard;
    if (now - since >= options->ping_interval && now - client->checked >= options->ping_interval)
        ask_for_life(client);
}

static void on_timer(uv_timer_t *timer)
{
    struct redis_client *client = timer->data;
    switch (client->state) {
    case WAITING: dial(client); break;
    case DIALING: redis_client_restart(client, "no connection in time"); break;
    case SHAKING: cut(client, "no TLS in time"); break;
    case GREETING: cut(client, "no answer in time"); break;
    case READY: tick(client); break;
    default: break;
    }
}

/* --- answers --- */

static void take_answer(struct redis_client *client, const struct redis_reply *reply)
{
    if (client->pending.count == 0) {
        cut(client, "an answer that nothing asked for");
        return;
    }
    struct redis_waiter waiter = redis_pending_pop(&client->pending);
    if (waiter.on_reply != NULL)
        waiter.on_reply(waiter.context, reply);
}

static bool is_message(const struct redis_client *client, const struct redis_reply *reply)
{
    return client->options.channel_count > 0 && reply->kind == REDIS_LIST && reply->count == 3 &&
           redis_reply_is(&reply->items[0], "message");
}

static void take_reply(struct redis_client *client, const struct redis_reply *reply)
{
    client->heard = now_of(client);
    client->overdue = false;
    if (!is_message(client, reply))
        take_answer(client, reply);
    else if (client->state == READY)
        client->events->on_message(client->context, reply->items[1].text, reply->items[2].text);
}

static bool is_talking(const struct redis_client *client)
{
    return client->state == GREETING || client->state == READY;
}

static void on_bytes(struct stream *stream, struct slice bytes)
{
    struct redis_client *client = client_of(stream);
    const struct redis_reply *reply;
    int got = 0;
    while (bytes.len > 0 && got >= 0 && is_talking(client)) {
        struct slice part = {bytes.ptr, bytes.len < FEED_SIZE ? bytes.len : FEED_SIZE};
        bytes = (struct slice){bytes.ptr + part.len, bytes.len - part.len};
        got = redis_reader_feed(client->reader, part);
        while (got >= 0 && is_talking(client) &&
               (got = redis_reader_next(client->reader, &reply)) > 0)
            take_reply(client, reply);
    }
    if (got < 0)
        cut(client, redis_reader_cause(client->reader));
}

static void on_end(struct stream *stream, int error)
{
    struct redis_client *client = client_of(stream);
    if (error == UV_EPROTO && stream->tls != NULL)
        cut(client, tls_cause(stream->tls));
    else
        cut(client, error == 0 ? "Redis closed the connection" : uv_strerror(error));
}

static void on_drained(struct stream *stream)
{
    struct redis_client *client = client_of(stream);
    if (is_talking(client))
        redis_output_flush(&client->output, stream);
}

static const struct stream_events stream_events = {
    .on_open = on_open,
    .on_bytes = on_bytes,
    .on_end = on_end,
    .on_drained = on_drained,
    .on_closed = on_stream_closed,
};

/* --- commands --- */

int redis_client_send(struct redis_client *client, const struct slice *words, size_t count,
                      redis_on_reply *on_reply, void *context)
{
    if (client->state != READY || client->options.channel_count > 0 ||
        !redis_pending_reserve(&client->pending))
        return ERR_UNAVAILABLE;
    redis_output_begin(&client->output, count);
    for (size_t i = 0; i < count; i++)
        redis_output_word(&client->output, words[i]);
    if (!redis_output_end(&client->output))
        return ERR_UNAVAILABLE;
    push_waiter(client, on_reply, context);
    return 0;
}

int redis_client_tell(struct redis_client *client, const struct slice *words, size_t count)
{
    if (!client->greeting.silences)
        return redis_client_send(client, words, count, NULL, NULL);
    if (client->state != READY)
        return ERR_UNAVAILABLE;
    redis_output_begin_unanswered(&client->output, count);
    for (size_t i = 0; i < count; i++)
        redis_output_word(&client->output, words[i]);
    return redis_output_end(&client->output) ? 0 : ERR_UNAVAILABLE;
}

void redis_client_flush(struct redis_client *client)
{
    if (is_talking(client))
        redis_output_flush(&client->output, &client->stream);
}

bool redis_client_is_up(const struct redis_client *client)
{
    return client->state == READY;
}

size_t redis_client_waiting(const struct redis_client *client)
{
    size_t written = client->stream_open ? stream_waiting(&client->stream) : 0;
    return client->output.filling.len + written;
}

size_t redis_client_pending(const struct redis_client *client)
{
    return client->pending.count;
}

/* --- the beginning and the end --- */

struct redis_client_options redis_client_defaults(void)
{
    return (struct redis_client_options){
        .use = "commands",
        .connect_timeout = 3000,
        .command_timeout = 3000,
        .ping_interval = 2000,
        .backoff_min = 100,
        .backoff_max = 1000,
        .output_max = (size_t)64 << 20,
        .pending_max = (size_t)1 << 20,
        .limits = {.size = (size_t)80 << 20, .elements = (size_t)1 << 16, .depth = 7},
    };
}

static void free_client(struct redis_client *client)
{
    for (size_t i = 0; i < client->options.channel_count; i++)
        mem_free((void *)client->options.channels[i].ptr);
    mem_free((void *)client->options.channels);
    mem_free((void *)client->options.name);
    explicit_bzero(&client->options.login, sizeof(client->options.login));
    redis_reader_free(client->reader);
    redis_output_done(&client->output);
    redis_pending_done(&client->pending);
    mem_free(client);
}

static void finish_if_closed(struct redis_client *client)
{
    if (client->stream_open || client->timer_open)
        return;
    fail_pending(client);
    client->events->on_closed(client->context);
    free_client(client);
}

static void timer_closed_cb(uv_handle_t *handle)
{
    struct redis_client *client = handle->data;
    client->timer_open = false;
    finish_if_closed(client);
}

void redis_client_close(struct redis_client *client)
{
    if (client->state == CLOSED)
        return;
    if (client->options.master != NULL)
        redis_master_unfollow(&client->follower);
    if (client->state == DIALING)
        dial_cancel(client->dial);
    if (client->stream_open)
        stream_close(&client->stream);
    enter(client, CLOSED);
    uv_close((uv_handle_t *)&client->timer, timer_closed_cb);
}

/* A copy of the bytes with a NUL behind them. */
static bool copy(struct slice *slice)
{
    char *bytes = mem_alloc(slice->len + 1);
    if (bytes == NULL)
        return false;
    memcpy(bytes, slice->ptr, slice->len);
    bytes[slice->len] = '\0';
    slice->ptr = bytes;
    return true;
}

static bool copy_channels(struct redis_client *client, const struct redis_client_options *options)
{
    size_t count = options->channel_count;
    struct slice *channels = count == 0 ? NULL : mem_alloc(count * sizeof(*channels));
    client->options.channels = channels;
    client->options.channel_count = 0;
    for (size_t i = 0; channels != NULL && i < count; i++) {
        channels[i] = options->channels[i];
        if (!copy(&channels[i]))
            return false;
        client->options.channel_count++;
    }
    return client->options.channel_count == count;
}

static bool copy_name(struct redis_client *client, const char *name)
{
    struct slice copied = slice_of(name == NULL ? "" : name);
    bool done = name != NULL && copy(&copied);
    client->options.name = done ? copied.ptr : NULL;
    return done || name == NULL;
}

struct redis_client *redis_client_new(const struct redis_client_options *options,
                                      const struct redis_client_events *events, void *context)
{
    struct redis_client *client = mem_zero(sizeof(*client));
    if (client == NULL)
        return NULL;
    client->options = *options;
    client->events = events;
    client->context = context;
    client->pending.max = options->pending_max;
    redis_output_init(&client->output, options->output_max);
    client->reader = redis_reader_new(&options->limits);
    bool copied = copy_channels(client, options);
    if (!copy_name(client, options->name) || !copied || client->reader == NULL) {
        free_client(client);
        return NULL;
    }
    uv_timer_init(outgoing_streams(options->outgoing)->uv, &client->timer);
    client->timer.data = client;
    client->timer_open = true;
    if (options->address != NULL)
        client->address = *options->address;
    client->options.address = NULL;
    if (options->master != NULL) {
        client->follower.on_master = on_master;
        redis_master_follow(options->master, &client->follower);
    }
    if (options->master == NULL || options->master->known)
        start_waiting(client, 0);
    return client;
}
