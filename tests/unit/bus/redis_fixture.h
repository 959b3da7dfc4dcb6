/* A redis_client on a loop of its own, what it told, and what the log said meanwhile. */
#ifndef ROOMLINE_TESTS_BUS_REDIS_FIXTURE_H
#define ROOMLINE_TESTS_BUS_REDIS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uv.h>

#include "base/buf.h"
#include "bus/redis_client.h"
#include "net/outgoing.h"

struct redis_fixture {
    uv_loop_t loop;
    struct outgoing *outgoing;
    int log; /* a file that stands in for standard error, and what that was */
    int standard_error;
    char log_text[65536];
};

void redis_fixture_start(struct redis_fixture *fixture);

/* Nothing may be left on the loop. */
void redis_fixture_stop(struct redis_fixture *fixture);

/* All that was logged so far. */
const char *redis_fixture_log(struct redis_fixture *fixture);
unsigned redis_fixture_logged(struct redis_fixture *fixture, const char *text);

/* Turns the loop until the condition holds; the test fails after twenty seconds. */
#define AWAIT(fixture, condition)                                                                  \
    do {                                                                                           \
        uint64_t until_ = uv_hrtime() + 20000000000u;                                              \
        while (!(condition)) {                                                                     \
            redis_fixture_turn(fixture);                                                           \
            if (uv_hrtime() > until_)                                                              \
                fail_msg("waited in vain: %s; log: %s", #condition, redis_fixture_log(fixture));   \
        }                                                                                          \
    } while (0)

/* One pass of the loop, which may sleep for up to 10 ms. */
void redis_fixture_turn(struct redis_fixture *fixture);

/* A client and what it told. */
struct user {
    struct redis_client *client;
    unsigned ups, downs, closed;
    bool up;
    char cause[256]; /* of the last on_down() */
    unsigned answers, losses;
    struct buf said;     /* answers as text, a line each */
    struct buf messages; /* "channel payload", a line each */

    /* What a test has it do in between; NULL: nothing. */
    void (*on_up)(struct user *user);
    void (*on_down)(struct user *user);
    void (*on_answer)(struct user *user);
    void (*on_message)(struct user *user);
};

/* Options that a test is quick with. */
struct redis_client_options user_options(struct redis_fixture *fixture);

void user_start(struct user *user, const struct redis_client_options *options);

/* Closes the client and waits for it. */
void user_stop(struct user *user, struct redis_fixture *fixture);

/* A command of words with a space between. 0 or an error, as the client says. */
int user_send(struct user *user, const char *line);
void user_must_send(struct user *user, const char *line);

/* Are these the answers, or messages, so far? */
bool user_said(const struct user *user, const char *text);
bool user_heard(const struct user *user, const char *text);

#endif
