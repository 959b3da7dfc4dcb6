/* A stranger at the door of a real server: requests, upgrades, frames and rubbish in any order and
 * any cut, half-closed and reset sockets, a client that does not read, memory that runs out, a
 * handler that sends and closes when it likes. What comes back is HTTP and then WebSocket frames,
 * none behind a close frame; each session is lost once at most and never heard of again; nothing is
 * left at the end.
 *
 * Input: one byte that chooses what happens, and what that takes; again and again. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "must.h"
#include "net/server.h"

#define SMALL 4096 /* bytes of the kernel's buffers, so that output piles up */

static const struct server_options options = {.backlog = 8,
                                              .close_timeout = 5000,
                                              .header_size = 512,
                                              .body_size = 512,
                                              .message_size = 2000,
                                              .fragments = 4,
                                              .control_frames_per_second = 20,
                                              .output_queue = 20000};

static uv_loop_t loop;
static struct server *server;
static bool ended;
static unsigned fail; /* the how-manieth allocation of the next pass; 0: none */
static struct sockaddr_in address;

static struct {
    struct connection *connection; /* NULL: none, lost or closed */
    unsigned sessions;
} upgraded;

static struct {
    int fd;
    struct buf in;
    size_t read;    /* bytes of it that were checked */
    bool websocket; /* 101 came */
    bool closed;    /* a close frame came */
} client;

/* --- the handler --- */

static void on_request(void *context, struct connection *connection,
                       const struct http_request *request, struct http_response *response)
{
    must(context == &upgraded && connection != NULL);
    must(request->path.len > 0 && request->body.len <= options.body_size);
    response->status = 200;
    if (http_response_copy(response, request->body) != 0)
        response->status = 503;
}

static int on_upgrade(void *context, struct connection *connection,
                      const struct http_request *request, struct upgrade *upgrade,
                      struct http_response *refusal)
{
    (void)context;
    (void)refusal;
    must(upgraded.connection == NULL && upgraded.sessions == 0);
    if (request->path.len > 10)
        return 404;
    upgraded.connection = connection;
    upgraded.sessions++;
    upgrade->session = &upgraded;
    return 0;
}

static void on_message(void *session, struct slice text)
{
    must(session == &upgraded && upgraded.connection != NULL);
    must(text.len <= options.message_size);
    struct message *echo = message_of(text);
    if (echo == NULL)
        return;
    connection_deliver(upgraded.connection, echo);
    message_unref(echo);
}

static void on_pong(void *session, uint64_t number)
{
    (void)number;
    must(session == &upgraded && upgraded.connection != NULL);
}

static void on_lost(void *session, enum close_code cause)
{
    must(session == &upgraded && upgraded.connection != NULL);
    must(cause == CLOSE_NONE || (cause >= 1000 && cause < 5000));
    upgraded.connection = NULL;
}

static const struct connection_handler handler = {
    .context = &upgraded,
    .on_request = on_request,
    .on_upgrade = on_upgrade,
    .on_message = on_message,
    .on_pong = on_pong,
    .on_lost = on_lost,
};

/* --- what the client reads --- */

static size_t frame_len(const unsigned char *bytes, size_t len)
{
    size_t payload = len < 2 ? 0 : bytes[1] & 0x7f;
    if (len < 2 || (payload == 126 && len < 4))
        return 0;
    must(payload != 127); /* no message is so long */
    return payload == 126 ? 4 + ((size_t)bytes[2] << 8 | bytes[3]) : 2 + payload;
}

static void check_frames(void)
{
    for (;;) {
        const unsigned char *bytes = (const unsigned char *)client.in.data + client.read;
        size_t left = client.in.len - client.read, len = frame_len(bytes, left);
        if (len == 0 || len > left)
            return;
        must(!client.closed);
        must(bytes[0] == 0x81 || bytes[0] == 0x88 || bytes[0] == 0x89 || bytes[0] == 0x8a);
        must(bytes[1] < 126 || bytes[0] == 0x81);
        client.closed = bytes[0] == 0x88;
        client.read += len;
    }
}

static size_t body_of(const char *head, size_t len)
{
    const char *field = memmem(head, len, "\r\nContent-Length: ", 18);
    return field == NULL ? 0 : strtoul(field + 18, NULL, 10);
}

static void check_responses(void)
{
    while (!client.websocket && client.read < client.in.len) {
        const char *head = client.in.data + client.read;
        size_t left = client.in.len - client.read;
        const char *end = memmem(head, left, "\r\n\r\n", 4);
        must(memcmp(head, "HTTP/1.1 ", left < 9 ? left : 9) == 0);
        if (end == NULL)
            return;
        size_t len = (size_t)(end - head) + 4;
        size_t whole = len + body_of(head, len);
        if (whole > left)
            return;
        client.websocket = memcmp(head + 9, "101 ", 4) == 0;
        must(!client.websocket || upgraded.sessions == 1);
        client.read += whole;
    }
}

static void receive(void)
{
    char bytes[16384];
    ssize_t got;
    while ((got = recv(client.fd, bytes, sizeof(bytes), 0)) > 0)
        buf_add(&client.in, bytes, (size_t)got);
    must(!buf_failed(&client.in));
    check_responses();
    if (client.websocket)
        check_frames();
}

/* --- the play --- */

static void pass(void)
{
    mem_fail_nth(fail);
    for (int i = 0; i < 3; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    mem_fail_nth(fail = 0);
}

static void send_bytes(const void *bytes, size_t len)
{
    if (send(client.fd, bytes, len, MSG_NOSIGNAL) < 0)
        must(errno == EPIPE || errno == ECONNRESET || errno == EAGAIN);
}

static void send_frame(unsigned first, const uint8_t *payload, size_t len)
{
    uint8_t frame[4 + 4 + 255] = {(uint8_t)first, (uint8_t)(0x80 | (len < 126 ? len : 126))};
    size_t head = 2;
    if (len >= 126) {
        frame[head++] = 0;
        frame[head++] = (uint8_t)len;
    }
    head += 4; /* a mask of zeros */
    memcpy(frame + head, payload, len);
    send_bytes(frame, head + len);
}

static void on_ended(void *context)
{
    *(bool *)context = true;
}

static void end_server(uint64_t deadline)
{
    server_end(server, CLOSE_DRAINING, deadline, on_ended, &ended);
}

static void handler_closes(enum close_code code)
{
    struct connection *connection = upgraded.connection;
    upgraded.connection = NULL;
    if (connection != NULL)
        connection_close(connection, code);
}

static void handler_sends(uint8_t size)
{
    static char text[SMALL];
    struct message *message = message_of((struct slice){text, (size_t)size * 16});
    if (message != NULL && upgraded.connection != NULL)
        connection_deliver(upgraded.connection, message);
    if (message != NULL)
        message_unref(message);
}

static const char upgrade[] =
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

enum act {
    RAW,
    TEXT,
    CONTROL,
    FRAME,
    UPGRADE,
    DELIVER,
    PING,
    CLOSE,
    READ,
    HALF,
    OOM,
    PASS,
    END,
    ACTS
};

/* `argument` is one byte, `bytes` what follows it as far as it asked for. */
static void play(enum act act, uint8_t argument, const uint8_t *bytes, size_t len)
{
    switch (act) {
    case RAW: send_bytes(bytes, len); break;
    case TEXT: send_frame(0x81, bytes, len); break;
    case CONTROL: send_frame(0x88 + argument % 3, bytes, len > 125 ? 125 : len); break;
    case FRAME: send_frame(argument, bytes, len); break;
    case UPGRADE: send_bytes(upgrade, sizeof(upgrade) - 1); break;
    case DELIVER: handler_sends(argument); break;
    case PING:
        if (upgraded.connection != NULL)
            connection_ping(upgraded.connection, argument);
        break;
    case CLOSE: handler_closes(4000 + argument % 10); break;
    case READ: receive(); break;
    case HALF: shutdown(client.fd, SHUT_WR); break;
    case OOM: fail = 1 + argument % 16; break;
    case PASS: pass(); break;
    case END: end_server(argument % 2 == 0 ? 0 : 5000); break;
    default: break;
    }
}

static void set_small(int fd, int name)
{
    int size = SMALL;
    must(setsockopt(fd, SOL_SOCKET, name, &size, sizeof(size)) == 0);
}

/* One for all inputs: a port for each would soon have used up all that there are. */
static int listening(void)
{
    static int fd = -1;
    socklen_t size = sizeof(address);
    if (fd < 0) {
        address =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        set_small(fd, SO_SNDBUF);
        must(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 8) == 0);
        must(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    }
    return dup(fd);
}

static void start(void)
{
    uv_loop_init(&loop);
    server = server_new(&loop, &options, &handler);
    must(server_listen(server, listening(), false) == 0);
    memset(&client, 0, sizeof(client));
    buf_init(&client.in, (size_t)64 << 20);
    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    set_small(client.fd, SO_RCVBUF);
    must(connect(client.fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
         errno == EINPROGRESS);
    pass();
}

/* With a reset, so that no socket is left to wait for the last packets. */
static void stop(void)
{
    struct linger reset = {.l_onoff = 1};
    pass();
    receive();
    setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(client.fd);
    end_server(0);
    uv_run(&loop, UV_RUN_DEFAULT);
    must(ended && upgraded.connection == NULL);
    must(server_count(server).connections == 0 && server_count(server).websockets == 0);
    server_free(server);
    must(uv_loop_close(&loop) == 0);
    buf_done(&client.in);
    message_free_kept();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    crypto_init();
    ended = false;
    fail = 0;
    upgraded.connection = NULL;
    upgraded.sessions = 0;
    start();
    while (size >= 2) {
        enum act act = data[0] % ACTS;
        uint8_t argument = data[1];
        size_t len = act > FRAME ? 0 : act == FRAME && size > 2 ? data[2] : argument;
        size_t head = act == FRAME && size > 2 ? 3 : 2;
        len = len < size - head ? len : size - head;
        play(act, argument, data + head, len);
        data += head + len;
        size -= head + len;
        if (act == END || size % 4 == 0) /* several things may happen between two passes */
            pass();
    }
    stop();
    return 0;
}
