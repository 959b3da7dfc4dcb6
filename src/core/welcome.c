/* What a client is told once it is in: joined, with the roster, then the signals that were held for it;
 * and then what it did not wait for is done. */
#include "base/log.h"
#include "core/reply.h"
#include "core/state.h"

static struct message *compose_joined(struct session *session, bool resumed,
                                      const struct buf *servers, uint64_t expires)
{
    struct exchange *exchange = session->exchange;
    struct member *member, *next;
    struct buf out;
    char text[SESSION_TEXT_SIZE];
    session_text(&session->secret, member_name(session->member), text);
    reply_joined_start(&out, &(struct joined){.room = room_name(session->room),
                                              .peer = member_name(session->member),
                                              .session = slice_of(text),
                                              .resumed = resumed,
                                              .received = session->received,
                                              .ice_servers = buf_slice(servers),
                                              .ice_expires = expires,
                                              .token_expires_in = access_lifetime(session),
                                              .ping_interval = exchange->options.ping_interval,
                                              .resume_window = exchange->options.resume_window});
    MAP_EACH (session->room->members, member, next) {
        if (member != session->member)
            reply_joined_peer(&out, member_name(member), member_info(member), member->away);
    }
    return reply_joined_end(&out);
}

static void send_held(struct session *session)
{
    for (unsigned i = 0; i < session->hold.count; i++)
        exchange_deliver(session, hold_at(&session->hold, i));
}

/* First what came back of the signals that the client sent before, then what it sent behind its join
 * without waiting for the answer. False: the session ended by it. */
static bool catch_up(struct session *session, struct hold *early)
{
    bool gone = false;
    session->gone = &gone;
    struct buf parked = session_unpark(session);
    struct slice bytes = buf_slice(&parked);
    struct frame frame;
    while (!gone && frame_next(&bytes, &frame))
        exchange_on_frame(session->exchange, &frame);
    buf_done(&parked);
    while (!gone && early->count > 0) {
        struct message *message = message_ref(hold_at(early, 0));
        hold_ack(early, early->acked + 1);
        exchange_receive(session, message_text(message));
        message_unref(message);
    }
    if (!gone)
        session->gone = NULL;
    return !gone;
}

void welcome_client(struct session *session, bool resuming, bool resumed, struct hold *early)
{
    struct buf servers;
    struct ice_validity validity = ice_servers(session, &servers);
    struct message *message =
        buf_failed(&servers) ? NULL : compose_joined(session, resumed, &servers, validity.expires);
    buf_done(&servers);
    log_event(LOG_INFO, "joined", LOG_UINT("connection", session->number),
              LOG_SLICE("room", room_name(session->room)),
              LOG_SLICE("peer", member_name(session->member)), LOG_BOOL("resumed", resumed),
              LOG_END);
    if (message == NULL) {
        session_close(session, CLOSE_OVERLOADED);
        return;
    }
    session_send(session, message);
    ice_refresh_later(session, validity.ttl);
    send_held(session);
    /* What came early was sent before the client could see its new secret: it confirms nothing. */
    if (!catch_up(session, early) || session->state != SESSION_HERE)
        return;
    session->unheard = !resuming;
    session->unconfirmed = resuming;
    session->afresh = resuming && !resumed;
    if (resuming)
        session->exchange->world.ping(session->connection, session->hold.acked);
    access_apply_info(session);
}
