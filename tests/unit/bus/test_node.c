#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/link.h"
#include "bus/node.h"

/* Workers on scripted stores. What a node asks of its store is written down; the test answers. */

#define CALLS_MAX 256
#define FRAMES_MAX 256

struct asked {
    uint64_t number;
    enum frame_kind kind;
    uint32_t request;
};

struct published {
    worker_id to;
    struct message *packet;
};

static struct worker {
    struct store store; /* first, so that one is the other */
    struct node *node;
    struct bus *bus;
    worker_id id;
    bool calling; /* the node is in a call of ours, or we in one of its */
    struct asked asks[CALLS_MAX];
    unsigned ask_count;
    struct published published[CALLS_MAX];
    unsigned published_count;
    uint64_t beat; /* the last one */
    unsigned beats, resubscribed, left, restored;
    worker_id reaped;
    char frames[4096];  /* "kind:what kind:what": what came to the exchange */
    char journal[4096]; /* publish, ask, flush in their order */
    bool restores;      /* on_restore() sends frames */
    bool exports;       /* the exchange knows ann (here) and zoe (on the other worker) in `room` */
} a, b;

static uint64_t now;

#define LOG_QUIET ((enum log_level)(LOG_ERROR + 1)) /* what is meant to fail is not to be seen */

#define STORE_TIME 1000000u /* the store's time at our 0 */

static const struct session_secret ann_secret = {.bytes = {1}}, next_secret = {.bytes = {2}};

static void add_word(char *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_word(char *list, const char *format, ...)
{
    size_t len = strlen(list);
    va_list args;
    va_start(args, format);
    if (len > 0)
        list[len++] = ' ';
    vsnprintf(list + len, 4096 - len, format, args);
    va_end(args);
    assert_true(strlen(list) < 4095);
}

/* ---- the store's side */

static void store_ask(struct store *store, uint64_t number, const struct frame *frame)
{
    struct worker *worker = (struct worker *)store;
    assert_true(worker->ask_count < CALLS_MAX);
    worker->asks[worker->ask_count++] =
        (struct asked){.number = number, .kind = frame->kind, .request = frame->request};
    add_word(worker->journal, "ask:%s", frame_name(frame->kind));
}

static void store_publish(struct store *store, worker_id to, struct message *packet)
{
    struct worker *worker = (struct worker *)store;
    assert_true(worker->published_count < CALLS_MAX);
    worker->published[worker->published_count++] = (struct published){to, message_ref(packet)};
    add_word(worker->journal, "publish");
}

static void store_beat(struct store *store, uint64_t number)
{
    struct worker *worker = (struct worker *)store;
    assert_true(number > worker->beat);
    worker->beat = number;
    worker->beats++;
}

static void store_reap(struct store *store, worker_id dead)
{
    ((struct worker *)store)->reaped = dead;
}

static void store_leave(struct store *store)
{
    ((struct worker *)store)->left++;
}

static void store_resubscribe(struct store *store)
{
    ((struct worker *)store)->resubscribed++;
}

static void store_flush(struct store *store)
{
    add_word(((struct worker *)store)->journal, "flush");
}

/* ---- the exchange's side */

static uint64_t get_now(void *context)
{
    (void)context;
    return now;
}

static void send_frame(struct worker *worker, const struct frame *frame)
{
    worker->calling = true;
    worker->bus->send(worker->bus, frame);
    worker->calling = false;
}

static void on_frame(void *context, const struct frame *frame)
{
    struct worker *worker = context;
    assert_false(worker->calling);
    add_word(worker->frames, "%s", frame_name(frame->kind));
    if (frame->data.len > 0)
        add_word(worker->frames, "%.*s", (int)frame->data.len, frame->data.ptr);
    if (frame->kind == FRAME_ROOM)
        add_word(worker->frames, "%u/%u%s", frame->request, frame->reason & ~ROOM_PROVISIONAL,
                 frame->reason & ROOM_PROVISIONAL ? "~" : "");
    if (frame->error != 0)
        add_word(worker->frames, "%s", error_wire(frame->error));
    if (frame->flags & ASTRAY)
        add_word(worker->frames, "astray");
    if (frame->flags & COUNTED_APART)
        add_word(worker->frames, "apart");
}

static void on_restore(void *context)
{
    struct worker *worker = context;
    worker->restored++;
    if (worker->restores)
        send_frame(worker, &(struct frame){.kind = FRAME_RESTORE,
                                           .from = worker->id,
                                           .to = DIRECTORY,
                                           .room = SLICE("room"),
                                           .peer = SLICE("ann"),
                                           .secret = ann_secret,
                                           .info = SLICE("{}")});
}

static void export_room(void *context, struct slice room, node_emit emit, void *to)
{
    struct worker *worker = context;
    if (!worker->exports || !slice_is(room, "room"))
        return;
    emit(to, &(struct frame){.kind = FRAME_RESTORE,
                             .from = worker->id,
                             .to = DIRECTORY,
                             .room = room,
                             .peer = SLICE("ann"),
                             .secret = ann_secret,
                             .info = SLICE("{}"),
                             .version = 77});
    emit(to, &(struct frame){.kind = FRAME_RESTORE,
                             .from = 200,
                             .to = DIRECTORY,
                             .room = room,
                             .peer = SLICE("zoe"),
                             .info = SLICE("{}"),
                             .version = 77});
}

/* ---- starting, and the store's answers */

static void worker_start(struct worker *worker, worker_id id)
{
    *worker = (struct worker){.id = id};
    worker->store = (struct store){.ask = store_ask,
                                   .publish = store_publish,
                                   .beat = store_beat,
                                   .reap = store_reap,
                                   .leave = store_leave,
                                   .resubscribe = store_resubscribe,
                                   .flush = store_flush};
    struct node_options options = {.self = id,
                                   .store = &worker->store,
                                   .directory = {.resume_window = 30000},
                                   .context = worker,
                                   .now = get_now,
                                   .export_room = export_room,
                                   .on_restore = on_restore};
    worker->node = node_new(&options);
    worker->bus = node_bus(worker->node);
    worker->bus->on_frame = on_frame;
    worker->bus->context = worker;
}

static void up(struct worker *worker)
{
    worker->store.events->on_up(worker->store.context);
}

static void down(struct worker *worker)
{
    worker->store.events->on_down(worker->store.context, "test");
}

static void answer_beat(struct worker *worker, uint64_t number, bool lost)
{
    worker->store.events->on_beaten(worker->store.context, number, STORE_TIME + now, lost);
}

static void hear_beat(struct worker *worker, uint64_t number)
{
    char bytes[9] = {STORE_BEAT};
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (char)(number >> (8 * i));
    worker->store.events->on_inbox(worker->store.context, (struct slice){bytes, sizeof(bytes)});
}

static void beat_comes_back(struct worker *worker, bool lost)
{
    answer_beat(worker, worker->beat, lost);
    hear_beat(worker, worker->beat);
}

static void listening(struct worker *worker)
{
    worker->store.events->on_listening(worker->store.context);
}

static void done(struct worker *worker, int error)
{
    worker->store.events->on_done(worker->store.context, error);
}

static void answer(struct worker *worker, const struct frame *frame)
{
    worker->store.events->on_frame(worker->store.context, frame);
}

static void flush(struct worker *worker)
{
    worker->bus->flush(worker->bus);
}

static void lose(struct worker *worker)
{
    for (unsigned i = 0; i < worker->published_count; i++)
        message_unref(worker->published[i].packet);
    worker->published_count = 0;
}

static void carry(struct worker *from, struct worker *to)
{
    flush(from);
    for (unsigned i = 0; i < from->published_count; i++) {
        assert_int_equal(from->published[i].to, to->id);
        struct slice bytes = message_text(from->published[i].packet);
        to->store.events->on_inbox(to->store.context, bytes);
    }
    lose(from);
}

static void pass(uint64_t ms)
{
    now += ms;
    node_tick(a.node);
    node_tick(b.node);
}

/* As long as all is well. */
static void live(uint64_t ms)
{
    for (uint64_t end = now + ms; now < end;) {
        unsigned beats_a = a.beats, beats_b = b.beats;
        carry(&a, &b);
        carry(&b, &a);
        pass(50);
        if (a.beats != beats_a)
            beat_comes_back(&a, false);
        if (b.beats != beats_b)
            beat_comes_back(&b, false);
    }
}

static void clear(struct worker *worker)
{
    lose(worker);
    worker->ask_count = 0;
    worker->frames[0] = worker->journal[0] = '\0';
}

static void make_ready(struct worker *worker)
{
    up(worker);
    listening(worker);
    beat_comes_back(worker, false);
    assert_true(node_is_ready(worker->node));
    clear(worker);
}

static int start(void **state)
{
    (void)state;
    crypto_init();
    log_init(LOG_QUIET, LOG_JSON, 0);
    now = 7000;
    worker_start(&a, 100);
    worker_start(&b, 200);
    make_ready(&a);
    make_ready(&b);
    return 0;
}

static int start_fresh(void **state)
{
    (void)state;
    crypto_init();
    log_init(LOG_QUIET, LOG_JSON, 0);
    now = 7000;
    worker_start(&a, 100);
    worker_start(&b, 200);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    lose(&a);
    lose(&b);
    node_free(a.node);
    node_free(b.node);
    return 0;
}

static void signal_to(struct worker *from, struct worker *to, const char *text)
{
    send_frame(from, &(struct frame){.kind = FRAME_SIGNAL,
                                     .from = from->id,
                                     .to = to->id,
                                     .room = SLICE("room"),
                                     .peer = SLICE("zoe"),
                                     .sender = SLICE("ann"),
                                     .data = slice_of(text)});
}

static void ask(struct worker *worker, enum frame_kind kind, uint32_t request, const char *peer)
{
    struct session_secret own = {.bytes = {(unsigned char)peer[0], (unsigned char)request}};
    send_frame(worker, &(struct frame){.kind = kind,
                                       .from = worker->id,
                                       .to = DIRECTORY,
                                       .request = request,
                                       .room = SLICE("room"),
                                       .peer = slice_of(peer),
                                       .secret = strcmp(peer, "ann") == 0 ? ann_secret : own,
                                       .info = SLICE("{}")});
}

static void events_come(struct worker *worker, const struct frame *frame)
{
    struct buf bytes;
    buf_init(&bytes, 4096);
    buf_add_char(&bytes, STORE_EVENTS);
    frame_encode(frame, &bytes);
    worker->store.events->on_inbox(worker->store.context, buf_slice(&bytes));
    buf_done(&bytes);
}

/* ---- ready */

static void ready_is_who_has_heard_its_own_beat(void **state)
{
    (void)state;
    assert_false(node_is_ready(a.node));
    up(&a);
    answer_beat(&a, a.beat, false);
    assert_false(node_is_ready(a.node));
    listening(&a);
    hear_beat(&a, a.beat);
    assert_false(node_is_ready(a.node));
    answer_beat(&a, a.beat, false);
    assert_true(node_is_ready(a.node));
    assert_int_equal(a.restored, 0);
    down(&a);
    a.store.events->on_deaf(a.store.context);
    pass(60000);
    assert_true(node_is_ready(a.node));
}

static void the_first_lease_was_not_lost(void **state)
{
    (void)state;
    up(&a);
    listening(&a);
    beat_comes_back(&a, true);
    assert_int_equal(a.restored, 0);
}

/* ---- asks */

static void an_ask_goes_with_the_flush(void **state)
{
    (void)state;
    ask(&a, FRAME_JOIN, 5, "ann");
    assert_int_equal(a.ask_count, 0);
    flush(&a);
    assert_int_equal(a.ask_count, 1);
    assert_int_equal(a.asks[0].request, 5);
    flush(&a);
    assert_int_equal(a.ask_count, 1);
    answer(&a, &(struct frame){.kind = FRAME_REFUSED, .request = 5, .error = ERR_PEER_TAKEN});
    done(&a, 0);
    assert_string_equal(a.frames, "refused peer-taken");
    assert_int_equal(node_count(a.node).asks, 0);
}

static void signals_go_before_asks(void **state)
{
    (void)state;
    ask(&a, FRAME_LEAVE, 0, "ann");
    signal_to(&a, &b, "1");
    flush(&a);
    assert_string_equal(a.journal, "publish ask:leave flush");
}

static void what_is_not_done_is_asked_again_with_its_number(void **state)
{
    (void)state;
    ask(&a, FRAME_JOIN, 1, "ann");
    ask(&a, FRAME_JOIN, 2, "bob");
    flush(&a);
    done(&a, 0);
    uint64_t number = a.asks[1].number;
    assert_int_equal(number, a.asks[0].number + 1);
    down(&a);
    ask(&a, FRAME_JOIN, 3, "eve");
    flush(&a);
    assert_int_equal(a.ask_count, 2);
    up(&a);
    flush(&a);
    assert_int_equal(a.ask_count, 4);
    assert_int_equal(a.asks[2].number, number);
    assert_int_equal(a.asks[2].request, 2);
    assert_int_equal(a.asks[3].number, number + 1);
    assert_int_equal(a.asks[3].request, 3);
}

static void what_the_store_cannot_do_is_refused(void **state)
{
    (void)state;
    ask(&a, FRAME_JOIN, 1, "ann");
    flush(&a);
    done(&a, ERR_UNAVAILABLE);
    flush(&a);
    assert_string_equal(a.frames, "refused unavailable");
}

static void what_cannot_be_refused_is_asked_again(void **state)
{
    (void)state;
    ask(&a, FRAME_LEAVE, 0, "ann");
    flush(&a);
    done(&a, ERR_UNAVAILABLE);
    flush(&a);
    assert_int_equal(a.ask_count, 1);
    pass(1500);
    flush(&a);
    assert_int_equal(a.ask_count, 2);
    assert_int_equal(a.asks[1].kind, FRAME_LEAVE);
    assert_string_equal(a.frames, "");
    done(&a, 0);
    pass(1500);
    flush(&a);
    assert_int_equal(a.ask_count, 2);
}

static void too_many_asks_are_refused(void **state)
{
    static char info[1 << 20];
    (void)state;
    memset(info, 'x', sizeof(info));
    for (uint32_t i = 0; i <= (BUS_WAITING_MAX >> 20) + 2; i++)
        send_frame(&a, &(struct frame){.kind = FRAME_JOIN,
                                       .from = a.id,
                                       .to = DIRECTORY,
                                       .request = i,
                                       .room = SLICE("room"),
                                       .peer = SLICE("ann"),
                                       .info = {info, sizeof(info)}});
    ask(&a, FRAME_LEAVE, 0, "bob");
    flush(&a);
    assert_int_equal(a.asks[a.ask_count - 1].kind, FRAME_LEAVE);
    assert_non_null(strstr(a.frames, "refused unavailable"));
}

static void an_answer_nobody_asked_for_is_passed_over(void **state)
{
    (void)state;
    answer(&a, &(struct frame){.kind = FRAME_REFUSED, .request = 5, .error = ERR_PEER_TAKEN});
    done(&a, 0);
    assert_string_equal(a.frames, "");
}

/* Always some under way, so that the queue is never empty, and is cut in front. */
static void asks_go_on_and_on(void **state)
{
    uint32_t asked = 1;
    (void)state;
    ask(&a, FRAME_JOIN, asked++, "ann");
    for (uint32_t i = 1; i <= 5000; i++) {
        ask(&a, FRAME_JOIN, asked++, "ann");
        flush(&a);
        assert_int_equal(a.asks[a.ask_count - 1].request, asked - 1);
        assert_int_equal(a.asks[a.ask_count - 1].number, asked - 1);
        done(&a, 0);
        clear(&a);
    }
    assert_in_range(node_count(a.node).asks, 50, 200);
    down(&a);
    up(&a);
    flush(&a);
    assert_int_equal(a.ask_count, 1);
    assert_int_equal(a.asks[0].number, asked - 1);
}

/* ---- links */

static void frames_of_a_pass_share_a_packet(void **state)
{
    (void)state;
    signal_to(&a, &b, "1");
    signal_to(&a, &b, "2");
    assert_int_equal(a.published_count, 0);
    flush(&a);
    assert_int_equal(a.published_count, 1);
    carry(&a, &b);
    assert_string_equal(b.frames, "signal 1 signal 2");
}

static void a_frame_to_itself_comes_with_the_flush(void **state)
{
    (void)state;
    signal_to(&a, &a, "1");
    assert_string_equal(a.frames, "");
    flush(&a);
    assert_string_equal(a.frames, "signal 1");
    assert_int_equal(a.published_count, 0);
}

static void what_was_lost_comes_in_order(void **state)
{
    (void)state;
    signal_to(&a, &b, "1");
    carry(&a, &b);
    signal_to(&a, &b, "2");
    flush(&a);
    lose(&a);
    signal_to(&a, &b, "3");
    live(1500);
    assert_string_equal(b.frames, "signal 1 signal 2 signal 3");
    live(1500);
    assert_int_equal(node_count(a.node).unacked, 0);
}

static void what_nobody_takes_is_refused(void **state)
{
    (void)state;
    signal_to(&a, &b, "1");
    flush(&a);
    lose(&a);
    for (int i = 0; i < 130; i++) {
        pass(100);
        beat_comes_back(&a, false);
        flush(&a);
        lose(&a);
    }
    assert_string_equal(a.frames, "undelivered unavailable");
    assert_int_equal(node_count(a.node).unacked, 0);
}

static void what_is_for_a_dead_worker_is_refused_at_once(void **state)
{
    (void)state;
    signal_to(&a, &b, "1");
    flush(&a);
    events_come(&a, &(struct frame){.kind = FRAME_WORKER_DOWN, .to = a.id, .worker = b.id});
    flush(&a);
    assert_string_equal(a.frames, "worker-down undelivered unavailable");
}

static void a_full_link_refuses(void **state)
{
    static char data[60000];
    struct frame frame = {.kind = FRAME_SIGNAL,
                          .from = 100,
                          .to = 200,
                          .room = SLICE("room"),
                          .peer = SLICE("zoe"),
                          .sender = SLICE("ann"),
                          .data = {data, sizeof(data)}};
    (void)state;
    memset(data, 'x', sizeof(data));
    down(&a);
    for (unsigned i = 0; i < LINK_BYTES_MAX / sizeof(data) + 4; i++)
        send_frame(&a, &frame);
    flush(&a);
    assert_string_equal(a.frames, "undelivered unavailable undelivered unavailable");
    send_frame(&a, &(struct frame){.kind = FRAME_FENCED,
                                   .from = 100,
                                   .to = 200,
                                   .room = SLICE("room"),
                                   .peer = SLICE("zoe")});
    assert_int_equal(node_count(a.node).refused, 2);
}

static void who_listens_again_is_sent_what_it_missed(void **state)
{
    (void)state;
    signal_to(&a, &b, "1");
    carry(&a, &b);
    b.store.events->on_deaf(b.store.context);
    signal_to(&a, &b, "2");
    flush(&a);
    lose(&a);
    listening(&b);
    carry(&b, &a);
    carry(&a, &b);
    assert_string_equal(b.frames, "signal 1 signal 2");
    beat_comes_back(&b, false);
    assert_int_equal(b.restored, 1);
}

static void hand_over_ann(struct worker *from, struct worker *to)
{
    send_frame(from, &(struct frame){.kind = FRAME_HANDED,
                                     .from = from->id,
                                     .to = to->id,
                                     .room = SLICE("room"),
                                     .peer = SLICE("ann"),
                                     .request = 3});
}

static void who_goes_on_elsewhere_does_not_overtake_its_signals(void **state)
{
    (void)state;
    signal_to(&a, &b, "1");
    flush(&a);
    lose(&a);
    hand_over_ann(&a, &b);
    carry(&a, &b);
    assert_string_equal(b.frames, "");
    live(2500);
    assert_string_equal(b.frames, "signal 1 handed");
    hand_over_ann(&a, &b);
    carry(&a, &b);
    assert_string_equal(b.frames, "signal 1 handed handed");
}

static void the_way_out_breaks(void **state)
{
    (void)state;
    signal_to(&a, &b, "1");
    flush(&a);
    lose(&a);
    down(&a);
    signal_to(&a, &b, "2");
    flush(&a);
    assert_int_equal(a.published_count, 0);
    up(&a);
    beat_comes_back(&a, false);
    carry(&a, &b);
    assert_string_equal(b.frames, "signal 1 signal 2");
    assert_int_equal(a.restored, 1);
}

static void a_malformed_packet_disturbs_nobody(void **state)
{
    static const char *const texts[] = {"L", "Lx", "E", "Exxxx", "B", "Bxx", "x", ""};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        b.store.events->on_inbox(b.store.context, slice_of(texts[i]));
    char packet[LINK_HEAD_SIZE + 10] = "";
    struct link_head head = {.flags = LINK_DATA,
                             .source = 300,
                             .life = 1,
                             .session = 1,
                             .number = 1,
                             .expires = UINT64_MAX};
    link_head_write(&head, packet);
    memset(packet + LINK_HEAD_SIZE, 0xff, 10);
    b.store.events->on_inbox(b.store.context, (struct slice){packet, sizeof(packet)});
    assert_string_equal(b.frames, "");
    assert_int_equal(node_count(b.node).malformed, 6);
    signal_to(&a, &b, "1");
    carry(&a, &b);
    assert_string_equal(b.frames, "signal 1");
}

static void what_only_the_directory_says_is_not_taken_from_a_worker(void **state)
{
    (void)state;
    send_frame(&a,
               &(struct frame){.kind = FRAME_WORKER_DOWN, .from = a.id, .to = b.id, .worker = 5});
    carry(&a, &b);
    assert_string_equal(b.frames, "");
    events_come(&b, &(struct frame){.kind = FRAME_JOIN,
                                    .room = SLICE("room"),
                                    .peer = SLICE("zoe"),
                                    .info = SLICE("{}")});
    assert_string_equal(b.frames, "");
}

static void what_a_mailbox_passes_on_is_taken(void **state)
{
    (void)state;
    const struct frame signal = {.kind = FRAME_SIGNAL,
                                 .from = a.id,
                                 .to = b.id,
                                 .hops = 1,
                                 .room = SLICE("room"),
                                 .peer = SLICE("zoe"),
                                 .sender = SLICE("ann"),
                                 .data = SLICE("1")};
    struct frame fence = signal, undelivered = signal;
    fence.kind = FRAME_FENCE;
    undelivered.kind = FRAME_UNDELIVERED;
    undelivered.error = ERR_UNAVAILABLE;
    events_come(&b, &signal);
    events_come(&b, &fence);
    events_come(&b, &undelivered);
    assert_string_equal(b.frames, "signal 1 fence undelivered unavailable");
}

/* Not by a worker whose inbox may lose it, but by the link of who asked; and where nobody takes it, who
 * sent it hears of that by its own worker. */
static void what_a_mailbox_answers_goes_on_by_link(void **state)
{
    (void)state;
    struct frame onward = {.kind = FRAME_SIGNAL,
                           .from = b.id,
                           .to = 300,
                           .hops = 1,
                           .room = SLICE("room"),
                           .peer = SLICE("zoe"),
                           .sender = SLICE("ann"),
                           .data = SLICE("1")};
    struct frame signal = onward;
    signal.to = MAILBOX;
    signal.hops = 0;
    send_frame(&a, &signal);
    flush(&a);
    answer(&a, &onward);
    done(&a, 0);
    flush(&a);
    assert_string_equal(a.frames, "");
    assert_int_equal(a.published_count, 1);
    assert_int_equal(a.published[0].to, 300);
    clear(&a);
    for (int i = 0; i < 14; i++) {
        pass(1000);
        beat_comes_back(&a, false);
        beat_comes_back(&b, false);
    }
    flush(&a);
    for (unsigned i = 0; i < a.published_count; i++) {
        struct slice bytes = message_text(a.published[i].packet);
        if (a.published[i].to == b.id)
            b.store.events->on_inbox(b.store.context, bytes);
    }
    assert_string_equal(a.frames, "");
    assert_string_equal(b.frames, "undelivered unavailable");
}

static void strangers_are_bounded_by_their_own_links(void **state)
{
    char packet[LINK_HEAD_SIZE];
    (void)state;
    for (worker_id source = 1000; source < 3000; source++) {
        struct link_head head = {
            .source = source, .life = 1, .session = 9, .number = 9, .expires = UINT64_MAX};
        link_head_write(&head, packet);
        b.store.events->on_inbox(b.store.context, (struct slice){packet, sizeof(packet)});
    }
    assert_int_equal(node_count(b.node).links, 2000);
    for (int i = 0; i < 8; i++) {
        pass(LINK_FORGET_OUT);
        beat_comes_back(&b, false);
    }
    assert_int_equal(node_count(b.node).links, 0);
}

/* ---- the lease */

static void beats_go_out_every_three_seconds(void **state)
{
    (void)state;
    unsigned before = a.beats;
    live(30000);
    assert_in_range(a.beats - before, 9, 11);
    assert_false(node_count(a.node).fenced);
}

static void who_cannot_hear_itself_subscribes_anew(void **state)
{
    (void)state;
    for (int i = 0; i < 110; i++) {
        pass(100);
        answer_beat(&a, a.beat, false);
    }
    assert_int_equal(a.resubscribed, 1);
}

/* Frozen, or cut off: what came meanwhile is not acted on, what goes out waits. */
static void without_a_sure_lease_nothing_is_taken_or_published(void **state)
{
    (void)state;
    signal_to(&b, &a, "1");
    flush(&b);
    signal_to(&a, &b, "2");
    now += NODE_LEASE;
    carry(&b, &a);
    events_come(&a,
                &(struct frame){
                    .kind = FRAME_LEFT, .room = SLICE("room"), .peer = SLICE("zoe"), .version = 5});
    flush(&a);
    assert_string_equal(a.frames, "");
    assert_int_equal(a.published_count, 0);
}

static void a_lease_that_lasted_lets_all_go_on(void **state)
{
    (void)state;
    now += NODE_LEASE;
    signal_to(&a, &b, "2");
    pass(50);
    flush(&a);
    assert_int_equal(a.published_count, 0);
    beat_comes_back(&a, false);
    beat_comes_back(&b, false);
    carry(&a, &b);
    assert_string_equal(b.frames, "signal 2");
    assert_int_equal(a.restored, 0);
}

static void a_beat_from_before_is_no_proof(void **state)
{
    (void)state;
    pass(3300);
    uint64_t old = a.beat;
    now += NODE_LEASE;
    answer_beat(&a, old, false);
    hear_beat(&a, old);
    signal_to(&a, &b, "1");
    flush(&a);
    assert_int_equal(a.published_count, 0);
}

/* A store that stood still does all beats at once, and the first says it, which nobody remembers any more. */
static void a_lost_lease_is_heard_of_by_an_old_beat(void **state)
{
    (void)state;
    uint64_t first = a.beat + 1;
    for (int i = 0; i < 40; i++)
        pass(500);
    assert_true(a.beat > first + 20);
    answer_beat(&a, first, true);
    assert_int_equal(node_count(a.node).lost_leases, 1);
    beat_comes_back(&a, false);
    assert_int_equal(a.restored, 1);
}

static void after_a_lost_lease_what_waited_is_refused(void **state)
{
    (void)state;
    a.restores = true;
    now += 3 * NODE_LEASE;
    pass(0);
    signal_to(&a, &b, "1");
    flush(&a);
    beat_comes_back(&a, true);
    flush(&a);
    assert_int_equal(a.restored, 1);
    assert_string_equal(a.frames, "undelivered unavailable");
    signal_to(&a, &b, "2");
    flush(&a);
    assert_string_equal(a.frames, "undelivered unavailable undelivered unavailable");
    answer(&a, &(struct frame){.kind = FRAME_EVICTED,
                               .room = SLICE("room"),
                               .peer = SLICE("ann"),
                               .secret = ann_secret});
    done(&a, 0);
    signal_to(&a, &b, "3");
    beat_comes_back(&b, false);
    pass(0);
    beat_comes_back(&b, false);
    carry(&a, &b);
    assert_string_equal(b.frames, "signal 3");
}

static void a_store_that_restarted_empty_costs_no_signal(void **state)
{
    (void)state;
    signal_to(&a, &b, "1");
    flush(&a);
    lose(&a);
    signal_to(&b, &a, "2");
    flush(&b);
    lose(&b);
    down(&a);
    down(&b);
    pass(900);
    up(&a);
    up(&b);
    listening(&a);
    listening(&b);
    beat_comes_back(&a, true);
    beat_comes_back(&b, true);
    live(2000);
    assert_string_equal(b.frames, "signal 1");
    assert_string_equal(a.frames, "signal 2");
    assert_int_equal(a.restored, 1);
}

static void who_is_said_to_be_down_restores(void **state)
{
    (void)state;
    events_come(&a, &(struct frame){.kind = FRAME_WORKER_DOWN, .worker = a.id});
    assert_string_equal(a.frames, "");
    pass(600);
    beat_comes_back(&a, false);
    assert_int_equal(a.restored, 1);
}

/* The store's way for events may last while that for commands breaks, or be back before anything was
 * restored. */
static void events_say_that_others_may_have_been_missed(void **state)
{
    const struct frame moved = {.kind = FRAME_MOVED, .room = SLICE("room"), .peer = SLICE("zoe")};
    const struct frame claim = {
        .kind = FRAME_CLAIM, .from = a.id, .to = b.id, .room = SLICE("room"), .peer = SLICE("zoe")};
    (void)state;
    send_frame(&a, &claim);
    carry(&a, &b);
    events_come(&b, &moved);
    down(&b);
    up(&b);
    events_come(&b, &moved);
    send_frame(&a, &claim);
    carry(&a, &b);
    assert_string_equal(b.frames, "claim moved moved astray claim astray");
    beat_comes_back(&b, false);
    assert_int_equal(b.restored, 1);
    events_come(&b, &moved);
    assert_string_equal(b.frames, "claim moved moved astray claim astray moved");
}

static void dead_workers_are_named_and_the_end_is_said(void **state)
{
    (void)state;
    node_reap(a.node, 55);
    assert_int_equal(a.reaped, 55);
    node_leave(a.node);
    assert_int_equal(a.left, 1);
    unsigned beats = a.beats;
    pass(60000);
    assert_int_equal(a.beats, beats);
}

/* ---- provisional */

static void go_provisional(struct worker *worker)
{
    down(worker);
    pass(NODE_PROVISIONAL_AFTER);
    assert_true(node_count(worker->node).provisional);
}

static void new_rooms_work_without_the_store(void **state)
{
    (void)state;
    go_provisional(&a);
    ask(&a, FRAME_JOIN, 1, "ann");
    flush(&a);
    assert_string_equal(a.frames, "room 1/1~");
    ask(&a, FRAME_JOIN, 2, "bob");
    flush(&a);
    assert_string_equal(a.frames, "room 1/1~ room 2/1~");
    ask(&a, FRAME_JOIN, 3, "bob");
    flush(&a);
    assert_string_equal(a.frames, "room 1/1~ room 2/1~ refused peer-taken");
    up(&a);
    flush(&a);
    assert_int_equal(a.ask_count, 0);
    assert_false(node_count(a.node).provisional);
    beat_comes_back(&a, false);
    assert_int_equal(a.restored, 1);
}

static void what_waited_is_served(void **state)
{
    (void)state;
    ask(&a, FRAME_JOIN, 1, "ann");
    flush(&a);
    down(&a);
    ask(&a, FRAME_READ, 2, "");
    pass(NODE_PROVISIONAL_AFTER - 1);
    assert_string_equal(a.frames, "");
    pass(1);
    flush(&a);
    assert_string_equal(a.frames, "room 1/1~ room 2/0~");
    clear(&a);
    up(&a);
    flush(&a);
    assert_int_equal(a.ask_count, 0);
}

static void known_rooms_go_on(void **state)
{
    (void)state;
    a.exports = true;
    go_provisional(&a);
    ask(&a, FRAME_JOIN, 1, "zoe");
    ask(&a, FRAME_JOIN, 2, "bob");
    ask(&a, FRAME_INFO, 0, "ann");
    flush(&a);
    assert_string_equal(a.frames, "refused peer-taken room 2/1~");
}

static void what_happens_meanwhile_has_a_version_of_its_own(void **state)
{
    (void)state;
    a.exports = true;
    go_provisional(&a);
    ask(&a, FRAME_AWAY, 0, "ann");
    flush(&a);
    assert_string_equal(a.frames, "gone-away apart");
}

static void resume(struct worker *worker, const char *room, const char *peer)
{
    send_frame(worker, &(struct frame){.kind = FRAME_RESUME,
                                       .from = worker->id,
                                       .to = DIRECTORY,
                                       .request = 7,
                                       .room = slice_of(room),
                                       .peer = slice_of(peer),
                                       .secret = next_secret,
                                       .proof = ann_secret,
                                       .info = SLICE("{}")});
}

static void who_is_held_here_resumes_and_the_store_learns_it_later(void **state)
{
    (void)state;
    a.exports = true;
    go_provisional(&a);
    resume(&a, "room", "ann");
    flush(&a);
    assert_string_equal(a.frames, "room 7/2~");
    up(&a);
    flush(&a);
    assert_int_equal(a.ask_count, 1);
    assert_int_equal(a.asks[0].kind, FRAME_RESUME);
    answer(&a, &(struct frame){.kind = FRAME_ROOM, .request = 7, .reason = ROOM_TAKEN_OVER});
    done(&a, 0);
    assert_string_equal(a.frames, "room 7/2~");
}

static void who_is_held_elsewhere_has_to_try_again(void **state)
{
    (void)state;
    a.exports = true;
    go_provisional(&a);
    resume(&a, "room", "zoe");
    resume(&a, "unknown", "ann");
    flush(&a);
    assert_string_equal(a.frames, "refused unavailable refused unavailable");
    up(&a);
    flush(&a);
    assert_int_equal(a.ask_count, 0);
}

static void who_is_no_member_any_more_begins_afresh(void **state)
{
    (void)state;
    a.exports = true;
    go_provisional(&a);
    resume(&a, "room", "eve");
    flush(&a);
    assert_string_equal(a.frames, "room 7/1~");
}

static void what_the_store_may_have_done_is_not_refused(void **state)
{
    (void)state;
    a.exports = true;
    resume(&a, "room", "zoe");
    ask(&a, FRAME_JOIN, 1, "zoe");
    flush(&a);
    go_provisional(&a);
    flush(&a);
    assert_string_equal(a.frames, "");
    clear(&a);
    up(&a);
    flush(&a);
    assert_int_equal(a.ask_count, 2);
    answer(&a, &(struct frame){.kind = FRAME_ROOM, .request = 7, .reason = ROOM_TAKEN_OVER});
    done(&a, 0);
    assert_string_equal(a.frames, "room 7/2");
}

static void who_has_come_in_elsewise_need_not_wait(void **state)
{
    (void)state;
    resume(&a, "room", "ann");
    flush(&a);
    go_provisional(&a);
    flush(&a);
    assert_string_equal(a.frames, "");
    ask(&a, FRAME_JOIN, 1, "bob");
    ask(&a, FRAME_JOIN, 2, "ann");
    flush(&a);
    assert_string_equal(a.frames, "room 1/1~ room 2/1~ refused unavailable");
    clear(&a);
    up(&a);
    flush(&a);
    assert_int_equal(a.ask_count, 0);
}

static void who_left_is_told_to_the_store(void **state)
{
    (void)state;
    a.exports = true;
    go_provisional(&a);
    ask(&a, FRAME_JOIN, 1, "bob");
    ask(&a, FRAME_LEAVE, 0, "ann");
    flush(&a);
    assert_string_equal(a.frames, "room 1/1~ left apart");
    up(&a);
    flush(&a);
    assert_int_equal(a.ask_count, 1);
    assert_int_equal(a.asks[0].kind, FRAME_LEAVE);
}

static void frames_for_others_wait_and_are_refused(void **state)
{
    (void)state;
    go_provisional(&a);
    signal_to(&a, &b, "1");
    for (unsigned i = 0; i < LINK_LIFETIME / 100; i++) {
        flush(&a);
        assert_string_equal(a.frames, "");
        pass(100);
    }
    pass(1000);
    flush(&a);
    assert_string_equal(a.frames, "undelivered unavailable");
}

static void signals_to_a_mailbox_are_refused(void **state)
{
    (void)state;
    go_provisional(&a);
    send_frame(&a, &(struct frame){.kind = FRAME_SIGNAL,
                                   .from = a.id,
                                   .to = MAILBOX,
                                   .room = SLICE("room"),
                                   .peer = SLICE("zoe"),
                                   .sender = SLICE("ann"),
                                   .data = SLICE("1")});
    flush(&a);
    assert_string_equal(a.frames, "undelivered unavailable");
}

/* ---- memory */

static void a_whole_life(void)
{
    start_fresh(NULL);
    for (int round = 0; round < 2; round++) {
        up(&a);
        up(&b);
        listening(&a);
        listening(&b);
        beat_comes_back(&a, false);
        beat_comes_back(&b, false);
        a.exports = true;
        ask(&a, FRAME_JOIN, 1, "ann");
        signal_to(&a, &b, "1");
        carry(&a, &b);
        signal_to(&a, &b, "2");
        signal_to(&b, &a, "3");
        flush(&a);
        lose(&a);
        if (round == 0)
            answer(&a, &(struct frame){.kind = FRAME_REFUSED, .request = 1});
        done(&a, round == 0 ? 0 : ERR_UNAVAILABLE);
        down(&a);
        pass(NODE_PROVISIONAL_AFTER);
        ask(&a, FRAME_JOIN, 2, "bob");
        resume(&a, "room", "ann");
        ask(&a, FRAME_LEAVE, 0, "bob");
        flush(&a);
    }
}

static unsigned count_words(const char *word)
{
    unsigned count = 0;
    for (const char *at = a.frames; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

/* What fails is refused or asked for again; nothing breaks, nothing leaks. */
static void memory_fails(void **state)
{
    (void)state;
    for (unsigned n = 8; n < 150; n++) {
        message_free_kept();
        mem_fail_nth(n);
        a_whole_life();
        mem_fail_nth(0);
        pass(0);
        flush(&a);
        /* Two joins and a resume a round; where the answer itself found no memory it is logged. */
        assert_in_range(count_words("room") + count_words("refused"), 5, 6);
        stop(NULL);
    }
    start(NULL); /* for the teardown */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define FRESH(name) cmocka_unit_test_setup_teardown(name, start_fresh, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(ready_is_who_has_heard_its_own_beat),
        FRESH(the_first_lease_was_not_lost),
        TEST(an_ask_goes_with_the_flush),
        TEST(signals_go_before_asks),
        TEST(what_is_not_done_is_asked_again_with_its_number),
        TEST(what_the_store_cannot_do_is_refused),
        TEST(what_cannot_be_refused_is_asked_again),
        TEST(too_many_asks_are_refused),
        TEST(an_answer_nobody_asked_for_is_passed_over),
        TEST(asks_go_on_and_on),
        TEST(frames_of_a_pass_share_a_packet),
        TEST(a_frame_to_itself_comes_with_the_flush),
        TEST(what_was_lost_comes_in_order),
        TEST(what_nobody_takes_is_refused),
        TEST(what_is_for_a_dead_worker_is_refused_at_once),
        TEST(a_full_link_refuses),
        TEST(who_listens_again_is_sent_what_it_missed),
        TEST(who_goes_on_elsewhere_does_not_overtake_its_signals),
        TEST(the_way_out_breaks),
        TEST(a_malformed_packet_disturbs_nobody),
        TEST(what_only_the_directory_says_is_not_taken_from_a_worker),
        TEST(what_a_mailbox_passes_on_is_taken),
        TEST(what_a_mailbox_answers_goes_on_by_link),
        TEST(strangers_are_bounded_by_their_own_links),
        TEST(beats_go_out_every_three_seconds),
        TEST(who_cannot_hear_itself_subscribes_anew),
        TEST(without_a_sure_lease_nothing_is_taken_or_published),
        TEST(a_lease_that_lasted_lets_all_go_on),
        TEST(a_beat_from_before_is_no_proof),
        TEST(a_lost_lease_is_heard_of_by_an_old_beat),
        TEST(after_a_lost_lease_what_waited_is_refused),
        TEST(a_store_that_restarted_empty_costs_no_signal),
        TEST(who_is_said_to_be_down_restores),
        TEST(events_say_that_others_may_have_been_missed),
        TEST(dead_workers_are_named_and_the_end_is_said),
        TEST(new_rooms_work_without_the_store),
        TEST(what_waited_is_served),
        TEST(known_rooms_go_on),
        TEST(what_happens_meanwhile_has_a_version_of_its_own),
        TEST(who_is_held_here_resumes_and_the_store_learns_it_later),
        TEST(who_is_held_elsewhere_has_to_try_again),
        TEST(who_is_no_member_any_more_begins_afresh),
        TEST(what_the_store_may_have_done_is_not_refused),
        TEST(who_has_come_in_elsewise_need_not_wait),
        TEST(who_left_is_told_to_the_store),
        TEST(frames_for_others_wait_and_are_refused),
        TEST(signals_to_a_mailbox_are_refused),
        cmocka_unit_test_teardown(memory_fails, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
