#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/log_out.h"

#define LINES 10000 /* more than any kernel buffer and ours hold together */
#define LINE_SIZE 100
#define HANGS_AFTER 20 /* s: who waits for the reader here waits for ever */

static int saved_stderr;
static int reading;
static int read_lines; /* that came out, in order */
static char partial[LINE_SIZE + 1];
static size_t partial_len;

static int redirect(int to)
{
    saved_stderr = dup(STDERR_FILENO);
    if (saved_stderr < 0 || dup2(to, STDERR_FILENO) < 0)
        return -1;
    read_lines = 0;
    partial_len = 0;
    alarm(HANGS_AFTER);
    log_out_open();
    return close(to);
}

static int to_pipe(void **state)
{
    (void)state;
    int ends[2];
    if (pipe(ends) < 0)
        return -1;
    reading = ends[0];
    return redirect(ends[1]);
}

static int to_socket(void **state)
{
    (void)state;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return -1;
    reading = ends[0];
    return redirect(ends[1]);
}

static int to_terminal(void **state)
{
    (void)state;
    struct termios raw;
    reading = posix_openpt(O_RDWR | O_NOCTTY);
    if (reading < 0 || grantpt(reading) < 0 || unlockpt(reading) < 0)
        return -1;
    int terminal = open(ptsname(reading), O_RDWR | O_NOCTTY);
    if (terminal < 0 || tcgetattr(terminal, &raw) < 0)
        return -1;
    cfmakeraw(&raw);
    return tcsetattr(terminal, TCSANOW, &raw) < 0 ? -1 : redirect(terminal);
}

/* A pipe that this user may not open again. */
static int to_pipe_of_another(void **state)
{
    int error = to_pipe(state);
    if (error != 0 || geteuid() != 0)
        return error;
    if (seteuid(65534) < 0)
        return -1;
    log_out_open();
    return seteuid(0);
}

static int restore(void **state)
{
    (void)state;
    alarm(0);
    log_out_watch(NULL, NULL);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    log_out_open();
    return reading < 0 ? 0 : close(reading);
}

static void make_line(int number, char line[LINE_SIZE + 1])
{
    snprintf(line, LINE_SIZE + 1, "%0*d\n", LINE_SIZE - 1, number);
}

static void write_lines(int from, int to)
{
    char line[LINE_SIZE + 1];
    for (int number = from; number < to; number++) {
        make_line(number, line);
        log_out_line(line, LINE_SIZE);
    }
}

/* Reads what is there; every line must be whole and the next. */
static bool read_some(void)
{
    char bytes[65536], expected[LINE_SIZE + 1];
    fcntl(reading, F_SETFL, O_NONBLOCK);
    ssize_t len = read(reading, bytes, sizeof(bytes));
    for (ssize_t i = 0; i < len; i++) {
        partial[partial_len++] = bytes[i];
        if (partial_len < LINE_SIZE)
            continue;
        make_line(read_lines++, expected);
        assert_memory_equal(partial, expected, LINE_SIZE);
        partial_len = 0;
    }
    return len > 0;
}

static void read_all(void)
{
    bool more;
    do
        more = read_some();
    while (!log_out_flush() || more);
    assert_int_equal(partial_len, 0);
}

static void nobody_waits_for_the_reader(void **state)
{
    (void)state;
    char line[LINE_SIZE + 1];
    write_lines(0, LINES);
    assert_false(log_out_flush());
    assert_int_equal(log_out_dropped(), 0); /* told once the rest is written */
    read_all();
    assert_true(read_lines > LOG_OUT_WAITING_MAX / LINE_SIZE);
    assert_int_equal(log_out_dropped(), LINES - read_lines);
    assert_int_equal(log_out_dropped(), 0);
    make_line(read_lines, line);
    log_out_line(line, LINE_SIZE);
    assert_true(read_some());
}

static void others_may_still_block_on_it(void **state)
{
    (void)state;
    write_lines(0, LINES);
    assert_false(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK);
}

static void count_cb(void *context)
{
    ++*(int *)context;
}

static void the_first_that_waits_is_told(void **state)
{
    (void)state;
    int told = 0, written = 0;
    log_out_watch(count_cb, &told);
    for (; log_out_flush(); written++) {
        assert_int_equal(told, 0);
        write_lines(written, written + 1);
    }
    write_lines(written, written + 10);
    assert_int_equal(told, 1);
    read_all();
    assert_int_equal(read_lines, written + 10);
}

static void what_waits_at_the_end_is_read_in_time(void **state)
{
    (void)state;
    int total = 0;
    for (; log_out_flush(); total++)
        write_lines(total, total + 1);
    pid_t reader = fork();
    if (reader == 0) {
        struct pollfd ready = {.fd = reading, .events = POLLIN};
        while (read_lines < total && poll(&ready, 1, -1) > 0 && read_some())
            continue;
        _exit(read_lines == total ? 0 : 1);
    }
    log_out_finish(HANGS_AFTER * 1000);
    assert_true(log_out_flush());
    int status;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
}

static void the_end_does_not_wait_for_a_dead_reader(void **state)
{
    (void)state;
    write_lines(0, LINES);
    log_out_finish(20);
    assert_false(log_out_flush());
}

static void without_a_reader_lines_are_counted(void **state)
{
    (void)state;
    close(reading);
    reading = -1;
    write_lines(0, 3);
    assert_true(log_out_flush());
    assert_int_equal(log_out_dropped(), 3);
}

static int to_full_disk(void **state)
{
    (void)state;
    reading = -1;
    int full = open("/dev/full", O_WRONLY);
    return full < 0 ? -1 : redirect(full);
}

static void what_cannot_be_written_is_counted(void **state)
{
    (void)state;
    write_lines(0, 3);
    assert_int_equal(log_out_dropped(), 3);
}

#define IN(setup, test)                                                                            \
    {                                                                                              \
#setup ": " #test, test, setup, restore, NULL                                              \
    }
#define EVERYWHERE(test)                                                                           \
    IN(to_pipe, test), IN(to_socket, test), IN(to_terminal, test), IN(to_pipe_of_another, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVERYWHERE(nobody_waits_for_the_reader),
        EVERYWHERE(others_may_still_block_on_it),
        EVERYWHERE(the_first_that_waits_is_told),
        EVERYWHERE(what_waits_at_the_end_is_read_in_time),
        EVERYWHERE(the_end_does_not_wait_for_a_dead_reader),
        IN(to_socket, without_a_reader_lines_are_counted),
        IN(to_full_disk, what_cannot_be_written_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
