#include "api/token.h"

#include "api/members.h"
#include "base/crypto.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define AUDIENCE_MAX 512 /* bytes of `aud` and `iss` that can be the configured ones */
#define RANDOM_ID_BYTES 16

static const struct {
    const char *name;
    enum right right;
} rights[] = {
    {"signal", RIGHT_SIGNAL},
    {"info", RIGHT_INFO},
    {"admin", RIGHT_ADMIN},
};

unsigned token_right(struct slice name)
{
    for (size_t i = 0; i < COUNT(rights); i++)
        if (slice_is(name, rights[i].name))
            return rights[i].right;
    return 0;
}

/* ---- claims */

enum { ROOM, SUB, EXP, NBF, IAT, AUD, ISS, INFO, GRANTS, JTI, ONCE, CLAIM_COUNT };

static const char *const names[CLAIM_COUNT] = {"room", "sub",  "exp",    "nbf", "iat", "aud",
                                               "iss",  "info", "grants", "jti", "once"};

struct reading {
    struct token *token;
    const struct token_rules *rules;
    uint64_t now;
    struct named claims[CLAIM_COUNT];
};

static const struct json_member *get(const struct reading *reading, int which)
{
    return &reading->claims[which].found;
}

static bool has(const struct reading *reading, int which)
{
    return get(reading, which)->kind != JSON_INVALID;
}

/* Seconds since 1970 as ms. */
static bool read_time(const struct reading *reading, int which, uint64_t *ret_time)
{
    uint64_t seconds;
    if (!member_number(get(reading, which), &seconds) || seconds > UINT64_MAX / 2000)
        return false;
    *ret_time = seconds * 1000;
    return true;
}

static const char *read_times(struct reading *reading)
{
    struct grant *grant = &reading->token->grant;
    uint64_t now = reading->now, skew = reading->rules->skew, time;
    if (!has(reading, EXP))
        return "no exp";
    if (!read_time(reading, EXP, &time))
        return "exp is not a time";
    if (time + skew <= now)
        return "expired";
    grant->ends = time + skew;
    grant->lifetime = grant->ends - now;
    if (has(reading, NBF) && (!read_time(reading, NBF, &time) || time > now + skew))
        return "not valid yet";
    if (has(reading, IAT) && (!read_time(reading, IAT, &time) || time > now + skew))
        return "issued in the future";
    return NULL;
}

static bool is_text(const struct json_member *member, const char *text)
{
    char space[AUDIENCE_MAX];
    struct slice found;
    return member_text(member, space, sizeof(space), &found) && slice_is(found, text);
}

/* A text, or one of a list (RFC 7519 section 4.1.3). */
static bool names_audience(const struct json_member *aud, const char *audience)
{
    struct json_reader reader;
    struct json_member one;
    if (aud->kind != JSON_ARRAY)
        return is_text(aud, audience);
    json_array_start(&reader, aud->value);
    while (json_array_next(&reader, &one))
        if (is_text(&one, audience))
            return true;
    return false;
}

static const char *read_parties(struct reading *reading)
{
    const struct token_rules *rules = reading->rules;
    if (rules->issuer[0] != '\0' && !is_text(get(reading, ISS), rules->issuer))
        return "another iss";
    /* RFC 7519 section 4.1.3: who does not find himself in `aud` must refuse. */
    if (rules->audience[0] == '\0')
        return has(reading, AUD) ? "an aud, and auth.audience is not set" : NULL;
    return names_audience(get(reading, AUD), rules->audience) ? NULL : "another aud";
}

static const char *read_peer(struct reading *reading)
{
    struct token *token = reading->token;
    struct slice peer;
    if (!has(reading, SUB))
        return NULL;
    if (!member_text(get(reading, SUB), token->peer, sizeof(token->peer), &peer) ||
        !text_is_peer_name(peer))
        return "sub can be no peer ID";
    token->grant.peer = peer;
    return NULL;
}

static const char *read_info(struct reading *reading)
{
    const struct json_member *info = get(reading, INFO);
    if (!has(reading, INFO))
        return NULL;
    if (info->kind != JSON_OBJECT)
        return "info is not an object";
    reading->token->grant.info = info->value;
    return NULL;
}

/* Unknown ones are passed over: a later version may have more. */
static const char *read_grants(struct reading *reading)
{
    struct grant *grant = &reading->token->grant;
    const struct json_member *grants = get(reading, GRANTS);
    struct json_reader reader;
    struct json_member one;
    grant->rights = RIGHTS_DEFAULT;
    if (!has(reading, GRANTS))
        return NULL;
    if (grants->kind != JSON_ARRAY)
        return "grants is not a list";
    grant->rights = 0;
    json_array_start(&reader, grants->value);
    while (json_array_next(&reader, &one)) {
        for (size_t i = 0; i < COUNT(rights); i++)
            if (member_is(&one, rights[i].name))
                grant->rights |= rights[i].right;
    }
    return NULL;
}

/* ---- rooms */

/* A name, or a prefix that ends in '*'. False also where it is no text. */
static bool covers(const struct json_member *member, struct slice room)
{
    char space[ROOM_NAME_MAX + 1];
    struct slice pattern;
    if (!member_text(member, space, sizeof(space), &pattern) || pattern.len == 0)
        return false;
    if (pattern.ptr[pattern.len - 1] != '*')
        return slice_equal(pattern, room);
    pattern.len--;
    return room.len >= pattern.len && slice_equal(pattern, (struct slice){room.ptr, pattern.len});
}

static bool is_for(const struct reading *reading, struct slice room)
{
    const struct json_member *rooms = get(reading, ROOM);
    struct json_reader reader;
    struct json_member one;
    if (rooms->kind != JSON_ARRAY)
        return covers(rooms, room);
    json_array_start(&reader, rooms->value);
    for (int i = 0; i < TOKEN_ROOMS_MAX && json_array_next(&reader, &one); i++)
        if (covers(&one, room))
            return true;
    return false;
}

/* Each room remembers its own tickets: for two rooms it would be good twice. */
static bool is_for_one_room(const struct reading *reading)
{
    char space[ROOM_NAME_MAX + 1];
    struct slice name;
    return member_text(get(reading, ROOM), space, sizeof(space), &name) && name.len > 0 &&
           name.ptr[name.len - 1] != '*';
}

static const char *read_ticket(struct reading *reading)
{
    struct token *token = reading->token;
    const struct json_member *once = get(reading, ONCE);
    struct slice id;
    if (!has(reading, ONCE) || slice_is(once->value, "false"))
        return NULL;
    if (once->kind != JSON_BOOLEAN)
        return "once is not true or false";
    if (!member_text(get(reading, JTI), token->ticket, sizeof(token->ticket), &id) || id.len == 0)
        return "once without a jti of 1 to 128 bytes";
    if (!is_for_one_room(reading))
        return "once, but not for one room";
    token->grant.ticket = id;
    return NULL;
}

/* ---- all of it */

static const char *read_claims(struct reading *reading)
{
    static const char *(*const readers[])(struct reading *) = {
        read_times, read_parties, read_peer, read_info, read_grants, read_ticket,
    };
    for (size_t i = 0; i < CLAIM_COUNT; i++)
        reading->claims[i].name = names[i];
    if (members_read(reading->token->jwt.claims, reading->claims, CLAIM_COUNT) != NULL)
        return "a claim is there twice";
    for (size_t i = 0; i < COUNT(readers); i++) {
        const char *wrong = readers[i](reading);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

int token_check(struct token *token, const struct jwk_set *keys, const struct token_rules *rules,
                struct slice text, struct slice room, uint64_t now, const char **ret_cause)
{
    struct reading reading = {.token = token, .rules = rules, .now = now};
    token->grant = (struct grant){.rights = 0};
    *ret_cause = text.ptr == NULL ? "no token" : jwt_open(keys, text, &token->jwt);
    if (*ret_cause == NULL)
        *ret_cause = read_claims(&reading);
    if (*ret_cause != NULL)
        return ERR_UNAUTHORIZED;
    if (is_for(&reading, room))
        return 0;
    *ret_cause = "not for this room";
    return ERR_FORBIDDEN;
}

/* ---- minting */

static bool is_pattern(struct slice room)
{
    return room.len > 0 && room.ptr[room.len - 1] == '*';
}

const char *token_check_order(const struct token_order *order)
{
    if (order->room_count == 0)
        return "a token needs a room";
    for (size_t i = 0; i < order->room_count; i++)
        if (!text_is_room_name(order->rooms[i]))
            return "a room is a room name, or the start of one and *";
    if (order->peer.ptr != NULL && !text_is_peer_name(order->peer))
        return "sub is a peer ID: 1 to 64 bytes of UTF-8 without control characters";
    if (order->info.ptr != NULL && json_check(order->info) != JSON_OBJECT)
        return "info is a JSON object";
    if (order->lifetime < 1000 || order->lifetime > TOKEN_LIFETIME_MAX)
        return "ttl is 1 second to 365 days";
    if (order->once && (order->room_count != 1 || is_pattern(order->rooms[0])))
        return "a token that is good once is for one room";
    return NULL;
}

static void add_name(struct buf *out, const char *name)
{
    buf_add_text(out, out->len > 1 ? ",\"" : "\"");
    buf_add_text(out, name);
    buf_add_text(out, "\":");
}

static void add_text(struct buf *out, const char *name, struct slice text)
{
    add_name(out, name);
    text_add_json(out, text);
}

static void add_time(struct buf *out, const char *name, uint64_t seconds)
{
    add_name(out, name);
    buf_add_uint(out, seconds);
}

static void add_rooms(struct buf *out, const struct token_order *order)
{
    if (order->room_count == 1) {
        add_text(out, names[ROOM], order->rooms[0]);
        return;
    }
    add_name(out, names[ROOM]);
    for (size_t i = 0; i < order->room_count; i++) {
        buf_add_char(out, i == 0 ? '[' : ',');
        text_add_json(out, order->rooms[i]);
    }
    buf_add_char(out, ']');
}

static void add_grants(struct buf *out, unsigned granted)
{
    char before = '[';
    add_name(out, names[GRANTS]);
    for (size_t i = 0; i < COUNT(rights); i++) {
        if ((granted & rights[i].right) == 0)
            continue;
        buf_add_char(out, before);
        text_add_json(out, slice_of(rights[i].name));
        before = ',';
    }
    buf_add_char(out, ']');
}

static void add_id(struct buf *out)
{
    char random[RANDOM_ID_BYTES], text[CRYPTO_BASE64URL_SIZE(RANDOM_ID_BYTES)];
    crypto_random(random, sizeof(random));
    crypto_base64url(random, sizeof(random), text, sizeof(text));
    add_text(out, names[JTI], slice_of(text));
}

static void add_claims(struct buf *out, const struct token_order *order,
                       const struct token_rules *rules, uint64_t issued)
{
    buf_add_char(out, '{');
    add_rooms(out, order);
    if (order->peer.ptr != NULL)
        add_text(out, names[SUB], order->peer);
    add_time(out, names[IAT], issued);
    add_time(out, names[EXP], issued + order->lifetime / 1000);
    add_id(out);
    if (order->rights != 0)
        add_grants(out, order->rights);
    if (order->once) {
        add_name(out, names[ONCE]);
        buf_add_text(out, "true");
    }
    if (order->info.ptr != NULL) {
        add_name(out, names[INFO]);
        buf_add_slice(out, order->info);
    }
    if (rules->issuer[0] != '\0')
        add_text(out, names[ISS], slice_of(rules->issuer));
    if (rules->audience[0] != '\0')
        add_text(out, names[AUD], slice_of(rules->audience));
    buf_add_char(out, '}');
}

const char *token_mint(const struct token_order *order, const struct jwk *key,
                       const struct token_rules *rules, uint64_t now, struct buf *out,
                       uint64_t *ret_expires)
{
    struct buf claims;
    buf_init(&claims, JWT_SIZE_MAX);
    add_claims(&claims, order, rules, now / 1000);
    *ret_expires = now / 1000 + order->lifetime / 1000;
    int result = buf_failed(&claims) ? -1 : jwt_seal(key, buf_slice(&claims), out);
    buf_done(&claims);
    return result == 0 ? NULL : "the token would be over 4096 bytes";
}
