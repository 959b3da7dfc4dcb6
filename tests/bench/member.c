#include "member.h"

#include "fail.h"

#include <stdio.h>
#include <string.h>

enum { CLOSE_NONE = 0, CLOSE_NORMAL = 1000, CLOSE_ABNORMAL = 1006 };

static void raise_event(struct member *member, void (*handler)(struct member *))
{
    if (handler)
        handler(member);
}

static void send_text(struct member *member, const char *text)
{
    size_t size;
    const uint8_t *frame = message_frame(text, strlen(text), &size);
    conn_send(&member->conn, frame, size);
}

static void be_joined(struct member *member)
{
    member->joined = true;
    raise_event(member, member->events->on_joined);
}

static void on_open(struct conn *conn)
{
    struct member *member = (struct member *)conn;
    char id[PEER_ID_LENGTH + 1];
    char text[128];
    peer_id(id, member->index);
    snprintf(text, sizeof(text), "{\"type\":\"join\",\"peer\":\"%s\"}", id);
    send_text(member, text);
    if (member->dialect->second_unanswered && member->index % 2 == 1)
        be_joined(member);
}

static void take_signal(struct member *member, const char *text, size_t length)
{
    enum message_kind kind = member->partner->kind_of(member->received);
    uint32_t sequence = message_take(kind, text, length, member->verify);
    if (sequence != member->received)
        fail("signal %u arrived when %u was due", sequence, member->received);
    member->received++;
    raise_event(member, member->events->on_signal);
}

/* Members join one after the other, so the first to come after the first of a pair is its partner. */
static void take_peer_joined(struct member *member)
{
    if (member->partner_joined || member->index % 2 == 1)
        return;
    member->partner_joined = true;
    raise_event(member, member->events->on_partner_joined);
}

static void on_text(struct conn *conn, const char *text, size_t length)
{
    struct member *member = (struct member *)conn;
    switch (member->dialect->hear(text, length, member->joined)) {
    case SAID_SIGNAL: take_signal(member, text, length); break;
    case SAID_JOINED: be_joined(member); break;
    case SAID_PEER_JOINED: take_peer_joined(member); break;
    case SAID_PEER_LEFT: raise_event(member, member->events->on_partner_left); break;
    case SAID_OTHER: break;
    case SAID_ERROR: fail("the server said %.*s", (int)(length < 300 ? length : 300), text);
    }
}

static void on_close(struct conn *conn, unsigned code)
{
    struct member *member = (struct member *)conn;
    if (code != member->expected_close)
        fail("a connection was closed with %u instead of %u", code, member->expected_close);
    raise_event(member, member->events->on_closed);
}

static const struct conn_events events = {
    .on_open = on_open,
    .on_text = on_text,
    .on_close = on_close,
};

/* The two of a pair are on different instances; over many rooms all ways between two are used alike. */
static const struct instance *instance_of(const struct net *net, unsigned room, unsigned index)
{
    unsigned count = net->instance_count;
    unsigned apart = count > 1 ? 1 + room / count % (count - 1) : 0;
    return &net->instances[(room + index % 2 * apart) % count];
}

void member_open(struct member *member, struct net *net, unsigned room, unsigned pair)
{
    char path[64];
    member->dialect->write_path(path, sizeof(path), room, pair);
    member->joined = false;
    member->partner_joined = false;
    member->expected_close = CLOSE_NONE;
    member->sent = 0;
    member->received = 0;
    conn_open(&member->conn, net, instance_of(net, room, member->index), &events, path);
}

void member_signal(struct member *member)
{
    size_t size;
    enum message_kind kind = member->kind_of(member->sent);
    const uint8_t *frame = message_signal(kind, member->partner->index, member->sent, &size);
    member->sent++;
    conn_send(&member->conn, frame, size);
}

void member_leave(struct member *member)
{
    member->expected_close = CLOSE_NORMAL;
    send_text(member, "{\"type\":\"leave\"}");
    if (member->dialect->client_closes)
        conn_close(&member->conn);
}

void member_abort(struct member *member)
{
    member->expected_close = CLOSE_ABNORMAL;
    conn_abort(&member->conn);
}
