#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

/* A copy at the very end of a block, so that a sanitizer sees each byte read too far. */
static bool is_utf8(struct slice text)
{
    char *copy = malloc(text.len + 1);
    assert_non_null(copy);
    memcpy(copy + 1, text.ptr, text.len);
    bool good = text_is_utf8((struct slice){copy + 1, text.len});
    free(copy);
    return good;
}

static void utf8_is_accepted(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "a",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "\xed\x95\x9c\xea\xb8\x80 abc",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(is_utf8(slice_of(good[i])));
    assert_true(is_utf8(SLICE("a\0b")));
    assert_true(text_is_utf8(SLICE_NONE));
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "a\x80", /* a continuation with nothing to continue */
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",
        "\xed\xbf\xbf", /* surrogates */
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80", /* above U+10FFFF */
        "\xfe",
        "\xff",
        "\xc2",
        "\xc2z",
        "\xe1\x80",
        "\xe1\x80z",
        "\xf1\x80\x80",
        "\xf1\x80\x80z",
        "\xc2\xc2",
        "\xe1\xe1\x80",
        "abc\xff"
        "def",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(is_utf8(slice_of(bad[i])));
}

/* Unicode has 1920 code points of two bytes and, without the surrogates, 61440 of three. */
static void exactly_the_code_points_have_sequences(void **state)
{
    (void)state;
    size_t of_two = 0, of_three = 0;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            unsigned char two[] = {(unsigned char)a, (unsigned char)b};
            of_two += text_utf8_sequence(two, two + 2) == 2;
            for (unsigned c = 0; c < 256; c++) {
                unsigned char three[] = {(unsigned char)a, (unsigned char)b, (unsigned char)c};
                of_three += text_utf8_sequence(three, three + 3) == 3;
            }
        }
    }
    assert_int_equal(of_two, 0x800 - 0x80);
    assert_int_equal(of_three, 0x10000 - 0x800 - 0x800);
}

static void every_code_point_is_encoded(void **state)
{
    (void)state;
    size_t total = 0;
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        if (point >= 0xd800 && point <= 0xdfff)
            continue;
        char bytes[4];
        size_t len = text_utf8_encode(point, bytes);
        const unsigned char *start = (const unsigned char *)bytes;
        if (text_utf8_sequence(start, start + len) != len)
            fail_msg("U+%04X", point);
        total += len;
    }
    assert_int_equal(total, 0x80 + 2 * 0x780 + 3 * 0xf000 + 4 * 0x100000);
    char bytes[4];
    assert_int_equal(text_utf8_encode(0xd55c, bytes), 3);
    assert_memory_equal(bytes, "\xed\x95\x9c", 3);
    assert_int_equal(text_utf8_encode(0x1f600, bytes), 4);
    assert_memory_equal(bytes, "\xf0\x9f\x98\x80", 4);
}

static void names_have_a_length(void **state)
{
    (void)state;
    char name[ROOM_NAME_MAX + 1];
    memset(name, 'x', sizeof(name));
    assert_false(text_is_room_name((struct slice){name, 0}));
    assert_true(text_is_room_name((struct slice){name, 1}));
    assert_true(text_is_room_name((struct slice){name, 128}));
    assert_false(text_is_room_name((struct slice){name, 129}));
    assert_false(text_is_peer_name((struct slice){name, 0}));
    assert_true(text_is_peer_name((struct slice){name, 64}));
    assert_false(text_is_peer_name((struct slice){name, 65}));
    assert_false(text_is_peer_name(SLICE_NONE));
}

static void names_hold_no_controls(void **state)
{
    (void)state;
    static const char *const bad[] = {"a\nb", "\x1f", "\x7f", "a\xc2\x80", "\xc2\x9f", "a\xff"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(text_is_room_name(slice_of(bad[i])));
        assert_false(text_is_peer_name(slice_of(bad[i])));
    }
    assert_false(text_is_room_name(SLICE("a\0b")));
    static const char *const good[] = {" ", "~", "\xc2\xa0", "\xc3\x80", "\xed\x95\x9c", "a b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(text_is_room_name(slice_of(good[i])));
        assert_true(text_is_peer_name(slice_of(good[i])));
    }
}

static void assert_json(struct slice text, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    text_add_json(&out, text);
    assert_false(buf_failed(&out));
    buf_add_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buf_done(&out);
}

/* Each byte at each place of names that are read by words and by bytes. */
static void each_byte_counts_wherever_it_stands(void **state)
{
    (void)state;
    char name[20], expected[64];
    for (unsigned c = 0; c < 256; c++) {
        for (size_t at = 0; at < sizeof(name); at++) {
            memset(name, 'a', sizeof(name));
            name[at] = (char)c;
            struct slice text = {name, sizeof(name)};
            assert_int_equal(text_is_peer_name(text), c >= ' ' && c < 0x7f);
            if (c < ' ' || c >= 0x7f || c == '"' || c == '\\')
                continue;
            snprintf(expected, sizeof(expected), "\"%.*s\"", (int)text.len, text.ptr);
            assert_json(text, expected);
        }
    }
}

static void quotes_are_escaped_wherever_they_stand(void **state)
{
    (void)state;
    char name[20], expected[64];
    for (size_t at = 0; at < sizeof(name); at++) {
        memset(name, 'a', sizeof(name));
        name[at] = at % 2 == 0 ? '"' : '\\';
        snprintf(expected, sizeof(expected), "\"%.*s\\%c%.*s\"", (int)at, name, name[at],
                 (int)(sizeof(name) - at - 1), name + at + 1);
        assert_json((struct slice){name, sizeof(name)}, expected);
    }
}

static void only_peers_may_have_slashes(void **state)
{
    (void)state;
    assert_false(text_is_room_name(SLICE("a/b")));
    assert_true(text_is_peer_name(SLICE("a/b")));
}

static void json_escapes_what_it_must(void **state)
{
    (void)state;
    assert_json(SLICE(""), "\"\"");
    assert_json(SLICE_NONE, "\"\"");
    assert_json(SLICE("plain / text"), "\"plain / text\"");
    assert_json(SLICE("\"\\"), "\"\\\"\\\\\"");
    assert_json(SLICE("a\r\nb\tc"), "\"a\\r\\nb\\tc\"");
    assert_json(SLICE("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\"");
    assert_json(SLICE("\xc2\x9b"
                      "31m\xc2\xa0"),
                "\"\\u009b31m\xc2\xa0\"");
    assert_json(SLICE("\xed\x95\x9c\xf0\x9f\x98\x80"), "\"\xed\x95\x9c\xf0\x9f\x98\x80\"");
}

static void json_replaces_what_is_not_utf8(void **state)
{
    (void)state;
    assert_json(SLICE("a\xff"
                      "b"),
                "\"a\xef\xbf\xbd"
                "b\"");
    assert_json(SLICE("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_json(SLICE("\xe1\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void json_of_any_text_reads_back(void **state)
{
    (void)state;
    char text[129];
    for (int i = 0; i < 128; i++)
        text[i] = (char)(i == 0 ? 'x' : i);
    text[128] = '\0';
    struct buf out;
    buf_init(&out, 4096);
    text_add_json(&out, (struct slice){text, 128});
    cJSON *json = cJSON_ParseWithLength(out.data, out.len);
    assert_non_null(json);
    assert_string_equal(cJSON_GetStringValue(json), text);
    cJSON_Delete(json);
    buf_done(&out);
}

static void percent_escapes_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *decoded; /* NULL: broken */
    } rows[] = {
        {"", ""},
        {"abc", "abc"},
        {"%41%62", "Ab"},
        {"a%20b", "a b"},
        {"%ED%95%9c", "\xed\x95\x9c"},
        {"100%25", "100%"},
        {"a+b", "a+b"},
        {"%2F", "/"},
        {"%", NULL},
        {"%4", NULL},
        {"abc%4", NULL},
        {"%g1", NULL},
        {"%1g", NULL},
        {"%%41", NULL},
        {"% 41", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;
        buf_init(&out, 256);
        bool good = text_percent_decode(slice_of(rows[i].text), &out);
        assert_int_equal(good, rows[i].decoded != NULL);
        if (good)
            assert_true(slice_is(buf_slice(&out), rows[i].decoded));
        buf_done(&out);
    }
}

static void percent_decoding_fails_where_there_is_no_space(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 2);
    assert_false(text_percent_decode(SLICE("%41%42%43"), &out));
    buf_done(&out);
}

static void slices_compare_by_their_bytes(void **state)
{
    (void)state;
    assert_true(slice_equal(SLICE_NONE, SLICE("")));
    assert_true(slice_equal(SLICE("a\0b"), SLICE("a\0b")));
    assert_false(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
    assert_false(slice_equal(SLICE("ab"), SLICE("a")));
    assert_true(slice_is(SLICE("ab"), "ab"));
    assert_false(slice_is(SLICE("ab\0"), "ab"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_accepted),
        cmocka_unit_test(what_is_not_utf8_is_refused),
        cmocka_unit_test(exactly_the_code_points_have_sequences),
        cmocka_unit_test(every_code_point_is_encoded),
        cmocka_unit_test(names_have_a_length),
        cmocka_unit_test(names_hold_no_controls),
        cmocka_unit_test(each_byte_counts_wherever_it_stands),
        cmocka_unit_test(quotes_are_escaped_wherever_they_stand),
        cmocka_unit_test(only_peers_may_have_slashes),
        cmocka_unit_test(json_escapes_what_it_must),
        cmocka_unit_test(json_replaces_what_is_not_utf8),
        cmocka_unit_test(json_of_any_text_reads_back),
        cmocka_unit_test(percent_escapes_are_decoded),
        cmocka_unit_test(percent_decoding_fails_where_there_is_no_space),
        cmocka_unit_test(slices_compare_by_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
