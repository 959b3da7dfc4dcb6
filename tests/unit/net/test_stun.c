/* STUN messages: the vectors of RFC 5769, and what a request may and may not hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "net/stun.h"

#define COOKIE "\x21\x12\xa4\x42"
#define ID "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae" /* that of RFC 5769 */
#define REQUEST(length) "\x00\x01" length COOKIE ID

static struct ip address(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(slice_of(text), &ip));
    return ip;
}

/* The answer to 192.0.2.1:32853; the request in memory of just its size. */
static struct slice answer_to(struct slice request)
{
    static unsigned char bytes[STUN_ANSWER_MAX];
    struct ip from = address("192.0.2.1");
    char *copy = malloc(request.len + 1);
    memcpy(copy, request.ptr, request.len);
    size_t len = stun_answer((struct slice){copy, request.len}, &from, 32853, bytes);
    free(copy);
    return (struct slice){(const char *)bytes, len};
}

static void assert_answer(struct slice request, struct slice expected)
{
    struct slice answer = answer_to(request);
    assert_int_equal(answer.len, expected.len);
    assert_memory_equal(answer.ptr, expected.ptr, expected.len);
}

/* RFC 5769 section 2.1: a request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME,
 * MESSAGE-INTEGRITY and FINGERPRINT. PRIORITY must be understood, and is ICE's. */
static const char sample_request[] =
    "\x00\x01\x00\x58" COOKIE ID "\x80\x22\x00\x10STUN test client"
    "\x00\x24\x00\x04\x6e\x00\x01\xff"
    "\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
    "\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20"
    "\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71"
    "\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

static void the_sample_request_s_fingerprint_is_right(void **state)
{
    char broken[sizeof(sample_request)];
    (void)state;
    assert_int_equal(sizeof(sample_request) - 1, 108);
    struct slice answer = answer_to((struct slice){sample_request, 108});
    /* 420, which names PRIORITY, and a fingerprint of its own. */
    assert_int_equal(answer.len, 20 + 8 + 8 + 8);
    assert_memory_equal(answer.ptr,
                        "\x01\x11\x00\x18" COOKIE ID "\x00\x09\x00\x04\x00\x00\x04\x14"
                        "\x00\x0a\x00\x02\x00\x24\x00\x00\x80\x28\x00\x04",
                        40);
    for (size_t i = 0; i < 108; i++) { /* any other byte, and it is not */
        if (i == 100 || i == 101)
            continue; /* the fingerprint's type: then there is none */
        memcpy(broken, sample_request, 108);
        broken[i] ^= 1;
        assert_int_equal(answer_to((struct slice){broken, 108}).len, 0);
    }
}

/* RFC 5769 sections 2.2 and 2.3: the XOR-MAPPED-ADDRESS of 192.0.2.1:32853 and of
 * 2001:db8:1234:5678:11:2233:4455:6677, port 32853. */
static void the_sample_responses_addresses_are_ours(void **state)
{
    unsigned char bytes[STUN_ANSWER_MAX];
    struct ip v6 = address("2001:db8:1234:5678:11:2233:4455:6677");
    (void)state;
    assert_answer(
        SLICE(REQUEST("\x00\x00")),
        SLICE("\x01\x01\x00\x0c" COOKIE ID "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"));
    size_t len = stun_answer(SLICE(REQUEST("\x00\x00")), &v6, 32853, bytes);
    assert_int_equal(len, 44);
    assert_memory_equal(bytes,
                        "\x01\x01\x00\x18" COOKIE ID
                        "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79"
                        "\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9",
                        44);
}

static void ipv4_in_ipv6_is_answered_as_ipv4(void **state)
{
    unsigned char bytes[STUN_ANSWER_MAX];
    struct ip mapped = address("::ffff:192.0.2.1");
    (void)state;
    assert_int_equal(stun_answer(SLICE(REQUEST("\x00\x00")), &mapped, 32853, bytes), 32);
    assert_memory_equal(bytes + 20, "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43", 12);
}

/* RFC 5769 section 2.2's response, its SOFTWARE and MESSAGE-INTEGRITY left out: what we answer a
 * request that has a fingerprint is sound itself. */
static void who_sends_a_fingerprint_gets_one(void **state)
{
    (void)state;
    static const char request[] =
        REQUEST("\x00\x08") "\x80\x28\x00\x04\xfd\xf6\xae\x02"; /* crc32 by zlib, xor 'STUN' */
    struct slice answer = answer_to((struct slice){request, 28});
    assert_int_equal(answer.len, 40);
    assert_memory_equal(answer.ptr + 32, "\x80\x28\x00\x04", 4);
    assert_memory_equal(answer.ptr, "\x01\x01\x00\x14", 4);
    assert_memory_equal(answer.ptr + 36, "\x7d\x28\x1f\x59", 4);
}

static void attributes_that_need_not_be_understood_are_passed_over(void **state)
{
    (void)state;
    assert_int_equal(answer_to(SLICE(REQUEST("\x00\x10") "\x80\x22\x00\x03"
                                                         "abc\x00\xff\xff\x00\x04"
                                                         "defg"))
                         .len,
                     32);
    /* Credentials, which nobody asked for. */
    assert_int_equal(answer_to(SLICE(REQUEST("\x00\x08") "\x00\x06\x00\x04user")).len, 32);
}

static void those_that_must_be_are_named(void **state)
{
    (void)state;
    assert_answer(SLICE(REQUEST("\x00\x0c") "\x00\x03\x00\x04\x00\x00\x00\x02\x7f\xff\x00\x00"),
                  SLICE("\x01\x11\x00\x10" COOKIE ID "\x00\x09\x00\x04\x00\x00\x04\x14"
                        "\x00\x0a\x00\x04\x00\x03\x7f\xff"));
    /* Behind MESSAGE-INTEGRITY nothing counts but the fingerprint. */
    assert_int_equal(answer_to(SLICE(REQUEST("\x00\x1c") "\x00\x08\x00\x14"
                                                         "12345678901234567890\x00\x03\x00\x00"))
                         .len,
                     32);
}

static void an_error_names_so_many_at_most(void **state)
{
    char request[20 + 4 * 100] = {0};
    (void)state;
    memcpy(request, REQUEST("\x01\x90"), 20);
    for (int i = 0; i < 100; i++)
        request[20 + 4 * i] = 0x7f;
    struct slice answer = answer_to((struct slice){request, sizeof(request)});
    assert_int_equal(answer.len, 20 + 8 + 4 + 2 * STUN_UNKNOWN_MAX);
}

static void what_is_no_sound_request_is_not_answered(void **state)
{
    static const struct slice messages[] = {
        SLICE(""),
        SLICE("\x00\x01\x00\x00" COOKIE "12345678901"),         /* short */
        SLICE("\x00\x01\x00\x04" COOKIE ID),                    /* says it is longer */
        SLICE("\x00\x01\x00\x00" COOKIE ID "\x80\x22\x00\x00"), /* or shorter */
        SLICE("\x00\x01\x00\x00\x21\x12\xa4\x43" ID),           /* no cookie: RFC 3489 */
        SLICE("\x01\x01\x00\x00" COOKIE ID),                    /* an answer */
        SLICE("\x00\x11\x00\x00" COOKIE ID),                    /* an indication */
        SLICE("\x00\x03\x00\x00" COOKIE ID),                    /* TURN's Allocate */
        SLICE("\x40\x01\x00\x00" COOKIE ID),                    /* channel data */
        SLICE("\x00\x01\x00\x02" COOKIE ID "ab"),               /* no multiple of 4 */
        SLICE(REQUEST("\x00\x04") "\x80\x22\x00\x01"),          /* an attribute too long */
        SLICE(REQUEST("\x00\x08") "\x80\x22\x00\x05"
                                  "abcd"), /* with its padding */
        SLICE(REQUEST("\x00\x08") "\x80\x28\x00\x04"
                                  "abcd"),             /* a wrong fingerprint */
        SLICE(REQUEST("\x00\x04") "\x80\x28\x00\x00"), /* none at all */
        SLICE(REQUEST(
            "\x00\x0c") "\x80\x28\x00\x04\x8e\xfe\x89\xcd\x80\x22\x00\x00"), /* not the last */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
        assert_int_equal(answer_to(messages[i]).len, 0);
}

static void a_request_that_is_too_long_is_not_answered(void **state)
{
    char request[STUN_REQUEST_MAX + 4] = {0};
    (void)state;
    memcpy(request, REQUEST("\x04\xec"), 20); /* 1260 */
    memcpy(request + 20, "\x80\x22\x04\xe8", 4);
    assert_int_equal(answer_to((struct slice){request, STUN_REQUEST_MAX}).len, 32);
    memcpy(request, REQUEST("\x04\xf0"), 20);
    memcpy(request + 20, "\x80\x22\x04\xec", 4);
    assert_int_equal(answer_to((struct slice){request, STUN_REQUEST_MAX + 4}).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_request_s_fingerprint_is_right),
        cmocka_unit_test(the_sample_responses_addresses_are_ours),
        cmocka_unit_test(ipv4_in_ipv6_is_answered_as_ipv4),
        cmocka_unit_test(who_sends_a_fingerprint_gets_one),
        cmocka_unit_test(attributes_that_need_not_be_understood_are_passed_over),
        cmocka_unit_test(those_that_must_be_are_named),
        cmocka_unit_test(an_error_names_so_many_at_most),
        cmocka_unit_test(what_is_no_sound_request_is_not_answered),
        cmocka_unit_test(a_request_that_is_too_long_is_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
