#include "net/stun.h"

#include <stdbool.h>
#include <string.h>

#define HEADER_SIZE 20
#define COOKIE 0x2112a442u
#define FINGERPRINT_XOR 0x5354554eu

enum type { BINDING_REQUEST = 0x0001, BINDING_SUCCESS = 0x0101, BINDING_ERROR = 0x0111 };

enum attribute {
    ATTRIBUTE_INTEGRITY = 0x0008,
    ATTRIBUTE_ERROR_CODE = 0x0009,
    ATTRIBUTE_UNKNOWN = 0x000a,
    ATTRIBUTE_INTEGRITY_SHA256 = 0x001c,
    ATTRIBUTE_XOR_MAPPED = 0x0020,
    ATTRIBUTE_FINGERPRINT = 0x8028,
};

/* What RFC 8489 section 18.3 defines from 0 to 0x7fff: known, and of no matter to a server that
 * authenticates nobody. */
static const uint16_t known[] = {0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x0014,
                                 0x0015, 0x001c, 0x001d, 0x001e, 0x0020};

/* What a request was found to hold. */
struct request {
    bool fingerprint; /* at its end, and right */
    unsigned unknown_count;
    uint16_t unknown[STUN_UNKNOWN_MAX];
};

static uint16_t read16(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t read32(const char *at)
{
    return (uint32_t)read16(at) << 16 | read16(at + 2);
}

/* ISO 3309, as in zlib; messages are short. */
static uint32_t crc32_of(const void *bytes, size_t len)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < len; i++) {
        crc ^= ((const unsigned char *)bytes)[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* --- what came --- */

static bool is_binding_request(struct slice message)
{
    return message.len >= HEADER_SIZE && message.len <= STUN_REQUEST_MAX && message.len % 4 == 0 &&
           read16(message.ptr) == BINDING_REQUEST &&
           read16(message.ptr + 2) == message.len - HEADER_SIZE &&
           read32(message.ptr + 4) == COOKIE;
}

static bool is_known(uint16_t type)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i] == type)
            return true;
    return type >= 0x8000; /* may be passed over */
}

static void note_unknown(struct request *request, uint16_t type)
{
    if (!is_known(type) && request->unknown_count < STUN_UNKNOWN_MAX)
        request->unknown[request->unknown_count++] = type;
}

/* False: the attributes don't fit the message, or a fingerprint is wrong or not the last of them. */
static bool read_attributes(struct slice message, struct request *request)
{
    bool signed_ = false; /* what follows is protected by nothing, and passed over: section 14.5 */
    for (size_t at = HEADER_SIZE; at < message.len;) {
        uint16_t type = read16(message.ptr + at);
        size_t len = read16(message.ptr + at + 2);
        size_t end = at + 4 + (len + 3) / 4 * 4;
        if (end > message.len || request->fingerprint)
            return false;
        if (type == ATTRIBUTE_FINGERPRINT) {
            uint32_t expected = crc32_of(message.ptr, at) ^ FINGERPRINT_XOR;
            if (len != 4 || read32(message.ptr + at + 4) != expected)
                return false;
            request->fingerprint = true;
        } else if (!signed_) {
            note_unknown(request, type);
        }
        signed_ = signed_ || type == ATTRIBUTE_INTEGRITY || type == ATTRIBUTE_INTEGRITY_SHA256;
        at = end;
    }
    return true;
}

/* --- what goes --- */

struct writer {
    unsigned char *bytes;
    size_t len;
};

static void write16(struct writer *writer, unsigned value)
{
    writer->bytes[writer->len++] = (unsigned char)(value >> 8);
    writer->bytes[writer->len++] = (unsigned char)value;
}

static void write32(struct writer *writer, uint32_t value)
{
    write16(writer, value >> 16);
    write16(writer, value & 0xffff);
}

/* The length is filled in by finish(). */
static void write_header(struct writer *writer, enum type type, struct slice request)
{
    write16(writer, type);
    write16(writer, 0);
    memcpy(writer->bytes + writer->len, request.ptr + 4, HEADER_SIZE - 4); /* cookie and ID */
    writer->len = HEADER_SIZE;
}

static void set_length(struct writer *writer, size_t more)
{
    struct writer field = {writer->bytes, 2};
    write16(&field, (unsigned)(writer->len + more - HEADER_SIZE));
}

/* Section 14.2: port and address, masked with the cookie and the transaction's ID. */
static void write_address(struct writer *writer, const struct ip *from, uint16_t port)
{
    bool v4 = ip_is_v4(from);
    size_t size = v4 ? 4 : 16;
    const unsigned char *mask = writer->bytes + 4;
    const unsigned char *address = from->bytes + (v4 ? 12 : 0);
    write16(writer, ATTRIBUTE_XOR_MAPPED);
    write16(writer, (unsigned)(4 + size));
    write16(writer, v4 ? 1 : 2);
    write16(writer, port ^ COOKIE >> 16);
    for (size_t i = 0; i < size; i++)
        writer->bytes[writer->len++] = address[i] ^ mask[i];
}

/* Sections 14.8 and 14.10. Without a reason in words: nobody reads it, and it would make the answer
 * longer. */
static void write_error(struct writer *writer, const struct request *request)
{
    write16(writer, ATTRIBUTE_ERROR_CODE);
    write16(writer, 4);
    write32(writer, 4 << 8 | 20);
    write16(writer, ATTRIBUTE_UNKNOWN);
    write16(writer, 2 * request->unknown_count);
    for (unsigned i = 0; i < request->unknown_count; i++)
        write16(writer, request->unknown[i]);
    if (request->unknown_count % 2 != 0)
        write16(writer, 0);
}

/* Who sent a fingerprint gets one: perhaps the socket serves another protocol as well. */
static void finish(struct writer *writer, bool fingerprint)
{
    set_length(writer, fingerprint ? 8 : 0);
    if (!fingerprint)
        return;
    uint32_t crc = crc32_of(writer->bytes, writer->len) ^ FINGERPRINT_XOR;
    write16(writer, ATTRIBUTE_FINGERPRINT);
    write16(writer, 4);
    write32(writer, crc);
}

size_t stun_answer(struct slice message, const struct ip *from, uint16_t port,
                   unsigned char ret_answer[STUN_ANSWER_MAX])
{
    struct request request = {.unknown_count = 0};
    struct writer writer = {ret_answer, 0};
    if (!is_binding_request(message) || !read_attributes(message, &request))
        return 0;
    bool good = request.unknown_count == 0;
    write_header(&writer, good ? BINDING_SUCCESS : BINDING_ERROR, message);
    if (good)
        write_address(&writer, from, port);
    else
        write_error(&writer, &request);
    finish(&writer, request.fingerprint);
    return writer.len;
}
