/* What clients ask of the service, by way of the server. */
#include "app/service_state.h"

#include "api/jwt.h"
#include "app/settings.h"
#include "base/log.h"

static bool on_accept(void *context, const struct ip *address, uint64_t *ret_ticket)
{
    struct service *service = context;
    struct shared_limits limits = {service->config->limits.connections,
                                   service->config->limits.connections_per_address};
    return shared_admit(service->shared, service->index, &limits, address, ret_ticket);
}

static void on_gone(void *context, uint64_t ticket)
{
    struct service *service = context;
    shared_release(service->shared, service->index, ticket);
}

static void on_request(void *context, struct connection *connection,
                       const struct http_request *request, struct http_response *response)
{
    struct service *service = context;
    (void)connection;
    routes_respond(&service->routes, request, response);
}

static void log_refusal(const struct connection *connection, const struct http_request *request,
                        int status)
{
    char address[IP_TEXT_SIZE];
    log_event(LOG_INFO, "upgrade-refused", LOG_UINT("connection", connection_number(connection)),
              LOG_SLICE("address", connection_address(connection, address)),
              LOG_INT("status", status), LOG_SLICE("origin", http_header(request, "Origin")),
              LOG_END);
}

/* A token that is too long to be any good is left out: who shows it then has none. */
static bool keep_bearer(struct session *session, const struct http_request *request)
{
    struct slice token = http_bearer(request);
    return exchange_bear(session, token.len > JWT_SIZE_MAX ? SLICE_NONE : token,
                         http_header(request, "Origin"));
}

static int on_upgrade(void *context, struct connection *connection,
                      const struct http_request *request, struct upgrade *upgrade,
                      struct http_response *refusal)
{
    struct service *service = context;
    struct room_request asked;
    int status = routes_upgrade(&service->routes, request, &asked, refusal);
    if (status != 0) {
        log_refusal(connection, request, status);
        return status;
    }
    if (service->ending)
        return 503;
    if (service->stun_port != 0 && !connection_keep_host(connection, request))
        return 503;
    service_wind_clock(service);
    upgrade->subprotocol = asked.subprotocol;
    upgrade->session =
        exchange_open(service->exchange, connection, (struct slice){asked.room, asked.room_len},
                      connection_number(connection));
    if (upgrade->session == NULL)
        return 503;
    if (!gate_is_guarded(service->config) || keep_bearer(upgrade->session, request))
        return 0;
    exchange_lost(upgrade->session, CLOSE_NONE);
    return 503;
}

static void on_message(void *session, struct slice text)
{
    exchange_receive(session, text);
}

static void on_pong(void *session, uint64_t number)
{
    exchange_pong(session, number);
}

static void on_lost(void *session, enum close_code cause)
{
    exchange_lost(session, cause);
}

void service_make_server(struct service *service)
{
    struct server_options options = settings_server(service->config);
    options.tally = &service->metrics->net;
    service->handler = (struct connection_handler){
        .context = service,
        .on_accept = on_accept,
        .on_gone = on_gone,
        .on_request = on_request,
        .on_upgrade = on_upgrade,
        .on_message = on_message,
        .on_pong = on_pong,
        .on_lost = on_lost,
    };
    service->routes.origins = settings_origins(service->config);
    service->server = server_new(service->loop, &options, &service->handler);
}
