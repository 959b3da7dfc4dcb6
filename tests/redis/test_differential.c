/* The scripts against core/directory.c: the same random frames to both, and all that comes of each
 * frame must be the same. Versions are compared from the first that is seen of a room on.
 *
 * ROOMLINE_SEED and ROOMLINE_STEPS replay or prolong it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/mem.h"
#include "core/directory.h"
#include "redis/alike.h"
#include "redis/rig.h"

#define ROOMS 4
#define PEERS 5
#define WINDOW (3600 * 1000) /* ms; longer than the test */
#define ENTRIES_MAX 64

/* What keys are made of, and what is special to Lua, hash tags and globs. */
static const char *const room_names[ROOMS] = {"r", "{}", "a}b{c",
                                              "*:%d\"'\\ \xc3\xa9\xf0\x9f\x98\x80"};
static const char *const peer_names[PEERS] = {"v", "h", "m:a", "}:{", "\xed\x95\x9c [^]%"};

/* A membership as far as the test remembers it, to make frames that hit. */
struct membership {
    worker_id worker;
    struct session_secret secret, previous;
    uint32_t stint; /* as its last join or resume had it */
};

static struct {
    struct rig rig;
    struct directory *directory;
    struct directory_options options;
    struct buf reference; /* encoded frames of the directory */
    uint64_t now;
    uint64_t random;
    uint32_t request;
    struct membership memberships[ROOMS][PEERS];
    uint64_t bases[2][ROOMS]; /* version before the first that was seen; 0: none was */
    struct frame last;        /* what was asked, for the report */
    unsigned long step;
    bool loose;     /* of this step neither order nor kind of answers is laid down */
    bool unordered; /* nor the order of events */
    bool again;     /* it may be asked once more: then what was told is told again */
    struct {
        bool open;
        bool peers[PEERS];
    } book[ROOMS]; /* as one keeps it who only hears FRAME_HAPPENED */
    unsigned long outcomes[CONTROL_OP_COUNT][CONTROL_OUTCOME_COUNT];
    unsigned long errors[32]; /* of refusals, negated */
    unsigned long counts[FRAME_KIND_COUNT];
} test;

enum side { REFERENCE, SCRIPTS };

static uint32_t below(uint32_t limit)
{
    test.random ^= test.random << 13;
    test.random ^= test.random >> 7;
    test.random ^= test.random << 17;
    return (uint32_t)(test.random >> 32) % limit;
}

static struct session_secret random_secret(void)
{
    struct session_secret secret;
    for (int i = 0; i < SESSION_SECRET_SIZE; i++)
        secret.bytes[i] = (unsigned char)below(256);
    return secret;
}

static int room_index(struct slice name)
{
    for (int i = 0; i < ROOMS; i++)
        if (slice_is(name, room_names[i]))
            return i;
    fail_msg("a room nobody asked for");
    return 0;
}

static int peer_index(struct slice name)
{
    for (int i = 0; i < PEERS; i++)
        if (slice_is(name, peer_names[i]))
            return i;
    fail_msg("a peer nobody asked for");
    return 0;
}

/* ---- what came of a frame, in a form that can be compared */

struct entry {
    struct frame frame;
    char *key;
    size_t key_len;
    unsigned place;
};

static bool has_version(enum frame_kind kind)
{
    return kind == FRAME_ROOM || kind == FRAME_HAPPENED ||
           (kind >= FRAME_JOINED && kind <= FRAME_CLOSED);
}

static bool is_event(enum frame_kind kind)
{
    return kind >= FRAME_JOINED && kind <= FRAME_NOTICE;
}

static int compare_roster_entries(const void *a, const void *b)
{
    const struct roster_entry *one = a, *other = b;
    size_t len = one->peer.len < other->peer.len ? one->peer.len : other->peer.len;
    int order = memcmp(one->peer.ptr, other->peer.ptr, len);
    return order != 0 ? order
                      : (one->peer.len > other->peer.len) - (one->peer.len < other->peer.len);
}

/* A directory has no order of its members. */
static void sort_roster(struct slice roster, struct buf *sorted)
{
    struct roster_entry entries[PEERS];
    size_t count = 0;
    bool broken;
    while (count < PEERS && roster_next(&roster, &entries[count], &broken))
        count++;
    assert_false(broken);
    assert_int_equal(roster.len, 0);
    qsort(entries, count, sizeof(entries[0]), compare_roster_entries);
    for (size_t i = 0; i < count; i++)
        roster_add(sorted, &entries[i]);
}

static enum side side_now;

static uint64_t since_base(struct slice room, uint64_t version)
{
    uint64_t *base = &test.bases[side_now][room_index(room)];
    if (*base == 0 && version != 0)
        *base = version - 1; /* a room that was just made */
    return version == 0 ? 0 : version - *base;
}

/* Documents of control.h. */
static void normalize_data(struct frame *frame, struct buf *data)
{
    if (frame->kind == FRAME_ROOM || frame->kind == FRAME_SETTINGS)
        alike_settings(data, frame->data, frame->room, since_base);
    else if (frame->kind == FRAME_CONTROLLED)
        alike_answer(data, frame->data, &test.last, since_base);
    else
        buf_add_slice(data, frame->data);
    if (frame->kind == FRAME_CONTROLLED && frame->version != 0)
        frame->version = since_base(test.last.room, frame->version);
    frame->data = buf_slice(data);
}

static void normalize(struct frame *frame, enum side side, struct buf *roster, struct buf *data)
{
    side_now = side;
    if (has_version(frame->kind)) {
        uint64_t *base = &test.bases[side][room_index(frame->room)];
        if (*base == 0)
            *base = frame->version - 1;
        assert_true(frame->version < (uint64_t)1 << 53);
        frame->version -= *base;
    }
    if (test.loose)
        frame->version = 0;
    if (frame->kind == FRAME_ROOM) {
        sort_roster(frame->roster, roster);
        frame->roster = buf_slice(roster);
    }
    normalize_data(frame, data);
}

static int compare_keys(const struct entry *one, const struct entry *other)
{
    if (one->key_len != other->key_len)
        return one->key_len < other->key_len ? -1 : 1;
    return memcmp(one->key, other->key, one->key_len);
}

/* Events, what is told of rooms, answers. */
static int rank_of(enum frame_kind kind)
{
    return is_event(kind) ? 0 : kind == FRAME_HAPPENED ? 1 : 2;
}

/* By who gets it and what it is; of those in order. */
static int compare_entries(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    if (test.loose)
        return compare_keys(one, other);
    int rank = rank_of(one->frame.kind), other_rank = rank_of(other->frame.kind);
    if (one->frame.to != other->frame.to)
        return one->frame.to < other->frame.to ? -1 : 1;
    if (rank != other_rank)
        return rank - other_rank;
    if (rank < 2 && test.unordered)
        return compare_keys(one, other);
    return one->place < other->place ? -1 : 1;
}

static unsigned collect(struct slice bytes, enum side side, struct entry *entries, unsigned count)
{
    struct frame frame;
    while (bytes.len > 0) {
        struct buf roster, data, key;
        assert_true(frame_next(&bytes, &frame));
        assert_true(count < ENTRIES_MAX);
        if (test.loose && frame.kind == FRAME_HAPPENED)
            frame.to = DIRECTORY; /* nobody asked: the scripts tell who sweeps */
        else if (test.loose && (!is_event(frame.kind) || frame.to == test.last.from))
            continue; /* who is dead is told of its members but the last */
        buf_init(&roster, 1 << 20);
        buf_init(&data, 1 << 20);
        buf_init(&key, 1 << 20);
        normalize(&frame, side, &roster, &data);
        frame_encode(&frame, &key);
        entries[count] = (struct entry){frame, key.data, key.len, count};
        count++;
        buf_done(&roster);
        buf_done(&data);
    }
    return count;
}

static void release(struct entry *entries, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        mem_free(entries[i].key);
}

static void show(const char *side, const struct entry *entries, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct frame *frame = &entries[i].frame;
        print_error(
            "  %s: %s to %llx from %llx version %llu worker %llx error %d reason %u hops %u "
            "received %llu %.*s %.*s\n",
            side, frame_name(frame->kind), (unsigned long long)frame->to,
            (unsigned long long)frame->from, (unsigned long long)frame->version,
            (unsigned long long)frame->worker, frame->error, frame->reason, frame->hops,
            (unsigned long long)frame->received, (int)frame->room.len, frame->room.ptr,
            (int)frame->peer.len, frame->peer.ptr);
    }
}

static bool entries_equal(const struct entry *a, const struct entry *b, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (a[i].key_len != b[i].key_len || memcmp(a[i].key, b[i].key, a[i].key_len) != 0)
            return false;
    return true;
}

static void count(const struct frame *frame)
{
    test.counts[frame->kind]++;
    if (frame->kind == FRAME_CONTROLLED && test.last.reason < CONTROL_OP_COUNT)
        test.outcomes[test.last.reason][frame->reason]++;
    if (frame->kind == FRAME_REFUSED)
        test.errors[-frame->error]++;
}

static void compare(void)
{
    struct entry expected[ENTRIES_MAX], got[ENTRIES_MAX];
    assert_string_equal(test.rig.error, "");
    unsigned expected_count = collect(buf_slice(&test.reference), REFERENCE, expected, 0);
    /* Events first: versions only grow, and a reply is of the last. */
    unsigned got_count = collect(buf_slice(&test.rig.events), SCRIPTS, got, 0);
    got_count = collect(buf_slice(&test.rig.answers), SCRIPTS, got, got_count);
    qsort(expected, expected_count, sizeof(expected[0]), compare_entries);
    qsort(got, got_count, sizeof(got[0]), compare_entries);
    for (unsigned i = 0; i < expected_count; i++)
        count(&expected[i].frame);
    if (expected_count != got_count || !entries_equal(expected, got, got_count)) {
        print_error("step %lu: %s from %llx peer %.*s reason %u\n", test.step,
                    frame_name(test.last.kind), (unsigned long long)test.last.from,
                    (int)test.last.peer.len, test.last.peer.ptr, test.last.reason);
        show("directory", expected, expected_count);
        show("scripts", got, got_count);
        fail_msg("step %lu: the two differ", test.step);
    }
    release(expected, expected_count);
    release(got, got_count);
    buf_clear(&test.reference);
    rig_clear(&test.rig);
}

/* ---- the steps */

/* Each comes only where the book says otherwise: told once, and in order. */
static void keep_book(const struct frame *frame)
{
    int room = room_index(frame->room);
    bool comes = frame->flags == EVENT_ROOM_OPENED || frame->flags == EVENT_PEER_JOINED;
    bool of_room = frame->peer.len == 0;
    bool *entry = of_room ? &test.book[room].open : &test.book[room].peers[peer_index(frame->peer)];
    assert_int_equal(of_room,
                     frame->flags == EVENT_ROOM_OPENED || frame->flags == EVENT_ROOM_CLOSED);
    if (*entry == comes && !(comes && test.again))
        fail_msg("step %lu: told of %.*s twice: %s %.*s", test.step, (int)frame->room.len,
                 frame->room.ptr, room_event_name(frame->flags), (int)frame->peer.len,
                 frame->peer.ptr);
    assert_true(of_room || test.book[room].open);
    *entry = comes;
    for (int i = 0; of_room && !comes && i < PEERS; i++)
        assert_false(test.book[room].peers[i]);
}

static void directory_send_cb(void *context, const struct frame *frame)
{
    (void)context;
    frame_encode(frame, &test.reference);
    if (frame->kind == FRAME_HAPPENED)
        keep_book(frame);
}

/* The answer to a FRAME_READ says the same as the book. */
static void check_book(int room)
{
    struct slice bytes = buf_slice(&test.reference);
    struct roster_entry entry;
    struct frame answer;
    size_t peers = 0, listed = 0;
    bool broken;
    assert_true(frame_next(&bytes, &answer));
    assert_int_equal(answer.kind == FRAME_ROOM, test.book[room].open);
    for (int i = 0; i < PEERS; i++)
        peers += test.book[room].peers[i];
    for (; answer.kind == FRAME_ROOM && roster_next(&answer.roster, &entry, &broken); listed++)
        assert_true(test.book[room].peers[peer_index(entry.peer)]);
    assert_int_equal(listed, peers);
}

/* Who holds a membership now, as the answer to a join or resume says. */
static void remember(const struct frame *frame)
{
    struct slice bytes = buf_slice(&test.reference);
    struct frame answer;
    struct membership *membership =
        &test.memberships[room_index(frame->room)][peer_index(frame->peer)];
    while (frame_next(&bytes, &answer)) {
        if (answer.kind != FRAME_ROOM || answer.reason == ROOM_READ ||
            memcmp(&frame->secret, &membership->secret, SESSION_SECRET_SIZE) == 0)
            continue;
        membership->previous = membership->secret;
        membership->secret = frame->secret;
        membership->worker = frame->from;
        membership->stint = frame->request & STINT_MASK;
    }
}

/* The settings that a worker knows, in the versions of the scripts. */
static void translate_settings(struct slice settings, uint64_t difference, struct buf *out)
{
    struct control_settings read;
    if (settings.len == 0)
        return;
    assert_true(control_settings_read(settings, &read));
    read.version += difference;
    control_settings_add(out, &read);
}

/* `version` of the frame is the directory's. */
static void ask(const struct frame *frame)
{
    struct frame theirs = *frame;
    int room = frame->room.len == 0 ? 0 : room_index(frame->room);
    uint64_t difference = test.bases[SCRIPTS][room] - test.bases[REFERENCE][room];
    struct buf settings;
    buf_init(&settings, 1 << 20);
    test.last = *frame;
    test.unordered = frame->kind == FRAME_CONTROL && frame->reason == CONTROL_CLOSE;
    test.again = frame->kind == FRAME_JOIN || frame->kind == FRAME_RESUME;
    if (frame->version != 0)
        theirs.version += difference;
    if (frame->taken != 0)
        theirs.taken += difference;
    if (frame->kind == FRAME_RESTORE) {
        translate_settings(frame->data, difference, &settings);
        theirs.data = buf_slice(&settings);
    }
    directory_on_frame(test.directory, frame);
    if (frame->kind == FRAME_JOIN || frame->kind == FRAME_RESUME)
        remember(frame);
    if (frame->kind == FRAME_READ && frame->version == 0)
        check_book(room);
    rig_ask(&test.rig, &theirs);
    compare();
    buf_done(&settings);
}

static void ask_read(int room)
{
    ask(&(struct frame){.kind = FRAME_READ,
                        .from = rig_workers[0],
                        .to = DIRECTORY,
                        .request = ++test.request,
                        .room = slice_of(room_names[room])});
}

/* One that is made again has versions of its own, higher than before. */
static void read_all(void)
{
    for (int i = 0; i < ROOMS; i++) {
        unsigned long refused = test.counts[FRAME_REFUSED];
        ask_read(i);
        if (test.counts[FRAME_REFUSED] != refused)
            test.bases[REFERENCE][i] = test.bases[SCRIPTS][i] = 0;
    }
}

static struct slice random_text(char *bytes, size_t max)
{
    size_t len = below((uint32_t)max + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)below(256);
    return (struct slice){bytes, len};
}

static const enum frame_kind kinds[] = {
    FRAME_JOIN,    FRAME_JOIN,    FRAME_JOIN,    FRAME_RESUME,      FRAME_RESUME,   FRAME_RESUME,
    FRAME_READ,    FRAME_CONFIRM, FRAME_INFO,    FRAME_INFO,        FRAME_AWAY,     FRAME_AWAY,
    FRAME_LEAVE,   FRAME_RESTORE, FRAME_RESTORE, FRAME_DEPOSIT,     FRAME_DEPOSIT,  FRAME_SIGNAL,
    FRAME_SIGNAL,  FRAME_SIGNAL,  FRAME_FENCE,   FRAME_UNDELIVERED, FRAME_CLAIM,    FRAME_CLAIM,
    FRAME_CONTROL, FRAME_CONTROL, FRAME_CONTROL, FRAME_CONTROL,     FRAME_DISCLAIM,
};

/* WORKERS: whom the scripts know, the directory does not. */
static const enum control_op ops[] = {
    CONTROL_DESCRIBE, CONTROL_DESCRIBE, CONTROL_LIST,  CONTROL_LIST,   CONTROL_SET,
    CONTROL_SET,      CONTROL_SET,      CONTROL_SET,   CONTROL_KICK,   CONTROL_KICK,
    CONTROL_KICK,     CONTROL_KICK,     CONTROL_CLOSE, CONTROL_NOTICE, CONTROL_NOTICE,
};

static bool is_entering(enum frame_kind kind)
{
    return kind == FRAME_JOIN || kind == FRAME_RESUME;
}

static bool is_for_mailbox(enum frame_kind kind)
{
    return kind == FRAME_DEPOSIT || kind == FRAME_SIGNAL || kind == FRAME_FENCE ||
           kind == FRAME_UNDELIVERED || kind == FRAME_CLAIM;
}

static worker_id pick_worker(const struct membership *membership, enum frame_kind kind)
{
    if (!is_entering(kind) && below(5) != 0 && membership->worker != DIRECTORY)
        return membership->worker;
    return rig_workers[below(RIG_WORKERS)];
}

static struct session_secret pick_secret(const struct membership *membership)
{
    switch (below(12)) {
    case 0: return (struct session_secret){0};
    case 1: return random_secret();
    case 2: return membership->previous;
    default: return membership->secret;
    }
}

static void random_messages(struct buf *held)
{
    char text[40];
    for (uint32_t i = below(4); i > 0; i--)
        held_add(held, random_text(text, sizeof(text)));
}

/* Also one that the directory has not reached. */
static uint64_t random_version(uint32_t room)
{
    uint64_t base = test.bases[REFERENCE][room];
    return base == 0 || below(3) == 0 ? 0 : base + 1 + below((uint32_t)(test.step % 300) + 1);
}

/* Only with the fields that its kind has. */
static void ask_as_sent(const struct frame *frame)
{
    struct buf bytes;
    struct frame sent;
    buf_init(&bytes, 1 << 20);
    frame_encode(frame, &bytes);
    assert_int_equal(frame_decode(buf_slice(&bytes), &sent), 0);
    ask(&sent);
    if (is_entering(frame->kind) && below(4) == 0)
        ask(&sent); /* the connection broke before the answer came */
    buf_done(&bytes);
}

/* What a join is judged by. */
static void make_entrant(struct frame *frame, char address[20])
{
    static const char *const tickets[] = {"t", "\xff\n", "{t}"};
    frame->address = random_text(address, 20);
    frame->flags = below(6) == 0 ? below(4) : 0;
    frame->peers_max = below(6) == 0 ? below(4) : 0;
    if (below(6) == 0) {
        frame->ticket = slice_of(tickets[below(3)]);
        frame->ticket_ms = WINDOW / 2;
    }
}

static void make_control(struct frame *frame, struct buf *data)
{
    enum control_op op = ops[below(sizeof(ops) / sizeof(ops[0]))];
    alike_random_data(data, op, below);
    frame->reason = below(60) == 0 ? CONTROL_OP_COUNT + below(3) : op;
    frame->data = buf_slice(data);
    if (op == CONTROL_LIST || below(20) == 0)
        frame->room = SLICE_NONE;
    if ((op == CONTROL_NOTICE && below(2) == 0) || below(20) == 0)
        frame->peer = SLICE_NONE;
}

/* What the worker that restores knows of the room's settings. */
static void make_restore(struct frame *frame, struct buf *data)
{
    uint64_t version = random_version((uint32_t)room_index(frame->room));
    if (version != 0 && below(4) == 0)
        alike_random_settings(data, version, below);
    frame->data = buf_slice(data);
}

static void ask_random(void)
{
    char info[80], id[20], data[60], address[20];
    struct buf held, document;
    uint32_t room = below(ROOMS), peer = below(PEERS);
    const struct membership *membership = &test.memberships[room][peer];
    enum frame_kind kind = kinds[below(sizeof(kinds) / sizeof(kinds[0]))];
    buf_init(&held, 1 << 16);
    buf_init(&document, 1 << 16);
    random_messages(&held);
    struct frame frame = {
        .kind = kind,
        .from = pick_worker(membership, kind),
        .to = is_for_mailbox(kind) ? MAILBOX : DIRECTORY,
        .request = ++test.request,
        .error = -(int32_t)below(17),
        .version = random_version(room),
        .taken = random_version(room),
        .stint = kind == FRAME_DISCLAIM && below(3) != 0 ? membership->stint : 0,
        .worker = below(3) == 0 ? MAILBOX : rig_workers[below(RIG_WORKERS)],
        .received = below(6),
        .acked = below(3),
        .reason = kind == FRAME_LEAVE ? below(LEAVE_REASON_COUNT) : below(2),
        .hops = below(10),
        .secret = is_entering(kind) && below(20) != 0 ? random_secret() : pick_secret(membership),
        .proof = pick_secret(membership),
        .room = slice_of(room_names[room]),
        .peer = slice_of(peer_names[peer]),
        .sender = slice_of(peer_names[below(PEERS)]),
        .id = random_text(id, sizeof(id)),
        .info = below(4) == 0 ? SLICE("") : random_text(info, sizeof(info)),
        .data = kind == FRAME_DEPOSIT ? buf_slice(&held) : random_text(data, sizeof(data)),
    };
    make_entrant(&frame, address);
    if (kind == FRAME_CONTROL)
        make_control(&frame, &document);
    else if (kind == FRAME_RESTORE)
        make_restore(&frame, &document);
    ask_as_sent(&frame);
    buf_done(&held);
    buf_done(&document);
}

/* However slow the machine is: nobody dies but who is to, and Redis has not stood still. */
static void renew_leases(void)
{
    server_do(test.rig.commands, "EVAL %s 0",
              "local time = redis.call('TIME') "
              "local now = time[1] * 1000 + math.floor(time[2] / 1000) "
              "redis.call('DEL', 'rl:recovering') "
              "redis.call('SET', 'rl:seen', now) "
              "local workers = redis.call('ZRANGE', 'rl:workers', 0, -1, 'WITHSCORES') "
              "for i = 1, #workers, 2 do "
              "redis.call('ZADD', 'rl:workers', now + 10000 + workers[i + 1] % 1, workers[i]) "
              "end return 0");
}

/* The others sweep what one leaves behind. */
static void crash(unsigned dead)
{
    worker_id living[RIG_WORKERS - 1];
    unsigned count = 0, sweeper = (dead + 1) % RIG_WORKERS;
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        if (i != dead)
            living[count++] = rig_workers[i];
    test.last = (struct frame){.kind = FRAME_WORKER_DOWN, .from = rig_workers[dead]};
    test.loose = true;
    directory_worker_down(test.directory, rig_workers[dead], living, count);
    renew_leases();
    if (below(2) == 0)
        rig_lease_over(&test.rig, dead);
    else
        rig_reap(&test.rig, sweeper, rig_workers[dead]);
    rig_sweep_all(&test.rig, sweeper);
    compare();
    test.loose = false;
    rig_beat(&test.rig, dead);
    assert_int_equal(test.rig.list[1], 1);
    rig_clear(&test.rig);
}

static void let_windows_end(void)
{
    test.now += WINDOW + 20000;
    test.last = (struct frame){.kind = FRAME_LEFT};
    test.loose = true;
    directory_tick(test.directory, test.now);
    renew_leases();
    rig_orphans_due(&test.rig);
    rig_vacant_due(&test.rig, WINDOW);
    rig_sweep_all(&test.rig, below(RIG_WORKERS));
    server_do(test.rig.commands, "EVAL %s 0", /* these expire by themselves, a little later */
              "for _, kind in ipairs({'mail', 'ended', 'ticket'}) do "
              "for _, key in ipairs(redis.call('KEYS', 'rl:' .. kind .. ':*')) do "
              "redis.call('DEL', key) end end return 0");
    compare();
    test.loose = false;
}

static void step(void)
{
    uint32_t chance = below(200);
    if (chance == 0)
        crash(below(RIG_WORKERS));
    else if (chance == 1)
        let_windows_end();
    else
        ask_random();
    read_all();
}

/* ---- the test */

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value == NULL ? otherwise : strtoull(value, NULL, 0);
}

static int start(void **state)
{
    (void)state;
    memset(&test, 0, sizeof(test));
    crypto_init();
    rig_start(&test.rig, NULL);
    test.rig.tells = true;
    rig_load(&test.rig);
    buf_init(&test.reference, 1 << 20);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_stop(&test.rig);
    buf_done(&test.reference);
    return 0;
}

static void begin(uint64_t seed, size_t rooms_max, size_t peers_max, bool made_rooms_only)
{
    struct directory_options options = {.rooms = rooms_max,
                                        .peers_per_room = peers_max,
                                        .resume_window = WINDOW,
                                        .hold_messages = test.rig.shards[0].hold_messages,
                                        .hold_bytes = test.rig.shards[0].hold_bytes,
                                        .tells = true,
                                        .send = directory_send_cb};
    server_do(test.rig.commands, "FLUSHALL"); /* where the test before failed */
    rig_clear(&test.rig);
    buf_clear(&test.reference);
    memset(test.memberships, 0, sizeof(test.memberships));
    memset(test.bases, 0, sizeof(test.bases));
    memset(test.book, 0, sizeof(test.book));
    test.now = 1000000;
    test.random = seed * 0x9e3779b97f4a7c15;
    options.made_rooms_only = made_rooms_only;
    test.directory = directory_new(&options, test.now);
    for (unsigned i = 0; i < RIG_WORKERS; i++) {
        test.rig.shards[i].rooms = rooms_max;
        test.rig.shards[i].peers_per_room = peers_max;
        test.rig.shards[i].made_rooms_only = made_rooms_only;
        rig_beat(&test.rig, i);
    }
    rig_clear(&test.rig);
}

/* Some rooms stay for years with nobody in them. */
static void close_all(void)
{
    for (int i = 0; i < ROOMS; i++)
        ask(&(struct frame){.kind = FRAME_CONTROL,
                            .from = rig_workers[0],
                            .to = DIRECTORY,
                            .request = ++test.request,
                            .reason = CONTROL_CLOSE,
                            .room = slice_of(room_names[i])});
}

/* All crash, all windows end, all rooms are closed, all say goodbye: nothing is left. */
static void end(void)
{
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        crash(i);
    let_windows_end();
    read_all();
    close_all();
    assert_int_equal(directory_rooms(test.directory), 0);
    let_windows_end(); /* that of what was closed */
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        rig_goodbye(&test.rig, i);
    assert_false(rig_has_key(&test.rig, "*"));
    rig_clear(&test.rig);
    directory_free(test.directory);
    buf_clear(&test.reference);
}

static void run(uint64_t seed, size_t rooms_max, size_t peers_max, bool made_rooms_only)
{
    unsigned long steps = number_of("ROOMLINE_STEPS", 3000);
    seed = number_of("ROOMLINE_SEED", seed);
    print_message("ROOMLINE_SEED=%llu\n", (unsigned long long)seed);
    begin(seed, rooms_max, peers_max, made_rooms_only);
    for (test.step = 0; test.step < steps; test.step++)
        step();
    end();
}

static void the_same_without_limits(void **state)
{
    (void)state;
    run(1, 0, 0, false);
}

static void the_same_with_limits(void **state)
{
    (void)state;
    run(2, 3, 3, false);
}

static void the_same_where_only_administrators_make_rooms(void **state)
{
    (void)state;
    run(3, 0, 0, true);
}

/* What never came of any frame was not compared. */
static void every_kind_was_met(void **state)
{
    static const enum frame_kind met[] = {
        FRAME_ROOM,        FRAME_REFUSED, FRAME_JOINED,      FRAME_MOVED,      FRAME_CHANGED,
        FRAME_GONE_AWAY,   FRAME_LEFT,    FRAME_WORKER_DOWN, FRAME_EVICTED,    FRAME_SIGNAL,
        FRAME_UNDELIVERED, FRAME_HOLD,    FRAME_HANDED,      FRAME_FENCE,      FRAME_FENCED,
        FRAME_SETTINGS,    FRAME_CLOSED,  FRAME_NOTICE,      FRAME_CONTROLLED, FRAME_HAPPENED,
    };
    (void)state;
    for (size_t i = 0; i < sizeof(met) / sizeof(met[0]); i++)
        if (test.counts[met[i]] < 10)
            fail_msg("%s: %lu times", frame_name(met[i]), test.counts[met[i]]);
}

static void every_refusal_was_met(void **state)
{
    static const int met[] = {ERR_ROOM_FULL, ERR_UNAVAILABLE,  ERR_PEER_TAKEN,  ERR_ROOM_LOCKED,
                              ERR_FORBIDDEN, ERR_UNAUTHORIZED, ERR_ROOM_CLOSED, ERR_KICKED};
    (void)state;
    for (size_t i = 0; i < sizeof(met) / sizeof(met[0]); i++)
        if (test.errors[-met[i]] < 10)
            fail_msg("%s: %lu times", error_text(met[i]), test.errors[-met[i]]);
}

static void every_outcome_was_met(void **state)
{
    static const unsigned met[CONTROL_OP_COUNT] = {
        [CONTROL_DESCRIBE] = 1 << CONTROL_DONE | 1 << CONTROL_NO_ROOM,
        [CONTROL_LIST] = 1 << CONTROL_DONE | 1 << CONTROL_INVALID,
        [CONTROL_SET] = 1 << CONTROL_DONE | 1 << CONTROL_CREATED | 1 << CONTROL_NO_ROOM |
                        1 << CONTROL_CONFLICT | 1 << CONTROL_FULL | 1 << CONTROL_INVALID,
        [CONTROL_CLOSE] = 1 << CONTROL_DONE | 1 << CONTROL_NO_ROOM,
        [CONTROL_KICK] =
            1 << CONTROL_DONE | 1 << CONTROL_NO_ROOM | 1 << CONTROL_NO_PEER | 1 << CONTROL_INVALID,
        [CONTROL_NOTICE] =
            1 << CONTROL_DONE | 1 << CONTROL_NO_ROOM | 1 << CONTROL_NO_PEER | 1 << CONTROL_INVALID,
    };
    (void)state;
    for (unsigned op = 0; op < CONTROL_OP_COUNT; op++)
        for (unsigned outcome = 0; outcome < CONTROL_OUTCOME_COUNT; outcome++)
            if ((met[op] >> outcome & 1) && test.outcomes[op][outcome] < 5)
                fail_msg("op %u, outcome %u: %lu times", op, outcome, test.outcomes[op][outcome]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_without_limits),
        cmocka_unit_test(the_same_with_limits),
        cmocka_unit_test(the_same_where_only_administrators_make_rooms),
        cmocka_unit_test(every_kind_was_met),
        cmocka_unit_test(every_refusal_was_met),
        cmocka_unit_test(every_outcome_was_met),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
