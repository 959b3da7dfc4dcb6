#include "bus/redis_words.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/text.h"
#include "core/reply.h"

/* ---- words */

static void add(struct redis_words *words, const char *ptr, size_t len)
{
    if (words->count == words->capacity) {
        size_t capacity = words->capacity == 0 ? 20 : words->capacity * 2;
        struct slice *more = mem_realloc(words->words, capacity * sizeof(*more));
        if (more == NULL) {
            words->failed = true;
            return;
        }
        words->words = more;
        words->capacity = capacity;
    }
    words->words[words->count++] = (struct slice){ptr, len};
}

static void add_slice(struct redis_words *words, struct slice slice)
{
    add(words, slice.ptr, slice.len);
}

static void add_text(struct redis_words *words, const char *text)
{
    add(words, text, strlen(text));
}

static void add_small(struct redis_words *words, const void *bytes, size_t len)
{
    assert(words->small_len + len <= sizeof(words->small));
    char *at = words->small + words->small_len;
    memcpy(at, bytes, len);
    words->small_len += len;
    add(words, at, len);
}

static void add_number(struct redis_words *words, uint64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    add_small(words, digits, (size_t)len);
}

static void add_error(struct redis_words *words, int32_t error)
{
    char digits[16];
    int len = snprintf(digits, sizeof(digits), "%d", (int)error);
    add_small(words, digits, (size_t)len);
}

static void add_u64(struct redis_words *words, uint64_t value)
{
    value = htole64(value);
    add_small(words, &value, sizeof(value));
}

static void add_stint(struct redis_words *words, uint32_t stint)
{
    stint = htole32(stint);
    add_small(words, &stint, 3);
}

static void add_u32(struct redis_words *words, uint32_t value)
{
    value = htole32(value);
    add_small(words, &value, sizeof(value));
}

void redis_words_done(struct redis_words *words)
{
    mem_free(words->words);
    message_unref(words->message);
    *words = (struct redis_words){0};
}

/* ---- scripts */

static void begin(struct redis_words *words, const struct redis_shard *shard,
                  enum redis_script script, struct slice room)
{
    char key[REDIS_PREFIX_MAX + ROOM_NAME_MAX + sizeof("room:{}")];
    words->words = NULL;
    words->message = NULL;
    words->count = words->capacity = words->small_len = 0;
    words->failed = false;
    add_text(words, "EVALSHA");
    add(words, shard->shas[script], REDIS_SHA_SIZE);
    add_text(words, room.len > 0 ? "1" : "0");
    if (room.len > 0) {
        int len = snprintf(key, sizeof(key), "%.*sroom:{%.*s}", (int)shard->prefix.len,
                           shard->prefix.ptr, (int)room.len, room.ptr);
        add_small(words, key, (size_t)len);
    }
    add_slice(words, shard->prefix);
    add_u64(words, shard->self);
}

static void add_held(struct redis_words *words, struct slice held)
{
    struct slice message;
    while (held_next(&held, &message))
        add_slice(words, message);
}

/* A signal as its receiver will get it. */
static void add_signal(struct redis_words *words, const struct frame *frame)
{
    words->message = reply_signal(frame->sender, frame->data);
    if (words->message == NULL)
        words->failed = true;
    else
        add_slice(words, message_text(words->message));
}

static void add_secret(struct redis_words *words, const struct session_secret *secret)
{
    add(words, (const char *)secret->bytes, SESSION_SECRET_SIZE);
}

/* One argument of a script, by its letter in the table below. */
static void add_argument(struct redis_words *words, char letter, const struct redis_shard *shard,
                         uint64_t number, const struct frame *frame)
{
    switch (letter) {
    case 'n': add_number(words, number); break;
    case 'f': add_u64(words, frame->from); break;
    case 'q': add_u32(words, frame->request); break;
    case 'p': add_slice(words, frame->peer); break;
    case 's': add_secret(words, &frame->secret); break;
    case 'o': add_secret(words, &frame->proof); break;
    case '-': add_text(words, ""); break;
    case 'i': add_slice(words, frame->info); break;
    case 'v': add_number(words, frame->version); break;
    case 'r': add_number(words, frame->reason); break;
    case 'c': add_number(words, frame->received); break;
    case 'a': add_number(words, frame->acked); break;
    case 'w': add_u64(words, frame->worker); break;
    case 'e': add_error(words, frame->error); break;
    case 'h': add_number(words, frame->hops); break;
    case 'x': add_stint(words, frame->stint); break;
    case 'S': add_slice(words, frame->sender); break;
    case 'I': add_slice(words, frame->id); break;
    case 'd': add_slice(words, frame->data); break;
    case 't': add_signal(words, frame); break;
    case 'H': add_held(words, frame->data); break;
    case 'R': add_number(words, shard->rooms); break;
    case 'P': add_number(words, shard->peers_per_room); break;
    case 'M': add_number(words, shard->hold_messages); break;
    case 'B': add_number(words, shard->hold_bytes); break;
    case 'W': add_number(words, shard->resume_window); break;
    case 'O': add_number(words, shard->made_rooms_only); break;
    case 'A': add_slice(words, frame->address); break;
    case 'F': add_number(words, frame->flags); break;
    case 'X': add_number(words, frame->peers_max); break;
    case 'k': add_slice(words, frame->ticket); break;
    case 'T': add_number(words, frame->ticket_ms); break;
    case 'K': add_number(words, frame->taken); break;
    default: assert(false);
    }
}

static const struct {
    enum redis_script script;
    worker_id at; /* DIRECTORY or MAILBOX */
    const char *arguments;
} rows[FRAME_KIND_COUNT] = {
    [FRAME_JOIN] = {SCRIPT_ENTER, DIRECTORY, "qps-iAFXkTRPO"},
    [FRAME_RESUME] = {SCRIPT_ENTER, DIRECTORY, "qpsoiAFXkTRPO"},
    [FRAME_READ] = {SCRIPT_READ, DIRECTORY, "qv"},
    [FRAME_CONFIRM] = {SCRIPT_CONFIRM, DIRECTORY, "ps"},
    [FRAME_INFO] = {SCRIPT_INFO, DIRECTORY, "psi"},
    [FRAME_AWAY] = {SCRIPT_AWAY, DIRECTORY, "psr"},
    [FRAME_LEAVE] = {SCRIPT_LEAVE, DIRECTORY, "psr"},
    [FRAME_RESTORE] = {SCRIPT_RESTORE, DIRECTORY, "psoivrAdxK"},
    [FRAME_DISCLAIM] = {SCRIPT_DISCLAIM, DIRECTORY, "pxW"},
    [FRAME_CONTROL] = {SCRIPT_CONTROL, DIRECTORY, "nqrpvdR"},
    [FRAME_DEPOSIT] = {SCRIPT_DEPOSIT, MAILBOX, "pscaWH"},
    [FRAME_SIGNAL] = {SCRIPT_SIGNAL, MAILBOX, "nfhpSIdtMB"},
    [FRAME_CLAIM] = {SCRIPT_CLAIM, MAILBOX, "qpc"},
    [FRAME_FENCE] = {SCRIPT_FENCE, MAILBOX, "qfhxpw"},
    [FRAME_UNDELIVERED] = {SCRIPT_UNDELIVERED, MAILBOX, "fhpSIe"},
};

bool redis_words_ask(struct redis_words *ret_words, const struct redis_shard *shard,
                     uint64_t number, const struct frame *frame)
{
    const char *arguments = rows[frame->kind].arguments;
    *ret_words = (struct redis_words){0};
    if (arguments == NULL || rows[frame->kind].at != frame->to ||
        (frame->kind == FRAME_LEAVE && frame->reason >= LEAVE_REASON_COUNT))
        return false;
    begin(ret_words, shard, rows[frame->kind].script, frame->room);
    for (; *arguments != '\0'; arguments++)
        add_argument(ret_words, *arguments, shard, number, frame);
    return !ret_words->failed;
}

void redis_words_beat(struct redis_words *ret_words, const struct redis_shard *shard,
                      uint64_t number, struct slice card)
{
    begin(ret_words, shard, SCRIPT_BEAT, SLICE_NONE);
    add_u64(ret_words, number);
    add_slice(ret_words, card);
}

void redis_words_sweep(struct redis_words *ret_words, const struct redis_shard *shard)
{
    begin(ret_words, shard, SCRIPT_SWEEP, SLICE_NONE);
    add_number(ret_words, shard->resume_window);
}

void redis_words_reap(struct redis_words *ret_words, const struct redis_shard *shard,
                      worker_id dead)
{
    begin(ret_words, shard, SCRIPT_REAP, SLICE_NONE);
    add_u64(ret_words, dead);
}

void redis_words_goodbye(struct redis_words *ret_words, const struct redis_shard *shard)
{
    begin(ret_words, shard, SCRIPT_GOODBYE, SLICE_NONE);
}

void redis_words_check(struct redis_words *ret_words, const struct redis_shard *shard)
{
    begin(ret_words, shard, SCRIPT_CHECK, SLICE_NONE);
}

struct slice redis_inbox(const struct redis_shard *shard, worker_id worker,
                         char ret_channel[REDIS_INBOX_MAX])
{
    static const char digits[] = "0123456789abcdef";
    char *at = ret_channel;
    memcpy(at, shard->prefix.ptr, shard->prefix.len);
    at += shard->prefix.len;
    for (const char *name = "inbox:"; *name != '\0'; name++)
        *at++ = *name;
    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = digits[worker >> shift & 15];
    return (struct slice){ret_channel, (size_t)(at - ret_channel)};
}
