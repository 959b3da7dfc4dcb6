/* The Lua scripts that make a Redis the directory and the mailboxes of a shard: lua/NAME.lua, put
 * into the binary by CMake. Each runs as a whole or not at all. */
#ifndef ROOMLINE_BUS_REDIS_SCRIPTS_H
#define ROOMLINE_BUS_REDIS_SCRIPTS_H

#include "base/buf.h"

/* X(enumerator, file, uses rooms, uses leases) */
#define REDIS_SCRIPTS(X)                                                                           \
    X(ENTER, enter, true, false)                                                                   \
    X(READ, read, true, false)                                                                     \
    X(CONFIRM, confirm, true, false)                                                               \
    X(INFO, info, true, false)                                                                     \
    X(AWAY, away, true, false)                                                                     \
    X(LEAVE, leave, true, false)                                                                   \
    X(RESTORE, restore, true, false)                                                               \
    X(DISCLAIM, disclaim, true, false)                                                             \
    X(DEPOSIT, deposit, true, false)                                                               \
    X(SIGNAL, signal, true, false)                                                                 \
    X(CLAIM, claim, true, false)                                                                   \
    X(FENCE, fence, true, false)                                                                   \
    X(UNDELIVERED, undelivered, true, false)                                                       \
    X(CONTROL, control, true, false)                                                               \
    X(BEAT, beat, false, true)                                                                     \
    X(SWEEP, sweep, true, true)                                                                    \
    X(REAP, reap, false, true)                                                                     \
    X(GOODBYE, goodbye, false, true)                                                               \
    X(CHECK, check, false, false)

enum redis_script {
#define X(name, file, rooms, leases) SCRIPT_##name,
    REDIS_SCRIPTS(X)
#undef X
        SCRIPT_COUNT,
};

#define REDIS_LEASE 10000 /* ms without a beat after which a worker counts as dead */

#define REDIS_SCRIPT_MAX ((size_t)64 << 10) /* bytes of one */

/* Bytes of a roster; a room whose roster is longer can be neither read nor entered. A Redis client
 * must take replies that are a little longer. */
#define REDIS_ROSTER_MAX ((size_t)32 << 20)

/* Appends what SCRIPT LOAD is given. tells: of rooms and peers that come and go (FRAME_HAPPENED). */
void redis_script_add(struct buf *out, enum redis_script script, bool tells);

const char *redis_script_name(enum redis_script script);

#endif
