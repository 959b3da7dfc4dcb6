/* The PROXY header: what comes of it does not depend on the pieces that it comes in, it takes no byte
 * that is behind it, and it says no before it has read more than it may.
 *
 * Input: a byte for the split, then what a load balancer sends. */
#include "must.h"
#include "net/proxy.h"
#include "split.h"

#define V2_MAX (16 + 65535)

struct outcome {
    enum proxy_result result;
    size_t taken;
    bool known;
    struct ip ip;
};

static struct outcome read_split(struct slice bytes, uint32_t seed)
{
    struct outcome outcome = {.result = PROXY_MORE};
    struct proxy_reader reader = {0};
    struct split split = {seed};
    struct slice left = bytes;
    while (outcome.result == PROXY_MORE && left.len > 0) {
        struct slice piece = split_next(&split, &left);
        size_t len = piece.len;
        outcome.result = proxy_read(&reader, &piece, &outcome.known, &outcome.ip);
        must(piece.len <= len);
        must(outcome.result != PROXY_MORE || piece.len == 0);
        outcome.taken += len - piece.len;
    }
    return outcome;
}

static void check_header(const struct outcome *outcome, struct slice bytes)
{
    must(outcome->taken <= V2_MAX);
    if (bytes.len > 0 && bytes.ptr[0] != '\r')
        must(outcome->taken <= PROXY_V1_MAX);
    if (outcome->result == PROXY_MORE)
        must(outcome->taken == bytes.len);
    if (outcome->result == PROXY_DONE && bytes.ptr[0] == 'P') {
        must(memcmp(bytes.ptr, "PROXY ", 6) == 0);
        must(memcmp(bytes.ptr + outcome->taken - 2, "\r\n", 2) == 0);
    } else if (outcome->result == PROXY_DONE) {
        const unsigned char *head = (const unsigned char *)bytes.ptr;
        must(outcome->taken == 16 + (size_t)(head[14] << 8 | head[15]));
    }
    if (outcome->result == PROXY_DONE && outcome->known) {
        char text[IP_TEXT_SIZE];
        struct ip again;
        must(ip_parse(ip_text(&outcome->ip, text), &again) && ip_equal(&again, &outcome->ip));
    }
}

/* The same bytes as somebody's X-Forwarded-For. */
static void check_list(struct slice bytes)
{
    struct ip_network network = {.prefix = 128};
    must(ip_network_parse(SLICE("10.0.0.0/8"), &network));
    struct proxy_rules rules = {PROXY_FORWARDED_FOR, 1, &network};
    struct http_header header = {SLICE("X-Forwarded-For"), bytes};
    struct http_request request = {.headers = &header, .header_count = 1};
    struct ip ip;
    if (proxy_forwarded_for(&rules, &request, &ip))
        must(bytes.len >= 2);
    proxy_forwarded_secure(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct slice bytes = {(const char *)data + 1, size - 1};
    struct outcome whole = read_split(bytes, 0), split = read_split(bytes, 1 + data[0]);
    must(whole.result == split.result && whole.taken == split.taken);
    if (whole.result == PROXY_DONE) {
        must(whole.known == split.known);
        must(!whole.known || ip_equal(&whole.ip, &split.ip));
    }
    check_header(&whole, bytes);
    check_list(bytes);
    return 0;
}
