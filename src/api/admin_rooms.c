/* GET /v1/rooms: a page of rooms, in the order of their names' bytes.
 *
 * A cursor is the name of the last room that was told, so it stays good whatever comes and goes. */
#include "api/admin_ask.h"
#include "api/admin_json.h"
#include "api/admin_query.h"
#include "api/admin_routes.h"
#include "api/problem.h"
#include "base/crypto.h"

#define LIMIT_DEFAULT 100
#define CURSOR_VERSION '1'
#define CURSOR_MAX CRYPTO_BASE64URL_SIZE(1 + ROOM_NAME_MAX)

enum { CURSOR, LIMIT, PREFIX, PARAMETERS };
static const char *const names[PARAMETERS] = {"cursor", "limit", "prefix"};

static bool read_cursor(struct slice text, struct admin_name *ret_after)
{
    char bytes[1 + ROOM_NAME_MAX];
    long len = crypto_base64url_decode(text, bytes, sizeof(bytes));
    struct slice name = {bytes + 1, len < 1 ? 0 : (size_t)len - 1};
    if (len < 1 || bytes[0] != CURSOR_VERSION || !text_is_room_name(name))
        return false;
    memcpy(ret_after->text, name.ptr, name.len);
    ret_after->len = name.len;
    return true;
}

static void add_cursor(struct buf *out, struct slice room)
{
    char bytes[1 + ROOM_NAME_MAX] = {CURSOR_VERSION}, text[CURSOR_MAX];
    size_t len = room.len < ROOM_NAME_MAX ? room.len : ROOM_NAME_MAX;
    memcpy(bytes + 1, room.ptr, len);
    crypto_base64url(bytes, 1 + len, text, sizeof(text));
    buf_add_text(out, text);
}

/* Returns the last one. */
static struct slice add_rooms(struct buf *out, struct slice entries)
{
    struct control_listed listed = {.room = SLICE_NONE};
    const char *comma = "";
    buf_add_text(out, "\"rooms\":[");
    while (control_listed_next(&entries, &listed)) {
        buf_add_text(out, comma);
        buf_add_text(out, "{\"room\":");
        text_add_json(out, listed.room);
        buf_add_format(out, ",\"peers\":%u,\"locked\":%s}", listed.members,
                       listed.locked ? "true" : "false");
        comma = ",";
    }
    buf_add_char(out, ']');
    return listed.room;
}

static void on_listing(struct admin_ask *ask, const struct frame *answer)
{
    struct control_listing listing;
    struct buf json;
    if (answer->reason != CONTROL_DONE || !control_listing_read(answer->data, &listing)) {
        admin_refuse_outcome(&ask->response, answer->reason);
        return;
    }
    buf_init(&json, ADMIN_JSON_MAX);
    buf_add_char(&json, '{');
    struct slice last = add_rooms(&json, listing.entries);
    if (listing.more && last.len > 0) {
        buf_add_text(&json, ",\"next\":\"");
        add_cursor(&json, last);
        buf_add_char(&json, '"');
    }
    admin_json_missing(&json, &listing);
    buf_add_text(&json, "}\n");
    admin_json_respond(&ask->response, 200, &json);
}

static bool read_query(struct admin_call *call, struct admin_query_value *values,
                       struct admin_name *after, uint64_t *ret_limit)
{
    if (!admin_query_read(call, names, PARAMETERS, values) ||
        !admin_query_number(call, names[LIMIT], &values[LIMIT], 1, CONTROL_LIST_MAX, LIMIT_DEFAULT,
                            ret_limit))
        return false;
    const char *wrong = NULL;
    struct admin_query_value *cursor = &values[CURSOR], *prefix = &values[PREFIX];
    if (cursor->given && !read_cursor(admin_query_text(cursor), after))
        wrong = names[CURSOR];
    else if (prefix->given && prefix->len > 0 && !text_is_room_name(admin_query_text(prefix)))
        wrong = names[PREFIX];
    if (wrong != NULL)
        problem_field(call->response, slice_of(wrong), false,
                      wrong == names[CURSOR] ? "It is not one that an answer gave as next."
                                             : "No room's name begins so.");
    return wrong == NULL;
}

void admin_list_rooms(struct admin_call *call)
{
    struct admin_query_value values[PARAMETERS];
    struct admin_name after = {.len = 0};
    uint64_t limit;
    struct buf query;
    if (!read_query(call, values, &after, &limit))
        return;
    buf_init(&query, 1024);
    control_query_add(
        &query, &(struct control_query){
                    .prefix = values[PREFIX].given ? admin_query_text(&values[PREFIX]) : SLICE_NONE,
                    .after = admin_name(&after),
                    .limit = (uint32_t)limit,
                });
    struct frame frame = {.reason = CONTROL_LIST};
    admin_ask_with(call, &frame, &query, true, on_listing);
}
