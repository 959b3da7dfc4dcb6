/* A TCP connection, with or without TLS, that its owner sees as text in and text out.
 *
 * What is pushed in one loop pass goes out by one write at its end: streams with output stand in a
 * list of the loop, which stream_flush_all() works through. What the kernel does not take is
 * written by libuv once it does. */
#ifndef ROOMLINE_NET_STREAM_H
#define ROOMLINE_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <uv.h>

#include "base/slice.h"
#include "net/queue.h"

struct net_loop;
struct stream;
struct tls;

/* Never called from within stream_push(), stream_flush() and stream_end(). */
struct stream_events {
    void (*on_open)(struct stream *stream); /* TLS is up */
    void (*on_bytes)(struct stream *stream, struct slice bytes);

    /* 0: the client sends no more, and after stream_end() all of ours is sent. UV_ENOBUFS:
     * stream_fail() said so. Else the libuv error that broke it. */
    void (*on_end)(struct stream *stream, int error);

    void (*on_drained)(struct stream *stream); /* all that was pushed is with the kernel */
    void (*on_closed)(struct stream *stream);  /* its memory may go */
};

struct stream {
    uv_tcp_t tcp;
    struct net_loop *loop;
    const struct stream_events *events;
    struct tls *tls; /* NULL: none */
    struct queue queue;
    size_t in_flight; /* bytes that libuv has, of the queue's front or encrypted */
    int error;        /* to be told by the next flush */
    int fd;
    bool handshaking : 1;
    bool dirty : 1;
    bool ending : 1; /* stream_end() was called */
    bool shut : 1;   /* all was sent, and our half closed */
    bool eof : 1;
    LIST_ENTRY(stream) dirty_link;
};

LIST_HEAD(stream_list, stream);

/* Zeroes it and makes the handle; from here on it ends by stream_close(). A libuv error: it never
 * was. */
int stream_init(struct stream *stream, struct net_loop *loop, const struct stream_events *events);

/* Starts to read, first the TLS handshake where `secure`. Negative: no memory, or no certificate.
 */
int stream_start(struct stream *stream, bool secure);

/* Queues text; see queue_push(). */
int stream_push(struct stream *stream, struct piece piece);

/* Writes now what it can. An error is kept for the end of the pass. */
void stream_flush(struct stream *stream);

/* Has on_end() called with this error at the end of the pass. */
void stream_fail(struct stream *stream, int error);

void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Drops what was not begun to be sent. */
void stream_forget(struct stream *stream);

/* Once all is sent, says so to the client (close_notify, FIN); reading goes on. */
void stream_end(struct stream *stream);

void stream_close(struct stream *stream);

/* Bytes that the kernel did not take yet. */
size_t stream_waiting(const struct stream *stream);

void stream_flush_all(struct net_loop *loop);

#endif
