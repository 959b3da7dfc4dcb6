/* Workers that are other programs: what the supervisor does with processes that do not behave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>

#include "app/card.h"
#include "app/workers.h"
#include "base/crypto.h"
#include "base/log.h"

#define WORKERS 2
#define PATIENCE_MS 20000

static uv_loop_t loop;
static uv_timer_t patience;
static struct config config;
static struct listeners listeners;
static struct shared shared;
static struct tls_ticket_keys keys;
static struct workers *workers;

static struct {
    unsigned ready, gone, hopeless, hopeless_index;
} seen;

static void on_all_ready(void *context)
{
    (void)context;
    seen.ready++;
}

static void on_reloaded(void *context)
{
    (void)context;
}

static void on_gone(void *context)
{
    (void)context;
    seen.gone++;
}

static void on_answer(void *context, const struct frame *answer)
{
    (void)context;
    (void)answer;
}

static void on_ended(void *context, worker_id worker)
{
    (void)context;
    (void)worker;
}

static void on_hopeless(void *context, unsigned index)
{
    (void)context;
    seen.hopeless++;
    seen.hopeless_index = index;
    workers_retire(workers); /* as the supervisor does */
}

static void patience_cb(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened in %d ms", PATIENCE_MS);
}

static void run_until(const unsigned *counter, unsigned value)
{
    while (*counter < value)
        uv_run(&loop, UV_RUN_ONCE);
}

static const struct instance instance = {.name = "test"};

static void start_workers(const char *program)
{
    struct workers_options options = {
        .count = WORKERS,
        .program = program,
        .config = &config,
        .listeners = &listeners,
        .shared = &shared,
        .instance = &instance,
        .keys = &keys,
    };
    struct workers_events events = {
        .on_all_ready = on_all_ready,
        .on_reloaded = on_reloaded,
        .on_gone = on_gone,
        .on_hopeless = on_hopeless,
        .on_answer = on_answer,
        .on_ended = on_ended,
    };
    workers = workers_new(&loop, &options, &events);
    workers_start(workers);
}

static int start(void **state)
{
    static const char text[] = "server:\n  listen: [http://127.0.0.1:0]\n";
    static struct config_errors errors;
    char cause[LISTEN_ERROR_SIZE];
    (void)state;
    memset(&seen, 0, sizeof(seen));
    crypto_init();
    signal(SIGPIPE, SIG_IGN);
    log_init(LOG_ERROR, LOG_TEXT, -1);
    assert_int_equal(config_parse_text(&config, text, sizeof(text) - 1, "test", &errors), 0);
    assert_int_equal(listeners_open(&listeners, &config.server.listen, WORKERS, 8, cause), 0);
    assert_int_equal(shared_create(&shared, WORKERS), 0);
    uv_loop_init(&loop);
    uv_timer_init(&loop, &patience);
    uv_timer_start(&patience, patience_cb, PATIENCE_MS, 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    assert_int_equal(workers_running(workers), 0);
    workers_close(workers);
    uv_close((uv_handle_t *)&patience, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    listeners_done(&listeners);
    shared_done(&shared);
    config_done(&config);
    return 0;
}

static void one_that_dies_at_every_start_is_hopeless(void **state)
{
    (void)state;
    uint64_t before = uv_now(&loop);
    start_workers("/bin/false");
    run_until(&seen.hopeless, 1);
    /* four times later and later: 100 + 200 + 400 + 800 ms */
    assert_in_range(uv_now(&loop) - before, 1500, PATIENCE_MS);
    assert_true(seen.hopeless_index < WORKERS);
    assert_int_equal(seen.ready, 0);
    while (workers_running(workers) > 0)
        uv_run(&loop, UV_RUN_ONCE);
}

static void so_is_one_that_cannot_be_started(void **state)
{
    (void)state;
    start_workers("/nowhere/roomline");
    assert_int_equal(workers_running(workers), 0);
    run_until(&seen.hopeless, 1);
}

static void a_retired_one_is_not_started_again_and_its_sockets_are_closed(void **state)
{
    (void)state;
    start_workers("/bin/true");
    assert_int_equal(workers_running(workers), WORKERS);
    workers_retire(workers);
    run_until(&seen.gone, WORKERS);
    assert_int_equal(workers_running(workers), 0);
    for (unsigned worker = 0; worker < WORKERS; worker++)
        assert_int_equal(listeners_fd(&listeners, 0, worker), -1);
}

static void one_that_hears_nothing_is_killed(void **state)
{
    (void)state;
    start_workers("/usr/bin/yes"); /* never reads what it is told, never ends */
    workers_retire(workers);
    workers_tell(workers, PACKET_STOP, SLICE_NONE);
    assert_int_equal(workers_running(workers), WORKERS);
    workers_kill(workers);
    run_until(&seen.gone, WORKERS);
}

static void what_a_dead_one_counted_is_forgotten(void **state)
{
    (void)state;
    start_workers("/usr/bin/yes");
    tally_set(&shared_row(&shared, 1)->metrics.websockets, 5);
    workers_retire(workers);
    workers_kill(workers);
    run_until(&seen.gone, WORKERS);
    assert_int_equal(shared_sum(&shared, SHARED_websockets), 0);
}

#define WORKERS_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORKERS_TEST(one_that_dies_at_every_start_is_hopeless),
        WORKERS_TEST(so_is_one_that_cannot_be_started),
        WORKERS_TEST(a_retired_one_is_not_started_again_and_its_sockets_are_closed),
        WORKERS_TEST(one_that_hears_nothing_is_killed),
        WORKERS_TEST(what_a_dead_one_counted_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
