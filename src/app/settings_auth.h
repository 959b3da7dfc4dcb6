/* What checks tokens and mints them, of the configuration. */
#ifndef ROOMLINE_APP_SETTINGS_AUTH_H
#define ROOMLINE_APP_SETTINGS_AUTH_H

#include "api/token.h"
#include "app/settings.h"

/* The texts are the config's. */
struct token_rules settings_auth_rules(const struct config *config);

/* The keys of auth.keys_file and auth.secret. 0, or -1 with a line that says what is wrong, and no
 * key. jwk_set_done() comes after it. */
int settings_auth_keys(const struct config *config, struct jwk_set *ret_keys,
                       char ret_error[SETTINGS_ERROR_SIZE]);

/* Are the keys good? The same answer. */
int settings_check_auth(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE]);

#endif
