#include "api/admin_ask.h"

#include "api/problem.h"
#include "base/mem.h"

#define FRAME_MAX ((size_t)128 * 1024) /* bytes; a request's body is far smaller */
#define KEPT_MAX (CONTROL_ANSWER_MAX + 1)
#define RETRY_AFTER 1 /* seconds */

static uint64_t now(const struct admin *admin)
{
    return admin->world.now(admin->world.context);
}

static void refuse(struct http_response *response, const char *detail)
{
    problem_later(response, 503, RETRY_AFTER, "unavailable", detail);
}

/* --- life --- */

static void ask_free(struct admin_ask *ask)
{
    LIST_REMOVE(ask, link);
    ask->call.admin->ask_count--;
    buf_done(&ask->frame);
    buf_done(&ask->kept);
    mem_free(ask);
}

static struct admin_ask *ask_new(struct admin_call *call)
{
    struct admin *admin = call->admin;
    struct admin_ask *ask = admin->ask_count < ADMIN_ASKS_MAX ? mem_zero(sizeof(*ask)) : NULL;
    if (ask == NULL)
        return NULL;
    struct slice address = call->client->address;
    size_t len = address.len < sizeof(ask->address) ? address.len : sizeof(ask->address);
    if (len > 0)
        memcpy(ask->address, address.ptr, len);
    ask->call = *call;
    ask->client = (struct admin_client){call->client->connection, {ask->address, len}};
    ask->call.client = &ask->client;
    ask->call.request = NULL;
    ask->call.response = &ask->response;
    ask->deadline = now(admin) + ADMIN_ASK_TIMEOUT;
    buf_init(&ask->frame, FRAME_MAX);
    buf_init(&ask->kept, KEPT_MAX);
    LIST_INSERT_HEAD(&admin->asks, ask, link);
    admin->ask_count++;
    return ask;
}

void admin_asks_drop(struct admin *admin)
{
    while (!LIST_EMPTY(&admin->asks))
        ask_free(LIST_FIRST(&admin->asks));
}

/* --- asking --- */

static bool send(struct admin_ask *ask, struct frame *frame)
{
    struct admin *admin = ask->call.admin;
    admin->last_ask = admin->last_ask % (CONTROL_REQUESTS - 1) + 1;
    ask->number = frame->request = admin->last_ask;
    ask->worker = admin->world.ask(admin->world.context, frame);
    return ask->worker != DIRECTORY;
}

static bool send_new(struct admin_ask *ask, struct frame *frame, bool again)
{
    frame->kind = FRAME_CONTROL;
    buf_clear(&ask->frame);
    if (again)
        frame_encode(frame, &ask->frame);
    return !buf_failed(&ask->frame) && send(ask, frame);
}

static bool send_again(struct admin_ask *ask)
{
    struct frame frame;
    return ask->frame.len > 0 && frame_decode(buf_slice(&ask->frame), &frame) == 0 &&
           send(ask, &frame);
}

struct admin_ask *admin_ask(struct admin_call *call, struct frame *frame, bool again,
                            void (*on_answer)(struct admin_ask *ask, const struct frame *answer))
{
    struct admin_ask *ask = ask_new(call);
    if (ask == NULL) {
        refuse(call->response, "Too many requests wait for an answer already.");
        return NULL;
    }
    if (!send_new(ask, frame, again)) {
        ask_free(ask);
        refuse(call->response, "No worker is ready to be asked.");
        return NULL;
    }
    ask->on_answer = on_answer;
    call->response->later = true;
    return ask;
}

struct admin_ask *admin_ask_with(struct admin_call *call, struct frame *frame, struct buf *data,
                                 bool again,
                                 void (*on_answer)(struct admin_ask *ask,
                                                   const struct frame *answer))
{
    struct admin_ask *ask = NULL;
    frame->data = buf_slice(data);
    if (buf_failed(data))
        refuse(call->response, "There is no memory to ask.");
    else
        ask = admin_ask(call, frame, again, on_answer);
    buf_done(data);
    return ask;
}

void admin_ask_on(struct admin_ask *ask, struct frame *frame,
                  void (*on_answer)(struct admin_ask *ask, const struct frame *answer))
{
    ask->on_answer = on_answer;
    if (send_new(ask, frame, true))
        ask->response.later = true;
    else
        refuse(&ask->response, "No worker is ready to be asked.");
}

/* --- answers --- */

static struct admin_ask *find(const struct admin *admin, uint32_t number)
{
    struct admin_ask *ask;
    LIST_FOREACH(ask, &admin->asks, link)
    {
        if (ask->number == number)
            return ask;
    }
    return NULL;
}

static void finish(struct admin_ask *ask)
{
    const struct admin_world *world = &ask->call.admin->world;
    struct http_response response = ask->response;
    uint64_t connection = ask->client.connection;
    admin_finish(&response);
    ask_free(ask);
    world->answer(world->context, connection, &response);
}

static void fail(struct admin_ask *ask, const char *detail)
{
    ask->response = http_response_init();
    refuse(&ask->response, detail);
    finish(ask);
}

void admin_answered(struct admin *admin, const struct frame *answer)
{
    struct admin_ask *ask = find(admin, answer->request);
    if (ask == NULL)
        return;
    ask->number = 0;
    if (answer->error != 0) {
        fail(ask, "The directory can't be reached now. What was asked for may or may not be done.");
        return;
    }
    ask->response = http_response_init();
    ask->on_answer(ask, answer);
    if (ask->response.later)
        http_response_done(&ask->response);
    else
        finish(ask);
}

void admin_worker_ended(struct admin *admin, worker_id worker)
{
    struct admin_ask *ask, *next;
    for (ask = LIST_FIRST(&admin->asks); ask != NULL; ask = next) {
        next = LIST_NEXT(ask, link);
        if (ask->worker == worker && !send_again(ask))
            fail(ask, "The worker that was asked has ended. What was asked for may or may not be "
                      "done.");
    }
}

void admin_tick(struct admin *admin)
{
    struct admin_ask *ask, *next;
    for (ask = LIST_FIRST(&admin->asks); ask != NULL; ask = next) {
        next = LIST_NEXT(ask, link);
        if (now(admin) >= ask->deadline)
            fail(ask, "No answer came in time. What was asked for may or may not be done.");
    }
}

void admin_refuse_outcome(struct http_response *response, uint32_t outcome)
{
    static const struct {
        int status;
        const char *code, *detail;
    } rows[CONTROL_OUTCOME_COUNT] = {
        [CONTROL_NO_ROOM] = {404, "room-not-found", "There is no such room."},
        [CONTROL_NO_PEER] = {404, "peer-not-found", "There is no such peer in the room."},
        [CONTROL_CONFLICT] = {412, "precondition-failed",
                              "The room is not as the request demands."},
        [CONTROL_FULL] = {409, "full", "There are as many already as the limits allow."},
        [CONTROL_INVALID] = {422, "invalid", "The directory does not take this."},
    };
    if (outcome < CONTROL_OUTCOME_COUNT && rows[outcome].code != NULL)
        problem_respond(response, rows[outcome].status, rows[outcome].code, rows[outcome].detail);
    else
        refuse(response, "The directory gave an answer that this version does not know.");
}
