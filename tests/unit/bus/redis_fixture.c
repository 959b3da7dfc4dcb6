#include "bus/redis_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"

/* --- the loop and the log --- */

void redis_fixture_start(struct redis_fixture *fixture)
{
    char name[] = "/tmp/roomline-log-XXXXXX";
    crypto_init();
    signal(SIGPIPE, SIG_IGN); /* as the server does */
    fixture->log = mkstemp(name);
    unlink(name);
    fixture->standard_error = dup(STDERR_FILENO);
    dup2(fixture->log, STDERR_FILENO);
    log_init(LOG_INFO, LOG_TEXT, -1);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    fixture->outgoing = outgoing_new(&fixture->loop);
    assert_non_null(fixture->outgoing);
}

void redis_fixture_stop(struct redis_fixture *fixture)
{
    uint64_t until = uv_hrtime() + 2000000000u;
    outgoing_close(fixture->outgoing);
    while (uv_loop_alive(&fixture->loop) && uv_hrtime() < until) /* a failed test leaves a client */
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    int busy = uv_loop_close(&fixture->loop);
    dup2(fixture->standard_error, STDERR_FILENO);
    close(fixture->standard_error);
    close(fixture->log);
    assert_int_equal(busy, 0);
}

const char *redis_fixture_log(struct redis_fixture *fixture)
{
    ssize_t len = pread(fixture->log, fixture->log_text, sizeof(fixture->log_text) - 1, 0);
    fixture->log_text[len < 0 ? 0 : len] = '\0';
    return fixture->log_text;
}

unsigned redis_fixture_logged(struct redis_fixture *fixture, const char *text)
{
    unsigned count = 0;
    for (const char *at = redis_fixture_log(fixture); (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void wake_cb(uv_timer_t *timer)
{
    (void)timer;
}

void redis_fixture_turn(struct redis_fixture *fixture)
{
    uv_timer_t timer;
    uv_timer_init(&fixture->loop, &timer);
    uv_timer_start(&timer, wake_cb, 10, 0);
    uv_run(&fixture->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

/* --- the client --- */

static void on_up(void *context)
{
    struct user *user = context;
    assert_false(user->up);
    user->up = true;
    user->ups++;
    if (user->on_up != NULL)
        user->on_up(user);
}

static void on_down(void *context, const char *cause)
{
    struct user *user = context;
    assert_true(user->up);
    user->up = false;
    user->downs++;
    snprintf(user->cause, sizeof(user->cause), "%s", cause);
    if (user->on_down != NULL)
        user->on_down(user);
}

static void on_message(void *context, struct slice channel, struct slice payload)
{
    struct user *user = context;
    assert_true(user->up);
    buf_add_slice(&user->messages, channel);
    buf_add_char(&user->messages, ' ');
    buf_add_slice(&user->messages, payload);
    buf_add_char(&user->messages, '\n');
    if (user->on_message != NULL)
        user->on_message(user);
}

static void on_closed(void *context)
{
    struct user *user = context;
    user->client = NULL;
    user->closed++;
}

static void add_reply(struct buf *out, const struct redis_reply *reply)
{
    switch (reply->kind) {
    case REDIS_NIL: buf_add_text(out, "nil"); break;
    case REDIS_NUMBER: buf_add_format(out, "%lld", (long long)reply->number); break;
    case REDIS_LIST:
        buf_add_char(out, '[');
        for (size_t i = 0; i < reply->count; i++) {
            buf_add_text(out, i == 0 ? "" : " ");
            add_reply(out, &reply->items[i]);
        }
        buf_add_char(out, ']');
        break;
    default: buf_add_slice(out, reply->text); break;
    }
}

static void on_reply(void *context, const struct redis_reply *reply)
{
    struct user *user = context;
    if (reply == NULL) {
        user->losses++;
        buf_add_text(&user->said, "lost");
    } else {
        assert_true(user->up);
        user->answers++;
        add_reply(&user->said, reply);
    }
    buf_add_char(&user->said, '\n');
    if (user->on_answer != NULL)
        user->on_answer(user);
}

struct redis_client_options user_options(struct redis_fixture *fixture)
{
    struct redis_client_options options = redis_client_defaults();
    options.outgoing = fixture->outgoing;
    options.backoff_min = 5;
    options.backoff_max = 20;
    return options;
}

void user_start(struct user *user, const struct redis_client_options *options)
{
    static const struct redis_client_events events = {on_up, on_down, on_message, on_closed};
    *user = (struct user){.up = false};
    buf_init(&user->said, (size_t)64 << 20);
    buf_init(&user->messages, (size_t)64 << 20);
    user->client = redis_client_new(options, &events, user);
    assert_non_null(user->client);
}

void user_stop(struct user *user, struct redis_fixture *fixture)
{
    if (user->client != NULL)
        redis_client_close(user->client);
    AWAIT(fixture, user->closed == 1);
    buf_done(&user->said);
    buf_done(&user->messages);
}

int user_send(struct user *user, const char *line)
{
    struct slice words[16];
    size_t count = 0;
    while (*line != '\0') {
        words[count] = (struct slice){line, strcspn(line, " ")};
        line += words[count++].len;
        line += *line == ' ';
    }
    int error = redis_client_send(user->client, words, count, on_reply, user);
    redis_client_flush(user->client);
    return error;
}

void user_must_send(struct user *user, const char *line)
{
    assert_int_equal(user_send(user, line), 0);
}

bool user_said(const struct user *user, const char *text)
{
    return slice_is(buf_slice(&user->said), text);
}

bool user_heard(const struct user *user, const char *text)
{
    return slice_is(buf_slice(&user->messages), text);
}
