#include "api/admin_query.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/problem.h"

static bool refuse(struct admin_call *call, struct slice name, const char *detail)
{
    problem_field(call->response, name, false, detail);
    return false;
}

/* As forms and URLSearchParams write it: '+' is a blank. */
static bool decode_form(struct slice raw, struct buf *out)
{
    while (raw.len > 0) {
        const char *plus = memchr(raw.ptr, '+', raw.len);
        size_t len = plus == NULL ? raw.len : (size_t)(plus - raw.ptr);
        if (!text_percent_decode((struct slice){raw.ptr, len}, out))
            return false;
        if (plus != NULL)
            buf_add_char(out, ' ');
        len += plus != NULL;
        raw = (struct slice){raw.ptr + len, raw.len - len};
    }
    return !buf_failed(out);
}

static bool decode(struct slice raw, struct admin_query_value *ret_value)
{
    struct buf decoded;
    buf_init(&decoded, sizeof(ret_value->text));
    bool valid = decode_form(raw, &decoded) && text_is_utf8(buf_slice(&decoded)) &&
                 !text_has_control(buf_slice(&decoded));
    if (valid) {
        ret_value->given = true;
        ret_value->len = decoded.len;
        if (decoded.len > 0)
            memcpy(ret_value->text, decoded.data, decoded.len);
    }
    buf_done(&decoded);
    return valid;
}

static struct slice take_until(struct slice *text, char end)
{
    const char *at = memchr(text->ptr, end, text->len);
    struct slice taken = {text->ptr, at == NULL ? text->len : (size_t)(at - text->ptr)};
    size_t skip = at == NULL ? taken.len : taken.len + 1;
    *text = (struct slice){text->ptr + skip, text->len - skip};
    return taken;
}

static bool read_pair(struct admin_call *call, struct slice name, struct slice raw,
                      const char *const *names, size_t count, struct admin_query_value *values)
{
    size_t i = 0;
    while (i < count && !slice_is(name, names[i]))
        i++;
    if (i == count)
        return refuse(call, name, "There is no such parameter.");
    if (values[i].given)
        return refuse(call, name, "It is given twice.");
    return decode(raw, &values[i]) ||
           refuse(call, name, "It is too long, not UTF-8, or badly encoded.");
}

bool admin_query_read(struct admin_call *call, const char *const *names, size_t count,
                      struct admin_query_value *ret_values)
{
    struct slice query = call->request->query;
    for (size_t i = 0; i < count; i++)
        ret_values[i].given = false;
    while (query.len > 0) {
        struct slice pair = take_until(&query, '&');
        struct slice name = pair.len == 0 ? pair : take_until(&pair, '=');
        if (name.len > 0 && !read_pair(call, name, pair, names, count, ret_values))
            return false;
    }
    return true;
}

bool admin_query_number(struct admin_call *call, const char *name,
                        const struct admin_query_value *value, uint64_t least, uint64_t most,
                        uint64_t fallback, uint64_t *ret_number)
{
    char detail[96];
    uint64_t number = 0;
    bool valid = value->len > 0 && value->len < 16;
    *ret_number = fallback;
    if (!value->given)
        return true;
    for (size_t i = 0; valid && i < value->len; i++) {
        valid = value->text[i] >= '0' && value->text[i] <= '9';
        number = number * 10 + (uint64_t)(value->text[i] - '0');
    }
    if (valid && number >= least && number <= most) {
        *ret_number = number;
        return true;
    }
    snprintf(detail, sizeof(detail), "It must be a whole number from %" PRIu64 " to %" PRIu64 ".",
             least, most);
    return refuse(call, slice_of(name), detail);
}
