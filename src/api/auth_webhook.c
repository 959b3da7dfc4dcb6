#include "api/auth_webhook.h"

#include <assert.h>
#include <stdio.h>
#include <sys/queue.h>

#include "api/members.h"
#include "api/token.h"
#include "api/webhook_sign.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/json.h"

#define CONNECTIONS 8
#define QUESTIONS_MAX 1000
#define QUESTION_SIZE_MAX ((size_t)32 << 10) /* bytes: a token has 4 KiB, escaped at most 24 */
#define ANSWER_SIZE_MAX ((size_t)64 << 10)
#define ICE_SERVERS_MAX ((size_t)8 << 10) /* bytes */
#define PEERS_MAX 100000
#define REASON_MAX 256

/*     CLOSED --so many failures in a row--> OPEN --the pause is over, one asks--> TRYING
 *        ^                                   ^                                      |
 *        |                                   +---------------- failed --------------+
 *        +------------------------------------------------ answered ----------------+     */
enum circuit { CIRCUIT_CLOSED, CIRCUIT_OPEN, CIRCUIT_TRYING };

struct auth_webhook {
    struct auth_webhook_options options;
    struct http_client *client;
    struct crypto_key *key; /* NULL: requests are not signed */
    enum circuit circuit;
    unsigned failures; /* in a row */
    uint64_t opened;   /* ms */
    LIST_HEAD(, question) questions;
};

struct question {
    LIST_ENTRY(question) entry;
    struct auth_webhook *hook;
    uint32_t ticket;
};

/* --- the circuit --- */

static bool may_ask(struct auth_webhook *hook)
{
    if (hook->circuit == CIRCUIT_OPEN &&
        http_client_now(hook->client) - hook->opened >= hook->options.pause) {
        hook->circuit = CIRCUIT_TRYING;
        return true;
    }
    return hook->circuit == CIRCUIT_CLOSED;
}

static void count_answer(struct auth_webhook *hook)
{
    hook->failures = 0;
    if (hook->circuit == CIRCUIT_CLOSED)
        return;
    hook->circuit = CIRCUIT_CLOSED;
    log_event(LOG_INFO, "auth-webhook-up", LOG_END);
}

static void count_failure(struct auth_webhook *hook, const char *cause)
{
    bool tried = hook->circuit == CIRCUIT_TRYING;
    hook->failures++;
    if (hook->circuit == CIRCUIT_OPEN || hook->options.failures == 0 ||
        (!tried && hook->failures < hook->options.failures)) {
        log_event(LOG_WARN, "auth-webhook-failed", LOG_STR("cause", cause), LOG_END);
        return;
    }
    hook->circuit = CIRCUIT_OPEN;
    hook->opened = http_client_now(hook->client);
    log_event(LOG_ERROR, "auth-webhook-down", LOG_STR("cause", cause),
              LOG_UINT("failures", hook->failures), LOG_UINT("pause", hook->options.pause),
              LOG_END);
}

/* --- the answer --- */

enum { ALLOW, REASON, PEER, INFO, GRANTS, TTL, MAX_PEERS, ICE_SERVERS, MEMBER_COUNT };

static const char *const names[MEMBER_COUNT] = {"allow",  "reason", "peer",     "info",
                                                "grants", "ttl",    "maxPeers", "iceServers"};

struct reading {
    struct named members[MEMBER_COUNT];
    struct grant *grant;
    char *space;
};

static const struct json_member *get(const struct reading *reading, int which)
{
    return &reading->members[which].found;
}

/* JSON's null is as good as absent. */
static bool has(const struct reading *reading, int which)
{
    enum json_kind kind = get(reading, which)->kind;
    return kind != JSON_INVALID && kind != JSON_NULL;
}

static const char *read_peer(struct reading *reading)
{
    struct slice peer;
    if (!has(reading, PEER))
        return NULL;
    if (!member_text(get(reading, PEER), reading->space, PEER_NAME_MAX, &peer) ||
        !text_is_peer_name(peer))
        return "peer can be no peer ID";
    reading->grant->peer = peer;
    return NULL;
}

static const char *read_info(struct reading *reading)
{
    if (has(reading, INFO) && get(reading, INFO)->kind != JSON_OBJECT)
        return "info is not an object";
    reading->grant->info = has(reading, INFO) ? get(reading, INFO)->value : SLICE_NONE;
    return NULL;
}

static const char *read_grants(struct reading *reading)
{
    struct json_reader reader;
    struct json_member one;
    struct slice name;
    char text[16];
    reading->grant->rights = RIGHTS_DEFAULT;
    if (!has(reading, GRANTS))
        return NULL;
    if (get(reading, GRANTS)->kind != JSON_ARRAY)
        return "grants is not a list";
    reading->grant->rights = 0;
    json_array_start(&reader, get(reading, GRANTS)->value);
    while (json_array_next(&reader, &one))
        if (member_text(&one, text, sizeof(text), &name))
            reading->grant->rights |= token_right(name);
    return NULL;
}

static const char *read_numbers(struct reading *reading)
{
    uint64_t number;
    if (has(reading, TTL)) {
        if (!member_number(get(reading, TTL), &number) || number == 0 ||
            number > TOKEN_LIFETIME_MAX / 1000)
            return "ttl is not 1 to 31536000 seconds";
        reading->grant->lifetime = number * 1000;
        reading->grant->ends = clock_unix_ms() + number * 1000;
    }
    if (has(reading, MAX_PEERS)) {
        if (!member_number(get(reading, MAX_PEERS), &number) || number == 0 || number > PEERS_MAX)
            return "maxPeers is not 1 to 100000";
        reading->grant->peers_max = (unsigned)number;
    }
    return NULL;
}

/* RTCIceServer of the WebRTC specification: `urls` is all that it must have. */
static bool is_ice_server(const struct json_member *member)
{
    struct named urls = {.name = "urls"};
    return member->kind == JSON_OBJECT && members_read(member->value, &urls, 1) == NULL &&
           (urls.found.kind == JSON_STRING || urls.found.kind == JSON_ARRAY);
}

static const char *read_ice_servers(struct reading *reading)
{
    static const char wrong[] = "iceServers is not a list of objects with urls, of at most 8 KiB";
    const struct json_member *servers = get(reading, ICE_SERVERS);
    struct json_reader reader;
    struct json_member one;
    if (!has(reading, ICE_SERVERS))
        return NULL;
    if (servers->kind != JSON_ARRAY || servers->value.len > ICE_SERVERS_MAX)
        return wrong;
    json_array_start(&reader, servers->value);
    while (json_array_next(&reader, &one))
        if (!is_ice_server(&one))
            return wrong;
    reading->grant->ice_servers = servers->value;
    return NULL;
}

static void log_denial(const struct reading *reading)
{
    char text[REASON_MAX];
    struct slice reason;
    if (!has(reading, REASON) || !member_text(get(reading, REASON), text, sizeof(text), &reason))
        reason = SLICE_NONE;
    log_event(LOG_INFO, "auth-webhook-denied", LOG_SLICE("reason", reason), LOG_END);
}

static const char *read_members(struct reading *reading, struct slice body)
{
    static const char *(*const readers[])(struct reading *) = {
        read_peer, read_info, read_grants, read_numbers, read_ice_servers,
    };
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        reading->members[i].name = names[i];
    const char *wrong = members_read(body, reading->members, MEMBER_COUNT);
    if (wrong == NULL && get(reading, ALLOW)->kind != JSON_BOOLEAN)
        wrong = "allow is neither true nor false";
    if (wrong != NULL || !slice_is(get(reading, ALLOW)->value, "true"))
        return wrong;
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]) && wrong == NULL; i++)
        wrong = readers[i](reading);
    return wrong;
}

int auth_webhook_read(struct slice body, struct grant *ret_grant, char space[AUTH_WEBHOOK_SPACE],
                      const char **ret_cause)
{
    struct reading reading = {.grant = ret_grant, .space = space};
    *ret_grant = (struct grant){.rights = 0};
    *ret_cause = read_members(&reading, body);
    if (*ret_cause != NULL) {
        *ret_grant = (struct grant){.rights = 0};
        return ERR_UNAVAILABLE;
    }
    if (slice_is(get(&reading, ALLOW)->value, "true"))
        return 0;
    log_denial(&reading);
    return ERR_FORBIDDEN;
}

static void question_free(struct question *question)
{
    LIST_REMOVE(question, entry);
    mem_free(question);
}

static void on_answer(void *context, int status, struct slice body, const char *cause)
{
    struct question *question = context;
    struct auth_webhook *hook = question->hook;
    uint32_t ticket = question->ticket;
    char space[AUTH_WEBHOOK_SPACE];
    struct grant grant = {.rights = 0};
    int error = ERR_UNAVAILABLE;
    question_free(question);
    if (status == 200)
        error = auth_webhook_read(body, &grant, space, &cause);
    else if (status != 0)
        cause = "another status than 200";
    if (error == ERR_UNAVAILABLE)
        count_failure(hook, cause);
    else
        count_answer(hook);
    hook->options.on_verdict(hook->options.context, ticket, error, &grant);
}

/* --- the question --- */

static void add_member(struct buf *out, const char *name, struct slice value)
{
    if (value.ptr == NULL)
        return;
    buf_add_text(out, ",\"");
    buf_add_text(out, name);
    buf_add_text(out, "\":");
    text_add_json(out, value);
}

static void compose(struct buf *out, const struct auth_webhook_question *question)
{
    const struct access_request *asked = question->asked;
    buf_add_text(out, "{\"room\":");
    text_add_json(out, asked->room);
    add_member(out, "peer", asked->peer);
    add_member(out, "token", asked->token);
    add_member(out, "address", question->address);
    add_member(out, "origin", asked->origin);
    buf_add_text(out, asked->renewal ? ",\"renewal\":true}" : ",\"renewal\":false}");
}

/* 0, or ERR_UNAVAILABLE. */
static int post(struct question *question, const struct auth_webhook_question *asked)
{
    struct auth_webhook *hook = question->hook;
    struct buf body, headers;
    buf_init(&body, QUESTION_SIZE_MAX);
    buf_init(&headers, 256);
    compose(&body, asked);
    webhook_sign(hook->key, clock_unix_ms() / 1000, buf_slice(&body), &headers);
    int error = buf_failed(&body) || buf_failed(&headers)
                    ? ERR_UNAVAILABLE
                    : http_client_post(hook->client, buf_slice(&headers), buf_slice(&body),
                                       on_answer, question);
    if (body.data != NULL)
        explicit_bzero(body.data, body.len); /* the token */
    buf_done(&body);
    buf_done(&headers);
    return error == 0 ? 0 : ERR_UNAVAILABLE;
}

int auth_webhook_ask(struct auth_webhook *hook, uint32_t ticket,
                     const struct auth_webhook_question *asked)
{
    enum circuit before = hook->circuit;
    struct question *question = may_ask(hook) ? mem_zero(sizeof(*question)) : NULL;
    if (question == NULL) {
        hook->circuit = before;
        return ERR_UNAVAILABLE;
    }
    question->hook = hook;
    question->ticket = ticket;
    LIST_INSERT_HEAD(&hook->questions, question, entry);
    if (post(question, asked) == 0)
        return AUTHORIZE_LATER;
    hook->circuit = before;
    question_free(question);
    return ERR_UNAVAILABLE;
}

/* --- start and end --- */

struct auth_webhook *auth_webhook_new(const struct auth_webhook_options *options,
                                      char ret_error[HTTP_CLIENT_ERROR_SIZE])
{
    struct http_client_options client = options->client;
    client.connections = CONNECTIONS;
    client.requests = QUESTIONS_MAX;
    client.answer_max = ANSWER_SIZE_MAX;
    struct crypto_key *key = NULL;
    if (options->secret.len > 0 && (key = crypto_key_secret(options->secret)) == NULL) {
        snprintf(ret_error, HTTP_CLIENT_ERROR_SIZE, "its secret has not 32 to 512 bytes");
        return NULL;
    }
    struct auth_webhook *hook = mem_must(sizeof(*hook));
    hook->options = *options;
    hook->options.secret = SLICE_NONE;
    hook->key = key;
    hook->client = http_client_new(&client, ret_error);
    if (hook->client == NULL) {
        crypto_key_free(key);
        mem_free(hook);
        return NULL;
    }
    LIST_INIT(&hook->questions);
    return hook;
}

void auth_webhook_close(struct auth_webhook *hook)
{
    if (hook == NULL)
        return;
    http_client_close(hook->client);
    while (!LIST_EMPTY(&hook->questions))
        question_free(LIST_FIRST(&hook->questions));
    crypto_key_free(hook->key);
    mem_free(hook);
}
