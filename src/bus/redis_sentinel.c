#include "bus/redis_sentinel.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/outgoing.h"

static const struct slice switch_channel = {"+switch-master", sizeof("+switch-master") - 1};

/* One sentinel: two connections, since one that has subscribed may ask nothing. */
struct seat {
    struct redis_sentinel *sentinel;
    struct redis_client *asker;
    struct redis_client *listener;
    bool asked; /* and no answer yet */
    bool knows; /* the rest is its last answer, and it is still there */
    uint64_t epoch;
    struct redis_address address;
    char logged[192]; /* what the log said of it last; "": it answers well */
};

struct redis_sentinel {
    uv_timer_t timer;
    struct redis_master master;
    char name[sizeof(((struct redis_url *)0)->master)];
    uint64_t epoch; /* of the master that is known */
    unsigned open;  /* handle and clients that are not closed */
    bool closing;
    void (*on_closed)(void *context);
    void *context;
    size_t count;
    struct seat seats[REDIS_SENTINELS_MAX];
};

/* --- which one is it? --- */

static size_t count_answers(const struct redis_sentinel *sentinel)
{
    size_t count = 0;
    for (size_t i = 0; i < sentinel->count; i++)
        count += sentinel->seats[i].knows;
    return count;
}

/* Of two with the same epoch the one that is the master already: a sentinel may write its address
 * in another way. */
static bool is_better(const struct redis_sentinel *sentinel, const struct seat *seat,
                      const struct seat *best)
{
    if (best == NULL || seat->epoch != best->epoch)
        return best == NULL || seat->epoch > best->epoch;
    return sentinel->master.known && redis_address_equal(&seat->address, &sentinel->master.address);
}

static const struct seat *best_seat(const struct redis_sentinel *sentinel)
{
    const struct seat *best = NULL;
    for (size_t i = 0; i < sentinel->count; i++) {
        const struct seat *seat = &sentinel->seats[i];
        if (seat->knows && is_better(sentinel, seat, best))
            best = seat;
    }
    return best;
}

static void adopt(struct redis_sentinel *sentinel, const struct seat *seat)
{
    bool news =
        !sentinel->master.known || !redis_address_equal(&sentinel->master.address, &seat->address);
    sentinel->epoch = seat->epoch;
    if (!news)
        return;
    log_event(LOG_INFO, "redis-master", LOG_STR("master", sentinel->name),
              LOG_STR("address", redis_address_show(&seat->address).text),
              LOG_UINT("epoch", seat->epoch), LOG_END);
    redis_master_set(&sentinel->master, &seat->address);
}

/* `patient`: more answers may come soon, so one alone does not count while nothing is known. */
static void decide(struct redis_sentinel *sentinel, bool patient)
{
    const struct seat *best = best_seat(sentinel);
    if (best == NULL)
        return;
    bool majority = count_answers(sentinel) > sentinel->count / 2;
    bool newer = sentinel->master.known ? best->epoch > sentinel->epoch : !patient;
    if (majority || newer)
        adopt(sentinel, best);
}

/* --- asking --- */

/* Once per change. */
static void log_trouble(struct seat *seat, const char *cause)
{
    if (strcmp(seat->logged, cause) == 0)
        return;
    snprintf(seat->logged, sizeof(seat->logged), "%s", cause);
    log_event(LOG_WARN, "redis-master-unknown", LOG_STR("master", seat->sentinel->name),
              LOG_STR("cause", seat->logged), LOG_END);
}

/* The value of a field, in a list of fields and values. */
static struct slice field_of(const struct redis_reply *reply, const char *name)
{
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        if (redis_reply_is(&reply->items[i], name))
            return reply->items[i + 1].text;
    }
    return SLICE_NONE;
}

static bool read_number(struct slice text, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || number > max / 10)
            return false;
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *ret_number = number;
    return text.len > 0 && number <= max;
}

static bool read_host(struct slice text, struct redis_address *address)
{
    if (text.len == 0 || text.len >= sizeof(address->host) || !text_is_utf8(text) ||
        text_has_control(text))
        return false;
    memcpy(address->host, text.ptr, text.len);
    address->host[text.len] = '\0';
    return true;
}

static bool read_master(struct seat *seat, const struct redis_reply *reply)
{
    struct redis_address address = {.local = false};
    uint64_t port, epoch;
    if (reply->kind != REDIS_LIST || !read_host(field_of(reply, "ip"), &address) ||
        !read_number(field_of(reply, "port"), UINT16_MAX, &port) || port == 0 ||
        !read_number(field_of(reply, "config-epoch"), UINT64_MAX, &epoch))
        return false;
    address.port = (uint16_t)port;
    seat->address = address;
    seat->epoch = epoch;
    return true;
}

static void on_answer(void *context, const struct redis_reply *reply)
{
    struct seat *seat = context;
    char cause[sizeof(seat->logged)];
    seat->asked = false;
    if (reply == NULL || seat->sentinel->closing)
        return;
    seat->knows = read_master(seat, reply);
    if (seat->knows) {
        seat->logged[0] = '\0';
        decide(seat->sentinel, true);
        return;
    }
    struct slice text = reply->kind == REDIS_ERROR ? reply->text : SLICE("an odd answer");
    snprintf(cause, sizeof(cause), "a sentinel says: %.*s", (int)(text.len < 120 ? text.len : 120),
             text.ptr);
    log_trouble(seat, cause);
}

static void ask(struct seat *seat)
{
    struct slice words[] = {SLICE("SENTINEL"), SLICE("MASTER"), slice_of(seat->sentinel->name)};
    if (seat->asked)
        return;
    seat->asked = redis_client_send(seat->asker, words, 3, on_answer, seat) == 0;
    redis_client_flush(seat->asker);
}

static void ask_all(struct redis_sentinel *sentinel)
{
    for (size_t i = 0; i < sentinel->count; i++)
        ask(&sentinel->seats[i]);
}

static void timer_cb(uv_timer_t *timer)
{
    struct redis_sentinel *sentinel = timer->data;
    decide(sentinel, false);
    ask_all(sentinel);
}

/* --- the connections --- */

static void on_asker_up(void *context)
{
    ask(context);
}

static void on_asker_down(void *context, const char *cause)
{
    struct seat *seat = context;
    (void)cause;
    seat->knows = false;
}

/* A failover may have passed unheard while it was not subscribed. */
static void on_listener_up(void *context)
{
    struct seat *seat = context;
    ask_all(seat->sentinel);
}

static void on_listener_down(void *context, const char *cause)
{
    (void)context;
    (void)cause;
}

/* "name old-ip old-port new-ip new-port", of any master they watch. */
static void on_switch(void *context, struct slice channel, struct slice payload)
{
    struct redis_sentinel *sentinel = ((struct seat *)context)->sentinel;
    (void)channel;
    if (slice_skip(&payload, sentinel->name) && slice_skip(&payload, " "))
        ask_all(sentinel);
}

static void close_one(struct redis_sentinel *sentinel)
{
    if (--sentinel->open > 0)
        return;
    void (*on_closed)(void *context) = sentinel->on_closed;
    void *context = sentinel->context;
    mem_free(sentinel);
    if (on_closed != NULL)
        on_closed(context);
}

static void on_client_closed(void *context)
{
    close_one(((struct seat *)context)->sentinel);
}

static void timer_closed_cb(uv_handle_t *handle)
{
    close_one(handle->data);
}

static const struct redis_client_events asker_events = {
    .on_up = on_asker_up,
    .on_down = on_asker_down,
    .on_closed = on_client_closed,
};

static const struct redis_client_events listener_events = {
    .on_up = on_listener_up,
    .on_down = on_listener_down,
    .on_message = on_switch,
    .on_closed = on_client_closed,
};

static bool start_seat(struct seat *seat, const struct redis_address *address,
                       const struct redis_client_options *template)
{
    struct redis_client_options options = *template;
    options.address = address;
    options.master = NULL;
    options.database = 0;
    options.limits = (struct redis_limits){.size = 65536, .elements = 1024, .depth = 3};
    options.output_max = 65536;
    options.pending_max = 64;
    options.use = "sentinel";
    seat->asker = redis_client_new(&options, &asker_events, seat);
    options.use = "sentinel-events";
    options.channels = &switch_channel;
    options.channel_count = 1;
    seat->listener =
        seat->asker == NULL ? NULL : redis_client_new(&options, &listener_events, seat);
    seat->sentinel->open += (seat->asker != NULL) + (seat->listener != NULL);
    return seat->listener != NULL;
}

struct redis_master *redis_sentinel_master(struct redis_sentinel *sentinel)
{
    return &sentinel->master;
}

struct redis_sentinel *redis_sentinel_new(const struct redis_sentinel_options *options)
{
    struct redis_sentinel *sentinel = mem_zero(sizeof(*sentinel));
    bool complete = true;
    if (sentinel == NULL)
        return NULL;
    snprintf(sentinel->name, sizeof(sentinel->name), "%s", options->master);
    uv_timer_init(outgoing_streams(options->client.outgoing)->uv, &sentinel->timer);
    sentinel->timer.data = sentinel;
    sentinel->open = 1;
    for (size_t i = 0; i < options->address_count; i++) {
        struct seat *seat = &sentinel->seats[sentinel->count++];
        seat->sentinel = sentinel;
        complete = complete && start_seat(seat, &options->addresses[i], &options->client);
    }
    if (!complete) {
        redis_sentinel_close(sentinel, NULL, NULL);
        return NULL;
    }
    uv_timer_start(&sentinel->timer, timer_cb, options->interval, options->interval);
    return sentinel;
}

void redis_sentinel_close(struct redis_sentinel *sentinel, void (*on_closed)(void *context),
                          void *context)
{
    sentinel->closing = true;
    sentinel->on_closed = on_closed;
    sentinel->context = context;
    for (size_t i = 0; i < sentinel->count; i++) {
        if (sentinel->seats[i].asker != NULL)
            redis_client_close(sentinel->seats[i].asker);
        if (sentinel->seats[i].listener != NULL)
            redis_client_close(sentinel->seats[i].listener);
    }
    uv_close((uv_handle_t *)&sentinel->timer, timer_closed_cb);
}
