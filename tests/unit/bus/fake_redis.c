#include "bus/fake_redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- saying --- */

struct saying {
    uv_write_t request;
    char bytes[];
};

static void said_cb(uv_write_t *request, int status)
{
    (void)status;
    free(request);
}

void fake_redis_say_bytes(struct fake_visitor *visitor, struct slice bytes)
{
    size_t chunk = visitor->redis->chunk == 0 ? bytes.len : visitor->redis->chunk;
    for (size_t at = 0; at < bytes.len && !visitor->closing; at += chunk) {
        size_t len = bytes.len - at < chunk ? bytes.len - at : chunk;
        struct saying *saying = malloc(sizeof(*saying) + len);
        memcpy(saying->bytes, bytes.ptr + at, len);
        uv_buf_t run = uv_buf_init(saying->bytes, (unsigned)len);
        assert_int_equal(uv_write(&saying->request, (uv_stream_t *)&visitor->tcp, &run, 1, said_cb),
                         0);
    }
}

void fake_redis_say(struct fake_visitor *visitor, const char *bytes)
{
    fake_redis_say_bytes(visitor, slice_of(bytes));
}

void fake_redis_publish(struct fake_redis *redis, const char *channel, const char *payload)
{
    char message[1024];
    snprintf(message, sizeof(message), "*3\r\n$7\r\nmessage\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n",
             strlen(channel), channel, strlen(payload), payload);
    for (struct fake_visitor *at = redis->visitors; at != NULL; at = at->next) {
        if (at->subscribed)
            fake_redis_say(at, message);
    }
}

/* --- hearing --- */

bool fake_command_is(const struct fake_command *command, const char *line)
{
    struct slice rest = slice_of(line);
    for (size_t i = 0; i < command->count; i++) {
        if (rest.len < command->words[i].len ||
            memcmp(rest.ptr, command->words[i].ptr, command->words[i].len) != 0)
            return false;
        rest.ptr += command->words[i].len;
        rest.len -= command->words[i].len;
        if (i + 1 < command->count && !slice_skip(&rest, " "))
            return false;
    }
    return rest.len == 0;
}

static void answer_usually(const struct fake_command *command)
{
    struct fake_visitor *to = command->from;
    char answer[512];
    struct slice name = command->words[0];
    if (slice_is(name, "PING")) {
        fake_redis_say(to, "+PONG\r\n");
    } else if (slice_is(name, "ROLE")) {
        fake_redis_say(to, "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
    } else if (slice_is(name, "SUBSCRIBE")) {
        struct slice channel = command->words[1];
        to->subscribed = true;
        snprintf(answer, sizeof(answer), "*3\r\n$9\r\nsubscribe\r\n$%zu\r\n%.*s\r\n:1\r\n",
                 channel.len, (int)channel.len, channel.ptr);
        fake_redis_say(to, answer);
    } else {
        fake_redis_say(to, "+OK\r\n");
    }
}

static void take_command(struct fake_visitor *visitor, const struct fake_command *command)
{
    struct fake_redis *redis = visitor->redis;
    redis->commands++;
    for (size_t i = 0; i < command->count; i++) {
        buf_add_text(&redis->heard, i == 0 ? "" : " ");
        buf_add_slice(&redis->heard, command->words[i]);
    }
    buf_add_char(&redis->heard, '\n');
    bool silenced = visitor->silenced;
    visitor->silenced = fake_command_is(command, "CLIENT REPLY SKIP");
    if (silenced || visitor->silenced)
        return;
    if (redis->deaf || (redis->on_command != NULL && redis->on_command(redis, command)))
        return;
    answer_usually(command);
}

/* "*3\r\n" or "$3\r\n": the number, or -1 where the line is not whole. */
static long take_number(struct slice *rest, char kind)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    if (end == NULL)
        return -1;
    assert_int_equal(rest->ptr[0], kind);
    assert_int_equal(end[-1], '\r');
    long number = strtol(rest->ptr + 1, NULL, 10);
    rest->len -= (size_t)(end + 1 - rest->ptr);
    rest->ptr = end + 1;
    return number;
}

/* Whether a whole command was there. */
static bool next_command(struct fake_visitor *visitor, struct slice *rest)
{
    struct fake_command command = {.from = visitor};
    struct slice at = *rest;
    long count = at.len == 0 ? -1 : take_number(&at, '*');
    if (count < 0)
        return false;
    assert_true(count <= FAKE_WORDS_MAX);
    for (command.count = 0; command.count < (size_t)count; command.count++) {
        long len = at.len == 0 ? -1 : take_number(&at, '$');
        if (len < 0 || at.len < (size_t)len + 2)
            return false;
        command.words[command.count] = (struct slice){at.ptr, (size_t)len};
        at.ptr += len;
        at.len -= (size_t)len;
        assert_true(slice_skip(&at, "\r\n"));
    }
    *rest = at;
    take_command(visitor, &command);
    return true;
}

/* --- connections --- */

static void visitor_closed_cb(uv_handle_t *handle)
{
    struct fake_visitor *visitor = handle->data;
    buf_done(&visitor->in);
    free(visitor);
}

static void close_visitor(struct fake_visitor *visitor)
{
    struct fake_visitor **at = &visitor->redis->visitors;
    if (visitor->closing)
        return;
    visitor->closing = true;
    while (*at != visitor)
        at = &(*at)->next;
    *at = visitor->next;
    uv_close((uv_handle_t *)&visitor->tcp, visitor_closed_cb);
}

void fake_redis_hang_up(struct fake_redis *redis)
{
    while (redis->visitors != NULL)
        close_visitor(redis->visitors);
}

static void alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct fake_visitor *visitor = handle->data;
    *ret_buf = uv_buf_init(buf_reserve(&visitor->in, suggested), (unsigned)suggested);
}

static void read_cb(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct fake_visitor *visitor = stream->data;
    (void)buf;
    if (len < 0) {
        close_visitor(visitor);
        return;
    }
    visitor->in.len += (size_t)len;
    struct slice rest = buf_slice(&visitor->in);
    while (!visitor->closing && next_command(visitor, &rest))
        ;
    if (!visitor->closing)
        buf_drop(&visitor->in, visitor->in.len - rest.len);
}

static void connection_cb(uv_stream_t *listener, int status)
{
    struct fake_redis *redis = listener->data;
    struct fake_visitor *visitor = calloc(1, sizeof(*visitor));
    assert_int_equal(status, 0);
    *visitor = (struct fake_visitor){.redis = redis, .next = redis->visitors};
    redis->visitors = visitor;
    redis->accepted++;
    buf_init(&visitor->in, (size_t)256 << 20);
    uv_tcp_init(redis->loop, &visitor->tcp);
    visitor->tcp.data = visitor;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&visitor->tcp), 0);
    uv_tcp_nodelay(&visitor->tcp, 1);
    uv_read_start((uv_stream_t *)&visitor->tcp, alloc_cb, read_cb);
}

void fake_redis_start(struct fake_redis *redis, uv_loop_t *loop)
{
    struct sockaddr_in address;
    int size = sizeof(address);
    *redis = (struct fake_redis){.loop = loop};
    buf_init(&redis->heard, (size_t)64 << 20);
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &redis->listener);
    redis->listener.data = redis;
    assert_int_equal(uv_tcp_bind(&redis->listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&redis->listener, 16, connection_cb), 0);
    uv_tcp_getsockname(&redis->listener, (struct sockaddr *)&address, &size);
    redis->address = (struct redis_address){.host = "127.0.0.1", .port = ntohs(address.sin_port)};
}

void fake_redis_stop(struct fake_redis *redis)
{
    fake_redis_hang_up(redis);
    if (!uv_is_closing((uv_handle_t *)&redis->listener))
        uv_close((uv_handle_t *)&redis->listener, NULL);
    buf_done(&redis->heard);
}

unsigned fake_redis_heard(const struct fake_redis *redis, const char *line)
{
    unsigned count = 0;
    struct slice rest = buf_slice(&redis->heard);
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        struct slice heard = {rest.ptr, (size_t)(end - rest.ptr)};
        count += slice_is(heard, line);
        rest = (struct slice){end + 1, rest.len - heard.len - 1};
    }
    return count;
}
