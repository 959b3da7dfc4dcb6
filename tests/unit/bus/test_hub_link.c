#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "bus/hub_link.h"
#include "unit/bus/far_end.h"

static uv_loop_t loop;
static struct hub_link *hub_link;
static struct bus *bus;
static struct far_end hub; /* played by the test */

static struct {
    unsigned frames, controls, lost;
    enum frame_kind frame;
    int error;
    enum packet_kind control;
    char payload[16];
    bool sending;
} seen;

static void on_control(void *context, enum packet_kind kind, struct slice payload)
{
    (void)context;
    seen.controls++;
    seen.control = kind;
    memcpy(seen.payload, payload.ptr, payload.len < 16 ? payload.len : 15);
}

static void on_lost(void *context, const char *cause)
{
    (void)context;
    assert_non_null(cause);
    seen.lost++;
}

static void on_frame(void *context, const struct frame *frame)
{
    (void)context;
    assert_false(seen.sending);
    seen.frames++;
    seen.frame = frame->kind;
    seen.error = frame->error;
}

static int start(void **state)
{
    struct hub_link_events events = {NULL, on_control, on_lost};
    int error;
    (void)state;
    memset(&seen, 0, sizeof(seen));
    uv_loop_init(&loop);
    hub_link = hub_link_open(&loop, far_end_open(&hub, &loop, PACKET_FROM_WORKER), &events, &error);
    assert_non_null(hub_link);
    bus = hub_link_bus(hub_link);
    bus->on_frame = on_frame;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    hub_link_close(hub_link);
    far_end_close(&hub);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static struct frame signal_with(struct slice data)
{
    return (struct frame){
        .kind = FRAME_SIGNAL,
        .from = 1,
        .to = 2,
        .room = SLICE("room"),
        .peer = SLICE("bob"),
        .sender = SLICE("ann"),
        .data = data,
    };
}

static void send_frame(const struct frame *frame)
{
    seen.sending = true;
    bus->send(bus, frame);
    seen.sending = false;
}

static bool a_frame_came(void *context)
{
    (void)context;
    return seen.frames > 0;
}

static bool a_control_came(void *context)
{
    (void)context;
    return seen.controls > 0;
}

static bool it_is_lost(void *context)
{
    (void)context;
    return seen.lost > 0;
}

static void frames_go_out_with_the_flush(void **state)
{
    struct frame got, frame = signal_with(SLICE("1"));
    (void)state;
    send_frame(&frame);
    send_frame(&frame);
    bus->flush(bus);
    far_end_take_frame(&hub, &got);
    assert_int_equal(got.kind, FRAME_SIGNAL);
    far_end_take_frame(&hub, &got);
    assert_true(slice_is(got.data, "1"));
}

static void frames_come_in(void **state)
{
    struct frame frame = signal_with(SLICE("1"));
    (void)state;
    far_end_send_frame(&hub, &frame);
    run_until(&loop, a_frame_came, NULL);
    assert_int_equal(seen.frame, FRAME_SIGNAL);
}

static void control_goes_both_ways(void **state)
{
    struct slice payload;
    (void)state;
    far_end_send(&hub, PACKET_HELLO, SLICE("hello"));
    run_until(&loop, a_control_came, NULL);
    assert_int_equal(seen.control, PACKET_HELLO);
    assert_string_equal(seen.payload, "hello");
    hub_link_control(hub_link, PACKET_READY);
    assert_int_equal(far_end_take(&hub, &payload), PACKET_READY);
}

static void the_end_of_the_supervisor_is_told_once(void **state)
{
    (void)state;
    far_end_close(&hub);
    run_until(&loop, it_is_lost, NULL);
    bus->flush(bus);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(seen.lost, 1);
}

static void a_malformed_frame_ends_the_link(void **state)
{
    (void)state;
    far_end_send(&hub, PACKET_FRAME, SLICE("rubbish"));
    run_until(&loop, it_is_lost, NULL);
    assert_int_equal(seen.frames, 0);
}

static void a_frame_where_none_is_expected_ends_the_link(void **state)
{
    struct frame frame = signal_with(SLICE("1"));
    (void)state;
    bus->on_frame = NULL;
    far_end_send_frame(&hub, &frame);
    run_until(&loop, it_is_lost, NULL);
}

static void with_too_much_waiting_signals_come_back_after_the_flush(void **state)
{
    struct frame got;
    size_t len = (size_t)1 << 20;
    char *data = mem_must(len);
    (void)state;
    memset(data, 'x', len);
    struct frame frame = signal_with((struct slice){data, len});
    unsigned sent = 0;
    while (seen.frames == 0) {
        assert_true(sent * len < BUS_WAITING_MAX + 4 * len); /* the socket takes less than one */
        send_frame(&frame);
        sent++;
        assert_int_equal(seen.frames, 0);
        bus->flush(bus);
    }
    assert_true(sent * len > BUS_WAITING_MAX);
    assert_int_equal(seen.frame, FRAME_UNDELIVERED);
    assert_int_equal(seen.error, ERR_UNAVAILABLE);
    while (--sent > 0) { /* the hub reads: all but the last arrives */
        far_end_take_frame(&hub, &got);
        assert_int_equal(got.data.len, len);
    }
    mem_free(data);
}

static void a_frame_larger_than_any_packet_is_refused(void **state)
{
    char *data = mem_must(PACKET_MAX);
    struct frame frame = signal_with((struct slice){data, PACKET_MAX});
    (void)state;
    send_frame(&frame);
    bus->flush(bus);
    assert_int_equal(seen.frame, FRAME_UNDELIVERED);
    assert_int_equal(seen.lost, 0);
    mem_free(data);
}

#define LINK_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LINK_TEST(frames_go_out_with_the_flush),
        LINK_TEST(frames_come_in),
        LINK_TEST(control_goes_both_ways),
        LINK_TEST(the_end_of_the_supervisor_is_told_once),
        LINK_TEST(a_malformed_frame_ends_the_link),
        LINK_TEST(a_frame_where_none_is_expected_ends_the_link),
        LINK_TEST(with_too_much_waiting_signals_come_back_after_the_flush),
        LINK_TEST(a_frame_larger_than_any_packet_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
