#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/mem.h"
#include "bus/local.h"

#define SELF ((worker_id)1)

static struct bus *bus;

static struct {
    unsigned count;
    enum frame_kind kinds[16];
    uint32_t request;
    int errors[16];
    bool sending;   /* a frame came in while we were in send() */
    bool answers;   /* on_frame sends a frame itself */
    bool flushes;   /* on_frame calls flush() */
    unsigned depth; /* how many on_frame are under way */
} seen;

static const struct session_secret secret = {.bytes = {1, 2, 3}};

static void send_join(uint32_t request, const char *peer)
{
    seen.sending = true;
    bus->send(bus, &(struct frame){.kind = FRAME_JOIN,
                                   .from = SELF,
                                   .to = DIRECTORY,
                                   .request = request,
                                   .room = SLICE("room"),
                                   .peer = slice_of(peer),
                                   .secret = secret,
                                   .info = SLICE("{}")});
    seen.sending = false;
}

static void on_frame(void *context, const struct frame *frame)
{
    (void)context;
    assert_false(seen.sending);
    assert_int_equal(seen.depth++, 0);
    assert_true(seen.count < 16);
    seen.kinds[seen.count] = frame->kind;
    seen.errors[seen.count++] = frame->error;
    seen.request = frame->request;
    if (seen.answers) {
        seen.answers = false;
        send_join(99, "second");
    }
    if (seen.flushes)
        bus->flush(bus);
    seen.depth--;
}

static int start(void **state)
{
    struct directory_options options = {.rooms = 1, .peers_per_room = 2, .resume_window = 1000};
    (void)state;
    memset(&seen, 0, sizeof(seen));
    crypto_init();
    bus = local_bus_new(&options, 1000);
    bus->on_frame = on_frame;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    local_bus_free(bus);
    return 0;
}

static void nothing_comes_before_the_flush(void **state)
{
    (void)state;
    send_join(5, "ann");
    assert_int_equal(seen.count, 0);
    bus->flush(bus);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.kinds[0], FRAME_ROOM);
    assert_int_equal(seen.request, 5);
    assert_int_equal(local_bus_rooms(bus), 1);
}

static void one_flush_delivers_what_it_gives_rise_to(void **state)
{
    (void)state;
    seen.answers = true;
    send_join(5, "first");
    bus->flush(bus);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.request, 99);
}

static void a_flush_within_a_flush_is_ignored(void **state)
{
    (void)state;
    seen.flushes = seen.answers = true;
    send_join(1, "ann");
    bus->flush(bus);
    assert_int_equal(seen.count, 2);
}

static void frames_for_this_worker_come_back(void **state)
{
    (void)state;
    bus->send(bus, &(struct frame){.kind = FRAME_FENCED,
                                   .from = SELF,
                                   .to = SELF,
                                   .room = SLICE("room"),
                                   .peer = SLICE("ann")});
    bus->flush(bus);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.kinds[0], FRAME_FENCED);
}

static void with_too_much_waiting_requests_are_refused(void **state)
{
    size_t len = BUS_WAITING_MAX + 1;
    char *large = mem_must(len);
    (void)state;
    memset(large, 'x', len);
    bus->send(bus, &(struct frame){.kind = FRAME_SIGNAL,
                                   .from = SELF,
                                   .to = SELF,
                                   .room = SLICE("room"),
                                   .peer = SLICE("ann"),
                                   .sender = SLICE("bob"),
                                   .data = {large, len}});
    send_join(8, "ann");
    bus->flush(bus);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.kinds[0], FRAME_REFUSED);
    assert_int_equal(seen.errors[0], ERR_UNAVAILABLE);
    assert_int_equal(seen.kinds[1], FRAME_SIGNAL);
    assert_int_equal(local_bus_rooms(bus), 0);
    send_join(9, "ann");
    bus->flush(bus);
    assert_int_equal(seen.kinds[2], FRAME_ROOM);
    mem_free(large);
}

static void count_frame(void *context, const struct frame *frame)
{
    (void)context;
    (void)frame;
    seen.count++;
}

/* Each answer is a roster of 4 MiB: all at once they would be over what may ever be queued. */
static void answers_are_delivered_between_requests(void **state)
{
    size_t len = (size_t)4 << 20;
    char *info = mem_must(len);
    (void)state;
    memset(info, 'x', len);
    bus->on_frame = count_frame;
    bus->send(bus, &(struct frame){.kind = FRAME_JOIN,
                                   .from = SELF,
                                   .to = DIRECTORY,
                                   .request = 1,
                                   .room = SLICE("room"),
                                   .peer = SLICE("ann"),
                                   .secret = secret,
                                   .info = {info, len}});
    unsigned reads = (unsigned)(BUS_QUEUE_MAX / len) + 1;
    for (unsigned i = 0; i < reads; i++)
        bus->send(bus,
                  &(struct frame){
                      .kind = FRAME_READ, .from = SELF, .to = DIRECTORY, .room = SLICE("room")});
    bus->flush(bus);
    assert_int_equal(seen.count, 1 + reads);
    mem_free(info);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_comes_before_the_flush, start, stop),
        cmocka_unit_test_setup_teardown(one_flush_delivers_what_it_gives_rise_to, start, stop),
        cmocka_unit_test_setup_teardown(a_flush_within_a_flush_is_ignored, start, stop),
        cmocka_unit_test_setup_teardown(frames_for_this_worker_come_back, start, stop),
        cmocka_unit_test_setup_teardown(with_too_much_waiting_requests_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(answers_are_delivered_between_requests, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
