#include "message.h"

#include "bytes.h"
#include "fail.h"
#include "frame.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_MAX = 8192,
    TO_DIGITS = 5,
    SEQUENCE_DIGITS = 10,
};

struct shape {
    size_t size; /* of the whole text */
    const char *begin;
    const char *const *lines; /* repeated until the size is reached */
    const char *end;
};

struct template
{
    uint8_t frame[FRAME_HEAD_MAX + TEXT_MAX];
    size_t frame_size;
    size_t head;
    char text[TEXT_MAX];
    size_t to_at; /* offsets in the text */
    size_t sequence_at;
    size_t data_at;
    size_t data_size;
};

static const uint8_t mask[4] = {0x9C, 0x45, 0xF2, 0x1B};
static const char data_marker[] = "\"data\":";
static const char sequence_marker[] = "\"seq\":\"";

#define CRLF "\\r\\n"

static const char *const sdp_lines[] = {
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126" CRLF,
    "c=IN IP4 0.0.0.0" CRLF "a=rtcp:9 IN IP4 0.0.0.0" CRLF,
    "a=ice-ufrag:Zk3q" CRLF "a=ice-pwd:0cYtVxLw9m2Q4rT7uB1nE5sG" CRLF "a=ice-options:trickle" CRLF,
    "a=fingerprint:sha-256 1F:9A:44:C2:7E:0B:D8:63:5A:91:EE:27:4C:B0:8D:36" CRLF,
    "a=setup:actpass" CRLF "a=mid:0" CRLF "a=sendrecv" CRLF "a=rtcp-mux" CRLF,
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level" CRLF,
    "a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time" CRLF,
    "a=rtpmap:111 opus/48000/2" CRLF "a=fmtp:111 minptime=10;useinbandfec=1" CRLF,
    "a=rtpmap:96 VP8/90000" CRLF "a=rtcp-fb:96 goog-remb" CRLF "a=rtcp-fb:96 nack pli" CRLF,
    "a=ssrc:2751882103 cname:Jx5evT2mPq8wKd0s" CRLF,
    NULL,
};

static const char *const candidate_lines[] = {" network-id 1", NULL};

#define SIGNAL_BEGIN "{\"type\":\"signal\",\"to\":\"%s\",\"data\":{\"seq\":\"0000000000\","

static const struct shape shapes[MESSAGE_KINDS] = {
    [MESSAGE_OFFER] = {5700,
                       SIGNAL_BEGIN "\"description\":{\"type\":\"offer\",\"sdp\":\"v=0" CRLF
                                    "o=- 4611731400430051336 2 IN IP4 127.0.0.1" CRLF,
                       sdp_lines, "\"}}}"},
    [MESSAGE_ANSWER] = {3000,
                        SIGNAL_BEGIN "\"description\":{\"type\":\"answer\",\"sdp\":\"v=0" CRLF
                                     "o=- 1889362551207449913 2 IN IP4 127.0.0.1" CRLF,
                        sdp_lines, "\"}}}"},
    [MESSAGE_CANDIDATE] = {300,
                           SIGNAL_BEGIN "\"candidate\":{\"sdpMid\":\"0\",\"sdpMLineIndex\":0,"
                                        "\"usernameFragment\":\"Zk3q\",\"candidate\":\"candidate:"
                                        "842163049 1 udp 1677729535 203.0.113.7 61764 typ srflx",
                           candidate_lines, "\"}}}"},
};

static struct template templates[MESSAGE_KINDS];
static bool made;

void peer_id(char id[PEER_ID_LENGTH + 1], unsigned index)
{
    snprintf(id, PEER_ID_LENGTH + 1, "Qx7-mW2_kLp9RtYbN%05u", index % 100000);
}

/* Whole lines while they fit, so that no escape is cut in two; then plain filling. */
static void make_text(struct template *template, const struct shape *shape)
{
    char id[PEER_ID_LENGTH + 1];
    peer_id(id, 0);
    size_t room = shape->size - strlen(shape->end);
    size_t length = (size_t)snprintf(template->text, TEXT_MAX, shape->begin, id);
    for (size_t i = 0; length + strlen(shape->lines[i]) <= room;) {
        length +=
            (size_t)snprintf(template->text + length, TEXT_MAX - length, "%s", shape->lines[i]);
        i = shape->lines[i + 1] ? i + 1 : 0;
    }
    memset(template->text + length, 'x', room - length);
    memcpy(template->text + room, shape->end, strlen(shape->end) + 1);
}

static size_t offset_after(const char *text, const char *marker)
{
    const char *found = strstr(text, marker);
    if (!found)
        fail("a template lacks %s", marker);
    return (size_t)(found - text) + strlen(marker);
}

static void make_template(struct template *template, const struct shape *shape)
{
    make_text(template, shape);
    template->to_at = offset_after(template->text, "\"to\":\"") + PEER_ID_LENGTH - TO_DIGITS;
    template->sequence_at = offset_after(template->text, sequence_marker);
    template->data_at = offset_after(template->text, data_marker);
    template->data_size = shape->size - template->data_at - 1;
    template->head = frame_write_head(template->frame, FRAME_TEXT, shape->size, mask);
    template->frame_size = template->head + shape->size;
    frame_mask(template->frame + template->head, (const uint8_t *)template->text, shape->size,
               mask);
}

static struct template *template_of(enum message_kind kind)
{
    if (!made) {
        for (size_t i = 0; i < MESSAGE_KINDS; i++)
            make_template(&templates[i], &shapes[i]);
        made = true;
    }
    return &templates[kind];
}

enum message_kind message_mix(uint32_t sequence)
{
    switch (sequence % 10) {
    case 0: return MESSAGE_OFFER;
    case 5: return MESSAGE_ANSWER;
    default: return MESSAGE_CANDIDATE;
    }
}

static void patch_number(struct template *template, size_t at, uint32_t number, size_t digits)
{
    for (size_t i = at + digits; i-- > at; number /= 10) {
        template->text[i] = (char)('0' + number % 10);
        template->frame[template->head + i] = template->text[i] ^ mask[i & 3];
    }
}

const uint8_t *message_signal(enum message_kind kind, unsigned to, uint32_t sequence,
                              size_t *ret_size)
{
    struct template *template = template_of(kind);
    patch_number(template, template->to_at, to, TO_DIGITS);
    patch_number(template, template->sequence_at, sequence, SEQUENCE_DIGITS);
    *ret_size = template->frame_size;
    return template->frame;
}

static uint32_t read_number(const char *digits)
{
    uint32_t number = 0;
    for (size_t i = 0; i < SEQUENCE_DIGITS; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            fail("a signal with a damaged sequence number");
        number = number * 10 + (uint32_t)(digits[i] - '0');
    }
    return number;
}

static void compare(struct template *template, const char *data, uint32_t sequence)
{
    patch_number(template, template->sequence_at, sequence, SEQUENCE_DIGITS);
    if (memcmp(data, template->text + template->data_at, template->data_size) != 0)
        fail("signal %u arrived with other data than it was sent with", sequence);
}

/* Whatever the order of the envelope's fields, `data` comes last in what servers write. */
uint32_t message_take(enum message_kind kind, const char *text, size_t length, int verify)
{
    struct template *template = template_of(kind);
    size_t size = template->data_size;
    size_t marker = sizeof(data_marker) - 1;
    if (length < size + marker + 1)
        fail("a signal of %zu bytes when %zu are the least", length, size + marker + 1);
    const char *data = text + length - 1 - size;
    if (memcmp(data - marker, data_marker, marker) != 0 || text[length - 1] != '}')
        fail("a signal of %zu bytes whose data has not the %zu bytes expected", length, size);
    uint32_t sequence = read_number(data + template->sequence_at - template->data_at);
    if (verify)
        compare(template, data, sequence);
    return sequence;
}

const uint8_t *message_frame(const char *text, size_t length, size_t *ret_size)
{
    static struct bytes frame;
    frame.length = 0;
    uint8_t *out = bytes_reserve(&frame, FRAME_HEAD_MAX + length);
    size_t head = frame_write_head(out, FRAME_TEXT, length, mask);
    frame_mask(out + head, (const uint8_t *)text, length, mask);
    *ret_size = head + length;
    return out;
}
