/* The bus section: URLs of Redis, passwords, what goes together, and that no secret is shown. */
#include "app/settings_bus.h"
#include "config_fixture.h"

static const struct redis_url *shard(const struct fixture *f, size_t place)
{
    assert_true(place < f->config.bus.redis.count);
    return &f->config.bus.redis.items[place].url;
}

static void without_a_word_there_is_no_redis(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, ""), 0);
    assert_int_equal(f.config.bus.redis.count, 0);
    assert_string_equal(f.config.bus.prefix, "rl:");
    assert_string_equal(f.config.bus.password, "");
    fixture_done(&f);
}

static void urls_come_from_a_list_or_alone(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, "bus:\n  redis:\n    - redis://a\n    - unix:/run/b?db=2\n"),
                     0);
    assert_int_equal(f.config.bus.redis.count, 2);
    assert_string_equal(shard(&f, 0)->addresses[0].host, "a");
    assert_true(shard(&f, 1)->addresses[0].local);
    assert_int_equal(shard(&f, 1)->database, 2);
    fixture_done(&f);
    assert_int_equal(fixture_parse(&f, "bus:\n  redis: rediss://u:p@a\n"), 0);
    assert_int_equal(f.config.bus.redis.count, 1);
    assert_true(shard(&f, 0)->tls);
    fixture_done(&f);
}

static void the_flag_may_be_repeated_and_replaces_the_list(void **state)
{
    struct fixture f;
    const char *environment[] = {"ROOMLINE_BUS_REDIS=redis://x,redis://y,redis://z", NULL};
    (void)state;
    assert_int_equal(LOAD(&f, environment, "--workers", "1"), 0);
    assert_int_equal(f.config.bus.redis.count, 3);
    fixture_done(&f);
    assert_int_equal(LOAD(&f, environment, "--redis", "redis://a", "--redis", "redis://b:1/2"), 0);
    assert_int_equal(f.config.bus.redis.count, 2);
    assert_string_equal(shard(&f, 1)->addresses[0].host, "b");
    fixture_done(&f);
}

/* Commas stand between entries and between sentinels. */
static void sentinels_survive_lists_with_commas(void **state)
{
    struct fixture f;
    const char *environment[] = {
        "ROOMLINE_BUS_REDIS=redis+sentinel://u:a,b@s1:1,s2,[::1]:3/m/4,redis://x,unix:/y", NULL};
    (void)state;
    assert_int_equal(LOAD(&f, environment, "--workers", "1"), 0);
    assert_int_equal(f.config.bus.redis.count, 3);
    assert_int_equal(shard(&f, 0)->address_count, 3);
    assert_string_equal(shard(&f, 0)->addresses[2].host, "::1");
    assert_string_equal(shard(&f, 0)->login.password, "a,b");
    assert_string_equal(shard(&f, 0)->master, "m");
    assert_int_equal(shard(&f, 0)->database, 4);
    fixture_done(&f);
    assert_int_equal(fixture_parse(&f, "bus:\n  redis: [redis+sentinel://s1,s2,s3/m, redis://x]\n"),
                     0);
    assert_int_equal(f.config.bus.redis.count, 2);
    assert_int_equal(shard(&f, 0)->address_count, 3);
    fixture_done(&f);
    assert_int_equal(LOAD(&f, NULL, "--redis", "redis+sentinel://s1,s2/m"), 0);
    assert_int_equal(shard(&f, 0)->address_count, 2);
    fixture_done(&f);
}

/* Whatever is wrong, and wherever it stands: no part of the URL is repeated. */
static void what_is_refused_shows_no_secret(void **state)
{
    static const char *const texts[] = {
        "bus:\n  redis: [redis://u:hush@h:x]\n",
        "bus:\n  redis: [rediss://:hush]\n",
        "bus:\n  redis: [hush]\n",
        "bus:\n  redis: hush\n",
        "bus:\n  redis: [redis://u:hush@a, redis://v:hush@a]\n",
        "bus:\n  redis: [\"redis://u:hush\\u0007@h\"]\n",
        "bus:\n  redis:\n    - {redis://u:hush@h: 1}\n",
        "bus:\n  redis:\n    - [redis://u:hush@h]\n",
        "bus:\n  redis: {redis://u:hush@h: 1}\n",
        "bus:\n  redis: [redis://u@h, redis://u:hush@h/1]\n",
        "bus:\n  password: [hush]\n",
        "bus:\n  password: \"hush\\n\"\n",
        "bus:\n  password: hush\n  password_file: /x\n",
        "bus:\n  sentinel_password: hush\n  sentinel_password_file: /x\n",
        "bus:\n  password: hush\n  password: hush2\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct fixture f;
        if (fixture_parse(&f, texts[i]) != -1)
            fail_msg("taken: %s", texts[i]);
        assert_true(f.errors.count > 0);
        for (size_t j = 0; j < f.errors.count && j < CONFIG_ERRORS_MAX; j++)
            if (strstr(f.errors.text[j], "hush") != NULL)
                fail_msg("%s", f.errors.text[j]);
        fixture_done(&f);
    }
}

static void errors_name_the_entry_and_what_is_wrong(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, "bus:\n  redis:\n    - redis://a\n    - redis://b:x\n"), -1);
    assert_int_equal(strncmp(f.errors.text[0],
                             "roomline.yaml:4: bus.redis: entry 2 is no URL of a Redis: the host "
                             "is not NAME, ADDRESS or [IPv6 ADDRESS], with :PORT or not; allowed: ",
                             130),
                     0);
    fixture_done(&f);
    assert_int_equal(fixture_parse(&f, "bus:\n  redis: [redis://a/1, redis://a:6379/1]\n"), -1);
    assert_one_error(&f, "roomline.yaml:2: bus.redis: entry 2 is the Redis of another entry");
    fixture_done(&f);
    assert_int_equal(fixture_parse(&f, "bus:\n  redis: [redis://a/1, redis://a/2]\n"), 0);
    fixture_done(&f);
}

static void a_url_is_bounded(void **state)
{
    struct fixture f;
    char text[6000];
    (void)state;
    snprintf(text, sizeof(text), "bus:\n  redis: [redis://%02500d]\n", 0);
    assert_int_equal(fixture_parse(&f, text), -1);
    assert_non_null(strstr(f.errors.text[0], "are too long"));
    fixture_done(&f);
    snprintf(text, sizeof(text), "bus:\n  redis: [redis://%01500d,%01500d]\n", 0, 0);
    assert_int_equal(fixture_parse(&f, text), -1);
    assert_one_error(&f, "roomline.yaml:2: bus.redis: a URL of more than 2048 bytes");
    fixture_done(&f);
}

static void shards_are_bounded(void **state)
{
    struct fixture f;
    char text[4096] = "bus:\n  redis: [redis://a";
    (void)state;
    for (int i = 1; i < 64; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ", redis://a/%d", i);
    size_t len = strlen(text);
    strcpy(text + len, "]\n");
    assert_int_equal(fixture_parse(&f, text), 0);
    fixture_done(&f);
    strcpy(text + len, ", redis://b]\n");
    assert_int_equal(fixture_parse(&f, text), -1);
    assert_one_error(&f, "roomline.yaml:2: bus.redis: more than 64 entries");
    fixture_done(&f);
}

static void what_goes_together_is_checked(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"bus:\n  cert: /c\n", "roomline.yaml:2: bus.cert: needs bus.key, too"},
        {"bus:\n  key: /k\n", "roomline.yaml:2: bus.key: needs bus.cert, too"},
        {"bus:\n  prefix: a{b}\n", "roomline.yaml:2: bus.prefix: must not hold { or }"},
        {"bus:\n  password: a\n  password_file: /f\n",
         "roomline.yaml:3: bus.password_file: bus.password is set as well"},
        {"bus:\n  sentinel_user: a\n", "roomline.yaml:2: bus.sentinel_user: needs "
                                       "bus.sentinel_password or bus.sentinel_password_file, too"},
        {"bus:\n  redis: [redis://u@h]\n",
         "roomline.yaml:2: bus.redis: a user without a password: it goes into the URL, "
         "bus.password or bus.password_file"},
    };
    struct fixture f;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(fixture_parse(&f, cases[i].text), -1);
        assert_one_error(&f, cases[i].error);
        fixture_done(&f);
    }
    assert_int_equal(
        fixture_parse(&f, "bus:\n  redis: [redis://u@h, redis://v:p@i]\n  password: a\n"), 0);
    fixture_done(&f);
}

/* For people: no secret. For workers: all of it. */
static void secrets_are_printed_for_workers_only(void **state)
{
    struct fixture f, worker;
    (void)state;
    const char *environment[] = {"ROOMLINE_BUS_PASSWORD=hush1",
                                 "ROOMLINE_BUS_SENTINEL_PASSWORD=hush2", NULL};
    assert_int_equal(LOAD(&f, environment, "--redis", "rediss+sentinel://u:hu%40sh@a,b/m/1",
                          "--redis", "redis://plain"),
                     0);
    char *shown = fixture_write(&f.config, CONFIG_FORM_EFFECTIVE);
    assert_null(strstr(shown, "hush"));
    assert_null(strstr(shown, "hu%40sh"));
    assert_null(strstr(shown, "hu@sh"));
    assert_non_null(strstr(shown, "rediss+sentinel://u:********@a:26379,b:26379/m/1"));
    assert_non_null(strstr(shown, "password: \"********\"  # environment ROOMLINE_BUS_PASSWORD\n"));
    assert_non_null(strstr(shown, "    - redis://plain:6379\n"));
    free(shown);
    char *internal = fixture_write(&f.config, CONFIG_FORM_INTERNAL);
    assert_int_equal(fixture_parse(&worker, internal), 0);
    assert_string_equal(worker.config.bus.password, "hush1");
    assert_string_equal(worker.config.bus.sentinel_password, "hush2");
    assert_string_equal(shard(&worker, 0)->login.password, "hu@sh");
    free(internal);
    fixture_done(&worker);
    fixture_done(&f);
}

/* --- what the bus is told --- */

static void passwords_reach_the_shards_that_have_none(void **state)
{
    struct fixture f;
    struct settings_bus bus;
    char error[SETTINGS_ERROR_SIZE];
    (void)state;
    const char *path = fixture_file("from file\r\nanother line\n");
    assert_int_equal(LOAD(&f, NULL, "--redis", "redis://u@a", "--redis", "rediss://v:own@b",
                          "--set", "bus.sentinel_password=s", "--set", "bus.sentinel_user=t",
                          "--set", "bus.ca=/ca.pem"),
                     -1); /* u has no password yet */
    fixture_done(&f);
    char setting[128];
    snprintf(setting, sizeof(setting), "bus.password_file=%s", path);
    assert_int_equal(LOAD(&f, NULL, "--redis", "redis://u@a", "--redis", "rediss://v:own@b",
                          "--set", "bus.sentinel_password=s", "--set", "bus.sentinel_user=t",
                          "--set", "bus.ca=/ca.pem", "--set", setting),
                     0);
    assert_int_equal(settings_bus(&f.config, &bus, error), 0);
    assert_int_equal(bus.count, 2);
    assert_string_equal(bus.urls[0].login.user, "u");
    assert_string_equal(bus.urls[0].login.password, "from file");
    assert_string_equal(bus.urls[1].login.password, "own");
    assert_string_equal(bus.sentinel.user, "t");
    assert_string_equal(bus.sentinel.password, "s");
    assert_true(bus.use_tls);
    assert_string_equal(bus.tls.ca, "/ca.pem");
    assert_null(bus.tls.pair.cert);
    settings_bus_done(&bus);
    fixture_done(&f);
    unlink(path);
}

static void assert_password_file(const char *text, const char *error_end)
{
    struct fixture f;
    struct settings_bus bus;
    char error[SETTINGS_ERROR_SIZE] = "";
    char setting[128];
    const char *path = fixture_file(text);
    snprintf(setting, sizeof(setting), "bus.password_file=%s", path);
    assert_int_equal(LOAD(&f, NULL, "--set", setting), 0);
    int result = settings_bus(&f.config, &bus, error);
    assert_int_equal(result, error_end == NULL ? 0 : -1);
    if (error_end != NULL)
        assert_non_null(strstr(error, error_end));
    if (result == 0)
        settings_bus_done(&bus);
    fixture_done(&f);
    unlink(path);
}

static void password_files_are_bounded_and_not_empty(void **state)
{
    char text[1024];
    (void)state;
    assert_password_file("x", NULL);
    assert_password_file("x\n", NULL);
    assert_password_file("", ": its first line is empty");
    assert_password_file("\nx\n", ": its first line is empty");
    assert_password_file("\r\n", ": its first line is empty");
    snprintf(text, sizeof(text), "%0512d\n", 0);
    assert_password_file(text, NULL);
    snprintf(text, sizeof(text), "%0512d", 0);
    assert_password_file(text, NULL);
    snprintf(text, sizeof(text), "%0513d", 0);
    assert_password_file(text, ": its first line is longer than 512 bytes");
}

static void a_missing_password_file_is_told(void **state)
{
    struct fixture f;
    char error[SETTINGS_ERROR_SIZE] = "";
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--set", "bus.sentinel_password_file=/nowhere/p"), 0);
    assert_int_equal(config_check(&f.config, &f.errors), -1);
    assert_one_error(&f, "--set: bus.sentinel_password_file: \"/nowhere/p\" cannot be read: No "
                         "such file or directory");
    assert_int_equal(settings_check_bus(&f.config, error), -1);
    assert_string_equal(error, "bus.sentinel_password_file: /nowhere/p: No such file or directory");
    fixture_done(&f);
}

static void certificates_are_checked_before_they_are_needed(void **state)
{
    struct fixture f;
    char error[SETTINGS_ERROR_SIZE] = "";
    char setting[128];
    const char *path = fixture_file("no certificate\n");
    (void)state;
    snprintf(setting, sizeof(setting), "bus.ca=%s", path);
    assert_int_equal(LOAD(&f, NULL, "--set", setting), 0);
    assert_int_equal(settings_check_bus(&f.config, error), -1);
    assert_non_null(strstr(error, "bus.ca, bus.cert, bus.key: CA file "));
    fixture_done(&f);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_word_there_is_no_redis),
        cmocka_unit_test(urls_come_from_a_list_or_alone),
        cmocka_unit_test(the_flag_may_be_repeated_and_replaces_the_list),
        cmocka_unit_test(sentinels_survive_lists_with_commas),
        cmocka_unit_test(what_is_refused_shows_no_secret),
        cmocka_unit_test(errors_name_the_entry_and_what_is_wrong),
        cmocka_unit_test(a_url_is_bounded),
        cmocka_unit_test(shards_are_bounded),
        cmocka_unit_test(what_goes_together_is_checked),
        cmocka_unit_test(secrets_are_printed_for_workers_only),
        cmocka_unit_test(passwords_reach_the_shards_that_have_none),
        cmocka_unit_test(password_files_are_bounded_and_not_empty),
        cmocka_unit_test(a_missing_password_file_is_told),
        cmocka_unit_test(certificates_are_checked_before_they_are_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
