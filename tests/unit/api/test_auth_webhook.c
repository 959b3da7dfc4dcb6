/* What a webhook may answer, and what comes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/auth_webhook.h"
#include "api/webhook_sign.h"
#include "base/crypto.h"

static char space[AUTH_WEBHOOK_SPACE];
static struct grant grant;
static const char *cause;

static int answer(const char *body)
{
    return auth_webhook_read(slice_of(body), &grant, space, &cause);
}

static void yes_is_enough(void **state)
{
    (void)state;
    assert_int_equal(answer("{\"allow\":true}"), 0);
    assert_int_equal(grant.rights, RIGHTS_DEFAULT);
    assert_int_equal(grant.lifetime, 0);
    assert_int_equal(grant.ends, 0);
    assert_null(grant.peer.ptr);
    assert_null(grant.info.ptr);
    assert_null(grant.ticket.ptr);
    assert_null(grant.ice_servers.ptr);
    assert_int_equal(grant.peers_max, 0);
    assert_null(cause);
}

static void null_is_absent(void **state)
{
    (void)state;
    assert_int_equal(
        answer("{\"allow\":true,\"peer\":null,\"info\":null,\"grants\":null,\"ttl\":null,"
               "\"maxPeers\":null,\"iceServers\":null,\"reason\":null,\"more\":[]}"),
        0);
    assert_int_equal(grant.rights, RIGHTS_DEFAULT);
    assert_null(grant.peer.ptr);
}

static void everything_can_be_said(void **state)
{
    (void)state;
    uint64_t now = (uint64_t)time(NULL);
    assert_int_equal(
        answer("{\"allow\":true,\"peer\":\"\\ud55c\",\"info\":{\"name\":\"Ann\"},\"grants\":"
               "[\"signal\",\"admin\",\"fly\"],\"ttl\":60,\"maxPeers\":2,\"iceServers\":"
               "[{\"urls\":\"stun:s\"},{\"urls\":[\"turn:t\"],\"username\":\"u\"}]}"),
        0);
    assert_true(slice_is(grant.peer, "한"));
    assert_true(slice_is(grant.info, "{\"name\":\"Ann\"}"));
    assert_int_equal(grant.rights, RIGHT_SIGNAL | RIGHT_ADMIN);
    assert_int_equal(grant.lifetime, 60000);
    assert_in_range(grant.ends, (now + 60) * 1000, (now + 62) * 1000);
    assert_int_equal(grant.peers_max, 2);
    assert_true(slice_is(grant.ice_servers, "[{\"urls\":\"stun:s\"},{\"urls\":[\"turn:t\"],"
                                            "\"username\":\"u\"}]"));
}

static void no_is_forbidden(void **state)
{
    (void)state;
    assert_int_equal(answer("{\"allow\":false}"), ERR_FORBIDDEN);
    assert_int_equal(answer("{\"allow\":false,\"reason\":\"not paid\"}"), ERR_FORBIDDEN);
    assert_int_equal(answer("{\"allow\":false,\"reason\":7,\"peer\":7}"), ERR_FORBIDDEN);
    assert_int_equal(grant.rights, 0);
}

static void nobody_enters_by_an_answer_that_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "true",
        "[]",
        "{}",
        "{\"allow\":\"true\"}",
        "{\"allow\":1}",
        "{\"allow\":true",
        "{\"allow\":true}}",
        "{\"allow\":false,\"allow\":true}",
        "{\"allow\":true,\"peer\":\"\"}",
        "{\"allow\":true,\"peer\":\"a\\u0000b\"}",
        "{\"allow\":true,\"peer\":7}",
        "{\"allow\":true,\"peer\":"
        "\"12345678901234567890123456789012345678901234567890123456789012345\"}",
        "{\"allow\":true,\"info\":[]}",
        "{\"allow\":true,\"grants\":\"admin\"}",
        "{\"allow\":true,\"ttl\":0}",
        "{\"allow\":true,\"ttl\":-1}",
        "{\"allow\":true,\"ttl\":31536001}",
        "{\"allow\":true,\"ttl\":\"60\"}",
        "{\"allow\":true,\"maxPeers\":0}",
        "{\"allow\":true,\"maxPeers\":100001}",
        "{\"allow\":true,\"iceServers\":{}}",
        "{\"allow\":true,\"iceServers\":[1]}",
        "{\"allow\":true,\"iceServers\":[{}]}",
        "{\"allow\":true,\"iceServers\":[{\"urls\":7}]}",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (answer(wrong[i]) != ERR_UNAVAILABLE)
            fail_msg("taken: %s", wrong[i]);
        assert_non_null(cause);
        assert_int_equal(grant.rights, 0);
    }
}

static void ice_servers_have_a_size(void **state)
{
    (void)state;
    static char body[20000];
    size_t len = (size_t)sprintf(body, "{\"allow\":true,\"iceServers\":[{\"urls\":\"stun:");
    memset(body + len, 'a', 9000);
    strcpy(body + len + 9000, "\"}]}");
    assert_int_equal(answer(body), ERR_UNAVAILABLE);
}

/* RFC 4231 has no vector with a time in front; this one is of another implementation:
 * printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef */
static void requests_are_signed(void **state)
{
    (void)state;
    struct crypto_key *key = crypto_key_secret(SLICE("0123456789abcdef0123456789abcdef"));
    struct buf out;
    buf_init(&out, 256);
    webhook_sign(key, 1767225600, SLICE("{\"a\":1}"), &out);
    assert_true(slice_is(
        buf_slice(&out),
        "Roomline-Signature: "
        "t=1767225600,v1=5a178d9c0a752b5853bf52551646d72a3506620c785b7cfaf493f8b2adddfbdd\r\n"));
    buf_clear(&out);
    webhook_sign(NULL, 1767225600, SLICE("{\"a\":1}"), &out);
    assert_int_equal(out.len, 0);
    buf_done(&out);
    crypto_key_free(key);
}

static void on_verdict(void *context, uint32_t ticket, int error, const struct grant *answer)
{
    (void)context;
    (void)answer;
    fail_msg("ticket %u was answered %d after the end", ticket, error);
}

/* Nobody answers: the loop does not run before all is closed. */
static void so_many_wait_for_it_and_no_more(void **state)
{
    (void)state;
    uv_loop_t loop;
    char error[HTTP_CLIENT_ERROR_SIZE];
    struct auth_webhook_options options = {
        .client = {.loop = &loop, .timeout = 60000}, .failures = 1, .on_verdict = on_verdict};
    struct access_request asked = {.room = SLICE("r"), .token = SLICE("t")};
    struct auth_webhook_question question = {.asked = &asked, .address = SLICE("192.0.2.1")};
    assert_null(http_url_parse(SLICE("http://127.0.0.1:9/"), &options.client.url));
    uv_loop_init(&loop);
    struct auth_webhook *hook = auth_webhook_new(&options, error);
    for (uint32_t ticket = 1; ticket <= 1000; ticket++)
        assert_int_equal(auth_webhook_ask(hook, ticket, &question), AUTHORIZE_LATER);
    assert_int_equal(auth_webhook_ask(hook, 1001, &question), ERR_UNAVAILABLE);
    auth_webhook_close(hook);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yes_is_enough),
        cmocka_unit_test(null_is_absent),
        cmocka_unit_test(everything_can_be_said),
        cmocka_unit_test(no_is_forbidden),
        cmocka_unit_test(nobody_enters_by_an_answer_that_is_none),
        cmocka_unit_test(ice_servers_have_a_size),
        cmocka_unit_test(requests_are_signed),
        cmocka_unit_test(so_many_wait_for_it_and_no_more),
    };
    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
