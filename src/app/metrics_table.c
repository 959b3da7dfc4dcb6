/* The one table of metrics. Names follow the guide at prometheus.io/docs/practices/naming. */
#include <stdio.h>

#include "app/metrics.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the labels' values */

#define X(name, word) word,
static const char *const sent_kinds[] = {SENT_KINDS(X)};
static const char *const join_outcomes[] = {JOIN_OUTCOMES(X)};
static const char *const resume_outcomes[] = {RESUME_OUTCOMES(X)};
static const char *const core_limits[] = {CORE_LIMITS(X)};
static const char *const net_limits[] = {NET_LIMITS(X)};
static const char *const admission_limits[] = {ADMISSION_LIMITS(X)};
static const char *const packets_lost[] = {PACKETS_LOST(X)};
static const char *const event_outcomes[] = {EVENT_OUTCOMES(X)};
#undef X
static const char *const paths[] = {
    [CALL_DIRECT] = "direct", [CALL_RELAY] = "relay", [CALL_PATH_UNKNOWN] = "unknown"};
static const char *const directions[] = {"in", "out"};
static const char *const queues[] = {"asks", "links"};
static const char *const states[] = {"here", "away"};
static const char *const stun_outcomes[] = {[NET_STUN_ANSWERED] = "answered",
                                            [NET_STUN_IGNORED] = "ignored",
                                            [NET_STUN_LIMITED] = "limited"};

#define WORDS(name, array)                                                                         \
    static const char *name(unsigned index, char space[METRIC_WORD_SIZE])                          \
    {                                                                                              \
        (void)space;                                                                               \
        return (array)[index];                                                                     \
    }
WORDS(sent_word, sent_kinds)
WORDS(join_word, join_outcomes)
WORDS(resume_word, resume_outcomes)
WORDS(core_limit_word, core_limits)
WORDS(net_limit_word, net_limits)
WORDS(admission_word, admission_limits)
WORDS(lost_word, packets_lost)
WORDS(path_word, paths)
WORDS(direction_word, directions)
WORDS(queue_word, queues)
WORDS(state_word, states)
WORDS(stun_word, stun_outcomes)
WORDS(event_word, event_outcomes)
WORDS(outcome_word, report_outcomes)
WORDS(reason_word, report_reasons)
WORDS(candidate_word, report_candidates)

static const char *received_word(unsigned index, char space[METRIC_WORD_SIZE])
{
    (void)space;
    return envelope_type_name((enum message_type)index);
}

static const char *session_word(unsigned index, char space[METRIC_WORD_SIZE])
{
    (void)space;
    return session_state_name((enum session_state)index);
}

static const char *error_word(unsigned index, char space[METRIC_WORD_SIZE])
{
    (void)space;
    return index == 0 ? NULL : error_wire(-(int)index);
}

static const char *close_word(unsigned index, char space[METRIC_WORD_SIZE])
{
    if (index == NET_CLOSE_CLIENT)
        return "client";
    if (index == NET_CLOSE_LOST)
        return "none";
    snprintf(space, METRIC_WORD_SIZE, "%d", (int)close_at(index));
    return space;
}

static const char *status_word(unsigned index, char space[METRIC_WORD_SIZE])
{
    snprintf(space, METRIC_WORD_SIZE, "%uxx", index);
    return index == 0 ? NULL : space;
}

static const char *version_word(unsigned index, char space[METRIC_WORD_SIZE])
{
    (void)index;
    (void)space;
    return ROOMLINE_VERSION;
}

/* ---- the table */

#define AT(member) offsetof(struct metrics, member)
#define BY(label, array, words)                                                                    \
    {                                                                                              \
        label, COUNT(((struct metrics *)NULL)->array), words                                       \
    }
#define LIMITS_HELP "How often a limit was hit, by its name."
#define NO_LABEL                                                                                   \
    {                                                                                              \
        NULL, 1, NULL                                                                              \
    }

#define ROW(name_, type_, help_, member)                                                           \
    .name = name_, .type = type_, .help = help_, .offset = AT(member)
#define COUNTER(name, help, member)                                                                \
    {                                                                                              \
        ROW(name, METRIC_COUNTER, help, member), .outer = NO_LABEL, .inner = NO_LABEL              \
    }
#define GAUGE(name, help, member)                                                                  \
    {                                                                                              \
        ROW(name, METRIC_GAUGE, help, member), .outer = NO_LABEL, .inner = NO_LABEL                \
    }
#define COUNTERS(name, help, member, label, words)                                                 \
    {                                                                                              \
        ROW(name, METRIC_COUNTER, help, member), .outer = BY(label, member, words),                \
                                                 .inner = NO_LABEL                                 \
    }
#define GAUGES(name, help, member, label, words)                                                   \
    {                                                                                              \
        ROW(name, METRIC_GAUGE, help, member), .outer = BY(label, member, words),                  \
                                               .inner = NO_LABEL                                   \
    }
#define HISTOGRAM(name, help, member, range)                                                       \
    {                                                                                              \
        ROW(name, METRIC_HISTOGRAM, help, member), .outer = NO_LABEL, .inner = NO_LABEL,           \
                                                   .scale = &(range)                               \
    }

const struct metric metrics_table[] = {
    /* connections */
    GAUGE("roomline_connections", "Open connections, WebSockets and others.", connections),
    GAUGE("roomline_connections_limit",
          "How many there may be (limits.connections); 0: any number.", instance.connections_limit),
    GAUGE("roomline_websockets", "Open WebSockets.", websockets),
    COUNTER("roomline_connections_accepted_total", "Connections that were accepted.", accepted),
    COUNTER("roomline_network_received_bytes_total", "Bytes read from clients' sockets, with TLS.",
            bytes_in),
    COUNTER("roomline_network_sent_bytes_total", "Bytes written to clients' sockets, with TLS.",
            bytes_out),
    GAUGE("roomline_output_waiting_bytes",
          "Bytes for clients that the kernel has not taken: of those who read slowly.",
          net.waiting),
    COUNTERS("roomline_http_responses_total", "HTTP responses but for upgrades refused early.",
             net.responses, "code", status_word),
    HISTOGRAM("roomline_tls_handshake_seconds",
              "From accepting a connection to the end of TLS' "
              "handshake.",
              net.tls_handshake, histogram_slow),
    COUNTER("roomline_tls_handshake_failures_total",
            "Connections that ended before TLS' handshake did.", net.tls_failures),
    HISTOGRAM("roomline_upgrade_seconds",
              "From the first byte of a WebSocket's request to its answer 101.", net.upgrade,
              histogram_slow),
    COUNTERS(
        "roomline_websocket_closes_total",
        "WebSockets that ended, by the close code that was sent; client: the client closed it; "
        "none: its socket was lost.",
        net.closes, "code", close_word),

    COUNTERS("roomline_stun_requests_total",
             "Datagrams for STUN by outcome; ignored: no sound request; limited: over "
             "stun.requests_per_second.",
             net.stun, "outcome", stun_word),

    /* rooms and sessions */
    GAUGE("roomline_rooms",
          "Rooms with a member, on each worker: one whose members are on two counts twice.", rooms),
    GAUGES("roomline_sessions",
           "Sessions by state; new, entering and claiming are on their way in.", core.sessions,
           "state", session_word),
    {ROW("roomline_peers", METRIC_GAUGE, "Members of rooms, with a socket or away.",
         core.sessions[SESSION_HERE]),
     .outer = {"state", COUNT(states), state_word}, .inner = NO_LABEL},
    COUNTERS("roomline_joins_total",
             "Joins by outcome, without those that resume; lost: the client "
             "was gone before the answer.",
             core.joins, "outcome", join_word),
    COUNTERS("roomline_resumes_total",
             "Joins with `resume` by outcome; afresh: `resumed` was false.", core.resumes,
             "outcome", resume_word),
    HISTOGRAM("roomline_join_seconds", "From a join to its `joined`.", core.join_time,
              histogram_slow),

    /* messages */
    COUNTERS("roomline_messages_received_total", "Messages of clients by type.", core.received,
             "type", received_word),
    COUNTERS("roomline_messages_received_bytes_total", "The same in bytes of text.",
             core.received_bytes, "type", received_word),
    COUNTERS("roomline_messages_sent_total", "Messages to clients by type.", core.sent, "type",
             sent_word),
    COUNTERS("roomline_messages_sent_bytes_total", "The same in bytes of text.", core.sent_bytes,
             "type", sent_word),
    HISTOGRAM(
        "roomline_message_routing_seconds",
        "From reading a message off its socket to having queued what it causes; of 16 reads one "
        "is timed.",
        net.routing, histogram_fast),
    COUNTERS("roomline_errors_total", "`error` messages by code.", core.errors, "code", error_word),
    COUNTERS("roomline_limits_hit_total", LIMITS_HELP, admission, "limit", admission_word),
    COUNTERS("roomline_limits_hit_total", LIMITS_HELP, net.limits, "limit", net_limit_word),
    COUNTERS("roomline_limits_hit_total", LIMITS_HELP, core.limits, "limit", core_limit_word),

    /* calls, as clients report them */
    {ROW("roomline_call_reports_total", METRIC_COUNTER,
         "Calls that clients reported, each side for itself, by outcome and reason of end.",
         core.calls),
     .outer = {"outcome", REPORT_OUTCOME_COUNT, outcome_word},
     .inner = {"reason", REPORT_REASON_COUNT, reason_word}},
    {ROW("roomline_call_candidates_total", METRIC_COUNTER,
         "Connected calls by the types of the candidates that were used.", core.candidates),
     .outer = {"local", REPORT_CANDIDATE_COUNT, candidate_word},
     .inner = {"remote", REPORT_CANDIDATE_COUNT, candidate_word}},
    {ROW("roomline_call_connect_seconds", METRIC_HISTOGRAM,
         "From a call's first offer to its first connection; relay: either candidate is a relay's.",
         core.connect_time),
     .outer = {"path", CALL_PATH_COUNT, path_word}, .inner = NO_LABEL, .scale = &histogram_slow},
    HISTOGRAM("roomline_call_duration_seconds", "From a call's first connection to its end.",
              core.duration, histogram_calls),
    COUNTER("roomline_call_ice_restarts_total", "ICE restarts of the calls that were reported.",
            core.ice_restarts),

    /* between workers */
    HISTOGRAM("roomline_bus_round_trip_seconds",
              "From a worker through the bus (the supervisor's hub, or Redis) and back to itself, "
              "every 3 s: the way of a signal to another worker, by one clock.",
              bus.round_trip, histogram_slow),
    HISTOGRAM(
        "roomline_bus_delivery_seconds",
        "From sending a packet to another worker to its arrival, by Redis' clock: right within "
        "the round trip and a millisecond.",
        bus.delivery, histogram_slow),
    COUNTERS("roomline_bus_packets_total", "Packets to and from other workers by Redis.",
             bus.packets, "direction", direction_word),
    COUNTERS("roomline_bus_frames_total", "Frames in these packets.", bus.frames, "direction",
             direction_word),
    COUNTERS("roomline_bus_packets_lost_total",
             "Packets that were not taken, and are sent again or refused.", bus.lost, "cause",
             lost_word),
    COUNTER("roomline_bus_frames_refused_total",
            "Frames to other workers that were given up; a signal's sender got `unavailable`.",
            bus.refused),
    {ROW("roomline_bus_waiting_bytes", METRIC_GAUGE,
         "Bytes not acknowledged: asks, by Redis; links, by other workers.", bus.asks),
     .outer = {"queue", COUNT(queues), queue_word}, .inner = NO_LABEL},
    GAUGE("roomline_redis_shards", "Redis connections that there should be, of all workers.",
          bus.shards),
    GAUGE("roomline_redis_shards_up", "Of them: those on which commands can be sent.", bus.up),
    GAUGE("roomline_redis_shards_listening", "Of them: those whose inbox is subscribed.",
          bus.listening),
    GAUGE("roomline_redis_shards_provisional", "Of them: those served without Redis for now.",
          bus.provisional),
    GAUGE("roomline_redis_shards_fenced",
          "Of them: those whose lease may be over, so that nothing is sent or taken.", bus.fenced),
    COUNTER("roomline_redis_reconnects_total", "Redis connections that were made anew.",
            bus.reconnects),
    COUNTER("roomline_redis_leases_lost_total", "Leases that ended before they were renewed.",
            bus.lost_leases),

    /* the webhook for events */
    COUNTERS("roomline_webhook_events_total",
             "Events by what became of them; dropped: the queue was full, or they were too old.",
             events.outcomes, "outcome", event_word),
    COUNTER("roomline_webhook_events_failures_total",
            "Requests with events that found no answer 2xx, and are sent again or dropped.",
            events.failures),
    GAUGE("roomline_webhook_events_waiting", "Events that are to be told yet.", events.waiting),

    /* the instance */
    GAUGE("roomline_workers", "Worker processes that run.", instance.workers),
    GAUGE("roomline_workers_ready", "Of them: those that accept connections.",
          instance.workers_ready),
    COUNTER("roomline_worker_restarts_total", "Workers that ended without being told to.",
            instance.restarts),
    GAUGE("roomline_draining", "1 from the beginning of a drain.", instance.draining),
    HISTOGRAM("roomline_loop_lag_seconds",
              "How late a worker's timer of 50 ms was, while it has anything to do.",
              process.loop_lag, histogram_slow),
    {ROW("roomline_resident_memory_bytes", METRIC_GAUGE, "Resident memory by process.",
         process.resident),
     .outer = NO_LABEL, .inner = NO_LABEL, .by_process = true},
    {ROW("roomline_cpu_seconds_total", METRIC_COUNTER,
         "Processor time by process, user and system.", process.cpu),
     .outer = NO_LABEL, .inner = NO_LABEL, .microseconds = true, .by_process = true},
    {ROW("roomline_start_time_seconds", METRIC_GAUGE,
         "When the instance was started, in Unix time.", instance.started),
     .outer = NO_LABEL, .inner = NO_LABEL, .microseconds = true},
    {ROW("roomline_build_info", METRIC_GAUGE, "1, with the version as its label.", instance.build),
     .outer = {"version", 1, version_word}, .inner = NO_LABEL},
};

const unsigned metrics_table_rows = COUNT(metrics_table);
