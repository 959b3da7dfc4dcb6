#include "api/admin_json.h"

#include <time.h>

#include "api/problem.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/json.h"

void admin_json_time(struct buf *out, uint64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    char text[64];
    if (gmtime_r(&seconds, &utc) == NULL || utc.tm_year + 1900 > 9999) {
        buf_add_text(out, "null");
        return;
    }
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
    buf_add_format(out, "\"%s.%03uZ\"", text, (unsigned)(unix_ms % 1000));
}

void admin_json_object(struct buf *out, struct slice object)
{
    buf_add_slice(out, json_check(object) == JSON_OBJECT ? object : SLICE("{}"));
}

void admin_json_respond(struct http_response *response, int status, struct buf *json)
{
    if (buf_failed(json)) {
        buf_done(json);
        problem_later(response, 503, 1, "unavailable", "The answer is too large for this server.");
        return;
    }
    response->status = status;
    response->body = buf_slice(json);
    response->owner = json->data;
    response->release = mem_free;
    http_response_add(response, "Content-Type", SLICE("application/json"));
}

void admin_json_room_path(struct buf *out, struct slice room)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    buf_add_text(out, "/v1/rooms/");
    for (size_t i = 0; i < room.len; i++) {
        if (memchr(plain, room.ptr[i], sizeof(plain) - 1) != NULL)
            buf_add_char(out, room.ptr[i]);
        else
            buf_add_format(out, "%%%02X", (unsigned char)room.ptr[i]);
    }
}

void admin_json_missing(struct buf *out, const struct control_listing *listing)
{
    struct slice rest = listing->names, name;
    const char *comma = "";
    buf_add_text(out, ",\"missing\":[");
    while (control_name_next(&rest, &name)) {
        buf_add_text(out, comma);
        text_add_json(out, name);
        comma = ",";
    }
    buf_add_char(out, ']');
}

void admin_json_reached(struct http_response *response, struct slice data, const char *name)
{
    struct control_reached reached = {0};
    struct buf json;
    control_reached_read(data, &reached);
    buf_init(&json, 128);
    buf_add_format(&json, "{\"%s\":%u}\n", name, reached.count);
    admin_json_respond(response, 200, &json);
}
