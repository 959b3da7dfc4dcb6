/* A request's way to its handler, and who may go it. */
#include "api/admin.h"

#include "api/admin_ask.h"
#include "api/admin_routes.h"
#include "api/problem.h"
#include "base/log.h"
#include "base/mem.h"

#define FAILURES_PER_SECOND 1 /* of authentication, from one address */
#define FAILURES_BURST 50

struct admin *admin_new(const struct admin_world *world)
{
    struct admin *admin = mem_must(sizeof(*admin));
    admin->world = *world;
    return admin;
}

void admin_free(struct admin *admin)
{
    if (admin == NULL)
        return;
    admin_asks_drop(admin);
    explicit_bzero(&admin->tokens, sizeof(admin->tokens));
    jwk_set_done(&admin->keys);
    static_unref(admin->dashboard);
    mem_free(admin);
}

void admin_use_tokens(struct admin *admin, const struct admin_tokens *tokens)
{
    admin->tokens = *tokens;
}

void admin_use_keys(struct admin *admin, struct jwk_set *keys, const struct token_rules *rules)
{
    jwk_set_done(&admin->keys);
    admin->keys = *keys;
    admin->token_rules = *rules;
    keys->count = 0;
}

void admin_audit(const struct admin_call *call, const char *event)
{
    log_event(LOG_INFO, event, LOG_INT("token", call->token),
              LOG_SLICE("address", call->client->address),
              LOG_SLICE("room", admin_name(&call->room)),
              LOG_SLICE("peer", admin_name(&call->peer)), LOG_END);
}

/* --- who asks --- */

static bool is_loopback(struct slice address)
{
    return slice_is(address, "::1") || slice_skip(&address, "127.") ||
           slice_skip(&address, "::ffff:127.");
}

/* A page of a stranger's, in a browser on this machine, may have its own host name resolve to this
 * address: then that name is what the browser sends. */
static bool names_loopback(struct slice host)
{
    struct slice rest = host;
    if (slice_skip(&rest, "localhost"))
        return rest.len == 0 || rest.ptr[0] == ':';
    if (!slice_skip(&rest, "127."))
        return slice_skip(&rest, "[::1]");
    for (size_t i = 0; i < rest.len; i++)
        if (strchr("0123456789.:", rest.ptr[i]) == NULL)
            return false;
    return true;
}

static bool is_local(const struct admin_call *call)
{
    return is_loopback(call->client->address) && names_loopback(call->request->host);
}

/* Failures from one address: a correct token is never held up by them, for its length is what
 * keeps it safe; this keeps the log and the processor safe. */
static bool may_fail(struct admin_call *call)
{
    struct admin *admin = call->admin;
    struct slice address = call->client->address;
    unsigned at = crypto_keyed_hash(address.ptr, address.len) % ADMIN_FAILURES;
    return bucket_take(&admin->failures[at], FAILURES_PER_SECOND, FAILURES_BURST, 1,
                       admin->world.now(admin->world.context));
}

static void refuse_bearer(struct admin_call *call, struct slice bearer)
{
    if (!may_fail(call)) {
        call->response->close = true;
        problem_later(call->response, 429, 1, "too-many-failures",
                      "Too many requests without a valid token came from this address.");
        return;
    }
    log_event(LOG_WARN, "admin-unauthorized", LOG_SLICE("address", call->client->address), LOG_END);
    http_response_add(call->response, "WWW-Authenticate",
                      bearer.len == 0
                          ? SLICE("Bearer realm=\"roomline\"")
                          : SLICE("Bearer realm=\"roomline\", error=\"invalid_token\""));
    problem_respond(call->response, 401, "unauthorized",
                    bearer.len == 0 ? "A bearer token is needed." : "This token is not valid.");
}

static void refuse_stranger(struct admin_call *call)
{
    problem_respond(call->response, 403, "no-token-configured",
                    "No admin token is configured: there are only health and metrics, and only "
                    "for this machine itself.");
}

/* Whether it may go on; else the response is filled. */
static bool let_in(struct admin_call *call, enum admin_access access)
{
    bool tokens = call->admin->tokens.count > 0;
    struct slice bearer = http_bearer(call->request);
    call->token = bearer.len == 0 ? -1 : admin_tokens_find(&call->admin->tokens, bearer);
    if (access == ADMIN_OPEN && (tokens || is_local(call)))
        return true;
    if (access == ADMIN_METRICS && !tokens && is_local(call))
        return true;
    if (!tokens)
        refuse_stranger(call);
    else if (call->token < 0)
        refuse_bearer(call, bearer);
    return tokens && call->token >= 0;
}

/* --- where to --- */

static const char *const method_names[] = {
    [METHOD_GET] = "GET, HEAD", [METHOD_POST] = "POST",     [METHOD_PUT] = "PUT",
    [METHOD_PATCH] = "PATCH",   [METHOD_DELETE] = "DELETE",
};

/* "GET, HEAD, PUT, OPTIONS" */
static void add_allow(struct http_response *response, struct slice path)
{
    struct buf allow;
    buf_init(&allow, 128);
    for (size_t i = 0; i < admin_route_count; i++)
        if (admin_route_fits(&admin_routes[i], path)) {
            buf_add_text(&allow, method_names[admin_routes[i].method]);
            buf_add_text(&allow, ", ");
        }
    buf_add_text(&allow, "OPTIONS");
    http_response_add(response, "Allow", buf_slice(&allow));
    buf_done(&allow);
}

static const struct admin_route *find_route(const struct http_request *request, bool *ret_path)
{
    enum http_method method = request->method == METHOD_HEAD ? METHOD_GET : request->method;
    *ret_path = false;
    for (size_t i = 0; i < admin_route_count; i++) {
        if (!admin_route_fits(&admin_routes[i], request->path))
            continue;
        *ret_path = true;
        if (admin_routes[i].method == method)
            return &admin_routes[i];
    }
    return NULL;
}

static void miss(struct admin_call *call, bool is_path)
{
    if (!is_path) {
        problem_respond(call->response, 404, "not-found", "There is nothing here.");
        return;
    }
    add_allow(call->response, call->request->path);
    if (call->request->method == METHOD_OPTIONS)
        call->response->status = 204;
    else
        problem_respond(call->response, 405, "method-not-allowed",
                        "Allow says which methods there are.");
}

void admin_finish(struct http_response *response)
{
    http_response_add(response, "Cache-Control", SLICE("no-store"));
    http_response_add(response, "X-Content-Type-Options", SLICE("nosniff"));
}

static void handle_page(struct admin_call *call)
{
    if (!let_in(call, ADMIN_OPEN))
        return;
    call->is_page = true;
    admin_get_page(call);
}

static void handle(struct admin_call *call)
{
    bool is_path;
    const struct admin_route *route = find_route(call->request, &is_path);
    if (admin_is_page(call->admin, call->request->path))
        handle_page(call);
    else if (route == NULL)
        miss(call, is_path);
    else if (!let_in(call, route->access))
        return;
    else if (!admin_route_names(route, call->request->path, call))
        problem_respond(call->response, 400, "bad-name",
                        "A name in the path is empty, too long, not UTF-8 or holds control "
                        "characters or a slash.");
    else
        route->handle(call);
}

void admin_respond(struct admin *admin, const struct admin_client *client,
                   const struct http_request *request, struct http_response *response)
{
    struct admin_call call = {
        .admin = admin,
        .client = client,
        .request = request,
        .response = response,
        .token = -1,
    };
    handle(&call);
    if (!response->later && !call.is_page)
        admin_finish(response);
}

void admin_refuse(int status, struct http_response *response)
{
    problem_respond(response, status, status == 413 ? "too-large" : "bad-request",
                    "This is not a request that this server takes.");
    admin_finish(response);
}
