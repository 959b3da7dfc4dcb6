#include "api/jwt.h"

#include <strings.h>

#include "api/members.h"
#include "base/crypto.h"
#include "base/text.h"

#define HEADER_MAX 1024 /* bytes of JSON; one with `alg`, `typ` and `kid` has some 60 */
#define TYPE_MAX 32
#define ALGORITHM_MAX 16

/* The three parts, still encoded. */
struct parts {
    struct slice header, claims, signature;
    struct slice message; /* what was signed: header and claims with their dot */
};

static bool take_part(struct slice *text, struct slice *ret_part)
{
    const char *dot = memchr(text->ptr, '.', text->len);
    if (dot == NULL)
        return false;
    *ret_part = (struct slice){text->ptr, (size_t)(dot - text->ptr)};
    text->ptr += ret_part->len + 1;
    text->len -= ret_part->len + 1;
    return true;
}

/* A further dot would be in the signature, which then is no base64url. */
static bool split(struct slice token, struct parts *ret_parts)
{
    struct slice rest = token;
    if (token.len == 0 || !take_part(&rest, &ret_parts->header) ||
        !take_part(&rest, &ret_parts->claims))
        return false;
    ret_parts->signature = rest;
    ret_parts->message = (struct slice){token.ptr, token.len - rest.len - 1};
    return true;
}

struct header {
    enum crypto_algorithm algorithm;
    struct slice kid; /* SLICE_NONE: has none */
    char space[JWK_KID_MAX];
};

/* RFC 7519 section 5.1, RFC 9068 section 2.1; without "application/" as RFC 7515 section 4.1.9
 * has it. */
static bool is_token_type(const struct json_member *typ)
{
    char space[TYPE_MAX];
    struct slice type;
    if (!member_text(typ, space, sizeof(space), &type))
        return false;
    if (type.len > 12 && strncasecmp(type.ptr, "application/", 12) == 0)
        type = (struct slice){type.ptr + 12, type.len - 12};
    return (type.len == 3 && strncasecmp(type.ptr, "jwt", 3) == 0) ||
           (type.len == 6 && strncasecmp(type.ptr, "at+jwt", 6) == 0);
}

static const char *read_header(struct slice encoded, struct header *ret_header)
{
    enum { ALG, KID, TYP, CRIT };
    struct named members[] = {{.name = "alg"}, {.name = "kid"}, {.name = "typ"}, {.name = "crit"}};
    char bytes[HEADER_MAX], space[ALGORITHM_MAX];
    struct slice name;
    long len = crypto_base64url_decode(encoded, bytes, sizeof(bytes));
    if (len < 0)
        return "the header is not base64url or too long";
    if (members_read((struct slice){bytes, (size_t)len}, members, 4) != NULL)
        return "the header is not a JSON object with unique members";
    if (members[CRIT].found.kind != JSON_INVALID)
        return "the header has crit";
    if (members[TYP].found.kind != JSON_INVALID && !is_token_type(&members[TYP].found))
        return "typ is not JWT";
    if (!member_text(&members[ALG].found, space, sizeof(space), &name) ||
        !jwk_algorithm_of(name, &ret_header->algorithm))
        return "alg is not HS256, ES256 or EdDSA";
    ret_header->kid = SLICE_NONE;
    if (members[KID].found.kind != JSON_INVALID &&
        !member_text(&members[KID].found, ret_header->space, sizeof(ret_header->space),
                     &ret_header->kid))
        return "kid is not a text of at most 128 bytes";
    return NULL;
}

static bool is_signed(const struct jwk *jwk, const struct parts *parts)
{
    unsigned char bytes[CRYPTO_SIGNATURE_MAX];
    long len = crypto_base64url_decode(parts->signature, bytes, sizeof(bytes));
    return len > 0 && crypto_verify(jwk->key, parts->message,
                                    (struct slice){(const char *)bytes, (size_t)len});
}

static const char *read_claims(struct slice encoded, struct jwt *ret_jwt)
{
    long len = crypto_base64url_decode(encoded, ret_jwt->bytes, sizeof(ret_jwt->bytes));
    if (len < 0)
        return "the claims are not base64url";
    ret_jwt->claims = (struct slice){ret_jwt->bytes, (size_t)len};
    return json_check(ret_jwt->claims) == JSON_OBJECT ? NULL : "the claims are not a JSON object";
}

const char *jwt_open(const struct jwk_set *keys, struct slice token, struct jwt *ret_jwt)
{
    struct parts parts;
    struct header header;
    if (token.len > JWT_SIZE_MAX)
        return "longer than 4096 bytes";
    if (!split(token, &parts))
        return "not three parts";
    const char *wrong = read_header(parts.header, &header);
    if (wrong != NULL)
        return wrong;
    const struct jwk *jwk = jwk_find(keys, header.kid, header.algorithm);
    if (jwk == NULL)
        return header.kid.ptr == NULL ? "no kid, and not exactly one key of this alg"
                                      : "no key of this kid and alg";
    if (!is_signed(jwk, &parts))
        return "the signature is wrong";
    return read_claims(parts.claims, ret_jwt);
}

/* ---- minting */

static void add_encoded(struct buf *out, struct slice bytes)
{
    size_t size = CRYPTO_BASE64URL_SIZE(bytes.len);
    char *at = buf_reserve(out, size);
    if (at == NULL)
        return;
    crypto_base64url(bytes.ptr, bytes.len, at, size);
    out->len += size - 1;
}

static void add_header(const struct jwk *key, struct buf *out)
{
    struct buf header;
    buf_init(&header, HEADER_MAX);
    buf_add_text(&header, "{\"alg\":\"");
    buf_add_text(&header, jwk_algorithm_name(crypto_key_algorithm(key->key)));
    buf_add_text(&header, "\",\"typ\":\"JWT\"");
    if (key->has_kid) {
        buf_add_text(&header, ",\"kid\":");
        text_add_json(&header, jwk_kid(key));
    }
    buf_add_char(&header, '}');
    add_encoded(out, buf_slice(&header));
    out->failed = out->failed || buf_failed(&header);
    buf_done(&header);
}

int jwt_seal(const struct jwk *key, struct slice claims, struct buf *out)
{
    unsigned char signature[CRYPTO_SIGNATURE_MAX];
    struct buf token;
    int result = -1;
    buf_init(&token, JWT_SIZE_MAX + 1);
    add_header(key, &token);
    buf_add_char(&token, '.');
    add_encoded(&token, claims);
    long len = buf_failed(&token) ? -1 : crypto_sign(key->key, buf_slice(&token), signature);
    if (len > 0) {
        buf_add_char(&token, '.');
        add_encoded(&token, (struct slice){(const char *)signature, (size_t)len});
        result = buf_failed(&token) ? -1 : 0;
    }
    if (result == 0)
        buf_add_slice(out, buf_slice(&token));
    buf_done(&token);
    return result;
}
