/* The host:port part of URLs (RFC 3986 section 3.2). */
#ifndef ROOMLINE_BASE_AUTHORITY_H
#define ROOMLINE_BASE_AUTHORITY_H

#include <stdbool.h>

#include "base/slice.h"

#define AUTHORITY_NO_PORT (-1)

struct authority {
    int family;     /* AF_INET, AF_INET6, or AF_UNSPEC for a name */
    char host[254]; /* of IPv6 without brackets, in the form of RFC 5952 */
    int port;       /* 0 to 65535 or AUTHORITY_NO_PORT */
};

/* False where `text` is not HOST, HOST:PORT, or either with an IPv6 address in brackets. */
bool authority_parse(struct slice text, struct authority *ret_authority);

#endif
