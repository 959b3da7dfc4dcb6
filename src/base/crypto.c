#include "base/crypto.h"

#include <openssl/sha.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/crypto_mem.h"

static unsigned char hash_key[crypto_shorthash_KEYBYTES];

void crypto_init(void)
{
    crypto_mem_init();
    if (sodium_init() < 0)
        abort();
    randombytes_buf(hash_key, sizeof(hash_key));
}

void crypto_random(void *bytes, size_t len)
{
    randombytes_buf(bytes, len);
}

unsigned crypto_keyed_hash(const void *bytes, size_t len)
{
    unsigned char hash[crypto_shorthash_BYTES];
    unsigned value;
    crypto_shorthash(hash, bytes, len, hash_key);
    memcpy(&value, hash, sizeof(value));
    return value;
}

uint64_t crypto_hash_under(const unsigned char key[CRYPTO_HASH_KEY_SIZE], const void *bytes,
                           size_t len)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t value;
    crypto_shorthash(hash, bytes, len, key);
    memcpy(&value, hash, sizeof(value));
    return value;
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}

void crypto_base64url(const void *bytes, size_t len, char *ret_text, size_t size)
{
    sodium_bin2base64(ret_text, size, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static bool is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    return true;
}

long crypto_base64url_decode(struct slice text, void *ret_bytes, size_t size)
{
    size_t len;
    if (text.len == 0)
        return 0;
    if (!is_ascii(text)) /* libsodium 1.0.18 takes some of those bytes for digits */
        return -1;
    if (sodium_base642bin(ret_bytes, size, text.ptr, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return -1;
    return (long)len;
}

void crypto_websocket_accept(struct slice key, char ret_accept[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    char text[24 + sizeof(guid)];
    size_t len = key.len > 24 ? 24 : key.len;
    memcpy(text, key.ptr, len);
    memcpy(text + len, guid, sizeof(guid) - 1);
    SHA1((const unsigned char *)text, len + sizeof(guid) - 1, digest);
    sodium_bin2base64(ret_accept, 29, digest, sizeof(digest), sodium_base64_VARIANT_ORIGINAL);
}

void crypto_sha256(const void *bytes, size_t len, unsigned char ret_hash[CRYPTO_SHA256_SIZE])
{
    _Static_assert(CRYPTO_SHA256_SIZE == SHA256_DIGEST_LENGTH, "the digest fits");
    SHA256(bytes, len, ret_hash);
}

void crypto_etag(const void *bytes, size_t len, char ret_tag[23])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(bytes, len, digest);
    sodium_bin2base64(ret_tag, 23, digest, 16, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
