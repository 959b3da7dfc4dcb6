#include "app/worker.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "app/config.h"
#include "app/hello.h"
#include "app/log_pump.h"
#include "app/service.h"
#include "app/settings.h"
#include "app/shared.h"
#include "base/crypto.h"
#include "base/log.h"
#include "bus/hub_link.h"
#include "core/control.h"

/*     GREETING --hello--> SERVING --stop--> ENDING --all is closed--> CLOSED
 *         |                                                             ^
 *         +------------------- nothing was built yet -------------------+        */
enum phase { GREETING, SERVING, ENDING, CLOSED, PHASE_COUNT };

struct worker {
    uv_loop_t loop;
    uv_timer_t log_pump;
    struct hub_link *link;
    struct config config;
    struct shared shared;
    struct service *service; /* NULL until hello */
    enum phase phase;
    int exit_code;
};

static void enter_phase(struct worker *worker, enum phase phase)
{
    static const bool legal[PHASE_COUNT][PHASE_COUNT] = {
        [GREETING] = {[SERVING] = true, [CLOSED] = true},
        [SERVING] = {[ENDING] = true},
        [ENDING] = {[CLOSED] = true},
    };
    assert(legal[worker->phase][phase]);
    worker->phase = phase;
}

/* --- the end --- */

static void close_link(struct worker *worker)
{
    enter_phase(worker, CLOSED);
    log_pump_close(&worker->log_pump);
    hub_link_close(worker->link);
}

static void on_ended(void *context)
{
    struct worker *worker = context;
    service_free(worker->service);
    worker->service = NULL;
    close_link(worker);
}

static void end(struct worker *worker, uint64_t deadline)
{
    if (worker->phase == GREETING)
        close_link(worker);
    if (worker->phase == SERVING)
        enter_phase(worker, ENDING);
    if (worker->phase == ENDING)
        service_end(worker->service, deadline, on_ended, worker);
}

static void fail(struct worker *worker)
{
    worker->exit_code = EXIT_FAILURE;
    end(worker, 0);
}

static void on_stop(struct worker *worker)
{
    bool again = worker->phase == ENDING;
    end(worker, again ? 0 : settings_end_timeout(&worker->config));
}

/* --- what the supervisor says --- */

static int read_config(struct worker *worker, const struct hello *hello)
{
    struct config_errors errors = {.count = 0};
    if (config_parse_text(&worker->config, hello->config.ptr, hello->config.len, "supervisor",
                          &errors) != 0) {
        config_errors_print(&errors, stderr);
        return -1;
    }
    log_init((enum log_level)worker->config.log.level, (enum log_format)worker->config.log.format,
             (int)hello->index);
    return 0;
}

static int attach_memory(struct worker *worker, const struct hello *hello)
{
    int error = shared_attach(&worker->shared, WORKER_FD_SHARED, hello->workers);
    if (error != 0)
        log_event(LOG_ERROR, "no-shared-memory", LOG_STR("cause", strerror(-error)), LOG_END);
    return error;
}

static void on_controlled(void *context, const struct frame *answer)
{
    struct worker *worker = context;
    hub_link_answer(worker->link, answer);
}

static void on_hello(struct worker *worker, struct slice payload)
{
    struct hello hello;
    if (worker->phase != GREETING || !hello_read(payload, &hello)) {
        log_event(LOG_ERROR, "bad-hello", LOG_END);
        fail(worker);
        return;
    }
    if (read_config(worker, &hello) != 0 || attach_memory(worker, &hello) != 0) {
        fail(worker);
        return;
    }
    enter_phase(worker, SERVING);
    worker->service = service_new(&worker->loop, &worker->config, &worker->shared, &hello,
                                  hub_link_bus(worker->link));
    if (worker->service != NULL)
        service_on_controlled(worker->service, on_controlled, worker);
    if (worker->service == NULL) {
        worker->exit_code = EXIT_FAILURE;
        close_link(worker);
    } else if (service_start(worker->service) == 0)
        hub_link_control(worker->link, PACKET_READY);
    else
        fail(worker);
    explicit_bzero(&hello, sizeof(hello));
}

static void on_ticket_keys(struct worker *worker, struct slice payload)
{
    struct tls_ticket_keys keys;
    if (payload.len != sizeof(keys))
        return;
    memcpy(&keys, payload.ptr, sizeof(keys));
    service_ticket_keys(worker->service, &keys);
    explicit_bzero(&keys, sizeof(keys));
}

static void on_dead(struct worker *worker, struct slice payload)
{
    worker_id dead;
    memcpy(&dead, payload.ptr, sizeof(dead)); /* its size is the kind's */
    service_dead(worker->service, dead);
}

/* It is ours: what it says is not doubted, but a worker of another version of the program may have
 * been started in place. */
static void on_asked(struct worker *worker, struct slice payload)
{
    struct frame frame;
    if (frame_decode(payload, &frame) == 0 && frame.kind == FRAME_CONTROL &&
        frame.request < CONTROL_REQUESTS)
        service_control(worker->service, &frame);
}

static void on_control(void *context, enum packet_kind kind, struct slice payload)
{
    struct worker *worker = context;
    if (kind == PACKET_HELLO)
        on_hello(worker, payload);
    else if (kind == PACKET_STOP)
        on_stop(worker);
    if (worker->phase != SERVING)
        return;
    switch (kind) {
    case PACKET_DRAIN: service_drain(worker->service); break;
    case PACKET_GOAWAY: service_goaway(worker->service); break;
    case PACKET_DEAD: on_dead(worker, payload); break;
    case PACKET_CONTROL: on_asked(worker, payload); break;
    case PACKET_TICKET_KEYS: on_ticket_keys(worker, payload); break;
    case PACKET_RELOAD:
        service_reload(worker->service);
        hub_link_control(worker->link, PACKET_RELOADED);
        break;
    default: break;
    }
}

/* Without a supervisor there is nobody to accept for: clients are better off elsewhere. */
static void on_lost(void *context, const char *cause)
{
    struct worker *worker = context;
    if (worker->phase != ENDING) {
        log_event(LOG_WARN, "supervisor-lost", LOG_STR("cause", cause), LOG_END);
        worker->exit_code = EXIT_FAILURE;
        on_stop(worker);
    }
}

/* --- the process --- */

/* A terminal sends its signals to all of the group, and so does systemd: the supervisor decides for
 * us. */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
        signal(ignored[i], SIG_IGN);
}

/* Somebody may have set the variable by hand: then this descriptor is anything, or free for libuv
 * to take. */
static bool has_supervisor(void)
{
    struct stat status;
    return fstat(WORKER_FD_HUB, &status) == 0 && S_ISSOCK(status.st_mode);
}

static int complain(const char *text, const char *cause)
{
    fprintf(stderr, "roomline: %s%s\n", text, cause);
    return EXIT_FAILURE;
}

int worker_run(void)
{
    struct worker worker = {.shared.fd = -1};
    struct hub_link_events events = {&worker, on_control, on_lost};
    if (!has_supervisor())
        return complain(WORKER_VARIABLE " is set, but there is no supervisor", "");
    ignore_signals();
    crypto_init();
    int error = uv_loop_init(&worker.loop);
    if (error != 0)
        return complain("a worker cannot start: ", uv_strerror(error));
    worker.link = hub_link_open(&worker.loop, WORKER_FD_HUB, &events, &error);
    if (worker.link == NULL)
        worker.exit_code = complain("a worker has no link: ", uv_strerror(error));
    else
        log_pump_start(&worker.log_pump, &worker.loop);
    uv_run(&worker.loop, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&worker.loop);
    assert(busy == 0);
    (void)busy;
    shared_done(&worker.shared);
    config_done(&worker.config);
    log_finish();
    return worker.exit_code;
}
