#include "api/event_webhook.h"

#include <assert.h>
#include <stdio.h>
#include <sys/queue.h>
#include <time.h>

#include "api/webhook_sign.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define GATHER_MS 200
#define BATCH_EVENTS 200
#define BATCH_SIZE ((size_t)256 << 10) /* bytes */
#define EVENT_SIZE_MAX 4096            /* bytes: names escaped take some 1,200 */
#define BACKOFF_MIN 500                /* ms */
#define BACKOFF_MAX 60000
#define DELIVERY_BYTES 16
#define ANSWER_SIZE_MAX 65536

/*     QUIET --an event--> GATHERING --in a moment--> SENDING --2xx--> QUIET, or GATHERING at once
 *                                                     |   ^
 *                                    failed, not old  v   |  after the back-off
 *                                                    RESTING                                  */
enum state { QUIET, GATHERING, SENDING, RESTING, STATE_COUNT };

struct event {
    STAILQ_ENTRY(event) next;
    size_t len;
    char json[];
};

struct event_webhook {
    struct event_webhook_options options;
    struct http_client *client;
    struct crypto_key *key; /* NULL: requests are not signed */
    enum state state;
    bool hurried;
    STAILQ_HEAD(, event) events; /* that are in no batch yet */
    struct buf batch;            /* the body that is under way */
    unsigned batch_events;
    unsigned tries;
    uint64_t batch_since; /* ms */
    char delivery[CRYPTO_BASE64URL_SIZE(DELIVERY_BYTES)];
    struct event_webhook_counts counts;
    uint64_t dropped_logged;
    uv_timer_t timer;
};

static void enter(struct event_webhook *hook, enum state state)
{
    static const bool legal[STATE_COUNT][STATE_COUNT] = {
        [QUIET] = {[GATHERING] = true},
        [GATHERING] = {[SENDING] = true},
        [SENDING] = {[QUIET] = true, [RESTING] = true},
        [RESTING] = {[SENDING] = true},
    };
    assert(legal[hook->state][state]);
    hook->state = state;
}

static void timer_cb(uv_timer_t *timer);

static void log_dropped(struct event_webhook *hook)
{
    uint64_t dropped = hook->counts.dropped - hook->dropped_logged;
    if (dropped == 0)
        return;
    hook->dropped_logged = hook->counts.dropped;
    log_event(LOG_ERROR, "webhook-events-dropped", LOG_UINT("events", dropped), LOG_END);
}

/* --- events --- */

static void compose(struct buf *out, const struct event_webhook *hook,
                    const struct room_event *event)
{
    static const char *const types[EVENT_TYPE_COUNT] = {
#define X(name, text) [EVENT_##name] = (text),
        ROOM_EVENTS(X)
#undef X
    };
    buf_add_text(out, "{\"type\":\"");
    buf_add_text(out, types[event->type]);
    buf_add_text(out, "\",\"room\":");
    text_add_json(out, event->room);
    if (event->peer.ptr != NULL) {
        buf_add_text(out, ",\"peer\":");
        text_add_json(out, event->peer);
    }
    if (event->reason.ptr != NULL) {
        buf_add_text(out, ",\"reason\":");
        text_add_json(out, event->reason);
    }
    buf_add_text(out, ",\"time\":");
    buf_add_uint(out, event->time);
    buf_add_text(out, ",\"instance\":");
    text_add_json(out, slice_of(hook->options.instance));
    buf_add_char(out, '}');
}

/* False: no room or no memory. */
static bool append(struct event_webhook *hook, struct slice json)
{
    if (hook->counts.waiting + json.len > hook->options.queue_size)
        return false;
    struct event *event = mem_alloc(sizeof(*event) + json.len);
    if (event == NULL)
        return false;
    event->len = json.len;
    memcpy(event->json, json.ptr, json.len);
    STAILQ_INSERT_TAIL(&hook->events, event, next);
    hook->counts.waiting += json.len;
    return true;
}

static void gather(struct event_webhook *hook, uint64_t time)
{
    enter(hook, GATHERING);
    uv_timer_start(&hook->timer, timer_cb, time, 0);
}

void event_webhook_add(struct event_webhook *hook, const struct room_event *event)
{
    struct buf json;
    buf_init(&json, EVENT_SIZE_MAX);
    compose(&json, hook, event);
    if (buf_failed(&json) || !append(hook, buf_slice(&json)))
        hook->counts.dropped++;
    else if (hook->state == QUIET)
        gather(hook, hook->hurried ? 0 : GATHER_MS);
    buf_done(&json);
}

/* --- batches --- */

static void take_event(struct event_webhook *hook)
{
    struct event *event = STAILQ_FIRST(&hook->events);
    buf_add_text(&hook->batch, hook->batch_events == 0 ? "{\"events\":[" : ",");
    buf_add(&hook->batch, event->json, event->len);
    STAILQ_REMOVE_HEAD(&hook->events, next);
    hook->counts.waiting -= event->len;
    hook->batch_events++;
    mem_free(event);
}

static void fill_batch(struct event_webhook *hook)
{
    unsigned char random[DELIVERY_BYTES];
    buf_clear(&hook->batch);
    hook->batch_events = hook->tries = 0;
    while (!STAILQ_EMPTY(&hook->events) && hook->batch_events < BATCH_EVENTS &&
           hook->batch.len < BATCH_SIZE - EVENT_SIZE_MAX - 16)
        take_event(hook);
    buf_add_text(&hook->batch, "]}");
    crypto_random(random, sizeof(random));
    crypto_base64url(random, sizeof(random), hook->delivery, sizeof(hook->delivery));
    hook->batch_since = uv_now(hook->options.loop);
}

static void end_batch(struct event_webhook *hook, bool delivered)
{
    *(delivered ? &hook->counts.delivered : &hook->counts.dropped) += hook->batch_events;
    hook->batch_events = 0;
    buf_clear(&hook->batch);
    log_dropped(hook);
    enter(hook, QUIET);
    if (!STAILQ_EMPTY(&hook->events))
        gather(hook, 0);
}

static void fail_batch(struct event_webhook *hook, const char *cause, int status)
{
    log_event(LOG_WARN, "webhook-failed", LOG_STR("cause", cause), LOG_INT("status", status),
              LOG_UINT("events", hook->batch_events), LOG_END);
    bool is_old = uv_now(hook->options.loop) - hook->batch_since >= hook->options.keep;
    if (is_old || hook->hurried) {
        end_batch(hook, false);
        return;
    }
    uint64_t most = (uint64_t)BACKOFF_MIN << (hook->tries < 8 ? hook->tries : 8);
    uint64_t random;
    crypto_random(&random, sizeof(random));
    hook->tries++;
    enter(hook, RESTING);
    uv_timer_start(&hook->timer, timer_cb, random % ((most < BACKOFF_MAX ? most : BACKOFF_MAX) + 1),
                   0);
}

static void on_answer(void *context, int status, struct slice body, const char *cause)
{
    struct event_webhook *hook = context;
    (void)body;
    if (status >= 200 && status < 300)
        end_batch(hook, true);
    else
        fail_batch(hook, status == 0 ? cause : "it answered so", status);
}

static void send_batch(struct event_webhook *hook)
{
    struct buf headers;
    enter(hook, SENDING);
    buf_init(&headers, 512);
    webhook_sign(hook->key, (uint64_t)time(NULL), buf_slice(&hook->batch), &headers);
    buf_add_text(&headers, "Roomline-Delivery: ");
    buf_add_text(&headers, hook->delivery);
    buf_add_text(&headers, "\r\n");
    int error = buf_failed(&headers) || buf_failed(&hook->batch)
                    ? UV_ENOMEM
                    : http_client_post(hook->client, buf_slice(&headers), buf_slice(&hook->batch),
                                       on_answer, hook);
    buf_done(&headers);
    if (error != 0)
        fail_batch(hook, uv_strerror(error), 0);
}

static void timer_cb(uv_timer_t *timer)
{
    struct event_webhook *hook = timer->data;
    if (hook->state == GATHERING)
        fill_batch(hook);
    send_batch(hook);
}

/* --- start and end --- */

struct event_webhook_counts event_webhook_count(const struct event_webhook *hook)
{
    return hook->counts;
}

bool event_webhook_is_idle(const struct event_webhook *hook)
{
    return hook->state == QUIET;
}

void event_webhook_hurry(struct event_webhook *hook)
{
    hook->hurried = true;
    if (hook->state == GATHERING || hook->state == RESTING)
        uv_timer_start(&hook->timer, timer_cb, 0, 0);
}

struct event_webhook *event_webhook_new(const struct event_webhook_options *options,
                                        char ret_error[HTTP_CLIENT_ERROR_SIZE])
{
    struct http_client_options client = {
        .loop = options->loop,
        .url = options->url,
        .tls = {.ca = options->ca},
        .connections = 1,
        .requests = 1,
        .timeout = options->timeout,
        .answer_max = ANSWER_SIZE_MAX,
    };
    struct crypto_key *key = NULL;
    if (options->secret.len > 0 && (key = crypto_key_secret(options->secret)) == NULL) {
        snprintf(ret_error, HTTP_CLIENT_ERROR_SIZE, "its secret has not 32 to 512 bytes");
        return NULL;
    }
    struct event_webhook *hook = mem_must(sizeof(*hook));
    hook->options = *options;
    hook->options.secret = SLICE_NONE;
    hook->key = key;
    hook->client = http_client_new(&client, ret_error);
    if (hook->client == NULL) {
        crypto_key_free(key);
        mem_free(hook);
        return NULL;
    }
    STAILQ_INIT(&hook->events);
    buf_init(&hook->batch, BATCH_SIZE);
    uv_timer_init(options->loop, &hook->timer);
    hook->timer.data = hook;
    return hook;
}

static void closed_cb(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void event_webhook_close(struct event_webhook *hook)
{
    struct event *event;
    if (hook == NULL)
        return;
    http_client_close(hook->client);
    hook->counts.dropped += hook->batch_events;
    while ((event = STAILQ_FIRST(&hook->events)) != NULL) {
        STAILQ_REMOVE_HEAD(&hook->events, next);
        hook->counts.dropped++;
        mem_free(event);
    }
    log_dropped(hook);
    buf_done(&hook->batch);
    crypto_key_free(hook->key);
    uv_close((uv_handle_t *)&hook->timer, closed_cb);
}
