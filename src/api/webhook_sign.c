#include "api/webhook_sign.h"

#include <inttypes.h>

#define TIME_MAX 21

void webhook_sign(const struct crypto_key *key, uint64_t now, struct slice body, struct buf *out)
{
    unsigned char signature[CRYPTO_SIGNATURE_MAX];
    struct buf message;
    if (key == NULL)
        return;
    buf_init(&message, body.len + TIME_MAX);
    buf_add_format(&message, "%" PRIu64 ".", now);
    buf_add_slice(&message, body);
    long len = buf_failed(&message) ? -1 : crypto_sign(key, buf_slice(&message), signature);
    buf_done(&message);
    buf_add_format(out, "Roomline-Signature: t=%" PRIu64 ",v1=", now);
    for (long i = 0; i < len; i++)
        buf_add_format(out, "%02x", signature[i]);
    buf_add_text(out, "\r\n");
    out->failed = out->failed || len < 0;
}
