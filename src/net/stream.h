/* A connection over TCP or a unix socket, with or without TLS, that its owner sees as text in and
 * text out.
 *
 * What is pushed in one loop pass goes out by one write at its end: streams with output stand in a
 * list of the loop, which stream_flush_all() works through. What the kernel does not take waits
 * until it does.
 *
 * The sockets are in an epoll set of their own, which libuv watches as one descriptor. libuv's own
 * streams would take 250 bytes of each connection, and their way from epoll to a read is long. */
#ifndef ROOMLINE_NET_STREAM_H
#define ROOMLINE_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <uv.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/tally.h"
#include "net/queue.h"
#include "net/tls.h"

struct stream;

#define STREAM_READ_SIZE 65536 /* bytes that are read at once */
#define STREAM_INPUTS_MAX 32
#define STREAM_RUNS_MAX 64
#define STREAM_SAMPLE 16u   /* of so many reads one is timed */
#define STREAM_READY_MAX 16 /* sockets that one look at the set tells of; see ready_cb() */
#define STREAM_LOOKS_MAX 8  /* in a pass */
#define STREAM_WIRE_SIZE (65536 + TLS_RECORD_EXTRA)

/* Never called from within stream_push(), stream_flush() and stream_end(). */
struct stream_events {
    void (*on_open)(struct stream *stream); /* TLS is up; not called where there is none */
    void (*on_bytes)(struct stream *stream, struct slice bytes);

    /* 0: the other side sends no more, and after stream_end() all of ours is sent. UV_ENOBUFS:
     * stream_fail() said so. Else the libuv error that broke it. */
    void (*on_end)(struct stream *stream, int error);

    void (*on_drained)(struct stream *stream); /* all that was pushed is with the kernel */
    void (*on_closed)(struct stream *stream);  /* its memory may go */
};

struct stream {
    struct stream_loop *loop;
    const struct stream_events *events;
    struct tls *tls; /* NULL: none */
    int fd;
    int error; /* to be told by the next flush */
    bool handshaking : 1;
    bool dirty : 1;
    bool blocked : 1;  /* the kernel takes no more for now */
    bool ending : 1;   /* stream_end() was called */
    bool notified : 1; /* the other side was told by TLS that nothing more comes */
    bool shut : 1;     /* all was sent, and our half closed */
    bool eof : 1;
    bool paused : 1;
    bool closing : 1;
    struct queue queue;
    struct buf *cipher;      /* encrypted bytes that go first; NULL: none */
    size_t counted;          /* of what waits, in loop->waiting */
    LIST_ENTRY(stream) link; /* in loop->dirty or loop->closed */
};

LIST_HEAD(stream_list, stream);

/* Bytes that were read and wait for their turn. */
struct stream_input {
    struct stream *stream;
    struct slice bytes;
    uint64_t read_at; /* ns; 0: this one is not timed */
};

/* What streams of one loop share. */
struct stream_loop {
    uv_poll_t poll; /* first; keeps libuv's loop alive while there are streams */
    uv_loop_t *uv;
    int epoll;
    void (*on_closed)(struct stream_loop *loop);
    size_t streams;            /* that were made and have not ended */
    struct stream_list dirty;  /* with output that waits for the end of the pass */
    struct stream_list closed; /* that end with the pass */
    struct stream_input inputs[STREAM_INPUTS_MAX];
    unsigned input_count;
    size_t read_used; /* of read_bytes, by them */
    uint64_t bytes_in, bytes_out;
    struct tally *waiting; /* bytes that the kernel has not taken, of all; NULL: nobody asks */
    unsigned untimed;      /* reads since the last one that was timed */
    uint64_t read_at;      /* of the input that is worked on, as in struct stream_input */
    struct tls_wire wire;

    /* Scratch. Each is only used between two returns to the loop, and by one stream at a time. */
    char read_bytes[2 * STREAM_READ_SIZE];
    char text[STREAM_READ_SIZE];        /* decrypted */
    char gather[TLS_RECORD_MAX];        /* small messages that go into one record */
    char wire_bytes[STREAM_WIRE_SIZE];  /* encrypted */
    struct iovec runs[STREAM_RUNS_MAX]; /* of one gathered write */
};

/* The rest of it is zero already. 0 or a libuv error: it never was. */
int stream_loop_init(struct stream_loop *loop, uv_loop_t *uv);

/* Once all its streams are closed; on_closed() comes later. */
void stream_loop_close(struct stream_loop *loop, void (*on_closed)(struct stream_loop *loop));

/* Zeroes it and takes over a connected socket that does not block; from here on it ends by
 * stream_close(). */
void stream_init(struct stream *stream, struct stream_loop *loop,
                 const struct stream_events *events, int fd);

/* Starts to read; first comes the handshake where there is TLS, which it takes over, also where
 * this fails. A client's begins at once. 0 or a libuv error. */
int stream_start(struct stream *stream, struct tls *tls);

/* TLS from here on, in a stream that was started without and is called from on_bytes(): `rest` is
 * what came behind the bytes that were of use. Takes over `tls`. */
void stream_secure(struct stream *stream, struct tls *tls, struct slice rest);

/* Queues text; see queue_push(). */
int stream_push(struct stream *stream, struct slice bytes, void *owner,
                void (*release)(void *owner));

/* Writes now what it can. An error is kept for the end of the pass. */
void stream_flush(struct stream *stream);

/* Has on_end() called with this error at the end of the pass. */
void stream_fail(struct stream *stream, int error);

void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Drops what was not begun to be sent. */
void stream_forget(struct stream *stream);

/* Over TLS, has a session ticket sent along with what is pushed next; see tls_offer_ticket(). */
void stream_offer_ticket(struct stream *stream);

/* Once all is sent, says so to the other side (close_notify, FIN); reading goes on. */
void stream_end(struct stream *stream);

void stream_close(struct stream *stream);

/* Bytes that the kernel did not take yet. */
size_t stream_waiting(const struct stream *stream);

/* Reads are worked through a few at a time: first the kernel is at work, then we are, then the
 * kernel again, as neither finds its code in the processor's first-level cache after the other. */
void stream_read_all(struct stream_loop *loop);

/* The same, then all output. */
void stream_flush_all(struct stream_loop *loop);

/* The same, then tells of the streams that were closed. For the end of a pass: nobody may hold on to
 * a stream any more. */
void stream_end_pass(struct stream_loop *loop);

#endif
