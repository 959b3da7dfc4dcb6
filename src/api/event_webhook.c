#include "api/event_webhook.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/queue.h>

#include "api/webhook_sign.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define GATHER_MS 100
#define EVENT_SIZE_MAX 1024 /* bytes: names escaped take less */
#define BATCH_SIZE ((size_t)EVENT_BATCH_MAX * EVENT_SIZE_MAX)
#define BACKOFF_MIN 250    /* ms; also the most at the end */
#define BACKOFF_DOUBLES 16 /* times */
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
    STAILQ_HEAD(, event) events; /* that are in no batch yet */
    size_t waiting;              /* of them, how many */
    struct buf batch;            /* the body that is under way */
    size_t batch_events;
    unsigned tries;
    uint64_t batch_since; /* ms */
    char delivery[CRYPTO_BASE64URL_SIZE(DELIVERY_BYTES)];
    uint64_t dropped_logged;
    uv_timer_t timer;
    uv_timer_t deadline; /* runs from event_webhook_end() on */
    unsigned open;       /* of these two */
    void (*on_ended)(void *context);
    void *context;
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

/* --- counting --- */

static void count(struct event_webhook *hook, enum event_outcome outcome, size_t events)
{
    tally_add(&hook->options.tally->outcomes[outcome], events);
}

static void count_waiting(struct event_webhook *hook)
{
    tally_set(&hook->options.tally->waiting, hook->waiting + hook->batch_events);
}

static void log_dropped(struct event_webhook *hook)
{
    uint64_t dropped = tally_get(&hook->options.tally->outcomes[EVENT_DROPPED]);
    if (dropped != hook->dropped_logged)
        log_event(LOG_ERROR, "events-dropped", LOG_UINT("events", dropped - hook->dropped_logged),
                  LOG_END);
    hook->dropped_logged = dropped;
}

/* --- events --- */

static void add_member(struct buf *out, const char *name, const char *value)
{
    buf_add_format(out, ",\"%s\":", name);
    text_add_json(out, slice_of(value));
}

static void compose(struct buf *out, const struct event_webhook *hook, const struct frame *happened)
{
    enum room_event type = happened->flags;
    uint64_t random;
    crypto_random(&random, sizeof(random));
    buf_add_format(out, "{\"id\":\"%016" PRIx64 "%016" PRIx64 "\"", happened->version, random);
    add_member(out, "type", room_event_name(type));
    buf_add_text(out, ",\"room\":");
    text_add_json(out, happened->room);
    if (happened->peer.len > 0) {
        buf_add_text(out, ",\"peer\":");
        text_add_json(out, happened->peer);
    }
    if (type == EVENT_PEER_LEFT)
        add_member(out, "reason", leave_reason_name(happened->reason));
    if (type == EVENT_ROOM_CLOSED)
        add_member(out, "reason", happened->reason == LEAVE_ROOM_CLOSED ? "closed" : "empty");
    buf_add_text(out, ",\"time\":");
    buf_add_uint(out, clock_unix_ms());
    add_member(out, "instance", hook->options.instance);
    buf_add_char(out, '}');
}

/* False: no room or no memory. */
static bool append(struct event_webhook *hook, struct slice json)
{
    if (hook->waiting + hook->batch_events >= hook->options.queue)
        return false;
    struct event *event = mem_alloc(sizeof(*event) + json.len);
    if (event == NULL)
        return false;
    event->len = json.len;
    memcpy(event->json, json.ptr, json.len);
    STAILQ_INSERT_TAIL(&hook->events, event, next);
    hook->waiting++;
    return true;
}

static void timer_cb(uv_timer_t *timer);

static void gather(struct event_webhook *hook, uint64_t ms)
{
    enter(hook, GATHERING);
    uv_timer_start(&hook->timer, timer_cb, ms, 0);
}

static bool is_ending(const struct event_webhook *hook)
{
    return hook->on_ended != NULL;
}

static bool is_told(const struct event_webhook *hook, const struct frame *happened)
{
    return happened->flags < EVENT_TYPE_COUNT && happened->reason < LEAVE_REASON_COUNT &&
           (hook->options.types >> happened->flags & 1);
}

void event_webhook_tell(struct event_webhook *hook, const struct frame *happened)
{
    struct buf json;
    if (hook == NULL || !is_told(hook, happened))
        return;
    buf_init(&json, EVENT_SIZE_MAX - 1); /* and the comma behind it */
    compose(&json, hook, happened);
    if (buf_failed(&json) || !append(hook, buf_slice(&json)))
        count(hook, EVENT_DROPPED, 1);
    else if (hook->state == QUIET)
        gather(hook, is_ending(hook) ? 0 : GATHER_MS);
    buf_done(&json);
    count_waiting(hook);
}

/* --- batches --- */

static void take_event(struct event_webhook *hook)
{
    struct event *event = STAILQ_FIRST(&hook->events);
    buf_add_text(&hook->batch, hook->batch_events == 0 ? "{\"events\":[" : ",");
    buf_add(&hook->batch, event->json, event->len);
    STAILQ_REMOVE_HEAD(&hook->events, next);
    hook->waiting--;
    hook->batch_events++;
    mem_free(event);
}

static void fill_batch(struct event_webhook *hook)
{
    unsigned char random[DELIVERY_BYTES];
    buf_clear(&hook->batch);
    hook->batch_events = hook->tries = 0;
    while (!STAILQ_EMPTY(&hook->events) && hook->batch_events < hook->options.batch)
        take_event(hook);
    buf_add_text(&hook->batch, "]}");
    crypto_random(random, sizeof(random));
    crypto_base64url(random, sizeof(random), hook->delivery, sizeof(hook->delivery));
    hook->batch_since = uv_now(hook->options.client.loop);
}

static void deadline_cb(uv_timer_t *timer);

/* Nobody is to be called back from within the client. */
static void end_soon(struct event_webhook *hook)
{
    uv_timer_start(&hook->deadline, deadline_cb, 0, 0);
}

static void end_batch(struct event_webhook *hook, enum event_outcome outcome)
{
    count(hook, outcome, hook->batch_events);
    hook->batch_events = 0;
    buf_done(&hook->batch);
    count_waiting(hook);
    log_dropped(hook);
    enter(hook, QUIET);
    if (!STAILQ_EMPTY(&hook->events))
        gather(hook, 0);
    else if (is_ending(hook))
        end_soon(hook);
}

static uint64_t backoff(const struct event_webhook *hook)
{
    unsigned doubles = hook->tries < BACKOFF_DOUBLES ? hook->tries : BACKOFF_DOUBLES;
    uint64_t most = (uint64_t)BACKOFF_MIN << doubles, random;
    if (most > hook->options.backoff)
        most = hook->options.backoff;
    if (is_ending(hook) && most > BACKOFF_MIN)
        most = BACKOFF_MIN;
    crypto_random(&random, sizeof(random));
    return random % (most + 1);
}

/* Too old, or without memory when it was filled: what is missing then is never found again. */
static bool is_hopeless(const struct event_webhook *hook)
{
    uint64_t age = uv_now(hook->options.client.loop) - hook->batch_since;
    return buf_failed(&hook->batch) || (hook->options.keep != 0 && age >= hook->options.keep);
}

static void fail_batch(struct event_webhook *hook, const char *cause, int status)
{
    tally_add(&hook->options.tally->failures, 1);
    log_event(LOG_WARN, "event-webhook-failed", LOG_STR("cause", cause), LOG_INT("status", status),
              LOG_UINT("events", hook->batch_events), LOG_END);
    log_dropped(hook);
    if (is_hopeless(hook)) {
        end_batch(hook, EVENT_DROPPED);
        return;
    }
    enter(hook, RESTING);
    uv_timer_start(&hook->timer, timer_cb, backoff(hook), 0);
    hook->tries++;
}

static void on_answer(void *context, int status, struct slice body, const char *cause)
{
    struct event_webhook *hook = context;
    (void)body;
    if (status >= 200 && status < 300)
        end_batch(hook, EVENT_DELIVERED);
    else
        fail_batch(hook, status == 0 ? cause : "it answered so", status);
}

static void send_batch(struct event_webhook *hook)
{
    struct buf headers;
    enter(hook, SENDING);
    buf_init(&headers, 512);
    webhook_sign(hook->key, clock_unix_ms() / 1000, buf_slice(&hook->batch), &headers);
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

static struct http_client *make_client(const struct event_webhook_options *options,
                                       char ret_error[HTTP_CLIENT_ERROR_SIZE])
{
    struct http_client_options client = options->client;
    client.connections = client.requests = 1;
    client.answer_max = ANSWER_SIZE_MAX;
    return http_client_new(&client, ret_error);
}

struct event_webhook *event_webhook_new(const struct event_webhook_options *options,
                                        char ret_error[HTTP_CLIENT_ERROR_SIZE])
{
    struct crypto_key *key = NULL;
    if (options->secret.len > 0 && (key = crypto_key_secret(options->secret)) == NULL) {
        snprintf(ret_error, HTTP_CLIENT_ERROR_SIZE, "its secret has not 32 to 512 bytes");
        return NULL;
    }
    struct event_webhook *hook = mem_must(sizeof(*hook));
    hook->options = *options;
    hook->options.secret = SLICE_NONE;
    hook->key = key;
    hook->client = make_client(options, ret_error);
    if (hook->client == NULL) {
        crypto_key_free(key);
        mem_free(hook);
        return NULL;
    }
    STAILQ_INIT(&hook->events);
    buf_init(&hook->batch, BATCH_SIZE + sizeof("{\"events\":[]}"));
    uv_timer_init(options->client.loop, &hook->timer);
    uv_timer_init(options->client.loop, &hook->deadline);
    hook->timer.data = hook->deadline.data = hook;
    hook->open = 2;
    return hook;
}

static void closed_cb(uv_handle_t *handle)
{
    struct event_webhook *hook = handle->data;
    if (--hook->open == 0)
        mem_free(hook);
}

static void drop_all(struct event_webhook *hook)
{
    struct event *event;
    count(hook, EVENT_DROPPED, hook->waiting + hook->batch_events);
    while ((event = STAILQ_FIRST(&hook->events)) != NULL) {
        STAILQ_REMOVE_HEAD(&hook->events, next);
        mem_free(event);
    }
    hook->waiting = hook->batch_events = 0;
    count_waiting(hook);
    log_dropped(hook);
}

void event_webhook_close(struct event_webhook *hook)
{
    if (hook == NULL)
        return;
    http_client_close(hook->client);
    drop_all(hook);
    buf_done(&hook->batch);
    crypto_key_free(hook->key);
    uv_close((uv_handle_t *)&hook->timer, closed_cb);
    uv_close((uv_handle_t *)&hook->deadline, closed_cb);
}

static void deadline_cb(uv_timer_t *timer)
{
    struct event_webhook *hook = timer->data;
    void (*on_ended)(void *) = hook->on_ended;
    void *context = hook->context;
    event_webhook_close(hook);
    on_ended(context);
}

void event_webhook_end(struct event_webhook *hook, uint64_t ms, void (*on_ended)(void *context),
                       void *context)
{
    if (hook == NULL) {
        on_ended(context);
        return;
    }
    hook->on_ended = on_ended;
    hook->context = context;
    if (ms == 0 || hook->state == QUIET) {
        deadline_cb(&hook->deadline);
        return;
    }
    if (!uv_is_active((uv_handle_t *)&hook->deadline))
        uv_timer_start(&hook->deadline, deadline_cb, ms, 0);
    if (hook->state != SENDING)
        uv_timer_start(&hook->timer, timer_cb, 0, 0);
}
