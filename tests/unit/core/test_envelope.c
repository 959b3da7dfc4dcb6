#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/buf.h"
#include "core/envelope.h"
#include "fuzz/second_opinion.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct envelope envelope;

/* From a copy of exactly its size. The copy stays until the next read: slices point into it. */
static int read_slice(struct slice text)
{
    static char *copy;
    free(copy);
    copy = NULL;
    if (text.len > 0) {
        copy = malloc(text.len);
        assert_non_null(copy);
        memcpy(copy, text.ptr, text.len);
    }
    return envelope_read(&envelope, (struct slice){copy, text.len});
}

static int read_text(const char *text)
{
    return read_slice(slice_of(text));
}

static void assert_slice(struct slice slice, const char *text)
{
    if (text == NULL) {
        assert_null(slice.ptr);
        return;
    }
    assert_non_null(slice.ptr);
    if (!slice_is(slice, text))
        fail_msg("%.*s is not %s", (int)slice.len, slice.ptr, text);
}

static void signal_is_read(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(
            "{\"type\":\"signal\",\"to\":\"bob\",\"id\":\"7\",\"data\":{\"sdp\":\"v=0\\r\\n\"}}"),
        0);
    assert_int_equal(envelope.type, TYPE_SIGNAL);
    assert_slice(envelope.to, "bob");
    assert_slice(envelope.id, "\"7\"");
    assert_slice(envelope.data, "{\"sdp\":\"v=0\\r\\n\"}");
    assert_slice(envelope.peer, NULL);
    assert_slice(envelope.token, NULL);
    assert_slice(envelope.info, NULL);
    assert_slice(envelope.session, NULL);
    assert_false(envelope.has_received);
}

static void data_is_any_value_untouched(void **state)
{
    (void)state;
    static const char *const values[] = {"null",
                                         "true",
                                         "0",
                                         "-1.50e+1",
                                         "\"\\u0041\"",
                                         "[ 1 , 2 ]",
                                         "{ \"a\" : null }",
                                         "\"\"",
                                         "\"\xed\x95\x9c\"",
                                         "\"\\ud800\""};
    for (size_t i = 0; i < COUNT(values); i++) {
        char text[200];
        snprintf(text, sizeof(text), "{\"data\" : %s ,\"to\":\"b\",\"type\":\"signal\"}",
                 values[i]);
        assert_int_equal(read_text(text), 0);
        assert_slice(envelope.data, values[i]);
        assert_slice(envelope.id, NULL);
    }
}

static void join_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"type\":\"join\"}"), 0);
    assert_int_equal(envelope.type, TYPE_JOIN);
    assert_slice(envelope.peer, NULL);
    assert_int_equal(
        read_text(
            "{\"type\":\"join\",\"peer\":\"ann\",\"token\":\"a.b.c\",\"info\":{\"name\":\"Ann\"}}"),
        0);
    assert_slice(envelope.peer, "ann");
    assert_slice(envelope.token, "a.b.c");
    assert_slice(envelope.info, "{\"name\":\"Ann\"}");
    assert_slice(envelope.session, NULL);
}

static void resume_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"type\":\"join\",\"resume\":{\"received\":12,\"session\":"
                               "\"s\\u002d1\",\"more\":[]}}"),
                     0);
    assert_slice(envelope.session, "s-1");
    assert_true(envelope.has_received);
    assert_int_equal(envelope.received, 12);
}

static void info_ping_and_leave_are_read(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"type\":\"info\",\"info\":{}}"), 0);
    assert_int_equal(envelope.type, TYPE_INFO);
    assert_slice(envelope.info, "{}");
    assert_int_equal(read_text("{\"type\":\"ping\",\"received\":3}"), 0);
    assert_int_equal(envelope.type, TYPE_PING);
    assert_true(envelope.has_received);
    assert_int_equal(envelope.received, 3);
    assert_int_equal(read_text("{\"type\":\"ping\"}"), 0);
    assert_false(envelope.has_received);
    assert_int_equal(read_text("{\"type\":\"leave\"}"), 0);
    assert_int_equal(envelope.type, TYPE_LEAVE);
}

static const struct {
    int error;
    const char *text;
} errors[] = {
    {ERR_NOT_JSON, ""},
    {ERR_NOT_JSON, "{"},
    {ERR_NOT_JSON, "hello"},
    {ERR_NOT_JSON, "{\"type\":\"leave\"}{}"},
    {ERR_NOT_JSON, "{\"type\":\"leave\"}\xff"},
    {ERR_NOT_JSON, "\xef\xbb\xbf{\"type\":\"leave\"}"},
    {ERR_NOT_JSON, "{\"type\":\"leave\",\"x\":\"\xff\"}"},
    {ERR_NOT_JSON, "{\"type\":5,\"to\":5,\"x\":}"}, /* over all other errors */
    {ERR_NOT_JSON, "{\"type\":\"signal\",\"to\":\"\",\"id\":[],\"x\":tru}"},
    {ERR_NOT_JSON, "[1,]"},

    {ERR_BAD_MESSAGE, "[]"},
    {ERR_BAD_MESSAGE, "null"},
    {ERR_BAD_MESSAGE, "\"type\""},
    {ERR_BAD_MESSAGE, " 1 "},
    {ERR_BAD_MESSAGE, "{}"},
    {ERR_BAD_MESSAGE, "{\"Type\":\"leave\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":null}"},
    {ERR_BAD_MESSAGE, "{\"type\":1}"},
    {ERR_BAD_MESSAGE, "{\"type\":[\"leave\"]}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"leave\",\"type\":1}"},
    {ERR_BAD_MESSAGE, "{\"x\":{\"type\":\"leave\"}}"},

    {ERR_UNKNOWN_TYPE, "{\"type\":\"\"}"},
    {ERR_UNKNOWN_TYPE, "{\"type\":\"Leave\"}"},
    {ERR_UNKNOWN_TYPE, "{\"type\":\"leave \"}"},
    {ERR_UNKNOWN_TYPE, "{\"type\":\"leav\"}"},
    {ERR_UNKNOWN_TYPE, "{\"type\":\"leave\\u0000\"}"},
    {ERR_UNKNOWN_TYPE, "{\"type\":\"\\ud800\"}"},
    {ERR_UNKNOWN_TYPE, "{\"type\":\"a-very-long-type-with-an-\\u0065scape-in-it\"}"},
    {ERR_UNKNOWN_TYPE, "{\"type\":\"joined\"}"},
    {ERR_UNKNOWN_TYPE, "{\"type\":\"x\",\"to\":7,\"id\":{}}"},

    {ERR_BAD_MESSAGE, "{\"type\":\"signal\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"signal\",\"to\":\"b\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"signal\",\"data\":1}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"signal\",\"data\":1,\"to\":null}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"signal\",\"data\":1,\"to\":7}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"signal\",\"data\":1,\"to\":[\"b\"]}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"signal\",\"data\":1,\"to\":\"b\",\"id\":true}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"signal\",\"data\":1,\"to\":\"b\",\"id\":{}}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"signal\",\"to\":\"\",\"id\":1}"}, /* over a bad name */
    {ERR_BAD_NAME, "{\"type\":\"signal\",\"data\":1,\"to\":\"\"}"},
    {ERR_BAD_NAME, "{\"type\":\"signal\",\"data\":1,\"to\":\"a\\nb\"}"},
    {ERR_BAD_NAME, "{\"type\":\"signal\",\"data\":1,\"to\":\"\\u0000\"}"},
    {ERR_BAD_NAME, "{\"type\":\"signal\",\"data\":1,\"to\":\"\\ud800\"}"},
    {ERR_BAD_NAME, "{\"type\":\"signal\",\"data\":1,\"to\":\"\x7f\"}"},

    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"peer\":1}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"token\":{}}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"info\":\"x\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"info\":[]}"},
    {ERR_BAD_NAME, "{\"type\":\"join\",\"peer\":\"\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"peer\":\"\",\"info\":1}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"token\":\"\\ud800\",\"info\":1}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"resume\":\"s\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"resume\":[]}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"resume\":{}}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"resume\":{\"session\":\"s\"}}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"resume\":{\"received\":0}}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"resume\":{\"session\":1,\"received\":0}}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"resume\":{\"session\":null,\"received\":0}}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"resume\":{\"session\":\"\\ud800\",\"received\":0}}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"join\",\"resume\":{\"session\":\"s\",\"received\":\"0\"}}"},

    {ERR_BAD_MESSAGE, "{\"type\":\"info\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"info\",\"info\":null}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"info\",\"info\":[]}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"token\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"token\",\"token\":5}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"lock\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"lock\",\"locked\":1}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"kick\"}"},
    {ERR_BAD_NAME, "{\"type\":\"kick\",\"peer\":\"\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"kick\",\"peer\":\"a\",\"ban\":true}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"kick\",\"peer\":\"a\",\"ban\":-1}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"kick\",\"peer\":\"a\",\"ban\":0.5}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"kick\",\"peer\":\"a\",\"ban\":315360001}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"ping\",\"received\":\"1\"}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"ping\",\"received\":-1}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"ping\",\"received\":-0}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"ping\",\"received\":1.0}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"ping\",\"received\":1e3}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"ping\",\"received\":9007199254740993}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"ping\",\"received\":90071992547409920}"},
    {ERR_BAD_MESSAGE, "{\"type\":\"ping\",\"received\":18446744073709551616}"},
};

static void what_an_admin_says_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"type\":\"lock\",\"locked\":true,\"id\":1}"), 0);
    assert_int_equal(envelope.type, TYPE_LOCK);
    assert_true(envelope.locked);
    assert_slice(envelope.id, "1");
    assert_int_equal(read_text("{\"type\":\"lock\",\"locked\":false}"), 0);
    assert_false(envelope.locked);
    assert_int_equal(read_text("{\"type\":\"kick\",\"peer\":\"bob\",\"ban\":315360000}"), 0);
    assert_int_equal(envelope.type, TYPE_KICK);
    assert_slice(envelope.peer, "bob");
    assert_true(envelope.ban == UINT64_C(315360000000));
    assert_int_equal(read_text("{\"type\":\"kick\",\"peer\":\"bob\"}"), 0);
    assert_true(envelope.ban == 0);
    assert_int_equal(read_text("{\"type\":\"close\",\"id\":\"x\"}"), 0);
    assert_int_equal(envelope.type, TYPE_CLOSE);
    assert_int_equal(read_text("{\"type\":\"token\",\"token\":\"a.b\",\"id\":2}"), 0);
    assert_int_equal(envelope.type, TYPE_TOKEN);
    assert_slice(envelope.token, "a.b");
}

static void each_error_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        int error = read_text(errors[i].text);
        if (error != errors[i].error)
            fail_msg("%d instead of %d: %s", error, errors[i].error, errors[i].text);
    }
}

static void counts_go_to_two_to_the_53(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"type\":\"ping\",\"received\":9007199254740992}"), 0);
    assert_true(envelope.received == UINT64_C(1) << 53);
    assert_int_equal(read_text("{\"type\":\"ping\",\"received\":0}"), 0);
    assert_true(envelope.has_received);
    assert_true(envelope.received == 0);
}

static void fields_of_other_types_are_ignored(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"type\":\"leave\",\"to\":7,\"id\":{},\"info\":1,\"resume\":2,\"received\":\"x\","
        "\"peer\":[]}",
        "{\"type\":\"ping\",\"to\":\"\",\"peer\":\"\",\"session\":1,\"data\":{}}",
        "{\"type\":\"join\",\"to\":7,\"id\":[],\"received\":-1,\"session\":5,\"data\":1}",
        "{\"type\":\"signal\",\"to\":\"b\",\"data\":1,\"info\":1,\"peer\":1,\"token\":1,\"resume\":"
        "1,\"x\":1}",
        "{\"type\":\"info\",\"info\":{},\"to\":7,\"received\":[],\"ty\":1,\"typee\":2,\"\":3}",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(read_text(texts[i]), 0);
    assert_slice(envelope.to, NULL);
    assert_false(envelope.has_received);
}

static void null_is_as_good_as_absent(void **state)
{
    (void)state;
    assert_int_equal(
        read_text("{\"type\":\"join\",\"peer\":null,\"token\":null,\"info\":null,\"resume\":null}"),
        0);
    assert_slice(envelope.peer, NULL);
    assert_slice(envelope.token, NULL);
    assert_slice(envelope.info, NULL);
    assert_slice(envelope.session, NULL);
    assert_int_equal(read_text("{\"type\":\"ping\",\"received\":null}"), 0);
    assert_false(envelope.has_received);
    assert_int_equal(read_text("{\"type\":\"signal\",\"to\":\"b\",\"data\":null,\"id\":null}"), 0);
    assert_slice(envelope.id, NULL);
    assert_slice(envelope.data, "null");
}

static void of_a_repeated_field_the_last_counts(void **state)
{
    (void)state;
    assert_int_equal(
        read_text(
            "{\"type\":\"leave\",\"to\":1,\"data\":1,\"type\":\"signal\",\"to\":\"b\",\"data\":2}"),
        0);
    assert_int_equal(envelope.type, TYPE_SIGNAL);
    assert_slice(envelope.to, "b");
    assert_slice(envelope.data, "2");
    assert_int_equal(read_text("{\"type\":\"join\",\"peer\":\"a\",\"peer\":null}"), 0);
    assert_slice(envelope.peer, NULL);
    assert_int_equal(read_text("{\"type\":\"join\",\"peer\":\"a\",\"\\u0070eer\":\"b\"}"), 0);
    assert_slice(envelope.peer, "b");
}

static void keys_and_types_may_be_escaped(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"\\u0074ype\":\"\\u0073ignal\",\"t\\u006f\":"
                               "\"\\ud55c\\ud83d\\ude00\",\"dat\\u0061\":[]}"),
                     0);
    assert_int_equal(envelope.type, TYPE_SIGNAL);
    assert_slice(envelope.to, "\xed\x95\x9c\xf0\x9f\x98\x80");
    assert_slice(envelope.data, "[]");
    assert_int_equal(read_text("{\"type\":\"leave\",\"\\ud800type\":1,\"typ\\u0065\\u0000\":1}"),
                     0);
}

static void errors_name_to_and_id_as_far_as_they_go(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"type\":\"signal\",\"to\":\"b\",\"id\":5}"), ERR_BAD_MESSAGE);
    assert_int_equal(envelope.type, TYPE_SIGNAL);
    assert_slice(envelope.to, "b");
    assert_slice(envelope.id, "5");
    assert_int_equal(read_text("{\"type\":\"signal\",\"to\":\"\",\"id\":\"x\",\"data\":1}"),
                     ERR_BAD_NAME);
    assert_slice(envelope.to, NULL);
    assert_slice(envelope.id, "\"x\"");
    assert_int_equal(read_text("{\"type\":\"news\",\"to\":\"b\",\"id\":\"x\"}"), ERR_UNKNOWN_TYPE);
    assert_int_equal(envelope.type, TYPE_UNKNOWN);
    assert_slice(envelope.to, "b");
    assert_slice(envelope.id, "\"x\"");
    assert_int_equal(read_text("{\"to\":\"b\",\"id\":-1.5}"), ERR_BAD_MESSAGE);
    assert_slice(envelope.to, "b");
    assert_slice(envelope.id, "-1.5");
}

static void nothing_is_left_of_the_message_before(void **state)
{
    (void)state;
    assert_int_equal(read_text("{\"type\":\"join\",\"peer\":\"a\",\"token\":\"t\",\"info\":{},"
                               "\"resume\":{\"session\":\"s\","
                               "\"received\":1}}"),
                     0);
    assert_int_equal(read_text("{\"type\":\"leave\"}"), 0);
    assert_slice(envelope.peer, NULL);
    assert_slice(envelope.token, NULL);
    assert_slice(envelope.info, NULL);
    assert_slice(envelope.session, NULL);
    assert_false(envelope.has_received);
    assert_int_equal(read_text("[]"), ERR_BAD_MESSAGE);
    assert_int_equal(envelope.type, TYPE_UNKNOWN);
}

/* {START "xxx…" END} with `len` times `piece` between the quotes. */
static int read_long(const char *start, const char *piece, size_t len, const char *end)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_add_text(&text, start);
    for (size_t i = 0; i < len; i++)
        buf_add_text(&text, piece);
    buf_add_text(&text, end);
    int error = read_slice(buf_slice(&text));
    buf_done(&text);
    return error;
}

static const struct {
    const char *start;
    const char *end;
    size_t max; /* bytes */
    int error;  /* of one more */
} limits[] = {
    {"{\"type\":\"signal\",\"data\":1,\"to\":\"", "\"}", PEER_NAME_MAX, ERR_BAD_NAME},
    {"{\"type\":\"join\",\"peer\":\"", "\"}", PEER_NAME_MAX, ERR_BAD_NAME},
    {"{\"type\":\"join\",\"token\":\"", "\"}", ENVELOPE_TOKEN_MAX, ERR_TOO_LARGE},
    {"{\"type\":\"join\",\"resume\":{\"received\":0,\"session\":\"", "\"}}", ENVELOPE_SESSION_MAX,
     ERR_BAD_MESSAGE},
};

static void texts_have_a_limit_however_they_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(limits); i++) {
        assert_int_equal(read_long(limits[i].start, "x", limits[i].max, limits[i].end), 0);
        assert_int_equal(read_long(limits[i].start, "x", limits[i].max + 1, limits[i].end),
                         limits[i].error);
        assert_int_equal(read_long(limits[i].start, "\\u0078", limits[i].max, limits[i].end), 0);
        assert_int_equal(read_long(limits[i].start, "\\u0078", limits[i].max + 1, limits[i].end),
                         limits[i].error);
    }
}

static void id_has_a_limit(void **state)
{
    (void)state;
    const char *start = "{\"type\":\"signal\",\"to\":\"b\",\"data\":1,\"id\":\"";
    assert_int_equal(read_long(start, "x", ENVELOPE_ID_MAX - 2, "\"}"), 0);
    assert_int_equal(envelope.id.len, ENVELOPE_ID_MAX);
    assert_int_equal(read_long(start, "x", ENVELOPE_ID_MAX - 1, "\"}"), ERR_TOO_LARGE);
    assert_slice(envelope.id, NULL);
    assert_slice(envelope.to, "b");
    start = "{\"type\":\"signal\",\"to\":\"b\",\"data\":1,\"id\":1";
    assert_int_equal(read_long(start, "0", ENVELOPE_ID_MAX - 1, "}"), 0);
    assert_int_equal(read_long(start, "0", ENVELOPE_ID_MAX, "}"), ERR_TOO_LARGE);
}

/* All that a join can hold, escaped and at its limit: the space for decoded texts is enough. */
static void the_fullest_join_fits(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_add_text(&text, "{\"type\":\"join\",\"peer\":\"");
    for (int i = 0; i < PEER_NAME_MAX; i++)
        buf_add_text(&text, "\\u0070");
    buf_add_text(&text, "\",\"resume\":{\"received\":1,\"session\":\"");
    for (int i = 0; i < ENVELOPE_SESSION_MAX; i++)
        buf_add_text(&text, "\\u0073");
    buf_add_text(&text, "\"},\"token\":\"");
    for (int i = 0; i < ENVELOPE_TOKEN_MAX; i++)
        buf_add_text(&text, "\\u0074");
    buf_add_text(&text, "\"}");
    assert_int_equal(read_slice(buf_slice(&text)), 0);
    assert_int_equal(envelope.peer.len, PEER_NAME_MAX);
    assert_int_equal(envelope.session.len, ENVELOPE_SESSION_MAX);
    assert_int_equal(envelope.token.len, ENVELOPE_TOKEN_MAX);
    for (size_t i = 0; i < envelope.token.len; i++)
        assert_int_equal(envelope.token.ptr[i], 't');
    assert_int_equal(envelope.peer.ptr[PEER_NAME_MAX - 1], 'p');
    assert_int_equal(envelope.session.ptr[ENVELOPE_SESSION_MAX - 1], 's');
    buf_done(&text);
}

static void each_truncation_is_no_json(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"type\":\"signal\",\"to\":\"b\\u006f\xc3\xa9\",\"id\":-12.5e1,\"data\":{\"sdp\":\"v="
        "0\\r\\n\",\"x\":[null]}}",
        "{\"type\":\"join\",\"resume\":{\"session\":\"s\",\"received\":12},\"peer\":\"a\","
        "\"token\":\"t\",\"info\":{}}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_int_equal(read_text(texts[i]), 0);
        for (size_t len = 0; len < strlen(texts[i]); len++)
            assert_int_equal(read_slice((struct slice){texts[i], len}), ERR_NOT_JSON);
    }
}

/* A message with random fields in random order, some twice, some escaped, some broken. */
static void add_random_message(struct buf *out)
{
    static const char *const members[] = {
        "\"type\":\"signal\"",
        "\"type\":\"signal\"",
        "\"type\":\"signal\"",
        "\"t\\u0079pe\":\"join\"",
        "\"type\":\"leave\"",
        "\"type\":\"pin\\u0067\"",
        "\"type\":\"info\"",
        "\"type\":\"other\"",
        "\"to\":\"bob\"",
        "\"to\":\"b\\u006fb\"",
        "\"t\\u006f\":\"\xed\x95\x9c\"",
        "\"to\":\"\\ud83d\\ude00\"",
        "\"id\":1",
        "\"id\":\"a\"",
        "\"id\":\"\\u0061\"",
        "\"data\":{\"a\":[1,{\"type\":\"leave\"}]}",
        "\"data\":\"\\r\\n\"",
        "\"info\":{}",
        "\"info\":{\"to\":\"x\"}",
        "\"received\":5",
        "\"type\":\"kick\"",
        "\"type\":\"l\\u006fck\"",
        "\"locked\":false",
        "\"ban\":60",
        "\"peer\":\"ann\"",
        "\"token\":\"t\\/u\"",
        "\"resume\":{\"session\":\"s\",\"received\":1}",
        "\"x\":{\"to\":\"y\"}",
        "\"type\":\"report\"",
        "\"call\":{\"outcome\":\"failed\"}",
        "\"call\":{\"outcome\":1}",
    };
    int count = 1 + rand() % 7;
    buf_clear(out);
    buf_add_char(out, '{');
    for (int i = 0; i < count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        buf_add_text(out, members[(size_t)rand() % COUNT(members)]);
    }
    buf_add_char(out, '}');
    if (rand() % 3 == 0)
        out->data[(size_t)rand() % out->len] = "\"\\{}[]:,01ax \x01\x80"[rand() % 15];
}

static const char *const type_names[TYPE_COUNT] = {
    NULL, "join", "signal", "info", "ping", "leave", "report", "token", "lock", "kick", "close"};

static void assert_type_agrees(const cJSON *json)
{
    const char *type = cJSON_GetStringValue(second_opinion_member(json, "type"));
    enum message_type expected = TYPE_UNKNOWN;
    for (int i = 1; i < TYPE_COUNT; i++)
        if (type != NULL && strcmp(type, type_names[i]) == 0)
            expected = (enum message_type)i;
    assert_int_equal(envelope.type, expected);
}

static void assert_id_agrees(const cJSON *json)
{
    const cJSON *item = second_opinion_member(json, "id");
    cJSON *id = second_opinion_parse(envelope.id);
    assert_true(cJSON_Compare(id, item, true));
    cJSON_Delete(id);
}

static void agrees_with_cjson(void **state)
{
    (void)state;
    struct buf text;
    unsigned good = 0, broken = 0, signals = 0;
    buf_init(&text, 1 << 16);
    srand(4);
    for (int i = 0; i < 60000; i++) {
        add_random_message(&text);
        int error = read_slice(buf_slice(&text));
        cJSON *json = second_opinion_parse(buf_slice(&text));
        if (error == ERR_NOT_JSON) {
            broken++;
        } else if (second_opinion_can_tell(buf_slice(&text))) {
            assert_non_null(json);
            assert_type_agrees(json);
            if (envelope.to.ptr != NULL)
                assert_slice(envelope.to, cJSON_GetStringValue(second_opinion_member(json, "to")));
            if (envelope.id.ptr != NULL)
                assert_id_agrees(json);
            good++;
            signals += error == 0 && envelope.type == TYPE_SIGNAL;
        }
        cJSON_Delete(json);
    }
    assert_true(good > 5000 && broken > 2000 && signals > 500); /* each was tried */
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signal_is_read),
        cmocka_unit_test(data_is_any_value_untouched),
        cmocka_unit_test(join_is_read),
        cmocka_unit_test(resume_is_read),
        cmocka_unit_test(info_ping_and_leave_are_read),
        cmocka_unit_test(what_an_admin_says_is_read),
        cmocka_unit_test(each_error_is_told),
        cmocka_unit_test(counts_go_to_two_to_the_53),
        cmocka_unit_test(fields_of_other_types_are_ignored),
        cmocka_unit_test(null_is_as_good_as_absent),
        cmocka_unit_test(of_a_repeated_field_the_last_counts),
        cmocka_unit_test(keys_and_types_may_be_escaped),
        cmocka_unit_test(errors_name_to_and_id_as_far_as_they_go),
        cmocka_unit_test(nothing_is_left_of_the_message_before),
        cmocka_unit_test(texts_have_a_limit_however_they_are_written),
        cmocka_unit_test(id_has_a_limit),
        cmocka_unit_test(the_fullest_join_fits),
        cmocka_unit_test(each_truncation_is_no_json),
        cmocka_unit_test(agrees_with_cjson),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    read_slice(SLICE_NONE); /* frees the last copy */
    return failed;
}
