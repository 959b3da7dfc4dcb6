/* The parser of replies: RESP2 whole and in pieces, its bounds, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bus/redis_reply.h"

static const struct redis_limits limits = {.size = 4096, .elements = 64, .depth = 7};

static struct redis_reader *reader_of(const struct redis_limits *with)
{
    struct redis_reader *reader = redis_reader_new(with);
    assert_non_null(reader);
    return reader;
}

/* Feeds all of `text` and expects one reply. */
static const struct redis_reply *read_one(struct redis_reader *reader, const char *text)
{
    const struct redis_reply *reply;
    assert_int_equal(redis_reader_feed(reader, slice_of(text)), 0);
    assert_int_equal(redis_reader_next(reader, &reply), 1);
    return reply;
}

static void each_kind_is_read(void **state)
{
    struct redis_reader *reader = reader_of(&limits);
    (void)state;
    const struct redis_reply *reply = read_one(reader, "+OK\r\n");
    assert_int_equal(reply->kind, REDIS_STATUS);
    assert_true(redis_reply_is(reply, "OK"));
    assert_false(redis_reply_is(reply, "OKAY"));

    reply = read_one(reader, "-NOSCRIPT No matching script\r\n");
    assert_int_equal(reply->kind, REDIS_ERROR);
    assert_true(slice_is(reply->text, "NOSCRIPT No matching script"));
    assert_false(redis_reply_is(reply, "NOSCRIPT No matching script"));

    reply = read_one(reader, ":-9223372036854775808\r\n");
    assert_int_equal(reply->kind, REDIS_NUMBER);
    assert_true(reply->number == INT64_MIN);

    reply = read_one(reader, "$7\r\na\r\nb:\r\n\r\n");
    assert_int_equal(reply->kind, REDIS_TEXT);
    assert_true(slice_is(reply->text, "a\r\nb:\r\n"));
    assert_int_equal(reply->text.ptr[7], '\0');

    assert_true(slice_is(read_one(reader, "$0\r\n\r\n")->text, ""));
    assert_int_equal(read_one(reader, "$-1\r\n")->kind, REDIS_NIL);
    assert_int_equal(read_one(reader, "*-1\r\n")->kind, REDIS_NIL);

    reply = read_one(reader, "*0\r\n");
    assert_int_equal(reply->kind, REDIS_LIST);
    assert_int_equal(reply->count, 0);
    redis_reader_free(reader);
}

static void lists_hold_lists(void **state)
{
    struct redis_reader *reader = reader_of(&limits);
    (void)state;
    const struct redis_reply *reply =
        read_one(reader, "*4\r\n$3\r\none\r\n*2\r\n:2\r\n*1\r\n+deep\r\n*-1\r\n$-1\r\n");
    assert_int_equal(reply->count, 4);
    assert_true(redis_reply_is(redis_reply_item(reply, 0), "one"));
    const struct redis_reply *inner = redis_reply_item(reply, 1);
    assert_int_equal(redis_reply_item(inner, 0)->number, 2);
    assert_true(redis_reply_is(redis_reply_item(redis_reply_item(inner, 1), 0), "deep"));
    assert_int_equal(redis_reply_item(reply, 2)->kind, REDIS_NIL);
    assert_int_equal(redis_reply_item(reply, 3)->kind, REDIS_NIL);
    assert_int_equal(redis_reply_item(reply, 4)->kind, REDIS_NIL);
    assert_int_equal(redis_reply_item(redis_reply_item(reply, 0), 0)->kind, REDIS_NIL);
    redis_reader_free(reader);
}

static void add_text(char *out, size_t size, const struct redis_reply *reply)
{
    size_t len = strlen(out);
    switch (reply->kind) {
    case REDIS_NIL: snprintf(out + len, size - len, "nil "); break;
    case REDIS_NUMBER: snprintf(out + len, size - len, "%lld ", (long long)reply->number); break;
    case REDIS_LIST:
        snprintf(out + len, size - len, "[ ");
        for (size_t i = 0; i < reply->count; i++)
            add_text(out, size, &reply->items[i]);
        len = strlen(out);
        snprintf(out + len, size - len, "] ");
        break;
    default:
        snprintf(out + len, size - len, "%d'%.*s' ", (int)reply->kind, (int)reply->text.len,
                 reply->text.ptr);
    }
}

/* Everything that comes out, in words; ends with the cause where it broke. */
static void read_all(struct redis_reader *reader, const char *bytes, size_t len, size_t step,
                     char out[1024])
{
    out[0] = '\0';
    for (size_t at = 0; at < len; at += step) {
        const struct redis_reply *reply;
        size_t part = len - at < step ? len - at : step;
        int got = redis_reader_feed(reader, (struct slice){bytes + at, part});
        while (got >= 0 && (got = redis_reader_next(reader, &reply)) > 0)
            add_text(out, 1024, reply);
        if (got < 0) {
            strcat(out, redis_reader_cause(reader));
            return;
        }
    }
}

static void it_does_not_matter_how_replies_are_cut(void **state)
{
    static const char bytes[] =
        "*3\r\n$7\r\nmessage\r\n$5\r\ninbox\r\n$12\r\nE\r\n$1\r\nx\r\n..\r\n"
        ":1\r\n+PONG\r\n*2\r\n*2\r\n:1\r\n:2\r\n*0\r\n$-1\r\n-ERR no\r\n*-1\r\n";
    char whole[1024], parts[1024];
    (void)state;
    struct redis_reader *reader = reader_of(&limits);
    read_all(reader, bytes, sizeof(bytes) - 1, sizeof(bytes), whole);
    assert_string_equal(whole, "[ 2'message' 2'inbox' 2'E\r\n$1\r\nx\r\n..' ] 1 3'PONG' "
                               "[ [ 1 2 ] [ ] ] nil 4'ERR no' nil ");
    for (size_t step = 1; step < sizeof(bytes); step++) {
        redis_reader_reset(reader);
        read_all(reader, bytes, sizeof(bytes) - 1, step, parts);
        assert_string_equal(parts, whole);
    }
    redis_reader_free(reader);
}

/* What breaks a reader does so however it is cut, and no reply comes after it. */
static void assert_broken(const struct redis_limits *with, const char *bytes, const char *out)
{
    char text[1024];
    for (size_t step = 1; step <= strlen(bytes); step++) {
        struct redis_reader *reader = reader_of(with);
        const struct redis_reply *reply;
        read_all(reader, bytes, strlen(bytes), step, text);
        assert_string_equal(text, out);
        assert_int_equal(redis_reader_feed(reader, SLICE("+OK\r\n")), -1);
        assert_int_equal(redis_reader_next(reader, &reply), -1);
        assert_null(reply);
        redis_reader_free(reader);
    }
}

static void what_is_no_resp_breaks_it(void **state)
{
    static const char *const texts[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        ":12x\r\n",
        "*x\r\n",
        "$x\r\nabc\r\n",
        "*-2\r\n",
        "$-2\r\n",
        "\r\n",
        "@attribute\r\n",
        "*1\r\n*1\r\n?\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_broken(&limits, texts[i], "a reply that is no RESP2");
    assert_broken(&limits, "+OK\r\n:1x\r\n", "3'OK' a reply that is no RESP2");
}

/* hiredis 0.14 knows none of these types, hiredis 1 knows them all. */
static void resp3_is_refused(void **state)
{
    static const char *const texts[] = {
        "_\r\n",
        "#t\r\n",
        ",1.5\r\n",
        "(123456789\r\n",
        "%1\r\n+a\r\n:1\r\n",
        "~1\r\n:1\r\n",
        ">2\r\n+a\r\n+b\r\n",
        "=7\r\ntxt:abc\r\n",
        "*2\r\n:1\r\n_\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct redis_reader *reader = reader_of(&limits);
        const struct redis_reply *reply;
        redis_reader_feed(reader, slice_of(texts[i]));
        assert_int_equal(redis_reader_next(reader, &reply), -1);
        assert_true(strlen(redis_reader_cause(reader)) > 0);
        redis_reader_free(reader);
    }
}

static void a_text_over_the_limit_breaks_it_before_it_is_whole(void **state)
{
    const struct redis_limits small = {.size = 100, .elements = 8, .depth = 7};
    char bytes[256];
    (void)state;
    snprintf(bytes, sizeof(bytes), "$1000000\r\n%0150d", 0);
    assert_broken(&small, bytes, "a reply over the limit");
    snprintf(bytes, sizeof(bytes), "+%0150d", 0);
    assert_broken(&small, bytes, "a reply over the limit");
    /* Not each on its own but together. */
    snprintf(bytes, sizeof(bytes), "*2\r\n$60\r\n%060d\r\n$60\r\n%060d\r\n", 0, 0);
    assert_broken(&small, bytes, "a reply over the limit");
}

/* The limit is one of each reply, not of all. */
static void what_was_read_does_not_count(void **state)
{
    const struct redis_limits small = {.size = 100, .elements = 2, .depth = 7};
    struct redis_reader *reader = reader_of(&small);
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(read_one(reader, "*2\r\n$20\r\nabcdefghijklmnopqrst\r\n:1\r\n")->count, 2);
    redis_reader_free(reader);
}

static void elements_are_bounded_before_they_come(void **state)
{
    const struct redis_limits few = {.size = 1000, .elements = 3, .depth = 7};
    (void)state;
    assert_broken(&few, "*4\r\n", "a reply with too many elements");
    assert_broken(&few, "*2147483647\r\n", "a reply with too many elements");
    assert_broken(&few, "*2\r\n*2\r\n", "a reply with too many elements");
    struct redis_reader *reader = reader_of(&few);
    assert_int_equal(read_one(reader, "*3\r\n:1\r\n:2\r\n:3\r\n")->count, 3);
    redis_reader_free(reader);
}

static void more_elements_than_can_be_counted_break_it(void **state)
{
    struct redis_reader *reader = reader_of(&limits);
    const struct redis_reply *reply;
    (void)state;
    redis_reader_feed(reader, SLICE("*9223372036854775807\r\n"));
    assert_int_equal(redis_reader_next(reader, &reply), -1);
    redis_reader_free(reader);
}

static void depth_is_bounded(void **state)
{
    const struct redis_limits flat = {.size = 1000, .elements = 64, .depth = 2};
    (void)state;
    assert_broken(&flat, "*1\r\n*1\r\n*1\r\n", "a reply with lists nested too deep");
    assert_broken(&limits, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
                  "a reply with lists nested too deep");
    struct redis_reader *reader = reader_of(&limits);
    const struct redis_reply *reply =
        read_one(reader, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:7\r\n");
    for (int i = 0; i < 7; i++)
        reply = redis_reply_item(reply, 0);
    assert_int_equal(reply->number, 7);
    redis_reader_free(reader);
}

static void a_reset_forgets_half_a_reply(void **state)
{
    struct redis_reader *reader = reader_of(&limits);
    const struct redis_reply *reply;
    (void)state;
    redis_reader_feed(reader, SLICE("*2\r\n$3\r\nabc\r\n$3\r\nd"));
    assert_int_equal(redis_reader_next(reader, &reply), 0);
    redis_reader_reset(reader);
    assert_true(redis_reply_is(read_one(reader, "+OK\r\n"), "OK"));
    redis_reader_feed(reader, SLICE("@"));
    assert_int_equal(redis_reader_next(reader, &reply), -1);
    redis_reader_reset(reader);
    assert_true(redis_reply_is(read_one(reader, "+OK\r\n"), "OK"));
    redis_reader_free(reader);
}

/* Large texts need blocks of their own. */
static void large_replies_are_read(void **state)
{
    const struct redis_limits large = {.size = 1 << 20, .elements = 4096, .depth = 7};
    static char bytes[300000];
    struct redis_reader *reader = reader_of(&large);
    (void)state;
    size_t len = (size_t)snprintf(bytes, sizeof(bytes), "*3\r\n$200000\r\n%0200000d\r\n:1\r\n", 0);
    len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, "$50000\r\n%050000d\r\n", 0);
    for (int i = 0; i < 3; i++) {
        const struct redis_reply *reply = read_one(reader, bytes);
        assert_int_equal(reply->items[0].text.len, 200000);
        assert_int_equal(reply->items[1].number, 1);
        assert_int_equal(reply->items[2].text.len, 50000);
    }
    redis_reader_free(reader);
}

static void memory_that_runs_out_breaks_it(void **state)
{
    static const char text[] = "*2\r\n$3\r\nabc\r\n*2\r\n:1\r\n+x\r\n";
    (void)state;
    mem_fail_nth(1);
    assert_null(redis_reader_new(&limits));
    mem_fail_nth(0);
    struct redis_reader *reader = reader_of(&limits);
    const struct redis_reply *reply;
    redis_reader_feed(reader, SLICE(text));
    mem_fail_nth(1);
    assert_int_equal(redis_reader_next(reader, &reply), -1);
    mem_fail_nth(0);
    assert_string_equal(redis_reader_cause(reader), "no memory for a reply");
    redis_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_read),
        cmocka_unit_test(lists_hold_lists),
        cmocka_unit_test(it_does_not_matter_how_replies_are_cut),
        cmocka_unit_test(what_is_no_resp_breaks_it),
        cmocka_unit_test(resp3_is_refused),
        cmocka_unit_test(a_text_over_the_limit_breaks_it_before_it_is_whole),
        cmocka_unit_test(what_was_read_does_not_count),
        cmocka_unit_test(elements_are_bounded_before_they_come),
        cmocka_unit_test(more_elements_than_can_be_counted_break_it),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_reset_forgets_half_a_reply),
        cmocka_unit_test(large_replies_are_read),
        cmocka_unit_test(memory_that_runs_out_breaks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
