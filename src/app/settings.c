#include "app/settings.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "app/settings_admin.h"
#include "app/settings_auth.h"
#include "app/settings_bus.h"
#include "app/settings_ice.h"
#include "app/settings_webhooks.h"
#include "base/clock.h"

#define END_TIMEOUT_MS 5000     /* where timeouts.close sets no limit */
#define CHECK_INTERVAL_MS 60000 /* events of Redis are delivered at most once */

struct exchange_options settings_exchange(const struct config *config, worker_id self)
{
    const char *ice_servers = config->session.ice_servers.json;
    return (struct exchange_options){
        .self = self,
        .join_timeout = config->timeouts.join,
        .resume_window = config->session.resume_window,
        .ping_interval = config->session.ping_interval,
        .check_interval = settings_use_redis(config) ? CHECK_INTERVAL_MS : 0,
        .info_size = config->limits.info_size,
        .messages_per_second = config->limits.messages_per_second,
        .messages_burst = config->limits.messages_burst,
        .bytes_per_second = config->limits.bytes_per_second,
        .bytes_burst = config->limits.bytes_burst,
        .rate_strikes = config->limits.rate_strikes,
        .hold_messages = config->limits.hold_messages,
        .hold_bytes = config->limits.hold_bytes,
        .ice_servers = ice_servers == NULL ? SLICE("[]") : slice_of(ice_servers),
    };
}

/* Since the loop's clock, which is libuv's. */
static uint64_t unix_offset(void)
{
    return clock_unix_ms() - uv_hrtime() / 1000000;
}

struct directory_options settings_directory(const struct config *config)
{
    return (struct directory_options){
        .rooms = config->limits.rooms,
        .peers_per_room = config->limits.peers_per_room,
        .resume_window = config->session.resume_window,
        .unix_offset = unix_offset(),
        .made_rooms_only = !config->server.rooms_on_demand,
        .tells = settings_has_events(config),
    };
}

struct server_options settings_server(const struct config *config)
{
    static const enum proxy_mode proxy_modes[] = {
        [CONFIG_PROXY_NONE] = PROXY_NONE,
        [CONFIG_PROXY_PROTOCOL] = PROXY_PROTOCOL,
        [CONFIG_PROXY_FORWARDED_FOR] = PROXY_FORWARDED_FOR,
    };
    return (struct server_options){
        .backlog = (int)config->server.backlog,
        .tls_handshake_timeout = config->timeouts.tls_handshake,
        .headers_timeout = config->timeouts.headers,
        .http_idle_timeout = config->timeouts.http_idle,
        .close_timeout = config->timeouts.close,
        .header_size = config->limits.header_size,
        .body_size = config->limits.body_size,
        .ping_interval = config->session.ping_interval,
        .message_size = config->limits.message_size,
        .fragments = config->limits.fragments,
        .control_frames_per_second = config->limits.control_frames_per_second,
        .output_queue = config->limits.output_queue,
        .proxy = {proxy_modes[config->proxy.mode], config->proxy.networks.count,
                  config->proxy.networks.items},
    };
}

struct static_options settings_static(const struct config *config)
{
    return (struct static_options){
        .folder = config->server.client[0] == '\0' ? NULL : config->server.client,
        .hsts = config->http.hsts / 1000,
    };
}

struct tls_options settings_tls(const struct config *config)
{
    return (struct tls_options){
        .pairs = {{.cert = config->tls.cert, .key = config->tls.key}},
        .pair_count = 1,
        .min_version = config->tls.min_version == CONFIG_TLS_1_3 ? 13 : 12,
    };
}

struct origin_rules settings_origins(const struct config *config)
{
    return (struct origin_rules){
        .any = config->server.origins.any,
        .self = config->server.origins.self,
        .count = config->server.origins.count,
        .exact = config->server.origins.items,
    };
}

bool settings_use_tls(const struct config *config)
{
    for (size_t i = 0; i < config->server.listen.count; i++)
        if (config->server.listen.items[i].scheme == CONFIG_SCHEME_HTTPS)
            return true;
    return false;
}

bool settings_use_redis(const struct config *config)
{
    return config->bus.redis.count > 0;
}

uint64_t settings_end_timeout(const struct config *config)
{
    return config->timeouts.close == 0 ? END_TIMEOUT_MS : config->timeouts.close;
}

int settings_check_files(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE])
{
    char cause[STATIC_ERROR_SIZE > TLS_ERROR_SIZE ? STATIC_ERROR_SIZE : TLS_ERROR_SIZE];
    struct tls_options tls = settings_tls(config);
    struct static_options files = settings_static(config);
    /* Also when no listener needs it yet: a certificate that is configured must be good. */
    if (config->tls.cert[0] != '\0' && tls_check(&tls, cause) != 0) {
        bool key = strncmp(cause, "key ", 4) == 0;
        snprintf(ret_error, SETTINGS_ERROR_SIZE, "%s: %s", key ? "tls.key" : "tls.cert", cause);
        return -1;
    }
    if (static_check(&files, cause) != 0) {
        snprintf(ret_error, SETTINGS_ERROR_SIZE, "server.client: %s", cause);
        return -1;
    }
    if (settings_check_admin(config, ret_error) != 0 || settings_check_ice(config, ret_error) != 0)
        return -1;
    if (settings_check_auth(config, ret_error) != 0 ||
        settings_check_webhooks(config, ret_error) != 0)
        return -1;
    return settings_check_bus(config, ret_error);
}
