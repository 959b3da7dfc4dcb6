/* How a call went, as a client tells (docs/protocol.md section 8): enumerated, so that whatever
 * strangers send makes no new names in the metrics. A word that is not known counts as `other`:
 * clients may be newer than the server. */
#ifndef ROOMLINE_CORE_REPORT_H
#define ROOMLINE_CORE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* X(name, word). The last of each list is what every other word counts as. */
#define REPORT_OUTCOMES(X)                                                                         \
    X(CONNECTED, "connected")                                                                      \
    X(FAILED, "failed")                                                                            \
    X(CANCELLED, "cancelled")                                                                      \
    X(OTHER, "other")

#define REPORT_REASONS(X)                                                                          \
    X(NONE, "none")                                                                                \
    X(HANGUP, "hangup")                                                                            \
    X(PEER_LEFT, "peer-left")                                                                      \
    X(NO_ANSWER, "no-answer")                                                                      \
    X(ICE_FAILED, "ice-failed")                                                                    \
    X(NEGOTIATION_FAILED, "negotiation-failed")                                                    \
    X(MEDIA_FAILED, "media-failed")                                                                \
    X(SIGNALING_LOST, "signaling-lost")                                                            \
    X(OTHER, "other")

#define REPORT_CANDIDATES(X)                                                                       \
    X(NONE, "none")                                                                                \
    X(HOST, "host")                                                                                \
    X(SRFLX, "srflx")                                                                              \
    X(PRFLX, "prflx")                                                                              \
    X(RELAY, "relay")                                                                              \
    X(OTHER, "other")

#define X(name, word) REPORT_##name,
#define Y(name, word) REASON_##name,
#define Z(name, word) CANDIDATE_##name,
enum report_outcome { REPORT_OUTCOMES(X) REPORT_OUTCOME_COUNT };
enum report_reason { REPORT_REASONS(Y) REPORT_REASON_COUNT };
enum report_candidate { REPORT_CANDIDATES(Z) REPORT_CANDIDATE_COUNT };
#undef X
#undef Y
#undef Z

/* More is counted as so much, lest one report spoils a sum. */
#define REPORT_RESTARTS_MAX 1000u
#define REPORT_TIME_MAX (7 * 24 * 3600 * UINT64_C(1000)) /* ms */

struct report {
    enum report_outcome outcome;
    enum report_reason reason;
    enum report_candidate local, remote;
    bool has_connect_time, has_duration;
    uint64_t connect_time; /* ms */
    uint64_t duration;     /* ms */
    uint64_t ice_restarts;
};

/* The words, in the order of the enumerations. */
extern const char *const report_outcomes[REPORT_OUTCOME_COUNT];
extern const char *const report_reasons[REPORT_REASON_COUNT];
extern const char *const report_candidates[REPORT_CANDIDATE_COUNT];

/* Reads a raw JSON object that was found valid. 0; or ERR_BAD_MESSAGE: a field of the wrong kind, or
 * no outcome. */
int report_read(struct slice call, struct report *ret_report);

#endif
