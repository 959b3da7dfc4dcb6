/* The dashboard: pages of ours that ask this API, from a folder of files.
 *
 * They hold no secret, so everybody who reaches the listener may have them; the token is typed into
 * the page. Where there is no token to type, a page says what to do about that. */
#include "api/admin_routes.h"

#define FOLDER "/dashboard"

const char admin_dashboard_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void admin_use_dashboard(struct admin *admin, struct static_table *files)
{
    static_unref(admin->dashboard);
    admin->dashboard = files;
}

static bool is_entrance(struct slice path)
{
    return slice_is(path, "/") || slice_is(path, FOLDER);
}

bool admin_is_page(const struct admin *admin, struct slice path)
{
    struct slice rest = path;
    return admin->dashboard != NULL && (is_entrance(path) || slice_skip(&rest, FOLDER "/"));
}

void admin_get_page(struct admin_call *call)
{
    const struct admin *admin = call->admin;
    struct http_request file = *call->request;
    if (is_entrance(file.path)) {
        http_response_add(call->response, "Location", SLICE(FOLDER "/"));
        http_response_text(call->response, 302, "see /dashboard/\n");
        return;
    }
    slice_skip(&file.path, FOLDER);
    if (slice_is(file.path, "/") && admin->tokens.count == 0)
        file.path = SLICE("/setup.html");
    static_respond(admin->dashboard, &file, call->response);
}
