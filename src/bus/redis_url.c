#include "bus/redis_url.h"

#include <stdio.h>
#include <string.h>

#include "base/authority.h"
#include "base/text.h"

static const struct scheme {
    const char *prefix;
    bool tls, sentinel, local;
} schemes[] = {
    {"redis://", false, false, false},         {"rediss://", true, false, false},
    {"redis+sentinel://", false, true, false}, {"rediss+sentinel://", true, true, false},
    {"unix://", false, false, true},           {"unix:", false, false, true},
};

#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

static const char too_long[] = "user, password or master name is too long";

static const struct scheme *take_scheme(struct slice *text)
{
    for (size_t i = 0; i < SCHEMES; i++) {
        if (slice_skip(text, schemes[i].prefix))
            return &schemes[i];
    }
    return NULL;
}

/* Takes what comes before the first `mark`, or all of it, off the front. The mark stays. */
static struct slice take_until(struct slice *text, char mark)
{
    const char *at = memchr(text->ptr, mark, text->len);
    struct slice taken = {text->ptr, at == NULL ? text->len : (size_t)(at - text->ptr)};
    text->ptr += taken.len;
    text->len -= taken.len;
    return taken;
}

/* --- parts --- */

/* Into an array of `size` bytes, with %XX decoded and a NUL. */
static const char *decode(struct slice text, char *ret_text, size_t size)
{
    struct buf decoded;
    const char *wrong = NULL;
    buf_init(&decoded, size - 1);
    if (!text_percent_decode(text, &decoded))
        wrong = buf_failed(&decoded) ? too_long : "a % that no two hexadecimal digits follow";
    else if (!text_is_utf8(buf_slice(&decoded)) || text_has_control(buf_slice(&decoded)))
        wrong = "not UTF-8, or a control character";
    else if (decoded.len > 0)
        memcpy(ret_text, decoded.data, decoded.len);
    ret_text[wrong == NULL ? decoded.len : 0] = '\0';
    if (decoded.data != NULL)
        explicit_bzero(decoded.data, decoded.capacity);
    buf_done(&decoded);
    return wrong;
}

/* [[user]:password@]; the last @ ends it, so that a password with one is at least not taken for a
 * host and logged. */
static const char *take_login(struct slice *text, struct redis_login *login)
{
    const char *at = memrchr(text->ptr, '@', text->len);
    if (at == NULL)
        return NULL;
    struct slice password = {text->ptr, (size_t)(at - text->ptr)};
    text->len -= password.len + 1;
    text->ptr = at + 1;
    struct slice user = take_until(&password, ':');
    const char *wrong = decode(user, login->user, sizeof(login->user));
    if (wrong == NULL && slice_skip(&password, ":"))
        wrong = decode(password, login->password, sizeof(login->password));
    return wrong;
}

static const char *take_database(struct slice text, unsigned *ret_database)
{
    unsigned number = 0;
    if (text.len > 5)
        return "the database is not 0 to 65535";
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return "the database is not 0 to 65535";
        number = number * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *ret_database = number;
    return number > REDIS_DATABASE_MAX ? "the database is not 0 to 65535" : NULL;
}

static const char *add_address(struct slice text, struct redis_url *url)
{
    struct authority authority;
    if (url->address_count == REDIS_SENTINELS_MAX)
        return "more than 9 sentinels";
    if (!authority_parse(text, &authority) || authority.port == 0)
        return "the host is not NAME, ADDRESS or [IPv6 ADDRESS], with :PORT or not";
    struct redis_address *address = &url->addresses[url->address_count++];
    uint16_t usual = url->sentinel ? REDIS_SENTINEL_PORT : REDIS_PORT;
    *address = (struct redis_address){
        .port = authority.port == AUTHORITY_NO_PORT ? usual : (uint16_t)authority.port};
    memcpy(address->host, authority.host, sizeof(address->host));
    return NULL;
}

/* --- wholes --- */

/* /path[?db=N] */
static const char *read_local(struct slice text, struct redis_url *url)
{
    struct slice before = take_until(&text, '/');
    const char *wrong = before.len == 0 ? NULL : take_login(&before, &url->login);
    if (wrong != NULL)
        return wrong;
    if (before.len > 0 || text.len == 0)
        return "the path of a unix socket starts with /";
    struct slice path = take_until(&text, '?');
    struct redis_address *address = &url->addresses[url->address_count++];
    *address = (struct redis_address){.local = true};
    wrong = decode(path, address->host, 108); /* sun_path of Linux */
    if (wrong == too_long)
        return "the path of a unix socket has at most 107 bytes";
    if (wrong != NULL || text.len == 0)
        return wrong;
    if (!slice_skip(&text, "?db=") || text.len == 0)
        return "after the path of a unix socket comes ?db=NUMBER or nothing";
    return take_database(text, &url->database);
}

/* host[:port][/database] */
static const char *read_plain(struct slice text, struct redis_url *url)
{
    struct slice host = take_until(&text, '/');
    const char *wrong = take_login(&host, &url->login);
    if (wrong == NULL)
        wrong = add_address(host, url);
    if (wrong == NULL && slice_skip(&text, "/"))
        wrong = take_database(text, &url->database);
    return wrong;
}

/* host[:port][,host[:port]...]/master[/database] */
static const char *read_sentinel(struct slice text, struct redis_url *url)
{
    struct slice hosts = take_until(&text, '/');
    const char *wrong = take_login(&hosts, &url->login);
    do {
        struct slice host = take_until(&hosts, ',');
        wrong = wrong != NULL ? wrong : add_address(host, url);
    } while (wrong == NULL && slice_skip(&hosts, ","));
    if (wrong != NULL)
        return wrong;
    slice_skip(&text, "/");
    wrong = decode(take_until(&text, '/'), url->master, sizeof(url->master));
    if (wrong == NULL && url->master[0] == '\0')
        wrong = "the name of the master is missing: after the sentinels comes /MASTER";
    if (wrong == NULL && slice_skip(&text, "/"))
        wrong = take_database(text, &url->database);
    return wrong;
}

const char *redis_url_parse(struct slice text, struct redis_url *ret_url)
{
    *ret_url = (struct redis_url){.tls = false};
    if (text.len > REDIS_URL_MAX)
        return "longer than 2048 bytes";
    const struct scheme *scheme = take_scheme(&text);
    if (scheme == NULL)
        return "it starts with none of redis://, rediss://, unix:, redis+sentinel:// and "
               "rediss+sentinel://";
    ret_url->tls = scheme->tls;
    ret_url->sentinel = scheme->sentinel;
    return scheme->local      ? read_local(text, ret_url)
           : scheme->sentinel ? read_sentinel(text, ret_url)
                              : read_plain(text, ret_url);
}

/* --- for people --- */

struct redis_shown redis_address_show(const struct redis_address *address)
{
    struct redis_shown shown;
    size_t size = sizeof(shown.text);
    if (address->local)
        snprintf(shown.text, size, "%s", address->host);
    else if (strchr(address->host, ':') != NULL)
        snprintf(shown.text, size, "[%s]:%u", address->host, address->port);
    else
        snprintf(shown.text, size, "%s:%u", address->host, address->port);
    return shown;
}

static const char *prefix_of(const struct redis_url *url)
{
    for (size_t i = 0; i < SCHEMES; i++) {
        if (schemes[i].tls == url->tls && schemes[i].sentinel == url->sentinel &&
            schemes[i].local == url->addresses[0].local)
            return schemes[i].prefix;
    }
    return "";
}

void redis_url_show(const struct redis_url *url, struct buf *out)
{
    buf_add_text(out, prefix_of(url));
    buf_add_text(out, url->login.user);
    buf_add_text(out, url->login.password[0] == '\0' ? "" : ":********");
    if (url->login.user[0] != '\0' || url->login.password[0] != '\0')
        buf_add_char(out, '@');
    for (size_t i = 0; i < url->address_count; i++) {
        buf_add_text(out, i == 0 ? "" : ",");
        buf_add_text(out, redis_address_show(&url->addresses[i]).text);
    }
    if (url->sentinel)
        buf_add_format(out, "/%s", url->master);
    if (url->database != 0)
        buf_add_format(out, url->addresses[0].local ? "?db=%u" : "/%u", url->database);
}

bool redis_address_equal(const struct redis_address *a, const struct redis_address *b)
{
    return a->local == b->local && a->port == b->port && strcmp(a->host, b->host) == 0;
}
