#include "sim/wild.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "core/session.h"
#include "sim/swarm.h"

static struct world *world_of(struct wild *wild)
{
    return &wild->swarm->world;
}

static const char *text_of(const cJSON *json, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(json, name));
    return text == NULL ? "" : text;
}

static void on_joined(struct wild_socket *socket, const cJSON *json)
{
    struct wild *wild = socket->wild;
    const char *name = text_of(json, "peer");
    if (socket->impostor)
        world_violate(world_of(wild), "secret: %s became %s", wild->name, name);
    socket->joined = true;
    snprintf(wild->session, sizeof(wild->session), "%s", text_of(json, "session"));
}

/* Twice or out of order is what who opens two sockets may see; another's he may not. */
static void on_signal(struct wild *wild, const cJSON *json)
{
    const struct ledger *ledger = &wild->swarm->ledger;
    const cJSON *number = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "data"), "s");
    size_t signal = (size_t)cJSON_GetNumberValue(number);
    if (text_of(json, "from")[0] != 'p')
        return;
    if (signal >= ledger->count || ledger->entries[signal].to != SWARM_PEERS + wild->index)
        world_violate(world_of(wild), "isolation: %s got signal %zu", wild->name, signal);
    else
        ledger->entries[signal].received = true;
}

static void on_text(struct socket_user *user, struct slice text)
{
    struct wild_socket *socket = (struct wild_socket *)user;
    cJSON *json = cJSON_ParseWithLength(text.ptr, text.len);
    const char *type = text_of(json, "type");
    world_note(world_of(socket->wild), "%s < %.*s", socket->wild->name, (int)text.len, text.ptr);
    if (strcmp(type, "joined") == 0)
        on_joined(socket, json);
    else if (strcmp(type, "signal") == 0)
        on_signal(socket->wild, json);
    cJSON_Delete(json);
}

static void on_close(struct socket_user *user, int code)
{
    struct wild_socket *socket = (struct wild_socket *)user;
    world_note(world_of(socket->wild), "%s closed with %d", socket->wild->name, code);
    socket->socket = NULL;
    socket->joined = false;
}

static void say(struct wild_socket *socket, const char *text)
{
    world_note(world_of(socket->wild), "%s > %s", socket->wild->name, text);
    socket_send(socket->socket, text);
}

static void join(struct wild_socket *socket, const char *session, unsigned received)
{
    char text[512];
    if (session[0] == '\0')
        snprintf(text, sizeof(text), "{\"type\":\"join\",\"peer\":\"%s\"}", socket->wild->name);
    else
        snprintf(text, sizeof(text),
                 "{\"type\":\"join\",\"peer\":\"%s\",\"resume\":{\"session\":\"%s\","
                 "\"received\":%u}}",
                 socket->wild->name, session, received);
    say(socket, text);
}

/* The name of somebody who is in for certain, under a secret that is not his: the own one, or
 * none. */
static bool impersonate(struct wild_socket *socket)
{
    struct wild *wild = socket->wild;
    struct swarm *swarm = wild->swarm;
    const struct peer *victim = &swarm->peers[world_random(&swarm->world, SWARM_PEERS)];
    struct session_secret secret = {{0}};
    char peer[PEER_NAME_MAX], text[SESSION_TEXT_SIZE];
    unsigned len;
    if (!swarm->temper.mild || swarm->quiet || victim->room != wild->room || !victim->heard)
        return false;
    if (world_chance(&swarm->world, 50) && wild->session[0] != '\0')
        session_text_read(slice_of(wild->session), &secret, peer, &len);
    session_text(&secret, slice_of(victim->name), text);
    socket->impostor = true;
    join(socket, text, 0);
    return true;
}

static void open_socket(struct wild_socket *socket)
{
    struct wild *wild = socket->wild;
    struct worker *worker = swarm_worker(wild->swarm);
    if (worker == NULL)
        return;
    socket->joined = socket->impostor = false;
    socket->socket = socket_open(worker, wild->room, &socket->user);
    if (world_chance(world_of(wild), 25) && impersonate(socket))
        return;
    join(socket, wild->session, (unsigned)world_random(world_of(wild), 4));
}

static void say_something(struct wild_socket *socket)
{
    static const char *const nonsense[] = {
        "{",
        "[]",
        "{\"type\":\"noise\"}",
        "{\"type\":\"join\"}",
        "{\"type\":\"ping\",\"received\":1000000}",
        "{\"type\":\"signal\",\"to\":\"nobody\",\"data\":1}",
        "{\"type\":\"leave\"}",
        "{\"type\":\"info\",\"info\":{\"n\":7}}",
    };
    struct wild *wild = socket->wild;
    char text[128];
    if (world_chance(world_of(wild), 20)) {
        say(socket, nonsense[world_random(world_of(wild), sizeof(nonsense) / sizeof(nonsense[0]))]);
        return;
    }
    snprintf(text, sizeof(text), "{\"type\":\"signal\",\"to\":\"p%u\",\"data\":\"hi\"}",
             (unsigned)world_random(world_of(wild), SWARM_PEERS));
    say(socket, text);
}

static void act_fire(struct source *source)
{
    struct wild *wild = (struct wild *)((char *)source - offsetof(struct wild, act));
    struct world *world = world_of(wild);
    struct wild_socket *socket = &wild->sockets[world_random(world, WILD_SOCKETS)];
    source->due = world->now + world_delay(world, 1 * MS, 2 * SECONDS);
    if (socket->socket == NULL) {
        if (world_chance(world, 30))
            open_socket(socket);
    } else if (world_chance(world, 10)) {
        socket_break(socket->socket, world_delay(world, 0, 60 * SECONDS));
        socket->socket = NULL;
    } else if (world_chance(world, 5)) {
        socket_let_go(socket->socket); /* forgotten, but alive: its pings are answered */
        socket->socket = NULL;
    } else if (socket->joined) {
        say_something(socket);
    }
}

void wild_start(struct wild *wild, struct swarm *swarm, unsigned index)
{
    memset(wild, 0, sizeof(*wild));
    wild->swarm = swarm;
    wild->index = index;
    wild->room = swarm_room(index);
    snprintf(wild->name, sizeof(wild->name), "w%u", index);
    for (int i = 0; i < WILD_SOCKETS; i++)
        wild->sockets[i] = (struct wild_socket){.user = {on_text, on_close}, .wild = wild};
    world_add(&swarm->world, &wild->act, act_fire);
    wild->act.due = swarm->world.now + world_delay(&swarm->world, 1 * MS, 3 * SECONDS);
}

void wild_depart(struct wild *wild)
{
    wild->gone = true;
    wild->act.due = NEVER;
    for (int i = 0; i < WILD_SOCKETS; i++)
        if (wild->sockets[i].socket != NULL) {
            socket_break(wild->sockets[i].socket, world_delay(world_of(wild), 0, 5 * SECONDS));
            wild->sockets[i].socket = NULL;
        }
}
