/* One pass finds the fields and proves that it all is JSON; then the type says which count. */
#include "core/envelope.h"

#include "core/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(n) (1U << (n))
#define RECEIVED_MAX (UINT64_C(1) << 53) /* what a JavaScript number counts to */
#define KEY_MAX 16                       /* longer than any name in the tables */

struct field {
    struct slice name;
    unsigned kinds;     /* BIT(enum json_kind) that it may be */
    unsigned needed_by; /* BIT(enum message_type) */
    unsigned taken_by;  /* the same: who may have it */
    int (*set)(struct envelope *envelope, struct slice value);
};

/* The last value of a field. Absent: JSON_INVALID. */
struct found {
    struct slice value;
    enum json_kind kind;
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

#define JOIN BIT(TYPE_JOIN)
#define SIGNAL BIT(TYPE_SIGNAL)
#define INFO BIT(TYPE_INFO)
#define PING BIT(TYPE_PING)
#define REPORT BIT(TYPE_REPORT)
#define TOKEN BIT(TYPE_TOKEN)
#define LOCK BIT(TYPE_LOCK)
#define KICK BIT(TYPE_KICK)
#define CLOSE BIT(TYPE_CLOSE)
#define ANSWERED (SIGNAL | TOKEN | LOCK | KICK | CLOSE) /* whose `error` says which it is about */
#define UNKNOWN                                                                                    \
    BIT(TYPE_UNKNOWN) /* an error answer to what can't be understood names them if it can */

/* name, kinds, needed by, taken by, setter */
static const struct field fields[] = {
    {SLICE("type"), STRING, 0, 0, NULL}, /* first: see set_type() */
    {SLICE("to"), STRING, SIGNAL, SIGNAL | UNKNOWN, set_to},
    {SLICE("id"), STRING | NUMBER, 0, ANSWERED | UNKNOWN, set_id},
    {SLICE("data"), ANY, SIGNAL, SIGNAL, set_data},
    {SLICE("peer"), STRING, KICK, JOIN | KICK, set_peer},
    {SLICE("token"), STRING, TOKEN, JOIN | TOKEN, set_token},
    {SLICE("info"), OBJECT, INFO, INFO | JOIN, set_info},
    {SLICE("resume"), OBJECT, 0, JOIN, set_resume},
    {SLICE("received"), NUMBER, 0, PING, set_received},
    {SLICE("call"), OBJECT, REPORT, REPORT, set_call},
    {SLICE("locked"), BOOLEAN, LOCK, LOCK, set_locked},
    {SLICE("ban"), NUMBER, 0, KICK, set_ban},
};

static const struct field resume_fields[] = {
    {SLICE("session"), STRING, JOIN, JOIN, set_session},
    {SLICE("received"), NUMBER, JOIN, JOIN, set_received},
};

static const struct {
    struct slice name;
    enum message_type type;
} types[] = {
    {SLICE("signal"), TYPE_SIGNAL}, {SLICE("ping"), TYPE_PING},   {SLICE("join"), TYPE_JOIN},
    {SLICE("info"), TYPE_INFO},     {SLICE("leave"), TYPE_LEAVE}, {SLICE("report"), TYPE_REPORT},
    {SLICE("token"), TYPE_TOKEN},   {SLICE("lock"), TYPE_LOCK},   {SLICE("kick"), TYPE_KICK},
    {SLICE("close"), TYPE_CLOSE},
};

const char *envelope_type_name(enum message_type type)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (types[i].type == type)
            return types[i].name.ptr;
    return "unknown";
}

/* Names differ in length or first letter more often than not. */
static bool is_name(struct slice text, struct slice name)
{
    return text.len == name.len && text.ptr[0] == name.ptr[0] &&
           memcmp(text.ptr, name.ptr, name.len) == 0;
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

static const struct field *find_field(const struct field *table, size_t count, struct slice key)
{
    for (size_t i = 0; i < count; i++)
        if (is_name(key, table[i].name))
            return &table[i];
    return NULL;
}

static void note(const struct field *table, size_t count, const struct json_member *member,
                 struct found *found)
{
    char space[KEY_MAX];
    const struct field *field = find_field(table, count, member->key);
    if (field == NULL)
        field = find_field(table, count, unescape(member->key, space));
    if (field != NULL)
        found[field - table] = (struct found){member->value, member->kind};
}

/* Each message comes by here: what it calls had better be part of it, as it was when nobody else
 * called that. Saves a twelfth of all instructions for a message. */
__attribute__((flatten)) static int find(const struct field *table, size_t count, struct slice text,
                                         struct found *found)
{
    struct json_reader reader;
    struct json_member member;
    if (!json_object_start(&reader, text))
        return json_check(text) == JSON_INVALID ? ERR_NOT_JSON : ERR_BAD_MESSAGE;
    while (json_object_next(&reader, &member))
        note(table, count, &member, found);
    return reader.valid ? 0 : ERR_NOT_JSON;
}

static int set_field(struct envelope *envelope, const struct field *field,
                     const struct found *found)
{
    bool fits = (field->kinds & BIT(found->kind)) != 0;
    bool absent = found->kind == JSON_INVALID || (found->kind == JSON_NULL && !fits);
    if (absent)
        return (field->needed_by & BIT(envelope->type)) != 0 ? ERR_BAD_MESSAGE : 0;
    if ((field->taken_by & BIT(envelope->type)) == 0)
        return 0;
    return fits ? field->set(envelope, found->value) : ERR_BAD_MESSAGE;
}

/* All fields are tried, so that an error answer has `to` and `id`. Breaches of form go first. */
static int set_fields(struct envelope *envelope, const struct field *table, size_t count,
                      const struct found *found)
{
    int error = 0;
    for (size_t i = 0; i < count; i++) {
        int now = set_field(envelope, &table[i], &found[i]);
        if (error == 0 || now == ERR_BAD_MESSAGE)
            error = now;
    }
    return error;
}

static int set_resume(struct envelope *envelope, struct slice value)
{
    struct found found[COUNT(resume_fields)] = {0};
    int error = find(resume_fields, COUNT(resume_fields), value, found);
    return error != 0 ? error : set_fields(envelope, resume_fields, COUNT(resume_fields), found);
}

static enum message_type find_type(struct slice name)
{
    for (size_t i = 0; i < COUNT(types); i++)
        if (is_name(name, types[i].name))
            return types[i].type;
    return TYPE_UNKNOWN;
}

static int set_type(struct envelope *envelope, const struct found *found)
{
    char space[KEY_MAX];
    if (found->kind != JSON_STRING)
        return ERR_BAD_MESSAGE;
    struct slice name = json_inside(found->value);
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
    struct found found[COUNT(fields)] = {0};
    clear(envelope);
    int error = find(fields, COUNT(fields), text, found);
    if (error != 0)
        return error;
    error = set_type(envelope, &found[0]);
    int of_fields = set_fields(envelope, fields + 1, COUNT(fields) - 1, found + 1);
    return error != 0 ? error : of_fields;
}
