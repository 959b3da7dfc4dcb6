#include "core/frame.h"

#include "base/error.h"
#include "base/text.h"
#include "core/envelope.h"
#include "core/wire.h"

/* Little-endian, in the order of the field table:
 *
 *     u32 length of what follows | u8 kind | u64 from | u64 to | fields
 *
 * where a text is u32 length + bytes (wire.h). */

enum field_bit {
    REQUEST = 1 << 0,
    ERROR = 1 << 1,
    VERSION = 1 << 2,
    WORKER = 1 << 3,
    RECEIVED = 1 << 4,
    REASON = 1 << 5,
    SECRET = 1 << 6,
    PROOF = 1 << 7,
    ROOM = 1 << 8,
    PEER = 1 << 9,
    SENDER = 1 << 10,
    ID = 1 << 11,
    INFO = 1 << 12,
    ROSTER = 1 << 13,
    DATA = 1 << 14,
    HOPS = 1 << 15,
    ACKED = 1 << 16,
    FLAGS = 1 << 17,
    PEERS_MAX = 1 << 18,
    TICKET_MS = 1 << 19,
    ADDRESS = 1 << 20,
    TICKET = 1 << 21,
    STINT = 1 << 22,
    TAKEN = 1 << 24,
    NAMELESS = 1 << 23, /* no field: room and peer may be empty */
    LET_IN = FLAGS | PEERS_MAX | TICKET_MS | ADDRESS | TICKET,
};

enum field_type { U8, U24, U32, U64, BYTES16, TEXT }; /* U8 and U24 of a uint32_t */

static const struct field {
    enum field_bit bit;
    enum field_type type;
    size_t offset;
    size_t max; /* of a text, bytes */
} fields[] = {
/* The versions of clang-format break this line in different ways. */
/* clang-format off */
#define FIELD(bit, type, name, max) {bit, type, offsetof(struct frame, name), max}
    /* clang-format on */
    FIELD(REQUEST, U32, request, 0),
    FIELD(ERROR, U32, error, 0),
    FIELD(VERSION, U64, version, 0),
    FIELD(WORKER, U64, worker, 0),
    FIELD(RECEIVED, U64, received, 0),
    FIELD(ACKED, U64, acked, 0),
    FIELD(REASON, U32, reason, 0),
    FIELD(HOPS, U8, hops, 0),
    FIELD(STINT, U24, stint, 0),
    FIELD(FLAGS, U32, flags, 0),
    FIELD(PEERS_MAX, U32, peers_max, 0),
    FIELD(TICKET_MS, U64, ticket_ms, 0),
    FIELD(TAKEN, U64, taken, 0),
    FIELD(SECRET, BYTES16, secret, 0),
    FIELD(PROOF, BYTES16, proof, 0),
    FIELD(ROOM, TEXT, room, ROOM_NAME_MAX),
    FIELD(PEER, TEXT, peer, PEER_NAME_MAX),
    FIELD(SENDER, TEXT, sender, PEER_NAME_MAX),
    FIELD(ID, TEXT, id, ENVELOPE_ID_MAX),
    FIELD(INFO, TEXT, info, UINT32_MAX),
    FIELD(ROSTER, TEXT, roster, UINT32_MAX),
    FIELD(DATA, TEXT, data, UINT32_MAX),
    FIELD(ADDRESS, TEXT, address, FRAME_ADDRESS_MAX),
    FIELD(TICKET, TEXT, ticket, FRAME_TICKET_MAX),
#undef FIELD
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))
#define HEAD_SIZE (FRAME_LENGTH_SIZE + 1 + 8 + 8)

static const struct kind {
    const char *name;
    unsigned fields;
} kinds[FRAME_KIND_COUNT] = {
    [FRAME_JOIN] = {"join", REQUEST | ROOM | PEER | SECRET | INFO | LET_IN},
    [FRAME_RESUME] = {"resume", REQUEST | ROOM | PEER | SECRET | PROOF | INFO | LET_IN},
    [FRAME_READ] = {"read", REQUEST | VERSION | ROOM},
    [FRAME_CONFIRM] = {"confirm", ROOM | PEER | SECRET},
    [FRAME_INFO] = {"info", ROOM | PEER | SECRET | INFO},
    [FRAME_AWAY] = {"away", ROOM | PEER | SECRET | REASON},
    [FRAME_LEAVE] = {"leave", ROOM | PEER | SECRET | REASON},
    [FRAME_RESTORE] = {"restore", STINT | ROOM | PEER | SECRET | PROOF | INFO | VERSION | REASON |
                                      DATA | ADDRESS | TAKEN},
    [FRAME_DISCLAIM] = {"disclaim", STINT | ROOM | PEER},
    [FRAME_CONTROL] = {"control", REQUEST | REASON | VERSION | ROOM | PEER | DATA | NAMELESS},
    [FRAME_ROOM] = {"room", REQUEST | ROOM | VERSION | WORKER | REASON | ROSTER | DATA},
    [FRAME_REFUSED] = {"refused", REQUEST | ROOM | ERROR},
    [FRAME_JOINED] = {"joined", STINT | ROOM | VERSION | PEER | WORKER | INFO},
    [FRAME_MOVED] = {"moved", STINT | ROOM | VERSION | PEER | WORKER},
    [FRAME_CHANGED] = {"changed", ROOM | VERSION | PEER | INFO},
    [FRAME_GONE_AWAY] = {"gone-away", ROOM | VERSION | PEER | WORKER},
    [FRAME_LEFT] = {"left", ROOM | VERSION | PEER | REASON},
    [FRAME_SETTINGS] = {"settings", ROOM | VERSION | DATA},
    [FRAME_CLOSED] = {"closed", ROOM | VERSION},
    [FRAME_WORKER_DOWN] = {"worker-down", WORKER},
    [FRAME_NOTICE] = {"notice", ROOM | PEER | DATA | NAMELESS},
    [FRAME_CONTROLLED] = {"controlled", REQUEST | ERROR | REASON | VERSION | DATA},
    [FRAME_EVICTED] = {"evicted", ROOM | PEER | SECRET | REASON},
    [FRAME_SIGNAL] = {"signal", HOPS | STINT | ROOM | PEER | SENDER | ID | DATA},
    [FRAME_UNDELIVERED] = {"undelivered", HOPS | STINT | ROOM | PEER | SENDER | ID | ERROR},
    [FRAME_CLAIM] = {"claim", REQUEST | VERSION | ROOM | PEER | RECEIVED},
    [FRAME_HOLD] = {"hold", REQUEST | ROOM | PEER | DATA},
    [FRAME_HANDED] = {"handed", REQUEST | ROOM | PEER | RECEIVED | ERROR},
    [FRAME_FENCE] = {"fence", REQUEST | HOPS | STINT | ROOM | PEER | WORKER},
    [FRAME_FENCED] = {"fenced", REQUEST | STINT | ROOM | PEER},
    [FRAME_DEPOSIT] = {"deposit", RECEIVED | ACKED | ROOM | PEER | SECRET | DATA},
    [FRAME_HAPPENED] = {"happened", VERSION | REASON | FLAGS | ROOM | PEER | NAMELESS},
};

static size_t field_size(const struct field *field, const struct frame *frame)
{
    static const size_t fixed[] = {
        [U8] = 1, [U24] = 3, [U32] = 4, [U64] = 8, [BYTES16] = SESSION_SECRET_SIZE, [TEXT] = 4};
    const void *value = (const char *)frame + field->offset;
    size_t size = fixed[field->type];
    return field->type == TEXT ? size + ((const struct slice *)value)->len : size;
}

static size_t frame_size(const struct frame *frame)
{
    size_t size = HEAD_SIZE;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (kinds[frame->kind].fields & fields[i].bit)
            size += field_size(&fields[i], frame);
    return size;
}

static char *put_field(char *at, const struct field *field, const struct frame *frame)
{
    const void *value = (const char *)frame + field->offset;
    const struct slice *text = value;
    switch (field->type) {
    case U8: *at = (char)*(const uint32_t *)value; return at + 1;
    case U24: return wire_put_u24(at, *(const uint32_t *)value);
    case U32: return wire_put_u32(at, *(const uint32_t *)value);
    case U64: return wire_put_u64(at, *(const uint64_t *)value);
    case BYTES16: return wire_put_bytes(at, value, SESSION_SECRET_SIZE);
    default: return wire_put_text(at, *text);
    }
}

void frame_encode(const struct frame *frame, struct buf *out)
{
    size_t size = frame_size(frame);
    char *at = buf_reserve(out, size);
    if (at == NULL)
        return;
    char *start = at;
    at = wire_put_u32(at, (uint32_t)(size - FRAME_LENGTH_SIZE));
    *at++ = (char)frame->kind;
    at = wire_put_u64(at, frame->from);
    at = wire_put_u64(at, frame->to);
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (kinds[frame->kind].fields & fields[i].bit)
            at = put_field(at, &fields[i], frame);
    out->len += (size_t)(at - start);
}

static bool take_u8(struct slice *from, uint32_t *ret_value)
{
    uint8_t value;
    if (!wire_take_u8(from, &value))
        return false;
    *ret_value = value;
    return true;
}

static bool take_field(struct slice *from, const struct field *field, struct frame *frame)
{
    void *value = (char *)frame + field->offset;
    switch (field->type) {
    case U8: return take_u8(from, value);
    case U24: return wire_take_u24(from, value);
    case U32: return wire_take_u32(from, value);
    case U64: return wire_take_u64(from, value);
    case BYTES16: return wire_take(from, value, SESSION_SECRET_SIZE);
    default: return wire_take_text(from, value, field->max);
    }
}

long frame_measure(struct slice bytes, size_t max)
{
    uint32_t len;
    if (!wire_take_u32(&bytes, &len))
        return 0;
    return len > max ? -1 : (long)len + FRAME_LENGTH_SIZE;
}

static bool names_are_valid(const struct frame *frame, unsigned present)
{
    bool roomless = (present & NAMELESS) && frame->room.len == 0;
    bool peerless = (present & NAMELESS) && frame->peer.len == 0;
    return (!(present & ROOM) || roomless || text_is_room_name(frame->room)) &&
           (!(present & PEER) || peerless || text_is_peer_name(frame->peer)) &&
           (!(present & SENDER) || text_is_peer_name(frame->sender));
}

int frame_decode(struct slice bytes, struct frame *ret_frame)
{
    uint32_t len;
    unsigned char kind;
    memset(ret_frame, 0, sizeof(*ret_frame));
    if (!wire_take_u32(&bytes, &len) || len != bytes.len || !wire_take(&bytes, &kind, 1) ||
        !wire_take_u64(&bytes, &ret_frame->from) || !wire_take_u64(&bytes, &ret_frame->to))
        return ERR_BAD_MESSAGE;
    if (kind == FRAME_NONE || kind >= FRAME_KIND_COUNT)
        return ERR_BAD_MESSAGE;
    ret_frame->kind = kind;
    unsigned present = kinds[kind].fields;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (present & fields[i].bit && !take_field(&bytes, &fields[i], ret_frame))
            return ERR_BAD_MESSAGE;
    return bytes.len == 0 && names_are_valid(ret_frame, present) ? 0 : ERR_BAD_MESSAGE;
}

bool frame_next(struct slice *bytes, struct frame *ret_frame)
{
    long len = frame_measure(*bytes, bytes->len);
    if (len <= 0 || (size_t)len > bytes->len ||
        frame_decode((struct slice){bytes->ptr, (size_t)len}, ret_frame) != 0)
        return false;
    bytes->ptr += len;
    bytes->len -= (size_t)len;
    return true;
}

const char *frame_name(enum frame_kind kind)
{
    return kind > FRAME_NONE && kind < FRAME_KIND_COUNT ? kinds[kind].name : "none";
}

const char *room_event_name(enum room_event event)
{
    static const char *const names[EVENT_TYPE_COUNT] = {
#define X(name, text) [EVENT_##name] = (text),
        ROOM_EVENTS(X)
#undef X
    };
    return names[event];
}

const char *leave_reason_name(enum leave_reason reason)
{
    static const char *const names[LEAVE_REASON_COUNT] = {
        [LEAVE_LEFT] = "left",
        [LEAVE_TIMEOUT] = "timeout",
        [LEAVE_KICKED] = "kicked",
        [LEAVE_REPLACED] = "replaced",
        [LEAVE_ROOM_CLOSED] = "room-closed",
    };
    return names[reason];
}

void roster_add(struct buf *roster, const struct roster_entry *entry)
{
    size_t size = 8 + 3 + 1 + 4 + entry->peer.len + 4 + entry->info.len;
    char *at = buf_reserve(roster, size);
    if (at == NULL)
        return;
    at = wire_put_u64(at, entry->worker);
    at = wire_put_u24(at, entry->stint);
    *at++ = entry->away;
    at = wire_put_text(at, entry->peer);
    wire_put_text(at, entry->info);
    roster->len += size;
}

bool roster_next(struct slice *roster, struct roster_entry *ret_entry, bool *ret_broken)
{
    char away;
    *ret_broken = false;
    if (roster->len == 0)
        return false;
    if (wire_take_u64(roster, &ret_entry->worker) && wire_take_u24(roster, &ret_entry->stint) &&
        wire_take(roster, &away, 1) && wire_take_text(roster, &ret_entry->peer, PEER_NAME_MAX) &&
        text_is_peer_name(ret_entry->peer) &&
        wire_take_text(roster, &ret_entry->info, UINT32_MAX)) {
        ret_entry->away = away != 0;
        return true;
    }
    *ret_broken = true;
    return false;
}

void held_add(struct buf *held, struct slice message)
{
    char *at = buf_reserve(held, 4 + message.len);
    if (at == NULL)
        return;
    wire_put_text(at, message);
    held->len += 4 + message.len;
}

bool held_next(struct slice *held, struct slice *ret_message)
{
    return wire_take_text(held, ret_message, UINT32_MAX);
}
