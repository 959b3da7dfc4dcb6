/* What is said over a connection to Redis: commands, their answers, messages of channels, and the
 * question whether anybody is there. */
#include "bus/redis_client_state.h"

#include "base/error.h"

#define FEED_SIZE                                                                                  \
    ((size_t)8 << 10) /* hiredis moves what is left of a feed after every KiB it read */

bool redis_talk_goes_on(const struct redis_client *client)
{
    return client->state == GREETING || client->state == READY;
}

/* The first answer that is awaited starts the clock. */
void redis_talk_await(struct redis_client *client, redis_on_reply *on_reply, void *context)
{
    if (client->pending.count == 0) {
        client->heard = redis_client_now(client);
        client->overdue = false;
    }
    redis_pending_push(&client->pending, (struct redis_waiter){on_reply, context});
}

void redis_talk_fail(struct redis_client *client)
{
    while (client->pending.count > 0) {
        struct redis_waiter waiter = redis_pending_pop(&client->pending);
        if (waiter.on_reply != NULL)
            waiter.on_reply(waiter.context, NULL);
    }
}

/* --- ready: is anybody there? --- */

static void on_pong(void *context, const struct redis_reply *reply)
{
    struct redis_client *client = context;
    char cause[REDIS_CAUSE_SIZE];
    if (reply != NULL && client->state == READY &&
        !redis_greeting_alive(&client->options, reply, cause, sizeof(cause)))
        redis_client_cut(client, cause);
}

static void ask_for_life(struct redis_client *client)
{
    if (!redis_pending_reserve(&client->pending))
        return;
    redis_greeting_ask(&client->options, &client->output);
    if (!redis_output_end(&client->output))
        return;
    redis_talk_await(client, on_pong, client);
    client->checked = redis_client_now(client);
    redis_output_flush(&client->output, &client->stream);
}

void redis_talk_tick(struct redis_client *client)
{
    const struct redis_client_options *options = &client->options;
    uint64_t now = redis_client_now(client);
    bool overdue = client->pending.count > 0 && now - client->heard >= options->command_timeout;
    if (overdue && client->overdue) {
        redis_client_cut(client, "no answer in time");
        return;
    }
    client->overdue = overdue;
    if (client->flapping && redis_client_has_stood(client)) {
        client->flapping = false;
        redis_client_log_up(client);
    }
    uint64_t since =
        options->master != NULL && options->channel_count == 0 ? client->checked : client->heard;
    if (now - since >= options->ping_interval && now - client->checked >= options->ping_interval)
        ask_for_life(client);
}
/* --- answers --- */

static void take_answer(struct redis_client *client, const struct redis_reply *reply)
{
    if (client->pending.count == 0) {
        redis_client_cut(client, "an answer that nothing asked for");
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
    client->heard = redis_client_now(client);
    client->overdue = false;
    if (!is_message(client, reply))
        take_answer(client, reply);
    else if (client->state == READY)
        client->events->on_message(client->context, reply->items[1].text, reply->items[2].text);
}

void redis_talk_on_bytes(struct stream *stream, struct slice bytes)
{
    struct redis_client *client = redis_client_of(stream);
    const struct redis_reply *reply;
    int got = 0;
    while (bytes.len > 0 && got >= 0 && redis_talk_goes_on(client)) {
        struct slice part = {bytes.ptr, bytes.len < FEED_SIZE ? bytes.len : FEED_SIZE};
        bytes = (struct slice){bytes.ptr + part.len, bytes.len - part.len};
        got = redis_reader_feed(client->reader, part);
        while (got >= 0 && redis_talk_goes_on(client) &&
               (got = redis_reader_next(client->reader, &reply)) > 0)
            take_reply(client, reply);
    }
    if (got < 0)
        redis_client_cut(client, redis_reader_cause(client->reader));
}
void redis_talk_on_drained(struct stream *stream)
{
    struct redis_client *client = redis_client_of(stream);
    if (redis_talk_goes_on(client))
        redis_output_flush(&client->output, stream);
}
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
    redis_talk_await(client, on_reply, context);
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
    if (redis_talk_goes_on(client))
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
