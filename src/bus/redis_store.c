/* Connected, a store loads the scripts and lets one run, which proves that this Redis takes
 * changes; then it is up. What Redis cannot do for anybody now (it is a replica, it is loading, it
 * has forgotten the scripts) ends the connection, so that there is one way back: through all this
 * again, and what was not answered is asked again by the node. What it cannot do for one ask (its
 * memory is full) fails that ask. */
#include "bus/redis_store.h"

#include <string.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#define HELD_MAX ((size_t)16 << 20) /* bytes */
#define NUMBERS_MAX ((size_t)64 << 20)
#define PUBLISH_ANSWERED_EVERY 1000u /* ms */
#define SWEEP_JITTER 100u /* ms, so that not all workers sweep the same at the same moment */

/* Redis answers in order, so what an answer is to is kept in order. */
struct held_head {
    uint64_t behind; /* how many answers come first */
    uint64_t len;
};

struct redis_store {
    struct store store; /* first, so that one is the other */
    struct redis_store_options options;
    struct redis_client *commands, *inbox;
    uv_timer_t sweeper;
    unsigned open; /* of those three */
    int loaded;    /* scripts, of this connection */
    bool up, failing, sweeping, closing;
    struct buf publishing;    /* worker_id of each PUBLISH that is to be answered */
    uint64_t publish_at;      /* ms, of the loop: the next one is to be answered again */
    struct buf beating;       /* number of each beat */
    uint64_t asked, answered; /* of the asks that are answered by a room */
    struct buf held;          /* struct held_head and bytes of each message of the inbox */
    struct redis_store_counts counts;
    char prefix[REDIS_PREFIX_MAX];
};

static struct redis_store *store_of(struct store *store)
{
    return (struct redis_store *)store;
}

/* ---- what Redis cannot do */

static const struct {
    const char *code, *cause; /* NULL: only this ask fails */
} failures[] = {
    {"NOSCRIPT", "Redis has forgotten the scripts"},
    {"READONLY", "this Redis is a replica"},
    {"LOADING", "Redis is loading its data"},
    {"BUSY", "Redis is busy with a script"},
    {"MASTERDOWN", "this Redis is a replica without a master"},
    {"MISCONF", "Redis cannot save its data"},
    {"NOREPLICAS", "Redis has too few replicas"},
    {"CLUSTERDOWN", "the Redis cluster is down"},
    {"MOVED", "this is a Redis cluster"},
    {"NOAUTH", "Redis demands a password"},
    {"NOPERM", "the user of Redis lacks rights"},
    {"OOM", NULL},
    {"WRONGTYPE", NULL},
    {"ERR", NULL},
};

#define FAILURE_COUNT (sizeof(failures) / sizeof(failures[0]))

static const char *cause_of(const struct redis_reply *reply)
{
    size_t len = strcspn(reply->text.ptr, " ");
    for (size_t i = 0; i < FAILURE_COUNT; i++)
        if (strlen(failures[i].code) == len && memcmp(failures[i].code, reply->text.ptr, len) == 0)
            return failures[i].cause;
    return NULL;
}

static void log_failure(const struct redis_reply *reply)
{
    log_event(LOG_ERROR, "redis-refused",
              LOG_SLICE("error", reply->kind == REDIS_ERROR ? reply->text : SLICE("not an answer")),
              LOG_END);
}

static void start_over(struct redis_store *store, const char *cause)
{
    store->failing = true;
    redis_client_restart(store->commands, cause);
}

/* Whether the answer is of use; the connection may be over. */
static bool is_answer(struct redis_store *store, const struct redis_reply *reply)
{
    const char *cause;
    if (reply == NULL || store->failing || store->closing)
        return false;
    if (reply->kind != REDIS_ERROR)
        return true;
    cause = cause_of(reply);
    if (cause == NULL)
        return true;
    start_over(store, cause);
    return false;
}

/* ---- commands */

static bool take_number(struct buf *numbers, uint64_t *ret_number)
{
    if (numbers->len < sizeof(*ret_number))
        return false;
    memcpy(ret_number, numbers->data, sizeof(*ret_number));
    buf_drop(numbers, sizeof(*ret_number));
    return true;
}

/* Takes over the words. */
static bool command(struct redis_store *store, struct redis_words *words, redis_on_reply *on_reply)
{
    bool sent = !words->failed && redis_client_send(store->commands, words->words, words->count,
                                                    on_reply, store) == 0;
    redis_words_done(words);
    return sent;
}

/* ---- sweeping: what is over is taken out by whoever comes first */

static void on_swept(void *context, const struct redis_reply *reply);

static void sweep(struct redis_store *store)
{
    struct redis_words words;
    if (store->sweeping)
        return;
    redis_words_sweep(&words, &store->options.shard);
    store->sweeping = command(store, &words, on_swept);
    store->counts.sweeps += store->sweeping;
}

/* Not asked for by the node, which therefore will not flush. */
static void sweep_now(struct redis_store *store)
{
    sweep(store);
    redis_client_flush(store->commands);
}

static void sweeper_cb(uv_timer_t *timer)
{
    sweep_now(timer->data);
}

static void sweep_in(struct redis_store *store, int64_t wait)
{
    uint32_t jitter;
    if (wait <= 0) {
        sweep_now(store);
        return;
    }
    crypto_random(&jitter, sizeof(jitter));
    uv_timer_start(&store->sweeper, sweeper_cb, (uint64_t)wait + jitter % SWEEP_JITTER, 0);
}

static bool emit(struct redis_store *store, struct slice bytes,
                 void (*take)(void *context, const struct frame *frame))
{
    struct frame frame;
    while (!store->closing && frame_next(&bytes, &frame))
        take(store->store.context, &frame);
    return bytes.len == 0;
}

static void on_swept(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    store->sweeping = false;
    if (!is_answer(store, reply))
        return;
    const struct redis_reply *wait = redis_reply_item(reply, 0);
    const struct redis_reply *happened = redis_reply_item(reply, 1);
    if (wait->kind != REDIS_NUMBER || happened->kind != REDIS_TEXT) {
        log_failure(reply);
        if (!store->up)
            start_over(store, "the scripts do not run");
        return;
    }
    if (!store->up) {
        store->up = true;
        store->store.events->on_up(store->store.context);
    }
    emit(store, happened->text, store->store.events->on_happened);
    if (!store->closing)
        sweep_in(store, wait->number);
}

/* ---- the command connection comes and goes */

static void on_loaded(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    if (!is_answer(store, reply))
        return;
    if (reply->kind != REDIS_TEXT || reply->text.len != REDIS_SHA_SIZE) {
        log_failure(reply);
        start_over(store, "Redis does not take the scripts");
        return;
    }
    memcpy(store->options.shard.shas[store->loaded++], reply->text.ptr, REDIS_SHA_SIZE);
    if (store->loaded < SCRIPT_COUNT)
        return;
    sweep_now(store);
    if (!store->sweeping)
        start_over(store, "no memory for a command");
}

static void on_commands_up(void *context)
{
    struct redis_store *store = context;
    struct buf source;
    buf_init(&source, REDIS_SCRIPT_MAX);
    store->failing = false;
    store->loaded = 0;
    for (int script = 0; script < SCRIPT_COUNT; script++) {
        buf_clear(&source);
        redis_script_add(&source, script, store->options.shard.tells);
        struct slice words[] = {SLICE("SCRIPT"), SLICE("LOAD"), buf_slice(&source)};
        if (buf_failed(&source) ||
            redis_client_send(store->commands, words, 3, on_loaded, store) != 0) {
            start_over(store, "no memory for the scripts");
            break;
        }
    }
    buf_done(&source);
    redis_client_flush(store->commands);
}

static void release_held(struct redis_store *store);

static void on_commands_down(void *context, const char *cause)
{
    struct redis_store *store = context;
    bool was_up = store->up;
    store->up = store->sweeping = false;
    store->answered = store->asked;
    buf_clear(&store->publishing);
    buf_clear(&store->beating);
    uv_timer_stop(&store->sweeper);
    if (store->closing)
        return;
    release_held(store);
    if (was_up)
        store->store.events->on_down(store->store.context, cause);
}

/* ---- asks */

static void on_asked(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    int error = 0;
    if (!is_answer(store, reply))
        return;
    if (reply->kind != REDIS_TEXT || !emit(store, reply->text, store->store.events->on_frame)) {
        log_failure(reply);
        store->counts.failed++;
        error = ERR_UNAVAILABLE;
    }
    if (!store->closing)
        store->store.events->on_done(store->store.context, error);
}

static void on_asked_for_room(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    on_asked(store, reply);
    if (reply == NULL || store->failing)
        return;
    store->answered++;
    release_held(store);
}

/* In place of an ask that cannot be put to Redis: its answer comes in its turn, and is no good. */
static bool ask_in_vain(struct redis_store *store, redis_on_reply *on_reply)
{
    struct slice word = SLICE("PING");
    return redis_client_send(store->commands, &word, 1, on_reply, store) == 0;
}

static bool is_for_room(const struct frame *frame)
{
    return frame->kind == FRAME_JOIN || frame->kind == FRAME_RESUME || frame->kind == FRAME_READ;
}

/* Each ask has an answer, or else all are asked again. */
static void store_ask(struct store *base, uint64_t number, const struct frame *frame)
{
    struct redis_store *store = store_of(base);
    struct redis_words words;
    redis_on_reply *on_reply = is_for_room(frame) ? on_asked_for_room : on_asked;
    if (!store->up || store->failing)
        return;
    bool sent = redis_words_ask(&words, &store->options.shard, number, frame) &&
                command(store, &words, on_reply);
    redis_words_done(&words);
    if (!sent && redis_client_waiting(store->commands) == 0)
        sent = ask_in_vain(store, on_reply);
    if (!sent) {
        start_over(store, "too much waits for Redis");
        return;
    }
    store->counts.asks++;
    store->asked += is_for_room(frame);
}

/* ---- packets */

static void on_published(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    worker_id to;
    if (!is_answer(store, reply) || !take_number(&store->publishing, &to))
        return;
    if (reply->kind == REDIS_NUMBER)
        store->store.events->on_published(store->store.context, to, (unsigned)reply->number);
    else
        log_failure(reply);
}

static bool publish_answered(struct redis_store *store, worker_id to, const struct slice *words)
{
    store->publish_at = uv_now(store->options.loop) + PUBLISH_ANSWERED_EVERY;
    buf_add(&store->publishing, &to, sizeof(to));
    return !buf_failed(&store->publishing) &&
           redis_client_send(store->commands, words, 3, on_published, store) == 0;
}

/* A packet that is not sent is one that got lost: its link sends it again. So now and then an answer
 * is enough: Redis is there, and lets us publish. */
static void store_publish(struct store *base, worker_id to, struct message *packet)
{
    struct redis_store *store = store_of(base);
    char channel[REDIS_INBOX_MAX];
    struct slice words[] = {SLICE("PUBLISH"), redis_inbox(&store->options.shard, to, channel),
                            message_text(packet)};
    if (!store->up || store->failing)
        return;
    bool sent = uv_now(store->options.loop) >= store->publish_at
                    ? publish_answered(store, to, words)
                    : redis_client_tell(store->commands, words, 3) == 0;
    if (sent)
        store->counts.publishes++;
    else
        start_over(store, "too much waits for Redis");
}

/* ---- the life of workers */

static void on_beaten(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    uint64_t number;
    if (!is_answer(store, reply) || !take_number(&store->beating, &number))
        return;
    const struct redis_reply *time = redis_reply_item(reply, 0);
    const struct redis_reply *lost = redis_reply_item(reply, 1);
    if (time->kind == REDIS_NUMBER && lost->kind == REDIS_NUMBER)
        store->store.events->on_beaten(store->store.context, number, (uint64_t)time->number,
                                       lost->number != 0);
    else
        log_failure(reply);
}

static struct slice card_of(const struct redis_store *store)
{
    const struct redis_store_options *options = &store->options;
    return options->card == NULL ? SLICE_NONE : options->card(options->card_context);
}

static void store_beat(struct store *base, uint64_t number)
{
    struct redis_store *store = store_of(base);
    struct redis_words words;
    if (!store->up || store->failing)
        return;
    redis_words_beat(&words, &store->options.shard, number, card_of(store));
    if (command(store, &words, on_beaten)) {
        buf_add(&store->beating, &number, sizeof(number));
        store->counts.beats++;
    }
    sweep(store);
}

static void on_told(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    if (is_answer(store, reply) && reply->kind == REDIS_ERROR)
        log_failure(reply);
}

static void store_reap(struct store *base, worker_id dead)
{
    struct redis_store *store = store_of(base);
    struct redis_words words;
    if (!store->up || store->failing)
        return;
    redis_words_reap(&words, &store->options.shard, dead);
    command(store, &words, on_told);
    sweep(store);
}

static void store_leave(struct store *base)
{
    struct redis_store *store = store_of(base);
    struct redis_words words;
    if (!store->up || store->failing)
        return;
    redis_words_goodbye(&words, &store->options.shard);
    command(store, &words, on_told);
}

/* ---- the inbox */

static void hand_up(struct redis_store *store, struct slice bytes)
{
    store->store.events->on_inbox(store->store.context, bytes);
}

static void release_held(struct redis_store *store)
{
    struct slice held = buf_slice(&store->held);
    size_t released = 0;
    struct held_head head;
    while (!store->closing && held.len - released >= sizeof(head)) {
        memcpy(&head, held.ptr + released, sizeof(head));
        if (head.behind > store->answered)
            break;
        released += sizeof(head);
        hand_up(store, (struct slice){held.ptr + released, (size_t)head.len});
        released += (size_t)head.len;
    }
    buf_drop(&store->held, released);
}

/* More than that waits: better out of order than lost. */
static void give_up_order(struct redis_store *store)
{
    uint64_t answered = store->answered;
    store->answered = store->asked;
    release_held(store);
    store->answered = answered;
}

static void on_message(void *context, struct slice channel, struct slice payload)
{
    struct redis_store *store = context;
    struct held_head head = {.behind = store->asked, .len = payload.len};
    (void)channel;
    if (store->closing || payload.len == 0)
        return;
    if (store->asked != store->answered && buf_reserve(&store->held, sizeof(head) + payload.len)) {
        buf_add(&store->held, &head, sizeof(head));
        buf_add_slice(&store->held, payload);
        return;
    }
    store->held.failed = false;
    give_up_order(store);
    hand_up(store, payload);
}

static void on_inbox_up(void *context)
{
    struct redis_store *store = context;
    store->store.events->on_listening(store->store.context);
}

static void on_inbox_down(void *context, const char *cause)
{
    struct redis_store *store = context;
    (void)cause;
    if (store->closing)
        return;
    give_up_order(store);
    store->store.events->on_deaf(store->store.context);
}

static void store_resubscribe(struct store *base)
{
    redis_client_restart(store_of(base)->inbox, "the subscription hears nothing");
}

static void store_flush(struct store *base)
{
    redis_client_flush(store_of(base)->commands);
}

/* ---- beginning and end */

static void free_if_closed(struct redis_store *store)
{
    if (store->open > 0)
        return;
    void (*on_closed)(void *context) = store->options.on_closed;
    void *context = store->options.context;
    buf_done(&store->publishing);
    buf_done(&store->beating);
    buf_done(&store->held);
    mem_free(store);
    if (on_closed != NULL)
        on_closed(context);
}

static void on_client_closed(void *context)
{
    struct redis_store *store = context;
    store->open--;
    free_if_closed(store);
}

static void sweeper_close_cb(uv_handle_t *handle)
{
    on_client_closed(handle->data);
}

void redis_store_close(struct store *base)
{
    struct redis_store *store = store_of(base);
    if (store->closing)
        return;
    store->closing = true;
    uv_close((uv_handle_t *)&store->sweeper, sweeper_close_cb);
    if (store->commands != NULL)
        redis_client_close(store->commands);
    if (store->inbox != NULL)
        redis_client_close(store->inbox);
}

static bool connect_both(struct redis_store *store)
{
    static const struct redis_client_events command_events = {
        .on_up = on_commands_up, .on_down = on_commands_down, .on_closed = on_client_closed};
    static const struct redis_client_events inbox_events = {.on_up = on_inbox_up,
                                                            .on_down = on_inbox_down,
                                                            .on_message = on_message,
                                                            .on_closed = on_client_closed};
    struct redis_shard *shard = &store->options.shard;
    struct redis_client_options options = store->options.client;
    char channel[REDIS_INBOX_MAX];
    struct slice inbox = redis_inbox(shard, shard->self, channel);
    options.use = "commands";
    options.unanswered = true;
    options.channels = NULL;
    options.channel_count = 0;
    store->commands = redis_client_new(&options, &command_events, store);
    options.use = "inbox";
    options.unanswered = false;
    options.channels = &inbox;
    options.channel_count = 1;
    store->inbox = redis_client_new(&options, &inbox_events, store);
    store->open += (store->commands != NULL) + (store->inbox != NULL);
    return store->commands != NULL && store->inbox != NULL;
}

struct store *redis_store_open(const struct redis_store_options *options)
{
    struct redis_store *store = mem_zero(sizeof(*store));
    if (store == NULL)
        return NULL;
    store->store = (struct store){.ask = store_ask,
                                  .publish = store_publish,
                                  .beat = store_beat,
                                  .reap = store_reap,
                                  .leave = store_leave,
                                  .resubscribe = store_resubscribe,
                                  .flush = store_flush};
    store->options = *options;
    memcpy(store->prefix, options->shard.prefix.ptr, options->shard.prefix.len);
    store->options.shard.prefix.ptr = store->prefix;
    buf_init(&store->publishing, NUMBERS_MAX);
    buf_init(&store->beating, NUMBERS_MAX);
    buf_init(&store->held, HELD_MAX);
    uv_timer_init(options->loop, &store->sweeper);
    store->sweeper.data = store;
    store->open = 1;
    if (!connect_both(store)) {
        store->options.on_closed = NULL; /* the caller was given nothing that could close */
        redis_store_close(&store->store);
        return NULL;
    }
    return &store->store;
}

bool redis_store_is_quiet(const struct store *store)
{
    const struct redis_client *commands = ((const struct redis_store *)store)->commands;
    return !redis_client_is_up(commands) || redis_client_pending(commands) == 0;
}

struct redis_store_counts redis_store_count(const struct store *store)
{
    return ((const struct redis_store *)store)->counts;
}
