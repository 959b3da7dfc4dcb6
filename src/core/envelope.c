/* One pass finds the fields and proves that it all is JSON; then the type says which count. */
#include "core/envelope.h"

#include "core/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(n) (1U << (n))
#define RECEIVED_MAX (UINT64_C(1) << 53) /* what a JavaScript number counts to */
#define KEY_MAX 16                       /* longer than any name in the tables */
#define FIELDS_MAX 12                    /* of a table */

struct field {
    struct slice name;
    unsigned kinds; /* BIT(enum json_kind) that it may be */
    int (*set)(struct envelope *envelope, struct slice value);
};

/* The last value of each field, by its place in the table, where it is not absent. */
struct found {
    unsigned present; /* BIT(place) */
    struct {
        struct slice value;
        enum json_kind kind;
    } fields[FIELDS_MAX];
};

/* The text of a raw string, at most `max` bytes, which stay within the envelope where they are not
 * in the message. False: longer, or half a surrogate pair. */
static bool decode(struct envelope *envelope, struct slice value, size_t max,
                   struct slice *ret_text)
{
    struct slice inside = json_inside(value);
    if (memchr(inside.ptr, '\\', inside.len) == NULL) {
        *ret_text = inside;
        return inside.len <= max;
    }
    char *space = envelope->decoded + envelope->decoded_len;
    size_t left = sizeof(envelope->decoded) - envelope->decoded_len;
    long len = json_decode(inside, space, max < left ? max : left);
    if (len < 0)
        return false;
    envelope->decoded_len += (size_t)len;
    *ret_text = (struct slice){space, (size_t)len};
    return true;
}

static int set_name(struct envelope *envelope, struct slice value, struct slice *ret_name)
{
    struct slice name;
    if (!decode(envelope, value, PEER_NAME_MAX, &name) || !text_is_peer_name(name))
        return ERR_BAD_NAME;
    *ret_name = name;
    return 0;
}

static int set_to(struct envelope *envelope, struct slice value)
{
    return set_name(envelope, value, &envelope->to);
}

static int set_peer(struct envelope *envelope, struct slice value)
{
    return set_name(envelope, value, &envelope->peer);
}

static int set_id(struct envelope *envelope, struct slice value)
{
    if (value.len > ENVELOPE_ID_MAX)
        return ERR_TOO_LARGE;
    envelope->id = value;
    return 0;
}

static int set_token(struct envelope *envelope, struct slice value)
{
    return decode(envelope, value, ENVELOPE_TOKEN_MAX, &envelope->token) ? 0 : ERR_TOO_LARGE;
}

static int set_session(struct envelope *envelope, struct slice value)
{
    return decode(envelope, value, ENVELOPE_SESSION_MAX, &envelope->session) ? 0 : ERR_BAD_MESSAGE;
}

static int set_data(struct envelope *envelope, struct slice value)
{
    envelope->data = value;
    return 0;
}

static int set_info(struct envelope *envelope, struct slice value)
{
    envelope->info = value;
    return 0;
}

/* A count as JSON.stringify writes it: digits alone. */
static int read_count(struct slice value, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (value.len > 16)
        return ERR_BAD_MESSAGE;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return ERR_BAD_MESSAGE;
        number = number * 10 + (unsigned)(value.ptr[i] - '0');
    }
    if (number > max)
        return ERR_BAD_MESSAGE;
    *ret_number = number;
    return 0;
}

static int set_call(struct envelope *envelope, struct slice value)
{
    return report_read(value, &envelope->report);
}

static int set_received(struct envelope *envelope, struct slice value)
{
    int error = read_count(value, RECEIVED_MAX, &envelope->received);
    envelope->has_received = error == 0;
    return error;
}

static int set_locked(struct envelope *envelope, struct slice value)
{
    envelope->locked = value.ptr[0] == 't';
    return 0;
}

static int set_ban(struct envelope *envelope, struct slice value)
{
    uint64_t seconds = 0;
    int error = read_count(value, ENVELOPE_BAN_MAX, &seconds);
    envelope->ban = seconds * 1000;
    return error;
}

static int set_resume(struct envelope *envelope, struct slice value);

#define STRING BIT(JSON_STRING)
#define NUMBER BIT(JSON_NUMBER)
#define OBJECT BIT(JSON_OBJECT)
#define BOOLEAN BIT(JSON_BOOLEAN)
#define ANY (~0U)

enum place {
    AT_TYPE,
    AT_TO,
    AT_DATA,
    AT_ID,
    AT_PEER,
    AT_TOKEN,
    AT_INFO,
    AT_RESUME,
    AT_RECEIVED,
    AT_CALL,
    AT_LOCKED,
    AT_BAN,
    FIELD_COUNT,
};

_Static_assert(FIELD_COUNT <= FIELDS_MAX, "struct found has a place for each");

static const struct field fields[FIELD_COUNT] = {
    [AT_TYPE] = {SLICE("type"), STRING, NULL}, /* see set_type() */
    [AT_TO] = {SLICE("to"), STRING, set_to},
    [AT_DATA] = {SLICE("data"), ANY, set_data},
    [AT_ID] = {SLICE("id"), STRING | NUMBER, set_id},
    [AT_PEER] = {SLICE("peer"), STRING, set_peer},
    [AT_TOKEN] = {SLICE("token"), STRING, set_token},
    [AT_INFO] = {SLICE("info"), OBJECT, set_info},
    [AT_RESUME] = {SLICE("resume"), OBJECT, set_resume},
    [AT_RECEIVED] = {SLICE("received"), NUMBER, set_received},
    [AT_CALL] = {SLICE("call"), OBJECT, set_call},
    [AT_LOCKED] = {SLICE("locked"), BOOLEAN, set_locked},
    [AT_BAN] = {SLICE("ban"), NUMBER, set_ban},
};

#define TO BIT(AT_TO)
#define ID BIT(AT_ID)
#define DATA BIT(AT_DATA)
#define PEER BIT(AT_PEER)
#define TOKEN BIT(AT_TOKEN)
#define INFO BIT(AT_INFO)
#define RESUME BIT(AT_RESUME)
#define RECEIVED BIT(AT_RECEIVED)
#define CALL BIT(AT_CALL)
#define LOCKED BIT(AT_LOCKED)
#define BAN BIT(AT_BAN)

/* An error answer to what can't be understood names what it is about, if it can. */
static const struct {
    struct slice name;
    unsigned needs, takes; /* fields that it must have, and others that count */
} types[TYPE_COUNT] = {
    [TYPE_UNKNOWN] = {SLICE("unknown"), 0, TO | ID},
    [TYPE_JOIN] = {SLICE("join"), 0, PEER | TOKEN | INFO | RESUME},
    [TYPE_SIGNAL] = {SLICE("signal"), TO | DATA, ID},
    [TYPE_INFO] = {SLICE("info"), INFO, 0},
    [TYPE_PING] = {SLICE("ping"), 0, RECEIVED},
    [TYPE_LEAVE] = {SLICE("leave"), 0, 0},
    [TYPE_REPORT] = {SLICE("report"), CALL, 0},
    [TYPE_TOKEN] = {SLICE("token"), TOKEN, ID},
    [TYPE_LOCK] = {SLICE("lock"), LOCKED, ID},
    [TYPE_KICK] = {SLICE("kick"), PEER, BAN | ID},
    [TYPE_CLOSE] = {SLICE("close"), 0, ID},
};

/* Both are needed. */
static const struct field resume_fields[] = {
    {SLICE("session"), STRING, set_session},
    {SLICE("received"), NUMBER, set_received},
};

const char *envelope_type_name(enum message_type type)
{
    return types[type].name.ptr;
}

/* Names differ in length or first letter more often than not. All have 2 to 8 bytes: two looks, which
 * may overlap, see all of one, where a call of memcmp() takes longer. */
static bool is_name(struct slice text, struct slice name)
{
    if (text.len != name.len || text.ptr[0] != name.ptr[0])
        return false;
    const char *tail = text.ptr + text.len, *name_tail = name.ptr + name.len;
    if (name.len < 4)
        return memcmp(text.ptr, name.ptr, 2) == 0 && memcmp(tail - 2, name_tail - 2, 2) == 0;
    return memcmp(text.ptr, name.ptr, 4) == 0 && memcmp(tail - 4, name_tail - 4, 4) == 0;
}

/* The text of a key or type that is written with escapes, decoded into `space`. Too long for any of
 * ours, or without escapes: empty. */
static struct slice unescape(struct slice inside, char space[KEY_MAX])
{
    if (memchr(inside.ptr, '\\', inside.len) == NULL)
        return SLICE("");
    long len = json_decode(inside, space, KEY_MAX);
    return (struct slice){space, len < 0 ? 0 : (size_t)len};
}

/* Its place in the table; `count` where it is none of ours. */
static size_t find_field(const struct field *table, size_t count, struct slice key)
{
    size_t place = 0;
    while (place < count && !is_name(key, table[place].name))
        place++;
    return place;
}

static bool fits(const struct field *field, enum json_kind kind)
{
    return (field->kinds & BIT(kind)) != 0;
}

static void note(const struct field *table, size_t count, const struct json_member *member,
                 struct found *found)
{
    char space[KEY_MAX];
    size_t place = find_field(table, count, member->key);
    if (place == count)
        place = find_field(table, count, unescape(member->key, space));
    if (place == count)
        return;
    found->fields[place].value = member->value;
    found->fields[place].kind = member->kind;
    found->present |= BIT(place);
    if (member->kind == JSON_NULL && !fits(&table[place], JSON_NULL)) /* as good as absent */
        found->present &= ~BIT(place);
}

/* Each message comes by here: what it calls had better be part of it, as it was when nobody else
 * called that. Saves a twelfth of all instructions for a message. */
__attribute__((flatten)) static int find(const struct field *table, size_t count, struct slice text,
                                         struct found *found)
{
    struct json_reader reader;
    struct json_member member;
    found->present = 0;
    if (!json_object_start(&reader, text))
        return json_check(text) == JSON_INVALID ? ERR_NOT_JSON : ERR_BAD_MESSAGE;
    while (json_object_next(&reader, &member))
        note(table, count, &member, found);
    return reader.valid ? 0 : ERR_NOT_JSON;
}

/* All fields are tried, so that an error answer has `to` and `id`. Breaches of form go first. */
static int set_fields(struct envelope *envelope, const struct field *table,
                      const struct found *found, unsigned needs, unsigned takes)
{
    int error = (needs & ~found->present) != 0 ? ERR_BAD_MESSAGE : 0;
    for (unsigned left = found->present & (needs | takes); left != 0; left &= left - 1) {
        unsigned place = (unsigned)__builtin_ctz(left);
        int now = fits(&table[place], found->fields[place].kind)
                      ? table[place].set(envelope, found->fields[place].value)
                      : ERR_BAD_MESSAGE;
        if (error == 0 || now == ERR_BAD_MESSAGE)
            error = now;
    }
    return error;
}

static int set_resume(struct envelope *envelope, struct slice value)
{
    struct found found;
    int error = find(resume_fields, COUNT(resume_fields), value, &found);
    return error != 0 ? error : set_fields(envelope, resume_fields, &found, BIT(0) | BIT(1), 0);
}

static enum message_type find_type(struct slice name)
{
    for (size_t type = TYPE_UNKNOWN + 1; type < TYPE_COUNT; type++)
        if (is_name(name, types[type].name))
            return (enum message_type)type;
    return TYPE_UNKNOWN;
}

static int set_type(struct envelope *envelope, const struct found *found)
{
    char space[KEY_MAX];
    if ((found->present & BIT(AT_TYPE)) == 0 || found->fields[AT_TYPE].kind != JSON_STRING)
        return ERR_BAD_MESSAGE;
    struct slice name = json_inside(found->fields[AT_TYPE].value);
    envelope->type = find_type(name);
    if (envelope->type == TYPE_UNKNOWN)
        envelope->type = find_type(unescape(name, space));
    return envelope->type == TYPE_UNKNOWN ? ERR_UNKNOWN_TYPE : 0;
}

static void clear(struct envelope *envelope)
{
    memset(envelope, 0, offsetof(struct envelope, decoded));
}

int envelope_read(struct envelope *envelope, struct slice text)
{
    struct found found;
    clear(envelope);
    int error = find(fields, COUNT(fields), text, &found);
    if (error != 0)
        return error;
    error = set_type(envelope, &found);
    int of_fields = set_fields(envelope, fields, &found, types[envelope->type].needs,
                               types[envelope->type].takes);
    return error != 0 ? error : of_fields;
}
