#include "bus/redis_scripts.h"

#include "base/error.h"
#include "base/text.h"
#include "core/control.h"

/* Made by CMake from lua/NAME.lua. */
extern const char lua_common[], lua_settings[], lua_room[], lua_mail[], lua_member[], lua_clock[];
#define X(name, file, rooms, leases) extern const char lua_##file[];
REDIS_SCRIPTS(X)
#undef X

static const struct script {
    const char *name, *body;
    bool rooms, leases;
} scripts[SCRIPT_COUNT] = {
#define X(name, file, rooms, leases) [SCRIPT_##name] = {#file, lua_##file, rooms, leases},
    REDIS_SCRIPTS(X)
#undef X
};

/* What scripts know by name. Times in ms. */
static const struct constant {
    const char *name;
    long value;
} constants[] = {
    {"ROOM", FRAME_ROOM},
    {"REFUSED", FRAME_REFUSED},
    {"JOINED", FRAME_JOINED},
    {"MOVED", FRAME_MOVED},
    {"CHANGED", FRAME_CHANGED},
    {"GONE_AWAY", FRAME_GONE_AWAY},
    {"LEFT", FRAME_LEFT},
    {"SETTINGS", FRAME_SETTINGS},
    {"CLOSED", FRAME_CLOSED},
    {"WORKER_DOWN", FRAME_WORKER_DOWN},
    {"NOTICE", FRAME_NOTICE},
    {"CONTROLLED", FRAME_CONTROLLED},
    {"EVICTED", FRAME_EVICTED},
    {"SIGNAL", FRAME_SIGNAL},
    {"UNDELIVERED", FRAME_UNDELIVERED},
    {"HOLD", FRAME_HOLD},
    {"HANDED", FRAME_HANDED},
    {"FENCE", FRAME_FENCE},
    {"FENCED", FRAME_FENCED},
    {"HAPPENED", FRAME_HAPPENED},

    {"ROOM_OPENED", EVENT_ROOM_OPENED},
    {"ROOM_ENDED", EVENT_ROOM_CLOSED}, /* ROOM_CLOSED is an error */
    {"PEER_JOINED", EVENT_PEER_JOINED},
    {"PEER_LEFT", EVENT_PEER_LEFT},

    {"ROOM_READ", ROOM_READ},
    {"ROOM_ENTERED", ROOM_ENTERED},
    {"ROOM_TAKEN_OVER", ROOM_TAKEN_OVER},
    {"LEAVE_LEFT", LEAVE_LEFT},
    {"LEAVE_TIMEOUT", LEAVE_TIMEOUT},
    {"LEAVE_KICKED", LEAVE_KICKED},
    {"LEAVE_REPLACED", LEAVE_REPLACED},
    {"LEAVE_ROOM_CLOSED", LEAVE_ROOM_CLOSED},
    {"PROVEN", JOIN_PROVEN},
    {"ADMIN", JOIN_ADMIN},

    {"TIME_MAX", (long)CONTROL_TIME_MAX},

    {"ROOM_FULL", ERR_ROOM_FULL},
    {"PEER_TAKEN", ERR_PEER_TAKEN},
    {"PEER_NOT_FOUND", ERR_PEER_NOT_FOUND},
    {"PEER_BUSY", ERR_PEER_BUSY},
    {"KICKED", ERR_KICKED},
    {"FORBIDDEN", ERR_FORBIDDEN},
    {"UNAUTHORIZED", ERR_UNAUTHORIZED},
    {"ROOM_LOCKED", ERR_ROOM_LOCKED},
    {"ROOM_CLOSED", ERR_ROOM_CLOSED},
    {"UNAVAILABLE", ERR_UNAVAILABLE},
    {"TOO_MANY_ROOMS", ERR_TOO_MANY_ROOMS},

    {"ROSTER_MAX", (long)REDIS_ROSTER_MAX},
    {"PASSED_MAX", 4}, /* as of the directory in core */
    {"LEASE", REDIS_LEASE},
    {"HOPS_MAX", 8},           /* as between workers */
    {"MAIL_EXTRA", 10000},     /* a mailbox outlives its membership by this, as in mailbox.c */
    {"WAITING_MAX", 64 << 10}, /* bytes of frames that wait in a mailbox */
    {"TICKET_LEAST", 1000},    /* as in directory_admit.c */
    {"ENDED_KEPT", 600000},    /* as in directory_ended.c */
};

#define CONSTANT_COUNT (sizeof(constants) / sizeof(constants[0]))

/* What only scripts do that use leases: a script may have 200 names. */
static const struct constant lease_constants[] = {
    {"STANDSTILL", 5000}, /* without a beat of anybody, where each beats every 3 s */
    {"RECOVERY", 4000},   /* after which all that live have beaten again */
    {"SEEN_KEPT", 60000},    {"SWEEP_MAX", 3000},
    {"ORPHANS_AT_ONCE", 32}, /* so that one script keeps Redis busy for about a millisecond */
    {"ROOMS_AT_ONCE", 16},   {"VACANT_AT_ONCE", 32},
};

#define LEASE_CONSTANT_COUNT (sizeof(lease_constants) / sizeof(lease_constants[0]))

/* What only SCRIPT_CONTROL does. */
static const struct constant control_constants[] = {
    {"CONTROL_DESCRIBE", CONTROL_DESCRIBE},
    {"CONTROL_LIST", CONTROL_LIST},
    {"CONTROL_SET", CONTROL_SET},
    {"CONTROL_CLOSE", CONTROL_CLOSE},
    {"CONTROL_KICK", CONTROL_KICK},
    {"CONTROL_NOTICE", CONTROL_NOTICE},
    {"CONTROL_WORKERS", CONTROL_WORKERS},
    {"CONTROL_DONE", CONTROL_DONE},
    {"CONTROL_CREATED", CONTROL_CREATED},
    {"CONTROL_NO_ROOM", CONTROL_NO_ROOM},
    {"CONTROL_NO_PEER", CONTROL_NO_PEER},
    {"CONTROL_CONFLICT", CONTROL_CONFLICT},
    {"CONTROL_FULL", CONTROL_FULL},
    {"CONTROL_INVALID", CONTROL_INVALID},
    {"CONTROL_LOCKED", CONTROL_LOCKED},
    {"CONTROL_MAX_PEERS", CONTROL_MAX_PEERS},
    {"CONTROL_EMPTY_TTL", CONTROL_EMPTY_TTL},
    {"CONTROL_METADATA", CONTROL_METADATA},
    {"CONTROL_IF_NONE", CONTROL_IF_NONE},
    {"CONTROL_IF_ANY", CONTROL_IF_ANY},
    {"CONTROL_IF_VERSION", CONTROL_IF_VERSION},
    {"CONTROL_METADATA_MAX", CONTROL_METADATA_MAX},
    {"CONTROL_NOTICE_MAX", CONTROL_NOTICE_MAX},
    {"CONTROL_PEERS_MAX", CONTROL_PEERS_MAX},
    {"CONTROL_BANS_MAX", CONTROL_BANS_MAX},
    {"CONTROL_LIST_MAX", CONTROL_LIST_MAX},
    {"CONTROL_ANSWER_MAX", (long)CONTROL_ANSWER_MAX},
    {"CONTROL_UNENTERED_TTL", CONTROL_UNENTERED_TTL},
    {"NAME_MAX", ROOM_NAME_MAX},
};

#define CONTROL_CONSTANT_COUNT (sizeof(control_constants) / sizeof(control_constants[0]))

const char *redis_script_name(enum redis_script script)
{
    return scripts[script].name;
}

/* One line, so that the lines that Redis names in errors can be counted. */
static void add_constants(const struct constant *table, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        buf_add_format(out, "local %s = %ld ", table[i].name, table[i].value);
}

/* The first line of a script, `#!lua`, says what it needs (Redis 7) and comes before all else. */
void redis_script_add(struct buf *out, enum redis_script script, bool tells)
{
    const struct script *row = &scripts[script];
    const char *rest = strchr(row->body, '\n') + 1;
    buf_add(out, row->body, (size_t)(rest - row->body));
    add_constants(constants, CONSTANT_COUNT, out);
    add_constants(&(struct constant){"TELLS", tells}, 1, out);
    if (row->leases)
        add_constants(lease_constants, LEASE_CONSTANT_COUNT, out);
    if (script == SCRIPT_CONTROL)
        add_constants(control_constants, CONTROL_CONSTANT_COUNT, out);
    buf_add_text(out, "\n");
    buf_add_text(out, lua_common);
    if (row->rooms) {
        buf_add_text(out, lua_settings);
        buf_add_text(out, lua_room);
        buf_add_text(out, lua_mail);
        buf_add_text(out, lua_member);
    }
    if (row->leases)
        buf_add_text(out, lua_clock);
    buf_add_text(out, rest);
}
