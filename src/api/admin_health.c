/* Health, as load balancers and Kubernetes ask for it. */
#include "api/admin_routes.h"

void admin_get_live(struct admin_call *call)
{
    http_response_text(call->response, 200, "ok\n");
}

void admin_get_ready(struct admin_call *call)
{
    const struct admin_world *world = &call->admin->world;
    const char *why = world->not_ready(world->context);
    http_response_text(call->response, why == NULL ? 200 : 503, why == NULL ? "ready\n" : why);
}
