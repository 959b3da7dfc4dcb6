/* The supervisor's side of its workers. This program is the worker as well, one that does only what
 * a test asks of it by the environment variable FAKE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "app/config.h"
#include "app/hello.h"
#include "app/workers.h"
#include "base/crypto.h"
#include "base/log.h"

#define GIVE_UP_MS 20000

/* ---- the worker */

static void say(enum packet_kind kind)
{
    struct buf out;
    buf_init(&out, 64);
    packet_add(&out, kind, SLICE_NONE);
    if (write(WORKER_FD_HUB, out.data, out.len) != (ssize_t)out.len)
        _exit(2);
    buf_done(&out);
}

static void obey(enum packet_kind kind, const char *fake, bool is_first)
{
    if (kind == PACKET_STOP)
        _exit(0);
    if (kind == PACKET_HELLO && strcmp(fake, "stillborn") == 0)
        _exit(1);
    if (kind == PACKET_HELLO)
        say(PACKET_READY);
    if (kind == PACKET_RELOAD && is_first)
        _exit(1);
    if (kind == PACKET_DRAIN) /* stands for "now": the end of a reload that takes its time */
        say(PACKET_RELOADED);
}

static int be_worker(void)
{
    const char *fake = getenv("FAKE");
    bool is_first = strcmp(getenv(WORKER_VARIABLE), "0") == 0;
    struct buf in;
    buf_init(&in, (size_t)4 << 20);
    for (;;) {
        char *space = buf_reserve(&in, 4096);
        ssize_t len = space == NULL ? -1 : read(WORKER_FD_HUB, space, 4096);
        if (len <= 0)
            _exit(3);
        in.len += (size_t)len;
        struct slice bytes = buf_slice(&in), payload;
        enum packet_kind kind;
        while (packet_next(&bytes, PACKET_FROM_SUPERVISOR, &kind, &payload) > 0)
            obey(kind, fake, is_first);
        buf_drop(&in, in.len - bytes.len);
    }
}

/* ---- the supervisor */

static struct {
    uv_loop_t loop;
    struct config config;
    struct listeners listeners;
    struct shared shared;
    struct tls_ticket_keys keys;
    struct workers *workers;
    uv_timer_t watch; /* so that a test that waits in vain ends */
    unsigned ready, reloaded, gone, hopeless;
} here;

static void on_all_ready(void *context)
{
    (void)context;
    here.ready++;
}

static void on_reloaded(void *context)
{
    (void)context;
    here.reloaded++;
}

static void on_gone(void *context)
{
    (void)context;
    here.gone++;
}

static void on_hopeless(void *context, unsigned index)
{
    (void)context;
    (void)index;
    here.hopeless++;
}

static void give_up_cb(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("what was waited for did not happen");
}

static void wait_for(bool (*happened)(void))
{
    uv_timer_start(&here.watch, give_up_cb, GIVE_UP_MS, 0);
    while (!happened())
        uv_run(&here.loop, UV_RUN_ONCE);
    uv_timer_stop(&here.watch);
}

static bool all_are_ready(void)
{
    return here.ready > 0;
}

static bool one_is_down(void)
{
    return workers_running(here.workers) == 1;
}

static bool both_run(void)
{
    return workers_running(here.workers) == 2;
}

static bool all_are_gone(void)
{
    return workers_running(here.workers) == 0;
}

static bool it_is_hopeless(void)
{
    return here.hopeless > 0;
}

static bool it_is_reloaded(void)
{
    return here.reloaded > 0;
}

static void start_workers(unsigned count, const char *fake)
{
    struct config_errors errors = {.count = 0};
    struct config_listeners none = {.count = 0};
    char cause[LISTEN_ERROR_SIZE];
    memset(&here, 0, sizeof(here));
    crypto_init();
    log_init(LOG_ERROR, LOG_TEXT, -1);
    setenv("FAKE", fake, 1);
    assert_int_equal(config_parse_text(&here.config, "", 0, "test", &errors), 0);
    assert_int_equal(listeners_open(&here.listeners, &none, count, 16, cause), 0);
    assert_int_equal(shared_create(&here.shared, count), 0);
    uv_loop_init(&here.loop);
    uv_timer_init(&here.loop, &here.watch);
    here.workers = workers_new(
        &here.loop,
        &(struct workers_options){.count = count,
                                  .config = &here.config,
                                  .listeners = &here.listeners,
                                  .shared = &here.shared,
                                  .keys = &here.keys},
        &(struct workers_events){NULL, on_all_ready, on_reloaded, on_gone, on_hopeless});
    workers_start(here.workers);
}

static void end_workers(void)
{
    workers_retire(here.workers);
    workers_tell(here.workers, PACKET_STOP, SLICE_NONE);
    wait_for(all_are_gone);
    workers_close(here.workers);
    uv_close((uv_handle_t *)&here.watch, NULL);
    uv_run(&here.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&here.loop), 0);
    listeners_done(&here.listeners);
    shared_done(&here.shared);
    config_done(&here.config);
}

static void all_come_up_and_end_when_told(void **state)
{
    (void)state;
    start_workers(2, "good");
    wait_for(all_are_ready);
    end_workers();
    assert_int_equal(here.ready, 1);
    assert_int_equal(here.gone, 2);
    assert_int_equal(here.hopeless, 0);
}

static void one_that_dies_in_a_reload_does_not_end_it_for_the_others(void **state)
{
    (void)state;
    start_workers(2, "good");
    wait_for(all_are_ready);
    workers_reload(here.workers); /* the first worker dies of it */
    wait_for(one_is_down);
    assert_int_equal(here.reloaded, 0);
    wait_for(both_run); /* it is started again, and reads everything anew */
    workers_tell(here.workers, PACKET_DRAIN, SLICE_NONE);
    wait_for(it_is_reloaded);
    assert_int_equal(here.reloaded, 1);
    end_workers();
    assert_int_equal(here.reloaded, 1);
}

static void the_last_one_to_reload_may_die_of_it(void **state)
{
    (void)state;
    start_workers(1, "good");
    wait_for(all_are_ready);
    workers_reload(here.workers);
    wait_for(it_is_reloaded);
    end_workers();
}

static void one_that_never_comes_up_is_hopeless(void **state)
{
    (void)state;
    start_workers(1, "stillborn");
    wait_for(it_is_hopeless);
    assert_int_equal(here.ready, 0);
    assert_int_equal(here.hopeless, 1);
    end_workers();
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (getenv(WORKER_VARIABLE) != NULL)
        return be_worker();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_come_up_and_end_when_told),
        cmocka_unit_test(one_that_dies_in_a_reload_does_not_end_it_for_the_others),
        cmocka_unit_test(the_last_one_to_reload_may_die_of_it),
        cmocka_unit_test(one_that_never_comes_up_is_hopeless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
