#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/mem.h"
#include "bus/hub.h"
#include "unit/bus/far_end.h"

static uv_loop_t loop;
static struct hub *hub;
static struct far_end workers[4]; /* by worker ID */

static struct {
    unsigned lost;
    worker_id last_lost;
    unsigned controls;
    enum packet_kind control;
    worker_id control_from;
} seen;

static void on_control(void *context, worker_id worker, enum packet_kind kind, struct slice payload)
{
    (void)context;
    (void)payload;
    seen.controls++;
    seen.control = kind;
    seen.control_from = worker;
}

static void on_lost(void *context, worker_id worker, const char *cause)
{
    (void)context;
    assert_non_null(cause);
    seen.lost++;
    seen.last_lost = worker;
}

static void add_worker(worker_id id)
{
    assert_int_equal(hub_add(hub, id, far_end_open(&workers[id], &loop, PACKET_FROM_SUPERVISOR)),
                     0);
}

static void start_hub(const struct directory_options *directory)
{
    struct hub_events events = {NULL, on_control, on_lost};
    memset(&seen, 0, sizeof(seen));
    crypto_init();
    uv_loop_init(&loop);
    hub = hub_new(&loop, directory, &events);
    for (worker_id id = 1; id <= 3; id++)
        add_worker(id);
}

static int start(void **state)
{
    struct directory_options directory = {.rooms = 10, .peers_per_room = 10, .resume_window = 200};
    (void)state;
    start_hub(&directory);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    hub_close(hub);
    for (worker_id id = 1; id <= 3; id++)
        far_end_close(&workers[id]);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    return 0;
}

static struct frame worker_frame(enum frame_kind kind, worker_id from, worker_id to)
{
    return (struct frame){
        .kind = kind,
        .from = from,
        .to = to,
        .request = 17,
        .room = SLICE("room"),
        .peer = SLICE("bob"),
        .sender = SLICE("ann"),
        .id = SLICE("5"),
        .info = SLICE("{}"),
        .data = SLICE("{\"sdp\":1}"),
        .secret = {.bytes = {1}},
        .worker = to,
    };
}

static void send_as(enum frame_kind kind, worker_id from, worker_id to)
{
    struct frame frame = worker_frame(kind, from, to);
    far_end_send_frame(&workers[from], &frame);
}

static enum frame_kind take(worker_id id, struct frame *frame)
{
    far_end_take_frame(&workers[id], frame);
    return frame->kind;
}

static bool is_lost(void *context)
{
    return seen.lost >= *(unsigned *)context;
}

static void wait_lost(unsigned count)
{
    run_until(&loop, is_lost, &count);
}

static void the_directory_answers(void **state)
{
    struct frame frame;
    (void)state;
    send_as(FRAME_JOIN, 1, DIRECTORY);
    assert_int_equal(take(1, &frame), FRAME_ROOM);
    assert_int_equal(frame.request, 17);
    assert_int_equal(frame.from, DIRECTORY);
}

/* And none of them breaks the link: a request after all of them is answered. */
static void the_directory_takes_all_that_workers_ask_of_it(void **state)
{
    struct frame frame;
    (void)state;
    for (enum frame_kind kind = FRAME_JOIN; kind < FRAME_ROOM; kind++)
        send_as(kind, 1, DIRECTORY);
    frame = worker_frame(FRAME_READ, 1, DIRECTORY);
    frame.request = 99;
    far_end_send_frame(&workers[1], &frame);
    do
        take(1, &frame);
    while (frame.request != 99);
    assert_int_equal(seen.lost, 0);
}

static void a_signal_reaches_its_worker_as_it_was_sent(void **state)
{
    struct frame frame;
    (void)state;
    send_as(FRAME_SIGNAL, 1, 2);
    assert_int_equal(take(2, &frame), FRAME_SIGNAL);
    assert_int_equal(frame.from, 1);
    assert_true(slice_is(frame.data, "{\"sdp\":1}"));
    assert_true(slice_is(frame.sender, "ann"));
}

static void frames_of_a_pair_of_workers_keep_their_order(void **state)
{
    struct frame frame;
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        struct frame signal = worker_frame(FRAME_CLAIM, 1, 2);
        signal.request = i;
        far_end_send_frame(&workers[1], &signal);
    }
    for (unsigned i = 0; i < 1000; i++) {
        take(2, &frame);
        assert_int_equal(frame.request, i);
    }
}

static void for_a_worker_that_never_was_the_sender_gets_the_answer(void **state)
{
    static const struct {
        enum frame_kind sent, answer;
        int error;
    } cases[] = {
        {FRAME_SIGNAL, FRAME_UNDELIVERED, ERR_UNAVAILABLE},
        {FRAME_CLAIM, FRAME_HANDED, ERR_UNAVAILABLE},
        {FRAME_FENCE, FRAME_FENCED, 0},
    };
    struct frame frame;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        send_as(cases[i].sent, 1, 1234);
        assert_int_equal(take(1, &frame), cases[i].answer);
        assert_int_equal(frame.error, cases[i].error);
        assert_true(slice_is(frame.peer, "bob"));
    }
}

static void what_nobody_waits_for_is_dropped(void **state)
{
    struct frame frame;
    (void)state;
    send_as(FRAME_UNDELIVERED, 1, 1234);
    send_as(FRAME_CLAIM, 1, 1234);
    assert_int_equal(take(1, &frame), FRAME_HANDED); /* and nothing before it */
}

static void a_dead_worker_is_told_of_and_answered_for(void **state)
{
    struct frame frame;
    (void)state;
    send_as(FRAME_JOIN, 1, DIRECTORY);
    take(1, &frame);
    far_end_close(&workers[1]);
    wait_lost(1);
    assert_int_equal(seen.last_lost, 1);
    assert_int_equal(take(2, &frame), FRAME_WORKER_DOWN);
    assert_int_equal(frame.worker, 1);
    assert_int_equal(take(3, &frame), FRAME_WORKER_DOWN);
    send_as(FRAME_SIGNAL, 2, 1);
    assert_int_equal(take(2, &frame), FRAME_UNDELIVERED);
}

static void a_dead_worker_s_peers_are_away_and_then_leave(void **state)
{
    struct frame frame, other = worker_frame(FRAME_JOIN, 2, DIRECTORY);
    (void)state;
    send_as(FRAME_JOIN, 1, DIRECTORY);
    take(1, &frame);
    other.peer = SLICE("carol");
    far_end_send_frame(&workers[2], &other);
    assert_int_equal(take(2, &frame), FRAME_ROOM);
    far_end_close(&workers[1]);
    assert_int_equal(take(2, &frame), FRAME_GONE_AWAY);
    assert_int_equal(frame.worker, DIRECTORY);
    assert_true(slice_is(frame.peer, "bob"));
    assert_int_equal(take(2, &frame), FRAME_WORKER_DOWN);
    assert_int_equal(take(2, &frame), FRAME_LEFT); /* by the hub's own clock */
    assert_int_equal(frame.reason, LEAVE_TIMEOUT);
}

static int start_telling(void **state)
{
    struct directory_options directory = {.resume_window = 200, .tells = true};
    (void)state;
    start_hub(&directory);
    return 0;
}

static void one_that_lives_is_told_who_left_of_a_dead_worker(void **state)
{
    struct frame frame;
    (void)state;
    send_as(FRAME_JOIN, 1, DIRECTORY);
    assert_int_equal(take(1, &frame), FRAME_HAPPENED);
    assert_int_equal(frame.flags, EVENT_ROOM_OPENED);
    assert_int_equal(take(1, &frame), FRAME_HAPPENED);
    assert_int_equal(frame.flags, EVENT_PEER_JOINED);
    far_end_close(&workers[1]);
    wait_lost(1);
    assert_int_equal(take(2, &frame), FRAME_WORKER_DOWN);
    assert_int_equal(take(2, &frame), FRAME_HAPPENED); /* by the hub's own clock */
    assert_int_equal(frame.flags, EVENT_PEER_LEFT);
    assert_true(slice_is(frame.peer, "bob"));
    assert_int_equal(take(2, &frame), FRAME_HAPPENED);
    assert_int_equal(frame.flags, EVENT_ROOM_CLOSED);
}

static void removing_says_nothing_upwards_and_can_be_repeated(void **state)
{
    struct frame frame;
    (void)state;
    hub_remove(hub, 1);
    hub_remove(hub, 1);
    assert_int_equal(take(2, &frame), FRAME_WORKER_DOWN);
    assert_int_equal(seen.lost, 0);
    assert_true(far_end_is_closed(&workers[1]));
}

static bool a_control_came(void *context)
{
    (void)context;
    return seen.controls > 0;
}

static void control_packets_go_both_ways(void **state)
{
    struct slice payload;
    (void)state;
    far_end_send(&workers[2], PACKET_READY, SLICE_NONE);
    run_until(&loop, a_control_came, NULL);
    assert_int_equal(seen.control, PACKET_READY);
    assert_int_equal(seen.control_from, 2);
    hub_control(hub, 3, PACKET_TICKET_KEYS, SLICE("keys"));
    assert_int_equal(far_end_take(&workers[3], &payload), PACKET_TICKET_KEYS);
    assert_true(slice_is(payload, "keys"));
}

/* --- what a worker out of its mind may send: it is cut off, the others go on --- */

static void is_cut_off_alone(void)
{
    struct frame frame;
    wait_lost(1);
    assert_int_equal(seen.last_lost, 1);
    assert_true(far_end_is_closed(&workers[1]));
    assert_int_equal(take(2, &frame), FRAME_WORKER_DOWN);
    send_as(FRAME_SIGNAL, 2, 3);
    while (take(3, &frame) != FRAME_SIGNAL)
        continue;
}

static void a_malformed_frame(void **state)
{
    (void)state;
    far_end_send(&workers[1], PACKET_FRAME, SLICE("rubbish"));
    is_cut_off_alone();
}

static void a_malformed_packet(void **state)
{
    (void)state;
    far_end_write(&workers[1], SLICE("\xff\xff\xff\xff\xff\xff\xff\xff"));
    is_cut_off_alone();
}

static void a_packet_of_the_supervisor(void **state)
{
    (void)state;
    far_end_send(&workers[1], PACKET_STOP, SLICE_NONE);
    is_cut_off_alone();
}

static void a_request_in_another_worker_s_name(void **state)
{
    struct frame frame = worker_frame(FRAME_LEAVE, 2, DIRECTORY);
    (void)state;
    far_end_send_frame(&workers[1], &frame);
    is_cut_off_alone();
}

static void an_event_that_only_the_directory_makes(void **state)
{
    (void)state;
    send_as(FRAME_LEFT, 1, 2);
    is_cut_off_alone();
}

static void a_signal_to_the_directory(void **state)
{
    (void)state;
    send_as(FRAME_SIGNAL, 1, DIRECTORY);
    is_cut_off_alone();
}

static void a_signal_in_the_directory_s_name(void **state)
{
    struct frame frame = worker_frame(FRAME_SIGNAL, DIRECTORY, 2);
    (void)state;
    far_end_send_frame(&workers[1], &frame);
    is_cut_off_alone();
}

static void a_good_frame_before_a_bad_one_still_counts(void **state)
{
    struct frame frame;
    (void)state;
    send_as(FRAME_SIGNAL, 1, 2);
    far_end_send(&workers[1], PACKET_FRAME, SLICE("rubbish"));
    assert_int_equal(take(2, &frame), FRAME_SIGNAL);
    assert_int_equal(take(2, &frame), FRAME_WORKER_DOWN);
}

static void without_a_directory_frames_are_a_breach(void **state)
{
    (void)state;
    send_as(FRAME_JOIN, 1, DIRECTORY);
    wait_lost(1);
    assert_int_equal(seen.last_lost, 1);
}

static int start_without_directory(void **state)
{
    (void)state;
    start_hub(NULL);
    return 0;
}

/* --- slow and split --- */

static void a_frame_split_at_every_byte_is_put_together(void **state)
{
    struct frame frame = worker_frame(FRAME_SIGNAL, 1, 2), got;
    struct buf bytes, packet;
    (void)state;
    buf_init(&bytes, 4096);
    buf_init(&packet, 4096);
    frame_encode(&frame, &bytes);
    packet_add(&packet, PACKET_FRAME, buf_slice(&bytes));
    for (size_t i = 0; i < packet.len; i++) {
        far_end_write(&workers[1], (struct slice){packet.data + i, 1});
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(take(2, &got), FRAME_SIGNAL);
    assert_true(slice_is(got.data, "{\"sdp\":1}"));
    buf_done(&bytes);
    buf_done(&packet);
}

static struct frame large_signal(struct slice data)
{
    struct frame frame = worker_frame(FRAME_SIGNAL, 1, 2);
    frame.data = data;
    return frame;
}

static void what_the_socket_does_not_take_at_once_follows(void **state)
{
    struct frame got;
    size_t len = (size_t)6 << 20; /* many times what a socket holds */
    char *data = mem_must(len);
    (void)state;
    memset(data, 'x', len);
    struct frame frame = large_signal((struct slice){data, len});
    far_end_send_frame(&workers[1], &frame);
    send_as(FRAME_SIGNAL, 1, 2);
    assert_int_equal(take(2, &got), FRAME_SIGNAL);
    assert_int_equal(got.data.len, len);
    assert_memory_equal(got.data.ptr, data, len);
    assert_int_equal(take(2, &got), FRAME_SIGNAL);
    assert_true(slice_is(got.data, "{\"sdp\":1}"));
    mem_free(data);
}

/* Worker 2 does not read. */
static void signals_to_a_worker_that_does_not_read_come_back(void **state)
{
    struct frame got;
    size_t len = (size_t)1 << 20;
    char *data = mem_must(len);
    (void)state;
    memset(data, 'x', len);
    struct frame frame = large_signal((struct slice){data, len});
    for (size_t sent = 0; sent < BUS_WAITING_MAX + 8 * len; sent += len)
        far_end_send_frame(&workers[1], &frame);
    assert_int_equal(take(1, &got), FRAME_UNDELIVERED);
    assert_int_equal(got.error, ERR_UNAVAILABLE);
    assert_int_equal(seen.lost, 0);

    assert_int_equal(take(2, &got), FRAME_SIGNAL); /* it reads again: nothing was cut */
    assert_int_equal(got.data.len, len);
    mem_free(data);
}

static void a_worker_that_reads_nothing_at_all_is_given_up(void **state)
{
    size_t len = (size_t)8 << 20;
    char *data = mem_must(len);
    (void)state;
    memset(data, 'x', len);
    /* what nobody waits for cannot be refused, and piles up */
    struct frame hold = worker_frame(FRAME_HOLD, 1, 2);
    hold.data = (struct slice){data, len};
    for (size_t sent = 0; seen.lost == 0 && sent < 2 * BUS_QUEUE_MAX; sent += len)
        far_end_send_frame(&workers[1], &hold);
    wait_lost(1);
    assert_int_equal(seen.last_lost, 2);
    mem_free(data);
}

/* Worker 1 asks for a roster of 8 MiB again and again, and does not read. */
static void who_does_not_read_rosters_is_refused_more(void **state)
{
    size_t len = (size_t)8 << 20;
    char *info = mem_must(len);
    struct frame got;
    (void)state;
    memset(info, 'x', len);
    struct frame join = worker_frame(FRAME_JOIN, 2, DIRECTORY);
    join.info = (struct slice){info, len};
    far_end_send_frame(&workers[2], &join);
    assert_int_equal(take(2, &got), FRAME_ROOM);
    for (size_t asked = 0; asked < BUS_QUEUE_MAX + 2 * len; asked += len)
        send_as(FRAME_READ, 1, DIRECTORY);
    unsigned rosters = 0;
    while (take(1, &got) == FRAME_ROOM)
        rosters++;
    assert_int_equal(got.kind, FRAME_REFUSED);
    assert_in_range(rosters, 1, 8);
    assert_int_equal(seen.lost, 0);
    mem_free(info);
}

#define HUB_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HUB_TEST(the_directory_answers),
        HUB_TEST(the_directory_takes_all_that_workers_ask_of_it),
        HUB_TEST(a_signal_reaches_its_worker_as_it_was_sent),
        HUB_TEST(frames_of_a_pair_of_workers_keep_their_order),
        HUB_TEST(for_a_worker_that_never_was_the_sender_gets_the_answer),
        HUB_TEST(what_nobody_waits_for_is_dropped),
        HUB_TEST(a_dead_worker_is_told_of_and_answered_for),
        HUB_TEST(a_dead_worker_s_peers_are_away_and_then_leave),
        cmocka_unit_test_setup_teardown(one_that_lives_is_told_who_left_of_a_dead_worker,
                                        start_telling, stop),
        HUB_TEST(removing_says_nothing_upwards_and_can_be_repeated),
        HUB_TEST(control_packets_go_both_ways),
        HUB_TEST(a_malformed_frame),
        HUB_TEST(a_malformed_packet),
        HUB_TEST(a_packet_of_the_supervisor),
        HUB_TEST(a_request_in_another_worker_s_name),
        HUB_TEST(an_event_that_only_the_directory_makes),
        HUB_TEST(a_signal_to_the_directory),
        HUB_TEST(a_signal_in_the_directory_s_name),
        HUB_TEST(a_good_frame_before_a_bad_one_still_counts),
        cmocka_unit_test_setup_teardown(without_a_directory_frames_are_a_breach,
                                        start_without_directory, stop),
        HUB_TEST(a_frame_split_at_every_byte_is_put_together),
        HUB_TEST(what_the_socket_does_not_take_at_once_follows),
        HUB_TEST(signals_to_a_worker_that_does_not_read_come_back),
        HUB_TEST(who_does_not_read_rosters_is_refused_more),
        HUB_TEST(a_worker_that_reads_nothing_at_all_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
