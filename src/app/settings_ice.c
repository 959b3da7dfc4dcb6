#include "app/settings_ice.h"

#include <stdio.h>
#include <string.h>

#include "app/settings_file.h"

static int fail(char *ret_error, const char *path, const char *what)
{
    snprintf(ret_error, SETTINGS_ERROR_SIZE, "turn.secrets_file: %.512s: %s", path, what);
    return -1;
}

/* The first line signs; those behind it are for the TURN server, which accepts them still. */
static int read_secret(const char *path, char ret_secret[TURN_SECRET_MAX + 1], char *ret_error)
{
    _Static_assert(TURN_SECRET_MAX + 1 == SETTINGS_LINE_SIZE, "a secret is a line of a file");
    const char *wrong = settings_read_line(path, ret_secret);
    return wrong == NULL ? 0 : fail(ret_error, path, wrong);
}

int settings_ice(const struct config *config, struct ice_rules *ret_rules,
                 char ret_error[SETTINGS_ERROR_SIZE])
{
    const char *fixed = config->session.ice_servers.json;
    *ret_rules = (struct ice_rules){
        .fixed = fixed == NULL ? SLICE_NONE : slice_of(fixed),
        .stun = config->stun.url[0] == '\0' ? NULL : config->stun.url,
        .turn = {.url_count = config->turn.urls.count,
                 .urls = config->turn.urls.items,
                 .ttl = config->turn.ttl},
    };
    if (config->turn.secrets_file[0] != '\0')
        return read_secret(config->turn.secrets_file, ret_rules->turn.secret, ret_error);
    if (config->turn.secrets.count > 0)
        snprintf(ret_rules->turn.secret, sizeof(ret_rules->turn.secret), "%s",
                 config->turn.secrets.items[0]);
    return 0;
}

int settings_check_ice(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE])
{
    struct ice_rules rules;
    int error = settings_ice(config, &rules, ret_error);
    explicit_bzero(&rules, sizeof(rules));
    return error;
}
