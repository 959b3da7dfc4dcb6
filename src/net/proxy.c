#include "net/proxy.h"

#include <string.h>
#include <strings.h>

#define V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2_SIGNATURE_SIZE 12
#define V2_HEAD_SIZE 16
#define V2_V4_SIZE 12 /* two addresses and two ports */
#define V2_V6_SIZE 36

bool proxy_is_trusted(const struct proxy_rules *rules, const struct ip *peer)
{
    return rules->mode != PROXY_NONE && ip_networks_have(rules->networks, rules->count, peer);
}

/* --- version 1: "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n" --- */

static const char v1_start[] = "PROXY ";

static struct slice next_word(struct slice *line)
{
    const char *space = line->len == 0 ? NULL : memchr(line->ptr, ' ', line->len);
    struct slice word = {line->ptr, space == NULL ? line->len : (size_t)(space - line->ptr)};
    size_t taken = space == NULL ? word.len : word.len + 1;
    *line = (struct slice){line->ptr + taken, line->len - taken};
    return word;
}

static bool is_port(struct slice word)
{
    unsigned port = 0;
    if (word.len == 0 || word.len > 5)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] < '0' || word.ptr[i] > '9')
            return false;
        port = port * 10 + (unsigned)(word.ptr[i] - '0');
    }
    return port <= 65535;
}

static bool is_address(struct slice word, bool v6, struct ip *ret_ip)
{
    bool written_as_v6 = word.len > 0 && memchr(word.ptr, ':', word.len) != NULL;
    return written_as_v6 == v6 && ip_parse(word, ret_ip);
}

/* The line without its CR LF. */
static enum proxy_result read_line(struct slice line, bool *ret_known, struct ip *ret_ip)
{
    struct ip ours;
    slice_skip(&line, v1_start);
    struct slice protocol = next_word(&line);
    bool v6 = slice_is(protocol, "TCP6");
    *ret_known = false;
    if (slice_is(protocol, "UNKNOWN"))
        return PROXY_DONE;
    if (!v6 && !slice_is(protocol, "TCP4"))
        return PROXY_BAD;
    *ret_known = is_address(next_word(&line), v6, ret_ip) &&
                 is_address(next_word(&line), v6, &ours) && is_port(next_word(&line)) &&
                 is_port(line);
    return *ret_known ? PROXY_DONE : PROXY_BAD;
}

static enum proxy_result check_v1(const struct proxy_reader *reader, bool *ret_known,
                                  struct ip *ret_ip)
{
    const char *bytes = reader->bytes;
    size_t start = sizeof(v1_start) - 1, len = reader->len;
    if (memcmp(bytes, v1_start, len < start ? len : start) != 0)
        return PROXY_BAD;
    if (len > start && bytes[len - 1] == '\n') {
        if (bytes[len - 2] != '\r')
            return PROXY_BAD;
        return read_line((struct slice){bytes, len - 2}, ret_known, ret_ip);
    }
    return len == PROXY_V1_MAX ? PROXY_BAD : PROXY_MORE;
}

/* --- version 2: signature, version and command, family, length; addresses; TLVs --- */

static unsigned v2_rest(const unsigned char *bytes)
{
    return (unsigned)bytes[14] << 8 | bytes[15];
}

/* How many of the bytes behind the head are to be looked at; negative: it is not allowed so. */
static int v2_addresses(const unsigned char *bytes)
{
    static const struct {
        unsigned char family;
        int size;
    } families[] = {
        {0x11, V2_V4_SIZE}, /* TCP over IPv4 */
        {0x21, V2_V6_SIZE}, /* TCP over IPv6 */
        {0x00, 0},          /* unspecified */
        {0x31, 0},          /* a unix socket, stream */
        {0x32, 0},          /* and datagram */
    };
    if (bytes[12] == 0x20)
        return 0; /* LOCAL: whatever the family */
    if (bytes[12] != 0x21)
        return -1;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (families[i].family == bytes[13])
            return families[i].size <= (int)v2_rest(bytes) ? families[i].size : -1;
    return -1;
}

static enum proxy_result check_v2(struct proxy_reader *reader, bool *ret_known, struct ip *ret_ip)
{
    const unsigned char *bytes = (const unsigned char *)reader->bytes;
    size_t len = reader->len;
    if (memcmp(bytes, V2_SIGNATURE, len < V2_SIGNATURE_SIZE ? len : V2_SIGNATURE_SIZE) != 0)
        return PROXY_BAD;
    if (len < V2_HEAD_SIZE)
        return PROXY_MORE;
    int addresses = v2_addresses(bytes);
    if (addresses < 0)
        return PROXY_BAD;
    if (len < V2_HEAD_SIZE + (size_t)addresses)
        return PROXY_MORE;
    *ret_known = addresses > 0;
    if (addresses == V2_V4_SIZE)
        *ret_ip = ip_from_v4(bytes + V2_HEAD_SIZE);
    else if (addresses == V2_V6_SIZE)
        *ret_ip = ip_from_v6(bytes + V2_HEAD_SIZE);
    reader->skip = v2_rest(bytes) - (unsigned)addresses;
    return PROXY_DONE;
}

/* --- both --- */

static enum proxy_result skip_rest(struct proxy_reader *reader, struct slice *bytes)
{
    unsigned len = bytes->len < reader->skip ? (unsigned)bytes->len : reader->skip;
    reader->skip -= len;
    *bytes = (struct slice){bytes->ptr + len, bytes->len - len};
    return reader->skip == 0 ? PROXY_DONE : PROXY_MORE;
}

/* Byte by byte: what follows the header is not ours, and it is short. */
enum proxy_result proxy_read(struct proxy_reader *reader, struct slice *bytes, bool *ret_known,
                             struct ip *ret_ip)
{
    enum proxy_result result = PROXY_MORE;
    while (result == PROXY_MORE && reader->skip == 0 && bytes->len > 0) {
        reader->bytes[reader->len++] = bytes->ptr[0];
        *bytes = (struct slice){bytes->ptr + 1, bytes->len - 1};
        result = reader->bytes[0] == '\r' ? check_v2(reader, &reader->known, &reader->ip)
                                          : check_v1(reader, &reader->known, &reader->ip);
    }
    if (result != PROXY_BAD && reader->skip > 0)
        result = skip_rest(reader, bytes);
    if (result == PROXY_DONE) {
        *ret_known = reader->known;
        *ret_ip = reader->ip;
    }
    return result;
}

/* --- X-Forwarded-For --- */

static bool is_named(const struct http_header *header, const char *name)
{
    return header->name.len == strlen(name) &&
           strncasecmp(header->name.ptr, name, header->name.len) == 0;
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t'))
        text = (struct slice){text.ptr + 1, text.len - 1};
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Takes the last element off a comma-separated list; false where the list is empty. */
static bool last_element(struct slice *list, struct slice *ret_element)
{
    if (list->ptr == NULL)
        return false;
    const char *comma = list->len == 0 ? NULL : memrchr(list->ptr, ',', list->len);
    size_t before = comma == NULL ? 0 : (size_t)(comma - list->ptr) + 1;
    *ret_element = trim((struct slice){list->ptr + before, list->len - before});
    *list = comma == NULL ? SLICE_NONE : (struct slice){list->ptr, before - 1};
    return true;
}

/* An address, or with a port behind it as some proxies write it: 192.0.2.1:80, [2001:db8::1]:80. */
static bool read_element(struct slice element, struct ip *ret_ip)
{
    if (ip_parse(element, ret_ip))
        return true;
    bool bracketed = slice_skip(&element, "[");
    const char *end =
        element.len == 0 ? NULL : memchr(element.ptr, bracketed ? ']' : ':', element.len);
    if (end == NULL)
        return false;
    struct slice address = {element.ptr, (size_t)(end - element.ptr)};
    struct slice rest = {end + bracketed, element.len - address.len - bracketed};
    bool port = rest.len == 0 || (slice_skip(&rest, ":") && is_port(rest));
    return port && is_address(address, bracketed, ret_ip);
}

bool proxy_forwarded_for(const struct proxy_rules *rules, const struct http_request *request,
                         struct ip *ret_ip)
{
    struct slice element;
    bool found = false;
    for (size_t i = request->header_count; i > 0; i--) {
        if (!is_named(&request->headers[i - 1], "X-Forwarded-For"))
            continue;
        struct slice list = request->headers[i - 1].value;
        while (last_element(&list, &element)) {
            struct ip ip;
            if (!read_element(element, &ip))
                return found;
            *ret_ip = ip;
            found = true;
            if (!ip_networks_have(rules->networks, rules->count, &ip))
                return true;
        }
    }
    return found;
}

bool proxy_forwarded_secure(const struct http_request *request)
{
    struct slice element;
    for (size_t i = request->header_count; i > 0; i--) {
        struct slice list = request->headers[i - 1].value;
        if (is_named(&request->headers[i - 1], "X-Forwarded-Proto") && list.ptr != NULL &&
            last_element(&list, &element))
            return element.len == 5 && strncasecmp(element.ptr, "https", 5) == 0;
    }
    return false;
}
