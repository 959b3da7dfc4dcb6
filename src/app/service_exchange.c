/* What the exchange asks of the service. */
#include "app/service_state.h"

#include "app/settings.h"
#include "base/clock.h"
#include "base/crypto.h"

static void deliver(void *connection, struct message *message)
{
    connection_deliver(connection, message);
}

static void ping(void *connection, uint64_t number)
{
    connection_ping(connection, number);
}

static void close_connection(void *connection, enum close_code code)
{
    connection_close(connection, code);
}

static void send_frame(void *context, const struct frame *frame)
{
    struct service *service = context;
    service_bus_send(service->bus, frame);
}

static void make_random(void *context, void *bytes, size_t len)
{
    (void)context;
    crypto_random(bytes, len);
}

static uint64_t clock_us(void *context)
{
    (void)context;
    return uv_hrtime() / 1000;
}

static struct ice_validity ice_servers(void *context, void *connection, struct slice peer,
                                       struct buf *out)
{
    struct service *service = context;
    return ice_rules_write(&service->ice, connection_host(connection), peer, clock_unix_ms() / 1000,
                           out);
}

static struct slice address_of(void *connection, char ret_text[FRAME_ADDRESS_MAX])
{
    return connection_address(connection, ret_text);
}

static int authorize(void *context, void *connection, uint32_t ticket,
                     const struct access_request *asked, struct grant *ret_grant)
{
    struct service *service = context;
    char address[FRAME_ADDRESS_MAX];
    struct gate_visitor visitor = {connection_number(connection),
                                   connection_address(connection, address)};
    return gate_ask(service->gate, ticket, &visitor, asked, ret_grant);
}

void service_on_verdict(void *context, uint32_t ticket, int error, const struct grant *grant)
{
    struct service *service = context;
    service_wind_clock(service);
    exchange_authorized(service->exchange, ticket, error, grant);
}

void service_make_exchange(struct service *service, const struct hello *hello)
{
    struct exchange_options options = settings_exchange(service->config, hello->id);
    options.mailbox = service_bus_has_mailbox(service->bus);
    options.tally = &service->metrics->core;
    struct exchange_world world = {
        .context = service,
        .deliver = deliver,
        .ping = ping,
        .close = close_connection,
        .send = send_frame,
        .random = make_random,
        .clock = clock_us,
        .ice_servers = ice_servers,
        .address = address_of,
        .authorize = gate_is_guarded(service->config) ? authorize : NULL,
    };
    service->exchange = exchange_new(&options, &world, uv_now(service->loop));
}
