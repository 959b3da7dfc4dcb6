#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/listen.h"

static char error[LISTEN_ERROR_SIZE];

static struct config_listener address_of(int family, const char *host, uint16_t port)
{
    struct config_listener address = {.scheme = CONFIG_SCHEME_HTTP, .family = family, .port = port};
    strcpy(address.host, host);
    return address;
}

static int open_one(struct listeners *listeners, struct config_listener address, unsigned workers)
{
    struct config_listeners wanted = {.count = 1, .items = &address};
    return listeners_open(listeners, &wanted, workers, 16, error);
}

static int connect_to(const struct config_listener *address, const char *host)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, host, &to.sin_addr);
    int result = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? 0 : -errno;
    close(fd);
    return result;
}

static void port_0_is_chosen_once_for_all_workers(void **state)
{
    struct listeners listeners;
    (void)state;
    assert_int_equal(open_one(&listeners, address_of(AF_INET, "127.0.0.1", 0), 4), 0);
    uint16_t port = listeners.addresses[0].port;
    assert_int_not_equal(port, 0);
    for (unsigned worker = 0; worker < 4; worker++) {
        struct sockaddr_in bound;
        socklen_t len = sizeof(bound);
        int fd = listeners_fd(&listeners, 0, worker);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &len), 0);
        assert_int_equal(ntohs(bound.sin_port), port);
        for (unsigned other = 0; other < worker; other++)
            assert_int_not_equal(fd, listeners_fd(&listeners, 0, other));
    }
    assert_int_equal(connect_to(&listeners.addresses[0], "127.0.0.1"), 0);
    listeners_done(&listeners);
}

static void once_all_sockets_are_closed_nobody_listens(void **state)
{
    struct listeners listeners;
    (void)state;
    assert_int_equal(open_one(&listeners, address_of(AF_INET, "127.0.0.1", 0), 2), 0);
    listeners_close_worker(&listeners, 0);
    assert_int_equal(listeners_fd(&listeners, 0, 0), -1);
    assert_int_equal(connect_to(&listeners.addresses[0], "127.0.0.1"), 0);
    listeners_close_worker(&listeners, 1);
    assert_int_equal(connect_to(&listeners.addresses[0], "127.0.0.1"), -ECONNREFUSED);
    listeners_done(&listeners);
    listeners_done(&listeners);
}

/* SO_REUSEPORT alone would let two instances share a port, each losing half of its clients. */
static void a_port_of_another_instance_is_taken(void **state)
{
    struct listeners first, second;
    (void)state;
    assert_int_equal(open_one(&first, address_of(AF_INET, "127.0.0.1", 0), 2), 0);
    uint16_t port = first.addresses[0].port;
    assert_int_equal(open_one(&second, address_of(AF_INET, "127.0.0.1", port), 2), -1);
    assert_non_null(strstr(error, "127.0.0.1"));
    assert_non_null(strstr(error, "in use"));
    assert_null(second.fds);
    listeners_done(&first);
    assert_int_equal(open_one(&second, address_of(AF_INET, "127.0.0.1", port), 2), 0);
    listeners_done(&second);
}

static void an_address_of_another_machine_is_named(void **state)
{
    struct listeners listeners;
    (void)state;
    assert_int_equal(open_one(&listeners, address_of(AF_INET, "192.0.2.1", 0), 1), -1);
    assert_string_equal(error,
                        "cannot listen on http://192.0.2.1:0: this machine has no such address");
}

static void when_one_address_fails_none_stays_open(void **state)
{
    struct listeners first, second;
    (void)state;
    assert_int_equal(open_one(&first, address_of(AF_INET, "127.0.0.1", 0), 1), 0);
    struct config_listener items[] = {
        address_of(AF_INET, "127.0.0.1", 0),
        address_of(AF_INET, "127.0.0.1", first.addresses[0].port),
    };
    struct config_listeners wanted = {.count = 2, .items = items};
    int before = dup(0);
    assert_int_equal(listeners_open(&second, &wanted, 2, 16, error), -1);
    int after = dup(0);
    assert_int_equal(after, before + 1);
    close(before);
    close(after);
    listeners_done(&first);
}

static void ipv6_for_all_takes_ipv4_along_unless_that_is_listed_too(void **state)
{
    struct listeners listeners;
    (void)state;
    if (open_one(&listeners, address_of(AF_INET6, "::", 0), 1) != 0)
        skip(); /* a machine without IPv6 */
    uint16_t port = listeners.addresses[0].port;
    assert_int_equal(connect_to(&listeners.addresses[0], "127.0.0.1"), 0);
    listeners_done(&listeners);

    struct config_listener items[] = {address_of(AF_INET, "0.0.0.0", port),
                                      address_of(AF_INET6, "::", port)};
    struct config_listeners wanted = {.count = 2, .items = items};
    assert_int_equal(listeners_open(&listeners, &wanted, 2, 16, error), 0);
    listeners_done(&listeners);
}

static void urls_are_written_as_browsers_read_them(void **state)
{
    char url[LISTEN_URL_SIZE];
    struct config_listener address = address_of(AF_INET6, "2001:db8::1", 8443);
    (void)state;
    address.scheme = CONFIG_SCHEME_HTTPS;
    listener_url(&address, url);
    assert_string_equal(url, "https://[2001:db8::1]:8443");
    address = address_of(AF_INET, "127.0.0.1", 80);
    listener_url(&address, url);
    assert_string_equal(url, "http://127.0.0.1:80");
}

static struct config_listener udp_address(uint16_t port)
{
    struct config_listener address = address_of(AF_INET, "127.0.0.1", port);
    address.scheme = CONFIG_SCHEME_UDP;
    return address;
}

static void datagrams_have_a_socket_for_each_worker_and_the_port_alone(void **state)
{
    struct listeners first, second;
    char url[LISTEN_URL_SIZE];
    (void)state;
    assert_int_equal(open_one(&first, udp_address(0), 3), 0);
    uint16_t port = first.addresses[0].port;
    for (unsigned worker = 0; worker < 3; worker++) {
        int type = 0;
        socklen_t len = sizeof(type);
        assert_int_equal(
            getsockopt(listeners_fd(&first, 0, worker), SOL_SOCKET, SO_TYPE, &type, &len), 0);
        assert_int_equal(type, SOCK_DGRAM);
    }
    assert_int_equal(open_one(&second, udp_address(port), 3), -1);
    assert_non_null(strstr(error, "in use by another program"));
    listener_url(&first.addresses[0], url);
    assert_non_null(strstr(error, url));
    assert_int_equal(strncmp(url, "udp://127.0.0.1:", 16), 0);
    listeners_done(&first);
}

static void joined_sockets_stand_behind_each_other(void **state)
{
    struct listeners listeners, others;
    int expected[2][2];
    (void)state;
    assert_int_equal(open_one(&listeners, address_of(AF_INET, "127.0.0.1", 0), 2), 0);
    assert_int_equal(open_one(&others, udp_address(0), 2), 0);
    for (unsigned worker = 0; worker < 2; worker++) {
        expected[0][worker] = listeners_fd(&listeners, 0, worker);
        expected[1][worker] = listeners_fd(&others, 0, worker);
    }
    listeners_join(&listeners, &others);
    assert_int_equal(listeners.count, 2);
    assert_int_equal(others.count, 0);
    assert_int_equal(listeners.addresses[0].scheme, CONFIG_SCHEME_HTTP);
    assert_int_equal(listeners.addresses[1].scheme, CONFIG_SCHEME_UDP);
    for (size_t i = 0; i < 2; i++)
        for (unsigned worker = 0; worker < 2; worker++)
            assert_int_equal(listeners_fd(&listeners, i, worker), expected[i][worker]);
    listeners_done(&listeners);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_0_is_chosen_once_for_all_workers),
        cmocka_unit_test(once_all_sockets_are_closed_nobody_listens),
        cmocka_unit_test(a_port_of_another_instance_is_taken),
        cmocka_unit_test(an_address_of_another_machine_is_named),
        cmocka_unit_test(when_one_address_fails_none_stays_open),
        cmocka_unit_test(ipv6_for_all_takes_ipv4_along_unless_that_is_listed_too),
        cmocka_unit_test(urls_are_written_as_browsers_read_them),
        cmocka_unit_test(datagrams_have_a_socket_for_each_worker_and_the_port_alone),
        cmocka_unit_test(joined_sockets_stand_behind_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
