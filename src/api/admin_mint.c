/* POST /v1/tokens: makes an access token for a client, as `roomline token` does. */
#include "api/admin_body.h"
#include "api/admin_json.h"
#include "api/admin_routes.h"
#include "api/members.h"
#include "api/problem.h"
#include "base/clock.h"

#define TTL_DEFAULT 3600 /* seconds */

struct wanted {
    struct slice room; /* JSON */
    struct admin_name sub;
    uint64_t ttl;        /* seconds */
    struct slice grants; /* JSON */
    struct slice info;
    bool once;
    struct slice kid; /* JSON */
};

enum { ROOM, SUB, TTL, GRANTS, INFO, ONCE, KID, FIELD_COUNT };

static const struct admin_field fields[FIELD_COUNT] = {
    [ROOM] = {"room", ADMIN_ANY, 8 * ROOM_NAME_MAX, offsetof(struct wanted, room)},
    [SUB] = {"sub", ADMIN_PEER, 0, offsetof(struct wanted, sub)},
    [TTL] = {"ttl", ADMIN_COUNT, TOKEN_LIFETIME_MAX / 1000, offsetof(struct wanted, ttl)},
    [GRANTS] = {"grants", ADMIN_ANY, JWT_SIZE_MAX, offsetof(struct wanted, grants)},
    [INFO] = {"info", ADMIN_OBJECT, JWT_SIZE_MAX, offsetof(struct wanted, info)},
    [ONCE] = {"once", ADMIN_BOOLEAN, 0, offsetof(struct wanted, once)},
    [KID] = {"kid", ADMIN_ANY, 8 * JWK_KID_MAX, offsetof(struct wanted, kid)},
};

struct minting {
    struct admin_call *call;
    struct wanted wanted;
    unsigned given;
    struct token_order order;
    char kid[JWK_KID_MAX];
};

static bool has(const struct minting *minting, int field)
{
    return (minting->given & 1u << field) != 0;
}

/* --- fields that the table can't read --- */

static bool read_text(struct slice json, char *space, size_t size, struct slice *ret_text)
{
    struct json_member member = {.value = json, .kind = json_check(json)};
    return member_text(&member, space, size, ret_text);
}

static bool read_room(struct minting *minting)
{
    struct admin_call *call = minting->call;
    struct slice room;
    if (!has(minting, ROOM)) {
        admin_body_lacks(call, "room");
        return false;
    }
    if (!read_text(minting->wanted.room, call->room.text, sizeof(call->room.text), &room) ||
        !text_is_room_name(room))
        return admin_body_refuse(call, "room",
                                 "It must be a room name, or the start of one and *.");
    call->room.len = room.len;
    minting->order.rooms[0] = room;
    minting->order.room_count = 1;
    return true;
}

static bool read_grants(struct minting *minting)
{
    struct json_reader reader;
    struct json_member grant;
    unsigned rights = 0, right = 1;
    if (!has(minting, GRANTS))
        return true;
    if (json_array_start(&reader, minting->wanted.grants))
        while (right != 0 && json_array_next(&reader, &grant)) {
            char space[16];
            struct slice name;
            right = member_text(&grant, space, sizeof(space), &name) ? token_right(name) : 0;
            rights |= right;
        }
    minting->order.rights = rights;
    return (right != 0 && rights != 0) ||
           admin_body_refuse(minting->call, "grants",
                             "It must be a list of signal, info and admin, and not be empty.");
}

static bool read_ttl(struct minting *minting)
{
    minting->order.lifetime = minting->wanted.ttl * 1000;
    return minting->wanted.ttl > 0 ||
           admin_body_refuse(minting->call, "ttl", "It must be a whole number from 1 to 31536000.");
}

static bool read_once(struct minting *minting)
{
    const struct token_order *order = &minting->order;
    minting->order.once = minting->wanted.once;
    return !order->once || token_check_order(order) == NULL ||
           admin_body_refuse(minting->call, "once",
                             "It must be false where the room is the start of a name and *.");
}

/* NULL: the response says why there is none. */
static const struct jwk *find_key(struct minting *minting)
{
    struct slice kid = SLICE_NONE;
    if (has(minting, KID) &&
        !read_text(minting->wanted.kid, minting->kid, sizeof(minting->kid), &kid)) {
        admin_body_refuse(minting->call, "kid", "It must be a text of at most 128 bytes.");
        return NULL;
    }
    const struct jwk *key = jwk_find_signer(&minting->call->admin->keys, kid);
    if (key == NULL)
        problem_respond(minting->call->response, 409, "no-signing-key",
                        "auth.keys_file and auth.secret have no such key that signs.");
    return key;
}

static bool read_order(struct minting *minting)
{
    struct token_order *order = &minting->order;
    order->peer = has(minting, SUB) ? admin_name(&minting->wanted.sub) : SLICE_NONE;
    order->info = has(minting, INFO) ? minting->wanted.info : SLICE_NONE;
    return read_room(minting) && read_grants(minting) && read_ttl(minting) && read_once(minting);
}

/* --- the token --- */

static void respond(struct minting *minting, const struct jwk *key)
{
    struct buf json;
    uint64_t expires;
    buf_init(&json, 2 * JWT_SIZE_MAX);
    buf_add_text(&json, "{\"token\":\"");
    if (token_mint(&minting->order, key, &minting->call->admin->token_rules, clock_unix_ms(), &json,
                   &expires) != NULL) {
        buf_done(&json);
        admin_body_refuse(minting->call, "info", "With it the token would be over 4096 bytes.");
        return;
    }
    buf_add_text(&json, "\",\"expires\":");
    buf_add_uint(&json, expires);
    buf_add_text(&json, "}\n");
    minting->call->peer = minting->wanted.sub; /* for the log */
    admin_audit(minting->call, "admin-token-made");
    admin_json_respond(minting->call->response, 201, &json);
}

void admin_post_token(struct admin_call *call)
{
    struct minting minting = {.call = call, .wanted.ttl = TTL_DEFAULT};
    if (!admin_body_read(call, fields, FIELD_COUNT, &minting.wanted, &minting.given) ||
        !read_order(&minting))
        return;
    const struct jwk *key = find_key(&minting);
    if (key != NULL)
        respond(&minting, key);
}
