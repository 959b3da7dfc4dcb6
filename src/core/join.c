/* The way in: join asks the directory, the answer makes a member, a resumed one waits for what was
 * held. */
#include "base/log.h"
#include "core/ask.h"
#include "core/control.h"
#include "core/state.h"

#define RANDOM_PEER_BYTES 12   /* 96 random bits */
#define AHEAD_MAX (256u << 10) /* bytes; beyond it senders get peer-busy */

struct entry *join_find(struct exchange *exchange, uint32_t request)
{
    struct entry *entry;
    MAP_FIND(exchange->entries, &request, sizeof(request), entry);
    return entry;
}

/* Of two the later one, but one whose place in the row is not known yet counts as first. */
struct entry *join_find_before(struct exchange *exchange, const struct frame *claim)
{
    struct entry *entry, *next, *best = NULL;
    MAP_EACH (exchange->entries, entry, next) {
        struct session *session = entry->session;
        if (!entry->resuming || session->state == SESSION_AUTHORIZING ||
            session->version >= claim->version ||
            !slice_equal(room_name(session->room), claim->room) ||
            !slice_equal(entry_peer(entry), claim->peer))
            continue;
        if (best == NULL || session->version > best->session->version)
            best = entry;
    }
    return best;
}

bool join_is_claiming(const struct room *room, uint64_t before)
{
    struct entry *entry, *next;
    MAP_EACH (room->exchange->entries, entry, next) {
        const struct session *session = entry->session;
        if (session->state == SESSION_CLAIMING && session->room == room &&
            session->version < before)
            return true;
    }
    return false;
}

uint32_t join_next_request(struct exchange *exchange)
{
    do
        exchange->last_request = (exchange->last_request + 1) % CONTROL_REQUESTS;
    while ((exchange->last_request & STINT_MASK) == 0 ||
           join_find(exchange, exchange->last_request) != NULL ||
           ask_find(exchange, exchange->last_request) != NULL);
    return exchange->last_request;
}

static void set_peer(struct entry *entry, struct slice peer)
{
    entry->peer_len = (unsigned)peer.len;
    memcpy(entry->peer, peer.ptr, peer.len);
}

static void choose_peer(struct exchange *exchange, struct entry *entry)
{
    char random[RANDOM_PEER_BYTES];
    char text[CRYPTO_BASE64URL_SIZE(RANDOM_PEER_BYTES)];
    exchange->world.random(exchange->world.context, random, sizeof(random));
    crypto_base64url(random, sizeof(random), text, sizeof(text));
    set_peer(entry, slice_of(text));
}

static struct entry *entry_new(struct session *session, const struct envelope *envelope)
{
    struct exchange *exchange = session->exchange;
    struct entry *entry = mem_zero(sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->session = session;
    entry->request = join_next_request(exchange);
    entry->began = exchange_clock(exchange);
    MAP_ADD(exchange->entries, &entry->request, sizeof(entry->request), entry);
    if (entry->hh.tbl == NULL) {
        mem_free(entry);
        return NULL;
    }
    entry->resuming =
        envelope->session.ptr != NULL &&
        session_text_read(envelope->session, &entry->proof, entry->peer, &entry->peer_len);
    if (entry->resuming)
        entry->received = envelope->received;
    else if (envelope->peer.ptr != NULL)
        set_peer(entry, envelope->peer);
    entry->named = entry->peer_len > 0;
    return entry;
}

static uint32_t flags_of(const struct grant *grant)
{
    return (grant->peer.ptr != NULL ? JOIN_PROVEN : 0) |
           (grant->rights & RIGHT_ADMIN ? JOIN_ADMIN : 0);
}

static void request(struct session *session, struct slice info, const struct grant *grant)
{
    struct exchange *exchange = session->exchange;
    struct entry *entry = session->entry;
    char address[FRAME_ADDRESS_MAX];
    session_move(session, SESSION_ENTERING);
    exchange->world.random(exchange->world.context, &session->secret, sizeof(session->secret));
    struct frame request = {.kind = entry->resuming ? FRAME_RESUME : FRAME_JOIN,
                            .from = exchange->options.self,
                            .to = DIRECTORY,
                            .request = entry->request,
                            .room = room_name(session->room),
                            .peer = entry_peer(entry),
                            .secret = session->secret,
                            .proof = entry->proof,
                            .info = info,
                            .flags = flags_of(grant),
                            .peers_max = grant->peers_max,
                            .ticket = grant->ticket,
                            .ticket_ms = grant->lifetime == 0 ? CONTROL_TIME_MAX : grant->lifetime,
                            .address = session_address(session, address)};
    exchange_send(exchange, &request);
}

/* Who it is: as asked, as the grant says, or else somebody new. */
static int identify(struct exchange *exchange, struct entry *entry, const struct grant *grant)
{
    if (grant->peer.ptr != NULL && entry->named)
        return slice_equal(entry_peer(entry), grant->peer) ? 0 : ERR_FORBIDDEN;
    if (grant->peer.ptr != NULL)
        set_peer(entry, grant->peer);
    else if (!entry->named)
        choose_peer(exchange, entry);
    return 0;
}

static int take_grant(struct session *session, const struct grant *grant)
{
    struct exchange *exchange = session->exchange;
    int error = identify(exchange, session->entry, grant);
    if (error != 0 || exchange->world.authorize == NULL)
        return error;
    return access_give(session, grant) ? 0 : ERR_UNAVAILABLE;
}

/* `own` is what the client says of itself. One that takes its membership back and says nothing keeps
 * what it had: access_apply_info() looks at that later. */
static void admit(struct session *session, const struct grant *grant, struct slice own)
{
    struct slice info;
    int error = take_grant(session, grant);
    if ((access_rights(session) & RIGHT_INFO) == 0)
        own = SLICE_NONE;
    if (error == 0)
        error = access_info(session, own, &info);
    if (error != 0)
        session_refuse(session, error);
    else
        request(session, session->entry->resuming && own.ptr == NULL ? SLICE_NONE : info, grant);
}

void join_authorized(struct session *session, int error, const struct grant *grant)
{
    struct entry *entry = session->entry;
    struct slice own = {entry->info, entry->info_len};
    if (session->connection == NULL)
        session_free(session); /* nobody waits for it any more */
    else if (error != 0)
        session_refuse(session, error);
    else
        admit(session, grant, own);
}

static int authorize(struct session *session, const struct envelope *envelope,
                     struct grant *ret_grant)
{
    const struct exchange_world *world = &session->exchange->world;
    const struct entry *entry = session->entry;
    struct access_request asked = {
        .room = room_name(session->room),
        .peer = entry->named ? entry_peer(entry) : SLICE_NONE,
        .token = envelope->token.ptr != NULL ? envelope->token
                                             : (struct slice){session->bearer, session->bearer_len},
        .origin = {session->origin, session->origin_len},
    };
    *ret_grant = (struct grant){.rights = 0};
    if (world->authorize == NULL)
        return 0;
    return world->authorize(world->context, session->connection, entry->request, &asked, ret_grant);
}

void join_start(struct session *session, const struct envelope *envelope)
{
    struct exchange *exchange = session->exchange;
    struct slice info = envelope->info;
    struct grant grant;
    if (exchange->options.info_size != 0 && info.len > exchange->options.info_size) {
        exchange_hit(exchange, CORE_LIMIT_INFO_SIZE);
        session_fail(session, ERR_TOO_LARGE, SLICE_NONE, SLICE_NONE);
        return;
    }
    struct entry *entry = entry_new(session, envelope);
    if (entry == NULL) {
        session_fail(session, ERR_UNAVAILABLE, SLICE_NONE, SLICE_NONE);
        return;
    }
    session->entry = entry;
    session->request = entry->request;
    session_move(session, SESSION_AUTHORIZING);
    int answer = authorize(session, envelope, &grant);
    session_forget_upgrade(session);
    if (answer == 0)
        admit(session, &grant, info);
    else if (answer != AUTHORIZE_LATER)
        session_refuse(session, answer);
    else if (!mem_replace(&entry->info, &entry->info_len, info.ptr, info.len))
        session_refuse(session, ERR_UNAVAILABLE);
}

void join_early(struct session *session, struct slice text)
{
    struct hold_limits limits = exchange_hold_limits(session->exchange);
    struct hold *early = &session->entry->early;
    bool full = hold_is_full(early, &limits, text.len);
    struct message *message = full ? NULL : message_of(text);
    if (message == NULL || !hold_add(early, message))
        session_fail(session, full ? ERR_RATE_LIMITED : ERR_UNAVAILABLE, SLICE_NONE, SLICE_NONE);
    message_unref(message);
}

/* ---- signals that are faster than the answer */

struct session *join_find_stint(struct exchange *exchange, const struct frame *frame)
{
    struct entry *entry, *next;
    MAP_EACH (exchange->entries, entry, next) {
        if (session_stint(entry->session) == frame->stint &&
            slice_equal(room_name(entry->session->room), frame->room) &&
            slice_equal(entry_peer(entry), frame->peer))
            return entry->session;
    }
    return NULL;
}

bool join_keep_ahead(struct session *session, const struct frame *signal)
{
    struct entry *entry = session->entry;
    if (entry->ahead.max == 0)
        buf_init(&entry->ahead, AHEAD_MAX);
    frame_encode(signal, &entry->ahead);
    bool fits = !buf_failed(&entry->ahead);
    entry->ahead.failed = false; /* what is in it stays */
    return fits;
}

void join_release_ahead(struct exchange *exchange, struct buf *ahead)
{
    struct slice frames = buf_slice(ahead);
    struct frame signal;
    while (frame_next(&frames, &signal))
        route_on_signal(exchange, &signal);
    buf_done(ahead);
}

/* ---- the answer */

/* The membership that this session was given is nobody's. */
static void abandon(struct session *session)
{
    struct exchange *exchange = session->exchange;
    exchange_send(exchange, &(struct frame){.kind = FRAME_LEAVE,
                                            .from = exchange->options.self,
                                            .to = DIRECTORY,
                                            .room = room_name(session->room),
                                            .peer = entry_peer(session->entry),
                                            .secret = session->secret,
                                            .reason = LEAVE_LEFT});
    session_refuse(session, ERR_UNAVAILABLE);
}

/* The client never learnt its secret, or has joined again since by this worker: what was asked may
 * have had to wait for a long time. */
static bool is_stale(const struct session *session, const struct member *member)
{
    const struct session *other = member->session;
    return session->connection == NULL || (other != NULL && session_is_later(other, session));
}

static bool is_first_in_row(struct session *session)
{
    struct frame claim = {.room = room_name(session->room),
                          .peer = entry_peer(session->entry),
                          .version = session->version};
    return join_find_before(session->exchange, &claim) == NULL;
}

static void took_over(struct session *session, struct member *member, worker_id former)
{
    fence_on_arrival(session->room);
    if (former == DIRECTORY) {
        join_finish(session, false);
        return;
    }
    if (member->session == NULL && member->heir == NULL && is_first_in_row(session)) {
        member->heir = session;
        session->member = member;
    }
    session_move(session, SESSION_CLAIMING);
    handover_claim(session, former);
}

static bool secret_equal(const struct session_secret *a, const struct session_secret *b)
{
    return crypto_equal(a->bytes, b->bytes, SESSION_SECRET_SIZE);
}

/* What it wants to resume is held here all the same: it is the directory that has lost it. */
static bool is_held_here(const struct session *session, const struct member *member)
{
    const struct session *holder = member->session;
    const struct entry *entry = session->entry;
    return entry->resuming && holder != NULL &&
           (secret_equal(&holder->secret, &entry->proof) ||
            (holder->unconfirmed && secret_equal(&holder->proof, &entry->proof)));
}

static void entered(struct session *session, struct member *member)
{
    if (is_held_here(session, member)) {
        restore_session(session); /* behind what was said for the holder */
        took_over(session, member, session->exchange->options.self);
    } else if (is_stale(session, member)) {
        abandon(session);
    } else {
        session_attach(session, member);
        join_finish(session, false);
    }
}

/* We are a member and cannot be: no memory for the roster. */
static void undo(struct session *session)
{
    log_event(LOG_ERROR, "roster-refused", LOG_SLICE("room", room_name(session->room)),
              LOG_SLICE("peer", entry_peer(session->entry)), LOG_END);
    abandon(session);
}

/* The answer to a join or a resume: the room with us in it. */
static void on_answer(struct session *session, const struct frame *frame)
{
    struct slice peer = entry_peer(session->entry);
    if (frame->version < session->room->version)
        roster_start_over(session->room);
    bool whole = roster_apply(session->room, frame);
    roster_catch_up(session->room, session->room->heard);
    struct member *member = room_member(session->room, peer);
    if (!whole || member == NULL) {
        undo(session);
        return;
    }
    struct exchange *exchange = session->exchange;
    struct buf ahead = session->entry->ahead;
    session->entry->ahead = (struct buf){0};
    session->version = frame->version;
    session->taken = frame->reason & ROOM_PROVISIONAL ? 0 : frame->version;
    if ((frame->reason & ~ROOM_PROVISIONAL) == ROOM_TAKEN_OVER)
        took_over(session, member, frame->worker);
    else
        entered(session, member);
    join_release_ahead(exchange, &ahead);
}

void join_on_room(struct exchange *exchange, const struct frame *frame)
{
    struct entry *entry = join_find(exchange, frame->request);
    struct room *room = room_find(exchange, frame->room);
    if ((frame->reason & ~ROOM_PROVISIONAL) == ROOM_READ) {
        roster_on_read(exchange, frame);
    } else if (entry != NULL && entry->session->state == SESSION_ENTERING &&
               entry->session->room == room) {
        on_answer(entry->session, frame);
    }
}

/* Who holds what it wanted was not restored meanwhile. */
static void refused(struct session *session, int error)
{
    struct room *room = session->room;
    struct member *member = room_member(room, entry_peer(session->entry));
    bool held = session->entry->resuming && member != NULL && member->session != NULL;
    bool unrestored = member != NULL && member->unrestored;
    room->uses++;
    session_refuse(session, error);
    if (error == ERR_PEER_TAKEN)
        roster_wonder(room->exchange, room_name(room)); /* by somebody whom nobody here knows? */
    if (unrestored || (held && error == ERR_PEER_TAKEN))
        restore_room(room);
    room_release(room);
}

void join_on_refused(struct exchange *exchange, const struct frame *frame)
{
    struct entry *entry = join_find(exchange, frame->request);
    struct room *room = room_find(exchange, frame->room);
    if (entry != NULL && entry->session->state == SESSION_ENTERING)
        refused(entry->session, frame->error);
    else if (room != NULL)
        roster_on_unread(room, frame);
}

/* ---- what became of it, for the metrics */

void join_count_refused(const struct session *session)
{
    struct core_tally *tally = session->exchange->tally;
    bool lost = session->connection == NULL;
    if (session->entry == NULL)
        return;
    if (session->entry->resuming)
        tally_add(&tally->resumes[lost ? RESUME_LOST : RESUME_REFUSED], 1);
    else
        tally_add(&tally->joins[lost ? JOIN_LOST : JOIN_REFUSED], 1);
}

static void count_joined(struct exchange *exchange, const struct entry *done, bool resumed)
{
    struct core_tally *tally = exchange->tally;
    uint64_t now = exchange_clock(exchange);
    if (done->resuming)
        tally_add(&tally->resumes[resumed ? RESUME_RESUMED : RESUME_AFRESH], 1);
    else
        tally_add(&tally->joins[JOIN_JOINED], 1);
    if (now > 0)
        histogram_add(&tally->join_time, &histogram_slow, now - done->began);
}

/* ---- joined */

/* What came while the hold was still with the former holder goes behind it. */
static void append_late(struct session *session, struct hold *late)
{
    for (unsigned i = 0; i < late->count; i++)
        if (!hold_add(&session->hold, hold_at(late, i)))
            log_event(LOG_ERROR, "no-memory", LOG_SLICE("room", room_name(session->room)), LOG_END);
}

/* Here or on another worker. Here: of two that waited for the same hold in vain the later one may
 * have given up first. */
static bool is_superseded(struct session *session, const struct member *member)
{
    return (member->session != NULL && session_is_later(member->session, session)) ||
           handover_is_superseded(session);
}

void join_finish(struct session *session, bool resumed)
{
    struct exchange *exchange = session->exchange;
    struct entry *entry = session->entry;
    struct member *member = room_member(session->room, entry_peer(entry));
    if (member == NULL) {
        session_refuse(session, ERR_UNAVAILABLE);
        return;
    }
    if (is_superseded(session, member)) {
        session_superseded(session); /* another resumed it since, and has the hold */
        join_count_refused(session);
        session_free(session);
        return;
    }
    if (member->worker != exchange->options.self)
        session_superseded(session); /* the same, who will claim what this one is handed */
    struct room *room = session->room;
    struct entry done = *entry;
    struct hold early = entry->early;
    if (session->connection == NULL)
        join_count_refused(session);
    else
        count_joined(exchange, entry, resumed);
    entry->early = (struct hold){0};
    entry->claimed = false;
    session->proof = entry->proof;
    session->afresh = done.resuming && !resumed;
    room->uses++; /* what follows may end the session */
    session_attach(session, member);
    append_late(session, &entry->late);
    session_entered(session);
    session_move(session, SESSION_HERE);
    if (session->connection == NULL)
        session_unplugged(session, CLOSE_NONE);
    else
        welcome_client(session, done.resuming, resumed, &early);
    hold_done(&early);
    if (done.claimed) {
        done.claim.room = room_name(room);
        done.claim.peer = entry_peer(&done);
        handover_on_claim(exchange, &done.claim);
    }
    room_release(room);
}

void join_drop_claims(struct room *room, struct slice peer, enum leave_reason reason)
{
    struct entry *entry, *next;
    MAP_EACH (room->exchange->entries, entry, next) {
        struct slice name = entry_peer(entry);
        if (entry->session->state == SESSION_CLAIMING && entry->session->room == room &&
            slice_equal(name, peer))
            session_end(entry->session, reason);
    }
}
