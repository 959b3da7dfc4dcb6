#include "api/admin_body.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "api/problem.h"
#include "core/json.h"

#define POINTER_MAX 256 /* bytes */
#define NUMBER_MAX 32   /* bytes; none that is in range needs as many */

/* --- what is wrong --- */

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._", c) != NULL);
}

/* A JSON pointer (RFC 6901 section 6), as a URI fragment. */
static void add_pointer(struct buf *out, struct slice name)
{
    buf_add_text(out, "#/");
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c == '~' || c == '/')
            buf_add_text(out, c == '~' ? "~0" : "~1");
        else if (is_unreserved((char)c))
            buf_add_char(out, (char)c);
        else
            buf_add_format(out, "%%%02X", c);
    }
}

static bool refuse(struct admin_call *call, struct slice name, const char *detail)
{
    struct buf pointer;
    buf_init(&pointer, POINTER_MAX);
    add_pointer(&pointer, name);
    problem_field(call->response, buf_failed(&pointer) ? SLICE("#") : buf_slice(&pointer), true,
                  detail);
    buf_done(&pointer);
    return false;
}

static bool refuse_number(struct admin_call *call, const struct admin_field *field)
{
    char detail[80];
    snprintf(detail, sizeof(detail), "It must be a whole number from 0 to %" PRIu64 ".",
             field->most);
    return refuse(call, slice_of(field->name), detail);
}

static bool refuse_size(struct admin_call *call, const struct admin_field *field)
{
    char detail[80];
    snprintf(detail, sizeof(detail), "It must have at most %" PRIu64 " bytes of JSON.",
             field->most);
    return refuse(call, slice_of(field->name), detail);
}

bool admin_body_refuse(struct admin_call *call, const char *name, const char *detail)
{
    return refuse(call, slice_of(name), detail);
}

void admin_body_lacks(struct admin_call *call, const char *name)
{
    refuse(call, slice_of(name), "It must be given.");
}

/* --- one field --- */

/* 1.0 and 1e3 are whole numbers, too. */
static bool read_count(struct slice value, uint64_t most, uint64_t *ret_count)
{
    char text[NUMBER_MAX];
    if (value.len >= sizeof(text))
        return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    double number = strtod(text, NULL);
    if (!(number >= 0 && number <= (double)most))
        return false;
    *ret_count = (uint64_t)number;
    return (double)*ret_count == number;
}

static bool read_peer(struct slice value, struct admin_name *ret_name)
{
    long len = json_decode(json_inside(value), ret_name->text, PEER_NAME_MAX);
    if (len < 0 || !text_is_peer_name((struct slice){ret_name->text, (size_t)len}))
        return false;
    ret_name->len = (size_t)len;
    return true;
}

static bool read_text(struct admin_call *call, const struct admin_field *field, struct slice value,
                      void *at)
{
    if (value.len > field->most)
        return refuse_size(call, field);
    *(struct slice *)at = value;
    return true;
}

static bool read_value(struct admin_call *call, const struct admin_field *field,
                       const struct json_member *member, void *at)
{
    struct slice name = slice_of(field->name);
    switch (field->kind) {
    case ADMIN_BOOLEAN:
        if (member->kind != JSON_BOOLEAN)
            return refuse(call, name, "It must be true or false.");
        *(bool *)at = member->value.ptr[0] == 't';
        return true;
    case ADMIN_COUNT:
        return (member->kind == JSON_NUMBER && read_count(member->value, field->most, at)) ||
               refuse_number(call, field);
    case ADMIN_OBJECT:
        if (member->kind != JSON_OBJECT)
            return refuse(call, name, "It must be an object.");
        return read_text(call, field, member->value, at);
    case ADMIN_ANY: return read_text(call, field, member->value, at);
    case ADMIN_PEER:
        return (member->kind == JSON_STRING && read_peer(member->value, at)) ||
               refuse(call, name, "It must be a peer ID.");
    }
    return false;
}

/* --- all of them --- */

static bool read_member(struct admin_call *call, const struct admin_field *fields, size_t count,
                        const struct json_member *member, char *into, unsigned *given)
{
    char name[POINTER_MAX];
    long len = json_decode(member->key, name, sizeof(name));
    struct slice key = {name, len < 0 ? 0 : (size_t)len};
    for (size_t i = 0; len >= 0 && i < count; i++) {
        if (!slice_is(key, fields[i].name))
            continue;
        if ((*given & 1u << i) != 0)
            return refuse(call, key, "It is given twice.");
        *given |= 1u << i;
        return read_value(call, &fields[i], member, into + fields[i].offset);
    }
    return refuse(call, key, "There is no such field.");
}

static bool is_json_type(struct slice type)
{
    static const char json[] = "application/json";
    size_t len = sizeof(json) - 1;
    return type.len >= len && strncasecmp(type.ptr, json, len) == 0 &&
           (type.len == len || type.ptr[len] == ';' || type.ptr[len] == ' ');
}

static bool is_object(struct admin_call *call)
{
    if (!is_json_type(http_header(call->request, "Content-Type"))) {
        http_response_add(call->response, "Accept", SLICE("application/json"));
        problem_respond(call->response, 415, "not-json-type",
                        "The body must be sent as application/json.");
        return false;
    }
    enum json_kind kind = json_check(call->request->body);
    if (kind == JSON_INVALID)
        problem_respond(call->response, 400, "not-json", "The body is not JSON in UTF-8.");
    else if (kind != JSON_OBJECT)
        problem_field(call->response, SLICE("#"), true, "The body must be an object.");
    return kind == JSON_OBJECT;
}

bool admin_body_read(struct admin_call *call, const struct admin_field *fields, size_t count,
                     void *into, unsigned *ret_given)
{
    struct json_reader reader;
    struct json_member member;
    *ret_given = 0;
    if (!is_object(call))
        return false;
    json_object_start(&reader, call->request->body);
    while (json_object_next(&reader, &member))
        if (!read_member(call, fields, count, &member, into, ret_given))
            return false;
    return true;
}
