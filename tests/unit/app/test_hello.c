#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/hello.h"

static struct buf packet;

static int start(void **state)
{
    struct hello hello = {.id = 12, .index = 3, .workers = 4, .config = SLICE("server: {}\n")};
    (void)state;
    hello.instance = (struct instance){.name = "one", .started = 77};
    hello.keys.current.cipher[31] = 0xc1;
    hello.keys.previous.mac[0] = 0x3a;
    buf_init(&packet, 65536);
    hello_write(&hello, &packet);
    return buf_failed(&packet);
}

static int stop(void **state)
{
    (void)state;
    buf_done(&packet);
    return 0;
}

static void a_worker_reads_what_its_supervisor_wrote(void **state)
{
    struct hello hello;
    (void)state;
    assert_true(hello_read(buf_slice(&packet), &hello));
    assert_int_equal(hello.id, 12);
    assert_int_equal(hello.index, 3);
    assert_string_equal(hello.instance.name, "one");
    assert_int_equal(hello.instance.started, 77);
    assert_int_equal(hello.workers, 4);
    assert_int_equal(hello.keys.current.cipher[31], 0xc1);
    assert_int_equal(hello.keys.previous.mac[0], 0x3a);
    assert_true(slice_is(hello.config, "server: {}\n"));
}

static void another_version_s_hello_is_refused(void **state)
{
    struct hello hello;
    (void)state;
    packet.data[10]++;
    assert_false(hello_read(buf_slice(&packet), &hello));
}

static void a_hello_cut_short_is_refused(void **state)
{
    struct hello hello;
    (void)state;
    size_t head = packet.len - sizeof("server: {}\n") + 1;
    for (size_t len = 0; len < head; len++)
        assert_false(hello_read((struct slice){packet.data, len}, &hello));
    assert_true(hello_read((struct slice){packet.data, head}, &hello));
    assert_int_equal(hello.config.len, 0);
}

static void a_worker_beyond_the_last_is_refused(void **state)
{
    struct hello hello = {.id = 1, .index = 2, .workers = 2}, got;
    (void)state;
    buf_clear(&packet);
    hello_write(&hello, &packet);
    assert_false(hello_read(buf_slice(&packet), &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_worker_reads_what_its_supervisor_wrote, start, stop),
        cmocka_unit_test_setup_teardown(another_version_s_hello_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_hello_cut_short_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(a_worker_beyond_the_last_is_refused, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
