/* What the exchange counts: read by app/metrics, whose table says what each means. */
#ifndef ROOMLINE_CORE_TALLY_H
#define ROOMLINE_CORE_TALLY_H

#include "base/error.h"
#include "base/histogram.h"
#include "core/envelope.h"
#include "core/report.h"
#include "core/session.h"

/* X(name, type on the wire): what a message is counted as (message->kind). Signals come first: what
 * is passed on from another holder says nothing and is one. */
#define SENT_KINDS(X)                                                                              \
    X(SIGNAL, "signal")                                                                            \
    X(JOINED, "joined")                                                                            \
    X(PEER_JOINED, "peer-joined")                                                                  \
    X(PEER_INFO, "peer-info")                                                                      \
    X(PEER_AWAY, "peer-away")                                                                      \
    X(PEER_BACK, "peer-back")                                                                      \
    X(PEER_LEFT, "peer-left")                                                                      \
    X(NOTICE, "notice")                                                                            \
    X(ICE_SERVERS, "ice-servers")                                                                  \
    X(PONG, "pong")                                                                                \
    X(GOAWAY, "goaway")                                                                            \
    X(ERROR, "error")                                                                              \
    X(OTHER, "other")

/* How a join ended. LOST: its client did not wait for the answer. */
#define JOIN_OUTCOMES(X)                                                                           \
    X(JOINED, "joined")                                                                            \
    X(REFUSED, "refused")                                                                          \
    X(LOST, "lost")

/* The same of one with `resume`. AFRESH: resumed:false. */
#define RESUME_OUTCOMES(X)                                                                         \
    X(RESUMED, "resumed")                                                                          \
    X(AFRESH, "afresh")                                                                            \
    X(REFUSED, "refused")                                                                          \
    X(LOST, "lost")

/* X(name, key of the configuration, or what else a limit is called) */
#define CORE_LIMITS(X)                                                                             \
    X(MESSAGES, "messages_per_second")                                                             \
    X(BYTES, "bytes_per_second")                                                                   \
    X(STRIKES, "rate_strikes")                                                                     \
    X(INFO_SIZE, "info_size")                                                                      \
    X(ROOMS, "rooms")                                                                              \
    X(PEERS, "peers_per_room")                                                                     \
    X(HOLD, "hold")                                                                                \
    X(JOIN_TIMEOUT, "join_timeout")                                                                \
    X(REPORTS, "reports")

#define X(name, word) SENT_##name,
enum sent_kind { SENT_KINDS(X) SENT_KIND_COUNT };
#undef X
#define X(name, word) JOIN_##name,
enum join_outcome { JOIN_OUTCOMES(X) JOIN_OUTCOME_COUNT };
#undef X
#define X(name, word) RESUME_##name,
enum resume_outcome { RESUME_OUTCOMES(X) RESUME_OUTCOME_COUNT };
#undef X
#define X(name, word) CORE_LIMIT_##name,
enum core_limit { CORE_LIMITS(X) CORE_LIMIT_COUNT };
#undef X

/* DIRECT: neither side's candidate is a relay's. */
enum call_path { CALL_DIRECT, CALL_RELAY, CALL_PATH_UNKNOWN, CALL_PATH_COUNT };

struct core_tally {
    struct tally sessions[SESSION_STATE_COUNT]; /* now */
    struct tally received[TYPE_COUNT], received_bytes[TYPE_COUNT];
    struct tally sent[SENT_KIND_COUNT], sent_bytes[SENT_KIND_COUNT];
    struct tally errors[ERR_COUNT]; /* by the negated error */
    struct tally joins[JOIN_OUTCOME_COUNT], resumes[RESUME_OUTCOME_COUNT];
    struct tally limits[CORE_LIMIT_COUNT];
    struct histogram join_time; /* from a join to its `joined` */

    struct tally calls[REPORT_OUTCOME_COUNT][REPORT_REASON_COUNT];
    struct tally candidates[REPORT_CANDIDATE_COUNT][REPORT_CANDIDATE_COUNT]; /* local, remote */
    struct histogram connect_time[CALL_PATH_COUNT];
    struct histogram duration;
    struct tally ice_restarts;
};

#endif
