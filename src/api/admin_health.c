/* Health, as load balancers and Kubernetes ask for it. */
#include "api/admin_routes.h"

#define CHECKS_MAX 4096 /* bytes */

void admin_get_live(struct admin_call *call)
{
    http_response_text(call->response, 200, "ok\n");
}

static bool is_verbose(struct slice query)
{
    return slice_is(query, "verbose") || slice_is(query, "verbose=1");
}

/* Each check and its verdict, for people; programs go by the status. */
static void respond_verbose(struct admin_call *call, const char *why)
{
    const struct admin_world *world = &call->admin->world;
    struct buf text;
    buf_init(&text, CHECKS_MAX);
    world->write_checks(world->context, &text);
    buf_add_text(&text, why == NULL ? "ready\n" : why);
    call->response->status = why == NULL ? 200 : 503;
    http_response_add(call->response, "Content-Type", SLICE("text/plain; charset=utf-8"));
    if (!buf_failed(&text))
        http_response_copy(call->response, buf_slice(&text));
    buf_done(&text);
}

void admin_get_ready(struct admin_call *call)
{
    const struct admin_world *world = &call->admin->world;
    const char *why = world->not_ready(world->context);
    if (is_verbose(call->request->query))
        respond_verbose(call, why);
    else
        http_response_text(call->response, why == NULL ? 200 : 503, why == NULL ? "ready\n" : why);
}
