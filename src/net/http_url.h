/* URLs of HTTP servers that we ask: http://HOST[:PORT][/PATH] and https://. */
#ifndef ROOMLINE_NET_HTTP_URL_H
#define ROOMLINE_NET_HTTP_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define HTTP_URL_MAX 2048

struct http_url {
    bool tls;
    uint16_t port;
    char host[254];                /* IPv6 without brackets */
    char authority[264];           /* as for the Host header */
    char target[HTTP_URL_MAX + 1]; /* path and query, at least "/" */
};

/* NULL, or what is wrong with the text: a static phrase that continues "it is ...". User, password
 * and fragment are refused: a secret belongs into a header. */
const char *http_url_parse(struct slice text, struct http_url *ret_url);

#endif
