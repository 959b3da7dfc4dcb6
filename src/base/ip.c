#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define V4_BITS 96 /* in front of an IPv4 address */

static const unsigned char v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct ip ip_from_v4(const void *bytes)
{
    struct ip ip;
    memcpy(ip.bytes, v4_prefix, sizeof(v4_prefix));
    memcpy(ip.bytes + sizeof(v4_prefix), bytes, 4);
    return ip;
}

struct ip ip_from_v6(const void *bytes)
{
    struct ip ip;
    memcpy(ip.bytes, bytes, sizeof(ip.bytes));
    return ip;
}

struct ip ip_from_sockaddr(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ip_from_v4(&((const struct sockaddr_in *)address)->sin_addr);
    if (address->sa_family == AF_INET6)
        return ip_from_v6(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return (struct ip){{0}};
}

bool ip_parse(struct slice text, struct ip *ret_ip)
{
    char copy[IP_TEXT_SIZE];
    unsigned char bytes[16];
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1)
        *ret_ip = ip_from_v4(bytes);
    else if (inet_pton(AF_INET6, copy, bytes) == 1)
        *ret_ip = ip_from_v6(bytes);
    else
        return false;
    return true;
}

struct slice ip_text(const struct ip *ip, char ret_text[IP_TEXT_SIZE])
{
    if (ip_is_v4(ip))
        inet_ntop(AF_INET, ip->bytes + sizeof(v4_prefix), ret_text, IP_TEXT_SIZE);
    else
        inet_ntop(AF_INET6, ip->bytes, ret_text, IP_TEXT_SIZE);
    return slice_of(ret_text);
}

static bool read_prefix(struct slice text, unsigned max, unsigned *ret_prefix)
{
    unsigned prefix = 0;
    if (text.len == 0 || text.len > 3 || (text.len > 1 && text.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        prefix = prefix * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *ret_prefix = prefix;
    return prefix <= max;
}

/* Whether the first `prefix` bits of both are the same. */
static bool same_bits(const struct ip *a, const struct ip *b, unsigned prefix)
{
    unsigned whole = prefix / 8, rest = prefix % 8;
    if (memcmp(a->bytes, b->bytes, whole) != 0)
        return false;
    return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

static bool is_zero_behind(const struct ip *ip, unsigned prefix)
{
    struct ip zeroed = *ip;
    for (unsigned bit = prefix; bit < 128; bit++)
        zeroed.bytes[bit / 8] &= (unsigned char)~(0x80u >> bit % 8);
    return ip_equal(&zeroed, ip);
}

bool ip_network_parse(struct slice text, struct ip_network *ret_network)
{
    const char *slash = text.len == 0 ? NULL : memchr(text.ptr, '/', text.len);
    struct slice address = {text.ptr, slash == NULL ? text.len : (size_t)(slash - text.ptr)};
    if (!ip_parse(address, &ret_network->ip))
        return false;
    ret_network->prefix = 128;
    if (slash == NULL)
        return true;
    /* By how it is written: ::ffff:10.0.0.0/104 is 10.0.0.0/8. */
    bool dotted = memchr(address.ptr, ':', address.len) == NULL;
    struct slice digits = {slash + 1, text.len - address.len - 1};
    if (!read_prefix(digits, dotted ? 32 : 128, &ret_network->prefix))
        return false;
    ret_network->prefix += dotted ? V4_BITS : 0;
    return is_zero_behind(&ret_network->ip, ret_network->prefix);
}

bool ip_network_has(const struct ip_network *network, const struct ip *ip)
{
    return ip_is_v4(&network->ip) == ip_is_v4(ip) && same_bits(&network->ip, ip, network->prefix);
}

bool ip_networks_have(const struct ip_network *networks, size_t count, const struct ip *ip)
{
    for (size_t i = 0; i < count; i++)
        if (ip_network_has(&networks[i], ip))
            return true;
    return false;
}

struct slice ip_network_text(const struct ip_network *network, char ret_text[IP_NETWORK_TEXT_SIZE])
{
    char ip[IP_TEXT_SIZE];
    unsigned prefix = network->prefix - (ip_is_v4(&network->ip) ? V4_BITS : 0);
    ip_text(&network->ip, ip);
    snprintf(ret_text, IP_NETWORK_TEXT_SIZE, "%s/%u", ip, prefix);
    return slice_of(ret_text);
}
