/* UTF-8 against a decoder that goes by the numbers; what is written out comes back. */
#include "base/buf.h"
#include "base/crypto.h"
#include "base/text.h"
#include "core/json.h"
#include "must.h"

/* The code point at `at` by RFC 3629 section 3; -1: none. */
static long decode_point(const unsigned char *at, const unsigned char *end, size_t *ret_len)
{
    static const long smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = *at < 0x80   ? 1
                 : *at < 0xc0 ? 0
                 : *at < 0xe0 ? 2
                 : *at < 0xf0 ? 3
                 : *at < 0xf8 ? 4
                              : 0;
    if (len == 0 || (size_t)(end - at) < len)
        return -1;
    long point = len == 1 ? *at : *at & (0x7f >> len);
    for (size_t i = 1; i < len; i++) {
        if (at[i] >> 6 != 2)
            return -1;
        point = point << 6 | (at[i] & 0x3f);
    }
    *ret_len = len;
    bool good =
        point >= smallest[len] && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    return good ? point : -1;
}

static bool is_utf8(struct slice text, bool *ret_controls)
{
    const unsigned char *at = (const unsigned char *)text.ptr, *end = at + text.len;
    *ret_controls = false;
    for (size_t len = 0; at < end; at += len) {
        char again[4];
        long point = decode_point(at, end, &len);
        if (point < 0)
            return false;
        must(text_utf8_encode((uint32_t)point, again) == len && memcmp(again, at, len) == 0);
        *ret_controls |= point < 0x20 || (point >= 0x7f && point < 0xa0);
    }
    return true;
}

static void check_names(struct slice text)
{
    bool controls, good = is_utf8(text, &controls);
    must(text_is_utf8(text) == good);
    if (good)
        must(text_has_control(text) == controls);
    bool name = good && !controls && text.len > 0;
    must(text_is_peer_name(text) == (name && text.len <= 64));
    must(text_is_room_name(text) ==
         (name && text.len <= 128 && memchr(text.ptr, '/', text.len) == NULL));
}

/* Any bytes make JSON; UTF-8 comes back. */
static void check_json(struct slice text)
{
    struct buf json;
    buf_init(&json, 6 * text.len + 2);
    text_add_json(&json, text);
    must(!buf_failed(&json));
    must(json_check(buf_slice(&json)) == JSON_STRING);
    char *back = malloc(json.len);
    long len = json_decode(json_inside(buf_slice(&json)), back, json.len);
    must(len >= 0);
    if (text_is_utf8(text))
        must(slice_equal((struct slice){back, (size_t)len}, text));
    free(back);
    buf_done(&json);
}

static void check_percent(struct slice text)
{
    struct buf encoded, decoded;
    buf_init(&encoded, 3 * text.len);
    buf_init(&decoded, text.len);
    bool good = text_percent_decode(text, &decoded);
    must(!good || decoded.len <= text.len);
    buf_clear(&decoded);
    for (size_t i = 0; i < text.len; i++)
        buf_add_format(&encoded, "%%%02x", (unsigned char)text.ptr[i]);
    must(text_percent_decode(buf_slice(&encoded), &decoded));
    must(slice_equal(buf_slice(&decoded), text));
    buf_done(&encoded);
    buf_done(&decoded);
}

static void check_base64url(struct slice text)
{
    size_t size = CRYPTO_BASE64URL_SIZE(text.len);
    char *encoded = malloc(size), *bytes = malloc(text.len + 1);
    crypto_base64url(text.ptr, text.len, encoded, size);
    must(crypto_base64url_decode(slice_of(encoded), bytes, text.len) == (long)text.len);
    must(memcmp(bytes, text.ptr, text.len) == 0);
    long len = crypto_base64url_decode(text, bytes, text.len);
    if (len >= 0) { /* it was base64url itself: there is one way only to write it */
        must(CRYPTO_BASE64URL_SIZE((size_t)len) <= size);
        crypto_base64url(bytes, (size_t)len, encoded, size);
        must(slice_is(text, encoded));
    }
    free(encoded);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    check_names(text);
    check_json(text);
    check_percent(text);
    if (size > 0)
        check_base64url(text);
    return 0;
}
