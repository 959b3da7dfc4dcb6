/* GET /v1/instances, POST /v1/instances/{instance}/drain
 *
 * A card is what another instance says of itself: it is read, not passed on. */
#include "api/admin_instances.h"

#include <inttypes.h>
#include <stdlib.h>

#include "api/admin_ask.h"
#include "api/admin_json.h"
#include "api/admin_routes.h"
#include "api/problem.h"
#include "base/mem.h"
#include "core/json.h"

#define WORKERS_MAX 65536
#define VERSION_MAX 32 /* bytes */

/* --- cards --- */

struct card {
    char version[VERSION_MAX + 1];
    uint64_t started; /* Unix ms */
    uint64_t connections, websockets, rooms;
    bool draining;
};

static bool read_name(struct slice card, struct admin_name *ret_name)
{
    struct json_reader reader;
    struct json_member member;
    long len = -1;
    if (!json_object_start(&reader, card))
        return false;
    while (json_object_next(&reader, &member))
        if (slice_is(member.key, "instance") && member.kind == JSON_STRING)
            len = json_decode(json_inside(member.value), ret_name->text, ADMIN_INSTANCE_MAX);
    if (!reader.valid || len < 1)
        return false;
    ret_name->len = (size_t)len;
    return true;
}

static uint64_t read_number(struct slice text)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.len && i < 16 && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    return number;
}

static void read_member(const struct json_member *member, struct card *card)
{
    const struct {
        const char *name;
        uint64_t *number;
    } numbers[] = {
        {"started", &card->started},
        {"connections", &card->connections},
        {"websockets", &card->websockets},
        {"rooms", &card->rooms},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (slice_is(member->key, numbers[i].name) && member->kind == JSON_NUMBER)
            *numbers[i].number = read_number(member->value);
    if (slice_is(member->key, "draining"))
        card->draining = slice_is(member->value, "true");
    if (slice_is(member->key, "version") && member->kind == JSON_STRING) {
        long len = json_decode(json_inside(member->value), card->version, VERSION_MAX);
        card->version[len < 0 ? 0 : len] = '\0';
    }
}

static void read_card(struct slice text, struct card *ret_card)
{
    struct json_reader reader;
    struct json_member member;
    *ret_card = (struct card){.version = ""};
    if (json_object_start(&reader, text))
        while (json_object_next(&reader, &member))
            read_member(&member, ret_card);
}

/* --- workers --- */

static int by_id(const void *a, const void *b)
{
    worker_id left = ((const struct admin_worker *)a)->id;
    worker_id right = ((const struct admin_worker *)b)->id;
    return left < right ? -1 : left > right;
}

static int by_instance(const void *a, const void *b)
{
    const struct admin_worker *left = a, *right = b;
    size_t len =
        left->instance.len < right->instance.len ? left->instance.len : right->instance.len;
    int order = memcmp(left->instance.text, right->instance.text, len);
    if (order != 0)
        return order;
    if (left->instance.len != right->instance.len)
        return left->instance.len < right->instance.len ? -1 : 1;
    return right->fresh - left->fresh; /* what lives speaks for the instance */
}

static size_t count_workers(struct slice entries)
{
    struct control_worker worker;
    size_t count = 0;
    while (count < WORKERS_MAX && control_worker_next(&entries, &worker))
        count++;
    return count;
}

void admin_instances_init(struct admin_instances *instances, const struct frame *answer)
{
    struct control_worker worker;
    *instances = (struct admin_instances){.count = 0};
    if (answer->reason != CONTROL_DONE || !control_listing_read(answer->data, &instances->listing))
        return;
    struct slice entries = instances->listing.entries;
    size_t count = count_workers(entries);
    instances->workers = mem_alloc((count + 1) * sizeof(*instances->workers));
    if (instances->workers == NULL)
        return;
    while (instances->count < count && control_worker_next(&entries, &worker)) {
        struct admin_worker *own = &instances->workers[instances->count];
        own->id = worker.worker;
        own->fresh = worker.fresh;
        own->card = worker.card;
        instances->count += read_name(worker.card, &own->instance);
    }
    qsort(instances->workers, instances->count, sizeof(*instances->workers), by_id);
}

void admin_instances_done(struct admin_instances *instances)
{
    mem_free(instances->workers);
}

struct slice admin_instance_of(const struct admin_instances *instances, worker_id worker)
{
    const struct admin_worker wanted = {.id = worker};
    const struct admin_worker *found = NULL;
    if (instances->count > 0)
        found = bsearch(&wanted, instances->workers, instances->count, sizeof(wanted), by_id);
    return found == NULL ? SLICE_NONE : admin_name(&found->instance);
}

/* --- the list --- */

static void add_instance(struct buf *out, struct slice name, struct slice text, unsigned workers,
                         bool answers)
{
    struct card card;
    read_card(text, &card);
    buf_add_text(out, "{\"instance\":");
    text_add_json(out, name);
    buf_add_text(out, ",\"version\":");
    text_add_json(out, slice_of(card.version));
    buf_add_text(out, ",\"started\":");
    admin_json_time(out, card.started);
    buf_add_format(out,
                   ",\"connections\":%" PRIu64 ",\"websockets\":%" PRIu64 ",\"rooms\":%" PRIu64
                   ",\"draining\":%s,\"workers\":%u,\"answers\":%s}",
                   card.connections, card.websockets, card.rooms, card.draining ? "true" : "false",
                   workers, answers ? "true" : "false");
}

/* Who answers is one of them. */
static void begin_list(struct buf *out, struct slice self)
{
    buf_add_text(out, "{\"self\":");
    text_add_json(out, self);
    buf_add_text(out, ",\"instances\":[");
}

/* Workers of one instance stand side by side, first one that lives. */
static void add_instances(struct buf *out, struct admin_instances *instances)
{
    const char *comma = "";
    size_t first = 0;
    if (instances->count > 0)
        qsort(instances->workers, instances->count, sizeof(*instances->workers), by_instance);
    while (first < instances->count) {
        const struct admin_worker *worker = &instances->workers[first];
        struct slice name = admin_name(&worker->instance);
        unsigned alive = 0;
        size_t next = first;
        for (; next < instances->count &&
               slice_equal(admin_name(&instances->workers[next].instance), name);
             next++)
            alive += instances->workers[next].fresh;
        buf_add_text(out, comma);
        add_instance(out, name, worker->card, alive, worker->fresh);
        comma = ",";
        first = next;
    }
}

static void on_workers(struct admin_ask *ask, const struct frame *answer)
{
    struct admin_instances instances;
    struct buf json;
    if (answer->reason != CONTROL_DONE) {
        admin_refuse_outcome(&ask->response, answer->reason);
        return;
    }
    admin_instances_init(&instances, answer);
    buf_init(&json, ADMIN_JSON_MAX);
    begin_list(&json, ask->call.admin->world.instance);
    add_instances(&json, &instances);
    buf_add_char(&json, ']');
    admin_json_missing(&json, &instances.listing);
    buf_add_text(&json, "}\n");
    admin_instances_done(&instances);
    admin_json_respond(&ask->response, 200, &json);
}

static void respond_alone(struct admin_call *call)
{
    const struct admin_world *world = &call->admin->world;
    struct buf card, json;
    buf_init(&card, CONTROL_CARD_MAX);
    buf_init(&json, 4096);
    world->card(world->context, &card);
    begin_list(&json, world->instance);
    add_instance(&json, world->instance, buf_slice(&card), world->workers, true);
    buf_add_text(&json, "],\"missing\":[]}\n");
    admin_json_respond(call->response, 200, &json);
    buf_done(&card);
}

void admin_list_instances(struct admin_call *call)
{
    struct frame frame = {.reason = CONTROL_WORKERS};
    if (call->admin->world.clustered)
        admin_ask(call, &frame, true, on_workers);
    else
        respond_alone(call);
}

/* --- the end of one --- */

static void refuse_unknown(struct http_response *response)
{
    problem_respond(response, 404, "instance-not-found", "There is no such instance.");
}

static void on_others(struct admin_ask *ask, const struct frame *answer)
{
    struct admin_instances instances;
    bool found = false;
    admin_instances_init(&instances, answer);
    for (size_t i = 0; i < instances.count; i++)
        found = found || slice_equal(admin_name(&instances.workers[i].instance),
                                     admin_name(&ask->call.instance));
    admin_instances_done(&instances);
    if (found)
        problem_respond(&ask->response, 409, "other-instance",
                        "An instance is drained by its own admin listener.");
    else
        refuse_unknown(&ask->response);
}

static void drain(struct admin_call *call)
{
    const struct admin_world *world = &call->admin->world;
    struct buf json;
    admin_audit(call, "admin-drain");
    world->drain(world->context);
    buf_init(&json, 1024);
    buf_add_text(&json, "{\"instance\":");
    text_add_json(&json, world->instance);
    buf_add_text(&json, ",\"draining\":true}\n");
    admin_json_respond(call->response, 202, &json);
}

void admin_drain_instance(struct admin_call *call)
{
    const struct admin_world *world = &call->admin->world;
    struct frame frame = {.reason = CONTROL_WORKERS};
    if (slice_equal(admin_name(&call->instance), world->instance))
        drain(call);
    else if (world->clustered)
        admin_ask(call, &frame, true, on_others);
    else
        refuse_unknown(call->response);
}
