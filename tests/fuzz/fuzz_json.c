/* What the scanner accepts is UTF-8, cJSON accepts it too, and reading it by members agrees. */
#include "base/text.h"
#include "core/json.h"
#include "must.h"
#include "second_opinion.h"

static bool lies_within(struct slice inner, struct slice outer)
{
    return inner.ptr >= outer.ptr && inner.ptr + inner.len <= outer.ptr + outer.len;
}

static void decode(struct slice inside)
{
    char *space = malloc(inside.len + 1);
    long len = json_decode(inside, space, inside.len); /* escapes are longer than what they mean */
    must(len <= (long)inside.len);
    must(len < 0 || text_is_utf8((struct slice){space, (size_t)len}));
    must(len >= 0 || second_opinion_has_half_pair(inside));
    free(space);
}

/* Returns whether the text, which is an object, was read to its end. */
static bool read_members(struct slice text, size_t *ret_count)
{
    struct json_reader reader;
    struct json_member member;
    *ret_count = 0;
    must(json_object_start(&reader, text));
    while (json_object_next(&reader, &member)) {
        must(lies_within(member.key, text) && lies_within(member.value, text));
        must(json_check(member.value) == member.kind);
        decode(member.key);
        if (member.kind == JSON_STRING)
            decode(json_inside(member.value));
        ++*ret_count;
    }
    return reader.valid;
}

static bool read_elements(struct slice text, size_t *ret_count)
{
    struct json_reader reader;
    struct json_member element;
    *ret_count = 0;
    must(json_array_start(&reader, text));
    while (json_array_next(&reader, &element)) {
        must(lies_within(element.value, text) && json_check(element.value) == element.kind);
        ++*ret_count;
    }
    return reader.valid;
}

static bool is_kind(const cJSON *json, enum json_kind kind)
{
    switch (kind) {
    case JSON_NULL: return cJSON_IsNull(json);
    case JSON_BOOLEAN: return cJSON_IsBool(json);
    case JSON_NUMBER: return cJSON_IsNumber(json);
    case JSON_STRING: return cJSON_IsString(json);
    case JSON_ARRAY: return cJSON_IsArray(json);
    case JSON_OBJECT: return cJSON_IsObject(json);
    default: return false;
    }
}

static void compare(struct slice text, enum json_kind kind, size_t members)
{
    cJSON *json = second_opinion_parse(text);
    must(json != NULL);
    must(is_kind(json, kind));
    if (kind == JSON_OBJECT || kind == JSON_ARRAY)
        must((size_t)cJSON_GetArraySize(json) == members);
    cJSON_Delete(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct json_reader reader;
    size_t members = 0;
    enum json_kind kind = json_check(text);
    if (json_object_start(&reader, text))
        must(read_members(text, &members) == (kind == JSON_OBJECT));
    else
        must(kind != JSON_OBJECT);
    if (json_array_start(&reader, text))
        must(read_elements(text, &members) == (kind == JSON_ARRAY));
    else
        must(kind != JSON_ARRAY);
    if (kind != JSON_INVALID) {
        must(text_is_utf8(text));
        if (second_opinion_can_tell(text))
            compare(text, kind, members);
    }
    return 0;
}
