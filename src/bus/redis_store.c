/* Asks, packets, beats and the inbox, over two connections to Redis. */
#include "bus/redis_store.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bus/redis_store_state.h"

#define HELD_MAX ((size_t)16 << 20) /* bytes */
#define NUMBERS_MAX ((size_t)64 << 20)
#define PUBLISH_ANSWERED_EVERY 1000u /* ms */

/* Redis answers in order, so what an answer is to is kept in order. */
struct held_head {
    uint64_t behind; /* how many answers come first */
    uint64_t len;
};

static struct redis_store *store_of(struct store *store)
{
    return (struct redis_store *)store;
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

bool redis_store_command(struct redis_store *store, struct redis_words *words,
                         redis_on_reply *on_reply)
{
    bool sent = !words->failed && redis_client_send(store->commands, words->words, words->count,
                                                    on_reply, store) == 0;
    redis_words_done(words);
    return sent;
}

bool redis_store_emit(struct redis_store *store, struct slice bytes,
                      void (*take)(void *context, const struct frame *frame))
{
    struct frame frame;
    while (!store->closing && frame_next(&bytes, &frame))
        take(store->store.context, &frame);
    return bytes.len == 0;
}

static void on_commands_up(void *context)
{
    redis_store_begin(context);
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
    if (!redis_store_is_answer(store, reply))
        return;
    if (reply->kind != REDIS_TEXT ||
        !redis_store_emit(store, reply->text, store->store.events->on_frame)) {
        redis_store_log_failure(reply);
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
                redis_store_command(store, &words, on_reply);
    redis_words_done(&words);
    if (!sent && redis_client_waiting(store->commands) == 0)
        sent = ask_in_vain(store, on_reply);
    if (!sent) {
        redis_store_start_over(store, "too much waits for Redis");
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
    if (!redis_store_is_answer(store, reply) || !take_number(&store->publishing, &to))
        return;
    if (reply->kind == REDIS_NUMBER)
        store->store.events->on_published(store->store.context, to, (unsigned)reply->number);
    else
        redis_store_log_failure(reply);
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
        redis_store_start_over(store, "too much waits for Redis");
}

/* ---- the life of workers */

static void on_beaten(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    uint64_t number;
    if (!redis_store_is_answer(store, reply) || !take_number(&store->beating, &number))
        return;
    const struct redis_reply *time = redis_reply_item(reply, 0);
    const struct redis_reply *lost = redis_reply_item(reply, 1);
    if (time->kind == REDIS_NUMBER && lost->kind == REDIS_NUMBER)
        store->store.events->on_beaten(store->store.context, number, (uint64_t)time->number,
                                       lost->number != 0);
    else
        redis_store_log_failure(reply);
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
    if (redis_store_command(store, &words, on_beaten)) {
        buf_add(&store->beating, &number, sizeof(number));
        store->counts.beats++;
    }
    redis_sweep(store);
}

static void on_told(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    if (redis_store_is_answer(store, reply) && reply->kind == REDIS_ERROR)
        redis_store_log_failure(reply);
}

static void store_reap(struct store *base, worker_id dead)
{
    struct redis_store *store = store_of(base);
    struct redis_words words;
    if (!store->up || store->failing)
        return;
    redis_words_reap(&words, &store->options.shard, dead);
    redis_store_command(store, &words, on_told);
    redis_sweep(store);
}

static void store_leave(struct store *base)
{
    struct redis_store *store = store_of(base);
    struct redis_words words;
    if (!store->up || store->failing)
        return;
    redis_words_goodbye(&words, &store->options.shard);
    redis_store_command(store, &words, on_told);
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
