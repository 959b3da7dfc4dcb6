/* One answer of those of several shards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/mem.h"
#include "bus/redis_gather.h"

#define SHARDS 3

static const struct slice names[SHARDS] = {{"a:1", 3}, {"b:2", 3}, {"c:3", 3}};
static struct gather *gather;
static struct buf out;
static struct frame answer;
static struct control_listing listing;

static void begin(enum control_op op, uint32_t limit)
{
    struct buf data;
    buf_init(&data, 1000);
    if (op == CONTROL_LIST)
        control_query_add(&data, &(struct control_query){.limit = limit});
    struct frame ask = {
        .kind = FRAME_CONTROL, .from = 77, .request = 5, .reason = op, .data = buf_slice(&data)};
    assert_true(gather_is_for(&ask));
    gather = gather_new(&ask, SHARDS, 1234);
    assert_non_null(gather);
    assert_int_equal(gather_request(gather), 5);
    assert_int_equal(gather_since(gather), 1234);
    buf_done(&data);
}

static bool take(size_t shard, const struct buf *data, int error)
{
    struct frame frame = {.kind = FRAME_CONTROLLED, .request = 5, .error = error};
    if (data != NULL)
        frame.data = buf_slice(data);
    return gather_take(gather, shard, &frame);
}

/* Rooms of these names, one letter each. */
static bool take_rooms(size_t shard, const char *letters, bool more)
{
    struct buf data;
    buf_init(&data, 1000);
    control_listing_begin(&data, &(struct control_listing){.more = more, .shards = 1});
    for (; *letters != '\0'; letters++)
        control_listed_add(&data, &(struct control_listed){.room = {letters, 1}, .members = 2});
    bool all = take(shard, &data, 0);
    buf_done(&data);
    return all;
}

static bool take_worker(size_t shard, worker_id worker, bool fresh, const char *card)
{
    struct buf data;
    buf_init(&data, 1000);
    control_listing_begin(&data, &(struct control_listing){.shards = 1});
    control_worker_add(&data, &(struct control_worker){worker, fresh, slice_of(card)});
    control_worker_add(&data, &(struct control_worker){99, true, SLICE("{}")});
    bool all = take(shard, &data, 0);
    buf_done(&data);
    return all;
}

static void finish(void)
{
    buf_init(&out, CONTROL_ANSWER_MAX);
    answer = gather_answer(gather, names, &out);
    assert_int_equal(answer.kind, FRAME_CONTROLLED);
    assert_int_equal(answer.request, 5);
    assert_int_equal(answer.to, 77);
    if (answer.error == 0 && answer.reason == CONTROL_DONE)
        assert_true(control_listing_read(answer.data, &listing));
    gather_free(gather);
}

static void expect_rooms(const char *letters)
{
    struct control_listed listed;
    for (; *letters != '\0'; letters++) {
        assert_true(control_listed_next(&listing.entries, &listed));
        assert_memory_equal(listed.room.ptr, letters, 1);
        assert_int_equal(listed.members, 2);
    }
    assert_int_equal(listing.entries.len, 0);
}

static void rooms_of_all_shards_come_in_order(void **state)
{
    (void)state;
    begin(CONTROL_LIST, 10);
    assert_false(take_rooms(1, "bdx", false));
    assert_false(take_rooms(0, "a", false));
    assert_true(take_rooms(2, "cy", false));
    finish();
    expect_rooms("abcdxy");
    assert_false(listing.more);
    assert_int_equal(listing.shards, SHARDS);
    assert_int_equal(listing.missing, 0);
    buf_done(&out);
}

static void no_more_than_was_asked_for(void **state)
{
    (void)state;
    begin(CONTROL_LIST, 3);
    take_rooms(0, "ade", true);
    take_rooms(1, "b", false);
    take_rooms(2, "", false);
    finish();
    expect_rooms("abd");
    assert_true(listing.more);
    buf_done(&out);
    begin(CONTROL_LIST, 3); /* none of them has more, but together they do */
    take_rooms(0, "ac", false);
    take_rooms(1, "bd", false);
    take_rooms(2, "", false);
    finish();
    expect_rooms("abc");
    assert_true(listing.more);
    buf_done(&out);
}

static void a_shard_that_did_not_answer_is_named(void **state)
{
    struct slice name;
    (void)state;
    begin(CONTROL_LIST, 10);
    take_rooms(0, "a", false);
    take(1, NULL, ERR_UNAVAILABLE);
    finish(); /* the third says nothing */
    expect_rooms("a");
    assert_int_equal(listing.missing, 2);
    assert_true(control_name_next(&listing.names, &name));
    assert_true(slice_is(name, "b:2"));
    assert_true(control_name_next(&listing.names, &name));
    assert_true(slice_is(name, "c:3"));
    buf_done(&out);
}

static void where_none_answers_there_is_no_answer(void **state)
{
    (void)state;
    begin(CONTROL_WORKERS, 0);
    take(1, NULL, ERR_UNAVAILABLE);
    finish();
    assert_int_equal(answer.error, ERR_UNAVAILABLE);
    buf_done(&out);
}

static void what_is_no_query_is_none_to_any(void **state)
{
    (void)state;
    begin(CONTROL_LIST, 0);
    finish();
    assert_int_equal(answer.error, 0);
    assert_int_equal(answer.reason, CONTROL_INVALID);
    buf_done(&out);
}

static void a_worker_that_lives_on_any_shard_lives(void **state)
{
    struct control_worker worker;
    (void)state;
    begin(CONTROL_WORKERS, 0);
    take_worker(0, 20, false, "");
    take_worker(1, 20, true, "{\"a\":1}");
    take_worker(2, 21, false, "");
    finish();
    assert_true(control_worker_next(&listing.entries, &worker));
    assert_int_equal(worker.worker, 20);
    assert_true(worker.fresh);
    assert_true(slice_is(worker.card, "{\"a\":1}"));
    assert_true(control_worker_next(&listing.entries, &worker));
    assert_int_equal(worker.worker, 21);
    assert_false(worker.fresh);
    assert_true(control_worker_next(&listing.entries, &worker));
    assert_int_equal(worker.worker, 99);
    assert_int_equal(listing.entries.len, 0);
    buf_done(&out);
}

static void no_memory_is_no_answer(void **state)
{
    (void)state;
    begin(CONTROL_LIST, 10);
    take_rooms(0, "a", false);
    mem_fail_nth(1);
    finish();
    assert_int_equal(answer.error, ERR_UNAVAILABLE);
    mem_fail_nth(0);
    buf_done(&out);
}

static void only_what_has_no_room_is_gathered(void **state)
{
    (void)state;
    for (enum control_op op = 0; op < CONTROL_OP_COUNT; op++)
        assert_int_equal(gather_is_for(&(struct frame){.kind = FRAME_CONTROL, .reason = op}),
                         op == CONTROL_LIST || op == CONTROL_WORKERS);
    assert_false(gather_is_for(&(struct frame){.kind = FRAME_LEAVE, .reason = CONTROL_LIST}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rooms_of_all_shards_come_in_order),
        cmocka_unit_test(no_more_than_was_asked_for),
        cmocka_unit_test(a_shard_that_did_not_answer_is_named),
        cmocka_unit_test(where_none_answers_there_is_no_answer),
        cmocka_unit_test(what_is_no_query_is_none_to_any),
        cmocka_unit_test(a_worker_that_lives_on_any_shard_lives),
        cmocka_unit_test(no_memory_is_no_answer),
        cmocka_unit_test(only_what_has_no_room_is_gathered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
