/* From top to bottom: whom to ask, then the life of the one request: dialed, opened, answered. */
#include "app/health.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "app/config.h"
#include "app/options.h"
#include "app/supervisor.h"
#include "base/authority.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "net/dial.h"
#include "net/outgoing.h"
#include "net/stream.h"
#include "net/tls_client.h"

#define TIMEOUT_MS 3000  /* for all of it */
#define ANSWER_MAX 4096  /* bytes, headers included; what comes behind them is not read */
#define REQUEST_MAX 1024 /* bytes */
#define PATH "/readyz"
#define USAGE "usage: roomline health [http[s]://HOST[:PORT][/PATH] | OPTION...]\n"

struct target {
    struct authority authority;
    bool tls;
    struct slice path;
};

struct health {
    struct stream stream; /* first: stream events come with its address */
    uv_loop_t loop;
    uv_timer_t timer;
    struct outgoing *outgoing;
    struct tls_context *tls;
    struct dial *dial;
    const struct target *target;
    struct buf request;
    struct buf answer;
    bool stream_open;
    bool over;
    const char *cause; /* why there is no answer; NULL: there may be one */
};

/* --- whom to ask --- */

/* RFC 3986, as far as it goes for one's own server. */
static int parse_url(const char *url, struct target *ret_target)
{
    struct slice rest = slice_of(url);
    ret_target->tls = slice_skip(&rest, "https://");
    if (!ret_target->tls && !slice_skip(&rest, "http://"))
        return -1;
    const char *slash = memchr(rest.ptr, '/', rest.len);
    struct slice host = {rest.ptr, slash == NULL ? rest.len : (size_t)(slash - rest.ptr)};
    ret_target->path = slash == NULL ? SLICE(PATH) : (struct slice){slash, rest.len - host.len};
    if (!authority_parse(host, &ret_target->authority) || ret_target->authority.port == 0)
        return -1;
    if (ret_target->authority.port == AUTHORITY_NO_PORT)
        ret_target->authority.port = ret_target->tls ? 443 : 80;
    return strpbrk(url, " \r\n") == NULL && ret_target->path.len < REQUEST_MAX / 2 ? 0 : -1;
}

/* Of all addresses the loopback is one. */
static int target_of(const struct config_listener *listener, struct target *ret_target)
{
    const char *host = listener->host;
    if (strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    ret_target->tls = listener->scheme == CONFIG_SCHEME_HTTPS;
    ret_target->path = SLICE(PATH);
    ret_target->authority.family = listener->family;
    ret_target->authority.port = listener->port;
    snprintf(ret_target->authority.host, sizeof(ret_target->authority.host), "%s", host);
    return listener->port == 0 ? -1 : 0;
}

/* What the server with these options listens on. */
static int read_options(int argc, char **argv, struct target *ret_target)
{
    struct config_errors errors = {.count = 0};
    struct options options;
    struct config config;
    if (options_parse(&options, argc, argv, &errors) != 0) {
        config_errors_print(&errors, stderr);
        return -1;
    }
    int result = config_load(&config, &options, environ, &errors);
    if (result != 0)
        config_errors_print(&errors, stderr);
    else if (config.server.listen.count == 0 ||
             (result = target_of(&config.server.listen.items[0], ret_target)) != 0)
        fputs("roomline health: the listener's port is not known beforehand; give its URL\n",
              stderr);
    config_done(&config);
    return result;
}

/* argv[0] is the command. */
static int choose_target(int argc, char **argv, struct target *ret_target)
{
    if (argc != 2 || argv[1][0] == '-')
        return read_options(argc, argv, ret_target);
    if (parse_url(argv[1], ret_target) == 0)
        return 0;
    fputs(USAGE, stderr);
    return -1;
}

/* --- the end --- */

static void close_outgoing(struct health *health)
{
    tls_context_free(health->tls);
    outgoing_close(health->outgoing);
}

static void finish(struct health *health, const char *cause)
{
    if (health->over)
        return;
    health->over = true;
    health->cause = cause;
    if (health->dial != NULL)
        dial_cancel(health->dial);
    if (health->stream_open)
        stream_close(&health->stream);
    else
        close_outgoing(health);
    uv_close((uv_handle_t *)&health->timer, NULL);
}

static void on_closed(struct stream *stream)
{
    close_outgoing((struct health *)stream);
}

static void timeout_cb(uv_timer_t *timer)
{
    finish(timer->data, "no answer in time");
}

/* --- the request --- */

static void send_request(struct stream *stream)
{
    struct health *health = (struct health *)stream;
    if (stream_push(stream, buf_slice(&health->request), NULL, NULL) != 0)
        finish(health, "no memory");
}

static void on_bytes(struct stream *stream, struct slice bytes)
{
    struct health *health = (struct health *)stream;
    size_t room = ANSWER_MAX - health->answer.len;
    if (!health->over)
        buf_add(&health->answer, bytes.ptr, bytes.len < room ? bytes.len : room);
    if (health->answer.len == ANSWER_MAX)
        finish(health, NULL);
}

static void on_end(struct stream *stream, int error)
{
    finish((struct health *)stream, error == 0 ? NULL : uv_strerror(error));
}

static void on_drained(struct stream *stream)
{
    (void)stream;
}

static const struct stream_events stream_events = {.on_open = send_request,
                                                   .on_bytes = on_bytes,
                                                   .on_end = on_end,
                                                   .on_drained = on_drained,
                                                   .on_closed = on_closed};

static int open_stream(struct health *health, int fd)
{
    struct tls *tls = NULL;
    stream_init(&health->stream, outgoing_streams(health->outgoing), &stream_events, fd);
    health->stream_open = true;
    if (health->tls != NULL) {
        tls = tls_client_new(health->tls, health->target->authority.host);
        if (tls == NULL)
            return UV_ENOMEM;
    }
    return stream_start(&health->stream, tls);
}

static void on_dialed(void *context, int result)
{
    struct health *health = context;
    int error = result;
    health->dial = NULL;
    if (result >= 0)
        error = open_stream(health, result);
    if (error != 0)
        finish(health, uv_strerror(error));
    else if (health->tls == NULL)
        send_request(&health->stream);
}

/* Nobody else listens on our own address: the server need not prove who it is. */
static int make_tls(struct health *health)
{
    char cause[TLS_ERROR_SIZE];
    struct tls_client_options options = {.anyone = true};
    if (!health->target->tls)
        return 0;
    health->tls =
        tls_client_context_new(&options, &outgoing_streams(health->outgoing)->wire, cause);
    if (health->tls == NULL)
        fprintf(stderr, "roomline health: %s\n", cause);
    return health->tls == NULL ? -1 : 0;
}

static void write_request(struct health *health)
{
    const struct authority *authority = &health->target->authority;
    bool v6 = authority->family == AF_INET6;
    buf_add_text(&health->request, "GET ");
    buf_add_slice(&health->request, health->target->path);
    buf_add_format(&health->request, " HTTP/1.1\r\nHost: %s%s%s:%d\r\nConnection: close\r\n\r\n",
                   v6 ? "[" : "", authority->host, v6 ? "]" : "", authority->port);
}

static void start(struct health *health)
{
    const struct authority *authority = &health->target->authority;
    struct dial_target where = {.host = authority->host, .port = (uint16_t)authority->port};
    uv_timer_init(&health->loop, &health->timer);
    health->timer.data = health;
    uv_timer_start(&health->timer, timeout_cb, TIMEOUT_MS, 0);
    write_request(health);
    if (make_tls(health) != 0)
        finish(health, "no TLS");
    else if (buf_failed(&health->request) ||
             (health->dial = dial_start(&health->loop, &where, TIMEOUT_MS, on_dialed, health)) ==
                 NULL)
        finish(health, "no memory");
}

/* --- the answer --- */

/* The body's first line, which is "ready" or why not. */
static void print_reason(struct slice answer)
{
    const char *end = memmem(answer.ptr, answer.len, "\r\n\r\n", 4);
    size_t len = end == NULL ? 0 : (size_t)(answer.ptr + answer.len - end) - 4;
    for (size_t i = 0; i < len && end[4 + i] >= ' ' && end[4 + i] <= '~'; i++)
        putchar(end[4 + i]);
    putchar('\n');
}

static int judge(const struct health *health)
{
    struct slice answer = buf_slice(&health->answer);
    if (health->cause != NULL || answer.len == 0) {
        fprintf(stderr, "roomline health: %s\n",
                health->cause != NULL ? health->cause : "the connection was closed unanswered");
        return EXIT_FAILED;
    }
    struct slice status = answer;
    print_reason(answer);
    return slice_skip(&status, "HTTP/1.1 200 ") ? EXIT_OK : EXIT_FAILED;
}

static int ask(const struct target *target)
{
    struct health *health = mem_must(sizeof(*health));
    int exit_code = EXIT_FAILED;
    if (uv_loop_init(&health->loop) != 0)
        goto done;
    health->target = target;
    buf_init(&health->request, REQUEST_MAX);
    buf_init(&health->answer, ANSWER_MAX);
    health->outgoing = outgoing_new(&health->loop);
    if (health->outgoing != NULL) {
        start(health);
        uv_run(&health->loop, UV_RUN_DEFAULT);
        exit_code = judge(health);
    }
    uv_loop_close(&health->loop);
    buf_done(&health->request);
    buf_done(&health->answer);
done:
    mem_free(health);
    return exit_code;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int help(void)
{
    fputs(USAGE
          "Asks a server whether it is ready, prints its answer, and ends with 0 where that is "
          "200, with 1\nwhere it is another or there is none, and with 2 where it can't be "
          "asked.\n\n"
          "OPTION is any of the server's own, such as --config FILE or --listen URL: asked is "
          "the first\naddress that a server with these, and this environment, listens on. "
          "Without PATH it is " PATH ".\n",
          stdout);
    return EXIT_OK;
}

int health_run(int argc, char **argv)
{
    struct target target;
    if (wants_help(argc, argv))
        return help();
    crypto_init();
    return choose_target(argc, argv, &target) == 0 ? ask(&target) : EXIT_BAD_CONFIG;
}
