#include "net/unmask.h"

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
static unsigned read_header(struct unmask *unmask, struct slice *input)
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
        memcpy(unmask->header + unmask->have, input->ptr, more);
        unmask->have = (unsigned char)(unmask->have + more);
        input->ptr += more;
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

static void apply(const unsigned char *input, unsigned char *output, size_t len,
                  const unsigned char key[4])
{
    uint32_t word;
    memcpy(&word, key, 4);
    const lanes wide = {word, word, word, word};
    size_t i = 0;
    for (; i + 2 * sizeof(lanes) <= len; i += 2 * sizeof(lanes)) {
        lanes first, second;
        memcpy(&first, input + i, sizeof(first));
        memcpy(&second, input + i + sizeof(first), sizeof(second));
        first ^= wide;
        second ^= wide;
        memcpy(output + i, &first, sizeof(first));
        memcpy(output + i + sizeof(first), &second, sizeof(second));
    }
    for (; i + sizeof(word) <= len; i += sizeof(word)) {
        uint32_t run;
        memcpy(&run, input + i, sizeof(run));
        run ^= word;
        memcpy(output + i, &run, sizeof(run));
    }
    for (; i < len; i++)
        output[i] = input[i] ^ key[i & 3];
}

static void turn_key(unsigned char key[4], size_t by)
{
    unsigned char turned[4];
    for (size_t i = 0; i < 4; i++)
        turned[i] = key[(i + by) & 3];
    memcpy(key, turned, 4);
}

static size_t pass_payload(struct unmask *unmask, struct slice *input, unsigned char *output,
                           size_t size)
{
    size_t len = input->len < size ? input->len : size;
    if (len > unmask->payload_left)
        len = (size_t)unmask->payload_left;
    apply((const unsigned char *)input->ptr, output, len, unmask->key);
    unmask->payload_left -= len;
    if (unmask->payload_left > 0)
        turn_key(unmask->key, len);
    input->ptr += len;
    input->len -= len;
    return len;
}

size_t unmask_copy(struct unmask *unmask, struct slice *input, unsigned char *output, size_t size)
{
    size_t used = 0;
    while (input->len > 0 && used < size && !unmask->refused) {
        if (unmask->payload_left > 0) {
            used += pass_payload(unmask, input, output + used, size - used);
            continue;
        }
        if (size - used < UNMASK_OUTPUT_MIN)
            break;
        unsigned length = read_header(unmask, input);
        if (length > 0)
            used += pass_header(unmask, length, output + used);
    }
    return used;
}
