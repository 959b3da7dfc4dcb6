/* What the types share. */
#include "app/config_type.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static bool is_clean(struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.ptr;
    const unsigned char *end = at + text.len;
    while (at < end) {
        size_t len = text_utf8_sequence(at, end);
        if (len == 0 || *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
            return false;
        at += len;
    }
    return true;
}

const char *config_read_text(const struct config_node *node, size_t max,
                             const struct config_place *place)
{
    if (node->kind != CONFIG_NODE_TEXT) {
        config_refuse(place, node->line, "%s is not text", config_node_show(node).text);
        return NULL;
    }
    if (!is_clean((struct slice){node->text, node->len})) {
        config_error(place, node->line, "holds control characters or is not UTF-8");
        return NULL;
    }
    if (node->len > max) {
        config_error(place, node->line, "%zu bytes are too long; allowed: up to %zu", node->len,
                     max);
        return NULL;
    }
    return node->text;
}

char *config_copy_text(const char *text, const struct config_place *place)
{
    size_t size = strlen(text) + 1;
    char *copy = mem_alloc(size);
    if (copy == NULL)
        config_error(place, 0, "out of memory");
    else
        memcpy(copy, text, size);
    return copy;
}

bool config_is_list(const struct config_node *node, size_t max, const struct config_place *place)
{
    if (config_node_is_null(node) || node->kind != CONFIG_NODE_LIST)
        config_refuse(place, node->line, "%s is not a list", config_node_show(node).text);
    else if (node->len > max)
        config_error(place, node->line, "%zu entries are too many; allowed: up to %zu", node->len,
                     max);
    else
        return true;
    return false;
}

void *config_new_items(size_t count, size_t size, const struct config_place *place)
{
    void *items = mem_zero((count + 1) * size);
    if (items == NULL)
        config_error(place, 0, "out of memory");
    return items;
}

/* Text as YAML */

/* Words that readers of YAML 1.1 take for something else than text. */
static bool is_reserved(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(words[i], text) == 0)
            return true;
    }
    return false;
}

static bool is_plain(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789/._:@?=&%+-";
    size_t len = strlen(text);
    if (len == 0 || (strchr(letters, text[0]) == NULL && text[0] != '/'))
        return false;
    return strspn(text, others) == len && text[len - 1] != ':' && !is_reserved(text);
}

/* YAML 1.1 section 5.1 has these escaped; the first two are also line breaks. */
static bool must_escape(uint32_t c)
{
    return c == 0x2028 || c == 0x2029 || c == 0xfeff || c == 0xfffe || c == 0xffff;
}

static uint32_t code_point_of_three(const unsigned char *at)
{
    return (uint32_t)(at[0] & 0x0f) << 12 | (uint32_t)(at[1] & 0x3f) << 6 | (at[2] & 0x3f);
}

void config_write_text(const char *text, struct buf *out)
{
    if (is_plain(text)) {
        buf_add_text(out, text);
        return;
    }
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + strlen(text);
    buf_add_char(out, '"');
    while (at < end) {
        size_t len = text_utf8_sequence(at, end); /* not 0: config_read_text() saw to that */
        if (*at == '"' || *at == '\\')
            buf_add_char(out, '\\');
        if (len == 3 && must_escape(code_point_of_three(at)))
            buf_add_format(out, "\\u%04X", code_point_of_three(at));
        else
            buf_add(out, at, len);
        at += len > 0 ? len : 1;
    }
    buf_add_char(out, '"');
}
