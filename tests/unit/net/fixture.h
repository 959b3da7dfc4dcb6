/* A server with an echo behind it on a loop of its own, and raw clients on loopback, all in one
 * thread. */
#ifndef ROOMLINE_TESTS_NET_FIXTURE_H
#define ROOMLINE_TESTS_NET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <uv.h>

#include "base/buf.h"
#include "net/server.h"

#define FIXTURE_SESSIONS 64
#define BIG_BODY_SIZE ((size_t)8 << 20) /* of /big */

struct fixture;

/* One WebSocket, as the handler saw it. */
struct session_seen {
    struct fixture *fixture;
    struct connection *connection; /* NULL once it was lost or closed */
    unsigned messages;
    unsigned pongs;
    uint64_t pong; /* the last number */
    unsigned lost; /* how often on_lost() came */
    enum close_code cause;
    struct buf text; /* of the last message */
};

struct fixture {
    uv_loop_t loop;
    struct server *server;
    struct server_options options;
    struct connection_handler handler;
    int port;
    bool secure;
    bool echo;
    bool ending;
    bool ended;
    unsigned requests;
    bool last_secure;                  /* what the last of them was said to be */
    unsigned released;                 /* bodies given back */
    unsigned asked;                    /* requests for /later that were not answered yet */
    uint64_t askers[FIXTURE_SESSIONS]; /* their connections */
    unsigned session_count;
    unsigned admit;                  /* connections that on_accept() lets in at once */
    unsigned admitted;               /* that are in */
    unsigned unnamed;                /* asked for without an address */
    char last_address[IP_TEXT_SIZE]; /* of those that on_accept() was asked about */
    struct session_seen sessions[FIXTURE_SESSIONS];
    enum close_code
        close_on_message; /* what the handler does to the connection, CLOSE_NONE: nothing */
};

/* Options that no test runs into by accident. */
struct server_options fixture_options(void);

/* Answers the oldest request for /later with this text. False: who asked is gone. */
bool fixture_answer(struct fixture *fixture, const char *text);

/* Starts a server on a free port. */
struct fixture *fixture_start(const struct server_options *options, bool secure);

/* Begins to end it, so many ms before all is cut off; fixture_stop() comes then all the same. */
void fixture_end(struct fixture *fixture, uint64_t deadline);

/* Ends it, and proves that nothing is left: no handle of the loop, no session that was not told. */
void fixture_stop(struct fixture *fixture);

/* Turns the loop until the condition holds; the test fails after twenty seconds. */
#define AWAIT(fixture, condition)                                                                  \
    do {                                                                                           \
        uint64_t until_ = uv_hrtime() + 20000000000u;                                              \
        while (!(condition)) {                                                                     \
            fixture_turn(fixture);                                                                 \
            if (uv_hrtime() > until_)                                                              \
                fail_msg("waited in vain: %s", #condition);                                        \
        }                                                                                          \
    } while (0)

/* One pass of the loop, which may sleep for up to a tick. */
void fixture_turn(struct fixture *fixture);

struct client {
    struct fixture *fixture;
    int fd;
    void *ssl; /* NULL: plain */
    bool eof;  /* or reset */
    struct buf in;
};

/* Connects, and shakes hands where the fixture is secure. */
struct client *client_connect(struct fixture *fixture);

/* TCP only. */
struct client *client_connect_raw(struct fixture *fixture);
void client_shake_hands(struct client *client);
void client_close(struct client *client);

/* Sends all of it, turning the loop meanwhile as needed. */
void client_send(struct client *client, const void *bytes, size_t len);
void client_send_text(struct client *client, const char *text);

/* Reads what is there into client->in. Never waits. */
void client_poll(struct client *client);

/* Waits until so many bytes are there, or the end. */
void client_await(struct client *client, size_t len);
void client_await_end(struct client *client);

/* Waits for a response's head and its Content-Length, drops it, returns its status. The head stays
 * in `ret_head` where that is not NULL; it is the caller's to free. */
int client_response(struct client *client, char **ret_head, struct buf *ret_body);

/* Opens a WebSocket at /ws. */
struct client *client_websocket(struct fixture *fixture);

/* The bytes of a masked frame. */
struct buf frame_masked(unsigned first_byte, const void *payload, size_t len);
void client_frame(struct client *client, unsigned first_byte, const void *payload, size_t len);
void client_say(struct client *client, const char *text);

struct server_frame {
    unsigned first_byte;
    struct slice payload; /* valid until the next call */
};

/* Waits for the next frame. */
struct server_frame client_next_frame(struct client *client);

/* The next frame is a close frame with this code. */
void client_expect_close(struct client *client, unsigned code);
void client_expect_text(struct client *client, const char *text);

#endif
