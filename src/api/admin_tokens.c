#include "api/admin_tokens.h"

/* RFC 6750 section 2.1: the letters of a bearer token. */
static bool is_token_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~+/=", c) != NULL);
}

const char *admin_tokens_add(struct admin_tokens *tokens, struct slice token)
{
    if (tokens->count == ADMIN_TOKENS_MAX)
        return "more than 16 tokens";
    if (token.len < ADMIN_TOKEN_MIN)
        return "a token needs at least 16 characters";
    if (token.len > ADMIN_TOKEN_MAX)
        return "a token has at most 512 characters";
    for (size_t i = 0; i < token.len; i++)
        if (!is_token_char(token.ptr[i]))
            return "a token is made of letters, digits and -._~+/=";
    crypto_sha256(token.ptr, token.len, tokens->hashes[tokens->count++]);
    return NULL;
}

const char *admin_tokens_add_lines(struct admin_tokens *tokens, struct slice text,
                                   unsigned *ret_line)
{
    *ret_line = 0;
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct slice line = {text.ptr, end == NULL ? text.len : (size_t)(end - text.ptr)};
        size_t taken = end == NULL ? line.len : line.len + 1;
        text = (struct slice){text.ptr + taken, text.len - taken};
        ++*ret_line;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        const char *wrong = admin_tokens_add(tokens, line);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

/* Looks at all of them, whichever it is. */
int admin_tokens_find(const struct admin_tokens *tokens, struct slice token)
{
    unsigned char hash[CRYPTO_SHA256_SIZE];
    int found = -1;
    crypto_sha256(token.ptr, token.len, hash);
    for (size_t i = 0; i < tokens->count; i++)
        if (crypto_equal(hash, tokens->hashes[i], sizeof(hash)))
            found = (int)i;
    return found;
}
