#include "core/exchange.h"

#include "base/log.h"
#include "core/administer.h"
#include "core/ask.h"
#include "core/reply.h"
#include "core/state.h"

#define REPORT_BURST 16u /* of one session: as many calls as end at once */
#define REPORT_COST 15u  /* s until there may be one more */

/* ---- a client's message */

static bool over_rate(struct session *session, size_t bytes)
{
    const struct exchange_options *options = &session->exchange->options;
    uint64_t now = session->exchange->now;
    if (bucket_is_full(&session->messages, options->messages_per_second, now) &&
        bucket_is_full(&session->bytes, options->bytes_per_second, now))
        session->strikes = 0;
    bool message_fits = bucket_take(&session->messages, options->messages_per_second,
                                    options->messages_burst, 1, now);
    bool bytes_fit =
        bucket_take(&session->bytes, options->bytes_per_second, options->bytes_burst, bytes, now);
    if (!message_fits)
        exchange_hit(session->exchange, CORE_LIMIT_MESSAGES);
    else if (!bytes_fit)
        exchange_hit(session->exchange, CORE_LIMIT_BYTES);
    return !message_fits || !bytes_fit;
}

static void slow_down(struct session *session, const struct envelope *envelope)
{
    uint64_t limit = session->exchange->options.rate_strikes;
    session_fail(session, ERR_RATE_LIMITED, envelope->to, envelope->id);
    if (limit != 0 && ++session->strikes > limit) {
        exchange_hit(session->exchange, CORE_LIMIT_STRIKES);
        session_close(session, CLOSE_RATE_LIMITED);
    }
}

static void on_join(struct session *session, const struct envelope *envelope)
{
    (void)envelope;
    session_fail(session, ERR_ALREADY_JOINED, SLICE_NONE, SLICE_NONE);
}

static void on_info(struct session *session, const struct envelope *envelope)
{
    struct slice info;
    int error = access_info(session, envelope->info, &info);
    if (error != 0)
        session_fail(session, error, SLICE_NONE, SLICE_NONE);
    else
        session_say_info(session, info);
}

static void on_ping(struct session *session, const struct envelope *envelope)
{
    if (envelope->has_received && !session_acked(session, envelope->received))
        session_fail(session, ERR_BAD_MESSAGE, SLICE_NONE, SLICE_NONE);
    else
        session_send(session, reply_pong(session->received));
}

static void on_leave(struct session *session, const struct envelope *envelope)
{
    (void)envelope;
    session_leave(session, LEAVE_LEFT);
}

/* ---- how a call went */

static enum call_path path_of(const struct report *report)
{
    if (report->local == CANDIDATE_RELAY || report->remote == CANDIDATE_RELAY)
        return CALL_RELAY;
    bool known = report->local != CANDIDATE_NONE && report->local != CANDIDATE_OTHER &&
                 report->remote != CANDIDATE_NONE && report->remote != CANDIDATE_OTHER;
    return known ? CALL_DIRECT : CALL_PATH_UNKNOWN;
}

static void count_call(struct core_tally *tally, const struct report *report)
{
    tally_add(&tally->calls[report->outcome][report->reason], 1);
    tally_add(&tally->ice_restarts, report->ice_restarts);
    if (report->outcome != REPORT_CONNECTED)
        return;
    tally_add(&tally->candidates[report->local][report->remote], 1);
    if (report->has_connect_time)
        histogram_add(&tally->connect_time[path_of(report)], &histogram_slow,
                      report->connect_time * 1000);
    if (report->has_duration)
        histogram_add(&tally->duration, &histogram_calls, report->duration * 1000);
}

static void on_report(struct session *session, const struct envelope *envelope)
{
    struct exchange *exchange = session->exchange;
    if (bucket_take(&session->reports, 1, REPORT_BURST * REPORT_COST, REPORT_COST, exchange->now)) {
        count_call(exchange->tally, &envelope->report);
    } else {
        exchange_hit(exchange, CORE_LIMIT_REPORTS);
        session_fail(session, ERR_RATE_LIMITED, SLICE_NONE, SLICE_NONE);
    }
}

/* The messages of one who has joined. */
static const struct {
    void (*handle)(struct session *, const struct envelope *);
    unsigned right; /* enum right that it takes, or 0 */
} handlers[TYPE_COUNT] = {
    [TYPE_JOIN] = {on_join, 0},
    [TYPE_SIGNAL] = {route_signal, RIGHT_SIGNAL},
    [TYPE_INFO] = {on_info, RIGHT_INFO},
    [TYPE_PING] = {on_ping, 0},
    [TYPE_LEAVE] = {on_leave, 0},
    [TYPE_TOKEN] = {access_renew, 0},
    [TYPE_LOCK] = {administer_lock, RIGHT_ADMIN},
    [TYPE_KICK] = {administer_kick, RIGHT_ADMIN},
    [TYPE_CLOSE] = {administer_close, RIGHT_ADMIN},
    [TYPE_REPORT] = {on_report, 0},
};

static bool may(const struct session *session, enum message_type type)
{
    return (handlers[type].right & ~access_rights(session)) == 0;
}

static void receive_joined(struct session *session, const struct envelope *envelope, int error,
                           size_t bytes)
{
    session_confirm(session);
    if (envelope->type == TYPE_SIGNAL)
        session->received++; /* whatever comes of it, so that both sides count alike */
    if (envelope->type != TYPE_LEAVE && over_rate(session, bytes))
        slow_down(session, envelope);
    else if (error != 0)
        session_fail(session, error, envelope->to, envelope->id);
    else if (!may(session, envelope->type))
        session_fail(session, ERR_FORBIDDEN, envelope->to, envelope->id);
    else
        handlers[envelope->type].handle(session, envelope);
}

static void receive_first(struct session *session, const struct envelope *envelope, int error)
{
    if (error == 0 && envelope->type == TYPE_JOIN)
        join_start(session, envelope);
    else if (error == ERR_BAD_MESSAGE || envelope->type == TYPE_JOIN)
        session_fail(session, error, SLICE_NONE, SLICE_NONE);
    else
        session_fail(session, ERR_NOT_JOINED, SLICE_NONE, SLICE_NONE);
}

void exchange_receive(struct session *session, struct slice text)
{
    static struct envelope envelope; /* large: the compiler would clear it at each call */
    if (session->entry != NULL) {
        join_early(session, text);
        return;
    }
    int error = envelope_read(&envelope, text);
    struct core_tally *tally = session->exchange->tally;
    tally_add(&tally->received[envelope.type], 1);
    tally_add(&tally->received_bytes[envelope.type], text.len);
    if (error == ERR_NOT_JSON)
        session_close(session, CLOSE_NOT_JSON);
    else if (session->state == SESSION_NEW)
        receive_first(session, &envelope, error);
    else if (session->state == SESSION_HERE)
        receive_joined(session, &envelope, error, text.len);
}

/* ---- sockets */

struct session *exchange_open(struct exchange *exchange, void *connection, struct slice room,
                              uint64_t number)
{
    return session_new(exchange, connection, room, number);
}

bool exchange_bear(struct session *session, struct slice token, struct slice origin)
{
    return mem_replace(&session->bearer, &session->bearer_len, token.ptr, token.len) &&
           mem_replace(&session->origin, &session->origin_len, origin.ptr, origin.len);
}

void exchange_authorized(struct exchange *exchange, uint32_t ticket, int error,
                         const struct grant *grant)
{
    struct entry *entry = join_find(exchange, ticket);
    struct ask *ask = ask_find(exchange, ticket);
    if (entry != NULL && entry->session->state == SESSION_AUTHORIZING)
        join_authorized(entry->session, error, grant);
    else if (ask != NULL)
        access_on_renewed(ask, error, grant);
}

void exchange_pong(struct session *session, uint64_t number)
{
    if (session->state != SESSION_HERE)
        return;
    session_confirm(session);
    session->acking = false;
    if (number > session->hold.acked)
        session_acked(session, number);
}

void exchange_lost(struct session *session, enum close_code cause)
{
    session_unplugged(session, cause);
}

/* ---- frames of the bus */

static struct session *first_claim_from(struct exchange *exchange, worker_id former)
{
    struct entry *entry, *next;
    MAP_EACH (exchange->entries, entry, next) {
        if (entry->session->state == SESSION_CLAIMING && entry->former == former)
            return entry->session;
    }
    return NULL;
}

static void on_worker_down(struct exchange *exchange, const struct frame *frame)
{
    struct session *heir;
    /* From the start each time: one that gives up may end others. */
    while ((heir = first_claim_from(exchange, frame->worker)) != NULL)
        handover_give_up(heir);
    fence_on_worker_down(exchange, frame->worker);
}

void exchange_on_frame(struct exchange *exchange, const struct frame *frame)
{
    static void (*const on[FRAME_KIND_COUNT])(struct exchange *, const struct frame *) = {
        [FRAME_ROOM] = join_on_room,
        [FRAME_REFUSED] = join_on_refused,
        [FRAME_JOINED] = room_on_event,
        [FRAME_MOVED] = room_on_event,
        [FRAME_CHANGED] = room_on_event,
        [FRAME_GONE_AWAY] = room_on_event,
        [FRAME_LEFT] = room_on_event,
        [FRAME_WORKER_DOWN] = on_worker_down,
        [FRAME_SIGNAL] = route_on_signal,
        [FRAME_UNDELIVERED] = route_on_undelivered,
        [FRAME_CLAIM] = handover_on_claim,
        [FRAME_HOLD] = handover_on_hold,
        [FRAME_HANDED] = handover_on_handed,
        [FRAME_FENCE] = fence_on_fence,
        [FRAME_FENCED] = fence_on_fenced,
        [FRAME_EVICTED] = restore_on_evicted,
        [FRAME_CONTROLLED] = administer_on_controlled,
        [FRAME_SETTINGS] = room_on_event,
        [FRAME_CLOSED] = room_on_closed,
        [FRAME_NOTICE] = room_on_notice,
    };
    if (frame->kind < FRAME_KIND_COUNT && on[frame->kind] != NULL)
        on[frame->kind](exchange, frame);
}

/* ---- time, draining, the end */

void exchange_tick(struct exchange *exchange, uint64_t now)
{
    exchange->now = now;
    wheel_turn(&exchange->wheel, now);
}

void exchange_drain(struct exchange *exchange, uint64_t spread, uint64_t left)
{
    struct session *session;
    size_t turn = 0;
    exchange->closes_at = exchange->now + left;
    LIST_FOREACH(session, &exchange->sessions, link)
    {
        if (session->state == SESSION_HERE)
            wheel_arm(&exchange->wheel, &session->deadline,
                      exchange->now + 1 + spread * turn++ / (exchange->session_count + 1));
    }
}

void exchange_close_all(struct exchange *exchange, enum close_code code)
{
    struct session *session = LIST_FIRST(&exchange->sessions), *next;
    for (; session != NULL; session = next) {
        next = LIST_NEXT(session, link);
        if (session->state == SESSION_HERE && session->deadline.due != 0)
            session->deadline.on_due(&session->deadline); /* its turn for goaway had not come yet */
        session_close(session, code);
    }
}

struct exchange *exchange_new(const struct exchange_options *options,
                              const struct exchange_world *world, uint64_t now)
{
    struct exchange *exchange = mem_must(sizeof(*exchange));
    exchange->options = *options;
    exchange->world = *world;
    exchange->now = now;
    exchange->tally = options->tally != NULL ? options->tally : &exchange->own_tally;
    wheel_init(&exchange->wheel, now);
    LIST_INIT(&exchange->sessions);
    return exchange;
}

static void send_nowhere(void *context, const struct frame *frame)
{
    (void)context;
    (void)frame;
}

void exchange_free(struct exchange *exchange)
{
    struct session *session;
    exchange->world.send = send_nowhere;
    LIST_FOREACH(session, &exchange->sessions, link)
    {
        session->connection = NULL;
    }
    while ((session = LIST_FIRST(&exchange->sessions)) != NULL)
        session_free(session);
    fence_end_all(exchange);
    handover_forget_all(exchange);
    buf_done(&exchange->info);
    mem_free(exchange);
}

struct exchange_counts exchange_count(const struct exchange *exchange)
{
    return (struct exchange_counts){.rooms = MAP_COUNT(exchange->rooms),
                                    .sessions = exchange->session_count,
                                    .connections = exchange->connection_count};
}
