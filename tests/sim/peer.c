#include "sim/peer.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/swarm.h"

#define JOIN_PATIENCE (12 * SECONDS)
#define PONG_PATIENCE (10 * SECONDS)
#define NEWS_TAKES                                                                                 \
    (35 * SECONDS) /* the window that a session is kept for who may claim it, and more */

static struct world *world_of(struct peer *peer)
{
    return &peer->swarm->world;
}

static const char *text_of(const cJSON *json, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(json, name));
    return text == NULL ? "" : text;
}

static uint64_t number_of(const cJSON *json, const char *name)
{
    return (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItem(json, name));
}

static void say(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct peer *peer, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    world_note(world_of(peer), "%s > %s", peer->name, text);
    socket_send(peer->socket, text);
}

/* ---- sockets */

/* Pongs on a socket that it reads no more would acknowledge what it has not seen. */
static void hang_up(struct peer *peer)
{
    if (peer->socket != NULL) {
        peer->socket->mute = true;
        socket_let_go(peer->socket);
    }
    peer->socket = NULL;
    peer->joined = false;
    peer->patience.due = NEVER;
}

static void dial_in(struct peer *peer, uint64_t delay)
{
    if (!peer->gone)
        peer->dial.due = world_of(peer)->now + delay;
}

static void back_off(struct peer *peer)
{
    unsigned attempt = peer->attempts < 4 ? peer->attempts++ : 4;
    dial_in(peer, world_delay(world_of(peer), 20 * MS, (200 * MS) << attempt));
}

static void dial_fire(struct source *source)
{
    struct peer *peer = (struct peer *)((char *)source - offsetof(struct peer, dial));
    struct worker *worker = swarm_worker(peer->swarm);
    source->due = NEVER;
    if (worker == NULL) {
        back_off(peer);
        return;
    }
    hang_up(peer);
    peer->leaving = false; /* a leave that was lost with its socket: it thinks better of it */
    peer->connection++;
    peer->socket = socket_open(worker, peer->room, &peer->user);
    peer->patience.due = world_of(peer)->now + JOIN_PATIENCE;
    world_note(world_of(peer), "%s dials worker %d", peer->name, worker->index);
    if (peer->session[0] == '\0')
        say(peer, "{\"type\":\"join\",\"peer\":\"%s\",\"info\":{\"n\":0}}", peer->name);
    else
        say(peer,
            "{\"type\":\"join\",\"peer\":\"%s\",\"resume\":{\"session\":\"%s\",\"received\":%llu}}",
            peer->name, peer->session, (unsigned long long)peer->received);
}

static void patience_fire(struct source *source)
{
    struct peer *peer = (struct peer *)((char *)source - offsetof(struct peer, patience));
    source->due = NEVER;
    if (peer->socket != NULL)
        socket_break(peer->socket, world_delay(world_of(peer), 0, 5 * SECONDS));
    world_note(world_of(peer), "%s is out of patience", peer->name);
    peer->socket = NULL;
    peer->joined = false;
    back_off(peer);
}

void peer_break(struct peer *peer, uint64_t away)
{
    if (peer->socket == NULL)
        return;
    world_note(world_of(peer), "%s loses its socket", peer->name);
    uint64_t late = peer->swarm->temper.mild ? 2 * SECONDS : 60 * SECONDS;
    socket_break(peer->socket, world_delay(world_of(peer), 0, late));
    hang_up(peer);
    dial_in(peer, away);
}

void peer_move(struct peer *peer)
{
    if (peer->joined)
        dial_in(peer, 0);
}

static void end_membership(struct peer *peer)
{
    peer->session[0] = '\0';
    peer->heard = false;
    peer->received = 0;
    peer->sent_count = 0;
    peer->server_received = 0;
    peer->view_count = 0;
    peer->life++;
    peer->life_since = world_of(peer)->now;
}

void peer_depart(struct peer *peer, bool politely)
{
    peer->gone = true;
    peer->dial.due = peer->act.due = NEVER;
    if (peer->joined && politely) {
        peer->leaving = true;
        say(peer, "{\"type\":\"leave\"}");
    } else if (peer->socket != NULL) {
        socket_break(peer->socket, world_delay(world_of(peer), 0, 5 * SECONDS));
        hang_up(peer);
    }
}

/* ---- what it sees of the others */

static struct seen *see(struct peer *peer, const char *name)
{
    for (unsigned i = 0; i < peer->view_count; i++)
        if (strcmp(peer->view[i].name, name) == 0)
            return &peer->view[i];
    return NULL;
}

static void meet(struct peer *peer, const cJSON *json)
{
    struct seen *seen = see(peer, text_of(json, "peer"));
    if (seen == NULL && peer->view_count < PEER_VIEW)
        seen = &peer->view[peer->view_count++];
    if (seen == NULL)
        return;
    snprintf(seen->name, sizeof(seen->name), "%s", text_of(json, "peer"));
    seen->info = (unsigned)number_of(cJSON_GetObjectItem(json, "info"), "n");
    seen->away = strcmp(text_of(json, "state"), "away") == 0;
}

static void lose_sight(struct peer *peer, const cJSON *json)
{
    struct seen *seen = see(peer, text_of(json, "peer"));
    if (seen == NULL)
        world_violate(world_of(peer), "presence: %s was told that %s left, whom it did not know",
                      peer->name, text_of(json, "peer"));
    else
        *seen = peer->view[--peer->view_count];
    if (peer->swarm->temper.mild && !peer->swarm->quiet && text_of(json, "peer")[0] == 'p')
        world_violate(world_of(peer), "presence: %s was told that %s left, who did not", peer->name,
                      text_of(json, "peer"));
}

static void on_presence(struct peer *peer, const char *type, const cJSON *json)
{
    struct seen *seen = see(peer, text_of(json, "peer"));
    if (strcmp(type, "peer-joined") == 0) {
        if (seen != NULL)
            world_violate(world_of(peer), "presence: %s was told that %s joined, whom it knew",
                          peer->name, seen->name);
        meet(peer, json);
    } else if (strcmp(type, "peer-left") == 0) {
        lose_sight(peer, json);
    } else if (seen == NULL) {
        world_violate(world_of(peer), "presence: %s got %s of %s, whom it does not know",
                      peer->name, type, text_of(json, "peer"));
    } else if (strcmp(type, "peer-info") == 0) {
        seen->info = (unsigned)number_of(cJSON_GetObjectItem(json, "info"), "n");
    } else {
        seen->away = strcmp(type, "peer-away") == 0;
    }
}

/* ---- signals */

static void send_number(struct peer *peer, size_t signal)
{
    const struct ledger_entry *entry = &peer->swarm->ledger.entries[signal];
    const char *to = entry->to < SWARM_PEERS ? peer->swarm->peers[entry->to].name
                                             : peer->swarm->wild[entry->to - SWARM_PEERS].name;
    say(peer, "{\"type\":\"signal\",\"to\":\"%s\",\"id\":\"%zu\",\"data\":{\"s\":%zu}}", to, signal,
        signal);
}

static void remember_sent(struct peer *peer, size_t signal)
{
    if (peer->sent_count == peer->sent_capacity) {
        peer->sent_capacity = peer->sent_capacity == 0 ? 64 : peer->sent_capacity * 2;
        peer->sent = realloc(peer->sent, peer->sent_capacity * sizeof(*peer->sent));
    }
    peer->sent[peer->sent_count++] = signal;
}

static void send_signal(struct peer *peer)
{
    struct swarm *swarm = peer->swarm;
    if (peer->view_count == 0)
        return;
    const struct seen *seen = &peer->view[world_random(&swarm->world, peer->view_count)];
    unsigned to = (unsigned)atoi(seen->name + 1) + (seen->name[0] == 'p' ? 0 : SWARM_PEERS);
    int worker = peer->socket->worker == NULL ? 0 : peer->socket->worker->index;
    unsigned to_life = to < SWARM_PEERS ? swarm->peers[to].life : 0;
    bool unsettled =
        to < SWARM_PEERS && swarm->peers[to].life_since + NEWS_TAKES > swarm->world.now;
    size_t signal =
        ledger_sent(&swarm->ledger, &(struct ledger_entry){.from = peer->index,
                                                           .to = to,
                                                           .from_life = peer->life,
                                                           .to_life = to_life,
                                                           .connection = peer->connection,
                                                           .worker = worker,
                                                           .unsettled = unsettled});
    remember_sent(peer, signal);
    send_number(peer, signal);
}

static void server_has(struct peer *peer, uint64_t received)
{
    if (received > peer->sent_count)
        world_violate(world_of(peer), "counts: the server has %llu signals of %s, who sent %u",
                      (unsigned long long)received, peer->name, peer->sent_count);
    else
        peer->server_received = received;
}

static void on_signal(struct peer *peer, const cJSON *json)
{
    const char *from = text_of(json, "from");
    const cJSON *data = cJSON_GetObjectItem(json, "data");
    peer->received++;
    if (from[0] == 'p')
        ledger_received(&peer->swarm->ledger, (size_t)number_of(data, "s"),
                        (unsigned)atoi(from + 1), peer->index, peer->life);
}

static void on_error(struct peer *peer, const cJSON *json)
{
    const char *id = text_of(json, "id"), *code = text_of(json, "code");
    bool unsure = !peer->swarm->temper.mild && strcmp(code, "unavailable") == 0;
    if (id[0] != '\0')
        ledger_refused(&peer->swarm->ledger, (size_t)strtoul(id, NULL, 10), peer->index, unsure);
    if (peer->swarm->temper.mild && strcmp(code, "peer-not-found") != 0 && peer->joined &&
        text_of(json, "to")[0] == 'p')
        world_violate(world_of(peer), "mild: %s got %s about signal %s", peer->name, code, id);
}

/* ---- joined */

static void resumed(struct peer *peer, uint64_t received)
{
    server_has(peer, received);
    if (world_of(peer)->violation[0] != '\0')
        return;
    for (unsigned i = (unsigned)received; i < peer->sent_count; i++)
        send_number(peer, peer->sent[i]);
}

static void started_afresh(struct peer *peer)
{
    if (peer->swarm->temper.mild && peer->session[0] != '\0')
        world_violate(world_of(peer), "mild: %s was not resumed", peer->name);
    end_membership(peer);
}

static void on_joined(struct peer *peer, const cJSON *json)
{
    const cJSON *other;
    bool is_resumed = cJSON_IsTrue(cJSON_GetObjectItem(json, "resumed"));
    if (strcmp(text_of(json, "peer"), peer->name) != 0)
        world_violate(world_of(peer), "name: %s is called %s", peer->name, text_of(json, "peer"));
    if (is_resumed && peer->session[0] == '\0')
        world_violate(world_of(peer), "secret: %s resumed without", peer->name);
    if (!is_resumed)
        started_afresh(peer);
    snprintf(peer->session, sizeof(peer->session), "%s", text_of(json, "session"));
    peer->view_count = 0;
    cJSON_ArrayForEach(other, cJSON_GetObjectItem(json, "peers")) meet(peer, other);
    peer->joined = true;
    peer->attempts = 0;
    peer->patience.due = NEVER;
    peer->act.due = peer->swarm->hushed ? NEVER : world_of(peer)->now;
    if (is_resumed)
        resumed(peer, number_of(json, "received"));
    peer_ping(peer);
}

static void on_pong(struct peer *peer, const cJSON *json)
{
    peer->patience.due = NEVER;
    peer->heard = true;
    server_has(peer, number_of(json, "received"));
}

static void on_text(struct socket_user *user, struct slice text)
{
    struct peer *peer = (struct peer *)user;
    cJSON *json = cJSON_ParseWithLength(text.ptr, text.len);
    const char *type = text_of(json, "type");
    world_note(world_of(peer), "%s < %.*s", peer->name, (int)text.len, text.ptr);
    if (json == NULL)
        world_violate(world_of(peer), "JSON: %s got %.*s", peer->name, (int)text.len, text.ptr);
    else if (strcmp(type, "signal") == 0)
        on_signal(peer, json);
    else if (strncmp(type, "peer-", 5) == 0)
        on_presence(peer, type, json);
    else if (strcmp(type, "joined") == 0)
        on_joined(peer, json);
    else if (strcmp(type, "error") == 0)
        on_error(peer, json);
    else if (strcmp(type, "pong") == 0)
        on_pong(peer, json);
    else if (strcmp(type, "goaway") == 0)
        dial_in(peer, world_random(world_of(peer), number_of(json, "reconnectWithin") * MS + 1));
    cJSON_Delete(json);
}

/* ---- closed */

static void check_close(struct peer *peer, int code)
{
    static const int always[] = {0, CLOSE_DRAINING, CLOSE_OVERLOADED, CLOSE_SILENT};
    for (unsigned i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        if (code == always[i])
            return;
    if (code == CLOSE_NORMAL && peer->leaving)
        return;
    if (code == CLOSE_PEER_TAKEN && peer->session[0] == '\0')
        return; /* its first joined was lost on the way */
    if ((code == CLOSE_PEER_TAKEN || code == CLOSE_TAKEN_OVER) && !peer->swarm->temper.mild)
        return;
    world_violate(world_of(peer), "close: %s was closed with %d", peer->name, code);
}

/* The user sees that this leads nowhere, and loads the page anew: all its sockets end. */
static void reload(struct peer *peer)
{
    for (int i = 0; i < SWARM_WORKERS; i++)
        for (struct sim_socket *socket = peer->swarm->workers[i].sockets; socket != NULL;
             socket = socket->next)
            if (socket->opener == &peer->user && !socket->broken)
                socket_break(socket, world_delay(world_of(peer), 0, 5 * SECONDS));
    end_membership(peer);
}

static void on_close(struct socket_user *user, int code)
{
    struct peer *peer = (struct peer *)user;
    world_note(world_of(peer), "%s closed with %d", peer->name, code);
    check_close(peer, code);
    peer->socket = NULL;
    peer->joined = false;
    peer->patience.due = NEVER;
    if (code == CLOSE_NORMAL || code == CLOSE_PEER_TAKEN || code == CLOSE_TAKEN_OVER)
        reload(peer);
    peer->leaving = false;
    if (peer->dial.due == NEVER)
        back_off(peer);
}

/* ---- life */

void peer_ping(struct peer *peer)
{
    if (!peer->joined || peer->leaving)
        return;
    say(peer, "{\"type\":\"ping\",\"received\":%llu}", (unsigned long long)peer->received);
    if (peer->patience.due == NEVER)
        peer->patience.due = world_of(peer)->now + PONG_PATIENCE;
}

static void leave_for_now(struct peer *peer)
{
    if (peer->swarm->temper.mild)
        return;
    peer->leaving = true;
    say(peer, "{\"type\":\"leave\"}");
}

static void act_fire(struct source *source)
{
    struct peer *peer = (struct peer *)((char *)source - offsetof(struct peer, act));
    struct world *world = world_of(peer);
    uint64_t dice = world_random(world, 1000);
    source->due = world->now + world_delay(world, 1 * MS, 700 * MS);
    if (!peer->joined || peer->leaving)
        return;
    if (peer->swarm->temper.restless && dice % 4 == 0 && !peer->swarm->quiet)
        peer_move(peer);
    else if (dice < 800)
        send_signal(peer);
    else if (dice < 900)
        peer_ping(peer);
    else if (dice < 930)
        say(peer, "{\"type\":\"info\",\"info\":{\"n\":%u}}", (unsigned)world_random(world, 1000));
    else if (dice < 950 && !peer->swarm->quiet)
        peer_break(peer, world_delay(world, 1 * MS, 4 * SECONDS));
    else if (dice < 970 && !peer->swarm->quiet)
        peer_move(peer);
    else if (dice < 972 && !peer->swarm->quiet)
        leave_for_now(peer);
    else if (dice < 974 && !peer->swarm->quiet && !peer->swarm->temper.mild)
        peer_break(peer, world_delay(world, 20 * SECONDS, 50 * SECONDS));
}

void peer_start(struct peer *peer, struct swarm *swarm, unsigned index)
{
    memset(peer, 0, sizeof(*peer));
    peer->user = (struct socket_user){on_text, on_close};
    peer->swarm = swarm;
    peer->index = index;
    peer->room = swarm_room(index);
    snprintf(peer->name, sizeof(peer->name), "p%u", index);
    world_add(&swarm->world, &peer->act, act_fire);
    world_add(&swarm->world, &peer->dial, dial_fire);
    world_add(&swarm->world, &peer->patience, patience_fire);
    dial_in(peer, world_delay(&swarm->world, 1 * MS, 2 * SECONDS));
}

void peer_stop(struct peer *peer)
{
    free(peer->sent);
}
