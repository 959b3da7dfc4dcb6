/* The webhook for events against a server in the same loop: batches, tries, what is dropped, the
 * end; and each of it where memory is short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/event_webhook.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"

#define PATIENCE_MS 20000
#define TEXT_SIZE 65536

static uv_loop_t loop;
static uv_timer_t patience;
static struct event_webhook *hook;
static struct event_tally tally;
static struct event_webhook_options options;
static unsigned ended;

/* --- the server --- */

struct guest {
    uv_tcp_t tcp; /* first: libuv's callbacks come with its address */
    char text[TEXT_SIZE];
    size_t len;
};

static struct {
    uv_tcp_t listener;
    struct guest *guest; /* there is one at a time */
    bool refuses;        /* answers 500, else 204 */
    unsigned requests, taken;
    char last[TEXT_SIZE]; /* request, and the one before it */
    char previous[TEXT_SIZE];
} server;

static void guest_closed_cb(uv_handle_t *handle)
{
    free(handle);
}

static void guest_close(void)
{
    if (server.guest != NULL)
        uv_close((uv_handle_t *)&server.guest->tcp, guest_closed_cb);
    server.guest = NULL;
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned count = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        count++;
    return count;
}

static bool is_whole(const char *text)
{
    const char *body = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
    return body != NULL && length != NULL && strlen(body + 4) == (size_t)atol(length + 16);
}

static void answer(struct guest *guest)
{
    static char refusal[] = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
                thanks[] = "HTTP/1.1 204 Yes\r\n\r\n";
    char *text = server.refuses ? refusal : thanks;
    uv_buf_t run = uv_buf_init(text, (unsigned)strlen(text));
    strcpy(server.previous, server.last);
    strcpy(server.last, guest->text);
    server.requests++;
    if (!server.refuses)
        server.taken += count_of(guest->text, "{\"id\":");
    guest->len = 0;
    assert_int_equal(uv_try_write((uv_stream_t *)&guest->tcp, &run, 1), strlen(text));
}

static void alloc_cb(uv_handle_t *handle, size_t size, uv_buf_t *ret_buffer)
{
    struct guest *guest = (struct guest *)handle;
    (void)size;
    *ret_buffer = uv_buf_init(guest->text + guest->len, (unsigned)(TEXT_SIZE - 1 - guest->len));
}

static void read_cb(uv_stream_t *stream, ssize_t len, const uv_buf_t *buffer)
{
    struct guest *guest = (struct guest *)stream;
    (void)buffer;
    if (len < 0) {
        guest_close();
        return;
    }
    guest->len += (size_t)len;
    guest->text[guest->len] = '\0';
    if (is_whole(guest->text))
        answer(guest);
}

static void connection_cb(uv_stream_t *listener, int status)
{
    assert_int_equal(status, 0);
    guest_close();
    server.guest = calloc(1, sizeof(*server.guest));
    uv_tcp_init(&loop, &server.guest->tcp);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&server.guest->tcp), 0);
    uv_read_start((uv_stream_t *)&server.guest->tcp, alloc_cb, read_cb);
}

/* --- each test --- */

static void patience_cb(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened in %d ms", PATIENCE_MS);
}

static uint64_t seen(enum event_outcome outcome)
{
    return tally_get(&tally.outcomes[outcome]);
}

#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        uv_timer_start(&patience, patience_cb, PATIENCE_MS, 0);                                    \
        while (!(condition))                                                                       \
            uv_run(&loop, UV_RUN_ONCE);                                                            \
        uv_timer_stop(&patience);                                                                  \
    } while (0)

static int start(void **state)
{
    struct sockaddr_in address;
    int size = sizeof(address);
    char url[64];
    (void)state;
    memset(&server, 0, sizeof(server));
    memset(&tally, 0, sizeof(tally));
    ended = 0;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &patience);
    uv_tcp_init(&loop, &server.listener);
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_bind(&server.listener, (const struct sockaddr *)&address, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&server.listener, 16, connection_cb), 0);
    uv_tcp_getsockname(&server.listener, (struct sockaddr *)&address, &size);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
    options = (struct event_webhook_options){
        .client = {.loop = &loop, .timeout = PATIENCE_MS},
        .secret = SLICE("0123456789abcdef0123456789abcdef"),
        .instance = "here",
        .types = ~0u,
        .queue = 100,
        .batch = 100,
        .backoff = 1,
        .tally = &tally,
    };
    assert_null(http_url_parse(slice_of(url), &options.client.url));
    return 0;
}

static void make_hook(void)
{
    char error[HTTP_CLIENT_ERROR_SIZE];
    hook = event_webhook_new(&options, error);
    assert_non_null(hook);
}

static int stop(void **state)
{
    (void)state;
    guest_close();
    uv_close((uv_handle_t *)&server.listener, NULL);
    uv_close((uv_handle_t *)&patience, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static void close_hook(void)
{
    event_webhook_close(hook);
    assert_int_equal(tally_get(&tally.waiting), 0);
}

static void tell(const char *peer)
{
    event_webhook_tell(hook, &(struct frame){.kind = FRAME_HAPPENED,
                                             .flags = EVENT_PEER_JOINED,
                                             .version = 1,
                                             .room = SLICE("r"),
                                             .peer = slice_of(peer)});
}

static void on_ended(void *context)
{
    assert_ptr_equal(context, &ended);
    ended++;
}

static void what_happens_within_a_moment_is_one_batch(void **state)
{
    (void)state;
    make_hook();
    tell("a");
    tell("b");
    uv_run(&loop, UV_RUN_NOWAIT);
    tell("c");
    AWAIT(server.taken == 3 && seen(EVENT_DELIVERED) == 3);
    assert_int_equal(server.requests, 1);
    assert_non_null(strstr(server.last, "\"peer\":\"a\""));
    assert_true(strstr(server.last, "\"peer\":\"b\"") < strstr(server.last, "\"peer\":\"c\""));
    assert_int_equal(tally_get(&tally.waiting), 0);
    close_hook();
}

static void a_batch_has_so_many_events_and_no_more(void **state)
{
    (void)state;
    options.batch = 2;
    make_hook();
    for (int i = 0; i < 5; i++)
        tell("a");
    AWAIT(seen(EVENT_DELIVERED) == 5);
    assert_int_equal(server.requests, 3);
    close_hook();
}

/* But for its signature, which has the time. */
static void what_was_refused_comes_again_as_it_was(void **state)
{
    (void)state;
    make_hook();
    server.refuses = true;
    tell("a");
    AWAIT(server.requests == 4);
    tell("b");
    assert_string_equal(strstr(server.last, "Roomline-Delivery"),
                        strstr(server.previous, "Roomline-Delivery"));
    server.refuses = false;
    AWAIT(seen(EVENT_DELIVERED) == 2);
    assert_int_equal(count_of(server.previous, "{\"id\":"), 1);
    assert_string_not_equal(strstr(server.last, "Roomline-Delivery"),
                            strstr(server.previous, "Roomline-Delivery"));
    assert_int_equal(tally_get(&tally.failures), server.requests - 2);
    assert_int_equal(seen(EVENT_DROPPED), 0);
    close_hook();
}

static void what_finds_no_room_or_grows_too_old_is_dropped(void **state)
{
    (void)state;
    options.queue = 3;
    options.keep = 1;
    make_hook();
    server.refuses = true;
    for (int i = 0; i < 5; i++)
        tell("a");
    assert_int_equal(seen(EVENT_DROPPED), 2);
    assert_int_equal(tally_get(&tally.waiting), 3);
    AWAIT(seen(EVENT_DROPPED) == 5);
    assert_int_equal(tally_get(&tally.waiting), 0);
    server.refuses = false;
    tell("b");
    AWAIT(seen(EVENT_DELIVERED) == 1);
    close_hook();
}

static void with_nothing_to_say_it_ends_at_once(void **state)
{
    (void)state;
    make_hook();
    event_webhook_end(hook, 1000, on_ended, &ended);
    assert_int_equal(ended, 1);
    event_webhook_end(NULL, 1000, on_ended, &ended);
    assert_int_equal(ended, 2);
}

static void what_waits_at_the_end_is_said_first(void **state)
{
    (void)state;
    make_hook();
    tell("a");
    event_webhook_end(hook, PATIENCE_MS, on_ended, &ended);
    assert_int_equal(ended, 0);
    tell("b");
    AWAIT(ended == 1);
    assert_int_equal(seen(EVENT_DELIVERED), 2);
    assert_int_equal(server.requests, 1);
}

static void at_the_end_nobody_is_waited_for_longer_than_that(void **state)
{
    (void)state;
    make_hook();
    server.refuses = true;
    tell("a");
    event_webhook_end(hook, 1, on_ended, &ended);
    AWAIT(ended == 1);
    make_hook();
    tell("b");
    event_webhook_end(hook, PATIENCE_MS, on_ended, &ended);
    event_webhook_end(hook, 0, on_ended, &ended);
    assert_int_equal(ended, 2);
    assert_int_equal(seen(EVENT_DROPPED), 2);
}

/* Each is told or counted as dropped, and what comes later is told. */
static void it_survives_every_failing_allocation(void **state)
{
    (void)state;
    options.client.timeout = 200; /* for a connection that there was no memory for */
    for (unsigned n = 1; n <= 20; n++) {
        make_hook();
        mem_fail_nth(n);
        tell("a");
        tell("b");
        AWAIT(tally_get(&tally.waiting) == 0);
        mem_fail_nth(0);
        assert_int_equal(seen(EVENT_DELIVERED) + seen(EVENT_DROPPED), 3 * n - 1);
        uint64_t before = seen(EVENT_DELIVERED);
        tell("c");
        AWAIT(seen(EVENT_DELIVERED) == before + 1);
        close_hook();
    }
    assert_true(seen(EVENT_DROPPED) > 0);
    assert_true(server.taken >= seen(EVENT_DELIVERED));
}

#define HOOK_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOOK_TEST(what_happens_within_a_moment_is_one_batch),
        HOOK_TEST(a_batch_has_so_many_events_and_no_more),
        HOOK_TEST(what_was_refused_comes_again_as_it_was),
        HOOK_TEST(what_finds_no_room_or_grows_too_old_is_dropped),
        HOOK_TEST(with_nothing_to_say_it_ends_at_once),
        HOOK_TEST(what_waits_at_the_end_is_said_first),
        HOOK_TEST(at_the_end_nobody_is_waited_for_longer_than_that),
        HOOK_TEST(it_survives_every_failing_allocation),
    };
    crypto_init();
    log_init(LOG_ERROR, LOG_TEXT, -1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
