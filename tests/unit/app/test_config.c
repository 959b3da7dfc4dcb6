/* Where values come from: defaults, file, environment, flags. */
#include "config_fixture.h"

static void every_key_has_its_default(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, ""), 0);
    assert_int_equal(f.errors.count, 0);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
        assert_int_equal(f.config.sources[i].from, CONFIG_FROM_DEFAULT);

    assert_int_equal(f.config.server.listen.count, 1);
    assert_string_equal(f.config.server.listen.items[0].host, "0.0.0.0");
    assert_int_equal(f.config.server.listen.items[0].port, 8080);
    assert_int_equal(f.config.server.workers, 0);
    assert_string_equal(f.config.server.client, "");
    assert_true(f.config.server.origins.self);
    assert_false(f.config.server.origins.any);
    assert_int_equal(f.config.server.backlog, 1024);
    assert_int_equal(f.config.tls.min_version, CONFIG_TLS_1_2);
    assert_int_equal(f.config.tls.ticket_rotation, 3600 * 1000);
    assert_int_equal(f.config.http.hsts, 0);
    assert_int_equal(f.config.limits.connections, 100000);
    assert_int_equal(f.config.limits.message_size, 65536);
    assert_int_equal(f.config.limits.hold_bytes, 256 * 1024);
    assert_int_equal(f.config.timeouts.tls_handshake, 10000);
    assert_int_equal(f.config.session.ping_interval, 25000);
    assert_int_equal(f.config.session.ice_servers.count, 0);
    assert_string_equal(f.config.session.ice_servers.json, "[]");
    assert_int_equal(f.config.drain.deadline, 30000);
    assert_int_equal(f.config.log.level, CONFIG_LOG_INFO);
    assert_int_equal(f.config.log.format, CONFIG_LOG_AUTO);
    fixture_done(&f);
}

static void later_sources_win(void **state)
{
    struct fixture f;
    const char *name = fixture_file("limits:\n  rooms: 1\n  peers_per_room: 2\n  fragments: 3\n");
    const char *environment[] = {"HOME=/", "ROOMLINE_LIMITS_PEERS_PER_ROOM=20",
                                 "ROOMLINE_LIMITS_FRAGMENTS=30", NULL};
    (void)state;
    assert_int_equal(LOAD(&f, environment, "--config", name, "--set", "limits.fragments=300"), 0);
    assert_int_equal(f.config.limits.connections, 100000);
    assert_int_equal(f.config.limits.rooms, 1);
    assert_int_equal(f.config.limits.peers_per_room, 20);
    assert_int_equal(f.config.limits.fragments, 300);

    const struct config_source *sources = f.config.sources;
    assert_int_equal(sources[CONFIG_ID(limits, connections)].from, CONFIG_FROM_DEFAULT);
    assert_int_equal(sources[CONFIG_ID(limits, rooms)].from, CONFIG_FROM_FILE);
    assert_int_equal(sources[CONFIG_ID(limits, rooms)].line, 2);
    assert_int_equal(sources[CONFIG_ID(limits, peers_per_room)].from, CONFIG_FROM_ENVIRONMENT);
    assert_int_equal(sources[CONFIG_ID(limits, fragments)].from, CONFIG_FROM_FLAG);
    fixture_done(&f);
    unlink(name);
}

static void the_last_of_two_flags_wins(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--workers", "3", "--set", "server.workers=4"), 0);
    assert_int_equal(f.config.server.workers, 4);
    fixture_done(&f);
}

static void a_list_is_replaced_as_a_whole(void **state)
{
    struct fixture f;
    const char *environment[] = {"ROOMLINE_SERVER_LISTEN=http://127.0.0.1:1, http://127.0.0.1:2",
                                 "ROOMLINE_SERVER_ORIGINS=*", NULL};
    (void)state;
    assert_int_equal(
        LOAD(&f, environment, "--set", "server.origins=[ self, \"https://example.org\" ]"), 0);
    assert_int_equal(f.config.server.listen.count, 2);
    assert_int_equal(f.config.server.listen.items[0].port, 1);
    assert_int_equal(f.config.server.listen.items[1].port, 2);
    assert_false(f.config.server.origins.any);
    assert_true(f.config.server.origins.self);
    assert_int_equal(f.config.server.origins.count, 1);
    assert_string_equal(f.config.server.origins.items[0], "https://example.org");
    fixture_done(&f);
}

static void repeated_listen_flags_add_up_and_replace_the_default(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(
        LOAD(&f, NULL, "--listen", "http://127.0.0.1:0", "--workers=2", "--listen=http://[::1]:0"),
        0);
    assert_int_equal(f.config.server.listen.count, 2);
    assert_string_equal(f.config.server.listen.items[0].host, "127.0.0.1");
    assert_string_equal(f.config.server.listen.items[1].host, "::1");
    assert_string_equal(f.config.sources[CONFIG_ID(server, listen)].option, "--listen");
    assert_int_equal(f.config.server.workers, 2);
    fixture_done(&f);
}

static void every_key_is_set_by_its_variable_and_by_set(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const struct config_key *key = &config_keys[i];
        struct fixture f;
        char variable[256];
        char assignment[256];
        snprintf(variable, sizeof(variable), "%s=%s", config_key_variable(key).name, key->fallback);
        snprintf(assignment, sizeof(assignment), "%s=%s", key->path, key->fallback);

        const char *environment[] = {variable, NULL};
        assert_int_equal(fixture_load(&f, environment, (const char *[]){NULL}), 0);
        assert_int_equal(f.config.sources[i].from, CONFIG_FROM_ENVIRONMENT);
        fixture_done(&f);
        assert_int_equal(LOAD(&f, NULL, "--set", assignment), 0);
        assert_int_equal(f.config.sources[i].from, CONFIG_FROM_FLAG);
        assert_string_equal(f.config.sources[i].option, "--set");
        fixture_done(&f);
    }
}

static void an_unknown_variable_is_refused(void **state)
{
    struct fixture f;
    const char *near[] = {"ROOMLINE_LIMIT_ROOMS=5", NULL};
    const char *far[] = {"ROOMLINE_COLOUR=blue", NULL};
    const char *port[] = {"ROOMLINE_PORT=8080", NULL};
    (void)state;
    assert_int_equal(fixture_load(&f, near, (const char *[]){NULL}), -1);
    assert_one_error(&f, "environment ROOMLINE_LIMIT_ROOMS: unknown variable; did you mean "
                         "ROOMLINE_LIMITS_ROOMS?");
    fixture_done(&f);
    assert_int_equal(fixture_load(&f, far, (const char *[]){NULL}), -1);
    assert_one_error(&f, "environment ROOMLINE_COLOUR: unknown variable; they are named "
                         "ROOMLINE_SECTION_KEY");
    fixture_done(&f);
    assert_int_equal(fixture_load(&f, port, (const char *[]){NULL}), -1);
    fixture_done(&f);
}

static void variables_that_are_no_settings_are_let_be(void **state)
{
    struct fixture f;
    const char *environment[] = {"ROOMLINE_WORKER=1",
                                 "ROOMLINE_SERVICE_HOST=10.0.0.1",
                                 "ROOMLINE_SERVICE_PORT=80",
                                 "ROOMLINE_SERVICE_PORT_HTTP=80",
                                 "ROOMLINE_PORT=tcp://10.0.0.1:80",
                                 "ROOMLINE_PORT_80_TCP=tcp://10.0.0.1:80",
                                 "ROOMLINE_PORT_80_TCP_ADDR=10.0.0.1",
                                 "ROOMLINE_ADMIN_SERVICE_HOST=10.0.0.2",
                                 "ROOMLINE",
                                 "ROOMLINER=1",
                                 NULL};
    (void)state;
    assert_int_equal(fixture_load(&f, environment, (const char *[]){NULL}), 0);
    fixture_done(&f);
}

static void bad_values_name_where_they_stand(void **state)
{
    static const struct {
        const char *argument;
        const char *error;
    } cases[] = {
        {"limits.rooms=many",
         "--set: limits.rooms: \"many\" is not a whole number; allowed: 0 (no limit) to 10000000"},
        {"limits.room=1", "--set: limits.room: unknown key; did you mean limits.rooms?"},
        {"rooms=1", "--set: rooms: unknown key; did you mean limits.rooms?"},
        {"zzz=1", "--set: zzz: unknown key; --help lists those there are"},
        {"limits.rooms", "--set: \"limits.rooms\"; allowed: section.key=value"},
        {"server.backlog=0", "--set: server.backlog: \"0\" is out of range; allowed: 1 to 65535"},
        {"timeouts.join=25",
         "--set: timeouts.join: \"25\" is not a duration; allowed: 0 (no limit) to 1h, written as "
         "500ms, 25s, 10m, 1h or 7d"},
        {"http.hsts=10ms",
         "--set: http.hsts: \"10ms\" is out of range; allowed: 0 (header not sent), or 1s to 730d, "
         "written as 500ms, 25s, 10m, 1h or 7d"},
        {"limits.message_size=64KB",
         "--set: limits.message_size: \"64KB\" is not a size; allowed: 0 (no limit) to 64MiB, "
         "written as 512 (bytes), 64KiB, 1MiB or 1GiB"},
        {"log.level=loud",
         "--set: log.level: \"loud\" is not one of its words; allowed: debug, info, warn, error"},
        {"server.rooms_on_demand=maybe",
         "--set: server.rooms_on_demand: \"maybe\" is not true or false; allowed: true or false"},
        {"tls.cert=a\x01z", "--set: tls.cert: holds control characters or is not UTF-8"},
        {"tls.cert=a\xff", "--set: tls.cert: holds control characters or is not UTF-8"},
        {"server.origins=[self",
         "--set: server.origins: not YAML: did not find expected ',' or ']'"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        assert_int_equal(LOAD(&f, NULL, "--set", cases[i].argument), -1);
        assert_one_error(&f, cases[i].error);
        fixture_done(&f);
    }
}

static void a_bad_value_in_a_file_names_file_and_line(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(fixture_parse(&f, "# one\n\nlimits:\n  rooms: 5\n  peers_per_room: many\n"),
                     -1);
    assert_one_error(&f, "roomline.yaml:5: limits.peers_per_room: \"many\" is not a whole number; "
                         "allowed: 0 (no limit) to 100000");
    fixture_done(&f);
}

static void a_short_form_names_itself(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--workers", "many"), -1);
    assert_one_error(&f, "--workers: server.workers: \"many\" is not a whole number; allowed: "
                         "0 (one per core) to 256");
    fixture_done(&f);
}

static void all_faults_are_told_up_to_ten(void **state)
{
    struct fixture f;
    const char *environment[] = {"ROOMLINE_LOG_LEVEL=loud", NULL};
    const char *name = fixture_file("limits: {rooms: a, connections: b, fragments: c}\n"
                                    "drain: {linger: a, spread: b, deadline: c}\nlogs: {}\n");
    (void)state;
    assert_int_equal(LOAD(&f, environment, "--config", name, "--set", "a.b=1", "--workers", "x",
                          "--set", "log.format=y", "--set", "q", "--set", "r"),
                     -1);
    assert_int_equal(f.errors.count, 13);
    assert_non_null(strstr(f.errors.text[6], "logs: unknown section; did you mean log?"));
    assert_non_null(strstr(f.errors.text[9], "--workers"));

    char printed[CONFIG_ERROR_SIZE * 12] = {0};
    FILE *file = fmemopen(printed, sizeof(printed), "w");
    config_errors_print(&f.errors, file);
    fclose(file);
    assert_non_null(strstr(printed, "\nand 3 more\n"));
    fixture_done(&f);
    unlink(name);
}

static void a_file_that_cannot_be_read_is_refused(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--config", "/nowhere/roomline.yaml"), -1);
    assert_one_error(&f, "/nowhere/roomline.yaml: cannot be read: No such file or directory");
    fixture_done(&f);
    assert_int_equal(LOAD(&f, NULL, "--config", "/tmp"), -1);
    assert_one_error(&f, "/tmp: cannot be read: Is a directory");
    fixture_done(&f);
    assert_int_equal(LOAD(&f, NULL, "--config", "/dev/zero"), -1);
    assert_one_error(&f, "/dev/zero: more than 256 KiB are not taken");
    fixture_done(&f);
}

static void an_empty_file_is_all_defaults(void **state)
{
    struct fixture f;
    const char *name = fixture_file("# nothing yet\nlimits:\n  # rooms: 5\nserver: ~\n");
    (void)state;
    assert_int_equal(LOAD(&f, NULL, "--config", name), 0);
    assert_int_equal(f.config.limits.rooms, 100000);
    fixture_done(&f);
    unlink(name);
    assert_int_equal(LOAD(&f, NULL, "--config", "/dev/null"), 0);
    fixture_done(&f);
}

static void what_was_given_is_shown_on_one_line_and_cut(void **state)
{
    (void)state;
    assert_string_equal(config_quote("a\nb\x7f").text, "\"a\\x0ab\\x7f\"");
    assert_string_equal(config_quote("\xc2\x85|\xed\x95\x9c|\xff").text,
                        "\"\\xc2\\x85|\xed\x95\x9c|\\xff\"");
    char longest[400];
    memset(longest, '\x01', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    struct config_shown shown = config_quote(longest);
    assert_true(strlen(shown.text) < 120);
    assert_string_equal(shown.text + strlen(shown.text) - 4, "...\"");
}

static void a_table_entry_is_found_by_what_is_near_it(void **state)
{
    (void)state;
    assert_int_equal(config_distance("rooms", "rooms"), 0);
    assert_int_equal(config_distance("rooms", "room"), 1);
    assert_int_equal(config_distance("kitten", "sitting"), 3);
    assert_int_equal(config_distance("", "abc"), 3);
    assert_string_equal(config_key_nearest("session.join")->path, "timeouts.join");
    assert_string_equal(config_key_nearest("timeout.close")->path, "timeouts.close");
    assert_null(config_key_nearest("something.else"));
    assert_string_equal(config_section_nearest("limit")->name, "limits");
    assert_null(config_section_nearest("colours"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_its_default),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(the_last_of_two_flags_wins),
        cmocka_unit_test(a_list_is_replaced_as_a_whole),
        cmocka_unit_test(repeated_listen_flags_add_up_and_replace_the_default),
        cmocka_unit_test(every_key_is_set_by_its_variable_and_by_set),
        cmocka_unit_test(an_unknown_variable_is_refused),
        cmocka_unit_test(variables_that_are_no_settings_are_let_be),
        cmocka_unit_test(bad_values_name_where_they_stand),
        cmocka_unit_test(a_bad_value_in_a_file_names_file_and_line),
        cmocka_unit_test(a_short_form_names_itself),
        cmocka_unit_test(all_faults_are_told_up_to_ten),
        cmocka_unit_test(a_file_that_cannot_be_read_is_refused),
        cmocka_unit_test(an_empty_file_is_all_defaults),
        cmocka_unit_test(what_was_given_is_shown_on_one_line_and_cut),
        cmocka_unit_test(a_table_entry_is_found_by_what_is_near_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
