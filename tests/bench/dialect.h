/*
 * What differs between the servers that the generator can drive. Both are sent the same messages;
 * they differ in the path of a connection and in what comes back:
 *
 * roomline  the protocol of docs/protocol.md: join is answered by joined, the others of the room get
 *           peer-joined, leave closes the connection.
 * limit     knows no messages: connections of one path form a pair, a frame goes to the other of the
 *           pair, or back to its sender while that is alone. So the first of a pair gets its own join
 *           back (its joined), the join of the second comes to the first (its peer-joined), and the
 *           second is joined unanswered. A close frame stands for what the server does on leave.
 */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

enum said {
    SAID_JOINED,
    SAID_PEER_JOINED,
    SAID_SIGNAL,
    SAID_PEER_LEFT,
    SAID_OTHER, /* nothing that the generator waits for */
    SAID_ERROR,
};

struct dialect {
    const char *name;
    bool second_unanswered; /* the second of a pair is joined when its join is sent */
    bool client_closes;     /* leave is followed by a close frame from the client */
    /* Writes the path of a connection. Rooms are counted from 0 in each run, as are pairs. */
    void (*write_path)(char *path, size_t size, unsigned room, unsigned pair);
    /* What the server says to a member that is, or is not, joined already. */
    enum said (*hear)(const char *text, size_t length, bool joined);
};

/* NULL when there is none of this name. */
const struct dialect *dialect_find(const char *name);

#endif
