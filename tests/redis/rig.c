#include "redis/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/store.h"

const worker_id rig_workers[RIG_WORKERS] = {0x1234, 0x1fffffffffffff, 0x0a00ff7d7b0d0a, 0x10};

#define BYTES_MAX ((size_t)64 << 20)

void rig_clear(struct rig *rig)
{
    buf_clear(&rig->answers);
    buf_clear(&rig->events);
    rig->beats = 0;
}

static void take_message(struct rig *rig, struct slice bytes)
{
    assert_true(bytes.len > 0);
    struct slice rest = {bytes.ptr + 1, bytes.len - 1};
    if (bytes.ptr[0] == STORE_BEAT) {
        assert_int_equal(rest.len, 8);
        rig->beats++;
        return;
    }
    assert_int_equal(bytes.ptr[0], STORE_EVENTS);
    buf_add_slice(&rig->events, rest);
}

/* All that was published before comes before what is published now. */
static void listen_to_all(struct rig *rig)
{
    server_do(rig->commands, "PUBLISH sync .");
    for (;;) {
        redisReply *reply = NULL;
        if (redisGetReply(rig->listener, (void **)&reply) != REDIS_OK || reply == NULL) {
            fail_msg("listener: %s", rig->listener->errstr);
            return;
        }
        assert_int_equal(reply->elements, 3);
        bool sync = strcmp(reply->element[1]->str, "sync") == 0;
        if (!sync && strcmp(reply->element[0]->str, "message") == 0)
            take_message(rig, (struct slice){reply->element[2]->str, reply->element[2]->len});
        freeReplyObject(reply);
        if (sync)
            return;
    }
}

static void take_item(struct rig *rig, const redisReply *item, long long *ret_number)
{
    if (item->type == REDIS_REPLY_STRING)
        buf_add(&rig->answers, item->str, item->len);
    else
        *ret_number = item->integer;
}

static void take_reply(struct rig *rig, const redisReply *reply)
{
    rig->error[0] = '\0';
    if (reply->type == REDIS_REPLY_STRING)
        buf_add(&rig->answers, reply->str, reply->len);
    else if (reply->type == REDIS_REPLY_INTEGER)
        rig->result = reply->integer;
    else if (reply->type == REDIS_REPLY_ARRAY)
        for (size_t i = 0; i < reply->elements && i < 2; i++)
            take_item(rig, reply->element[i], &rig->list[i]);
    else
        snprintf(rig->error, sizeof(rig->error), "%s", reply->str);
}

static void command(struct rig *rig, struct redis_words *words)
{
    const char *argv[256];
    size_t lengths[256];
    assert_false(words->failed);
    assert_true(words->count <= 256);
    for (size_t i = 0; i < words->count; i++) {
        argv[i] = words->words[i].ptr;
        lengths[i] = words->words[i].len;
    }
    redisReply *reply = redisCommandArgv(rig->commands, (int)words->count, argv, lengths);
    if (reply == NULL) {
        fail_msg("redis: %s", rig->commands->errstr);
        return;
    }
    take_reply(rig, reply);
    freeReplyObject(reply);
    redis_words_done(words);
    if (rig->listener != NULL)
        listen_to_all(rig);
}

static struct redis_shard *shard_of(struct rig *rig, worker_id worker)
{
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        if (rig_workers[i] == worker)
            return &rig->shards[i];
    fail_msg("no such worker");
    return NULL;
}

void rig_ask_numbered(struct rig *rig, uint64_t number, const struct frame *frame)
{
    struct redis_words words;
    assert_true(redis_words_ask(&words, shard_of(rig, frame->from), number, frame));
    command(rig, &words);
}

void rig_ask(struct rig *rig, const struct frame *frame)
{
    rig_ask_numbered(rig, ++rig->number, frame);
}

void rig_beat(struct rig *rig, unsigned worker)
{
    struct redis_words words;
    redis_words_beat(&words, &rig->shards[worker], ++rig->number, SLICE("{}"));
    command(rig, &words);
}

void rig_sweep(struct rig *rig, unsigned worker)
{
    struct redis_words words;
    redis_words_sweep(&words, &rig->shards[worker]);
    rig->list[0] = -1;
    command(rig, &words);
    rig->result = rig->list[0];
}

void rig_sweep_all(struct rig *rig, unsigned worker)
{
    for (int turns = 0; turns < 1000; turns++) {
        rig_sweep(rig, worker);
        assert_string_equal(rig->error, "");
        if (rig->result > 0)
            return;
    }
    fail_msg("sweeping has no end");
}

void rig_reap(struct rig *rig, unsigned worker, worker_id dead)
{
    struct redis_words words;
    redis_words_reap(&words, &rig->shards[worker], dead);
    command(rig, &words);
}

void rig_goodbye(struct rig *rig, unsigned worker)
{
    struct redis_words words;
    redis_words_goodbye(&words, &rig->shards[worker]);
    command(rig, &words);
}

void rig_orphans_due(struct rig *rig)
{
    server_do(rig->commands, "EVAL %s 0",
              "for _, name in ipairs(redis.call('ZRANGE', 'rl:orphans', 0, -1)) do "
              "redis.call('ZADD', 'rl:orphans', 1, name) end return 0");
}

void rig_vacant_due(struct rig *rig, unsigned long ms)
{
    server_do(rig->commands, "EVAL %s 0 %lu",
              "local soon = redis.call('TIME')[1] * 1000 + ARGV[1] "
              "for _, name in ipairs(redis.call('ZRANGEBYSCORE', 'rl:vacant', 0, soon)) do "
              "redis.call('ZADD', 'rl:vacant', 1, name) end return 0",
              ms);
}

void rig_lease_over(struct rig *rig, unsigned worker)
{
    server_do(rig->commands, "ZADD rl:workers XX 1 %016llx",
              (unsigned long long)rig_workers[worker]);
    server_do(rig->commands, "DEL rl:recovering");
}

bool rig_has_key(struct rig *rig, const char *pattern)
{
    redisReply *reply = server_ask(rig->commands, "KEYS %s", pattern);
    bool has = reply->elements > 0;
    freeReplyObject(reply);
    return has;
}

void rig_load(struct rig *rig)
{
    for (int script = 0; script < SCRIPT_COUNT; script++) {
        struct buf source;
        buf_init(&source, REDIS_SCRIPT_MAX);
        redis_script_add(&source, script, rig->tells);
        assert_false(buf_failed(&source));
        redisReply *reply = redisCommand(rig->commands, "SCRIPT LOAD %b", source.data, source.len);
        assert_non_null(reply);
        if (reply->type == REDIS_REPLY_ERROR)
            fail_msg("%s: %s", redis_script_name(script), reply->str);
        assert_int_equal(reply->len, REDIS_SHA_SIZE);
        for (unsigned i = 0; i < RIG_WORKERS; i++)
            memcpy(rig->shards[i].shas[script], reply->str, REDIS_SHA_SIZE);
        freeReplyObject(reply);
        buf_done(&source);
    }
}

void rig_start(struct rig *rig, const char *const *extra)
{
    memset(rig, 0, sizeof(*rig));
    server_start(&rig->server, extra);
    rig->commands = server_connect(&rig->server);
    rig->listener = server_connect(&rig->server);
    buf_init(&rig->answers, BYTES_MAX);
    buf_init(&rig->events, BYTES_MAX);
    for (unsigned i = 0; i < RIG_WORKERS; i++) {
        char channel[REDIS_INBOX_MAX];
        rig->shards[i] = (struct redis_shard){.prefix = SLICE("rl:"),
                                              .self = rig_workers[i],
                                              .hold_messages = 4,
                                              .hold_bytes = 400,
                                              .resume_window = 3600 * 1000};
        struct slice inbox = redis_inbox(&rig->shards[i], rig_workers[i], channel);
        server_do(rig->listener, "SUBSCRIBE %b", inbox.ptr, inbox.len);
    }
    server_do(rig->listener, "SUBSCRIBE sync");
    rig_load(rig);
}

void rig_stop(struct rig *rig)
{
    redisFree(rig->commands);
    if (rig->listener != NULL)
        redisFree(rig->listener);
    buf_done(&rig->answers);
    buf_done(&rig->events);
    server_stop(&rig->server);
}
