#include "net/unmask.h"

#include <assert.h>
#include <string.h>

#define MASK_BIT 0x80

/* How long a header is that starts so; 2 where not even that is known yet. */
static unsigned header_length(const unsigned char *header, size_t have)
{
    if (have < 2)
        return 2;
    unsigned len = header[1] & 0x7f;
    unsigned extended = len == 126 ? 2 : len == 127 ? 8 : 0;
    return 2 + extended + 4;
}

static uint64_t payload_length(const unsigned char *header)
{
    unsigned len = header[1] & 0x7f;
    unsigned extended = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (extended == 0)
        return len;
    uint64_t value = 0;
    for (unsigned i = 0; i < extended; i++)
        value = value << 8 | header[2 + i];
    return value;
}

/* Collects a header that may come in any number of parts. Returns its length once it is whole, else
 * 0. */
static unsigned read_header(struct unmask *unmask, struct unmask_input *input)
{
    for (;;) {
        unsigned length = header_length(unmask->header, unmask->have);
        size_t more = length - unmask->have;
        if (more == 0)
            return length;
        if (more > input->len)
            more = input->len;
        if (more == 0)
            return 0;
        memcpy(unmask->header + unmask->have, input->at, more);
        unmask->have = (unsigned char)(unmask->have + more);
        input->at += more;
        input->len -= more;
        if (unmask->have >= 2 && (unmask->header[1] & MASK_BIT) == 0) {
            unmask->refused = true;
            return 0;
        }
    }
}

/* Writes the header without its key and gets ready for the payload. */
static size_t pass_header(struct unmask *unmask, unsigned length, unsigned char *output)
{
    size_t kept = length - 4;
    memcpy(unmask->key, unmask->header + kept, 4);
    unmask->payload_left = payload_length(unmask->header);
    unmask->header[1] &= (unsigned char)~MASK_BIT;
    memcpy(output, unmask->header, kept);
    unmask->have = 0;
    return kept;
}

/* A register of SSE2 or NEON; GCC and Clang make two words of it where there is neither. */
typedef uint32_t lanes __attribute__((vector_size(16)));

static void apply(unsigned char *bytes, size_t len, const unsigned char key[4])
{
    uint32_t word;
    memcpy(&word, key, 4);
    const lanes wide = {word, word, word, word};
    size_t i = 0;
    for (; i + 2 * sizeof(lanes) <= len; i += 2 * sizeof(lanes)) {
        lanes first, second;
        memcpy(&first, bytes + i, sizeof(first));
        memcpy(&second, bytes + i + sizeof(first), sizeof(second));
        first ^= wide;
        second ^= wide;
        memcpy(bytes + i, &first, sizeof(first));
        memcpy(bytes + i + sizeof(first), &second, sizeof(second));
    }
    for (; i + sizeof(word) <= len; i += sizeof(word)) {
        uint32_t run;
        memcpy(&run, bytes + i, sizeof(run));
        run ^= word;
        memcpy(bytes + i, &run, sizeof(run));
    }
    for (; i < len; i++)
        bytes[i] ^= key[i & 3];
}

static void turn_key(unsigned char key[4], size_t by)
{
    unsigned char turned[4];
    for (size_t i = 0; i < 4; i++)
        turned[i] = key[(i + by) & 3];
    memcpy(key, turned, 4);
}

size_t unmask_show(struct unmask *unmask, struct unmask_input *input, unsigned char *output,
                   size_t size)
{
    if (unmask->payload_left > 0) {
        size_t len = input->len < size ? input->len : size;
        return len < unmask->payload_left ? len : (size_t)unmask->payload_left;
    }
    if (size < UNMASK_OUTPUT_MIN)
        return 0;
    unsigned length = read_header(unmask, input);
    return length > 0 ? pass_header(unmask, length, output) : 0;
}

char *unmask_take(struct unmask *unmask, struct unmask_input *input, size_t len)
{
    char *payload = input->at;
    assert(len <= input->len && len <= unmask->payload_left);
    apply((unsigned char *)payload, len, unmask->key);
    unmask->payload_left -= len;
    if (unmask->payload_left > 0)
        turn_key(unmask->key, len);
    input->at += len;
    input->len -= len;
    return payload;
}

bool unmask_whole(struct unmask_input *input, unsigned char first, size_t max,
                  struct slice *ret_payload)
{
    unsigned char *bytes = (unsigned char *)input->at;
    if (input->len < 8 || bytes[0] != first || (bytes[1] & MASK_BIT) == 0)
        return false;
    bool extended = bytes[1] == (MASK_BIT | 126);
    size_t head = extended ? 8 : 6;
    size_t len = extended ? (size_t)bytes[2] << 8 | bytes[3] : bytes[1] & 0x7f;
    if (len > max || len > input->len - head || (extended ? len < 126 : len > 125))
        return false;
    apply(bytes + head, len, bytes + head - 4);
    *ret_payload = (struct slice){input->at + head, len};
    input->at += head + len;
    input->len -= head + len;
    return true;
}
