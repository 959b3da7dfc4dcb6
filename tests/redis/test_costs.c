/* What each operation costs Redis: commands, the ones within the script included, and microseconds
 * of its CPU. The commands are laid down here, for docs/operations.md; the CPU is only shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "redis/rig.h"

#define ROUNDS 400

static struct rig rig;

struct usage {
    unsigned long commands;
    double cpu; /* seconds */
};

static double number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at == NULL ? 0 : strtod(at + strlen(name), NULL);
}

static struct usage usage_now(void)
{
    struct usage usage = {0};
    redisReply *cpu = server_ask(rig.commands, "INFO cpu");
    redisReply *stats = server_ask(rig.commands, "INFO commandstats");
    usage.cpu = number_behind(cpu->str, "used_cpu_user_main_thread:") +
                number_behind(cpu->str, "used_cpu_sys_main_thread:");
    for (const char *at = stats->str; (at = strstr(at, "calls=")) != NULL; at += 6)
        usage.commands += strtoul(at + 6, NULL, 10);
    freeReplyObject(cpu);
    freeReplyObject(stats);
    return usage;
}

static struct frame frame_of(enum frame_kind kind, unsigned worker, const char *peer, int round)
{
    static char room[32];
    snprintf(room, sizeof(room), "room_%08d", round);
    return (struct frame){.kind = kind,
                          .from = rig_workers[worker],
                          .to = DIRECTORY,
                          .request = 1,
                          .room = slice_of(room),
                          .peer = slice_of(peer),
                          .secret = {.bytes = {peer[0]}},
                          .proof = {.bytes = {peer[0]}},
                          .info = SLICE("{\"name\":\"Somebody\",\"camera\":true}")};
}

static void ask(struct frame frame)
{
    rig_ask(&rig, &frame);
    assert_string_equal(rig.error, "");
}

static void first_joins(int round)
{
    ask(frame_of(FRAME_JOIN, 0, "alice", round));
}

static void second_joins(int round)
{
    ask(frame_of(FRAME_JOIN, 1, "bob", round));
}

static void changes_info(int round)
{
    struct frame frame = frame_of(FRAME_INFO, 0, "alice", round);
    frame.info = SLICE("{}");
    ask(frame);
}

static void goes_away(int round)
{
    ask(frame_of(FRAME_AWAY, 0, "alice", round));
}

static void resumes_elsewhere(int round)
{
    struct frame frame = frame_of(FRAME_RESUME, 2, "alice", round);
    frame.secret.bytes[1] = 1;
    ask(frame);
}

static struct frame moved_frame(enum frame_kind kind, int round)
{
    struct frame frame = frame_of(kind, 2, "alice", round);
    frame.secret.bytes[1] = 1;
    return frame;
}

static void confirms(int round)
{
    ask(moved_frame(FRAME_CONFIRM, round));
}

static void reads_the_same(int round)
{
    struct frame frame = frame_of(FRAME_READ, 0, "alice", round);
    ask(frame);
    struct slice bytes = buf_slice(&rig.answers);
    struct frame room;
    assert_true(frame_next(&bytes, &room));
    frame.version = room.version;
    buf_clear(&rig.answers);
    ask(frame);
}

static void is_deposited(int round)
{
    struct frame frame = moved_frame(FRAME_DEPOSIT, round);
    frame.to = MAILBOX;
    ask(frame);
}

static void is_sent_a_signal(int round)
{
    struct frame frame = frame_of(FRAME_SIGNAL, 1, "alice", round);
    frame.to = MAILBOX;
    frame.sender = SLICE("bob");
    frame.data = SLICE("{\"candidate\":\"...\"}");
    ask(frame);
}

static void resumes_from_the_mailbox(int round)
{
    struct frame frame = moved_frame(FRAME_RESUME, round);
    frame.proof = frame.secret;
    frame.secret.bytes[1] = 2;
    frame.from = rig_workers[0];
    ask(frame);
}

static void claims(int round)
{
    struct frame frame = frame_of(FRAME_CLAIM, 0, "alice", round);
    frame.to = MAILBOX;
    ask(frame);
}

static void first_leaves(int round)
{
    struct frame frame = frame_of(FRAME_LEAVE, 0, "alice", round);
    frame.secret.bytes[1] = 2;
    ask(frame);
}

static void second_leaves(int round)
{
    ask(frame_of(FRAME_LEAVE, 1, "bob", round));
}

static void beats(int round)
{
    rig_beat(&rig, (unsigned)round % RIG_WORKERS);
}

static void sweeps(int round)
{
    rig_sweep(&rig, (unsigned)round % RIG_WORKERS);
}

/* One after the other, each in every room before the next. `most`: commands, EVALSHA included. */
static const struct {
    const char *what;
    void (*run)(int round);
    unsigned most;
} operations[] = {
    {"a beat", beats, 8},
    {"a sweep that finds nothing", sweeps, 12},
    {"the first joins", first_joins, 8},
    {"the second joins, elsewhere", second_joins, 7},
    {"info", changes_info, 5},
    {"away", goes_away, 5},
    {"resume, elsewhere", resumes_elsewhere, 9},
    {"confirm", confirms, 3},
    {"two reads, one of what is known", reads_the_same, 5},
    {"deposit", is_deposited, 10},
    {"a signal to the mailbox", is_sent_a_signal, 7},
    {"resume from the mailbox", resumes_from_the_mailbox, 8},
    {"claim", claims, 5},
    {"the first leaves", first_leaves, 9},
    {"the second leaves", second_leaves, 7},
};

static void each_operation_costs_so_much(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        struct usage before = usage_now();
        for (int round = 0; round < ROUNDS; round++) {
            operations[i].run(round);
            rig_clear(&rig);
        }
        struct usage after = usage_now();
        double commands = (double)(after.commands - before.commands - 2) / ROUNDS;
        print_message("%-34s %5.1f commands %6.1f us\n", operations[i].what, commands,
                      (after.cpu - before.cpu) * 1e6 / ROUNDS);
        assert_true(commands < operations[i].most + 0.1); /* some happen once only */
    }
    assert_false(rig_has_key(&rig, "rl:room*"));
}

static long long memory_of(const char *key)
{
    return server_number(rig.commands, "MEMORY USAGE %s SAMPLES 0", key);
}

static void a_room_takes_so_much(void **state)
{
    redisReply *before, *after;
    (void)state;
    server_do(rig.commands, "FLUSHALL");
    before = server_ask(rig.commands, "INFO memory");
    for (int round = 0; round < ROUNDS * 10; round++) {
        first_joins(round);
        second_joins(round);
        rig_clear(&rig);
    }
    after = server_ask(rig.commands, "INFO memory");
    double used =
        (number_behind(after->str, "used_memory:") - number_behind(before->str, "used_memory:")) /
        (ROUNDS * 10);
    print_message("a room of two: %.0f bytes, of them its hash %lld\n", used,
                  memory_of("rl:room:{room_00000001}"));
    assert_true(used < 2000);
    freeReplyObject(before);
    freeReplyObject(after);
}

static int start(void **state)
{
    (void)state;
    rig_start(&rig, NULL);
    redisFree(rig.listener); /* its part would be counted */
    rig.listener = NULL;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_costs_so_much),
        cmocka_unit_test(a_room_takes_so_much),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
