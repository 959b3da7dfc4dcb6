/* STUN requests from strangers: an answer is a sound answer to that very request, no longer than it
 * may be, and asking in the answer's own words gets none.
 *
 * Input: a byte for the address's family, then a datagram. */
#include "must.h"
#include "net/stun.h"

static void check(struct slice request, const unsigned char *answer, size_t len, bool v4)
{
    must(len >= 20 && len <= STUN_ANSWER_MAX && len % 4 == 0);
    must(answer[0] == 0x01 && (answer[1] == 0x01 || answer[1] == 0x11));
    must((size_t)(answer[2] << 8 | answer[3]) == len - 20);
    must(memcmp(answer + 4, request.ptr + 4, 16) == 0);
    must(len <= request.len + (v4 ? 12 : 24));
    for (size_t at = 20, end; at < len; at = end) {
        size_t size = (size_t)(answer[at + 2] << 8 | answer[at + 3]);
        end = at + 4 + (size + 3) / 4 * 4;
        must(end <= len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char answer[STUN_ANSWER_MAX], again[STUN_ANSWER_MAX];
    struct ip from;
    if (size < 1)
        return 0;
    bool v4 = data[0] % 2 == 0;
    must(ip_parse(v4 ? SLICE("192.0.2.1") : SLICE("2001:db8::1"), &from));
    struct slice request = {(const char *)data + 1, size - 1};
    size_t len = stun_answer(request, &from, 4711, answer);
    if (len == 0)
        return 0;
    check(request, answer, len, v4);
    must(stun_answer((struct slice){(const char *)answer, len}, &from, 4711, again) == 0);
    return 0;
}
