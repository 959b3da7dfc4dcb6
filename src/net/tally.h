/* What a server counts: read by app/metrics, whose table says what each means. */
#ifndef ROOMLINE_NET_TALLY_H
#define ROOMLINE_NET_TALLY_H

#include "base/error.h"
#include "base/histogram.h"

/* X(name, key of the configuration) */
#define NET_LIMITS(X)                                                                              \
    X(TLS_HANDSHAKE, "tls_handshake_timeout")                                                      \
    X(HEADERS, "headers_timeout")                                                                  \
    X(HEADER_SIZE, "header_size")                                                                  \
    X(BODY_SIZE, "body_size")                                                                      \
    X(MESSAGE_SIZE, "message_size")                                                                \
    X(FRAGMENTS, "fragments")                                                                      \
    X(CONTROL_FRAMES, "control_frames_per_second")                                                 \
    X(OUTPUT_QUEUE, "output_queue")

#define X(name, word) NET_LIMIT_##name,
enum net_limit { NET_LIMITS(X) NET_LIMIT_COUNT };
#undef X

/* How a WebSocket ended: by a code of ours, which are counted by close_index(), or by one of these. */
enum net_close { NET_CLOSE_CLIENT = CLOSE_CODE_COUNT, NET_CLOSE_LOST, NET_CLOSE_COUNT };

/* What became of a datagram on a socket for STUN. */
enum net_stun { NET_STUN_ANSWERED, NET_STUN_IGNORED, NET_STUN_LIMITED, NET_STUN_COUNT };

#define NET_STATUS_CLASSES 6 /* 1xx to 5xx, and what is none */

struct net_tally {
    struct tally closes[NET_CLOSE_COUNT];
    struct tally limits[NET_LIMIT_COUNT];
    struct tally responses[NET_STATUS_CLASSES]; /* by the status' first digit */
    struct tally tls_failures;
    struct tally stun[NET_STUN_COUNT];
    struct tally
        waiting; /* bytes of output that the kernel has not taken, of all connections; now */
    struct histogram tls_handshake; /* from accept to its end */
    struct histogram upgrade;       /* from the request's first byte to the 101 */
    struct histogram routing;       /* from a read to what its messages cause, queued; sampled */
};

#endif
