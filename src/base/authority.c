#include "base/authority.h"

#include <arpa/inet.h>
#include <string.h>

#define PORT_DIGITS_MAX 5

static bool parse_port(struct slice text, int *ret_port)
{
    int port = 0;
    if (text.len == 0 || text.len > PORT_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        port = port * 10 + (text.ptr[i] - '0');
    }
    *ret_port = port;
    return port <= 65535;
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

static bool is_name(struct slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (!is_name_character(host.ptr[i]))
            return false;
    }
    return host.len > 0 && host.ptr[0] != '.' && host.ptr[0] != '-';
}

/* Takes the host off the front of `text`. */
static bool take_host(struct slice *text, struct authority *authority)
{
    bool bracketed = slice_skip(text, "[");
    const char *end = memchr(text->ptr, bracketed ? ']' : ':', text->len);
    size_t len = end == NULL ? text->len : (size_t)(end - text->ptr);
    if (len >= sizeof(authority->host) || (bracketed && end == NULL))
        return false;
    if (!bracketed && !is_name((struct slice){text->ptr, len}))
        return false;
    memcpy(authority->host, text->ptr, len);
    authority->host[len] = '\0';
    text->ptr += len + bracketed;
    text->len -= len + bracketed;

    unsigned char address[sizeof(struct in6_addr)];
    if (bracketed) {
        authority->family = AF_INET6;
        return inet_pton(AF_INET6, authority->host, address) == 1 &&
               inet_ntop(AF_INET6, address, authority->host, sizeof(authority->host)) != NULL;
    }
    bool numeric = strspn(authority->host, "0123456789.") == len;
    authority->family = numeric ? AF_INET : AF_UNSPEC;
    return !numeric || inet_pton(AF_INET, authority->host, address) == 1;
}

bool authority_parse(struct slice text, struct authority *ret_authority)
{
    if (text.len == 0 || !take_host(&text, ret_authority))
        return false;
    ret_authority->port = AUTHORITY_NO_PORT;
    if (text.len == 0)
        return true;
    return slice_skip(&text, ":") && parse_port(text, &ret_authority->port);
}
