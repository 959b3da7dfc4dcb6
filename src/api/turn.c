#include "api/turn.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/text.h"

#define USERNAME_MAX 256 /* 20 digits, a colon, 64 bytes each of which may take three */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void turn_add_username(uint64_t expires, struct slice peer, struct buf *out)
{
    buf_add_uint(out, expires);
    buf_add_char(out, ':');
    for (size_t i = 0; i < peer.len; i++) {
        if (is_plain(peer.ptr[i]))
            buf_add_char(out, peer.ptr[i]);
        else
            buf_add_format(out, "%%%02X", (unsigned char)peer.ptr[i]);
    }
}

void turn_credential(const char *secret, struct slice username,
                     char ret_credential[TURN_CREDENTIAL_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    HMAC(EVP_sha1(), secret, (int)strlen(secret), (const unsigned char *)username.ptr, username.len,
         digest, &len);
    EVP_EncodeBlock((unsigned char *)ret_credential, digest, (int)len);
}

void turn_add_server(const struct turn_rules *rules, uint64_t expires, struct slice peer,
                     struct buf *out)
{
    char bytes[USERNAME_MAX], credential[TURN_CREDENTIAL_SIZE];
    struct buf username = {.data = bytes, .capacity = sizeof(bytes), .max = sizeof(bytes)};
    turn_add_username(expires, peer, &username);
    turn_credential(rules->secret, buf_slice(&username), credential);
    buf_add_text(out, "{\"urls\":[");
    for (size_t i = 0; i < rules->url_count; i++) {
        buf_add_text(out, i == 0 ? "" : ",");
        text_add_json(out, slice_of(rules->urls[i]));
    }
    buf_add_text(out, "],\"username\":");
    text_add_json(out, buf_slice(&username));
    buf_add_text(out, ",\"credential\":");
    text_add_json(out, slice_of(credential));
    buf_add_char(out, '}');
}
