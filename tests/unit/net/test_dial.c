/* Connecting by address, by name and to unix sockets, and giving up at any time. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/dial.h"
#include "net/fixture.h"

static uv_loop_t loop;
static int listener; /* on 127.0.0.1 */
static uint16_t port;
static int result; /* of the last dial */
static unsigned told;

static int start(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    (void)state;
    uv_loop_init(&loop);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 8), 0);
    getsockname(listener, (struct sockaddr *)&address, &size);
    port = ntohs(address.sin_port);
    told = 0;
    return 0;
}

/* Whatever was dialed leaves nothing on the loop. */
static int stop(void **state)
{
    (void)state;
    close(listener);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void on_dialed(void *context, int fd)
{
    assert_ptr_equal(context, &loop);
    result = fd;
    told++;
}

static struct dial *dial_to(const char *host, bool local)
{
    struct dial_target target = {.host = host, .local = local, .port = port};
    struct dial *dial = dial_start(&loop, &target, 1000, on_dialed, &loop);
    assert_non_null(dial);
    assert_int_equal(told, 0); /* not from within */
    return dial;
}

static void assert_dialed(const char *host, bool local)
{
    char bytes[2] = "";
    dial_to(host, local);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(told, 1);
    assert_true(result >= 0);
    int peer = accept(listener, NULL, NULL);
    assert_int_equal(write(peer, "x", 1), 1);
    while (read(result, bytes, 1) != 1)
        assert_int_equal(errno, EAGAIN); /* it does not block */
    assert_string_equal(bytes, "x");
    close(peer);
}

static void an_address_is_connected_to(void **state)
{
    int on = 0;
    socklen_t size = sizeof(on);
    (void)state;
    assert_dialed("127.0.0.1", false);
    assert_int_equal(getsockopt(result, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_int_equal(on, 1);
    close(result);
}

/* "localhost" may be ::1 first, where nobody listens: the next address is tried. */
static void a_name_is_resolved_and_every_address_tried(void **state)
{
    (void)state;
    assert_dialed("localhost", false);
    close(result);
}

static void a_unix_socket_is_connected_to(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/roomline-dial-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
    close(listener);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_dialed(address.sun_path, true);
    close(result);
    unlink(address.sun_path);
    rmdir(folder);
}

static void assert_fails(const char *host, bool local, int error)
{
    told = 0;
    dial_to(host, local);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(told, 1);
    assert_int_equal(result, error);
}

static void what_fails_says_why(void **state)
{
    char path[200];
    (void)state;
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[199] = '\0';
    assert_fails("/nowhere/socket", true, UV_ENOENT);
    assert_fails(path, true, UV_ENAMETOOLONG);
    close(listener);
    assert_fails("127.0.0.1", false, UV_ECONNREFUSED);
    assert_fails("localhost", false, UV_ECONNREFUSED);
    listener = -1;
}

/* Longer than any name may be. */
static void a_name_that_cannot_be_is_refused(void **state)
{
    char name[1200];
    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    dial_to(name, false);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(told, 1);
    assert_true(result < 0);
}

/* A listener whose queue is full answers no more. */
static void an_address_that_swallows_is_given_up_in_time(void **state)
{
    int fillers[64];
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
    (void)state;
    listen(listener, 0);
    for (int i = 0; i < 64; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
    }
    uint64_t began = uv_hrtime();
    assert_fails("127.0.0.1", false, UV_ETIMEDOUT);
    assert_true(uv_hrtime() - began >= 900000000u);
    for (int i = 0; i < 64; i++)
        close(fillers[i]);
}

static void it_may_be_cancelled_at_any_time(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "/nowhere/socket"};
    (void)state;
    for (int turns = 0; turns < 3; turns++) {
        for (int i = 0; i < 3; i++) {
            told = 0;
            struct dial *dial = dial_to(hosts[i], hosts[i][0] == '/');
            for (int turn = 0; turn < turns && told == 0; turn++)
                uv_run(&loop, UV_RUN_NOWAIT);
            unsigned before = told;
            if (told == 0)
                dial_cancel(dial);
            else if (result >= 0)
                close(result);
            uv_run(&loop, UV_RUN_DEFAULT);
            assert_int_equal(told, before);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_address_is_connected_to),       TEST(a_name_is_resolved_and_every_address_tried),
        TEST(a_unix_socket_is_connected_to),    TEST(what_fails_says_why),
        TEST(a_name_that_cannot_be_is_refused), TEST(an_address_that_swallows_is_given_up_in_time),
        TEST(it_may_be_cancelled_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
