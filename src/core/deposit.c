/* The end of a drained worker: what it holds for its members goes into the mailbox.
 *
 *     session, away --DEPOSIT--> mailbox      what comes for it meanwhile is parked
 *             <---- GONE_AWAY, worker MAILBOX   it goes; the parked frames follow the hold
 *             <---- CLAIM                       somebody was faster: handed over as ever */
#include "base/log.h"
#include "core/state.h"

#define DEPOSIT_MAX (64u << 20)        /* bytes */
#define NOBODY_HAS ((uint64_t)1 << 52) /* signals: who claims it is told that it can't be resumed */

static bool is_ready(const struct session *session)
{
    const struct member *member = session->member;
    return session->exchange->options.mailbox && session->state == SESSION_AWAY &&
           !session->deposited && session->claim == NULL && member != NULL &&
           member->session == session && member->heir == NULL &&
           member->worker == session->exchange->options.self &&
           !room_is_behind(member->room, UINT64_MAX) && !fence_is_up(member, UINT64_MAX);
}

void deposit_again(struct session *session)
{
    struct exchange *exchange = session->exchange;
    struct buf held;
    buf_init(&held, DEPOSIT_MAX);
    for (unsigned i = 0; i < session->hold.count; i++)
        held_add(&held, message_text(hold_at(&session->hold, i)));
    if (!buf_failed(&held)) {
        session->deposited = true;
        exchange_send(exchange,
                      &(struct frame){.kind = FRAME_DEPOSIT,
                                      .from = exchange->options.self,
                                      .to = MAILBOX,
                                      .received = session->received,
                                      .acked = session->afresh ? NOBODY_HAS : session->hold.acked,
                                      .secret = session->secret,
                                      .room = room_name(session->room),
                                      .peer = member_name(session->member),
                                      .data = buf_slice(&held)});
    }
    buf_done(&held);
}

void deposit_start(struct session *session)
{
    if (is_ready(session))
        deposit_again(session);
}

void deposit_undo(struct session *session)
{
    if (!session->deposited)
        return;
    session->deposited = false;
    session_pass_on_parked(session);
}

void deposit_done(struct session *session)
{
    uint32_t stint = session_stint(session);
    handover_remember(session->exchange, stint,
                      &(struct frame){.from = MAILBOX,
                                      .request = stint,
                                      .version = session->version,
                                      .room = room_name(session->room),
                                      .peer = member_name(session->member)});
    log_event(LOG_INFO, "deposited", LOG_UINT("connection", session->number),
              LOG_SLICE("room", room_name(session->room)),
              LOG_SLICE("peer", member_name(session->member)), LOG_END);
    session_free(session);
}

void exchange_deposit(struct exchange *exchange)
{
    struct session *session;
    exchange->departing = true;
    exchange_close_all(exchange, CLOSE_DRAINING);
    LIST_FOREACH(session, &exchange->sessions, link)
    {
        deposit_start(session);
    }
}
