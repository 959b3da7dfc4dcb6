/* The host:port part of URLs (RFC 3986 section 3.2). */
#ifndef ROOMLINE_APP_CONFIG_URL_H
#define ROOMLINE_APP_CONFIG_URL_H

#include <stdbool.h>

#include "base/slice.h"

#define CONFIG_NO_PORT (-1)

struct config_authority {
    int family;     /* AF_INET, AF_INET6, or AF_UNSPEC for a name */
    char host[254]; /* of IPv6 without brackets, in the form of RFC 5952 */
    int port;       /* 0 to 65535 or CONFIG_NO_PORT */
};

/* False where `text` is not HOST, HOST:PORT, or either with an IPv6 address in brackets. */
bool config_authority_parse(struct slice text, struct config_authority *ret_authority);

/* If `text` starts with `prefix`, drops it and returns true. */
bool config_skip_prefix(struct slice *text, const char *prefix);

#endif
