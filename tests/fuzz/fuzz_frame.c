/* Frames from a worker gone mad: what is decoded lies within the bytes, and is encoded to them. */
#include "base/error.h"
#include "base/text.h"
#include "core/frame.h"
#include "must.h"

#define LENGTH_MAX (1 << 20)

static void check_place(struct slice slice, struct slice bytes)
{
    must(slice.len == 0 ||
         (slice.ptr >= bytes.ptr && slice.ptr + slice.len <= bytes.ptr + bytes.len));
}

static void check_places(const struct frame *frame, struct slice bytes)
{
    check_place(frame->room, bytes);
    check_place(frame->peer, bytes);
    check_place(frame->sender, bytes);
    check_place(frame->id, bytes);
    check_place(frame->info, bytes);
    check_place(frame->data, bytes);
    check_place(frame->roster, bytes);
}

/* Reads a roster; as far as it is whole, adding its entries again makes the same bytes. */
static void check_roster(struct slice roster)
{
    struct slice rest = roster;
    struct roster_entry entry;
    struct buf again;
    bool broken = false;
    buf_init(&again, roster.len + 1);
    while (roster_next(&rest, &entry, &broken)) {
        check_place(entry.peer, roster);
        check_place(entry.info, roster);
        must(text_is_peer_name(entry.peer));
        roster_add(&again, &entry);
    }
    must(!buf_failed(&again) && again.len <= roster.len);
    must(broken || again.len == roster.len);
    buf_done(&again);
}

/* Reads held messages; those that are whole, added again, make the same bytes. */
static void check_held(struct slice held)
{
    struct slice rest = held, message;
    struct buf again;
    buf_init(&again, held.len);
    while (held_next(&rest, &message)) {
        check_place(message, held);
        held_add(&again, message);
    }
    must(!buf_failed(&again));
    must(again.len == 0 || memcmp(again.data, held.ptr, again.len) == 0);
    buf_done(&again);
}

static void check_encoding(const struct frame *frame, struct slice bytes)
{
    struct buf whole;
    buf_init(&whole, bytes.len);
    frame_encode(frame, &whole);
    must(slice_equal(buf_slice(&whole), bytes));
    buf_done(&whole);
}

static void check_frame(struct slice bytes)
{
    struct frame frame;
    int error = frame_decode(bytes, &frame);
    must(error == 0 || error == ERR_BAD_MESSAGE);
    if (error != 0)
        return;
    must(frame.kind > FRAME_NONE && frame.kind < FRAME_KIND_COUNT);
    check_places(&frame, bytes);
    check_encoding(&frame, bytes);
    check_roster(frame.roster);
    check_held(frame.data);
}

/* As a link reads: frame after frame off a stream. */
static void check_stream(struct slice bytes)
{
    for (;;) {
        long len = frame_measure(bytes, LENGTH_MAX);
        must(len >= -1);
        if (len <= 0 || (size_t)len > bytes.len)
            return;
        check_frame((struct slice){bytes.ptr, (size_t)len});
        bytes.ptr += len;
        bytes.len -= (size_t)len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    check_frame(bytes);
    check_stream(bytes);
    check_roster(bytes);
    check_held(bytes);
    return 0;
}
