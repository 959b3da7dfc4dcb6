#include "sim/socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/worker.h"

enum up { UP_OPEN, UP_TEXT, UP_PONG, UP_LOST };
enum down { DOWN_TEXT, DOWN_PING, DOWN_CLOSE };

static void up_take(struct pipe *pipe, const struct parcel *parcel)
{
    struct sim_socket *socket = pipe->owner;
    struct worker *worker = socket->worker;
    if (worker == NULL)
        return;
    worker_wake(worker);
    if (parcel->kind == UP_OPEN)
        socket->session = exchange_open(worker->exchange, socket, slice_of(socket->room), 1);
    else if (socket->session == NULL)
        return;
    else if (parcel->kind == UP_TEXT)
        exchange_receive(socket->session, parcel_slice(parcel));
    else if (parcel->kind == UP_PONG)
        exchange_pong(socket->session, parcel->number);
    else
        socket_end_session(socket);
}

void socket_end_session(struct sim_socket *socket)
{
    struct session *session = socket->session;
    socket->session = NULL;
    if (session != NULL)
        exchange_lost(session, CLOSE_NONE);
}

static void down_take(struct pipe *pipe, const struct parcel *parcel)
{
    struct sim_socket *socket = pipe->owner;
    struct socket_user *user = socket->user;
    if (parcel->kind == DOWN_PING) {
        if (!socket->mute)
            pipe_put(&socket->up, UP_PONG, parcel->number, 0, SLICE_NONE);
        return;
    }
    if (user == NULL)
        return;
    if (parcel->kind == DOWN_CLOSE) {
        socket->user = NULL;
        user->on_close(user, (int)parcel->number);
    } else {
        user->on_text(user, parcel_slice(parcel));
    }
}

struct sim_socket *socket_open(struct worker *worker, const char *room, struct socket_user *user)
{
    struct sim_socket *socket = calloc(1, sizeof(*socket));
    socket->world = worker->world;
    socket->worker = worker;
    socket->user = user;
    socket->opener = user;
    snprintf(socket->room, sizeof(socket->room), "%s", room);
    pipe_start(&socket->up, worker->world, up_take, socket);
    pipe_start(&socket->down, worker->world, down_take, socket);
    socket->up.gate = &worker->frozen_until;
    socket->up.most = socket->down.most = 5 * MS;
    socket->next = worker->sockets;
    worker->sockets = socket;
    pipe_put(&socket->up, UP_OPEN, 0, 0, SLICE_NONE);
    return socket;
}

void socket_send(struct sim_socket *socket, const char *text)
{
    pipe_put(&socket->up, UP_TEXT, 0, 0, slice_of(text));
}

void socket_let_go(struct sim_socket *socket)
{
    socket->user = NULL;
}

void socket_break(struct sim_socket *socket, uint64_t noticed_after)
{
    socket->user = NULL;
    socket->mute = socket->broken = true;
    pipe_lose_tail(&socket->up);
    pipe_clear(&socket->down);
    socket->up.last_due += noticed_after;
    if (socket->up.last_due < socket->world->now + noticed_after)
        socket->up.last_due = socket->world->now + noticed_after;
    pipe_put(&socket->up, UP_LOST, 0, 0, SLICE_NONE);
}

void socket_deliver(struct sim_socket *socket, struct slice text)
{
    pipe_put(&socket->down, DOWN_TEXT, 0, 0, text);
}

void socket_ping(struct sim_socket *socket, uint64_t number)
{
    pipe_put(&socket->down, DOWN_PING, number, 0, SLICE_NONE);
}

void socket_close(struct sim_socket *socket, int code)
{
    socket->session = NULL;
    pipe_clear(&socket->up);
    pipe_put(&socket->down, DOWN_CLOSE, (uint64_t)code, 0, SLICE_NONE);
}

void socket_orphan(struct sim_socket *socket)
{
    socket->worker = NULL;
    socket->session = NULL;
    socket->up.gate = NULL;
    pipe_clear(&socket->up);
    pipe_lose_tail(&socket->down);
    pipe_put(&socket->down, DOWN_CLOSE, 0, 0, SLICE_NONE);
}

void socket_free(struct sim_socket *socket)
{
    pipe_stop(&socket->down);
    pipe_stop(&socket->up);
    free(socket);
}

static bool is_needed(const struct sim_socket *socket)
{
    return socket->user != NULL || socket->session != NULL || socket->up.first != NULL ||
           socket->down.first != NULL;
}

struct sim_socket *socket_sweep(struct sim_socket *list)
{
    struct sim_socket *kept = NULL, **at = &kept, *next;
    for (; list != NULL; list = next) {
        next = list->next;
        if (is_needed(list)) {
            *at = list;
            at = &list->next;
        } else {
            socket_free(list);
        }
    }
    *at = NULL;
    return kept;
}
