#include "api/members.h"

#include <stdint.h>
#include <stdlib.h>

#define NAME_MAX_BYTES 32             /* longer than any name that is looked for */
#define NUMBER_MAX_BYTES 40           /* 1700000000.123456789 has 20 */
#define NUMBER_MAX 9007199254740992.0 /* 2^53: up to here every whole number is exact */

static struct named *find(struct named *named, size_t count, struct slice key)
{
    char space[NAME_MAX_BYTES];
    long len = json_decode(key, space, sizeof(space));
    struct slice name = {space, len < 0 ? 0 : (size_t)len};
    for (size_t i = 0; len >= 0 && i < count; i++)
        if (slice_is(name, named[i].name))
            return &named[i];
    return NULL;
}

const char *members_read(struct slice text, struct named *named, size_t count)
{
    struct json_reader reader;
    struct json_member member;
    const char *wrong = NULL;
    for (size_t i = 0; i < count; i++)
        named[i].found = (struct json_member){.kind = JSON_INVALID};
    if (!json_object_start(&reader, text))
        return "not a JSON object";
    while (json_object_next(&reader, &member)) {
        struct named *one = find(named, count, member.key);
        if (one != NULL && one->found.kind != JSON_INVALID)
            wrong = "a member is there twice";
        else if (one != NULL)
            one->found = member;
    }
    return reader.valid ? wrong : "not a JSON object";
}

bool member_text(const struct json_member *member, char *space, size_t size, struct slice *ret_text)
{
    if (member->kind != JSON_STRING)
        return false;
    long len = json_decode(json_inside(member->value), space, size);
    *ret_text = (struct slice){space, len < 0 ? 0 : (size_t)len};
    return len >= 0;
}

bool member_is(const struct json_member *member, const char *text)
{
    char space[NAME_MAX_BYTES];
    struct slice found;
    return member_text(member, space, sizeof(space), &found) && slice_is(found, text);
}

bool member_number(const struct json_member *member, uint64_t *ret_number)
{
    char text[NUMBER_MAX_BYTES + 1];
    if (member->kind != JSON_NUMBER || member->value.len > NUMBER_MAX_BYTES)
        return false;
    memcpy(text, member->value.ptr, member->value.len);
    text[member->value.len] = '\0';
    double number = strtod(text, NULL);
    if (!(number >= 0 && number <= NUMBER_MAX))
        return false;
    *ret_number = (uint64_t)number;
    return true;
}
