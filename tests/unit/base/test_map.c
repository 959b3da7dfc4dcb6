#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"

#define ITEMS 300

struct item {
    uint32_t key;
    UT_hash_handle hh;
};

static struct item items[ITEMS];

static int start(void **state)
{
    (void)state;
    crypto_init();
    for (uint32_t i = 0; i < ITEMS; i++)
        items[i] = (struct item){.key = i};
    return 0;
}

static struct item *find(struct item *map, uint32_t key)
{
    struct item *item;
    MAP_FIND(map, &key, sizeof(key), item);
    return item;
}

static bool add(struct item **map, struct item *item)
{
    MAP_ADD(*map, &item->key, sizeof(item->key), item);
    return item->hh.tbl != NULL;
}

static void empty_map_has_nothing(void **state)
{
    (void)state;
    struct item *map = NULL;
    assert_null(find(map, 1));
    assert_int_equal(MAP_COUNT(map), 0);
}

static void finds_what_was_added_and_not_deleted(void **state)
{
    (void)state;
    struct item *map = NULL;
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_true(add(&map, &items[i]));
    assert_int_equal(MAP_COUNT(map), ITEMS);
    for (uint32_t i = 0; i < ITEMS; i += 2)
        MAP_DELETE(map, &items[i]);
    assert_int_equal(MAP_COUNT(map), ITEMS / 2);
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_ptr_equal(find(map, i), i % 2 == 0 ? NULL : &items[i]);
    for (uint32_t i = 1; i < ITEMS; i += 2)
        MAP_DELETE(map, &items[i]);
    assert_null(map);
}

static void each_may_delete_what_it_visits(void **state)
{
    (void)state;
    struct item *map = NULL, *item, *next;
    unsigned visited = 0;
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_true(add(&map, &items[i]));
    MAP_EACH (map, item, next) {
        MAP_DELETE(map, item);
        visited++;
    }
    assert_int_equal(visited, ITEMS);
    assert_null(map);
}

static void a_small_map_is_small(void **state)
{
    (void)state;
    struct item *map = NULL;
    assert_true(add(&map, &items[0]));
    assert_true(add(&map, &items[1]));
    assert_int_equal(map->hh.tbl->num_buckets, 1);
    MAP_DELETE(map, &items[0]);
    MAP_DELETE(map, &items[1]);
}

/* Fills a map while the nth allocation fails. Returns whether it did. */
static bool fill_with_failure(unsigned nth)
{
    struct item *map = NULL, *item, *next;
    uint32_t missing = ITEMS;
    mem_fail_nth(nth);
    for (uint32_t i = 0; i < ITEMS; i++)
        if (!add(&map, &items[i]))
            missing = i;
    mem_fail_nth(0);
    for (uint32_t i = 0; i < ITEMS; i++)
        assert_ptr_equal(find(map, i), i == missing ? NULL : &items[i]);
    assert_int_equal(MAP_COUNT(map), missing < ITEMS ? ITEMS - 1 : ITEMS);
    if (missing < ITEMS)
        assert_true(add(&map, &items[missing]));
    assert_int_equal(MAP_COUNT(map), ITEMS);
    MAP_EACH (map, item, next)
        MAP_DELETE(map, item);
    return missing < ITEMS;
}

static void one_failed_allocation_costs_one_item(void **state)
{
    (void)state;
    unsigned nth = 1;
    while (fill_with_failure(nth))
        nth++;
    assert_true(nth > 3); /* table, buckets and at least one growth were tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_map_has_nothing),
        cmocka_unit_test(finds_what_was_added_and_not_deleted),
        cmocka_unit_test(each_may_delete_what_it_visits),
        cmocka_unit_test(a_small_map_is_small),
        cmocka_unit_test(one_failed_allocation_costs_one_item),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
