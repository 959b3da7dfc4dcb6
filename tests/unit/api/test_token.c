#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/token.h"
#include "base/crypto.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW UINT64_C(1700000000500)

static struct jwk_set keys;
static struct token token;
static const struct token_rules plain = {.issuer = "", .audience = "", .skew = 30000};
static const struct token_rules strict = {.issuer = "me", .audience = "you", .skew = 0};

static int start(void **state)
{
    char cause[JWK_ERROR_SIZE];
    (void)state;
    crypto_init();
    return jwk_set_add_secret(&keys, SLICE("0123456789abcdef0123456789abcdef"), cause);
}

static int end(void **state)
{
    (void)state;
    jwk_set_done(&keys);
    return 0;
}

static int check(const char *claims, const struct token_rules *rules, const char **ret_cause)
{
    struct buf text;
    buf_init(&text, JWT_SIZE_MAX);
    assert_int_equal(jwt_seal(&keys.keys[0], slice_of(claims), &text), 0);
    int error =
        token_check(&token, &keys, rules, buf_slice(&text), SLICE("kitchen"), NOW, ret_cause);
    buf_done(&text);
    return error;
}

#define GOOD "\"room\":\"kitchen\",\"exp\":1700000060"

static const struct {
    const char *claims;
    const struct token_rules *rules;
    const char *cause; /* NULL: good */
} rows[] = {
    {"{" GOOD "}", &plain, NULL},
    {"{}", &plain, "no exp"},
    {"{\"room\":\"kitchen\"}", &plain, "no exp"},
    {"{\"room\":\"kitchen\",\"exp\":null}", &plain, "exp is not a time"},
    {"{\"room\":\"kitchen\",\"exp\":-1}", &plain, "exp is not a time"},
    {"{\"room\":\"kitchen\",\"exp\":1e400}", &plain, "exp is not a time"},
    {"{\"room\":\"kitchen\",\"exp\":9007199254740994}", &plain, "exp is not a time"},
    {"{\"room\":\"kitchen\",\"exp\":17e8}", &plain, NULL},
    {"{\"room\":\"kitchen\",\"exp\":9007199254740992}", &plain, NULL},
    {"{\"room\":\"kitchen\",\"exp\":1699999970}", &plain, "expired"},
    {"{\"room\":\"kitchen\",\"exp\":1699999971}", &plain, NULL},
    {"{" GOOD ",\"nbf\":1700000030}", &plain, NULL},
    {"{" GOOD ",\"nbf\":1700000031}", &plain, "not valid yet"},
    {"{" GOOD ",\"nbf\":\"0\"}", &plain, "not valid yet"},
    {"{" GOOD ",\"iat\":1700000031}", &plain, "issued in the future"},
    {"{" GOOD ",\"iat\":{}}", &plain, "issued in the future"},
    {"{" GOOD ",\"aud\":\"you\"}", &plain, "an aud, and auth.audience is not set"},
    {"{" GOOD ",\"iss\":\"anybody\"}", &plain, NULL},
    {"{" GOOD ",\"iss\":\"me\",\"aud\":\"you\"}", &strict, NULL},
    {"{" GOOD ",\"iss\":\"m\\u0065\",\"aud\":[7,\"you\"]}", &strict, NULL},
    {"{" GOOD ",\"iss\":\"me\",\"aud\":\"me\"}", &strict, "another aud"},
    {"{" GOOD ",\"iss\":\"me\"}", &strict, "another aud"},
    {"{" GOOD ",\"iss\":[\"me\"],\"aud\":\"you\"}", &strict, "another iss"},
    {"{" GOOD ",\"aud\":\"you\"}", &strict, "another iss"},
    {"{" GOOD ",\"sub\":\"\"}", &plain, "sub can be no peer ID"},
    {"{" GOOD ",\"sub\":\"a\\nb\"}", &plain, "sub can be no peer ID"},
    {"{" GOOD ",\"sub\":\"\\ud800\"}", &plain, "sub can be no peer ID"},
    {"{" GOOD ",\"info\":\"x\"}", &plain, "info is not an object"},
    {"{" GOOD ",\"grants\":{}}", &plain, "grants is not a list"},
    {"{" GOOD ",\"once\":1}", &plain, "once is not true or false"},
    {"{" GOOD ",\"once\":true}", &plain, "once without a jti of 1 to 128 bytes"},
    {"{" GOOD ",\"once\":true,\"jti\":\"\"}", &plain, "once without a jti of 1 to 128 bytes"},
    {"{" GOOD ",\"once\":true,\"jti\":\"t\"}", &plain, NULL},
    {"{" GOOD ",\"once\":false,\"jti\":7}", &plain, NULL},
    {"{\"room\":\"kit*\",\"exp\":1700000060,\"once\":true,\"jti\":\"t\"}", &plain,
     "once, but not for one room"},
    {"{" GOOD ",\"exp\":1700000061}", &plain, "a claim is there twice"},
    {"{" GOOD ",\"other\":1,\"other\":2}", &plain, NULL},
};

static void each_claim_is_as_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *cause;
        int error = check(rows[i].claims, rows[i].rules, &cause);
        if (error != (rows[i].cause == NULL ? 0 : ERR_UNAUTHORIZED) ||
            (rows[i].cause != NULL && strcmp(cause, rows[i].cause) != 0))
            fail_msg("%s: %d, %s", rows[i].claims, error, cause == NULL ? "good" : cause);
    }
}

static void what_is_granted_is_what_it_says(void **state)
{
    (void)state;
    const char *cause;
    assert_int_equal(check("{" GOOD
                           ",\"sub\":\"\\ud55c\",\"info\":{ \"a\" : 1 },\"grants\":[\"admin\","
                           "\"x\",7,\"signal\"],\"once\":true,\"jti\":\"t\\u0031\"}",
                           &plain, &cause),
                     0);
    assert_true(slice_is(token.grant.peer, "\xed\x95\x9c"));
    assert_true(slice_is(token.grant.info, "{ \"a\" : 1 }"));
    assert_true(slice_is(token.grant.ticket, "t1"));
    assert_int_equal(token.grant.rights, RIGHT_ADMIN | RIGHT_SIGNAL);
    assert_true(token.grant.ends == UINT64_C(1700000090000));
    assert_true(token.grant.lifetime == 89500);
    assert_int_equal(check("{" GOOD "}", &plain, &cause), 0);
    assert_null(token.grant.peer.ptr);
    assert_null(token.grant.info.ptr);
    assert_null(token.grant.ticket.ptr);
    assert_int_equal(token.grant.rights, RIGHTS_DEFAULT);
    assert_int_equal(check("{" GOOD ",\"grants\":[]}", &plain, &cause), 0);
    assert_int_equal(token.grant.rights, 0);
}

static const struct {
    const char *room;
    bool covers; /* the room "kitchen" */
} rooms[] = {
    {"\"kitchen\"", true},
    {"\"kitc\\u0068en\"", true},
    {"\"*\"", true},
    {"\"kitchen*\"", true},
    {"\"k*\"", true},
    {"[\"a\",\"kitchen\"]", true},
    {"[7,\"kit*\"]", true},
    {"\"kitche\"", false},
    {"\"kitchens\"", false},
    {"\"kitchens*\"", false},
    {"\"Kitchen\"", false},
    {"\"\"", false},
    {"\"kitchen \"", false},
    {"\"k*n\"", false},
    {"\"*kitchen\"", false},
    {"[]", false},
    {"[[\"kitchen\"]]", false},
    {"{\"kitchen\":1}", false},
    {"null", false},
    {"true", false},
    {"7", false},
    {"\"kitchen\\u0000\"", false},
    {"\"\\ud800*\"", false},
};

static void a_token_is_for_its_rooms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rooms); i++) {
        char claims[128];
        const char *cause;
        snprintf(claims, sizeof(claims), "{\"room\":%s,\"exp\":1700000060}", rooms[i].room);
        if (check(claims, &plain, &cause) != (rooms[i].covers ? 0 : ERR_FORBIDDEN))
            fail_msg("%s: %s", claims, cause == NULL ? "good" : cause);
    }
    const char *cause;
    assert_int_equal(check("{\"exp\":1700000060}", &plain, &cause), ERR_FORBIDDEN);
    assert_string_equal(cause, "not for this room");
}

static void of_more_than_64_rooms_the_first_count(void **state)
{
    (void)state;
    for (int before = 63; before <= 64; before++) {
        struct buf claims;
        const char *cause;
        buf_init(&claims, 4096);
        buf_add_text(&claims, "{\"exp\":1700000060,\"room\":[");
        for (int i = 0; i < before; i++)
            buf_add_text(&claims, "\"a\",");
        buf_add(&claims, "\"kitchen\"]}", sizeof("\"kitchen\"]}"));
        assert_int_equal(check(claims.data, &plain, &cause), before == 63 ? 0 : ERR_FORBIDDEN);
        buf_done(&claims);
    }
}

static void no_token_is_no_token(void **state)
{
    (void)state;
    const char *cause;
    assert_int_equal(token_check(&token, &keys, &plain, SLICE_NONE, SLICE("kitchen"), NOW, &cause),
                     ERR_UNAUTHORIZED);
    assert_string_equal(cause, "no token");
}

static void what_is_minted_is_granted(void **state)
{
    (void)state;
    struct token_order order = {.room_count = 1,
                                .rooms = {SLICE("kitchen")},
                                .peer = SLICE("\"ann\\"),
                                .info = SLICE("{\"a\":[1]}"),
                                .rights = RIGHT_ADMIN,
                                .lifetime = 60999,
                                .once = true};
    struct buf text;
    uint64_t expires;
    const char *cause;
    buf_init(&text, JWT_SIZE_MAX);
    assert_null(token_check_order(&order));
    assert_null(token_mint(&order, &keys.keys[0], &strict, NOW, &text, &expires));
    assert_true(expires == 1700000060);
    assert_int_equal(
        token_check(&token, &keys, &strict, buf_slice(&text), SLICE("kitchen"), NOW, &cause), 0);
    assert_true(slice_is(token.grant.peer, "\"ann\\"));
    assert_true(slice_is(token.grant.info, "{\"a\":[1]}"));
    assert_int_equal(token.grant.rights, RIGHT_ADMIN);
    assert_int_equal(token.grant.ticket.len, 22);
    assert_true(token.grant.ends == UINT64_C(1700000060000));
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_claim_is_as_documented),
        cmocka_unit_test(what_is_granted_is_what_it_says),
        cmocka_unit_test(a_token_is_for_its_rooms),
        cmocka_unit_test(of_more_than_64_rooms_the_first_count),
        cmocka_unit_test(no_token_is_no_token),
        cmocka_unit_test(what_is_minted_is_granted),
    };
    return cmocka_run_group_tests(tests, start, end);
}
