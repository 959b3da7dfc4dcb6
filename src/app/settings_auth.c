#include "app/settings_auth.h"

#include <stdio.h>
#include <string.h>

#include "app/settings_file.h"
#include "base/mem.h"

struct token_rules settings_auth_rules(const struct config *config)
{
    return (struct token_rules){
        .issuer = config->auth.issuer,
        .audience = config->auth.audience,
        .skew = config->auth.clock_skew,
    };
}

static int fail(char *ret_error, const char *path, const char *what)
{
    snprintf(ret_error, SETTINGS_ERROR_SIZE, "auth.keys_file: %.400s: %s", path, what);
    return -1;
}

static int add_file(struct jwk_set *keys, const char *path, char *ret_error)
{
    char cause[JWK_ERROR_SIZE];
    size_t len = 0;
    char *text = mem_alloc(JWK_SET_SIZE_MAX + 1);
    if (text == NULL)
        return fail(ret_error, path, "no memory");
    /* one byte more than a set may have, so that too much is seen */
    const char *wrong = settings_read_file(path, text, JWK_SET_SIZE_MAX + 1, &len);
    int error = wrong == NULL ? 0 : fail(ret_error, path, wrong);
    if (error == 0 && jwk_set_read(keys, (struct slice){text, len}, cause) != 0)
        error = fail(ret_error, path, cause);
    explicit_bzero(text, len);
    mem_free(text);
    return error;
}

static int add_secret(struct jwk_set *keys, const char *secret, char *ret_error)
{
    char cause[JWK_ERROR_SIZE];
    if (jwk_set_add_secret(keys, slice_of(secret), cause) == 0)
        return 0;
    snprintf(ret_error, SETTINGS_ERROR_SIZE, "auth.secret: %s", cause);
    return -1;
}

int settings_auth_keys(const struct config *config, struct jwk_set *ret_keys,
                       char ret_error[SETTINGS_ERROR_SIZE])
{
    int error = 0;
    ret_keys->count = 0;
    if (config->auth.keys_file[0] != '\0')
        error = add_file(ret_keys, config->auth.keys_file, ret_error);
    if (error == 0 && config->auth.secret[0] != '\0')
        error = add_secret(ret_keys, config->auth.secret, ret_error);
    if (error != 0)
        jwk_set_done(ret_keys);
    return error;
}

int settings_check_auth(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE])
{
    struct jwk_set keys;
    int error = settings_auth_keys(config, &keys, ret_error);
    if (error == 0)
        jwk_set_done(&keys);
    return error;
}
