/* Whom a connection is for, where it comes by way of a load balancer: the PROXY protocol's header
 * in front of everything else, or X-Forwarded-For in each request. Only one of the two is read, and
 * only from the networks that are configured: what anybody else writes there is a stranger's claim.
 */
#ifndef ROOMLINE_NET_PROXY_H
#define ROOMLINE_NET_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/slice.h"
#include "net/http.h"

enum proxy_mode { PROXY_NONE, PROXY_PROTOCOL, PROXY_FORWARDED_FOR };

struct proxy_rules {
    enum proxy_mode mode;
    size_t count; /* of networks; borrowed */
    const struct ip_network *networks;
};

/* Whether what comes from this address is to be believed. */
bool proxy_is_trusted(const struct proxy_rules *rules, const struct ip *peer);

/* --- the PROXY protocol, versions 1 and 2 (haproxy's doc/proxy-protocol.txt, 2020/03/05) --- */

#define PROXY_V1_MAX 107 /* bytes of a line, its CR LF included */

/* Where in a header a connection is. All zero at the start. */
struct proxy_reader {
    unsigned len;  /* of bytes[] */
    unsigned skip; /* bytes of version 2 that are still to come and say nothing to us (TLVs) */
    bool known;    /* ip is the client's */
    struct ip ip;
    char bytes[PROXY_V1_MAX];
};

enum proxy_result { PROXY_MORE, PROXY_DONE, PROXY_BAD };

/* Takes the header off the front of `bytes`; never a byte behind it. PROXY_DONE: *ret_known says
 * whether it names a client, in *ret_ip; it does not where the proxy speaks for itself (LOCAL: a
 * health check) or for something that is no TCP over IP. PROXY_BAD: this is no such header, as soon
 * as that is certain. */
enum proxy_result proxy_read(struct proxy_reader *reader, struct slice *bytes, bool *ret_known,
                             struct ip *ret_ip);

/* --- X-Forwarded-For --- */

/* The right-most address that is not one of the configured networks': each proxy adds, on the
 * right, whom it was connected by. So whatever a client wrote there itself is never reached. What
 * can't be read ends the search. False: no proxy named anybody. */
bool proxy_forwarded_for(const struct proxy_rules *rules, const struct http_request *request,
                         struct ip *ret_ip);

/* Whether the proxy that is nearest to us says that it was asked over TLS (X-Forwarded-Proto). */
bool proxy_forwarded_secure(const struct http_request *request);

#endif
