#include "core/ask.h"

#include "base/log.h"
#include "core/state.h"

struct ask *ask_find(struct exchange *exchange, uint32_t request)
{
    struct ask *ask;
    MAP_FIND(exchange->asks, &request, sizeof(request), ask);
    return ask;
}

static struct ask *ask_add(struct session *session)
{
    struct exchange *exchange = session->exchange;
    struct ask *ask = mem_zero(sizeof(*ask));
    if (ask == NULL)
        return NULL;
    ask->session = session;
    ask->request = join_next_request(exchange);
    MAP_ADD(exchange->asks, &ask->request, sizeof(ask->request), ask);
    if (ask->hh.tbl == NULL) {
        mem_free(ask);
        return NULL;
    }
    session->asks++;
    return ask;
}

struct ask *ask_new(struct session *session, const struct envelope *envelope)
{
    bool full = session->asks == ASKS_MAX;
    struct ask *ask = full ? NULL : ask_add(session);
    if (ask == NULL) {
        session_fail(session, full ? ERR_RATE_LIMITED : ERR_UNAVAILABLE, envelope->peer,
                     envelope->id);
        return NULL;
    }
    ask->peer_len = (unsigned)envelope->peer.len;
    ask->id_len = (unsigned)envelope->id.len;
    if (ask->peer_len > 0)
        memcpy(ask->peer, envelope->peer.ptr, ask->peer_len);
    if (ask->id_len > 0)
        memcpy(ask->id, envelope->id.ptr, ask->id_len);
    return ask;
}

static struct slice peer_of(const struct ask *ask)
{
    return (struct slice){ask->peer_len > 0 ? ask->peer : NULL, ask->peer_len};
}

static void log_outcome(const struct ask *ask, const char *outcome)
{
    struct slice admin = {ask->admin, ask->admin_len};
    if (ask->doing != NULL)
        log_event(LOG_INFO, "administered", LOG_SLICE("room", room_name(ask->session->room)),
                  LOG_SLICE("peer", admin), LOG_STR("op", ask->doing),
                  LOG_SLICE("kicked", peer_of(ask)), LOG_STR("outcome", outcome), LOG_END);
}

static void ask_free(struct ask *ask)
{
    ask->session->asks--;
    MAP_DELETE(ask->session->exchange->asks, ask);
    mem_free(ask);
}

void ask_free_all(struct session *session)
{
    struct ask *ask, *next;
    if (session->asks == 0)
        return;
    MAP_EACH (session->exchange->asks, ask, next) {
        if (ask->session != session)
            continue;
        log_outcome(ask, "unanswered");
        ask_free(ask);
    }
}

/* The error may close the connection and end the session, and with it all that it asks: by then this
 * one is gone. */
void ask_answer(struct ask *ask, int error)
{
    const struct ask answered = *ask;
    log_outcome(ask, error == 0 ? "done" : error_wire(error));
    ask_free(ask);
    if (error != 0)
        session_fail(answered.session, error, peer_of(&answered),
                     (struct slice){answered.id, answered.id_len});
}
