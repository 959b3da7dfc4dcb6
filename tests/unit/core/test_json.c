#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/buf.h"
#include "base/text.h"
#include "core/json.h"
#include "fuzz/second_opinion.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Through the reader: must agree with json_check() where the text is an object. */
static bool reads_to_its_end(struct slice text)
{
    struct json_reader reader;
    struct json_member member;
    if (!json_object_start(&reader, text))
        return false;
    while (json_object_next(&reader, &member))
        assert_int_equal(json_check(member.value), member.kind);
    return reader.valid;
}

static bool reads_as_array(struct slice text)
{
    struct json_reader reader;
    struct json_member element;
    if (!json_array_start(&reader, text))
        return false;
    while (json_array_next(&reader, &element)) {
        assert_int_equal(json_check(element.value), element.kind);
        assert_null(element.key.ptr);
    }
    return reader.valid;
}

/* Of a copy in a block of exactly its size, so that a sanitizer sees each byte read too far. */
static enum json_kind check(struct slice text)
{
    char *copy = malloc(text.len > 0 ? text.len : 1);
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    struct slice exact = {copy, text.len};
    enum json_kind kind = json_check(exact);
    assert_int_equal(reads_to_its_end(exact), kind == JSON_OBJECT);
    assert_int_equal(reads_as_array(exact), kind == JSON_ARRAY);
    free(copy);
    return kind;
}

static const struct {
    enum json_kind kind;
    const char *text;
} valid[] = {
    {JSON_NULL, "null"},
    {JSON_BOOLEAN, "true"},
    {JSON_BOOLEAN, "false"},
    {JSON_BOOLEAN, " \t\r\ntrue \t\r\n"},
    {JSON_NUMBER, "0"},
    {JSON_NUMBER, "-0"},
    {JSON_NUMBER, "1234567890"},
    {JSON_NUMBER, "-12"},
    {JSON_NUMBER, "0.0"},
    {JSON_NUMBER, "10.01"},
    {JSON_NUMBER, "1e5"},
    {JSON_NUMBER, "1E+5"},
    {JSON_NUMBER, "1e-05"},
    {JSON_NUMBER, "0e0"},
    {JSON_NUMBER, "0.5e0"},
    {JSON_NUMBER, "-1.25E-300"},
    {JSON_NUMBER, "1e999999"},
    {JSON_NUMBER, "123456789012345678901234567890123456789012345678901234567890123456789012345"},
    {JSON_STRING, "\"\""},
    {JSON_STRING, "\"abc\""},
    {JSON_STRING, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""},
    {JSON_STRING, "\"\\u0000\\uABCD\\uabcd\\uFfFf\""},
    {JSON_STRING, "\"\\ud83d\\ude00\""},
    {JSON_STRING, "\"\\ud800\""}, /* JSON.parse takes half a pair */
    {JSON_STRING, "\"\\udc00\\ud800\""},
    {JSON_STRING, "\"\x7f\""},
    {JSON_STRING, "\"/ ' # // /* */\""},
    {JSON_STRING, "\"\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""},
    {JSON_STRING, "\"\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\xef\xbf\xbf\""},
    {JSON_STRING, "\"\xed\x95\x9c\xea\xb8\x80, a string long enough for several blocks \\r\\n\""},
    {JSON_ARRAY, "[]"},
    {JSON_ARRAY, "[ \n]"},
    {JSON_ARRAY, "[1]"},
    {JSON_ARRAY, "[ 1 , \"a\" ,null,[] , {} ]"},
    {JSON_ARRAY, "[[[[[]]],[]]]"},
    {JSON_ARRAY, "[{\"a\":[{\"b\":[]}]}]"},
    {JSON_OBJECT, "{}"},
    {JSON_OBJECT, " { } "},
    {JSON_OBJECT, "{\"\":0}"},
    {JSON_OBJECT, "{\"a\":1,\"a\":2}"},
    {JSON_OBJECT, "{ \"a\" : { \"b\" : [ 1 , 2 ] } , \"c\" : \"d\" }"},
    {JSON_OBJECT, "{\"\\u0061\\n\":true,\"\xed\x95\x9c\":false}"},
    {JSON_OBJECT, "\n{\"a\"\n:\nnull\n,\n\"b\"\n:\n[\n]\n}\n"},
};

static const char *const invalid[] = {
    /* nothing, and what is around a value */
    "",
    " ",
    "\t\n",
    ",",
    ":",
    "]",
    "}",
    "1 2",
    "{}{}",
    "[] ]",
    "null null",
    "{}x",
    "[]\v",
    "\f1",
    "\xc2\xa0"
    "1",
    "\xef\xbb\xbf{}",
    "\xef\xbb\xbf",
    "1;",
    "/**/1",
    "1//",
    "# 1",
    "\x01",
    /* words */
    "nul",
    "nulll",
    "Null",
    "NULL",
    "tru",
    "truee",
    "TRUE",
    "fals",
    "False",
    "undefined",
    "NaN",
    "Infinity",
    "-Infinity",
    "-NaN",
    "nan",
    "n",
    "t",
    "f",
    "a",
    "true1",
    /* numbers */
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".1",
    "-.1",
    "1.e1",
    "1e",
    "1e+",
    "1e-",
    "1E",
    "1.2.3",
    "1e1.5",
    "1e1e1",
    "0x10",
    "1_000",
    "1,",
    "--1",
    "-+1",
    "1-",
    "1+1",
    "0.",
    "0.e1",
    "-e1",
    "1 .5",
    "0b1",
    "1n",
    "\xef\xbc\x91",
    "1a",
    "2.",
    "1.5f",
    "-a",
    "1e 5",
    "- 1",
    "12 34",
    /* strings */
    "\"",
    "\"abc",
    "abc\"",
    "'abc'",
    "\"\\\"",
    "\"\\",
    "\"\\x41\"",
    "\"\\a\"",
    "\"\\0\"",
    "\"\\'\"",
    "\"\\u\"",
    "\"\\u1\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u123g\"",
    "\"\\U0041\"",
    "\"\\u 041\"",
    "\"\\u00",
    "\"\\u0041",
    "\"\\ud83d\\u\"",
    "\"\\v\"",
    "\"\\ \"",
    "\"\\N\"",
    "\"\\u+041\"",
    "\"a\nb\"",
    "\"a\tb\"",
    "\"\x1f\"",
    "\"\x01\"",
    "\"\\\n\"",
    "\"a\"b\"",
    "\"a\"\"b\"",
    "`a`",
    /* not UTF-8 */
    "\"\x80\"",
    "\"\xff\"",
    "\"\xc0\x80\"",
    "\"\xc1\xbf\"",
    "\"\xe0\x9f\xbf\"",
    "\"\xed\xa0\x80\"",
    "\"\xed\xbf\xbf\"",
    "\"\xf0\x8f\xbf\xbf\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xc2\"",
    "\"\xe1\x80\"",
    "\"\xf1\x80\x80\"",
    "\"\xc2",
    "\"\xe1\x80",
    "\"\xf1\x80\x80",
    "\"abc\xe9t\xe9\"",
    "\xff",
    "[\xff]",
    "{\"\xff\":1}",
    "{\"a\":1}\xff",
    "\"\\\xc3\xa9\"",
    /* arrays */
    "[",
    "[1",
    "[1,",
    "[,1]",
    "[1,]",
    "[1,,2]",
    "[,]",
    "[1 2]",
    "[1:2]",
    "[}",
    "[1}",
    "[\"a\"",
    "[[]",
    "[]]",
    "[1]]",
    "[\"a\":1]",
    "[1;2]",
    "[a]",
    "[-]",
    "[1,\n1\n,1",
    "[\"\"",
    "[*]",
    "[{}",
    "[][]",
    "[{]",
    "[[1}]",
    "[{\"a\":1]]",
    "[{\"a\":[}]]",
    /* objects */
    "{",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{,}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\" 1}",
    "{\"a\",1}",
    "{\"a\":}",
    "{:1}",
    "{1:1}",
    "{a:1}",
    "{'a':1}",
    "{null:1}",
    "{[]:1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1]",
    "{]",
    "{\"a\":[1}",
    "{\"a\":{\"b\":1}",
    "{\"a\":1}}",
    "{\"a\":1}:",
    "{\"a\":1},",
    "{\"a\"::1}",
    "{\"a\":1:2}",
    "{{}}",
    "{\"a\":1;}",
    "{\"a\":1}#",
    "{\"a\":1}/**/",
    "{\"\\u00\":1}",
    "{\"a\":\"b}",
    "{\"a",
    "{\"a\":{\"b\"}}",
    "{\"a\":{\"b\":1,}}",
    "{\"a\":[1,]}",
    "{\"x\":1,\"a\":tru}",
    "{\"x\":1,\"a\":01}",
    "{\"x\":1,\"a\xff\":1}",
    "{\"x\":1,\"a\":\"\n\"}",
    "{\"x\":1}\"",
    "{...}",
    "{\"x\":1, }",
};

static void what_is_json_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valid); i++)
        if (check(slice_of(valid[i].text)) != valid[i].kind)
            fail_msg("refused: %s", valid[i].text);
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(invalid); i++)
        if (check(slice_of(invalid[i])) != JSON_INVALID)
            fail_msg("accepted: %s", invalid[i]);
    assert_int_equal(json_check(SLICE_NONE), JSON_INVALID);
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    static const struct slice texts[] = {
        {"\0", 1},
        {"1\0", 2},
        {"\0"
         "1",
         2},
        {"\"a\0b\"", 5},
        {"[1\0]", 4},
        {"{}\0", 3},
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(check(texts[i]), JSON_INVALID);
}

/* None of them is JSON before its last byte. */
static const char *const closed[] = {
    "{\"type\":\"signal\",\"to\":\"peer\\u0041\",\"id\":\"1\",\"data\":{\"sdp\":\"v=0\\r\\no=- "
    "4611731400430051336 "
    "2 IN IP4 127.0.0.1\\r\\ns=-\\r\\nt=0 0\\r\\n\",\"n\":[-1.5e+10,true,false,null,{},[]]}}",
    "[\"\xed\x95\x9c\xea\xb8\x80\xf0\x9f\x98\x80\xc3\xa9\",{ \"\\ud83d\\ude00\" : [ 0.5 , 1E-2 ] } "
    "]",
    "\"a string of more than one block, with \\\" in it and \xc3\xa9, \xed\x95\x9c and "
    "\xf0\x9f\x98\x80 too\"",
    "[[[{\"a\":[{\"b\":{\"c\":\"\\u0000\"}}]}]]]",
};

static void each_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(closed); i++) {
        struct slice text = slice_of(closed[i]);
        assert_int_not_equal(check(text), JSON_INVALID);
        for (size_t len = 0; len < text.len; len++)
            assert_int_equal(check((struct slice){text.ptr, len}), JSON_INVALID);
    }
}

/* A string in which `piece` stands at `offset`: every place in the windows that are looked at at once. */
static void write_piece(struct buf *text, const char *piece, size_t offset, size_t after)
{
    buf_add_char(text, '"');
    for (size_t i = 0; i < offset; i++)
        buf_add_char(text, (char)('#' + i % ('[' - '#' + 1)));
    buf_add_text(text, piece);
    for (size_t i = 0; i < after; i++)
        buf_add_char(text, '~');
    buf_add_char(text, '"');
}

/* By itself, and with something behind it: windows may reach over its end. */
static enum json_kind check_piece(const char *piece, size_t offset, size_t after)
{
    struct buf text;
    buf_init(&text, 512);
    write_piece(&text, piece, offset, after);
    enum json_kind kind = check(buf_slice(&text));
    buf_clear(&text);
    buf_add_text(&text, "[");
    write_piece(&text, piece, offset, after);
    buf_add_text(&text, ",\"\\n\"]");
    assert_int_equal(check(buf_slice(&text)), kind == JSON_STRING ? JSON_ARRAY : JSON_INVALID);
    buf_done(&text);
    return kind;
}

static void each_place_in_a_window_is_looked_at(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",     " ",    "]",       "[",        "\x7f",         "\\n",
        "\\\"", "\\\\", "\\u00e9", "\xc3\xa9", "\xed\x95\x9c", "\xf0\x9f\x98\x80",
        "!",    "#"};
    static const char *const bad[] = {"\"",   "\x01",         "\x1f",         "\n",
                                      "\\x",  "\\u00g0",      "\x80",         "\xff",
                                      "\xc3", "\xed\xa0\x80", "\xf0\x9f\x98", "\\u00"};
    for (size_t offset = 0; offset < 3 * JSON_WINDOW; offset++) {
        for (size_t after = 1; after < 70; after += after < 20 ? 1 : 17) {
            for (size_t i = 0; i < COUNT(good); i++)
                assert_int_equal(check_piece(good[i], offset, after), JSON_STRING);
            for (size_t i = 0; i < COUNT(bad); i++)
                assert_int_equal(check_piece(bad[i], offset, after), JSON_INVALID);
        }
    }
}

/* Every byte, by itself in a string: 0x20 to 0x7f but for the quote and the backslash. */
static void each_byte_is_judged(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        char piece[2] = {(char)c, '\0'};
        bool good = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
        assert_int_equal(check_piece(piece, 20, 20) == JSON_STRING, good);
        assert_int_equal(check_piece(piece, 1, 1) == JSON_STRING, good);
    }
}

static void add_repeated(struct buf *text, const char *piece, unsigned times)
{
    while (times-- > 0)
        buf_add_text(text, piece);
}

static enum json_kind check_nested(const char *open, const char *inside, const char *close,
                                   unsigned depth)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    add_repeated(&text, open, depth);
    buf_add_text(&text, inside);
    add_repeated(&text, close, depth);
    enum json_kind kind = check(buf_slice(&text));
    buf_done(&text);
    return kind;
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    assert_int_equal(check_nested("[", "", "]", JSON_DEPTH_MAX), JSON_ARRAY);
    assert_int_equal(check_nested("[", "", "]", JSON_DEPTH_MAX + 1), JSON_INVALID);
    assert_int_equal(check_nested("[", "1", "]", JSON_DEPTH_MAX), JSON_ARRAY);
    assert_int_equal(check_nested("{\"a\":", "1", "}", JSON_DEPTH_MAX), JSON_OBJECT);
    assert_int_equal(check_nested("{\"a\":", "1", "}", JSON_DEPTH_MAX + 1), JSON_INVALID);
    assert_int_equal(check_nested("[{\"a\":", "1", "}]", JSON_DEPTH_MAX / 2), JSON_ARRAY);
    assert_int_equal(check_nested("[{\"a\":", "[]", "}]", JSON_DEPTH_MAX / 2), JSON_INVALID);
    assert_int_equal(check_nested("{\"a\":[0,", "1", ",2],\"b\":3}", JSON_DEPTH_MAX / 2),
                     JSON_OBJECT);
    assert_int_equal(check_nested("[", "", "", 100000), JSON_INVALID);
    assert_int_equal(check_nested("{\"a\":", "", "", 100000), JSON_INVALID);
}

static void each_closer_must_match_however_deep(void **state)
{
    (void)state;
    assert_int_equal(check_nested("[{\"a\":", "1", "}]", 100), JSON_ARRAY);
    assert_int_equal(check_nested("[{\"a\":", "1", "]}", 100), JSON_INVALID);
    assert_int_equal(check_nested("[[{\"a\":", "1", "}}]", 100), JSON_INVALID);
    assert_int_equal(check_nested("{\"a\":[", "1", "]]", 100), JSON_INVALID);
}

static void members_come_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        enum json_kind kind;
        const char *value;
    } expected[] = {
        {"a", JSON_NUMBER, "-1.5e3"},
        {"b\\u0063", JSON_STRING, "\"x\\ny\""},
        {"", JSON_OBJECT, "{ \"a\" : [1] }"},
        {"a", JSON_ARRAY, "[ ]"},
        {"d", JSON_NULL, "null"},
        {"\xed\x95\x9c", JSON_BOOLEAN, "true"},
    };
    struct json_reader reader;
    struct json_member member;
    assert_true(json_object_start(
        &reader,
        SLICE(" { \"a\" : -1.5e3 , \"b\\u0063\":\"x\\ny\",\"\":{ \"a\" : [1] } ,\"a\":[ ]\n,"
              "\"d\":null\t, \"\xed\x95\x9c\" :true} ")));
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_true(json_object_next(&reader, &member));
        assert_true(slice_is(member.key, expected[i].key));
        assert_true(slice_is(member.value, expected[i].value));
        assert_int_equal(member.kind, expected[i].kind);
    }
    assert_false(json_object_next(&reader, &member));
    assert_true(reader.valid);
    assert_false(json_object_next(&reader, &member));
}

static void a_broken_end_is_told_after_the_members(void **state)
{
    (void)state;
    struct json_reader reader;
    struct json_member member;
    assert_true(json_object_start(&reader, SLICE("{\"a\":1,\"b\":tru}")));
    assert_true(json_object_next(&reader, &member));
    assert_false(json_object_next(&reader, &member));
    assert_false(reader.valid);
}

static void an_array_is_read_element_by_element(void **state)
{
    (void)state;
    static const char *const expected[] = {"-1.5e3", "\"a,\\\"]\"", "{ \"a\" : [1] }", "[ ]",
                                           "null"};
    struct json_reader reader;
    struct json_member element;
    assert_true(
        json_array_start(&reader, SLICE(" [ -1.5e3 ,\"a,\\\"]\",{ \"a\" : [1] } ,\n[ ],null ] ")));
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_true(json_array_next(&reader, &element));
        assert_true(slice_is(element.value, expected[i]));
    }
    assert_false(json_array_next(&reader, &element));
    assert_true(reader.valid);
    assert_false(json_array_start(&reader, SLICE("{}")));
    assert_true(json_array_start(&reader, SLICE("[1,tru]")));
    assert_true(json_array_next(&reader, &element));
    assert_false(json_array_next(&reader, &element));
    assert_false(reader.valid);
}

static void what_is_no_object_is_not_started(void **state)
{
    (void)state;
    static const char *const texts[] = {"", " ", "[]", "1", "\"{}\"", "x{}"};
    struct json_reader reader;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_false(json_object_start(&reader, slice_of(texts[i])));
    assert_false(json_object_start(&reader, SLICE_NONE));
}

static const struct {
    const char *inside;
    const char *text;
} decoded[] = {
    {"", ""},
    {"plain", "plain"},
    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
    {"\\u0041\\u00e9\\uD55C", "A\xc3\xa9\xed\x95\x9c"},
    {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
    {"\\uD800\\uDC00\\udbff\\udfff", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    {"\\ud7ff\\ue000\\uffff", "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"},
    {"\xed\x95\x9c\\n", "\xed\x95\x9c\n"},
    {"\\\\u0041", "\\u0041"},
};

static void escapes_are_decoded(void **state)
{
    (void)state;
    char text[64];
    for (size_t i = 0; i < COUNT(decoded); i++) {
        long len = json_decode(slice_of(decoded[i].inside), text, sizeof(text));
        assert_int_equal(len, strlen(decoded[i].text));
        assert_memory_equal(text, decoded[i].text, (size_t)len);
    }
    assert_int_equal(json_decode(SLICE("a\\u0000b"), text, sizeof(text)), 3);
    assert_memory_equal(text, "a\0b", 3);
}

static void half_a_pair_has_no_text(void **state)
{
    (void)state;
    static const char *const halves[] = {
        "\\ud800",        "\\udfff",          "x\\ud83d",
        "\\ud83dx",       "\\ud83d\\n",       "\\ud83d\\u0041",
        "\\ud83d\\ud83d", "\\ude00\\ud83d",   "\\ud83d\\ude00\\ud83d",
        "\\ud83d      ",  "\\ud83d\\\\ude00",
    };
    char text[64];
    for (size_t i = 0; i < COUNT(halves); i++) {
        size_t len = strlen(halves[i]);
        char *exact = malloc(len);
        memcpy(exact, halves[i], len);
        assert_int_equal(json_decode((struct slice){exact, len}, text, sizeof(text)), -1);
        free(exact);
    }
}

static void what_is_decoded_must_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(decoded); i++) {
        size_t len = strlen(decoded[i].text);
        char *exact = malloc(len > 0 ? len : 1);
        assert_int_equal(json_decode(slice_of(decoded[i].inside), exact, len), len);
        if (len > 0)
            assert_int_equal(json_decode(slice_of(decoded[i].inside), exact, len - 1), -1);
        free(exact);
    }
}

/* A random value, by a seed that is always the same. */
static void add_random_text(struct buf *out)
{
    static const char *const pieces[] = {"a",
                                         "plain text, long enough for a block",
                                         "\\n",
                                         "\\\"",
                                         "\\\\",
                                         "\\u00e9",
                                         "\\ud83d\\ude00",
                                         "\xc3\xa9",
                                         "\xed\x95\x9c",
                                         "/",
                                         "\xf0\x9f\x98\x80",
                                         "\\u0001",
                                         "{",
                                         "]",
                                         ":",
                                         "\\r\\na=x"};
    buf_add_char(out, '"');
    for (int i = rand() % 6; i > 0; i--)
        buf_add_text(out, pieces[(size_t)rand() % COUNT(pieces)]);
    buf_add_char(out, '"');
}

static void add_random_space(struct buf *out)
{
    if (rand() % 8 == 0)
        buf_add_char(out, " \t\r\n"[rand() % 4]);
}

static void add_random_scalar(struct buf *out)
{
    static const char *const scalars[] = {"null", "true", "false", "0",
                                          "-1",   "12.5", "1e3",   "-0.1E-2"};
    if (rand() % 2 == 0)
        add_random_text(out);
    else
        buf_add_text(out, scalars[(size_t)rand() % COUNT(scalars)]);
}

static void add_random(struct buf *out, int depth)
{
    add_random_space(out);
    bool object = rand() % 2 == 0;
    if (depth == 0 || rand() % 4 == 0) {
        add_random_scalar(out);
    } else {
        buf_add_char(out, object ? '{' : '[');
        int members = rand() % 5;
        for (int i = 0; i < members; i++) {
            buf_add_text(out, i > 0 ? "," : "");
            add_random_space(out);
            if (object) {
                add_random_text(out);
                add_random_space(out);
                buf_add_char(out, ':');
            }
            add_random(out, depth - 1);
        }
        add_random_space(out);
        buf_add_char(out, object ? '}' : ']');
    }
    add_random_space(out);
}

static void mutate(struct buf *text)
{
    static const char bytes[] = "\"\\{}[]:,0123456789-+.eEtrufalsn \n\x01\x7f\x80\xc3\xed\xff";
    size_t at = text->len > 0 ? (size_t)rand() % text->len : 0;
    char c = bytes[(size_t)rand() % (sizeof(bytes) - 1)];
    if (text->len == 0)
        return;
    switch (rand() % 4) {
    case 0: text->data[at] = c; break;
    case 1: text->len = at; break;
    case 2:
        memmove(text->data + at, text->data + at + 1, text->len - at - 1);
        text->len--;
        break;
    default:
        buf_add_char(text, c);
        memmove(text->data + at + 1, text->data + at, text->len - at - 1);
        text->data[at] = c;
    }
}

/* Returns whether it is JSON: then cJSON agrees. */
static bool is_json_to_both(struct slice text)
{
    if (check(text) == JSON_INVALID)
        return false;
    assert_true(text_is_utf8(text));
    if (second_opinion_can_tell(text)) {
        cJSON *json = second_opinion_parse(text);
        if (json == NULL)
            fail_msg("cJSON refuses: %.*s", (int)text.len, text.ptr);
        cJSON_Delete(json);
    }
    return true;
}

static void generated_texts_are_accepted(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    srand(1);
    for (int i = 0; i < 3000; i++) {
        buf_clear(&text);
        add_random(&text, 5);
        if (!is_json_to_both(buf_slice(&text)))
            fail_msg("refused: %.*s", (int)text.len, text.data);
    }
    buf_done(&text);
}

static void mutated_texts_are_accepted_only_if_cjson_does(void **state)
{
    (void)state;
    struct buf text;
    unsigned accepted = 0, refused = 0;
    buf_init(&text, 1 << 20);
    srand(2);
    for (int i = 0; i < 20000; i++) {
        buf_clear(&text);
        add_random(&text, 4);
        for (int n = 1 + rand() % 3; n > 0; n--)
            mutate(&text);
        if (is_json_to_both(buf_slice(&text)))
            accepted++;
        else
            refused++;
    }
    assert_true(accepted > 1000 && refused > 1000); /* both sides were tried */
    buf_done(&text);
}

static void what_cjson_prints_is_accepted(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    srand(3);
    for (int i = 0; i < 2000; i++) {
        buf_clear(&text);
        add_random(&text, 5);
        cJSON *json = second_opinion_parse(buf_slice(&text));
        assert_non_null(json);
        char *printed = i % 2 == 0 ? cJSON_Print(json) : cJSON_PrintUnformatted(json);
        assert_int_equal(check(slice_of(printed)), check(buf_slice(&text)));
        cJSON_free(printed);
        cJSON_Delete(json);
    }
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json_is_accepted),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(each_truncation_is_refused),
        cmocka_unit_test(each_place_in_a_window_is_looked_at),
        cmocka_unit_test(each_byte_is_judged),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(each_closer_must_match_however_deep),
        cmocka_unit_test(members_come_in_order),
        cmocka_unit_test(a_broken_end_is_told_after_the_members),
        cmocka_unit_test(an_array_is_read_element_by_element),
        cmocka_unit_test(what_is_no_object_is_not_started),
        cmocka_unit_test(escapes_are_decoded),
        cmocka_unit_test(half_a_pair_has_no_text),
        cmocka_unit_test(what_is_decoded_must_fit),
        cmocka_unit_test(generated_texts_are_accepted),
        cmocka_unit_test(mutated_texts_are_accepted_only_if_cjson_does),
        cmocka_unit_test(what_cjson_prints_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
