/* What is opened at the start, and what is read from files then and again on SIGHUP. */
#include "app/service_state.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "app/settings.h"
#include "app/settings_ice.h"
#include "app/settings_webhooks.h"
#include "base/log.h"

static int complain(const char *event, const char *cause)
{
    log_event(LOG_ERROR, event, LOG_STR("cause", cause), LOG_END);
    return -1;
}

static int load_files(struct service *service)
{
    char cause[STATIC_ERROR_SIZE];
    struct static_options options = settings_static(service->config);
    struct static_table *table = static_load(&options, service->routes.files, cause);
    if (table == NULL)
        return complain("client-not-loaded", cause);
    static_unref(service->routes.files);
    service->routes.files = table;
    return 0;
}

static int load_certificates(struct service *service)
{
    char cause[TLS_ERROR_SIZE];
    struct tls_options options = settings_tls(service->config);
    if (settings_use_tls(service->config) && server_tls(service->server, &options, cause) != 0)
        return complain("certificate-not-loaded", cause);
    return 0;
}

static int load_ice(struct service *service)
{
    char cause[SETTINGS_ERROR_SIZE];
    struct ice_rules rules;
    if (settings_ice(service->config, &rules, cause) != 0)
        return complain("turn-secret-not-loaded", cause);
    service->ice = rules;
    service->ice.stun_port = service->stun_port;
    if (service->stun == NULL)
        service->ice.stun = NULL;
    explicit_bzero(&rules, sizeof(rules));
    return 0;
}

static int load_keys(struct service *service)
{
    char cause[SETTINGS_ERROR_SIZE];
    if (gate_is_guarded(service->config) && gate_load(service->gate, cause) != 0)
        return complain("keys-not-loaded", cause);
    return 0;
}

static int start_events(struct service *service)
{
    char cause[HTTP_CLIENT_ERROR_SIZE];
    struct event_webhook_options options = settings_event_webhook(service->config);
    if (!settings_has_events(service->config))
        return 0;
    options.client.loop = service->loop;
    options.instance = service->instance.name;
    options.tally = &service->metrics->events;
    service->events = event_webhook_new(&options, cause);
    return service->events != NULL ? 0 : complain("no-event-webhook", cause);
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any.sa_family = AF_UNSPEC};
    socklen_t len = sizeof(address);
    getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* Behind a load balancer the host that clients ask for is the load balancer's, and it passes no
 * STUN: there they are told only what stun.url says. */
static int start_stun(struct service *service)
{
    const struct config *config = service->config;
    int first = WORKER_FD_LISTENERS + (int)config->server.listen.count;
    if (config->stun.listen.count == 0)
        return 0;
    if (config->proxy.mode == CONFIG_PROXY_NONE)
        service->stun_port = port_of(first);
    service->stun =
        stun_server_new(service->loop, config->stun.requests_per_second, &service->metrics->net);
    for (size_t i = 0; i < config->stun.listen.count; i++) {
        int error = stun_server_listen(service->stun, first + (int)i);
        if (error != 0)
            return complain("cannot-answer-stun", uv_strerror(error));
    }
    return 0;
}

static int start_listeners(struct service *service)
{
    const struct config_listeners *listen = &service->config->server.listen;
    for (size_t i = 0; i < listen->count; i++) {
        bool secure = listen->items[i].scheme == CONFIG_SCHEME_HTTPS;
        int error = server_listen(service->server, WORKER_FD_LISTENERS + (int)i, secure);
        if (error != 0)
            return complain("cannot-accept", uv_strerror(error));
    }
    return 0;
}

static bool load_all(struct service *service)
{
    return load_files(service) == 0 && load_certificates(service) == 0 && load_ice(service) == 0 &&
           load_keys(service) == 0;
}

int service_start(struct service *service)
{
    if (start_stun(service) != 0 || start_events(service) != 0 || !load_all(service) ||
        start_listeners(service) != 0)
        return -1;
    service_publish_counts(service); /* before the supervisor hears that we accept, and says so */
    return 0;
}

void service_reload(struct service *service)
{
    if (load_all(service))
        log_event(LOG_DEBUG, "reloaded", LOG_END);
}
