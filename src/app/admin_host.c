#include "app/admin_host.h"

#include <string.h>

#include "api/admin.h"
#include "api/problem.h"
#include "app/settings_admin.h"
#include "app/settings_auth.h"
#include "app/settings_ice.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/server.h"

#define CONNECTIONS_MAX 256
#define TICK_MS 250

struct admin_host {
    uv_loop_t *loop;
    const struct config *config;
    const struct shared *shared;
    const struct instance *instance;
    struct admin_host_events events;
    uv_timer_t tick; /* for questions that nobody answers */
    unsigned open;   /* of timer and server */
    struct admin *admin;
    const struct static_table *dashboard; /* that admin has; or NULL */
    struct ice_rules ice;
    struct server *server;
    unsigned connections;
};

/* --- sockets --- */

int admin_host_listen(const struct config *config, struct listeners *ret_listeners,
                      char ret_error[LISTEN_ERROR_SIZE])
{
    const struct config_listeners none = {0};
    const struct config_source *source = &config->sources[CONFIG_ID(admin, listen)];
    if (listeners_open(ret_listeners, &config->admin.listen, 1, config->server.backlog,
                       ret_error) == 0)
        return 0;
    if (source->from != CONFIG_FROM_DEFAULT)
        return -1;
    log_event(LOG_WARN, "admin-not-listening", LOG_STR("cause", ret_error), LOG_END);
    return listeners_open(ret_listeners, &none, 1, config->server.backlog, ret_error);
}

static bool is_loopback(const struct config_listener *address)
{
    return strncmp(address->host, "127.", 4) == 0 || strcmp(address->host, "::1") == 0;
}

static void log_listener(const struct config_listener *address)
{
    char url[LISTEN_URL_SIZE];
    listener_url(address, url);
    log_event(LOG_INFO, "admin-listening", LOG_STR("url", url), LOG_END);
    if (address->scheme == CONFIG_SCHEME_HTTP && !is_loopback(address))
        log_event(LOG_WARN, "admin-in-the-clear", LOG_STR("url", url),
                  LOG_STR("cause", "tokens cross the network unencrypted; use https"), LOG_END);
}

static int start_listeners(struct admin_host *host, struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        bool secure = listeners->addresses[i].scheme == CONFIG_SCHEME_HTTPS;
        int error = server_listen(host->server, listeners_take(listeners, i, 0), secure);
        if (error != 0) {
            log_event(LOG_ERROR, "admin-cannot-accept", LOG_STR("cause", uv_strerror(error)),
                      LOG_END);
            return -1;
        }
        log_listener(&listeners->addresses[i]);
    }
    return 0;
}

/* --- what the server reports --- */

static bool on_accept(void *context, const struct ip *address, uint64_t *ret_ticket)
{
    struct admin_host *host = context;
    (void)address;
    *ret_ticket = 0;
    if (host->connections == CONNECTIONS_MAX)
        return false;
    host->connections++;
    return true;
}

static void on_gone(void *context, uint64_t ticket)
{
    struct admin_host *host = context;
    (void)ticket;
    host->connections--;
}

static void on_request(void *context, struct connection *connection,
                       const struct http_request *request, struct http_response *response)
{
    struct admin_host *host = context;
    char address[46];
    struct admin_client client = {connection_number(connection),
                                  connection_address(connection, address)};
    admin_respond(host->admin, &client, request, response);
}

static void on_refused(void *context, int status, struct http_response *response)
{
    (void)context;
    admin_refuse(status, response);
}

static int on_upgrade(void *context, struct connection *connection,
                      const struct http_request *request, struct upgrade *upgrade,
                      struct http_response *refusal)
{
    (void)context;
    (void)connection;
    (void)request;
    (void)upgrade;
    problem_respond(refusal, 404, "not-found", "There is no WebSocket here.");
    return 404;
}

/* --- what the admin API asks --- */

static uint64_t now(void *context)
{
    struct admin_host *host = context;
    return uv_now(host->loop);
}

static const char *not_ready(void *context)
{
    struct admin_host *host = context;
    return host->events.not_ready(host->events.context);
}

static worker_id ask(void *context, const struct frame *frame)
{
    struct admin_host *host = context;
    return host->events.ask(host->events.context, frame);
}

static void write_card(void *context, struct buf *out)
{
    struct admin_host *host = context;
    const char *why = not_ready(host);
    card_write(host->instance, host->shared, why != NULL && strncmp(why, "draining", 8) == 0, out);
}

static void drain(void *context)
{
    struct admin_host *host = context;
    host->events.drain(host->events.context);
}

static void write_checks(void *context, struct buf *out)
{
    struct admin_host *host = context;
    host->events.write_checks(host->events.context, out);
}

static void write_metrics(void *context, struct buf *out)
{
    struct admin_host *host = context;
    host->events.write_metrics(host->events.context, out);
}

static bool answer(void *context, uint64_t connection, struct http_response *response)
{
    struct admin_host *host = context;
    return server_answer(host->server, connection, response);
}

/* --- what workers and the clock bring --- */

void admin_host_answered(struct admin_host *host, const struct frame *frame)
{
    admin_answered(host->admin, frame);
}

void admin_host_worker_ended(struct admin_host *host, worker_id worker)
{
    admin_worker_ended(host->admin, worker);
}

static void tick_cb(uv_timer_t *timer)
{
    struct admin_host *host = timer->data;
    admin_tick(host->admin);
}

/* By what name its clients know us nobody has said here: our STUN is only named by stun.url. */
static struct ice_validity ice_servers(void *context, struct slice peer, struct buf *out)
{
    struct admin_host *host = context;
    return ice_rules_write(&host->ice, SLICE_NONE, peer, clock_unix_ms() / 1000, out);
}

/* --- life --- */

static void use_all(struct admin_host *host, const struct admin_tokens *tokens,
                    struct jwk_set *keys)
{
    struct token_rules rules = settings_auth_rules(host->config);
    admin_use_tokens(host->admin, tokens);
    admin_use_keys(host->admin, keys, &rules);
}

/* Pages are of less weight than all else: a folder that can't be read leaves those before. */
static int load_dashboard(struct admin_host *host)
{
    char cause[STATIC_ERROR_SIZE];
    struct static_options options = settings_dashboard(host->config);
    if (options.folder == NULL)
        return 0;
    struct static_table *files = static_load(&options, host->dashboard, cause);
    if (files == NULL) {
        log_event(LOG_ERROR, "dashboard-not-loaded", LOG_STR("cause", cause), LOG_END);
        return -1;
    }
    admin_use_dashboard(host->admin, files);
    host->dashboard = files;
    return 0;
}

static int load(struct admin_host *host)
{
    char cause[SETTINGS_ERROR_SIZE];
    struct admin_tokens tokens;
    struct ice_rules ice = {0};
    struct jwk_set keys = {.count = 0};
    struct tls_options tls = settings_admin_tls(host->config);
    int error = settings_admin_tokens(host->config, &tokens, cause);
    if (error == 0)
        error = settings_ice(host->config, &ice, cause);
    if (error == 0)
        error = settings_auth_keys(host->config, &keys, cause);
    if (error == 0 && settings_admin_use_tls(host->config))
        error = server_tls(host->server, &tls, cause); /* takes effect at once: the last to fail */
    if (error == 0) {
        use_all(host, &tokens, &keys);
        host->ice = ice;
    } else {
        log_event(LOG_ERROR, "admin-not-loaded", LOG_STR("cause", cause), LOG_END);
    }
    jwk_set_done(&keys);
    explicit_bzero(&ice, sizeof(ice));
    explicit_bzero(&tokens, sizeof(tokens));
    return error;
}

void admin_host_reload(struct admin_host *host)
{
    load(host);
    load_dashboard(host);
}

struct admin_host *admin_host_new(uv_loop_t *loop, const struct config *config,
                                  struct listeners *listeners, const struct shared *shared,
                                  const struct instance *instance,
                                  const struct admin_host_events *events)
{
    struct admin_host *host = mem_must(sizeof(*host));
    struct server_options options = settings_admin_server(config);
    struct connection_handler handler = {
        .context = host,
        .on_accept = on_accept,
        .on_gone = on_gone,
        .on_request = on_request,
        .on_refused = on_refused,
        .on_upgrade = on_upgrade,
    };
    struct admin_world world = {
        .context = host,
        .instance = slice_of(instance->name),
        .clustered = settings_use_redis(config),
        .workers = shared->rows,
        .now = now,
        .not_ready = not_ready,
        .answer = answer,
        .ask = ask,
        .ice_servers = ice_servers,
        .card = write_card,
        .drain = drain,
        .write_checks = write_checks,
        .write_metrics = write_metrics,
    };
    host->loop = loop;
    host->config = config;
    host->shared = shared;
    host->instance = instance;
    host->events = *events;
    host->open = 2;
    uv_timer_init(loop, &host->tick);
    host->tick.data = host;
    uv_timer_start(&host->tick, tick_cb, TICK_MS, TICK_MS);
    host->admin = admin_new(&world);
    host->server = server_new(loop, &options, &handler);
    if (load(host) == 0 && load_dashboard(host) == 0 && start_listeners(host, listeners) == 0)
        return host;
    admin_host_close(host);
    return NULL;
}

static void free_if_closed(struct admin_host *host)
{
    if (--host->open > 0)
        return;
    server_free(host->server);
    admin_free(host->admin);
    explicit_bzero(&host->ice, sizeof(host->ice));
    mem_free(host);
}

static void on_ended(void *context)
{
    free_if_closed(context);
}

static void close_cb(uv_handle_t *handle)
{
    free_if_closed(handle->data);
}

void admin_host_close(struct admin_host *host)
{
    if (host == NULL)
        return;
    uv_close((uv_handle_t *)&host->tick, close_cb);
    server_end(host->server, CLOSE_DRAINING, 0, on_ended, host);
}
