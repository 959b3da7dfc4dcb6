/* A webhook that is told what happens in rooms.
 *
 *     POST {"events":[{"type":"peer-joined","room":"r","peer":"ann","time":1767225600123,
 *                      "instance":"host-1a2b"}, ...]}
 *     Roomline-Signature: t=...,v1=...     api/webhook_sign.h
 *     Roomline-Delivery: <random>          the same when the batch is sent again
 *
 * Events are gathered for a moment and sent as one batch, in order, one batch at a time. Any answer
 * but 2xx, or none, has the batch sent again, with a back-off and full jitter, until it is too old.
 * The queue is bounded: what finds it full is dropped, and counted. A batch whose answer was lost
 * comes twice: the receiver tells by the delivery. */
#ifndef ROOMLINE_API_EVENT_WEBHOOK_H
#define ROOMLINE_API_EVENT_WEBHOOK_H

#include <stdint.h>
#include <uv.h>

#include "base/slice.h"
#include "net/http_client.h"

/* X(name, type in JSON) */
#define ROOM_EVENTS(X)                                                                             \
    X(ROOM_OPENED, "room-opened")                                                                  \
    X(ROOM_CLOSED, "room-closed")                                                                  \
    X(PEER_JOINED, "peer-joined")                                                                  \
    X(PEER_LEFT, "peer-left")

enum room_event_type {
#define X(name, text) EVENT_##name,
    ROOM_EVENTS(X)
#undef X
        EVENT_TYPE_COUNT,
};

struct room_event {
    enum room_event_type type;
    struct slice room;
    struct slice peer;   /* SLICE_NONE: of the room */
    struct slice reason; /* SLICE_NONE: none */
    uint64_t time;       /* Unix time in ms */
};

struct event_webhook_options {
    uv_loop_t *loop;
    struct http_url url;
    const char *ca;      /* as of tls_client_options */
    struct slice secret; /* that requests are signed with; empty: they are not */
    const char *instance;
    uint64_t timeout;  /* ms, of one request */
    uint64_t keep;     /* ms that a batch is tried */
    size_t queue_size; /* bytes of events that wait */
};

struct event_webhook;

/* NULL with ret_error filled. */
struct event_webhook *event_webhook_new(const struct event_webhook_options *options,
                                        char ret_error[HTTP_CLIENT_ERROR_SIZE]);

void event_webhook_add(struct event_webhook *hook, const struct room_event *event);

struct event_webhook_counts {
    uint64_t delivered, dropped; /* events since the start */
    size_t waiting;              /* bytes */
};

struct event_webhook_counts event_webhook_count(const struct event_webhook *hook);

/* Whether all was delivered or dropped. */
bool event_webhook_is_idle(const struct event_webhook *hook);

/* Sends what waits at once, and tries nothing again: the process ends soon. */
void event_webhook_hurry(struct event_webhook *hook);

/* Frees itself; what waits is dropped, and logged as such. NULL is let through. */
void event_webhook_close(struct event_webhook *hook);

#endif
