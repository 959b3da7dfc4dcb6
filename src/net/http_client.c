/* Read from top to bottom this is the life of a request: queued, given to a connection that is idle
 * or made for it, sent, answered, or too late. */
#include "net/http_client.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "base/mem.h"
#include "base/wheel.h"
#include "net/dial.h"
#include "net/http_answer.h"
#include "net/outgoing.h"
#include "net/stream.h"

#define HEAD_MAX ((size_t)16384)

/*     DIALING --connected--> SHAKING --TLS is up--> BUSY <--next request-- IDLE
 *        |                      |                    |  --answered---------> ^
 *        +-- fails -------------+--------------------+-- or the server ends --> CLOSING  */
enum link_state { DIALING, SHAKING, BUSY, IDLE, CLOSING, LINK_STATE_COUNT };

struct request {
    STAILQ_ENTRY(request) next; /* while it waits */
    struct deadline deadline;
    struct http_client *client;
    struct link *link; /* that carries it; NULL while it waits */
    struct buf bytes;
    bool again; /* was sent before, on a connection that had been kept */
    http_client_on_answer *on_answer;
    void *context;
};

struct link {
    struct stream stream; /* first: stream events come with its address */
    LIST_ENTRY(link) entry;
    struct http_client *client;
    enum link_state state;
    struct dial *dial;
    struct request *request;
    struct http_answer *answer;
    bool kept; /* it has carried a request before this one */
    bool has_stream;
};

struct http_client {
    struct http_client_options options;
    struct outgoing *outgoing;
    struct tls_context *tls;
    struct wheel wheel;
    uv_timer_t timer; /* runs while there are requests */
    LIST_HEAD(, link) links;
    STAILQ_HEAD(, request) waiting;
    unsigned link_count;
    unsigned request_count;
    bool closing;
    bool timer_open;
};

static void enter(struct link *link, enum link_state state)
{
    static const bool legal[LINK_STATE_COUNT][LINK_STATE_COUNT] = {
        [DIALING] = {[SHAKING] = true, [BUSY] = true, [CLOSING] = true},
        [SHAKING] = {[BUSY] = true, [CLOSING] = true},
        [BUSY] = {[IDLE] = true, [CLOSING] = true},
        [IDLE] = {[BUSY] = true, [CLOSING] = true},
    };
    assert(legal[link->state][state]);
    link->state = state;
}

/* --- requests --- */

static void dispatch(struct http_client *client);

static void request_free(struct request *request)
{
    struct http_client *client = request->client;
    wheel_disarm(&request->deadline);
    buf_done(&request->bytes);
    mem_free(request);
    if (--client->request_count == 0 && client->timer_open)
        uv_timer_stop(&client->timer);
}

/* Takes it from its link, if any, and tells its owner. */
static void conclude(struct request *request, int status, struct slice body, const char *cause)
{
    if (request->link != NULL)
        request->link->request = NULL;
    request->on_answer(request->context, status, body, cause);
    request_free(request);
}

static void link_close(struct link *link);

static void overdue_cb(struct deadline *deadline)
{
    struct request *request = WHEEL_OWNER(deadline, struct request, deadline);
    struct http_client *client = request->client;
    struct link *link = request->link;
    if (link == NULL)
        STAILQ_REMOVE(&client->waiting, request, request, next);
    conclude(request, 0, SLICE_NONE, "no answer in time");
    if (client->closing)
        return;
    if (link != NULL)
        link_close(link); /* its answer may still come, and be taken for the next one's */
    dispatch(client);
}

static void timer_cb(uv_timer_t *timer)
{
    struct http_client *client = timer->data;
    wheel_turn(&client->wheel, uv_now(timer->loop));
}

/* --- a connection --- */

static struct link *link_of(struct stream *stream)
{
    return (struct link *)stream;
}

static void send_request(struct link *link)
{
    struct slice bytes = buf_slice(&link->request->bytes);
    enter(link, BUSY);
    http_answer_reset(link->answer);
    /* The request outlives what is written of it: link_close() comes before its end. */
    if (stream_push(&link->stream, bytes, NULL, NULL) != 0)
        stream_fail(&link->stream, UV_ENOMEM);
}

static void link_free(struct link *link)
{
    struct http_client *client = link->client;
    LIST_REMOVE(link, entry);
    client->link_count--;
    http_answer_free(link->answer);
    mem_free(link);
}

static void finish_close(struct http_client *client);

static void on_closed(struct stream *stream)
{
    struct http_client *client = link_of(stream)->client;
    link_free(link_of(stream));
    if (client->closing)
        finish_close(client);
    else
        dispatch(client);
}

static void link_close(struct link *link)
{
    if (link->state == CLOSING)
        return;
    enter(link, CLOSING);
    if (link->dial != NULL)
        dial_cancel(link->dial);
    if (link->has_stream)
        stream_close(&link->stream);
    else
        link_free(link);
}

/* The server may close a kept connection at the very moment that we use it. */
static bool may_try_again(const struct link *link)
{
    return link->state == BUSY && link->kept && !link->request->again &&
           !http_answer_has_begun(link->answer);
}

static void link_lost(struct link *link, const char *cause)
{
    struct http_client *client = link->client;
    struct request *request = link->request;
    if (request != NULL && may_try_again(link)) {
        request->again = true;
        request->link = NULL;
        link->request = NULL;
        stream_forget(&link->stream);
        STAILQ_INSERT_HEAD(&client->waiting, request, next);
    } else if (request != NULL) {
        conclude(request, 0, SLICE_NONE, cause);
    }
    if (client->closing)
        return;
    link_close(link);
    dispatch(client);
}

/* The link is not idle before the owner has read the answer, who may post the next request. */
static void answered(struct link *link)
{
    struct http_client *client = link->client;
    struct http_answer *answer = link->answer;
    bool keep = http_answer_keeps_alive(answer) && stream_waiting(&link->stream) == 0;
    conclude(link->request, http_answer_status(answer), http_answer_body(answer), NULL);
    if (client->closing)
        return;
    link->kept = true;
    if (keep)
        enter(link, IDLE);
    else
        link_close(link);
    dispatch(client);
}

static void on_open(struct stream *stream)
{
    send_request(link_of(stream));
}

static void on_bytes(struct stream *stream, struct slice bytes)
{
    struct link *link = link_of(stream);
    if (link->state != BUSY) {
        link_lost(link, "an answer that nothing asked for");
        return;
    }
    switch (http_answer_feed(link->answer, bytes)) {
    case ANSWER_MORE: break;
    case ANSWER_WHOLE: answered(link); break;
    case ANSWER_BROKEN: link_lost(link, "an answer that is not HTTP, or too large"); break;
    }
}

static void on_end(struct stream *stream, int error)
{
    struct link *link = link_of(stream);
    const char *cause = error == 0 ? "the connection was closed" : uv_strerror(error);
    if (error == UV_EPROTO && stream->tls != NULL)
        cause = tls_cause(stream->tls);
    if (error == 0 && link->state == BUSY && http_answer_has_begun(link->answer) &&
        http_answer_end(link->answer) == ANSWER_WHOLE)
        answered(link);
    else
        link_lost(link, cause);
}

static void on_drained(struct stream *stream)
{
    (void)stream;
}

static const struct stream_events stream_events = {on_open, on_bytes, on_end, on_drained,
                                                   on_closed};

/* 0 or a libuv error. */
static int link_start(struct link *link, int fd)
{
    struct http_client *client = link->client;
    struct tls *tls = NULL;
    stream_init(&link->stream, outgoing_streams(client->outgoing), &stream_events, fd);
    link->has_stream = true;
    if (client->tls != NULL) {
        tls = tls_client_new(client->tls, client->options.url.host);
        if (tls == NULL)
            return UV_ENOMEM;
    }
    return stream_start(&link->stream, tls);
}

static void on_dialed(void *context, int result)
{
    struct link *link = context;
    link->dial = NULL;
    if (result < 0) {
        link_lost(link, uv_strerror(result));
        return;
    }
    int error = link_start(link, result);
    if (error != 0)
        link_lost(link, uv_strerror(error));
    else if (link->client->tls != NULL)
        enter(link, SHAKING);
    else
        send_request(link);
}

/* NULL: no memory. */
static struct link *link_new(struct http_client *client)
{
    const struct http_url *url = &client->options.url;
    struct dial_target target = {.host = url->host, .port = url->port};
    struct link *link = mem_zero(sizeof(*link));
    if (link == NULL)
        return NULL;
    link->client = client;
    link->answer = http_answer_new(client->options.answer_max);
    if (link->answer != NULL)
        link->dial =
            dial_start(client->options.loop, &target, client->options.timeout, on_dialed, link);
    if (link->dial == NULL) {
        http_answer_free(link->answer);
        mem_free(link);
        return NULL;
    }
    LIST_INSERT_HEAD(&client->links, link, entry);
    client->link_count++;
    return link;
}

static struct link *find_idle(struct http_client *client)
{
    struct link *link;
    LIST_FOREACH(link, &client->links, entry)
    if (link->state == IDLE)
        return link;
    return NULL;
}

/* Gives waiting requests to connections, as far as these go. Without memory for one they wait for
 * the next occasion, or their time-out. */
static void dispatch(struct http_client *client)
{
    while (!client->closing && !STAILQ_EMPTY(&client->waiting)) {
        struct request *request = STAILQ_FIRST(&client->waiting);
        struct link *link = find_idle(client);
        if (link == NULL && client->link_count < client->options.connections)
            link = link_new(client);
        if (link == NULL)
            return;
        STAILQ_REMOVE_HEAD(&client->waiting, next);
        link->request = request;
        request->link = link;
        if (link->state == IDLE)
            send_request(link);
    }
}

/* --- what the owner calls --- */

static void compose(struct buf *out, const struct http_url *url, struct slice headers,
                    struct slice body)
{
    buf_init(out, HEAD_MAX + body.len);
    buf_add_text(out, "POST ");
    buf_add_text(out, url->target);
    buf_add_text(out, " HTTP/1.1\r\nHost: ");
    buf_add_text(out, url->authority);
    buf_add_text(out, "\r\nContent-Type: application/json\r\nContent-Length: ");
    buf_add_uint(out, body.len);
    buf_add_text(out, "\r\n");
    buf_add_slice(out, headers);
    buf_add_text(out, "\r\n");
    buf_add_slice(out, body);
}

int http_client_post(struct http_client *client, struct slice headers, struct slice body,
                     http_client_on_answer *on_answer, void *context)
{
    if (client->closing || client->request_count >= client->options.requests)
        return UV_ENOBUFS;
    struct request *request = mem_zero(sizeof(*request));
    if (request == NULL)
        return UV_ENOMEM;
    compose(&request->bytes, &client->options.url, headers, body);
    if (buf_failed(&request->bytes)) {
        buf_done(&request->bytes);
        mem_free(request);
        return UV_ENOMEM;
    }
    request->client = client;
    request->on_answer = on_answer;
    request->context = context;
    request->deadline.on_due = overdue_cb;
    if (client->request_count++ == 0) {
        wheel_init(&client->wheel, uv_now(client->options.loop));
        uv_timer_start(&client->timer, timer_cb, WHEEL_SLOT_MS, WHEEL_SLOT_MS);
    }
    wheel_arm(&client->wheel, &request->deadline,
              uv_now(client->options.loop) + client->options.timeout);
    STAILQ_INSERT_TAIL(&client->waiting, request, next);
    dispatch(client);
    return 0;
}

uint64_t http_client_now(const struct http_client *client)
{
    return uv_now(client->options.loop);
}

unsigned http_client_pending(const struct http_client *client)
{
    return client->request_count;
}

struct http_client *http_client_new(const struct http_client_options *options,
                                    char ret_error[HTTP_CLIENT_ERROR_SIZE])
{
    struct http_client *client = mem_must(sizeof(*client));
    client->options = *options;
    client->outgoing = outgoing_new(options->loop);
    if (client->outgoing == NULL) {
        snprintf(ret_error, HTTP_CLIENT_ERROR_SIZE, "no memory");
        mem_free(client);
        return NULL;
    }
    if (options->url.tls) {
        struct tls_wire *wire = &outgoing_streams(client->outgoing)->wire;
        client->tls = tls_client_context_new(&options->tls, wire, ret_error);
        if (client->tls == NULL) {
            outgoing_close(client->outgoing);
            mem_free(client);
            return NULL;
        }
    }
    LIST_INIT(&client->links);
    STAILQ_INIT(&client->waiting);
    uv_timer_init(options->loop, &client->timer);
    client->timer.data = client;
    client->timer_open = true;
    return client;
}

static void finish_close(struct http_client *client)
{
    if (client->timer_open || !LIST_EMPTY(&client->links))
        return;
    outgoing_close(client->outgoing);
    tls_context_free(client->tls);
    mem_free(client);
}

static void timer_closed_cb(uv_handle_t *handle)
{
    struct http_client *client = handle->data;
    client->timer_open = false;
    finish_close(client);
}

static void drop_requests(struct http_client *client)
{
    struct request *request;
    struct link *link;
    while ((request = STAILQ_FIRST(&client->waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(&client->waiting, next);
        request_free(request);
    }
    LIST_FOREACH(link, &client->links, entry)
    {
        if (link->request == NULL)
            continue;
        if (link->has_stream)
            stream_forget(&link->stream);
        request_free(link->request);
        link->request = NULL;
    }
}

void http_client_close(struct http_client *client)
{
    if (client == NULL)
        return;
    client->closing = true;
    drop_requests(client);
    for (struct link *link = LIST_FIRST(&client->links), *next; link != NULL; link = next) {
        next = LIST_NEXT(link, entry);
        link_close(link);
    }
    uv_close((uv_handle_t *)&client->timer, timer_closed_cb);
}
