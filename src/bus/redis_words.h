/* What a node asks, as commands of Redis: words to be sent, and the answers read. */
#ifndef ROOMLINE_BUS_REDIS_WORDS_H
#define ROOMLINE_BUS_REDIS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/message.h"
#include "bus/redis_scripts.h"
#include "core/frame.h"

#define REDIS_SHA_SIZE 40   /* hex digits by which a loaded script is called */
#define REDIS_PREFIX_MAX 64 /* bytes */
#define REDIS_INBOX_MAX (REDIS_PREFIX_MAX + sizeof("inbox:0123456789abcdef"))

/* Limits: 0 is none. Times in ms. */
struct redis_shard {
    struct slice prefix; /* of all keys and channels */
    worker_id self;
    size_t rooms, peers_per_room;
    bool made_rooms_only; /* a join makes no room */
    bool tells;           /* of rooms and peers that come and go: FRAME_HAPPENED */
    size_t hold_messages, hold_bytes;
    uint64_t resume_window;
    char shas[SCRIPT_COUNT][REDIS_SHA_SIZE];
};

/* A command. Words borrow what they were made of, and live until words_done(). */
struct redis_words {
    struct slice *words;
    size_t count, capacity;
    char small[448]; /* keys and numbers */
    size_t small_len;
    struct message *message;
    bool failed; /* no memory */
};

void redis_words_done(struct redis_words *words);

/* A frame to DIRECTORY or MAILBOX. False: no memory, or it is none that either understands. */
bool redis_words_ask(struct redis_words *ret_words, const struct redis_shard *shard,
                     uint64_t number, const struct frame *frame);

/* card: what the worker says of its instance, borrowed. */
void redis_words_beat(struct redis_words *ret_words, const struct redis_shard *shard,
                      uint64_t number, struct slice card);
void redis_words_sweep(struct redis_words *ret_words, const struct redis_shard *shard);
void redis_words_reap(struct redis_words *ret_words, const struct redis_shard *shard,
                      worker_id dead);
void redis_words_goodbye(struct redis_words *ret_words, const struct redis_shard *shard);
void redis_words_check(struct redis_words *ret_words, const struct redis_shard *shard);

/* The channel of a worker's inbox. */
struct slice redis_inbox(const struct redis_shard *shard, worker_id worker,
                         char ret_channel[REDIS_INBOX_MAX]);

#endif
