/* What clients are told of ICE servers: with `joined`, and again before the credentials end. */
#include "core/reply.h"
#include "core/state.h"

#define SERVERS_MAX (1u << 20) /* bytes of JSON */

struct ice_validity ice_servers(struct session *session, struct buf *ret_servers)
{
    const struct exchange *exchange = session->exchange;
    struct slice granted = access_ice_servers(session);
    buf_init(ret_servers, SERVERS_MAX);
    if (granted.ptr != NULL) {
        buf_add_slice(ret_servers, granted);
        return (struct ice_validity){0};
    }
    if (exchange->world.ice_servers != NULL)
        return exchange->world.ice_servers(exchange->world.context, session->connection,
                                           member_name(session->member), ret_servers);
    buf_add_slice(ret_servers, exchange->options.ice_servers);
    return (struct ice_validity){0};
}

/* After 70 to 80 % of the time: all that joined at once, as after a restart, do not ask at once. */
void ice_refresh_later(struct session *session, uint64_t ttl)
{
    struct exchange *exchange = session->exchange;
    uint16_t chance;
    if (ttl == 0)
        return;
    exchange->world.random(exchange->world.context, &chance, sizeof(chance));
    uint64_t after = ttl * 7 / 10 + ttl * chance / (10 * ((uint64_t)UINT16_MAX + 1));
    wheel_arm(&exchange->wheel, &session->ice, exchange->now + (after == 0 ? 1 : after));
}

void ice_on_due(struct deadline *deadline)
{
    struct session *session = WHEEL_OWNER(deadline, struct session, ice);
    struct buf servers;
    struct ice_validity validity = ice_servers(session, &servers);
    if (validity.ttl == 0) { /* granted by a token that came since */
        buf_done(&servers);
        return;
    }
    struct message *message =
        buf_failed(&servers) ? NULL : reply_ice_servers(buf_slice(&servers), validity.expires);
    buf_done(&servers);
    ice_refresh_later(session, validity.ttl);
    session_send(session, message);
}
