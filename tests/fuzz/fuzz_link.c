/* Workers gone mad on the inbox of a node: whatever they publish, in whatever order, the node hands
 * on only what workers may say to each other, addressed to it; keeps little; and what a sane worker
 * publishes at the same time arrives once and in order.
 *
 * Input: u8 action, u16 length, so many bytes; again and again. */
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"
#include "bus/link.h"
#include "bus/node.h"
#include "must.h"

#define SELF ((worker_id)100)
#define SANE ((worker_id)200)
#define SOURCES 4 /* mad workers: 301 and up */

enum action { RAW, PACKET, EVENTS, ANSWER, TIME, SIGNAL, ACTIONS };

static struct node *node;
static uint64_t now;
static uint64_t beat;

/* ---- the sane worker's end */

static struct link_self sane_self;
static struct link sane;
static uint32_t sent, got;
static bool
    from_sane; /* the inbox has a packet of it now; others may lie about whom theirs are from */

static void on_refused(void *context, const struct frame *frame)
{
    (void)context;
    (void)frame;
    must(!"a frame of the sane worker was refused");
}

static void check_signal(const struct frame *frame)
{
    uint32_t number;
    if (!from_sane)
        return;
    must(frame->data.len == sizeof(number));
    memcpy(&number, frame->data.ptr, sizeof(number));
    must(number == got + 1);
    got = number;
}

static void on_frame(void *context, const struct frame *frame)
{
    (void)context;
    must(frame->kind > FRAME_NONE && frame->kind < FRAME_KIND_COUNT);
    must(frame->kind < FRAME_SIGNAL || frame->kind > FRAME_FENCED || frame->to == SELF);
    if (frame->kind == FRAME_SIGNAL)
        check_signal(frame);
}

/* ---- the store */

static void store_ask(struct store *store, uint64_t number, const struct frame *frame)
{
    (void)store;
    must(number != 0 && (frame->to == DIRECTORY || frame->to == MAILBOX));
}

static void store_publish(struct store *store, worker_id to, struct message *packet)
{
    struct slice bytes = message_text(packet);
    struct link_head head;
    (void)store;
    must(link_head_read(&bytes, &head) && head.source == SELF);
    if (to == SANE)
        link_take(&sane, &head, packet->len);
}

static void store_beat(struct store *store, uint64_t number)
{
    (void)store;
    beat = number;
}

static void store_number(struct store *store, worker_id number)
{
    (void)store;
    (void)number;
}

static void store_nothing(struct store *store)
{
    (void)store;
}

static struct store store;

static void inbox(const void *bytes, size_t len)
{
    store.events->on_inbox(store.context, (struct slice){bytes, len});
}

static void beat_comes_back(void)
{
    char bytes[9] = {STORE_BEAT};
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (char)(beat >> (8 * i));
    store.events->on_beaten(store.context, beat, now, false);
    inbox(bytes, sizeof(bytes));
}

/* ---- what happens */

static void publish_sane(void)
{
    struct message *packet;
    while ((packet = link_next(&sane)) != NULL) {
        from_sane = true;
        inbox(message_text(packet).ptr, packet->len);
        from_sane = false;
        message_unref(packet);
    }
}

static void send_sane(void)
{
    sent++;
    must(link_add(&sane, &(struct frame){.kind = FRAME_SIGNAL,
                                         .from = SANE,
                                         .to = SELF,
                                         .room = SLICE("sane"),
                                         .peer = SLICE("ann"),
                                         .sender = SLICE("bob"),
                                         .data = {(const char *)&sent, sizeof(sent)}}));
    publish_sane();
}

/* What a mad worker may well know: its own head, and little lies in it. */
static void send_mad(const uint8_t *data, size_t len)
{
    static char packet[LINK_HEAD_SIZE + 65536];
    uint8_t lies[9] = {0};
    size_t head_len = len < sizeof(lies) ? len : sizeof(lies);
    memcpy(lies, data, head_len);
    struct link_head head = {.flags = lies[0] % 8,
                             .source = 301 + lies[1] % SOURCES,
                             .life = lies[2],
                             .to_life = lies[3],
                             .session = lies[4],
                             .number = lies[5],
                             .ack_session = lies[6],
                             .ack = lies[7],
                             .expires = now + 100u * lies[8]};
    link_head_write(&head, packet);
    memcpy(packet + LINK_HEAD_SIZE, data + head_len, len - head_len);
    inbox(packet, LINK_HEAD_SIZE + len - head_len);
}

/* The directory is trusted not to call the sane worker dead. */
static bool is_fair(struct slice bytes)
{
    struct link_head head;
    struct slice events = {bytes.ptr + 1, bytes.len - 1}, packet = bytes;
    struct frame frame;
    if (bytes.len == 0 || bytes.ptr[0] == STORE_BEAT)
        return bytes.len == 0;
    if (link_head_read(&packet, &head) && head.source == SANE)
        return false;
    while (frame_next(&events, &frame))
        if (frame.kind == FRAME_WORKER_DOWN && frame.worker == SANE)
            return false;
    return true;
}

static void send_raw(const uint8_t *data, size_t len)
{
    if (is_fair((struct slice){(const char *)data, len}))
        inbox(data, len);
}

static void send_events(const uint8_t *data, size_t len)
{
    static char bytes[65537] = {STORE_EVENTS};
    memcpy(bytes + 1, data, len);
    send_raw((const uint8_t *)bytes, len + 1);
}

/* So that there is something to acknowledge or to miss. */
static void answer_mad(const uint8_t *data, size_t len)
{
    struct bus *bus = node_bus(node);
    bus->send(bus, &(struct frame){.kind = FRAME_SIGNAL,
                                   .from = SELF,
                                   .to = 301 + (len > 0 ? data[0] % SOURCES : 0),
                                   .room = SLICE("mad"),
                                   .peer = SLICE("ann"),
                                   .sender = SLICE("bob"),
                                   .data = {(const char *)data, len}});
}

static void pass_time(size_t ms)
{
    for (size_t end = now + ms % 4000; now < end; now += 50) {
        uint64_t before = beat;
        sane_self.now = now;
        link_tick(&sane);
        publish_sane();
        node_tick(node);
        if (beat != before)
            beat_comes_back();
        node_bus(node)->flush(node_bus(node));
    }
}

static void act(enum action action, const uint8_t *data, size_t len)
{
    struct bus *bus = node_bus(node);
    switch (action) {
    case RAW: send_raw(data, len); break;
    case PACKET: send_mad(data, len); break;
    case EVENTS: send_events(data, len); break;
    case ANSWER: answer_mad(data, len); break;
    case TIME: pass_time(len); break;
    default: send_sane();
    }
    bus->flush(bus);
}

static uint64_t get_now(void *context)
{
    (void)context;
    return now;
}

static void export_room(void *context, struct slice room, node_emit emit, void *to)
{
    (void)context;
    (void)room;
    (void)emit;
    (void)to;
}

static void on_restore(void *context)
{
    (void)context;
}

static void start(void)
{
    now = 100000;
    beat = sent = got = 0;
    store = (struct store){.ask = store_ask,
                           .publish = store_publish,
                           .beat = store_beat,
                           .reap = store_number,
                           .leave = store_nothing,
                           .resubscribe = store_nothing,
                           .flush = store_nothing};
    struct node_options options = {
        .self = SELF,
        .store = &store,
        .now = get_now,
        .export_room = export_room,
        .on_restore = on_restore,
    };
    node = node_new(&options);
    node_bus(node)->on_frame = on_frame;
    store.events->on_up(store.context);
    store.events->on_listening(store.context);
    beat_comes_back();
    must(node_is_ready(node));
    sane_self = (struct link_self){.id = SANE, .life = 1, .now = now, .refuse = on_refused};
    link_init(&sane, &sane_self, SELF);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crypto_init();
    log_init((enum log_level)(LOG_ERROR + 1), LOG_JSON, 0);
    start();
    while (size > 3) {
        enum action action = data[0] % ACTIONS;
        size_t len = data[1] | (size_t)data[2] << 8;
        data += 3;
        size -= 3;
        if (action == TIME) {
            act(action, data, len);
            continue;
        }
        len = len < size ? len : size;
        act(action, data, len);
        data += len;
        size -= len;
    }
    for (int i = 0; i < 5; i++)
        pass_time(3000);
    must(got == sent);
    link_done(&sane);
    node_free(node);
    return 0;
}
