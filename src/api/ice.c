#include "api/ice.h"

#include "base/text.h"

static void separate(struct buf *out, size_t before)
{
    if (out->len > before)
        buf_add_char(out, ',');
}

static void add_stun(const struct ice_rules *rules, struct slice host, struct buf *out)
{
    char bytes[300];
    struct buf url = {.data = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};
    if (rules->stun != NULL) {
        buf_add_text(&url, rules->stun);
    } else if (rules->stun_port != 0 && host.len > 0) {
        buf_add_text(&url, "stun:");
        buf_add_slice(&url, host);
        buf_add_char(&url, ':');
        buf_add_uint(&url, rules->stun_port);
    }
    if (url.len == 0 || buf_failed(&url))
        return;
    buf_add_text(out, "{\"urls\":[");
    text_add_json(out, buf_slice(&url));
    buf_add_text(out, "]}");
}

struct ice_validity ice_rules_write(const struct ice_rules *rules, struct slice host,
                                    struct slice peer, uint64_t now, struct buf *out)
{
    struct ice_validity validity = {0};
    buf_add_char(out, '[');
    size_t begin = out->len;
    add_stun(rules, host, out);
    if (rules->fixed.len > 2) { /* what is between its brackets */
        separate(out, begin);
        buf_add(out, rules->fixed.ptr + 1, rules->fixed.len - 2);
    }
    if (rules->turn.url_count > 0) {
        validity.ttl = rules->turn.ttl;
        validity.expires = now + validity.ttl / 1000;
        separate(out, begin);
        turn_add_server(&rules->turn, validity.expires, peer, out);
    }
    buf_add_char(out, ']');
    return validity;
}
