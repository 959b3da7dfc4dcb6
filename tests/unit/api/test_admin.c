/* The admin API between a server that asks and workers that answer, or do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/admin.h"
#include "api/admin_ask.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/json.h"

#define TOKEN "unit-token-0123456789"
#define WORKER (WORKER_RESERVED + 1)
#define STORY_ALLOCATIONS 40 /* more than no_memory_is_survived() comes to */

static struct {
    struct admin *admin;
    uint64_t now;
    worker_id worker; /* who is asked; DIRECTORY: nobody is there */
    unsigned asked;
    struct frame frame; /* the last one; its slices are gone */
    unsigned drains;

    unsigned answers;
    int status; /* of the last */
    uint64_t connection;
    char body[4096];
    char headers[1024];
} on;

static uint64_t now(void *context)
{
    (void)context;
    return on.now;
}

static const char *not_ready(void *context)
{
    (void)context;
    return NULL;
}

static void keep(const struct http_response *response)
{
    size_t len = response->body.len < sizeof(on.body) ? response->body.len : sizeof(on.body) - 1;
    on.answers++;
    on.status = response->status;
    memset(on.body, 0, sizeof(on.body));
    if (len > 0)
        memcpy(on.body, response->body.ptr, len);
    memset(on.headers, 0, sizeof(on.headers));
    if (response->headers.len > 0 && response->headers.len < sizeof(on.headers))
        memcpy(on.headers, response->headers.data, response->headers.len);
}

static bool answer(void *context, uint64_t connection, struct http_response *response)
{
    (void)context;
    keep(response);
    on.connection = connection;
    http_response_done(response);
    return true;
}

static worker_id ask(void *context, const struct frame *frame)
{
    (void)context;
    if (on.worker == DIRECTORY)
        return DIRECTORY;
    on.asked++;
    on.frame = *frame;
    return on.worker;
}

static void drain(void *context)
{
    (void)context;
    on.drains++;
}

static int start(void **state)
{
    struct admin_tokens tokens = {.count = 0};
    struct admin_world world = {
        .instance = SLICE("us"),
        .workers = 1,
        .now = now,
        .not_ready = not_ready,
        .answer = answer,
        .ask = ask,
        .drain = drain,
    };
    (void)state;
    crypto_init();
    log_init(LOG_ERROR, LOG_JSON, -1);
    memset(&on, 0, sizeof(on));
    on.worker = WORKER;
    on.admin = admin_new(&world);
    assert_null(admin_tokens_add(&tokens, SLICE(TOKEN)));
    admin_use_tokens(on.admin, &tokens);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    admin_free(on.admin);
    return 0;
}

/* Whether the answer comes later. */
static bool request(enum http_method method, const char *path, const char *body, uint64_t number)
{
    const struct http_header headers[] = {
        {SLICE("Authorization"), SLICE("Bearer " TOKEN)},
        {SLICE("Content-Type"), SLICE("application/json")},
    };
    struct http_request asked = {
        .method = method,
        .path = slice_of(path),
        .host = SLICE("localhost"),
        .body = slice_of(body),
        .version = 11,
        .header_count = 2,
        .headers = headers,
    };
    struct admin_client client = {number, SLICE("127.0.0.1")};
    struct http_response response = http_response_init();
    admin_respond(on.admin, &client, &asked, &response);
    bool later = response.later;
    if (!later)
        keep(&response);
    http_response_done(&response);
    return later;
}

static bool get(const char *path, uint64_t number)
{
    return request(METHOD_GET, path, "", number);
}

static void say(uint32_t number, enum control_outcome outcome, struct slice data)
{
    admin_answered(on.admin, &(struct frame){.kind = FRAME_CONTROLLED,
                                             .request = number,
                                             .reason = outcome,
                                             .version = 12,
                                             .data = data});
}

static void say_settings(void)
{
    struct control_settings settings = {.version = 12, .locked = true, .metadata = SLICE("{}")};
    struct buf data;
    buf_init(&data, 1024);
    control_settings_add(&data, &settings);
    say(on.frame.request, CONTROL_DONE, buf_slice(&data));
    buf_done(&data);
}

static void expect(int status, const char *in_body)
{
    assert_int_equal(on.status, status);
    assert_non_null(strstr(on.body, in_body));
}

static void the_answer_goes_to_who_asked(void **state)
{
    (void)state;
    assert_true(request(METHOD_PUT, "/v1/rooms/a", "{\"locked\":true}", 71));
    assert_int_equal(on.frame.reason, CONTROL_SET);
    say_settings();
    assert_int_equal(on.connection, 71);
    expect(200, "\"locked\":true");
    assert_non_null(strstr(on.headers, "ETag: \"12\"\r\n"));
    assert_non_null(strstr(on.headers, "Cache-Control: no-store\r\n"));
}

static void an_answer_that_comes_twice_or_late_is_dropped(void **state)
{
    (void)state;
    assert_true(get("/v1/rooms/a", 1));
    say(on.frame.request, CONTROL_NO_ROOM, SLICE_NONE);
    say(on.frame.request, CONTROL_NO_ROOM, SLICE_NONE);
    say(0, CONTROL_NO_ROOM, SLICE_NONE);
    say(4711, CONTROL_NO_ROOM, SLICE_NONE);
    assert_int_equal(on.answers, 1);
    expect(404, "room-not-found");
}

static void nobody_waits_for_ever(void **state)
{
    (void)state;
    on.now = 1000;
    assert_true(get("/v1/rooms/a", 5));
    uint32_t number = on.frame.request;
    on.now += ADMIN_ASK_TIMEOUT - 1;
    admin_tick(on.admin);
    assert_int_equal(on.answers, 0);
    on.now++;
    admin_tick(on.admin);
    assert_int_equal(on.connection, 5);
    expect(503, "No answer came in time");
    assert_non_null(strstr(on.headers, "Retry-After: 1\r\n"));
    say(number, CONTROL_NO_ROOM, SLICE_NONE);
    assert_int_equal(on.answers, 1);
}

static void without_a_worker_it_is_refused_at_once(void **state)
{
    (void)state;
    on.worker = DIRECTORY;
    assert_false(get("/v1/rooms/a", 5));
    expect(503, "No worker is ready");
    on.worker = WORKER;
    assert_true(get("/v1/rooms/a", 5));
}

static void so_many_wait_and_no_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ADMIN_ASKS_MAX; i++)
        assert_true(get("/v1/rooms/a", i));
    assert_false(get("/v1/rooms/a", 99));
    expect(503, "Too many requests wait");
    say(on.frame.request, CONTROL_NO_ROOM, SLICE_NONE);
    assert_true(get("/v1/rooms/a", 99));
}

static void what_may_be_asked_twice_is_asked_of_another(void **state)
{
    (void)state;
    assert_true(get("/v1/rooms/a", 1));
    uint32_t first = on.frame.request;
    on.worker = WORKER + 1;
    admin_worker_ended(on.admin, WORKER + 7);
    assert_int_equal(on.asked, 1);
    admin_worker_ended(on.admin, WORKER);
    assert_int_equal(on.asked, 2);
    assert_int_equal(on.frame.reason, CONTROL_DESCRIBE);
    say(first, CONTROL_NO_ROOM, SLICE_NONE); /* the dead one's, late */
    assert_int_equal(on.answers, 0);
    on.worker = DIRECTORY;
    admin_worker_ended(on.admin, WORKER + 1);
    expect(503, "has ended");
}

static void what_must_not_be_asked_twice_is_not(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *path, *body;
    } rows[] = {
        {METHOD_DELETE, "/v1/rooms/a", ""},
        {METHOD_DELETE, "/v1/rooms/a/peers/b", ""},
        {METHOD_POST, "/v1/rooms/a/notices", "{\"data\":1}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(request(rows[i].method, rows[i].path, rows[i].body, 1));
        admin_worker_ended(on.admin, WORKER);
        assert_int_equal(on.asked, i + 1);
        assert_int_equal(on.answers, i + 1);
        expect(503, "has ended");
    }
}

static void an_error_of_the_directory_is_unavailable(void **state)
{
    (void)state;
    assert_true(get("/v1/rooms/a", 1));
    admin_answered(on.admin, &(struct frame){.kind = FRAME_CONTROLLED,
                                             .request = on.frame.request,
                                             .error = ERR_UNAVAILABLE});
    expect(503, "can't be reached");
}

static void an_outcome_that_is_not_known_is_no_success(void **state)
{
    (void)state;
    for (unsigned outcome = CONTROL_NO_ROOM; outcome < CONTROL_OUTCOME_COUNT + 2; outcome++) {
        assert_true(request(METHOD_DELETE, "/v1/rooms/a", "", 1));
        say(on.frame.request, outcome, SLICE_NONE);
        assert_true(on.status >= 400 && on.status != 500);
    }
}

static void what_is_not_answered_ends_with_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_true(get("/v1/rooms/a", i)); /* stop() frees them: the sanitizer looks */
}

static void this_instance_is_drained_and_no_other(void **state)
{
    (void)state;
    assert_false(request(METHOD_POST, "/v1/instances/us/drain", "", 1));
    expect(202, "\"draining\":true");
    assert_int_equal(on.drains, 1);
    assert_false(request(METHOD_POST, "/v1/instances/them/drain", "", 1));
    expect(404, "instance-not-found");
    assert_int_equal(on.drains, 1);
}

/* Every allocation of a story fails in turn: the answer is right, or 503 or without a body. */
static void no_memory_is_survived(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= STORY_ALLOCATIONS; n++) {
        unsigned before = on.answers;
        mem_fail_nth(n);
        if (request(METHOD_PUT, "/v1/rooms/a", "{\"locked\":true,\"metadata\":{}}", n))
            say_settings();
        mem_fail_nth(0);
        assert_int_equal(on.answers, before + 1);
        assert_true(on.status == 200 || on.status == 503 || on.status == 400);
    }
    expect(200, "\"locked\":true"); /* there were fewer allocations than that */
}

static void only_good_tokens_are_taken(void **state)
{
    (void)state;
    struct admin_tokens tokens = {.count = 0};
    unsigned line;
    assert_non_null(admin_tokens_add(&tokens, SLICE("fifteen-letters")));
    assert_non_null(admin_tokens_add(&tokens, SLICE("sixteen letters!")));
    assert_non_null(admin_tokens_add(&tokens, SLICE("sixteen\0letters!")));
    assert_null(admin_tokens_add(&tokens, SLICE("sixteen-letters=")));
    assert_int_equal(tokens.count, 1);
    assert_null(admin_tokens_add_lines(
        &tokens, SLICE("# x\n\r\nanother-token-1234\r\nlast-token-12345678"), &line));
    assert_int_equal(tokens.count, 3);
    assert_int_equal(admin_tokens_find(&tokens, SLICE("another-token-1234")), 1);
    assert_int_equal(admin_tokens_find(&tokens, SLICE("last-token-12345678")), 2);
    assert_int_equal(admin_tokens_find(&tokens, SLICE("last-token-1234567")), -1);
    assert_int_equal(admin_tokens_find(&tokens, SLICE_NONE), -1);
    assert_non_null(admin_tokens_add_lines(&tokens, SLICE("good-token-12345678\nbad\n"), &line));
    assert_int_equal(line, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_answer_goes_to_who_asked),
        TEST(an_answer_that_comes_twice_or_late_is_dropped),
        TEST(nobody_waits_for_ever),
        TEST(without_a_worker_it_is_refused_at_once),
        TEST(so_many_wait_and_no_more),
        TEST(what_may_be_asked_twice_is_asked_of_another),
        TEST(what_must_not_be_asked_twice_is_not),
        TEST(an_error_of_the_directory_is_unavailable),
        TEST(an_outcome_that_is_not_known_is_no_success),
        TEST(what_is_not_answered_ends_with_it),
        TEST(this_instance_is_drained_and_no_other),
        TEST(no_memory_is_survived),
        TEST(only_good_tokens_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
