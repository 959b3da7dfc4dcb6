/* Questions to the directory on behalf of requests that wait for their answers.
 *
 *     admin_ask() -> a worker -> on_answer(), which fills ask->call.response, or asks on
 *                      |
 *                      +-- it ended: another one is asked, where twice does no harm; else 503
 *                      +-- no answer in time: 503
 */
#ifndef ROOMLINE_API_ADMIN_ASK_H
#define ROOMLINE_API_ADMIN_ASK_H

#include <sys/queue.h>

#include "api/admin_call.h"
#include "core/control.h"

#define ADMIN_ASKS_MAX 32       /* at a time; more requests are answered with 503 */
#define ADMIN_ASK_TIMEOUT 5000u /* ms, for all that one request asks */

struct admin_ask {
    LIST_ENTRY(admin_ask) link;
    struct admin_call call; /* as it was, but for its request, which is gone */
    struct admin_client client;
    char address[46];
    struct http_response response;
    void (*on_answer)(struct admin_ask *ask, const struct frame *answer);
    struct buf frame; /* encoded, for another worker; empty: it must not be asked twice */
    uint32_t number;
    worker_id worker;
    uint64_t deadline;

    /* The handler's own. */
    unsigned flags;
    uint64_t version;
    struct buf kept; /* of an answer, for when the next one comes */
};

/* How a request asks: sets response->later, or fills the response where nobody can be asked.
 * on_answer() gets answers without an error only. `again`: to be asked a second time does no harm.
 * NULL: it was refused. */
struct admin_ask *admin_ask(struct admin_call *call, struct frame *frame, bool again,
                            void (*on_answer)(struct admin_ask *ask, const struct frame *answer));

/* The same with data for the frame, which it frees. */
struct admin_ask *admin_ask_with(struct admin_call *call, struct frame *frame, struct buf *data,
                                 bool again,
                                 void (*on_answer)(struct admin_ask *ask,
                                                   const struct frame *answer));

/* From within on_answer(): asks another thing before there is a response. */
void admin_ask_on(struct admin_ask *ask, struct frame *frame,
                  void (*on_answer)(struct admin_ask *ask, const struct frame *answer));

/* Fills the response for an outcome that is neither DONE nor CREATED. */
void admin_refuse_outcome(struct http_response *response, uint32_t outcome);

/* Forgets all, unanswered. */
void admin_asks_drop(struct admin *admin);

#endif
