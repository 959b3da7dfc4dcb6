/* What clients are told of ICE servers, by the configuration. */
#ifndef ROOMLINE_APP_SETTINGS_ICE_H
#define ROOMLINE_APP_SETTINGS_ICE_H

#include "api/ice.h"
#include "app/config.h"
#include "app/settings.h"

/* Reads turn.secrets_file. 0, or -1 with a line that says what is wrong and holds no secret. The
 * rules borrow the config's texts; the STUN port is the caller's to fill in, who knows it. */
int settings_ice(const struct config *config, struct ice_rules *ret_rules,
                 char ret_error[SETTINGS_ERROR_SIZE]);

/* Is the file fit to be used? As above. */
int settings_check_ice(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE]);

#endif
