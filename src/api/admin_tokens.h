/* The admin API's bearer tokens, kept as hashes: what is compared in constant time is all of the
 * same length, and a dump of memory shows no token. */
#ifndef ROOMLINE_API_ADMIN_TOKENS_H
#define ROOMLINE_API_ADMIN_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/crypto.h"
#include "base/slice.h"

#define ADMIN_TOKENS_MAX 16
#define ADMIN_TOKEN_MIN 16 /* characters; a guess has no chance then, however fast it comes */
#define ADMIN_TOKEN_MAX 512

struct admin_tokens {
    size_t count;
    unsigned char hashes[ADMIN_TOKENS_MAX][CRYPTO_SHA256_SIZE];
};

/* NULL, or why it is not taken: a static text without the token. */
const char *admin_tokens_add(struct admin_tokens *tokens, struct slice token);

/* Each line of the text but empty ones and those that begin with '#'. The same answer;
 * *ret_line is the line it is about. */
const char *admin_tokens_add_lines(struct admin_tokens *tokens, struct slice text,
                                   unsigned *ret_line);

/* Which one it is, from 0; -1: none. */
int admin_tokens_find(const struct admin_tokens *tokens, struct slice token);

#endif
