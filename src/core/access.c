#include "core/access.h"

#include "base/log.h"
#include "core/ask.h"
#include "core/json.h"
#include "core/reply.h"
#include "core/state.h"

#define INFO_MAX ((size_t)64 << 20) /* bytes, where options.info_size sets no limit */

unsigned access_rights(const struct session *session)
{
    return session->access == NULL ? RIGHTS_DEFAULT : session->access->rights;
}

/* ---- what was granted */

static void on_expiry(struct deadline *deadline)
{
    struct session *session = WHEEL_OWNER(deadline, struct access, expiry)->session;
    if (session->connection == NULL)
        return; /* who comes back has to show a token anyway */
    session_fail(session, ERR_UNAUTHORIZED, SLICE_NONE, SLICE_NONE);
    session_close(session, CLOSE_UNAUTHORIZED);
}

static bool keep(char **text, unsigned *len, struct slice slice)
{
    return slice.len == 0 || mem_replace(text, len, slice.ptr, slice.len);
}

static void access_free(struct access *access)
{
    if (access == NULL)
        return;
    wheel_disarm(&access->expiry);
    mem_free(access->info);
    mem_free(access->ice_servers);
    mem_free(access);
}

bool access_give(struct session *session, const struct grant *grant)
{
    struct exchange *exchange = session->exchange;
    struct access *access = mem_zero(sizeof(*access));
    if (access == NULL || !keep(&access->info, &access->info_len, grant->info) ||
        !keep(&access->ice_servers, &access->ice_servers_len, grant->ice_servers)) {
        access_free(access);
        return false;
    }
    access->session = session;
    access->rights = grant->rights;
    access->named = grant->peer.ptr != NULL;
    access->expiry.on_due = on_expiry;
    if (grant->lifetime != 0)
        wheel_arm(&exchange->wheel, &access->expiry, exchange->now + grant->lifetime);
    access_take(session);
    session->access = access;
    return true;
}

void access_take(struct session *session)
{
    access_free(session->access);
    session->access = NULL;
}

uint64_t access_lifetime(const struct session *session)
{
    const struct access *access = session->access;
    uint64_t now = session->exchange->now;
    if (access == NULL || access->expiry.due == 0)
        return 0;
    return access->expiry.due > now ? access->expiry.due - now : 1;
}

struct slice access_ice_servers(const struct session *session)
{
    const struct access *access = session->access;
    return access == NULL ? SLICE_NONE
                          : (struct slice){access->ice_servers, access->ice_servers_len};
}

/* ---- info: members that the grant gives can't be given by the client */

/* Whether two raw keys stand for the same name, however they are escaped. */
static bool same_key(struct slice a, struct slice b, char *space)
{
    bool plain = memchr(a.ptr, '\\', a.len) == NULL && memchr(b.ptr, '\\', b.len) == NULL;
    if (plain || slice_equal(a, b))
        return slice_equal(a, b);
    long a_len = json_decode(a, space, a.len);
    long b_len = a_len < 0 ? -1 : json_decode(b, space + a_len, b.len);
    return b_len >= 0 && slice_equal((struct slice){space, (size_t)a_len},
                                     (struct slice){space + a_len, (size_t)b_len});
}

static bool has_key(struct slice object, struct slice key, char *space)
{
    struct json_reader reader;
    struct json_member member;
    json_object_start(&reader, object);
    while (json_object_next(&reader, &member))
        if (same_key(member.key, key, space))
            return true;
    return false;
}

static void add_member(struct buf *out, const struct json_member *member)
{
    if (out->len > 0 && out->data[out->len - 1] != '{')
        buf_add_char(out, ',');
    buf_add_char(out, '"');
    buf_add_slice(out, member->key);
    buf_add_text(out, "\":");
    buf_add_slice(out, member->value);
}

/* The members of `issued`, then those of `own` that it does not have. `space` is as long as both. */
static void merge(struct buf *out, struct slice issued, struct slice own, char *space)
{
    struct json_reader reader;
    struct json_member member;
    buf_clear(out);
    buf_add_char(out, '{');
    json_object_start(&reader, issued);
    while (json_object_next(&reader, &member))
        add_member(out, &member);
    if (own.ptr != NULL && json_object_start(&reader, own))
        while (json_object_next(&reader, &member))
            if (!has_key(issued, member.key, space))
                add_member(out, &member);
    buf_add_char(out, '}');
}

static int too_large(struct exchange *exchange)
{
    exchange_hit(exchange, CORE_LIMIT_INFO_SIZE);
    return ERR_TOO_LARGE;
}

int access_info(const struct session *session, struct slice own, struct slice *ret_info)
{
    struct exchange *exchange = session->exchange;
    const struct access *access = session->access;
    size_t limit = exchange->options.info_size;
    *ret_info = own;
    if (limit != 0 && own.len > limit)
        return too_large(exchange);
    if (access == NULL || access->info == NULL)
        return 0;
    char *space = mem_alloc(access->info_len + own.len);
    if (space == NULL)
        return ERR_UNAVAILABLE;
    exchange->info.max = INFO_MAX;
    merge(&exchange->info, (struct slice){access->info, access->info_len}, own, space);
    mem_free(space);
    if (buf_failed(&exchange->info))
        return ERR_UNAVAILABLE;
    *ret_info = buf_slice(&exchange->info);
    return limit != 0 && ret_info->len > limit ? too_large(exchange) : 0;
}

void access_apply_info(struct session *session)
{
    struct slice has = member_info(session->member), info;
    if (session->access == NULL || session->access->info == NULL ||
        access_info(session, has, &info) != 0 || slice_equal(has, info))
        return;
    session_say_info(session, info);
}

/* ---- a new token while in the room */

static bool is_same_peer(const struct session *session, const struct grant *grant)
{
    if (grant->peer.ptr == NULL)
        return session->access == NULL || !session->access->named;
    return slice_equal(grant->peer, member_name(session->member));
}

/* A ticket would have to be torn, which only entering does. */
static int renew(struct session *session, int error, const struct grant *grant)
{
    if (error != 0)
        return error;
    if (!is_same_peer(session, grant))
        return ERR_FORBIDDEN;
    if (grant->ticket.ptr != NULL)
        return ERR_UNAUTHORIZED;
    return access_give(session, grant) ? 0 : ERR_UNAVAILABLE;
}

void access_on_renewed(struct ask *ask, int error, const struct grant *grant)
{
    struct session *session = ask->session;
    if (session->state == SESSION_HERE)
        error = renew(session, error, grant);
    else
        error = 0; /* nobody there to be told */
    bool renewed = session->state == SESSION_HERE && error == 0;
    ask_answer(ask, error);
    if (!renewed)
        return;
    access_apply_info(session);
    session_send(session, reply_token(access_lifetime(session)));
}

void access_renew(struct session *session, const struct envelope *envelope)
{
    struct exchange *exchange = session->exchange;
    struct grant grant = {.rights = 0};
    struct access_request asked = {.room = room_name(session->room),
                                   .peer = member_name(session->member),
                                   .token = envelope->token,
                                   .renewal = true};
    if (exchange->world.authorize == NULL)
        return; /* as `token` of a join is passed over */
    struct ask *ask = ask_new(session, envelope);
    if (ask == NULL)
        return;
    int answer = exchange->world.authorize(exchange->world.context, session->connection,
                                           ask->request, &asked, &grant);
    if (answer != AUTHORIZE_LATER)
        access_on_renewed(ask, answer, &grant);
}
