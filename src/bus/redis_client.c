/* Read from top to bottom this is the life of a connection: waiting, dialing, greeting, ready, lost,
 * and again. redis_client.h draws the states; what is said meanwhile is in redis_talk.c. */
#include "bus/redis_client_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/dial.h"
#include "net/outgoing.h"
#include "net/tls_client.h"

#define TRIES_MAX 16 /* then the back-off has long reached its maximum */
#define TICK_MIN 5   /* ms */
#define TICK_MAX 1000

static void enter(struct redis_client *client, enum redis_client_state state)
{
    static const bool legal[REDIS_CLIENT_STATES][REDIS_CLIENT_STATES] = {
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

/* --- what the log says: once per change --- */

/* Of one that comes and goes nothing more is said until it stays. */
void redis_client_log_up(struct redis_client *client)
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

bool redis_client_has_stood(const struct redis_client *client)
{
    return redis_client_now(client) - client->up_since > client->options.backoff_max;
}

void redis_client_cut(struct redis_client *client, const char *cause)
{
    if (client->state == CUTTING || client->state == CLOSED)
        return;
    snprintf(client->cause, sizeof(client->cause), "%s", cause);
    if (client->state == READY) {
        client->flapping = !redis_client_has_stood(client);
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

static void finish_if_closed(struct redis_client *client);

static void on_stream_closed(struct stream *stream)
{
    struct redis_client *client = redis_client_of(stream);
    client->stream_open = false;
    redis_output_forget(&client->output);
    redis_reader_reset(client->reader);
    if (client->state == CUTTING) {
        log_down(client);
        redis_talk_fail(client);
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
        redis_client_cut(client, cause);
    }
}

/* --- dialing --- */

static void greet(struct redis_client *client);
static const struct stream_events stream_events;

/* 0 or a libuv error. */
static int start_stream(struct redis_client *client, int fd)
{
    struct tls *tls = NULL;
    stream_init(&client->stream, outgoing_streams(client->options.outgoing), &stream_events, fd);
    client->stream_open = true;
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
    int error = start_stream(client, result);
    if (error != 0)
        redis_client_cut(client, uv_strerror(error));
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
    greet(redis_client_of(stream));
}

/* --- greeting --- */

static void become_ready(struct redis_client *client)
{
    uint64_t least = client->options.command_timeout < client->options.ping_interval
                         ? client->options.command_timeout
                         : client->options.ping_interval;
    uint64_t tick = least / 4 < TICK_MIN ? TICK_MIN : least / 4 > TICK_MAX ? TICK_MAX : least / 4;
    enter(client, READY);
    start_timer(client, tick, tick);
    client->up_since = client->heard = client->checked = redis_client_now(client);
    client->overdue = false;
    client->was_up = true;
    redis_client_log_up(client);
    client->events->on_up(client->context);
}

static void on_greeted(void *context, const struct redis_reply *reply)
{
    struct redis_client *client = context;
    char cause[REDIS_CAUSE_SIZE];
    if (reply == NULL || client->state != GREETING)
        return;
    if (!redis_greeting_check(&client->greeting, reply, cause, sizeof(cause)))
        redis_client_cut(client, cause);
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
            redis_client_cut(client, "no memory");
            return;
        }
        redis_talk_await(client, on_greeted, client);
    }
    redis_output_flush(&client->output, &client->stream);
}
static void on_timer(uv_timer_t *timer)
{
    struct redis_client *client = timer->data;
    switch (client->state) {
    case WAITING: dial(client); break;
    case DIALING: redis_client_restart(client, "no connection in time"); break;
    case SHAKING: redis_client_cut(client, "no TLS in time"); break;
    case GREETING: redis_client_cut(client, "no answer in time"); break;
    case READY: redis_talk_tick(client); break;
    default: break;
    }
}
static void on_end(struct stream *stream, int error)
{
    struct redis_client *client = redis_client_of(stream);
    if (error == UV_EPROTO && stream->tls != NULL)
        redis_client_cut(client, tls_cause(stream->tls));
    else
        redis_client_cut(client, error == 0 ? "Redis closed the connection" : uv_strerror(error));
}
static const struct stream_events stream_events = {
    .on_open = on_open,
    .on_bytes = redis_talk_on_bytes,
    .on_end = on_end,
    .on_drained = redis_talk_on_drained,
    .on_closed = on_stream_closed,
};
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
    redis_talk_fail(client);
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
