/* Random lives of peers over a cluster whose links are randomly slow. After every story: each
 * signal arrived once and in order, or its sender was told; nobody saw another's; and the rosters
 * that peers hold agree with each other. In wild lives, where clients open a second socket and
 * forget the first, leave at any time, and workers freeze for longer than others wait, only this
 * holds: in the end directory, workers and clients agree on who is here, and nothing is left under
 * way.
 *
 *     test_sim_random [seeds [first seed]]     SIM_LOG=1 shows the log of a run */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/state.h"
#include "sim/cluster.h"

#define PEERS 5
#define ACTIONS 300
#define DOUBLES 100
#define NUMBERS 512

enum fate { UNSENT, SENT, REFUSED, RECEIVED };

static unsigned long seeds = 300, first_seed = 1;

static struct story {
    struct cluster cluster;
    struct client peers[PEERS];
    enum fate fates[PEERS][PEERS][NUMBERS]; /* from, to, number */
    int sent[PEERS][PEERS];
    int last[PEERS][PEERS]; /* highest number that arrived of this life */
    int lives[PEERS]; /* resumed:false ends one; what it sent may come behind the next's first */
    int seen[PEERS][PEERS]; /* the life that `last` is of */
    bool crashes, wild;
    struct client doubles[DOUBLES]; /* second sockets, by which nobody reads any more */
    int double_count;
} story;

static const char *const rooms[] = {"red", "blue"};
static const char *const names[PEERS] = {"p0", "p1", "p2", "p3", "p4"};

static const char *room_of(int peer)
{
    return rooms[peer % 2 == 0 ? 0 : 1];
}

static uint32_t chance(uint32_t below)
{
    return cluster_random(&story.cluster, below);
}

static int living_worker(void)
{
    int worker;
    do
        worker = (int)chance(CLUSTER_WORKERS);
    while (story.cluster.exchanges[worker] == NULL);
    return worker;
}

static int peer_named(const char *name)
{
    return name[1] - '0';
}

static void read_signal(int to, const cJSON *json)
{
    int from = peer_named(cJSON_GetStringValue(cJSON_GetObjectItem(json, "from")));
    const cJSON *data = cJSON_GetObjectItem(json, "data");
    int number = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(data, "n"));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(data, "to")), names[to]);
    assert_string_equal(room_of(from), room_of(to));
    int life = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(data, "life"));
    if (life == story.seen[from][to] && number <= story.last[from][to])
        fail_msg("%s got %d of %s after %d", names[to], number, names[from], story.last[from][to]);
    if (life >= story.seen[from][to]) {
        story.seen[from][to] = life;
        story.last[from][to] = number;
    }
    assert_int_equal(story.fates[from][to][number], SENT);
    story.fates[from][to][number] = RECEIVED;
}

static void read_error(int from, const cJSON *json)
{
    int to, number;
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(json, "id"));
    if (id == NULL || sscanf(id, "%d:%d", &to, &number) != 2)
        return;
    assert_int_equal(story.fates[from][to][number], SENT);
    story.fates[from][to][number] = REFUSED;
}

static void read_inbox(int peer)
{
    struct client *client = &story.peers[peer];
    if (story.wild) /* a double may have got what is missing here */
        client->read = client->count;
    for (; client->read < client->count; client->read++) {
        const cJSON *json = client->inbox[client->read];
        const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(json, "type"));
        if (strcmp(type, "signal") == 0)
            read_signal(peer, json);
        else if (strcmp(type, "error") == 0)
            read_error(peer, json);
        else if (strcmp(type, "joined") == 0 && !client->resumed)
            story.lives[peer]++;
    }
}

static void connect_peer(int peer)
{
    struct client *client = &story.peers[peer];
    if (client->session_text[0] == '\0')
        client_join(client, living_worker(), room_of(peer), names[peer]);
    else
        client_resume(client, living_worker(), room_of(peer));
}

static void send_signal(int from)
{
    int to = (int)chance(PEERS);
    struct client *client = &story.peers[from];
    if (client->session == NULL || !client->joined || strcmp(room_of(from), room_of(to)) != 0 ||
        story.sent[from][to] + 1 >= NUMBERS)
        return;
    int number = ++story.sent[from][to];
    story.fates[from][to][number] = SENT;
    client_send(
        client,
        "{\"type\":\"signal\",\"to\":\"%s\",\"id\":\"%d:%d\",\"data\":{\"to\":\"%s\",\"life\":%d,"
        "\"n\":%d}}",
        names[to], to, number, names[to], story.lives[from], number);
}

static void crash(void)
{
    int worker = living_worker();
    cluster_crash(&story.cluster, worker);
    for (int i = 0; i < PEERS; i++)
        if (story.peers[i].worker == worker)
            story.peers[i].session = NULL;
    cluster_restart(&story.cluster, worker);
}

/* A client opens another socket and forgets it: it looks alive, holds the membership, and is never
 * read. */
static void open_double(const struct client *client, int peer)
{
    if (client->session_text[0] == '\0' || story.double_count == DOUBLES)
        return;
    struct client *twin = &story.doubles[story.double_count++];
    client_init(twin, &story.cluster);
    strcpy(twin->session_text, client->session_text);
    strcpy(twin->peer, client->peer);
    twin->received = client->received;
    client_resume(twin, living_worker(), room_of(peer));
}

static void act_wildly(int peer)
{
    struct client *client = &story.peers[peer];
    switch (chance(8)) {
    case 0: client_send(client, "{\"type\":\"info\",\"info\":{\"n\":%u}}", chance(1000)); break;
    case 1: client_send(client, "{\"type\":\"leave\"}"); break;
    case 2: story.cluster.frozen[chance(CLUSTER_WORKERS)] = true; break;
    case 3: memset(story.cluster.frozen, 0, sizeof(story.cluster.frozen)); break;
    case 4: cluster_advance(&story.cluster, 5100); break;
    default: open_double(client, peer);
    }
}

static void act(void)
{
    int peer = (int)chance(PEERS);
    struct client *client = &story.peers[peer];
    uint32_t dice = chance(100);
    if (client->session == NULL)
        connect_peer(peer);
    else if (story.wild && dice < 10)
        act_wildly(peer);
    else if (dice < 70)
        send_signal(peer);
    else if (dice < 78 && client->joined) /* a client gives an answer the time to come */
        client_drop(client);
    else if (dice < 90)
        client_pong(client);
    else if (dice < 98)
        cluster_advance(&story.cluster, chance(200));
    else if (story.crashes)
        crash();
    for (uint32_t steps = chance(5); steps > 0; steps--)
        cluster_step(&story.cluster);
    for (int i = 0; i < PEERS; i++)
        read_inbox(i);
}

static void everybody_back(void)
{
    for (int round = 0; round < 20; round++) {
        cluster_settle(&story.cluster);
        cluster_advance(&story.cluster, 6000);
        for (int i = 0; i < PEERS; i++) {
            read_inbox(i);
            client_pong(&story.peers[i]);
            if (story.peers[i].session == NULL)
                connect_peer(i);
        }
    }
    cluster_settle(&story.cluster);
}

/* Whom a fresh join sees as the roster is everybody of the room, here. */
static void check_roster(const char *room)
{
    static struct client visitor;
    int expected = 0;
    client_init(&visitor, &story.cluster);
    client_join(&visitor, living_worker(), room, "visitor");
    cluster_settle(&story.cluster);
    const cJSON *peers = cJSON_GetObjectItem(client_next(&visitor, "joined"), "peers"), *peer;
    cJSON_ArrayForEach(peer, peers)
    {
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(peer, "state")), "here");
    }
    for (int i = 0; i < PEERS; i++)
        expected += room_of(i) == room;
    assert_int_equal(cJSON_GetArraySize(peers), expected);
    client_send(&visitor, "{\"type\":\"leave\"}");
    cluster_settle(&story.cluster);
    client_done(&visitor);
}

/* Counts the sessions of a worker in a room; each is here, and nothing of it is under way. */
static int check_worker(const struct exchange *exchange, const char *room)
{
    int count = 0;
    struct session *session;
    assert_null(exchange->entries);
    LIST_FOREACH(session, &exchange->sessions, link)
    {
        assert_int_equal(session->state, SESSION_HERE);
        assert_non_null(session->connection);
        assert_null(session->claim);
        assert_ptr_equal(session->member->session, session);
        assert_null(session->member->heir);
        assert_null(session->member->fence);
        assert_int_equal(session->member->worker, exchange->options.self);
        count += slice_is(room_name(session->room), room);
    }
    return count;
}

static void check_directory(const char *room)
{
    static struct client visitor;
    int count = 0;
    for (int i = 0; i < CLUSTER_WORKERS; i++)
        count += check_worker(story.cluster.exchanges[i], room);
    client_init(&visitor, &story.cluster);
    client_join(&visitor, living_worker(), room, "visitor");
    cluster_settle(&story.cluster);
    const cJSON *joined = client_next(&visitor, "joined");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(joined, "peers")), count);
    client_send(&visitor, "{\"type\":\"leave\"}");
    cluster_settle(&story.cluster);
    client_done(&visitor);
}

static void check_fates(void)
{
    for (int from = 0; from < PEERS; from++)
        for (int to = 0; to < PEERS; to++)
            for (int number = 1; number <= story.sent[from][to]; number++)
                if (story.fates[from][to][number] == SENT)
                    fail_msg("%d of %s to %s: neither delivered nor refused", number, names[from],
                             names[to]);
}

static void start_story(unsigned long seed)
{
    memset(&story, 0, sizeof(story));
    cluster_start(&story.cluster, seed);
    for (int i = 0; i < PEERS; i++)
        client_init(&story.peers[i], &story.cluster);
    print_message("\r  seed %lu ", seed);
}

static void end_story(void)
{
    cluster_stop(&story.cluster);
    for (int i = 0; i < PEERS; i++)
        client_done(&story.peers[i]);
    for (int i = 0; i < story.double_count; i++)
        client_done(&story.doubles[i]);
}

static void tell(unsigned long seed, bool crashes)
{
    start_story(seed);
    story.crashes = crashes;
    for (int i = 0; i < ACTIONS; i++)
        act();
    everybody_back();
    check_roster(rooms[0]);
    check_roster(rooms[1]);
    for (int i = 0; i < PEERS; i++)
        read_inbox(i);
    if (!crashes)
        check_fates();
    end_story();
}

static void tell_wild(unsigned long seed, bool crashes)
{
    start_story(seed);
    story.wild = true;
    story.crashes = crashes;
    for (int i = 0; i < ACTIONS; i++)
        act();
    memset(story.cluster.frozen, 0, sizeof(story.cluster.frozen));
    for (int i = 0; i < 10; i++) { /* longer than the resume window: who did not come back leaves */
        cluster_settle(&story.cluster);
        cluster_advance(&story.cluster, 6000);
    }
    check_directory(rooms[0]);
    check_directory(rooms[1]);
    end_story();
}

static void lives_without_crashes(void **state)
{
    (void)state;
    for (unsigned long seed = first_seed; seed < first_seed + seeds; seed++)
        tell(seed, false);
}

static void lives_with_crashes(void **state)
{
    (void)state;
    for (unsigned long seed = first_seed; seed < first_seed + seeds; seed++)
        tell(seed, true);
}

static void wild_lives(void **state)
{
    (void)state;
    for (unsigned long seed = first_seed; seed < first_seed + seeds; seed++)
        tell_wild(seed, seed % 2 == 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seeds = strtoul(argv[1], NULL, 10);
    if (argc > 2)
        first_seed = strtoul(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives_without_crashes),
        cmocka_unit_test(lives_with_crashes),
        cmocka_unit_test(wild_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
