#include "app/workers.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "app/hello.h"
#include "app/settings.h"
#include "app/spawn.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/hub.h"

#define BACK_OFF_MIN_MS 100
#define BACK_OFF_MAX_MS 10000
#define PROVEN_MS 60000    /* alive for so long, and earlier failures are forgotten */
#define HOPELESS_STARTS 5  /* failed starts of a worker that never was ready */
#define LOST_GRACE_MS 1000 /* for one that closed its socket to end */
#define WORKER_ID_MAX ((UINT64_C(1) << 53) - 1) /* Redis' scripts have no larger integers */

/*     DOWN --start--> STARTING --ready--> READY
 *      ^                  |                 |
 *      +------exit--------+------exit-------+          */
enum state { DOWN, STARTING, READY, STATE_COUNT };

struct slot {
    struct workers *workers;
    unsigned index;
    enum state state;
    worker_id id;          /* of the process that runs */
    worker_id crashed;     /* of one before it that nobody was told of yet; DIRECTORY: none */
    uv_process_t *process; /* NULL when DOWN */
    uv_timer_t timer;      /* when DOWN until the next start, else until it is killed */
    uint64_t started;      /* ms */
    unsigned failures;     /* in a row */
    bool proven;           /* was ready once */
    bool reloading;
};

struct workers {
    uv_loop_t *loop;
    struct workers_options options;
    struct workers_events events;
    struct hub *hub;
    struct slot *slots;
    worker_id last_id;
    bool all_were_ready;
    bool retired;
    unsigned open;  /* timers that are not closed yet */
    unsigned asked; /* the slot that workers_ask() asked last */
};

static void set_state(struct slot *slot, enum state state)
{
    static const bool legal[STATE_COUNT][STATE_COUNT] = {
        [DOWN] = {[STARTING] = true},
        [STARTING] = {[READY] = true, [DOWN] = true},
        [READY] = {[DOWN] = true},
    };
    if (!legal[slot->state][state])
        abort();
    slot->state = state;
}

static struct slot *find_slot(struct workers *workers, worker_id id)
{
    for (unsigned i = 0; i < workers->options.count; i++)
        if (workers->slots[i].state != DOWN && workers->slots[i].id == id)
            return &workers->slots[i];
    return NULL;
}

/* --- the dead --- */

/* With Redis the directory is not ours: any other worker can say there that one is no more. */
static bool tell_dead(struct workers *workers, worker_id dead)
{
    bool told = false;
    for (unsigned i = 0; i < workers->options.count; i++) {
        struct slot *slot = &workers->slots[i];
        if (slot->state != READY)
            continue;
        hub_control(workers->hub, slot->id, PACKET_DEAD,
                    (struct slice){(const char *)&dead, sizeof(dead)});
        told = true;
    }
    return told;
}

static void tell_of_crashed(struct workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++) {
        struct slot *slot = &workers->slots[i];
        if (slot->crashed != DIRECTORY && tell_dead(workers, slot->crashed))
            slot->crashed = DIRECTORY;
    }
}

/* Once used, never again: on one machine a count does; among many, chance. */
static worker_id next_id(struct workers *workers)
{
    worker_id id;
    if (!settings_use_redis(workers->options.config))
        return WORKER_RESERVED + ++workers->last_id;
    do {
        crypto_random(&id, sizeof(id));
        id &= WORKER_ID_MAX;
    } while (id <= WORKER_RESERVED);
    return id;
}

static bool some_reload(const struct workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++)
        if (workers->slots[i].reloading)
            return true;
    return false;
}

static void end_reload(struct slot *slot)
{
    struct workers *workers = slot->workers;
    bool was = slot->reloading;
    slot->reloading = false;
    if (was && !some_reload(workers))
        workers->events.on_reloaded(workers->events.context);
}

/* --- start --- */

static void start(struct slot *slot);

static void start_cb(uv_timer_t *timer)
{
    start(timer->data);
}

static void greet(struct slot *slot)
{
    struct workers *workers = slot->workers;
    struct buf config, packet;
    buf_init(&config, CONFIG_TEXT_MAX);
    buf_init(&packet, 2 * CONFIG_TEXT_MAX);
    config_write(workers->options.config, CONFIG_FORM_INTERNAL, &config);
    hello_write(&(struct hello){.id = slot->id,
                                .instance = *workers->options.instance,
                                .index = slot->index,
                                .workers = workers->options.count,
                                .keys = *workers->options.keys,
                                .config = buf_slice(&config)},
                &packet);
    hub_control(workers->hub, slot->id, PACKET_HELLO, buf_slice(&packet));
    explicit_bzero(config.data, config.len);
    explicit_bzero(packet.data, packet.len);
    buf_done(&config);
    buf_done(&packet);
}

static uint64_t back_off(const struct slot *slot)
{
    uint64_t delay = BACK_OFF_MAX_MS;
    if (slot->failures < 8)
        delay = (uint64_t)BACK_OFF_MIN_MS << (slot->failures - 1);
    return delay < BACK_OFF_MAX_MS ? delay : BACK_OFF_MAX_MS;
}

/* It is DOWN again: start it anew, later and later, or give up. */
static void fail(struct slot *slot)
{
    struct workers *workers = slot->workers;
    bool lived_long = uv_now(workers->loop) - slot->started >= PROVEN_MS;
    slot->failures = lived_long ? 1 : slot->failures + 1;
    if (workers->retired) {
        listeners_close_worker(workers->options.listeners, slot->index);
        workers->events.on_gone(workers->events.context);
    } else if (!slot->proven && slot->failures >= HOPELESS_STARTS) {
        workers->events.on_hopeless(workers->events.context, slot->index);
    } else {
        uv_timer_start(&slot->timer, start_cb, back_off(slot), 0);
    }
}

static void exit_cb(uv_process_t *process, int64_t status, int signal)
{
    struct slot *slot = process->data;
    struct workers *workers = slot->workers;
    bool as_told = workers->retired && status == 0 && signal == 0;
    log_event(as_told ? LOG_DEBUG : LOG_WARN, "worker-exited", LOG_UINT("worker", slot->index),
              LOG_INT("pid", process->pid), LOG_INT("status", status), LOG_INT("signal", signal),
              LOG_END);
    spawn_forget(process);
    slot->process = NULL;
    uv_timer_stop(&slot->timer);
    hub_remove(workers->hub, slot->id);
    set_state(slot, DOWN); /* before others are asked in its place */
    workers->events.on_ended(workers->events.context, slot->id);
    shared_bury(workers->options.shared, slot->index);
    if (!workers->retired)
        tally_add(&workers->options.shared->own->instance.restarts, 1);
    if (!as_told && settings_use_redis(workers->options.config))
        slot->crashed = slot->id;
    tell_of_crashed(workers);
    end_reload(slot); /* its successor reads everything anew */
    fail(slot);
}

static uv_process_t *spawn(struct slot *slot, int *ret_hub, int *ret_error)
{
    struct workers *workers = slot->workers;
    const struct listeners *listeners = workers->options.listeners;
    int *fds = mem_must((listeners->count + 1) * sizeof(*fds));
    for (size_t i = 0; i < listeners->count; i++)
        fds[i] = listeners_fd(listeners, i, slot->index);
    uv_process_t *process = spawn_worker(workers->loop,
                                         &(struct spawn){.program = workers->options.program,
                                                         .index = slot->index,
                                                         .shared = workers->options.shared->fd,
                                                         .listeners = fds,
                                                         .listener_count = listeners->count,
                                                         .on_exit = exit_cb},
                                         ret_hub, ret_error);
    mem_free(fds);
    return process;
}

static void start(struct slot *slot)
{
    struct workers *workers = slot->workers;
    int hub = -1, error = 0;
    slot->started = uv_now(workers->loop);
    slot->process = spawn(slot, &hub, &error);
    if (slot->process == NULL) {
        log_event(LOG_ERROR, "worker-not-started", LOG_UINT("worker", slot->index),
                  LOG_STR("cause", uv_strerror(error)), LOG_END);
        fail(slot);
        return;
    }
    slot->process->data = slot;
    slot->id = next_id(workers);
    set_state(slot, STARTING);
    log_event(LOG_INFO, "worker-started", LOG_UINT("worker", slot->index),
              LOG_INT("pid", slot->process->pid), LOG_END);
    if (hub_add(workers->hub, slot->id, hub) != 0)
        uv_process_kill(slot->process, SIGKILL);
    else
        greet(slot);
}

void workers_start(struct workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++)
        start(&workers->slots[i]);
}

/* --- what they say --- */

static bool all_are_ready(const struct workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++)
        if (workers->slots[i].state != READY)
            return false;
    return true;
}

static void on_ready(struct slot *slot)
{
    struct workers *workers = slot->workers;
    if (slot->state != STARTING)
        return;
    set_state(slot, READY);
    slot->proven = true;
    tell_of_crashed(workers);
    log_event(LOG_DEBUG, "worker-ready", LOG_UINT("worker", slot->index), LOG_END);
    if (!workers->all_were_ready && all_are_ready(workers)) {
        workers->all_were_ready = true;
        workers->events.on_all_ready(workers->events.context);
    }
}

static void on_answer(struct workers *workers, struct slice payload)
{
    struct frame answer;
    if (frame_decode(payload, &answer) == 0 && answer.kind == FRAME_CONTROLLED)
        workers->events.on_answer(workers->events.context, &answer);
}

static void on_control(void *context, worker_id id, enum packet_kind kind, struct slice payload)
{
    struct slot *slot = find_slot(context, id);
    if (slot != NULL && kind == PACKET_READY)
        on_ready(slot);
    if (slot != NULL && kind == PACKET_RELOADED)
        end_reload(slot);
    if (slot != NULL && kind == PACKET_CONTROL)
        on_answer(context, payload);
}

static void kill_cb(uv_timer_t *timer)
{
    struct slot *slot = timer->data;
    uv_process_kill(slot->process, SIGKILL);
}

/* Mostly the first sign that it crashed; but one that only broke its link must not live on. */
static void on_lost(void *context, worker_id id, const char *cause)
{
    struct workers *workers = context;
    struct slot *slot = find_slot(workers, id);
    if (slot == NULL)
        return;
    log_event(workers->retired ? LOG_DEBUG : LOG_WARN, "worker-lost",
              LOG_UINT("worker", slot->index), LOG_INT("pid", slot->process->pid),
              LOG_STR("cause", cause), LOG_END);
    uv_timer_start(&slot->timer, kill_cb, LOST_GRACE_MS, 0);
}

/* --- what they are told --- */

void workers_tell(struct workers *workers, enum packet_kind kind, struct slice payload)
{
    for (unsigned i = 0; i < workers->options.count; i++)
        if (workers->slots[i].state != DOWN)
            hub_control(workers->hub, workers->slots[i].id, kind, payload);
}

worker_id workers_ask(struct workers *workers, const struct frame *frame)
{
    for (unsigned i = 0; i < workers->options.count; i++) {
        workers->asked = (workers->asked + 1) % workers->options.count;
        const struct slot *slot = &workers->slots[workers->asked];
        if (slot->state != READY)
            continue;
        hub_control_frame(workers->hub, slot->id, frame);
        return slot->id;
    }
    return DIRECTORY;
}

void workers_reload(struct workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++)
        workers->slots[i].reloading = workers->slots[i].state != DOWN;
    workers_tell(workers, PACKET_RELOAD, SLICE_NONE);
}

void workers_retire(struct workers *workers)
{
    workers->retired = true;
    for (unsigned i = 0; i < workers->options.count; i++) {
        struct slot *slot = &workers->slots[i];
        if (slot->state == DOWN) {
            uv_timer_stop(&slot->timer);
            listeners_close_worker(workers->options.listeners, i);
        }
    }
}

void workers_end_rooms(struct workers *workers)
{
    hub_end(workers->hub);
}

unsigned workers_running(const struct workers *workers)
{
    unsigned running = 0;
    for (unsigned i = 0; i < workers->options.count; i++)
        running += workers->slots[i].state != DOWN;
    return running;
}

unsigned workers_ready(const struct workers *workers)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < workers->options.count; i++)
        ready += workers->slots[i].state == READY;
    return ready;
}

void workers_kill(struct workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++)
        if (workers->slots[i].state != DOWN)
            uv_process_kill(workers->slots[i].process, SIGKILL);
}

/* --- life --- */

struct workers *workers_new(uv_loop_t *loop, const struct workers_options *options,
                            const struct workers_events *events)
{
    struct workers *workers = mem_must(sizeof(*workers));
    struct directory_options directory = settings_directory(options->config);
    struct hub_events hub_events = {workers, on_control, on_lost};
    workers->loop = loop;
    workers->options = *options;
    workers->events = *events;
    bool is_hub = options->count > 1 && !settings_use_redis(options->config);
    workers->hub = hub_new(loop, is_hub ? &directory : NULL, &hub_events);
    workers->slots = mem_must(options->count * sizeof(*workers->slots));
    workers->open = options->count;
    for (unsigned i = 0; i < options->count; i++) {
        struct slot *slot = &workers->slots[i];
        *slot = (struct slot){.workers = workers, .index = i};
        uv_timer_init(loop, &slot->timer);
        slot->timer.data = slot;
    }
    return workers;
}

static void close_cb(uv_handle_t *handle)
{
    struct slot *slot = handle->data;
    struct workers *workers = slot->workers;
    if (--workers->open > 0)
        return;
    mem_free(workers->slots);
    mem_free(workers);
}

void workers_close(struct workers *workers)
{
    hub_close(workers->hub);
    workers->hub = NULL;
    for (unsigned i = 0; i < workers->options.count; i++)
        uv_close((uv_handle_t *)&workers->slots[i].timer, close_cb);
}
