#include "api/admin_routes.h"

const struct admin_route admin_routes[] = {
    {METHOD_GET, "/livez", ADMIN_OPEN, admin_get_live},
    {METHOD_GET, "/readyz", ADMIN_OPEN, admin_get_ready},
    {METHOD_GET, "/v1/rooms", ADMIN_TOKEN, admin_list_rooms},
    {METHOD_GET, "/v1/rooms/{room}", ADMIN_TOKEN, admin_get_room},
    {METHOD_PUT, "/v1/rooms/{room}", ADMIN_TOKEN, admin_put_room},
    {METHOD_DELETE, "/v1/rooms/{room}", ADMIN_TOKEN, admin_delete_room},
    {METHOD_DELETE, "/v1/rooms/{room}/peers/{peer}", ADMIN_TOKEN, admin_delete_peer},
    {METHOD_POST, "/v1/rooms/{room}/notices", ADMIN_TOKEN, admin_post_notice},
    {METHOD_GET, "/v1/instances", ADMIN_TOKEN, admin_list_instances},
    {METHOD_POST, "/v1/instances/{instance}/drain", ADMIN_TOKEN, admin_drain_instance},
    {METHOD_GET, "/v1/ice-servers", ADMIN_TOKEN, admin_get_ice_servers},
    {METHOD_POST, "/v1/tokens", ADMIN_TOKEN, admin_post_token},
    {METHOD_GET, "/metrics", ADMIN_METRICS, admin_get_metrics},
};

const size_t admin_route_count = sizeof(admin_routes) / sizeof(admin_routes[0]);

/* Takes a segment, and the slash before it, off the front. */
static bool next_segment(struct slice *path, struct slice *ret_segment)
{
    if (path->len == 0 || path->ptr[0] != '/')
        return false;
    const char *begin = path->ptr + 1;
    const char *end = memchr(begin, '/', path->len - 1);
    size_t len = end == NULL ? path->len - 1 : (size_t)(end - begin);
    *ret_segment = (struct slice){begin, len};
    *path = (struct slice){begin + len, path->len - 1 - len};
    return true;
}

bool admin_route_fits(const struct admin_route *route, struct slice path)
{
    struct slice pattern = slice_of(route->pattern), wanted, segment;
    while (next_segment(&pattern, &wanted)) {
        if (!next_segment(&path, &segment))
            return false;
        bool named = wanted.len > 0 && wanted.ptr[0] == '{';
        if (named ? segment.len == 0 : !slice_equal(wanted, segment))
            return false;
    }
    return path.len == 0;
}

static bool is_instance_name(struct slice name)
{
    return name.len > 0 && name.len <= ADMIN_INSTANCE_MAX && text_is_utf8(name) &&
           !text_has_control(name);
}

static const struct parameter {
    const char *name;
    size_t offset;
    bool (*is_valid)(struct slice name);
} parameters[] = {
    {"{room}", offsetof(struct admin_call, room), text_is_room_name},
    {"{peer}", offsetof(struct admin_call, peer), text_is_peer_name},
    {"{instance}", offsetof(struct admin_call, instance), is_instance_name},
};

static bool decode(const struct parameter *parameter, struct slice segment, struct admin_call *call)
{
    struct admin_name *name = (struct admin_name *)((char *)call + parameter->offset);
    struct buf decoded;
    buf_init(&decoded, sizeof(name->text));
    bool valid = text_percent_decode(segment, &decoded) && !buf_failed(&decoded) &&
                 parameter->is_valid(buf_slice(&decoded));
    if (valid) {
        memcpy(name->text, decoded.data, decoded.len);
        name->len = decoded.len;
    }
    buf_done(&decoded);
    return valid;
}

bool admin_route_names(const struct admin_route *route, struct slice path, struct admin_call *call)
{
    struct slice pattern = slice_of(route->pattern), wanted, segment;
    while (next_segment(&pattern, &wanted) && next_segment(&path, &segment))
        for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
            if (slice_is(wanted, parameters[i].name) && !decode(&parameters[i], segment, call))
                return false;
    return true;
}
