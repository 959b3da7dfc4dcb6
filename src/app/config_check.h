/* What no single value shows. */
#ifndef ROOMLINE_APP_CONFIG_CHECK_H
#define ROOMLINE_APP_CONFIG_CHECK_H

#include "app/config.h"

/* Do the values go together? Touches no file. Returns 0, or -1 with an error each. */
int config_check_values(const struct config *config, struct config_errors *errors);

#endif
