/* Every allocation of reading and writing a configuration fails in turn, libyaml's included. */
#include "app/config_read.h"
#include "base/mem.h"
#include "config_fixture.h"

/* libyaml calls these through its symbol table, so that the ones of this program come first. */
void *yaml_malloc(size_t size);
void *yaml_realloc(void *old, size_t size);
char *yaml_strdup(const char *text);

static unsigned yaml_calls;

void *yaml_malloc(size_t size)
{
    yaml_calls++;
    return mem_alloc(size > 0 ? size : 1);
}

void *yaml_realloc(void *old, size_t size)
{
    yaml_calls++;
    return mem_realloc(old, size > 0 ? size : 1);
}

char *yaml_strdup(const char *text)
{
    yaml_calls++;
    size_t size = text == NULL ? 0 : strlen(text) + 1;
    char *copy = text == NULL ? NULL : mem_alloc(size);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

static const char yaml[] = "server:\n"
                           "  listen: [http://127.0.0.1:1, 'http://[::1]:1']\n"
                           "  origins:\n"
                           "    - self\n"
                           "    - https://example.org\n"
                           "  client: client\n"
                           "session:\n"
                           "  ice_servers:\n"
                           "    - urls: [stun:a, turn:b]\n"
                           "      username: u\n"
                           "      credential: c\n";

#define ATTEMPTS_MAX 5000

/* Fails the first allocation, then the second ... until none is left to fail. */
static unsigned fail_each(int (*attempt)(struct fixture *f))
{
    for (unsigned n = 1; n < ATTEMPTS_MAX; n++) {
        struct fixture f;
        memset(&f, 0, sizeof(f));
        mem_fail_nth(n);
        int result = attempt(&f);
        mem_fail_nth(0);
        if (result < 0) {
            assert_true(f.errors.count >= 1);
            if (strstr(f.errors.text[0], "out of memory") == NULL)
                fail_msg("allocation %u: %s", n, f.errors.text[0]);
        }
        fixture_done(&f);
        if (result == 0)
            return n - 1;
    }
    fail_msg("still failing after %d allocations", ATTEMPTS_MAX);
    return 0;
}

static int parse_text(struct fixture *f)
{
    return config_parse_text(&f->config, yaml, strlen(yaml), "roomline.yaml", &f->errors);
}

static void reading_text_survives_each_failure(void **state)
{
    (void)state;
    yaml_calls = 0;
    unsigned allocations = fail_each(parse_text);
    assert_true(yaml_calls > 0);
    assert_true(allocations > 100);
}

static const char *file_name;

static int load_everything(struct fixture *f)
{
    const char *environment[] = {"ROOMLINE_SERVER_ORIGINS=self,https://example.org", NULL};
    return LOAD(f, environment, "--config", file_name, "--listen", "http://127.0.0.1:1", "--listen",
                "http://127.0.0.1:2", "--set", "server.client=x", "--set",
                "session.ice_servers=[{urls: stun:a}]");
}

static void loading_from_all_sources_survives_each_failure(void **state)
{
    (void)state;
    file_name = fixture_file(yaml);
    assert_true(fail_each(load_everything) > 200);
    unlink(file_name);
}

/* The list before stays whole when the new one can't be made. */
static void a_failed_change_leaves_the_value_before(void **state)
{
    const struct config_key *key = &config_keys[CONFIG_ID(session, ice_servers)];
    const struct config_source source = {.from = CONFIG_FROM_FLAG, .option = "--set"};
    (void)state;
    int result = -1;
    for (unsigned n = 1; result < 0; n++) {
        struct fixture f;
        assert_int_equal(fixture_parse(&f, yaml), 0);
        struct config_place place = {.origin = "--set", .key = key, .errors = &f.errors};
        mem_fail_nth(n);
        result = config_read_value(&f.config, key, "[{urls: [stun:x, stun:y]}]", source, &place);
        mem_fail_nth(0);
        assert_string_equal(f.config.session.ice_servers.items[0].urls[0],
                            result < 0 ? "stun:a" : "stun:x");
        fixture_done(&f);
    }
}

/* A list of any length is refused with its reason even when that reason can't be spelled out. */
static void a_refusal_without_memory_still_says_what_is_wrong(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, ""), 0);
    struct config_place place = {.key = &config_keys[CONFIG_ID(log, level)], .errors = &f.errors};
    mem_fail_nth(1);
    config_refuse(&place, 0, "wrong");
    mem_fail_nth(0);
    assert_one_error(&f, "log.level: wrong");
    fixture_done(&f);
}

static void writing_survives_each_failure(void **state)
{
    static const enum config_form forms[] = {CONFIG_FORM_EFFECTIVE, CONFIG_FORM_INTERNAL,
                                             CONFIG_FORM_EXAMPLE, CONFIG_FORM_REFERENCE};
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, yaml), 0);
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        int result = -1;
        unsigned n = 0;
        while (result < 0) {
            struct buf out;
            buf_init(&out, CONFIG_TEXT_MAX);
            mem_fail_nth(++n);
            result = config_write(&f.config, forms[i], &out);
            mem_fail_nth(0);
            buf_done(&out);
        }
        assert_true(n > 1);
    }
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_text_survives_each_failure),
        cmocka_unit_test(loading_from_all_sources_survives_each_failure),
        cmocka_unit_test(a_failed_change_leaves_the_value_before),
        cmocka_unit_test(a_refusal_without_memory_still_says_what_is_wrong),
        cmocka_unit_test(writing_survives_each_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
