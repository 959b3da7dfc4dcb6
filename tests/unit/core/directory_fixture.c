#include "core/directory_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

struct directory *directory;
uint64_t now;

void (*fixture_on_controlled)(const struct frame *frame);

static char lines[8192];
static char last_roster[1024];
static uint64_t version;

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
    size_t len = strlen(lines);
    va_list args;
    va_start(args, format);
    vsnprintf(lines + len, sizeof(lines) - len, format, args);
    va_end(args);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void keep_roster(struct slice bytes)
{
    char entries[16][80];
    size_t count = 0;
    struct roster_entry entry;
    bool broken;
    while (roster_next(&bytes, &entry, &broken))
        snprintf(entries[count++], sizeof(entries[0]), "%.*s@%u%s ", (int)entry.peer.len,
                 entry.peer.ptr, (unsigned)entry.worker, entry.away ? "*" : "");
    qsort(entries, count, sizeof(entries[0]), by_name);
    last_roster[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(last_roster, entries[i]);
    if (count > 0)
        last_roster[strlen(last_roster) - 1] = '\0';
}

static void send_cb(void *context, const struct frame *frame)
{
    (void)context;
    if (frame->kind == FRAME_CONTROLLED && fixture_on_controlled != NULL) {
        fixture_on_controlled(frame);
        return;
    }
    note("%u:%s", (unsigned)frame->to, frame_name(frame->kind));
    if (frame->peer.len > 0)
        note(" %.*s", (int)frame->peer.len, frame->peer.ptr);
    if (frame->from == MAILBOX)
        note(" from-mailbox");
    if (frame->kind == FRAME_ROOM) {
        note(" %s", (const char *[]){"read", "entered", "taken-over"}[frame->reason]);
        keep_roster(frame->roster);
    }
    if (frame->worker != 0 || frame->kind == FRAME_GONE_AWAY)
        note(" w=%u", (unsigned)frame->worker);
    if (frame->kind == FRAME_HAPPENED)
        note(" %s", (const char *[]){"opened", "closed", "joined", "left"}[frame->flags]);
    if (frame->kind == FRAME_LEFT ||
        (frame->kind == FRAME_HAPPENED &&
         (frame->flags == EVENT_PEER_LEFT || frame->flags == EVENT_ROOM_CLOSED)) ||
        (frame->kind == FRAME_EVICTED && frame->reason != LEAVE_REPLACED))
        note(" r=%u", (unsigned)frame->reason);
    if (frame->error != 0)
        note(" e=%s", error_wire(frame->error));
    if (frame->request != 0)
        note(" q=%u", (unsigned)frame->request);
    if (frame->received != 0)
        note(" n=%u", (unsigned)frame->received);
    if (frame->hops != 0)
        note(" h=%u", (unsigned)frame->hops);
    if (frame->info.len > 0)
        note(" %.*s", (int)frame->info.len, frame->info.ptr);
    if (frame->data.len > 0 && frame->kind != FRAME_ROOM && frame->kind != FRAME_SETTINGS)
        note(" %.*s", (int)frame->data.len, frame->data.ptr);
    note("\n");
    if (frame->version != 0)
        version = frame->version;
}

static void start(struct directory_options options)
{
    options.resume_window = WINDOW;
    options.hold_messages = 4;
    options.hold_bytes = 1000;
    options.unix_offset = FIXTURE_UNIX - now;
    options.send = send_cb;
    directory = directory_new(&options, now);
}

int fixture_setup(void **state)
{
    (void)state;
    crypto_init();
    lines[0] = last_roster[0] = '\0';
    now = 1000;
    start((struct directory_options){.rooms = 2, .peers_per_room = 3});
    return 0;
}

static void start_again(struct directory_options options)
{
    directory_free(directory);
    start(options);
}

void fixture_limits(size_t rooms, size_t peers_per_room)
{
    start_again((struct directory_options){.rooms = rooms, .peers_per_room = peers_per_room});
}

void fixture_made_rooms_only(void)
{
    start_again((struct directory_options){.made_rooms_only = true});
}

void fixture_tells(void)
{
    start_again((struct directory_options){.rooms = 2, .peers_per_room = 3, .tells = true});
}

int fixture_teardown(void **state)
{
    (void)state;
    directory_free(directory);
    return 0;
}

struct session_secret secret(char byte)
{
    struct session_secret made;
    memset(made.bytes, byte, sizeof(made.bytes));
    return made;
}

void say(const struct frame *frame)
{
    struct frame whole = *frame;
    if (whole.room.ptr == NULL)
        whole.room = SLICE("room");
    directory_on_frame(directory, &whole);
}

void join(worker_id worker, const char *peer, char byte)
{
    say(&(struct frame){
        .kind = FRAME_JOIN, .from = worker, .peer = slice_of(peer), .secret = secret(byte)});
}

void resume(worker_id worker, const char *peer, char byte, char proof)
{
    say(&(struct frame){.kind = FRAME_RESUME,
                        .from = worker,
                        .peer = slice_of(peer),
                        .secret = secret(byte),
                        .proof = secret(proof)});
}

void expect(const char *expected)
{
    assert_string_equal(lines, expected);
    lines[0] = '\0';
}

const char *roster(void)
{
    return last_roster;
}

uint64_t last_version(void)
{
    return version;
}
