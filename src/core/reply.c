#include "core/reply.h"

#include "base/text.h"
#include "core/tally.h"

#define REPLY_MAX (64u << 20)
#define TYPE_HEAD "{\"type\":\""

static void start(struct buf *out, const char *type)
{
    buf_init(out, REPLY_MAX);
    buf_add_slice(out, SLICE(TYPE_HEAD));
    buf_add_text(out, type);
    buf_add_char(out, '"');
}

static void add_name(struct buf *out, const char *name)
{
    buf_add_slice(out, SLICE(",\""));
    buf_add_text(out, name);
    buf_add_slice(out, SLICE("\":"));
}

static void add_string(struct buf *out, const char *name, struct slice value)
{
    add_name(out, name);
    text_add_json(out, value);
}

static void add_raw(struct buf *out, const char *name, struct slice value)
{
    add_name(out, name);
    buf_add_slice(out, value);
}

static void add_number(struct buf *out, const char *name, uint64_t value)
{
    add_name(out, name);
    buf_add_uint(out, value);
}

static void add_seconds(struct buf *out, const char *name, uint64_t ms)
{
    add_number(out, name, ms / 1000);
    if (ms % 1000 != 0)
        buf_add_format(out, ".%03u", (unsigned)(ms % 1000));
}

/* By the type in front. */
static unsigned char kind_of(const struct message *message)
{
#define X(name, type) TYPE_HEAD type "\"",
    static const char *const heads[] = {SENT_KINDS(X)};
#undef X
    unsigned char kind = 0;
    while (kind < SENT_OTHER && (message->len < strlen(heads[kind]) ||
                                 memcmp(message->text, heads[kind], strlen(heads[kind])) != 0))
        kind++;
    return kind;
}

static struct message *end(struct buf *out)
{
    buf_add_char(out, '}');
    struct message *message = buf_failed(out) ? NULL : message_of(buf_slice(out));
    if (message != NULL)
        message->kind = kind_of(message);
    buf_done(out);
    return message;
}

struct message *reply_error(int error, struct slice to, struct slice id)
{
    struct buf out;
    start(&out, "error");
    add_string(&out, "code", slice_of(error_wire(error)));
    add_string(&out, "message", slice_of(error_text(error)));
    if (to.ptr != NULL)
        add_string(&out, "to", to);
    if (id.len > 0)
        add_raw(&out, "id", id);
    return end(&out);
}

struct message *reply_pong(uint64_t received)
{
    struct buf out;
    start(&out, "pong");
    add_number(&out, "received", received);
    return end(&out);
}

struct message *reply_ice_servers(struct slice servers, uint64_t expires)
{
    struct buf out;
    start(&out, "ice-servers");
    add_raw(&out, "iceServers", servers);
    add_number(&out, "iceExpires", expires);
    return end(&out);
}

struct message *reply_token(uint64_t expires_in_ms)
{
    struct buf out;
    start(&out, "token");
    if (expires_in_ms != 0)
        add_seconds(&out, "tokenExpiresIn", expires_in_ms);
    return end(&out);
}

struct message *reply_goaway(const char *reason, uint64_t reconnect_within_ms)
{
    struct buf out;
    start(&out, "goaway");
    add_string(&out, "reason", slice_of(reason));
    add_number(&out, "reconnectWithin", reconnect_within_ms);
    return end(&out);
}

static struct message *about_peer(const char *type, struct slice peer, struct slice info)
{
    struct buf out;
    start(&out, type);
    add_string(&out, "peer", peer);
    if (info.ptr != NULL)
        add_raw(&out, "info", info);
    return end(&out);
}

struct message *reply_peer_joined(struct slice peer, struct slice info)
{
    return about_peer("peer-joined", peer, info);
}

struct message *reply_peer_info(struct slice peer, struct slice info)
{
    return about_peer("peer-info", peer, info);
}

struct message *reply_peer_away(struct slice peer)
{
    return about_peer("peer-away", peer, SLICE_NONE);
}

struct message *reply_peer_back(struct slice peer)
{
    return about_peer("peer-back", peer, SLICE_NONE);
}

struct message *reply_peer_left(struct slice peer, enum leave_reason reason)
{
    struct buf out;
    start(&out, "peer-left");
    add_string(&out, "peer", peer);
    add_string(&out, "reason", slice_of(leave_reason_name(reason)));
    return end(&out);
}

struct message *reply_notice(struct slice data)
{
    struct buf out;
    start(&out, "notice");
    add_raw(&out, "data", data);
    return end(&out);
}

static char *put(char *at, const char *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return at + len;
}

#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)
#define SIGNAL_HEAD "{\"type\":\"signal\",\"from\":"
#define SIGNAL_MIDDLE ",\"data\":"
#define SIGNAL_AROUND (sizeof(SIGNAL_HEAD) + sizeof(SIGNAL_MIDDLE) + sizeof("}") - 3)

/* Without a buffer that grows: each signal comes by here. */
struct message *reply_signal(struct slice from, struct slice data)
{
    static char bytes[2 + 6 * PEER_NAME_MAX]; /* the compiler would clear it at each call */
    struct buf name = {.data = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};
    text_add_json(&name, from);
    struct message *message = message_new(SIGNAL_AROUND + name.len + data.len);
    if (message == NULL)
        return NULL;
    char *at = PUT(message->text, SIGNAL_HEAD);
    at = put(at, name.data, name.len);
    at = PUT(at, SIGNAL_MIDDLE);
    at = put(at, data.ptr, data.len);
    at = PUT(at, "}");
    message->len = (size_t)(at - message->text);
    return message;
}

void reply_joined_start(struct buf *out, const struct joined *joined)
{
    start(out, "joined");
    add_string(out, "room", joined->room);
    add_string(out, "peer", joined->peer);
    add_string(out, "session", joined->session);
    add_raw(out, "resumed", joined->resumed ? SLICE("true") : SLICE("false"));
    add_number(out, "received", joined->received);
    add_raw(out, "iceServers", joined->ice_servers);
    if (joined->ice_expires != 0)
        add_number(out, "iceExpires", joined->ice_expires);
    add_seconds(out, "pingInterval", joined->ping_interval);
    add_seconds(out, "resumeWindow", joined->resume_window);
    if (joined->token_expires_in != 0)
        add_seconds(out, "tokenExpiresIn", joined->token_expires_in);
    buf_add_text(out, ",\"peers\":[");
}

void reply_joined_peer(struct buf *out, struct slice peer, struct slice info, bool away)
{
    if (out->len > 0 && out->data[out->len - 1] != '[')
        buf_add_char(out, ',');
    buf_add_text(out, "{\"peer\":");
    text_add_json(out, peer);
    add_raw(out, "info", info);
    add_string(out, "state", away ? SLICE("away") : SLICE("here"));
    buf_add_char(out, '}');
}

struct message *reply_joined_end(struct buf *out)
{
    buf_add_char(out, ']');
    return end(out);
}
