#include "api/problem.h"

#include <stdio.h>

#include "base/text.h"

#define BODY_MAX 4096 /* bytes */

static void begin(struct buf *body, int status, const char *code, const char *detail)
{
    buf_init(body, BODY_MAX);
    buf_add_format(body,
                   "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",",
                   http_reason(status), status, code);
    buf_add_text(body, "\"detail\":");
    text_add_json(body, slice_of(detail));
}

/* Without memory for a body the status alone must do. */
static void end(struct buf *body, struct http_response *response, int status)
{
    response->status = status;
    buf_add_text(body, "}\n");
    if (!buf_failed(body) && http_response_copy(response, buf_slice(body)) == 0)
        http_response_add(response, "Content-Type", SLICE("application/problem+json"));
    buf_done(body);
}

void problem_respond(struct http_response *response, int status, const char *code,
                     const char *detail)
{
    struct buf body;
    begin(&body, status, code, detail);
    end(&body, response, status);
}

void problem_field(struct http_response *response, struct slice place, bool in_body,
                   const char *detail)
{
    struct buf body;
    begin(&body, 422, "invalid", "A value is not what it must be; errors says which.");
    buf_add_text(&body, in_body ? ",\"errors\":[{\"pointer\":" : ",\"errors\":[{\"parameter\":");
    text_add_json(&body, place);
    buf_add_text(&body, ",\"detail\":");
    text_add_json(&body, slice_of(detail));
    buf_add_text(&body, "}]");
    end(&body, response, 422);
}

void problem_later(struct http_response *response, int status, unsigned seconds, const char *code,
                   const char *detail)
{
    char text[16];
    snprintf(text, sizeof(text), "%u", seconds);
    http_response_add(response, "Retry-After", slice_of(text));
    problem_respond(response, status, code, detail);
}
