/* IP addresses in one form, whatever they came as, so that comparing them is comparing bytes; and
 * networks of them (CIDR, RFC 4632). */
#ifndef ROOMLINE_BASE_IP_H
#define ROOMLINE_BASE_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/slice.h"

#define IP_TEXT_SIZE 46 /* bytes, NUL included */

/* IPv4 is kept as IPv6 has it (::ffff:192.0.2.1, RFC 4291 section 2.5.5.2): there is no second way
 * to write an address. All zero is "::". */
struct ip {
    unsigned char bytes[16];
};

bool ip_is_v4(const struct ip *ip);
bool ip_equal(const struct ip *a, const struct ip *b);

struct ip ip_from_v4(const void *bytes); /* 4 of them, as in a packet */
struct ip ip_from_v6(const void *bytes); /* 16 */

/* "::" for what is no IP address. */
struct ip ip_from_sockaddr(const struct sockaddr *address);

/* "192.0.2.1" or "2001:db8::1", nothing around it. */
bool ip_parse(struct slice text, struct ip *ret_ip);

/* IPv4 in its own form, IPv6 in that of RFC 5952. */
struct slice ip_text(const struct ip *ip, char ret_text[IP_TEXT_SIZE]);

struct ip_network {
    struct ip ip;
    unsigned prefix; /* bits of ip.bytes that count: IPv4's /8 is 104 */
};

/* "192.0.2.0/24", "2001:db8::/32", or an address, which is a network of one. False also where bits
 * are set that do not count: somebody meant something else. */
bool ip_network_parse(struct slice text, struct ip_network *ret_network);

/* A network of IPv6 holds no IPv4 address: ::/0 is not everybody. */
bool ip_network_has(const struct ip_network *network, const struct ip *ip);

bool ip_networks_have(const struct ip_network *networks, size_t count, const struct ip *ip);

#define IP_NETWORK_TEXT_SIZE (IP_TEXT_SIZE + 4)
struct slice ip_network_text(const struct ip_network *network, char ret_text[IP_NETWORK_TEXT_SIZE]);

#endif
