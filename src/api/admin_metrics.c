/* Metrics, as Prometheus reads them. */
#include "api/admin_routes.h"
#include "api/problem.h"
#include "base/mem.h"

#define TEXT_MAX ((size_t)4 << 20) /* bytes; 256 workers need less than a tenth of it */

void admin_get_metrics(struct admin_call *call)
{
    const struct admin_world *world = &call->admin->world;
    struct http_response *response = call->response;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    world->write_metrics(world->context, &text);
    if (buf_failed(&text)) {
        buf_done(&text);
        problem_later(response, 503, 1, "unavailable", "There is no memory for the metrics.");
        return;
    }
    http_response_add(response, "Content-Type", SLICE("text/plain; version=0.0.4; charset=utf-8"));
    response->status = 200;
    response->body = buf_slice(&text);
    response->owner = text.data;
    response->release = mem_free;
}
