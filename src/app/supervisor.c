#include "app/supervisor.h"

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "app/admin_host.h"
#include "app/listen.h"
#include "app/log_pump.h"
#include "app/service.h"
#include "app/settings.h"
#include "app/settings_webhooks.h"
#include "app/shared.h"
#include "app/watch.h"
#include "app/workers.h"
#include "base/crypto.h"
#include "base/log.h"

#define LOOK_MS 20         /* how often a drain looks whether anybody is left */
#define KILL_GRACE_MS 2000 /* beyond that of clients, for workers to end by themselves */
#define AT_ONCE_MS 3000    /* the same after a second signal */
#define LEAVE_MS 6000      /* and to leave a cluster: app/service_bus.c */

/*     RUNNING --SIGTERM--> LINGERING --drain.linger--> SPREADING --drain.deadline--> STOPPING
 *                               |                          |                            ^
 *                               +-- nobody is left --------+-- or a second signal ------+  */
enum phase { RUNNING, LINGERING, SPREADING, STOPPING, PHASE_COUNT };

enum { ON_TERM, ON_INT, ON_HUP, SIGNAL_COUNT };

struct supervisor {
    uv_loop_t loop;
    const struct config *config;
    struct listeners listeners;
    struct listeners admin_listeners;
    struct shared shared;
    struct instance instance;
    struct workers *workers;
    struct admin_host *admin; /* NULL: none */
    struct tls_ticket_keys keys;
    uv_signal_t signals[SIGNAL_COUNT];
    uv_timer_t log_pump;
    uv_timer_t rotation; /* of the ticket keys */
    struct watch watch;
    uv_timer_t phase_timer;
    enum phase phase;
    uint64_t drain_started; /* ms */
    bool lingers;           /* also while nobody is connected */
    int exit_code;
};

static void enter_phase(struct supervisor *supervisor, enum phase phase)
{
    static const bool legal[PHASE_COUNT][PHASE_COUNT] = {
        [RUNNING] = {[LINGERING] = true, [STOPPING] = true},
        [LINGERING] = {[SPREADING] = true, [STOPPING] = true},
        [SPREADING] = {[STOPPING] = true},
    };
    assert(legal[supervisor->phase][phase]);
    supervisor->phase = phase;
}

/* --- the end --- */

static void end_if_done(struct supervisor *supervisor)
{
    if (supervisor->phase != STOPPING || supervisor->workers == NULL ||
        workers_running(supervisor->workers) > 0)
        return;
    workers_close(supervisor->workers);
    supervisor->workers = NULL;
    admin_host_close(supervisor->admin);
    supervisor->admin = NULL;
    for (int i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&supervisor->signals[i], NULL);
    log_pump_close(&supervisor->log_pump);
    uv_close((uv_handle_t *)&supervisor->rotation, NULL);
    watch_close(&supervisor->watch);
    uv_close((uv_handle_t *)&supervisor->phase_timer, NULL);
}

static void kill_cb(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    log_event(LOG_WARN, "killing", LOG_UINT("workers", workers_running(supervisor->workers)),
              LOG_END);
    workers_kill(supervisor->workers);
}

static void stop(struct supervisor *supervisor)
{
    uint64_t grace = settings_end_timeout(supervisor->config) + KILL_GRACE_MS;
    if (settings_use_redis(supervisor->config))
        grace += LEAVE_MS;
    if (settings_has_events(supervisor->config))
        grace += SERVICE_EVENTS_END_MS;
    enter_phase(supervisor, STOPPING);
    log_event(LOG_INFO, "stopping", LOG_END);
    workers_retire(supervisor->workers);
    workers_end_rooms(supervisor->workers);
    workers_tell(supervisor->workers, PACKET_STOP, SLICE_NONE);
    uv_timer_start(&supervisor->phase_timer, kill_cb, grace, 0);
    end_if_done(supervisor);
}

static void stop_at_once(struct supervisor *supervisor)
{
    if (supervisor->phase != STOPPING)
        stop(supervisor);
    if (supervisor->workers == NULL)
        return;
    workers_tell(supervisor->workers, PACKET_STOP, SLICE_NONE); /* heard twice: no more waiting */
    uv_timer_start(&supervisor->phase_timer, kill_cb, AT_ONCE_MS, 0);
}

/* --- draining --- */

/* A load balancer reads from /readyz that it must send nobody here any more, and needs the time
 * whether or not somebody is connected now. Not so where none can have looked: nothing was ever
 * accepted, or it is the Ctrl-C of somebody who waits at a terminal. */
static bool must_linger(const struct supervisor *supervisor, int number)
{
    return number == SIGTERM && shared_sum(&supervisor->shared, SHARED_accepted) > 0;
}

static bool nobody_is_left(const struct supervisor *supervisor, uint64_t passed)
{
    bool may_come = supervisor->lingers && passed < supervisor->config->drain.linger;
    return !may_come && shared_sum(&supervisor->shared, SHARED_websockets) == 0;
}

static void look_cb(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    const struct config *config = supervisor->config;
    uint64_t passed = uv_now(&supervisor->loop) - supervisor->drain_started;
    if (nobody_is_left(supervisor, passed) || passed >= config->drain.deadline) {
        stop(supervisor);
    } else if (supervisor->phase == LINGERING && passed >= config->drain.linger) {
        enter_phase(supervisor, SPREADING);
        workers_tell(supervisor->workers, PACKET_GOAWAY, SLICE_NONE);
        for (unsigned i = 0; i < supervisor->listeners.workers; i++)
            listeners_close_worker(&supervisor->listeners, i);
    }
}

static void drain(struct supervisor *supervisor, int number)
{
    enter_phase(supervisor, LINGERING);
    supervisor->lingers = must_linger(supervisor, number);
    log_event(LOG_INFO, "draining",
              LOG_UINT("websockets", shared_sum(&supervisor->shared, SHARED_websockets)), LOG_END);
    supervisor->drain_started = uv_now(&supervisor->loop);
    workers_retire(supervisor->workers);
    workers_tell(supervisor->workers, PACKET_DRAIN, SLICE_NONE);
    uv_timer_start(&supervisor->phase_timer, look_cb, 0, LOOK_MS);
}

/* --- signals --- */

static void reload(struct supervisor *supervisor)
{
    char cause[SETTINGS_ERROR_SIZE];
    if (supervisor->phase != RUNNING)
        return;
    if (settings_check_files(supervisor->config, cause) != 0) {
        log_event(LOG_ERROR, "reload-failed", LOG_STR("cause", cause), LOG_END);
        return;
    }
    if (supervisor->admin != NULL)
        admin_host_reload(supervisor->admin);
    workers_reload(supervisor->workers);
}

static void on_change(void *context)
{
    reload(context);
}

static void signal_cb(uv_signal_t *handle, int number)
{
    struct supervisor *supervisor = handle->data;
    if (number == SIGHUP)
        reload(supervisor);
    else if (supervisor->phase == RUNNING)
        drain(supervisor, number);
    else
        stop_at_once(supervisor);
}

static int start_signals(struct supervisor *supervisor)
{
    static const int numbers[SIGNAL_COUNT] = {
        [ON_TERM] = SIGTERM, [ON_INT] = SIGINT, [ON_HUP] = SIGHUP};
    int error = 0;
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < SIGNAL_COUNT && error == 0; i++) {
        error = uv_signal_init(&supervisor->loop, &supervisor->signals[i]);
        supervisor->signals[i].data = supervisor;
        if (error == 0)
            error = uv_signal_start(&supervisor->signals[i], signal_cb, numbers[i]);
    }
    return error;
}

/* --- ticket keys: each signs for one rotation, and is read for another --- */

static void make_key(struct supervisor *supervisor)
{
    supervisor->keys.previous = supervisor->keys.current;
    crypto_random(&supervisor->keys.current, sizeof(supervisor->keys.current));
}

static void rotate_cb(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    make_key(supervisor);
    if (supervisor->workers != NULL)
        workers_tell(supervisor->workers, PACKET_TICKET_KEYS,
                     (struct slice){(const char *)&supervisor->keys, sizeof(supervisor->keys)});
}

static void start_rotation(struct supervisor *supervisor)
{
    uint64_t interval = supervisor->config->tls.ticket_rotation;
    crypto_random(&supervisor->keys, sizeof(supervisor->keys));
    uv_timer_init(&supervisor->loop, &supervisor->rotation);
    supervisor->rotation.data = supervisor;
    if (interval > 0)
        uv_timer_start(&supervisor->rotation, rotate_cb, interval, interval);
}

/* --- what the admin listener asks --- */

static const char *not_ready(void *context)
{
    struct supervisor *supervisor = context;
    if (supervisor->phase != RUNNING)
        return "draining\n";
    return shared_sum(&supervisor->shared, SHARED_ready) == 0 ? "starting\n" : NULL;
}

static worker_id ask(void *context, const struct frame *frame)
{
    struct supervisor *supervisor = context;
    if (supervisor->phase == STOPPING || supervisor->workers == NULL)
        return DIRECTORY;
    return workers_ask(supervisor->workers, frame);
}

static void drain_on_request(void *context)
{
    struct supervisor *supervisor = context;
    if (supervisor->phase == RUNNING)
        drain(supervisor, SIGTERM);
}

static void add_check(struct buf *out, bool good, const char *name, const char *about)
{
    buf_add_format(out, "%s %s%s%s\n", good ? "[+]" : "[-]", name, about[0] == '\0' ? "" : ": ",
                   about);
}

/* How many of them there are, of those that there should be. */
static void add_count_check(struct buf *out, const char *name, uint64_t good, uint64_t all)
{
    char about[64];
    snprintf(about, sizeof(about), "%llu of %llu", (unsigned long long)good,
             (unsigned long long)all);
    add_check(out, good >= all, name, about);
}

static void write_checks(void *context, struct buf *out)
{
    struct supervisor *supervisor = context;
    struct metrics_sources sources = shared_sources(&supervisor->shared);
    bool redis = settings_use_redis(supervisor->config);
    add_check(out, supervisor->phase == RUNNING, "running",
              supervisor->phase == RUNNING ? "" : "draining");
    add_count_check(out, "workers", shared_sum(&supervisor->shared, SHARED_ready),
                    supervisor->listeners.workers);
    if (redis)
        add_count_check(out, "redis", metrics_sum(&sources, offsetof(struct metrics, bus.up)),
                        metrics_sum(&sources, offsetof(struct metrics, bus.shards)));
}

static void write_metrics(void *context, struct buf *out)
{
    struct supervisor *supervisor = context;
    struct metrics_sources sources = shared_sources(&supervisor->shared);
    struct metrics *own = supervisor->shared.own;
    bool running = supervisor->workers != NULL;
    metrics_measure_process(&own->process);
    tally_set(&own->instance.workers, running ? workers_running(supervisor->workers) : 0);
    tally_set(&own->instance.workers_ready, running ? workers_ready(supervisor->workers) : 0);
    tally_set(&own->instance.draining, supervisor->phase != RUNNING);
    metrics_write(&sources, out);
}

static void start_counting(const struct supervisor *supervisor)
{
    struct metrics *own = supervisor->shared.own;
    uv_timeval64_t now;
    uv_gettimeofday(&now);
    tally_set(&own->instance.started, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_usec);
    tally_set(&own->instance.build, 1);
    tally_set(&own->instance.connections_limit, supervisor->config->limits.connections);
}

static void start_admin(struct supervisor *supervisor)
{
    struct admin_host_events events = {supervisor,       not_ready,    ask,
                                       drain_on_request, write_checks, write_metrics};
    if (supervisor->admin_listeners.count > 0)
        supervisor->admin =
            admin_host_new(&supervisor->loop, supervisor->config, &supervisor->admin_listeners,
                           &supervisor->shared, &supervisor->instance, &events);
}

/* --- what workers come to --- */

static void on_all_ready(void *context)
{
    struct supervisor *supervisor = context;
    log_event(LOG_INFO, "ready", LOG_UINT("workers", supervisor->listeners.workers),
              LOG_STR("instance", supervisor->instance.name), LOG_END);
}

static void on_reloaded(void *context)
{
    (void)context;
    log_event(LOG_INFO, "reloaded", LOG_END);
}

static void on_answer(void *context, const struct frame *answer)
{
    struct supervisor *supervisor = context;
    if (supervisor->admin != NULL)
        admin_host_answered(supervisor->admin, answer);
}

static void on_ended(void *context, worker_id worker)
{
    struct supervisor *supervisor = context;
    if (supervisor->admin != NULL)
        admin_host_worker_ended(supervisor->admin, worker);
}

static void on_gone(void *context)
{
    end_if_done(context);
}

static void on_hopeless(void *context, unsigned index)
{
    struct supervisor *supervisor = context;
    fprintf(stderr, "roomline: worker %u dies whenever it is started; the lines above say why\n",
            index);
    supervisor->exit_code = EXIT_FAILED;
    if (supervisor->phase != STOPPING)
        stop(supervisor);
}

/* --- the start --- */

static unsigned worker_count(const struct config *config)
{
    if (config->server.workers > 0)
        return config->server.workers;
    unsigned cores = uv_available_parallelism();
    return cores < SHARED_ROW_MAX ? cores : SHARED_ROW_MAX;
}

/* Each connection takes a descriptor of its worker, which inherits the limit. libuv closes those
 * that find none, without a word. */
static void raise_file_limit(uint64_t connections, unsigned workers)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < connections / workers)
        log_event(LOG_WARN, "few-descriptors", LOG_UINT("descriptors", limit.rlim_max),
                  LOG_UINT("connections", connections), LOG_END);
}

static void log_listeners(const struct listeners *listeners)
{
    char url[LISTEN_URL_SIZE];
    for (size_t i = 0; i < listeners->count; i++) {
        listener_url(&listeners->addresses[i], url);
        bool stun = listeners->addresses[i].scheme == CONFIG_SCHEME_UDP;
        log_event(LOG_INFO, stun ? "stun-listening" : "listening", LOG_NULL("worker"),
                  LOG_STR("url", url), LOG_END);
    }
}

static void warn_of_strangers(const struct config *config)
{
    if (config->auth.mode == CONFIG_AUTH_NONE)
        log_event(LOG_WARN, "no-auth",
                  LOG_STR("cause", "anybody who can reach this server may enter any room; "
                                   "auth.mode token demands tokens: docs/access.md"),
                  LOG_END);
}

static int complain(const char *text, int exit_code)
{
    fprintf(stderr, "roomline: %s\n", text);
    return exit_code;
}

/* 0, or a libuv error: so short of descriptors a loop can't be used, nor closed, and the process
 * should end. */
static int start_loop(struct supervisor *supervisor)
{
    int error = uv_loop_init(&supervisor->loop);
    return error != 0 ? error : start_signals(supervisor);
}

static void run(struct supervisor *supervisor)
{
    char program[PATH_MAX] = "/proc/self/exe";
    size_t size = sizeof(program);
    /* Found once: after an update in place a worker that is started again is the new program. */
    uv_exepath(program, &size);
    struct workers_options options = {
        .count = supervisor->listeners.workers,
        .program = program,
        .config = supervisor->config,
        .listeners = &supervisor->listeners,
        .shared = &supervisor->shared,
        .instance = &supervisor->instance,
        .keys = &supervisor->keys,
    };
    struct workers_events events = {supervisor,  on_all_ready, on_reloaded, on_gone,
                                    on_hopeless, on_answer,    on_ended};
    log_pump_start(&supervisor->log_pump, &supervisor->loop);
    start_rotation(supervisor);
    watch_start(&supervisor->watch, &supervisor->loop, supervisor->config, on_change, supervisor);
    uv_timer_init(&supervisor->loop, &supervisor->phase_timer);
    supervisor->phase_timer.data = supervisor;
    start_counting(supervisor);
    start_admin(supervisor);
    supervisor->workers = workers_new(&supervisor->loop, &options, &events);
    workers_start(supervisor->workers);
    uv_run(&supervisor->loop, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&supervisor->loop);
    assert(busy == 0);
    (void)busy;
}

/* STUN's, behind the others. Where the default address is taken, as by another instance on this
 * machine or a TURN server, there are none. */
static int open_stun(struct supervisor *supervisor, struct config *config,
                     char cause[LISTEN_ERROR_SIZE])
{
    struct listeners stun;
    if (listeners_open(&stun, &config->stun.listen, supervisor->listeners.workers, 0, cause) == 0) {
        listeners_join(&supervisor->listeners, &stun);
        return 0;
    }
    if (config->sources[CONFIG_ID(stun, listen)].from != CONFIG_FROM_DEFAULT)
        return -1;
    log_event(LOG_WARN, "stun-not-listening", LOG_STR("cause", cause), LOG_END);
    config->stun.listen.count = 0;
    return 0;
}

/* All of them or none. */
static int open_listeners(struct supervisor *supervisor, struct config *config, unsigned workers,
                          char cause[LISTEN_ERROR_SIZE])
{
    if (listeners_open(&supervisor->listeners, &config->server.listen, workers,
                       config->server.backlog, cause) != 0)
        return -1;
    if (open_stun(supervisor, config, cause) == 0 &&
        admin_host_listen(config, &supervisor->admin_listeners, cause) == 0)
        return 0;
    listeners_done(&supervisor->listeners);
    return -1;
}

static void close_listeners(struct supervisor *supervisor)
{
    listeners_done(&supervisor->listeners);
    listeners_done(&supervisor->admin_listeners);
}

int supervisor_run(struct config *config)
{
    struct supervisor supervisor = {.config = config};
    char cause[LISTEN_ERROR_SIZE];
    unsigned workers = worker_count(config);
    instance_init(&supervisor.instance, config);
    raise_file_limit(config->limits.connections, workers);
    if (open_listeners(&supervisor, config, workers, cause) != 0)
        return complain(cause, EXIT_FAILED);
    if (shared_create(&supervisor.shared, workers) != 0) {
        close_listeners(&supervisor);
        return complain("no memory to share with workers", EXIT_FAILED);
    }
    int error = start_loop(&supervisor);
    if (error == 0) {
        log_listeners(&supervisor.listeners);
        warn_of_strangers(config);
        run(&supervisor);
        log_event(LOG_INFO, "stopped", LOG_END);
    } else {
        supervisor.exit_code = complain(uv_strerror(error), EXIT_FAILED);
    }
    close_listeners(&supervisor);
    shared_done(&supervisor.shared);
    explicit_bzero(&supervisor.keys, sizeof(supervisor.keys));
    log_finish();
    return supervisor.exit_code;
}
