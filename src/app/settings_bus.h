/* What the bus is told of the configuration, with the passwords where they belong. */
#ifndef ROOMLINE_APP_SETTINGS_BUS_H
#define ROOMLINE_APP_SETTINGS_BUS_H

#include <stdbool.h>
#include <stddef.h>

#include "app/config.h"
#include "app/settings.h"
#include "bus/redis_url.h"
#include "net/tls_client.h"

struct settings_bus {
    size_t count;                  /* of shards; 0: no Redis */
    struct redis_url *urls;        /* one for each, its login complete */
    struct redis_login sentinel;   /* the login to sentinels, the same for all */
    bool use_tls;                  /* one of the URLs does */
    struct tls_client_options tls; /* borrows the config's texts */
};

/* Reads the password files. 0, or -1 with a line that says what is wrong and holds no secret;
 * settings_bus_done() only after 0. */
int settings_bus(const struct config *config, struct settings_bus *ret_bus,
                 char ret_error[SETTINGS_ERROR_SIZE]);
void settings_bus_done(struct settings_bus *bus);

/* Are password files, authorities, certificate and key fit to be used? As above. */
int settings_check_bus(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE]);

#endif
