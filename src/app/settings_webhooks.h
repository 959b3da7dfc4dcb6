/* The webhooks of the configuration. */
#ifndef ROOMLINE_APP_SETTINGS_WEBHOOKS_H
#define ROOMLINE_APP_SETTINGS_WEBHOOKS_H

#include "api/auth_webhook.h"
#include "api/event_webhook.h"
#include "app/settings.h"

/* All but loop, on_verdict and context. The texts are the config's, whose URL config_check_values()
 * found good. */
struct auth_webhook_options settings_auth_webhook(const struct config *config);

/* Whether anybody wants to know who comes and goes. */
bool settings_has_events(const struct config *config);

/* All but loop, instance and tally; likewise. */
struct event_webhook_options settings_event_webhook(const struct config *config);

/* Are the authorities good? 0, or -1 with a line that says what is not. */
int settings_check_webhooks(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE]);

#endif
