/* URLs of Redis: what is taken keeps to the bounds, is shown as a URL that is taken again and means
 * the same but for the password, and shows none. */
#include <string.h>

#include "base/text.h"
#include "bus/redis_url.h"
#include "must.h"

#define PASSWORD_MARK "\x07" /* no password holds a control character */

static void check_parts(const struct redis_url *url)
{
    must(url->address_count >= 1 && url->address_count <= REDIS_SENTINELS_MAX);
    must(url->sentinel || url->address_count == 1);
    must(url->sentinel == (url->master[0] != '\0'));
    must(url->database <= REDIS_DATABASE_MAX);
    must(!text_has_control(slice_of(url->master)) && text_is_utf8(slice_of(url->master)));
    must(!text_has_control(slice_of(url->login.user)));
    must(!text_has_control(slice_of(url->login.password)));
    for (size_t i = 0; i < url->address_count; i++) {
        const struct redis_address *address = &url->addresses[i];
        must(address->host[0] != '\0' && strlen(address->host) < sizeof(address->host));
        must(address->local == (address->port == 0));
        must(address->local == (address->host[0] == '/'));
        must(strlen(redis_address_show(address).text) < sizeof(struct redis_shown) - 1);
        must(redis_address_equal(address, address));
    }
}

static void show(const struct redis_url *url, struct buf *out)
{
    buf_init(out, 65536);
    redis_url_show(url, out);
    must(!buf_failed(out));
}

/* The same URL with any other password looks the same. */
static void check_shown(const struct redis_url *url)
{
    struct redis_url other = *url;
    struct buf shown, other_shown;
    show(url, &shown);
    if (url->login.password[0] != '\0')
        strcpy(other.login.password, PASSWORD_MARK);
    show(&other, &other_shown);
    must(slice_equal(buf_slice(&shown), buf_slice(&other_shown)));
    must(memchr(shown.data, PASSWORD_MARK[0], shown.len) == NULL);
    buf_done(&shown);
    buf_done(&other_shown);
}

static bool is_plain(const char *text)
{
    return strpbrk(text, "%:@/?,") == NULL;
}

/* Where no part needs an escape. */
static void check_again(const struct redis_url *url)
{
    struct redis_url again;
    struct buf shown;
    const char *host = url->addresses[0].local ? url->addresses[0].host + 1 : "";
    if (!is_plain(url->login.user) || !is_plain(url->master) || strpbrk(host, "%?@") != NULL)
        return;
    show(url, &shown);
    if (shown.len <= REDIS_URL_MAX) {
        must(redis_url_parse(buf_slice(&shown), &again) == NULL);
        must(again.tls == url->tls && again.database == url->database);
        must(again.address_count == url->address_count);
        must(strcmp(again.master, url->master) == 0);
        must(strcmp(again.login.user, url->login.user) == 0);
        must((again.login.password[0] != '\0') == (url->login.password[0] != '\0'));
        for (size_t i = 0; i < url->address_count; i++)
            must(redis_address_equal(&again.addresses[i], &url->addresses[i]));
    }
    buf_done(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_url url;
    const char *wrong = redis_url_parse((struct slice){(const char *)data, size}, &url);
    if (wrong != NULL) {
        must(wrong[0] != '\0');
        return 0;
    }
    check_parts(&url);
    check_shown(&url);
    check_again(&url);
    return 0;
}
