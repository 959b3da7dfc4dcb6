/* What the admin listener is told of the configuration. */
#ifndef ROOMLINE_APP_SETTINGS_ADMIN_H
#define ROOMLINE_APP_SETTINGS_ADMIN_H

#include "api/admin_tokens.h"
#include "app/config.h"
#include "app/settings.h"
#include "net/server.h"

struct server_options settings_admin_server(const struct config *config);

/* Only where admin.cert is set. */
struct tls_options settings_admin_tls(const struct config *config);
bool settings_admin_use_tls(const struct config *config);

/* Reads the file of tokens. 0, or -1 with a line that says what is wrong and holds no secret. */
int settings_admin_tokens(const struct config *config, struct admin_tokens *ret_tokens,
                          char ret_error[SETTINGS_ERROR_SIZE]);

/* folder is NULL where there is to be no dashboard. */
struct static_options settings_dashboard(const struct config *config);

/* Are tokens, dashboard, certificate, key and authorities fit to be used? As above. */
int settings_check_admin(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE]);

#endif
