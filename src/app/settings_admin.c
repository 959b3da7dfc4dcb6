#include "app/settings_admin.h"

#include <stdio.h>
#include <string.h>

#include "api/admin.h"
#include "app/settings_file.h"

#define BODY_SIZE ((size_t)64 * 1024) /* of a request; far more than any of the API's needs */
#define HEADER_SIZE ((size_t)16 * 1024)
#define TOKEN_FILE_MAX ((size_t)16 * 1024)

struct server_options settings_admin_server(const struct config *config)
{
    struct server_options options = settings_server(config);
    options.body_size = BODY_SIZE;
    options.header_size = HEADER_SIZE;
    options.proxy = (struct proxy_rules){.mode = PROXY_NONE}; /* those are the public listeners' */
    return options;
}

struct tls_options settings_admin_tls(const struct config *config)
{
    const char *ca = config->admin.client_ca;
    return (struct tls_options){
        .pairs = {{.cert = config->admin.cert, .key = config->admin.key}},
        .pair_count = 1,
        .min_version = config->tls.min_version == CONFIG_TLS_1_3 ? 13 : 12,
        .client_ca = ca[0] == '\0' ? NULL : ca,
    };
}

bool settings_admin_use_tls(const struct config *config)
{
    return config->admin.cert[0] != '\0';
}

struct static_options settings_dashboard(const struct config *config)
{
    return (struct static_options){
        .folder = config->admin.dashboard[0] == '\0' ? NULL : config->admin.dashboard,
        .policy = admin_dashboard_policy,
    };
}

static int fail(char *ret_error, const char *path, const char *what)
{
    snprintf(ret_error, SETTINGS_ERROR_SIZE, "admin.token_file: %.512s: %s", path, what);
    return -1;
}

static int fail_at_line(char *ret_error, const char *path, unsigned line, const char *what)
{
    snprintf(ret_error, SETTINGS_ERROR_SIZE, "admin.token_file: %.512s:%u: %s", path, line, what);
    return -1;
}

static int add_file(struct admin_tokens *tokens, const char *path, char *ret_error)
{
    char text[TOKEN_FILE_MAX];
    size_t len = 0, before = tokens->count;
    unsigned line;
    int error = 0;
    const char *wrong = settings_read_file(path, text, sizeof(text), &len);
    if (wrong != NULL) {
        error = fail(ret_error, path, wrong);
    } else if (len == sizeof(text)) {
        error = fail(ret_error, path, "16 KiB or more are not taken");
    } else {
        wrong = admin_tokens_add_lines(tokens, (struct slice){text, len}, &line);
        if (wrong != NULL)
            error = fail_at_line(ret_error, path, line, wrong);
        else if (tokens->count == before)
            error = fail(ret_error, path, "holds no token");
    }
    explicit_bzero(text, sizeof(text));
    return error;
}

int settings_admin_tokens(const struct config *config, struct admin_tokens *ret_tokens,
                          char ret_error[SETTINGS_ERROR_SIZE])
{
    const char *token = config->admin.token, *path = config->admin.token_file;
    *ret_tokens = (struct admin_tokens){.count = 0};
    if (token[0] != '\0') {
        const char *wrong = admin_tokens_add(ret_tokens, slice_of(token));
        if (wrong != NULL) {
            snprintf(ret_error, SETTINGS_ERROR_SIZE, "admin.token: %s", wrong);
            return -1;
        }
    }
    return path[0] == '\0' ? 0 : add_file(ret_tokens, path, ret_error);
}

int settings_check_admin(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE])
{
    struct admin_tokens tokens;
    char cause[STATIC_ERROR_SIZE > TLS_ERROR_SIZE ? STATIC_ERROR_SIZE : TLS_ERROR_SIZE];
    struct static_options files = settings_dashboard(config);
    if (settings_admin_tokens(config, &tokens, ret_error) != 0)
        return -1;
    struct tls_options tls = settings_admin_tls(config);
    if (settings_admin_use_tls(config) && tls_check(&tls, cause) != 0) {
        snprintf(ret_error, SETTINGS_ERROR_SIZE, "admin.cert, admin.key, admin.client_ca: %s",
                 cause);
        return -1;
    }
    if (static_check(&files, cause) != 0) {
        snprintf(ret_error, SETTINGS_ERROR_SIZE, "admin.dashboard: %s", cause);
        return -1;
    }
    return 0;
}
