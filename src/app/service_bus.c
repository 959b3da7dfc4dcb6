#include "app/service_bus.h"

#include <assert.h>

#include "app/settings.h"
#include "app/settings_bus.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/hub_link.h"
#include "bus/local.h"
#include "bus/redis.h"

#define SETTLE_MIN_MS 1000 /* others need to hear where our peers went before we go */
#define SETTLE_MAX_MS 4000 /* SERVICE_LEAVE_MS has room for it and what follows */
#define WRITE_MAX_MS 500
#define PROBE_MS 3000 /* as often as Redis is probed by beats */

/*     OPEN --end--> SETTLING --settled--> LEAVING --written--> CLOSING
 *                       |                    |
 *                       '------- at once ----'                        */
enum phase { OPEN, SETTLING, LEAVING, CLOSING, PHASE_COUNT };

struct service_bus {
    uv_loop_t *loop;
    struct bus *bus;         /* that of the three that is used */
    struct bus *local;       /* the same, or NULL */
    struct redis_bus *redis; /* owner of the same, or NULL */
    struct bus *hub;         /* the same, or NULL */
    struct bus_tally *tally;
    uint64_t probed_at; /* ms */
    struct service_bus_events events;
    enum phase phase;
    uint64_t since; /* ms, when the phase began */
    void (*on_ended)(void *context);
};

static void enter_phase(struct service_bus *bus, enum phase phase)
{
    static const bool legal[PHASE_COUNT][PHASE_COUNT] = {
        [OPEN] = {[SETTLING] = true},
        [SETTLING] = {[LEAVING] = true},
        [LEAVING] = {[CLOSING] = true},
    };
    assert(legal[bus->phase][phase]);
    bus->phase = phase;
    bus->since = uv_now(bus->loop);
}

static void on_frame(void *context, const struct frame *frame)
{
    struct service_bus *bus = context;
    bus->events.on_frame(bus->events.context, frame);
}

static void export_room(void *context, struct slice room, node_emit emit, void *to)
{
    struct service_bus *bus = context;
    bus->events.export_room(bus->events.context, room, emit, to);
}

static void on_restore(void *context)
{
    struct service_bus *bus = context;
    bus->events.on_restore(bus->events.context);
}

static struct slice card(void *context)
{
    struct service_bus *bus = context;
    return bus->events.card(bus->events.context);
}

static struct redis_bus *join_redis(struct service_bus *bus, const struct config *config,
                                    worker_id self)
{
    char cause[SETTINGS_ERROR_SIZE];
    struct settings_bus settings;
    struct redis_bus *redis = NULL;
    if (settings_bus(config, &settings, cause) == 0) {
        struct redis_bus_options options = {
            .loop = bus->loop,
            .self = self,
            .shards = settings.urls,
            .shard_count = settings.count,
            .sentinel = settings.sentinel,
            .tls = settings.use_tls ? &settings.tls : NULL,
            .prefix = slice_of(config->bus.prefix),
            .directory = settings_directory(config),
            .hold_messages = config->limits.hold_messages,
            .hold_bytes = config->limits.hold_bytes,
            .tally = bus->tally,
            .context = bus,
            .card = card,
            .export_room = export_room,
            .on_restore = on_restore,
        };
        redis = redis_bus_new(&options, cause);
        explicit_bzero(&options.sentinel, sizeof(options.sentinel));
        settings_bus_done(&settings);
    }
    if (redis == NULL)
        log_event(LOG_ERROR, "no-redis", LOG_STR("cause", cause), LOG_END);
    return redis;
}

static struct bus *choose(struct service_bus *bus, const struct config *config,
                          const struct hello *hello, struct bus *hub)
{
    struct directory_options directory = settings_directory(config);
    if (settings_use_redis(config)) {
        bus->redis = join_redis(bus, config, hello->id);
        return bus->redis == NULL ? NULL : redis_bus_face(bus->redis);
    }
    if (hello->workers > 1) {
        bus->hub = hub;
        return hub;
    }
    bus->local = local_bus_new(&directory, uv_now(bus->loop));
    return bus->local;
}

struct service_bus *service_bus_new(uv_loop_t *loop, const struct config *config,
                                    const struct hello *hello, struct bus *hub,
                                    const struct service_bus_events *events,
                                    struct bus_tally *tally)
{
    struct service_bus *bus = mem_must(sizeof(*bus));
    bus->loop = loop;
    bus->events = *events;
    bus->tally = tally;
    bus->bus = choose(bus, config, hello, hub);
    if (bus->bus == NULL) {
        mem_free(bus);
        return NULL;
    }
    bus->bus->on_frame = on_frame;
    bus->bus->context = bus;
    return bus;
}

void service_bus_send(struct service_bus *bus, const struct frame *frame)
{
    bus->bus->send(bus->bus, frame);
}

void service_bus_flush(struct service_bus *bus)
{
    if (bus->phase != CLOSING)
        bus->bus->flush(bus->bus);
}

bool service_bus_is_ready(const struct service_bus *bus)
{
    return bus->redis == NULL || redis_bus_is_ready(bus->redis);
}

bool service_bus_has_mailbox(const struct service_bus *bus)
{
    return bus->redis != NULL;
}

bool service_bus_is_idle(const struct service_bus *bus)
{
    return bus->redis == NULL && (bus->local == NULL || local_bus_rooms(bus->local) == 0);
}

void service_bus_dead(struct service_bus *bus, worker_id dead)
{
    if (bus->redis != NULL && bus->phase == OPEN)
        redis_bus_reap(bus->redis, dead);
}

/* --- the end --- */

static void on_closed(void *context)
{
    struct service_bus *bus = context;
    bus->redis = NULL;
    bus->bus = NULL;
    bus->on_ended(bus->events.context);
}

static void step(struct service_bus *bus, bool at_once)
{
    uint64_t passed = uv_now(bus->loop) - bus->since;
    bool settled = passed >= SETTLE_MIN_MS && bus->events.is_settled(bus->events.context);
    if (bus->phase == SETTLING && (settled || at_once || passed >= SETTLE_MAX_MS)) {
        enter_phase(bus, LEAVING);
        redis_bus_leave(bus->redis);
        bus->bus->flush(bus->bus);
    } else if (bus->phase == LEAVING &&
               (redis_bus_is_quiet(bus->redis) || at_once || passed >= WRITE_MAX_MS)) {
        enter_phase(bus, CLOSING);
        redis_bus_close(bus->redis, on_closed, bus);
    }
}

void service_bus_end(struct service_bus *bus, bool at_once, void (*on_ended)(void *context))
{
    bus->on_ended = on_ended;
    if (bus->local != NULL) {
        local_bus_end(bus->local);
        bus->bus->flush(bus->bus);
    }
    if (bus->redis == NULL) {
        on_ended(bus->events.context);
        return;
    }
    if (bus->phase == OPEN)
        enter_phase(bus, SETTLING);
    step(bus, at_once);
}

void service_bus_tick(struct service_bus *bus)
{
    if (bus->local != NULL)
        local_bus_tick(bus->local, uv_now(bus->loop));
    if (bus->redis != NULL && bus->phase != CLOSING)
        redis_bus_tick(bus->redis);
    if (bus->phase != OPEN)
        step(bus, false);
}

void service_bus_measure(struct service_bus *bus)
{
    if (bus->redis != NULL)
        redis_bus_count(bus->redis);
    if (bus->hub == NULL || uv_now(bus->loop) - bus->probed_at < PROBE_MS)
        return;
    bus->probed_at = uv_now(bus->loop);
    hub_link_probe(bus->hub, &bus->tally->round_trip);
}

void service_bus_free(struct service_bus *bus)
{
    if (bus == NULL)
        return;
    if (bus->bus != NULL)
        bus->bus->on_frame = NULL;
    local_bus_free(bus->local);
    mem_free(bus);
}
