#include "sim/cluster.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"

#define LINK_MAX (64u << 20)

uint32_t cluster_random(struct cluster *cluster, uint32_t below)
{
    /* xorshift64*: a failing seed replays exactly */
    uint64_t x = cluster->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    cluster->random = x;
    return (uint32_t)((x * 0x2545F4914F6CDD1Dull) >> 33) % below;
}

/* ---- links */

static int index_of(const struct cluster *cluster, worker_id id)
{
    for (int i = 0; i < CLUSTER_WORKERS; i++)
        if (cluster->ids[i] == id && cluster->exchanges[i] != NULL)
            return i;
    return -1;
}

/* What the hub does for a worker that is no more. */
static void answer_for_the_dead(struct cluster *cluster, const struct frame *frame)
{
    static const enum frame_kind answers[FRAME_KIND_COUNT] = {
        [FRAME_SIGNAL] = FRAME_UNDELIVERED,
        [FRAME_CLAIM] = FRAME_HANDED,
        [FRAME_FENCE] = FRAME_FENCED,
    };
    struct frame answer = *frame;
    int to = index_of(cluster, frame->from);
    answer.kind = answers[frame->kind];
    answer.from = frame->kind == FRAME_CLAIM ? frame->to : DIRECTORY;
    answer.to = frame->from;
    answer.error = ERR_UNAVAILABLE;
    answer.stint = 0;
    if (to >= 0 && answer.kind != FRAME_NONE)
        frame_encode(&answer, &cluster->down[to]);
}

static void pass_on(struct cluster *cluster, const struct frame *frame)
{
    int to = index_of(cluster, frame->to);
    if (to < 0)
        answer_for_the_dead(cluster, frame);
    else
        frame_encode(frame, &cluster->down[to]);
}

/* From the directory, which lives where the links meet. */
static void directory_send_cb(void *context, const struct frame *frame)
{
    pass_on(context, frame);
}

struct node {
    struct cluster *cluster;
    int worker;
};

static struct node nodes[CLUSTER_WORKERS];

static void worker_send_cb(void *context, const struct frame *frame)
{
    struct node *node = context;
    frame_encode(frame, &node->cluster->up[node->worker]);
}

static void trace(const struct frame *frame, const char *way, int worker)
{
    if (getenv("SIM_LOG") != NULL)
        fprintf(stderr, "  %s%d %s from=%d to=%d %.*s/%.*s worker=%d error=%d v=%u %.*s\n", way,
                worker, frame_name(frame->kind), (int)frame->from, (int)frame->to,
                (int)frame->room.len, frame->room.ptr, (int)frame->peer.len, frame->peer.ptr,
                (int)frame->worker, frame->error, (unsigned)frame->version, (int)frame->data.len,
                frame->data.ptr);
}

static void deliver_first(struct cluster *cluster, struct buf *link, int worker, bool is_up)
{
    struct frame frame;
    long len = frame_measure(buf_slice(link), LINK_MAX);
    char *copy = malloc((size_t)len);
    memcpy(copy, link->data, (size_t)len);
    buf_drop(link, (size_t)len);
    int error = frame_decode((struct slice){copy, (size_t)len}, &frame);
    assert(error == 0);
    cluster->frames++;
    trace(&frame, is_up ? "^" : "v", worker);
    if (!is_up)
        exchange_on_frame(cluster->exchanges[worker], &frame);
    else if (frame.to == DIRECTORY || frame.to == MAILBOX)
        directory_on_frame(cluster->directory, &frame);
    else
        pass_on(cluster, &frame);
    free(copy);
}

bool cluster_step(struct cluster *cluster)
{
    int busy[2 * CLUSTER_WORKERS];
    uint32_t count = 0;
    for (int i = 0; i < 2 * CLUSTER_WORKERS; i++) {
        struct buf *link =
            i < CLUSTER_WORKERS ? &cluster->up[i] : &cluster->down[i - CLUSTER_WORKERS];
        if (link->len > 0 && !cluster->frozen[i % CLUSTER_WORKERS])
            busy[count++] = i;
    }
    if (count == 0)
        return false;
    int chosen = busy[cluster_random(cluster, count)];
    bool is_up = chosen < CLUSTER_WORKERS;
    int worker = chosen % CLUSTER_WORKERS;
    deliver_first(cluster, is_up ? &cluster->up[worker] : &cluster->down[worker], worker, is_up);
    return true;
}

void cluster_settle(struct cluster *cluster)
{
    for (int i = 0; cluster_step(cluster); i++)
        assert(i < 1000000);
}

void cluster_advance(struct cluster *cluster, uint64_t ms)
{
    cluster->now += ms;
    directory_tick(cluster->directory, cluster->now);
    for (int i = 0; i < CLUSTER_WORKERS; i++)
        if (cluster->exchanges[i] != NULL)
            exchange_tick(cluster->exchanges[i], cluster->now);
}

/* ---- the world of an exchange */

static void push(struct client *client, cJSON *json)
{
    assert(client->count < CLIENT_INBOX);
    client->inbox[client->count++] = json;
}

static void on_joined(struct client *client, const cJSON *json)
{
    client->joined = true;
    client->resumed = cJSON_IsTrue(cJSON_GetObjectItem(json, "resumed"));
    client->server_received = (uint64_t)cJSON_GetObjectItem(json, "received")->valuedouble;
    if (!client->resumed)
        client->received = 0;
    snprintf(client->session_text, sizeof(client->session_text), "%s",
             cJSON_GetObjectItem(json, "session")->valuestring);
    snprintf(client->peer, sizeof(client->peer), "%s",
             cJSON_GetObjectItem(json, "peer")->valuestring);
}

static void deliver_cb(void *connection, struct message *message)
{
    struct client *client = connection;
    struct slice text = message_text(message);
    cJSON *json = cJSON_ParseWithLength(text.ptr, text.len);
    message_frame(message);
    client->footprint = message->capacity;
    assert(json != NULL);
    const char *type = cJSON_GetObjectItem(json, "type")->valuestring;
    if (strcmp(type, "joined") == 0)
        on_joined(client, json);
    else if (strcmp(type, "signal") == 0)
        client->received++;
    push(client, json);
}

static void ping_cb(void *connection, uint64_t number)
{
    struct client *client = connection;
    client->pinged = true;
    client->pings++;
    client->ping = number;
}

static void close_cb(void *connection, enum close_code code)
{
    struct client *client = connection;
    client->session = NULL;
    client->closed = code;
}

static void random_cb(void *context, void *bytes, size_t len)
{
    struct node *node = context;
    for (size_t i = 0; i < len; i++)
        ((char *)bytes)[i] = (char)cluster_random(node->cluster, 256);
}

/* The n-th credential of all, for this peer. */
static struct ice_validity ice_servers_cb(void *context, void *connection, struct slice peer,
                                          struct buf *out)
{
    struct cluster *cluster = ((struct node *)context)->cluster;
    assert(((struct client *)connection)->cluster == cluster);
    buf_add_format(out, "[{\"urls\":\"turn:h\",\"username\":\"%u:%.*s\",\"credential\":\"c\"}]",
                   ++cluster->ice_asked, (int)peer.len, peer.ptr);
    return (struct ice_validity){cluster->ice_ttl, (cluster->now + cluster->ice_ttl) / 1000};
}

/* ---- workers */

void cluster_restart(struct cluster *cluster, int worker)
{
    cluster->ids[worker] = ++cluster->last_id;
    struct exchange_options options = cluster->options;
    options.self = cluster->ids[worker];
    nodes[worker] = (struct node){cluster, worker};
    cluster->exchanges[worker] = exchange_new(
        &options,
        &(struct exchange_world){.context = &nodes[worker],
                                 .deliver = deliver_cb,
                                 .ping = ping_cb,
                                 .close = close_cb,
                                 .send = worker_send_cb,
                                 .random = random_cb,
                                 .ice_servers = cluster->ice_ttl == 0 ? NULL : ice_servers_cb,
                                 .authorize = cluster->authorize},
        cluster->now);
}

void cluster_disown(struct cluster *cluster, int worker)
{
    worker_id living[CLUSTER_WORKERS];
    size_t count = 0;
    for (int i = 0; i < CLUSTER_WORKERS; i++)
        if (cluster->exchanges[i] != NULL && i != worker)
            living[count++] = cluster->ids[i];
    directory_worker_down(cluster->directory, cluster->ids[worker], living, count);
}

void cluster_crash(struct cluster *cluster, int worker)
{
    exchange_free(cluster->exchanges[worker]);
    cluster->exchanges[worker] = NULL;
    buf_clear(&cluster->up[worker]);
    buf_clear(&cluster->down[worker]);
    cluster_disown(cluster, worker);
}

static void start_directory(struct cluster *cluster)
{
    cluster->directory = directory_new(&(struct directory_options){.rooms = 100,
                                                                   .peers_per_room = 16,
                                                                   .resume_window = 30000,
                                                                   .hold_messages = 64,
                                                                   .hold_bytes = 256 << 10,
                                                                   .send = directory_send_cb,
                                                                   .context = cluster},
                                       cluster->now);
}

void cluster_forget(struct cluster *cluster)
{
    directory_free(cluster->directory);
    start_directory(cluster);
}

void cluster_start(struct cluster *cluster, uint64_t seed)
{
    memset(cluster, 0, sizeof(*cluster));
    crypto_init();
    log_init(getenv("SIM_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_TEXT, -1);
    cluster->random = seed * 0x9E3779B97F4A7C15ull + 1;
    cluster->now = 100000;
    cluster->options = (struct exchange_options){.join_timeout = 10000,
                                                 .resume_window = 30000,
                                                 .ping_interval = 25000,
                                                 .info_size = 4096,
                                                 .rate_strikes = 10,
                                                 .hold_messages = 64,
                                                 .hold_bytes = 256 << 10,
                                                 .mailbox = true,
                                                 .ice_servers = SLICE("[]")};
    cluster->last_id = WORKER_RESERVED;
    for (int i = 0; i < CLUSTER_WORKERS; i++) {
        buf_init(&cluster->up[i], LINK_MAX);
        buf_init(&cluster->down[i], LINK_MAX);
        buf_reserve(&cluster->up[i], 64 << 10); /* so that a failing allocation is the core's */
        buf_reserve(&cluster->down[i], 64 << 10);
    }
    start_directory(cluster);
    for (int i = 0; i < CLUSTER_WORKERS; i++)
        cluster_restart(cluster, i);
}

void cluster_stop(struct cluster *cluster)
{
    for (int i = 0; i < CLUSTER_WORKERS; i++)
        if (cluster->exchanges[i] != NULL)
            exchange_free(cluster->exchanges[i]);
    directory_free(cluster->directory);
    for (int i = 0; i < CLUSTER_WORKERS; i++) {
        buf_done(&cluster->up[i]);
        buf_done(&cluster->down[i]);
    }
}

/* ---- clients */

void client_init(struct client *client, struct cluster *cluster)
{
    memset(client, 0, sizeof(*client));
    client->cluster = cluster;
}

void client_done(struct client *client)
{
    for (int i = 0; i < client->count; i++)
        cJSON_Delete(client->inbox[i]);
}

void client_connect(struct client *client, int worker, const char *room)
{
    client->worker = worker;
    client->joined = client->resumed = client->pinged = false;
    client->closed = 0;
    client->session = exchange_open(client->cluster->exchanges[worker], client, slice_of(room), 1);
    assert(client->session != NULL);
}

void client_send(struct client *client, const char *format, ...)
{
    char text[70000];
    va_list args;
    if (client->session == NULL)
        return;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    exchange_receive(client->session, (struct slice){text, (size_t)len});
}

void client_join(struct client *client, int worker, const char *room, const char *peer)
{
    client_connect(client, worker, room);
    client_send(client, "{\"type\":\"join\",\"peer\":\"%s\"}", peer);
}

void client_resume(struct client *client, int worker, const char *room)
{
    client_connect(client, worker, room);
    client_send(
        client,
        "{\"type\":\"join\",\"peer\":\"%s\",\"resume\":{\"session\":\"%s\",\"received\":%llu}}",
        client->peer, client->session_text, (unsigned long long)client->received);
}

void client_drop(struct client *client)
{
    struct session *session = client->session;
    client->session = NULL;
    if (session != NULL && client->cluster->exchanges[client->worker] != NULL)
        exchange_lost(session, CLOSE_NONE);
}

void client_pong(struct client *client)
{
    if (!client->pinged || client->mute || client->session == NULL)
        return;
    client->pinged = false;
    exchange_pong(client->session, client->ping);
}

const cJSON *client_next(struct client *client, const char *type)
{
    while (client->read < client->count) {
        const cJSON *json = client->inbox[client->read++];
        if (strcmp(cJSON_GetObjectItem(json, "type")->valuestring, type) == 0)
            return json;
    }
    return NULL;
}

bool client_has(const struct client *client, const char *type, const char *peer)
{
    for (int i = client->read; i < client->count; i++) {
        const cJSON *name = cJSON_GetObjectItem(client->inbox[i], "peer");
        if (strcmp(cJSON_GetObjectItem(client->inbox[i], "type")->valuestring, type) == 0 &&
            (peer == NULL || (name != NULL && strcmp(name->valuestring, peer) == 0)))
            return true;
    }
    return false;
}
