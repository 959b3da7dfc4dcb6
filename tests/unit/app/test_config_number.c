/* Whole numbers, sizes and durations as text. */
#include "app/config_number.h"
#include "config_fixture.h"

static void good_numbers_are_read(void **state)
{
    static const struct {
        const char *text;
        const struct config_unit *units;
        uint64_t number;
    } cases[] = {
        {"0", config_units_count, 0},
        {"007", config_units_count, 7},
        {"18446744073709551615", config_units_count, UINT64_MAX},
        {"0", config_units_size, 0},
        {"512", config_units_size, 512},
        {"64KiB", config_units_size, 65536},
        {"1MiB", config_units_size, 1048576},
        {"3GiB", config_units_size, 3221225472},
        {"0", config_units_duration, 0},
        {"0s", config_units_duration, 0},
        {"500ms", config_units_duration, 500},
        {"25s", config_units_duration, 25000},
        {"10m", config_units_duration, 600000},
        {"1h", config_units_duration, 3600000},
        {"7d", config_units_duration, 604800000},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t number = 1;
        assert_true(config_number_parse(cases[i].text, cases[i].units, &number));
        assert_int_equal(number, cases[i].number);
    }
}

static void what_is_no_number_is_refused(void **state)
{
    static const struct {
        const char *text;
        const struct config_unit *units;
    } cases[] = {
        {"", config_units_count},         {"many", config_units_count},
        {"1.5", config_units_count},      {"1e3", config_units_count},
        {"0x10", config_units_count},     {"1_000", config_units_count},
        {" 1", config_units_count},       {"1 ", config_units_count},
        {"+1", config_units_count},       {"-", config_units_count},
        {"--1", config_units_count},      {"1s", config_units_count},
        {"KiB", config_units_size},       {"64KB", config_units_size},
        {"64kib", config_units_size},     {"64 KiB", config_units_size},
        {"1.5MiB", config_units_size},    {"64KiBx", config_units_size},
        {"25", config_units_duration},    {"s", config_units_duration},
        {"1h30m", config_units_duration}, {"25S", config_units_duration},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t number = 1;
        if (config_number_parse(cases[i].text, cases[i].units, &number))
            fail_msg("\"%s\" was read as %lu", cases[i].text, (unsigned long)number);
    }
}

static void too_large_or_negative_is_the_largest_and_so_out_of_range(void **state)
{
    static const struct {
        const char *text;
        const struct config_unit *units;
    } cases[] = {
        {"18446744073709551616", config_units_count},
        {"99999999999999999999999999999999", config_units_count},
        {"-1", config_units_count},
        {"17179869184GiB", config_units_size},
        {"213503982335d", config_units_duration},
        {"-25s", config_units_duration},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t number = 1;
        assert_true(config_number_parse(cases[i].text, cases[i].units, &number));
        assert_int_equal(number, UINT64_MAX);
    }
}

static void numbers_are_shown_in_their_largest_whole_unit(void **state)
{
    (void)state;
    assert_string_equal(config_number_show(0, config_units_duration).text, "0");
    assert_string_equal(config_number_show(1500, config_units_duration).text, "1500ms");
    assert_string_equal(config_number_show(25000, config_units_duration).text, "25s");
    assert_string_equal(config_number_show(60000, config_units_duration).text, "1m");
    assert_string_equal(config_number_show(86400000, config_units_duration).text, "1d");
    assert_string_equal(config_number_show(1000, config_units_size).text, "1000");
    assert_string_equal(config_number_show(1536, config_units_size).text, "1536");
    assert_string_equal(config_number_show(65536, config_units_size).text, "64KiB");
    assert_string_equal(config_number_show(100000, config_units_count).text, "100000");
}

static void what_is_shown_reads_back(void **state)
{
    const struct config_unit *units[] = {config_units_count, config_units_size,
                                         config_units_duration};
    uint64_t number = 1;
    (void)state;
    for (int i = 0; i < 3000; i++) {
        uint64_t back = 0;
        assert_true(config_number_parse(config_number_show(number, units[i % 3]).text, units[i % 3],
                                        &back));
        assert_int_equal(back, number);
        number = (number * 6364136223846793005u + 1442695040888963407u) >> (i % 40);
    }
}

static void bounds_of_a_key_are_exact(void **state)
{
    static const struct {
        const char *argument;
        int result;
    } cases[] = {
        {"server.workers=0", 0},
        {"server.workers=256", 0},
        {"server.workers=257", -1},
        {"server.workers=-1", -1},
        {"server.backlog=0", -1},
        {"server.backlog=1", 0},
        {"server.backlog=65535", 0},
        {"server.backlog=65536", -1},
        {"server.backlog=4294967297", -1},
        {"server.backlog=18446744073709551617", -1},
        {"http.hsts=0", 0},
        {"http.hsts=999ms", -1},
        {"http.hsts=1s", 0},
        {"http.hsts=730d", 0},
        {"http.hsts=731d", -1},
        {"tls.ticket_rotation=0", -1},
        {"drain.linger=0", 0},
        {"drain.linger=1d", 0},
        {"drain.linger=86400001ms", -1},
        {"limits.message_size=0", 0},
        {"limits.message_size=1", 0},
        {"limits.message_size=64MiB", 0},
        {"limits.message_size=67108865", -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        int result = LOAD(&f, NULL, "--set", cases[i].argument);
        if (result != cases[i].result)
            fail_msg("%s: %d", cases[i].argument, result);
        fixture_done(&f);
    }
}

static void every_limit_takes_0_and_its_whole_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        struct fixture f;
        char zero[128];
        if (strcmp(key->section, "limits") != 0 && strcmp(key->section, "timeouts") != 0)
            continue;
        snprintf(zero, sizeof(zero), "%s=0", key->path);
        assert_int_equal(LOAD(&f, NULL, "--set", zero), 0);
        fixture_done(&f);
        /* A count is kept in an unsigned. */
        assert_true(key->type != &config_type_count || key->max <= UINT32_MAX);
        assert_true(key->min <= key->max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_numbers_are_read),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(too_large_or_negative_is_the_largest_and_so_out_of_range),
        cmocka_unit_test(numbers_are_shown_in_their_largest_whole_unit),
        cmocka_unit_test(what_is_shown_reads_back),
        cmocka_unit_test(bounds_of_a_key_are_exact),
        cmocka_unit_test(every_limit_takes_0_and_its_whole_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
