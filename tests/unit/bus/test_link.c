#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bus/link.h"
#include "bus/store.h"

/* Two ends and what is under way between them. Frames are numbered; what an end got and what it was
 * refused is kept as text: "1 2 3". */

#define WIRE_MAX 4096

static struct end {
    struct link_self self;
    struct link link;
    char got[4096];
    char refused[4096];
} a, b;

static struct wire {
    struct message *packets[WIRE_MAX];
    unsigned count;
} a_to_b, b_to_a;

static uint64_t now;

static void note(char *list, struct slice data)
{
    size_t len = strlen(list);
    assert_true(len + data.len + 2 < sizeof(a.got));
    snprintf(list + len, sizeof(a.got) - len, "%s%.*s", len > 0 ? " " : "", (int)data.len,
             data.ptr);
}

static void on_refused(void *context, const struct frame *frame)
{
    struct end *end = context;
    struct slice data = frame->data;
    if (data.len > 8)
        data.len = 8;
    note(end->refused, data);
}

static void end_start(struct end *end, worker_id self, worker_id other)
{
    *end = (struct end){
        .self = {.id = self, .life = 1, .now = now, .refuse = on_refused, .context = end}};
    end->self.clock_low = end->self.clock_high = 1000000;
    link_init(&end->link, &end->self, other);
}

static int start(void **state)
{
    (void)state;
    now = 5000;
    end_start(&a, 100, 200);
    end_start(&b, 200, 100);
    a_to_b.count = b_to_a.count = 0;
    return 0;
}

static void lose(struct wire *wire)
{
    for (unsigned i = 0; i < wire->count; i++)
        message_unref(wire->packets[i]);
    wire->count = 0;
}

static int stop(void **state)
{
    (void)state;
    link_done(&a.link);
    link_done(&b.link);
    assert_int_equal(a.self.bytes, 0);
    assert_int_equal(b.self.bytes, 0);
    lose(&a_to_b);
    lose(&b_to_a);
    return 0;
}

static void send(struct end *from, int number)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", number);
    assert_true(link_add(&from->link, &(struct frame){.kind = FRAME_SIGNAL,
                                                      .from = from->self.id,
                                                      .to = from->link.other,
                                                      .room = SLICE("room"),
                                                      .peer = SLICE("ann"),
                                                      .sender = SLICE("bob"),
                                                      .data = slice_of(text)}));
}

static void publish(struct end *from, struct wire *wire)
{
    struct message *packet;
    while ((packet = link_next(&from->link)) != NULL) {
        assert_true(wire->count < WIRE_MAX);
        wire->packets[wire->count++] = packet;
    }
}

static bool take(struct end *to, const struct message *packet)
{
    struct slice frames = message_text(packet);
    struct link_head head;
    struct frame frame;
    assert_true(link_head_read(&frames, &head));
    if (!link_take(&to->link, &head, packet->len))
        return false;
    while (frame_next(&frames, &frame))
        note(to->got, frame.data);
    assert_int_equal(frames.len, 0);
    return true;
}

static void deliver(struct wire *wire, struct end *to)
{
    for (unsigned i = 0; i < wire->count; i++)
        take(to, wire->packets[i]);
    lose(wire);
}

static void send_packet(struct end *from, struct wire *wire, int number)
{
    send(from, number);
    publish(from, wire);
}

static void pass(uint64_t ms)
{
    now += ms;
    a.self.now = b.self.now = now;
    link_tick(&a.link);
    link_tick(&b.link);
}

/* Everything gets through for so long. */
static void settle(uint64_t ms)
{
    for (uint64_t end = now + ms; now < end; pass(50)) {
        for (int i = 0; i < 4; i++) {
            publish(&a, &a_to_b);
            deliver(&a_to_b, &b);
            publish(&b, &b_to_a);
            deliver(&b_to_a, &a);
        }
    }
}

static void frames_of_one_pass_share_a_packet(void **state)
{
    (void)state;
    send(&a, 1);
    send(&a, 2);
    send(&a, 3);
    publish(&a, &a_to_b);
    assert_int_equal(a_to_b.count, 1);
    assert_int_equal(message_text(a_to_b.packets[0]).ptr[0], STORE_LINK);
    deliver(&a_to_b, &b);
    assert_string_equal(b.got, "1 2 3");
}

static void the_ring_and_the_wire_share_the_bytes(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    assert_int_equal(a_to_b.packets[0]->refs, 2);
}

static void a_second_copy_is_dropped(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    assert_true(take(&b, a_to_b.packets[0]));
    assert_false(take(&b, a_to_b.packets[0]));
    assert_string_equal(b.got, "1");
}

static void what_was_lost_is_asked_for_and_sent_again(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    deliver(&a_to_b, &b);
    send_packet(&a, &a_to_b, 2);
    lose(&a_to_b);
    send_packet(&a, &a_to_b, 3);
    deliver(&a_to_b, &b);
    assert_string_equal(b.got, "1");
    settle(100);
    assert_string_equal(b.got, "1 2 3");
    assert_string_equal(a.refused, "");
}

static void the_first_packet_may_be_lost_too(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    lose(&a_to_b);
    send_packet(&a, &a_to_b, 2);
    settle(100);
    assert_string_equal(b.got, "1 2");
}

static void the_last_packet_may_be_lost_too(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    lose(&a_to_b);
    settle(500);
    assert_string_equal(b.got, "");
    settle(1000);
    assert_string_equal(b.got, "1");
}

static void the_same_is_not_asked_for_all_the_time(void **state)
{
    unsigned asked = 0;
    (void)state;
    send_packet(&a, &a_to_b, 1);
    lose(&a_to_b);
    for (int i = 2; i < 102; i++) {
        pass(1);
        send_packet(&a, &a_to_b, i);
        deliver(&a_to_b, &b);
        publish(&b, &b_to_a);
        asked += b_to_a.count;
        lose(&b_to_a);
    }
    assert_int_equal(asked, 1);
    pass(LINK_RESEND_AFTER - 99);
    publish(&b, &b_to_a);
    assert_int_equal(b_to_a.count, 1);
    lose(&b_to_a);
    settle(1500);
    assert_int_equal(strncmp(b.got, "1 2 3 4 5 ", 10), 0);
}

static void data_the_other_way_acknowledges(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    deliver(&a_to_b, &b);
    send_packet(&b, &b_to_a, 9);
    assert_int_equal(b_to_a.count, 1);
    assert_true(a.link.out.bytes > 0);
    deliver(&b_to_a, &a);
    assert_int_equal(a.link.out.bytes, 0);
    pass(LINK_ACK_AFTER);
    publish(&b, &b_to_a);
    assert_int_equal(b_to_a.count, 1); /* no acknowledgement, but a question */
    struct slice bytes = message_text(b_to_a.packets[0]);
    struct link_head head;
    assert_true(link_head_read(&bytes, &head));
    assert_int_equal(head.flags, LINK_ASK);
}

static void an_acknowledgement_comes_alone_after_a_while(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    deliver(&a_to_b, &b);
    publish(&b, &b_to_a);
    assert_int_equal(b_to_a.count, 0);
    pass(LINK_ACK_AFTER);
    publish(&b, &b_to_a);
    assert_int_equal(b_to_a.count, 1);
    deliver(&b_to_a, &a);
    assert_int_equal(a.link.out.bytes, 0);
}

static void an_acknowledgement_comes_alone_after_many_packets(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LINK_ACK_PACKETS; i++) {
        assert_int_equal(b_to_a.count, 0);
        send_packet(&a, &a_to_b, 1);
        deliver(&a_to_b, &b);
        publish(&b, &b_to_a);
    }
    assert_int_equal(b_to_a.count, 1);
}

static void what_is_too_old_is_refused_and_never_taken(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    struct message *late = message_ref(a_to_b.packets[0]);
    lose(&a_to_b);
    pass(LINK_REPORT - 1);
    assert_string_equal(a.refused, "");
    pass(1);
    assert_string_equal(a.refused, "1");
    assert_false(take(&b, late));
    assert_string_equal(b.got, "");
    message_unref(late);
}

static void an_expired_gap_ends_the_session(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    deliver(&a_to_b, &b);
    settle(2000);
    send_packet(&a, &a_to_b, 2);
    lose(&a_to_b);
    pass(LINK_REPORT - 1000);
    send_packet(&a, &a_to_b, 3);
    struct message *late = message_ref(a_to_b.packets[a_to_b.count - 1]);
    lose(&a_to_b);
    pass(1000);
    assert_string_equal(a.refused, "2");
    send(&a, 4);
    settle(2000);
    assert_string_equal(b.got, "1 3 4");
    assert_string_equal(a.refused, "2");
    assert_false(take(&b, late));
    message_unref(late);
}

/* It was taken, only nobody said so. What is behind it must not be numbered anew, as it may have
 * been taken as well. */
static void a_lost_acknowledgement_ends_no_session(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    deliver(&a_to_b, &b);
    pass(LINK_REPORT - 500);
    send_packet(&a, &a_to_b, 2);
    deliver(&a_to_b, &b);
    pass(500);
    assert_string_equal(a.refused, "1");
    uint32_t session = a.link.out.session;
    settle(2000);
    assert_string_equal(b.got, "1 2");
    assert_int_equal(a.link.out.session, session);
    assert_int_equal(a.link.out.bytes, 0);
}

/* Said before the gap expired: the other end may have taken it since, and more. */
static void an_old_request_for_an_expired_gap_begins_no_session(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    struct message *first = message_ref(a_to_b.packets[0]);
    lose(&a_to_b);
    send_packet(&a, &a_to_b, 2);
    struct message *second = message_ref(a_to_b.packets[0]);
    take(&b, second);
    pass(9000);
    lose(&b_to_a);
    pass(500);
    publish(&b, &b_to_a); /* asks for 1 */
    publish(&a, &a_to_b);
    lose(&a_to_b);
    assert_true(take(&b, first));
    assert_true(take(&b, second));
    assert_string_equal(b.got, "1 2");
    struct message *old = message_ref(b_to_a.packets[0]);
    lose(&b_to_a);
    send(&a, 3);
    pass(LINK_REPORT - 9500);
    assert_string_equal(a.refused, "1 2");
    send(&a, 4);
    publish(&a, &a_to_b);
    uint32_t session = a.link.out.session;
    take(&a, old);
    assert_int_equal(a.link.out.session, session);
    settle(2000);
    assert_string_equal(b.got, "1 2 3 4");
    message_unref(first);
    message_unref(second);
    message_unref(old);
}

static void what_was_never_published_is_refused_without_a_gap(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    deliver(&a_to_b, &b);
    send(&a, 2);
    pass(LINK_LIFETIME);
    assert_string_equal(a.refused, "");
    pass(LINK_REPORT - LINK_LIFETIME);
    assert_string_equal(a.refused, "1 2");
    send(&a, 3);
    settle(1500);
    assert_string_equal(b.got, "1 3");
    assert_int_equal(a.self.last_session, 1);
}

static void a_way_that_broke_is_made_good(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    deliver(&a_to_b, &b);
    send_packet(&a, &a_to_b, 2);
    lose(&a_to_b);
    send_packet(&a, &a_to_b, 3);
    lose(&a_to_b);
    link_publish_again(&a.link);
    publish(&a, &a_to_b);
    deliver(&a_to_b, &b);
    assert_string_equal(b.got, "1 2 3");
}

static void who_listens_again_asks_for_what_it_missed(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    deliver(&a_to_b, &b);
    send_packet(&a, &a_to_b, 2);
    lose(&a_to_b);
    link_hello(&b.link);
    publish(&b, &b_to_a);
    deliver(&b_to_a, &a);
    publish(&a, &a_to_b);
    deliver(&a_to_b, &b);
    assert_string_equal(b.got, "1 2");
}

static void an_idle_link_begins_a_session(void **state)
{
    (void)state;
    send(&a, 1);
    settle(2000);
    pass(LINK_FORGET_OUT);
    assert_int_equal(a.link.out.session, 0);
    assert_false(link_is_idle(&b.link));
    send(&a, 2);
    settle(2000);
    assert_string_equal(b.got, "1 2");
    pass(LINK_FORGET_IN);
    assert_true(link_is_idle(&a.link));
    assert_true(link_is_idle(&b.link));
}

static void who_forgot_the_session_is_given_another(void **state)
{
    (void)state;
    send(&a, 1);
    settle(2000);
    link_done(&b.link);
    end_start(&b, 200, 100);
    pass(LINK_REPORT);
    send(&a, 2);
    settle(2000);
    assert_string_equal(b.got, "2");
    assert_string_equal(a.refused, "");
}

static void a_late_request_for_what_came_is_passed_over(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    send_packet(&a, &a_to_b, 2);
    take(&b, a_to_b.packets[1]);
    publish(&b, &b_to_a);
    struct message *late = message_ref(b_to_a.packets[0]);
    lose(&b_to_a);
    lose(&a_to_b);
    link_publish_again(&a.link);
    settle(2000);
    send_packet(&a, &a_to_b, 3);
    lose(&a_to_b);
    uint32_t session = a.link.out.session;
    take(&a, late);
    assert_int_equal(a.link.out.session, session);
    assert_null(link_next(&a.link));
    message_unref(late);
    settle(2000);
    assert_string_equal(b.got, "1 2 3");
}

/* ---- lives */

static void what_was_for_an_earlier_life_is_numbered_anew(void **state)
{
    (void)state;
    send(&a, 1);
    settle(2000);
    send_packet(&a, &a_to_b, 2);
    b.self.life = 2;
    assert_false(take(&b, a_to_b.packets[0]));
    settle(500);
    assert_string_equal(b.got, "1 2");
    assert_string_equal(a.refused, "");
}

static void a_stranger_in_a_later_life_is_met(void **state)
{
    (void)state;
    b.self.life = 3;
    send(&a, 1);
    settle(500);
    assert_string_equal(b.got, "1");
}

static void what_was_for_one_who_was_reaped_is_refused_and_never_taken(void **state)
{
    (void)state;
    send(&a, 1);
    settle(2000);
    send_packet(&a, &a_to_b, 2);
    link_other_down(&a.link);
    assert_string_equal(a.refused, "2");
    b.self.life = 2;
    assert_false(take(&b, a_to_b.packets[0]));
    send(&a, 3);
    settle(500);
    assert_string_equal(b.got, "1 3");
}

static void what_one_who_was_reaped_sent_before_is_refused(void **state)
{
    (void)state;
    send(&a, 1);
    settle(2000);
    send_packet(&a, &a_to_b, 2);
    struct message *late = message_ref(a_to_b.packets[0]);
    lose(&a_to_b);
    link_other_down(&b.link);
    assert_false(take(&b, late));
    a.self.life = 2;
    send(&a, 3);
    settle(500);
    assert_string_equal(b.got, "1 3");
    assert_string_equal(a.refused, "2");
    assert_false(take(&b, late));
    message_unref(late);
}

static void who_was_reaped_is_told(void **state)
{
    (void)state;
    send(&a, 1);
    settle(2000);
    assert_true(b.self.told_life <= 1);
    link_other_down(&a.link);
    send(&a, 2);
    settle(100);
    assert_int_equal(b.self.told_life, 2);
}

static void unpublished_frames_can_be_refused(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    send(&a, 2);
    link_refuse_unpublished(&a.link);
    assert_string_equal(a.refused, "2");
    send(&a, 3);
    settle(100);
    assert_string_equal(b.got, "1 3");
}

/* It must come behind what was published before, for that may still arrive. */
static void a_fence_is_not_refused_before_what_is_in_front_of_it(void **state)
{
    (void)state;
    const struct frame fence = {.kind = FRAME_FENCE,
                                .from = a.self.id,
                                .to = b.self.id,
                                .room = SLICE("room"),
                                .peer = SLICE("ann"),
                                .data = SLICE("fence")};
    send_packet(&a, &a_to_b, 1);
    lose(&a_to_b);
    send(&a, 2);
    assert_true(link_add(&a.link, &fence));
    send(&a, 3);
    link_refuse_unpublished(&a.link);
    assert_string_equal(a.refused, "2 3");
    settle(3000);
    assert_string_equal(b.got, "1 ");
    assert_int_equal(a.link.out.count, 0);
}

/* ---- limits */

static void a_full_link_says_so(void **state)
{
    static char data[60000];
    struct frame frame = {.kind = FRAME_SIGNAL,
                          .room = SLICE("r"),
                          .peer = SLICE("p"),
                          .sender = SLICE("s"),
                          .data = {data, sizeof(data)}};
    size_t sent = 0;
    (void)state;
    memset(data, 'x', sizeof(data));
    while (!link_is_full(&a.link)) {
        assert_true(link_add(&a.link, &frame));
        sent += sizeof(data);
    }
    assert_true(sent >= LINK_BYTES_MAX);
    while (link_add(&a.link, &frame))
        sent += sizeof(data);
    assert_true(sent >= LINK_EXCESS * LINK_BYTES_MAX);
    assert_true(sent < (LINK_EXCESS + 1) * LINK_BYTES_MAX);
}

static void a_frame_larger_than_a_packet_has_one_of_its_own(void **state)
{
    static char data[200000];
    struct frame frame = {.kind = FRAME_SIGNAL,
                          .room = SLICE("r"),
                          .peer = SLICE("p"),
                          .sender = SLICE("s"),
                          .data = {data, sizeof(data)}};
    (void)state;
    memset(data, 'x', sizeof(data));
    send(&a, 1);
    assert_true(link_add(&a.link, &frame));
    send(&a, 3);
    publish(&a, &a_to_b);
    assert_int_equal(a_to_b.count, 3);
}

static void many_packets_wait(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        send(&a, i);
        struct message *packet = link_next(&a.link);
        if (i != 0)
            take(&b, packet);
        message_unref(packet);
    }
    assert_string_equal(b.got, "");
    settle(200);
    assert_int_equal(strncmp(b.got, "0 1 2 3", 7), 0);
    assert_int_equal(a.link.out.bytes, 0);
}

/* ---- what must not be */

static void a_broken_head_is_none(void **state)
{
    char bytes[LINK_HEAD_SIZE];
    struct link_head good = {
        .flags = LINK_DATA, .source = 100, .life = 1, .session = 1, .number = 1, .expires = 1};
    struct link_head read;
    struct slice slice;
    (void)state;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        link_head_write(&good, bytes);
        slice = (struct slice){bytes, len};
        assert_int_equal(link_head_read(&slice, &read), len == sizeof(bytes));
    }
    char again[LINK_HEAD_SIZE];
    link_head_write(&read, again);
    assert_memory_equal(again, bytes, sizeof(bytes));
    struct link_head bad[] = {good, good, good, good, good};
    bad[0].life = 0;
    bad[1].session = 0;
    bad[2].number = 0;
    bad[3].flags = 8;
    bad[4].flags = LINK_DATA | LINK_ASK;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        link_head_write(&bad[i], bytes);
        slice = (struct slice){bytes, sizeof(bytes)};
        assert_false(link_head_read(&slice, &read));
    }
}

static void an_acknowledgement_of_what_was_never_sent_is_passed_over(void **state)
{
    (void)state;
    send_packet(&a, &a_to_b, 1);
    struct link_head lie = {.source = 200,
                            .life = 1,
                            .ack_session = a.link.out.session,
                            .ack = 2,
                            .expires = UINT64_MAX};
    link_take(&a.link, &lie, LINK_HEAD_SIZE);
    assert_true(a.link.out.bytes > 0);
    lie.ack = 1;
    link_take(&a.link, &lie, LINK_HEAD_SIZE);
    assert_int_equal(a.link.out.bytes, 0);
}

/* Whatever allocation fails: what could be added arrives, once and in order, or is refused. */
static void memory_fails(void **state)
{
    (void)state;
    for (unsigned n = 1; n < 60; n++) {
        char added[4096] = "";
        message_free_kept();
        start(NULL);
        mem_fail_nth(n);
        for (int i = 1; i <= 20; i++) {
            char data[600];
            memset(data, 'x', sizeof(data));
            int len = snprintf(data, sizeof(data), "%d", i);
            struct frame frame = {.kind = FRAME_SIGNAL,
                                  .room = SLICE("r"),
                                  .peer = SLICE("p"),
                                  .sender = SLICE("s"),
                                  .data = {data, (size_t)len}};
            if (link_add(&a.link, &frame))
                note(added, frame.data);
            if (i % 3 == 0)
                publish(&a, &a_to_b);
            if (i == 9)
                lose(&a_to_b);
            if (i == 12) {
                b.self.life = 2; /* so that there is a copy to be made */
                pass(300);
            }
            deliver(&a_to_b, &b);
            publish(&b, &b_to_a);
            deliver(&b_to_a, &a);
        }
        settle(3000);
        mem_fail_nth(0);
        settle(3000);
        size_t lost = strlen(a.refused);
        if (lost == 0)
            assert_string_equal(b.got, added);
        else
            assert_true(strlen(b.got) + 1 + lost >= strlen(added));
        assert_int_equal(a.link.out.bytes, 0);
        stop(NULL);
    }
    start(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_of_one_pass_share_a_packet),
        TEST(the_ring_and_the_wire_share_the_bytes),
        TEST(a_second_copy_is_dropped),
        TEST(what_was_lost_is_asked_for_and_sent_again),
        TEST(the_first_packet_may_be_lost_too),
        TEST(the_last_packet_may_be_lost_too),
        TEST(the_same_is_not_asked_for_all_the_time),
        TEST(data_the_other_way_acknowledges),
        TEST(an_acknowledgement_comes_alone_after_a_while),
        TEST(an_acknowledgement_comes_alone_after_many_packets),
        TEST(what_is_too_old_is_refused_and_never_taken),
        TEST(an_expired_gap_ends_the_session),
        TEST(a_lost_acknowledgement_ends_no_session),
        TEST(an_old_request_for_an_expired_gap_begins_no_session),
        TEST(what_was_never_published_is_refused_without_a_gap),
        TEST(a_way_that_broke_is_made_good),
        TEST(who_listens_again_asks_for_what_it_missed),
        TEST(an_idle_link_begins_a_session),
        TEST(who_forgot_the_session_is_given_another),
        TEST(a_late_request_for_what_came_is_passed_over),
        TEST(what_was_for_an_earlier_life_is_numbered_anew),
        TEST(a_stranger_in_a_later_life_is_met),
        TEST(what_was_for_one_who_was_reaped_is_refused_and_never_taken),
        TEST(what_one_who_was_reaped_sent_before_is_refused),
        TEST(who_was_reaped_is_told),
        TEST(unpublished_frames_can_be_refused),
        TEST(a_fence_is_not_refused_before_what_is_in_front_of_it),
        TEST(a_full_link_says_so),
        TEST(a_frame_larger_than_a_packet_has_one_of_its_own),
        TEST(many_packets_wait),
        TEST(a_broken_head_is_none),
        TEST(an_acknowledgement_of_what_was_never_sent_is_passed_over),
        TEST(memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
