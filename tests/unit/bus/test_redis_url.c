/* URLs of Redis: what is taken, what is refused, and that no password is ever shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "bus/redis_url.h"

static struct redis_url url_of(const char *text)
{
    struct redis_url url;
    const char *wrong = redis_url_parse(slice_of(text), &url);
    if (wrong != NULL)
        fail_msg("%s: %s", text, wrong);
    return url;
}

/* "tls? sentinel? host:port,... master user:password db" */
static void assert_read(const char *text, const char *expected)
{
    struct redis_url url = url_of(text);
    char read[1024] = "";
    size_t len = (size_t)snprintf(read, sizeof(read), "%d %d ", url.tls, url.sentinel);
    for (size_t i = 0; i < url.address_count; i++)
        len += (size_t)snprintf(read + len, sizeof(read) - len, "%s%s", i == 0 ? "" : ",",
                                redis_address_show(&url.addresses[i]).text);
    snprintf(read + len, sizeof(read) - len, " %s %s:%s %u", url.master, url.login.user,
             url.login.password, url.database);
    assert_string_equal(read, expected);
}

static void urls_are_read_into_their_parts(void **state)
{
    (void)state;
    assert_read("redis://localhost", "0 0 localhost:6379  : 0");
    assert_read("redis://localhost/", "0 0 localhost:6379  : 0");
    assert_read("redis://10.0.0.7:7000/15", "0 0 10.0.0.7:7000  : 15");
    assert_read("rediss://[::1]:6380/65535", "1 0 [::1]:6380  : 65535");
    assert_read("redis://[2001:DB8::0:1]", "0 0 [2001:db8::1]:6379  : 0");
    assert_read("rediss://app:secret@redis.example.org",
                "1 0 redis.example.org:6379  app:secret 0");
    assert_read("redis://:secret@h", "0 0 h:6379  :secret 0");
    assert_read("redis://app@h", "0 0 h:6379  app: 0");
    assert_read("redis://a%3Ab:p%40s%2Fs%25@h/1", "0 0 h:6379  a:b:p@s/s% 1");
    assert_read("redis://u:p@ss@h", "0 0 h:6379  u:p@ss 0");
    assert_read("redis://u:p:q@h", "0 0 h:6379  u:p:q 0");
}

static void unix_sockets_are_read(void **state)
{
    (void)state;
    assert_read("unix:/run/redis.sock", "0 0 /run/redis.sock  : 0");
    assert_read("unix:///run/redis.sock", "0 0 /run/redis.sock  : 0");
    assert_read("unix:u:p%20w@/run/a%20b?db=3", "0 0 /run/a b  u:p w 3");
    assert_read("unix://:pw@/run/redis.sock?db=0", "0 0 /run/redis.sock  :pw 0");
    assert_true(url_of("unix:/x").addresses[0].local);
    assert_false(url_of("redis://x").addresses[0].local);
}

static void sentinels_are_read(void **state)
{
    (void)state;
    assert_read("redis+sentinel://s1/mymaster", "0 1 s1:26379 mymaster : 0");
    assert_read("rediss+sentinel://u:p@s1:1,[::1]:2,10.0.0.1/my%2Fmaster/4",
                "1 1 s1:1,[::1]:2,10.0.0.1:26379 my/master u:p 4");
    assert_int_equal(url_of("redis+sentinel://a,b,c,d,e,f,g,h,i/m").address_count, 9);
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *text, *wrong;
    } cases[] = {
        {"", "it starts with none of"},
        {"http://localhost", "it starts with none of"},
        {"REDIS://localhost", "it starts with none of"},
        {"redis:/localhost", "it starts with none of"},
        {"redis://", "the host is not"},
        {"redis:///1", "the host is not"},
        {"redis://h:", "the host is not"},
        {"redis://h:0", "the host is not"},
        {"redis://h:65536", "the host is not"},
        {"redis://h:12x", "the host is not"},
        {"redis://h h", "the host is not"},
        {"redis://h?db=1", "the host is not"},
        {"redis://a,b", "the host is not"},
        {"redis://[::1", "the host is not"},
        {"redis://999.1.1.1", "the host is not"},
        {"redis://h/x", "the database is not"},
        {"redis://h/65536", "the database is not"},
        {"redis://h/-1", "the database is not"},
        {"redis://h/1/2", "the database is not"},
        {"redis://h/000001", "the database is not"},
        {"redis://u:%4@h", "a % that"},
        {"redis://u:%zz@h", "a % that"},
        {"redis://u:a%00b@h", "not UTF-8, or"},
        {"redis://u:a%ffb@h", "not UTF-8, or"},
        {"redis://u%0a:b@h", "not UTF-8, or"},
        {"unix:run/redis.sock", "the path of a unix socket starts with /"},
        {"unix:", "the path of a unix socket starts with /"},
        {"unix:/x?db=", "after the path"},
        {"unix:/x?database=1", "after the path"},
        {"redis+sentinel://s1", "the name of the master is missing"},
        {"redis+sentinel://s1/", "the name of the master is missing"},
        {"redis+sentinel:///m", "the host is not"},
        {"redis+sentinel://s1,/m", "the host is not"},
        {"redis+sentinel://s1/m/x", "the database is not"},
        {"redis+sentinel://a,b,c,d,e,f,g,h,i,j/m", "more than 9 sentinels"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct redis_url url;
        const char *wrong = redis_url_parse(slice_of(cases[i].text), &url);
        if (wrong == NULL || strncmp(wrong, cases[i].wrong, strlen(cases[i].wrong)) != 0)
            fail_msg("%s: %s", cases[i].text, wrong == NULL ? "taken" : wrong);
    }
}

static void lengths_are_bounded(void **state)
{
    char text[4096];
    struct redis_url url;
    (void)state;
    snprintf(text, sizeof(text), "redis://:%0512d@h", 0);
    assert_int_equal(strlen(url_of(text).login.password), 512);
    snprintf(text, sizeof(text), "redis://:%0513d@h", 0);
    assert_non_null(redis_url_parse(slice_of(text), &url));
    snprintf(text, sizeof(text), "redis://%0128d:@h", 0);
    assert_int_equal(strlen(url_of(text).login.user), 128);
    snprintf(text, sizeof(text), "redis://%0129d:@h", 0);
    assert_non_null(redis_url_parse(slice_of(text), &url));
    snprintf(text, sizeof(text), "redis+sentinel://h/%0129d", 0);
    assert_non_null(redis_url_parse(slice_of(text), &url));
    snprintf(text, sizeof(text), "unix:/%0106d", 0);
    assert_int_equal(strlen(url_of(text).addresses[0].host), 107);
    snprintf(text, sizeof(text), "unix:/%0107d", 0);
    assert_string_equal(redis_url_parse(slice_of(text), &url),
                        "the path of a unix socket has at most 107 bytes");
    snprintf(text, sizeof(text), "redis://%02041d", 0);
    assert_string_equal(redis_url_parse(slice_of(text), &url), "longer than 2048 bytes");
}

static void assert_shown(const char *text, const char *expected)
{
    struct redis_url url = url_of(text);
    struct buf shown;
    buf_init(&shown, 4096);
    redis_url_show(&url, &shown);
    assert_false(buf_failed(&shown));
    if (!slice_is(buf_slice(&shown), expected))
        fail_msg("%s: %.*s", text, (int)shown.len, shown.data);
    buf_done(&shown);
}

static void what_is_shown_holds_no_password(void **state)
{
    (void)state;
    assert_shown("redis://app:hush@h/3", "redis://app:********@h:6379/3");
    assert_shown("rediss://:hush@[::1]", "rediss://:********@[::1]:6379");
    assert_shown("redis://u:h@u:s@h", "redis://u:********@h:6379");
    assert_shown("redis://app@h", "redis://app@h:6379");
    assert_shown("redis://h", "redis://h:6379");
    assert_shown("unix:u:hush@/run/r?db=2", "unix://u:********@/run/r?db=2");
    assert_shown("rediss+sentinel://u:hush@a,b:5/m/6",
                 "rediss+sentinel://u:********@a:26379,b:5/m/6");
}

static void addresses_are_compared(void **state)
{
    struct redis_url url = url_of("redis+sentinel://a,a:26379,a:1,b/m");
    struct redis_address local = url.addresses[0];
    (void)state;
    local.local = true;
    assert_true(redis_address_equal(&url.addresses[0], &url.addresses[1]));
    assert_false(redis_address_equal(&url.addresses[0], &url.addresses[2]));
    assert_false(redis_address_equal(&url.addresses[0], &url.addresses[3]));
    assert_false(redis_address_equal(&url.addresses[0], &local));
}

static void no_memory_is_no_url(void **state)
{
    struct redis_url url;
    (void)state;
    mem_fail_nth(1);
    assert_non_null(redis_url_parse(SLICE("redis://u:p@h"), &url));
    mem_fail_nth(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_read_into_their_parts),
        cmocka_unit_test(unix_sockets_are_read),
        cmocka_unit_test(sentinels_are_read),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(what_is_shown_holds_no_password),
        cmocka_unit_test(addresses_are_compared),
        cmocka_unit_test(no_memory_is_no_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
