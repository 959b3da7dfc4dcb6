/* A webhook that is told what happens in rooms.
 *
 *     POST {"events":[{"id":"...","type":"peer-joined","room":"r","peer":"ann",
 *                      "time":1767225600123,"instance":"host-1a2b"}, ...]}
 *     Roomline-Signature: t=...,v1=...     api/webhook_sign.h
 *     Roomline-Delivery: <random>          the same when the batch is sent again
 *
 * Events are gathered for a moment and sent as one batch, in order, one batch at a time. Any answer
 * but 2xx, or none, has the batch sent again, with a back-off and full jitter, until it is too old.
 * The queue is bounded: what finds it full is dropped, and counted. A batch whose answer was lost
 * comes twice: the receiver tells by the ID of each event, or by the delivery.
 *
 * An ID is the version that the room had by then, 16 hex digits, and 16 random ones: those of one
 * room sort, as text, in the order in which it happened, whoever sends them. */
#ifndef ROOMLINE_API_EVENT_WEBHOOK_H
#define ROOMLINE_API_EVENT_WEBHOOK_H

#include <stdint.h>

#include "api/tally.h"
#include "core/frame.h"
#include "net/http_client.h"

struct event_webhook_options {
    struct http_client_options client; /* loop, URL, TLS and time-out; the rest is ours */
    struct slice secret;               /* that requests are signed with; empty: they are not */
    const char *instance;              /* its name; outlives the webhook */
    unsigned types;                    /* 1 << enum room_event of those to be told of */
    size_t queue;                      /* events that wait, at most */
    size_t batch;                      /* events of one request, at most; EVENT_BATCH_MAX */
    uint64_t backoff;                  /* ms between two tries, at most */
    uint64_t keep;                     /* ms that a batch is tried; 0: for ever */
    struct event_tally *tally;         /* where it counts; outlives the webhook */
};

#define EVENT_BATCH_MAX 1000u

struct event_webhook;

/* NULL with ret_error filled. */
struct event_webhook *event_webhook_new(const struct event_webhook_options *options,
                                        char ret_error[HTTP_CLIENT_ERROR_SIZE]);

/* A FRAME_HAPPENED, valid for the call. NULL for the webhook is let through. */
void event_webhook_tell(struct event_webhook *hook, const struct frame *happened);

/* The process ends: sends what waits, for so many ms at most, then drops the rest and frees itself.
 * on_ended comes from this call or from the loop. NULL has nothing to send. Called again, it ends
 * at once if ms is 0. */
void event_webhook_end(struct event_webhook *hook, uint64_t ms, void (*on_ended)(void *context),
                       void *context);

/* Frees itself; what waits is dropped. NULL is let through. */
void event_webhook_close(struct event_webhook *hook);

#endif
