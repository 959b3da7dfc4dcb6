/* The only file that meets libyaml: its events become config_nodes.
 *
 *   document start, then containers and texts, each added to the innermost open container
 *
 * Refused on the way: a second document, anchors and aliases (so nothing grows beyond the text),
 * tags, keys that are not plain text, too deep, too many. The first fault ends it. */
#include <string.h>
#include <yaml.h>

#include "app/config_node.h"
#include "base/slice.h"

static const char no_alias[] = "aliases are not taken; a text that starts with * must be in quotes";

struct builder {
    yaml_parser_t parser;
    struct slice text;
    const struct config_place *place;
    struct config_node *root;
    struct config_node *open[CONFIG_DEPTH_MAX]; /* from the root inwards */
    unsigned depth;
    unsigned nodes;
    unsigned documents;
};

static unsigned line_of(yaml_mark_t mark)
{
    return (unsigned)mark.line + 1;
}

static int refuse(struct builder *builder, const yaml_event_t *event, const char *what)
{
    config_error(builder->place, line_of(event->start_mark), "%s", what);
    return -1;
}

/* Errors of the reader (not UTF-8) know only the byte. */
static unsigned line_of_offset(struct slice text, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset && i < text.len; i++)
        line += text.ptr[i] == '\n';
    return line;
}

/* libyaml speaks of a "character that cannot start any token". */
static bool is_indented_by_tab(struct slice text, unsigned line)
{
    size_t at = 0;
    while (line > 1 && at < text.len)
        line -= text.ptr[at++] == '\n';
    while (at < text.len && text.ptr[at] == ' ')
        at++;
    return at < text.len && text.ptr[at] == '\t';
}

/* Mostly libyaml's own words about what it could not read. */
static int refuse_syntax(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    unsigned line = line_of(parser->problem_mark);
    if (parser->error == YAML_READER_ERROR)
        line = line_of_offset(builder->text, parser->problem_offset);
    if (parser->error == YAML_MEMORY_ERROR)
        config_error(builder->place, 0, "out of memory");
    else if (parser->context != NULL && strcmp(parser->context, "while scanning an alias") == 0)
        config_error(builder->place, line, "%s", no_alias);
    else if (parser->error == YAML_SCANNER_ERROR && is_indented_by_tab(builder->text, line))
        config_error(builder->place, line, "not YAML: a tab; indentation is made of spaces");
    else
        config_error(builder->place, line, "not YAML: %s",
                     parser->problem != NULL ? parser->problem : "cannot be read");
    return -1;
}

static bool is_key(const struct config_node *parent)
{
    return parent->kind == CONFIG_NODE_MAP && parent->len % 2 == 0;
}

static int add_node(struct builder *builder, const yaml_event_t *event, struct config_node *node)
{
    if (node == NULL)
        return refuse(builder, event, "out of memory");
    node->line = line_of(event->start_mark);
    if (builder->depth == 0)
        builder->root = node;
    else
        config_node_add(builder->open[builder->depth - 1], node);
    return 0;
}

static int add_text(struct builder *builder, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    if (memchr(text, '\0', event->data.scalar.length) != NULL)
        return refuse(builder, event, "text with a NUL byte is not taken");
    struct config_node *node = config_node_new(CONFIG_NODE_TEXT, text, event->data.scalar.length);
    if (node != NULL)
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return add_node(builder, event, node);
}

static int open_container(struct builder *builder, const yaml_event_t *event,
                          enum config_node_kind kind)
{
    if (builder->depth == CONFIG_DEPTH_MAX)
        return refuse(builder, event, "lists and maps are nested too deep");
    if (builder->depth > 0 && is_key(builder->open[builder->depth - 1]))
        return refuse(builder, event, "a key must be text");
    struct config_node *node = config_node_new(kind, NULL, 0);
    if (add_node(builder, event, node) < 0)
        return -1;
    builder->open[builder->depth++] = node;
    return 0;
}

/* Anchors and tags come with values; plain configuration needs neither. */
static int check_adornment(struct builder *builder, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    } else {
        return 0;
    }
    if (anchor != NULL)
        return refuse(builder, event, "anchors (&) are not taken");
    if (tag != NULL)
        return refuse(builder, event, "tags (!) are not taken");
    if (++builder->nodes > CONFIG_NODES_MAX)
        return refuse(builder, event, "too many values");
    return 0;
}

static int on_event(struct builder *builder, const yaml_event_t *event)
{
    if (check_adornment(builder, event) < 0)
        return -1;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++builder->documents > 1 ? refuse(builder, event, "one document only") : 0;
    case YAML_ALIAS_EVENT: return refuse(builder, event, no_alias);
    case YAML_SCALAR_EVENT: return add_text(builder, event);
    case YAML_SEQUENCE_START_EVENT: return open_container(builder, event, CONFIG_NODE_LIST);
    case YAML_MAPPING_START_EVENT: return open_container(builder, event, CONFIG_NODE_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: builder->depth--; return 0;
    default: return 0;
    }
}

static int read_events(struct builder *builder)
{
    bool end = false;
    while (!end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&builder->parser, &event))
            return refuse_syntax(builder);
        int result = on_event(builder, &event);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (result < 0)
            return -1;
    }
    return 0;
}

int config_yaml_parse(const char *text, size_t len, const struct config_place *place,
                      struct config_node **ret_root)
{
    struct builder builder = {.place = place, .text = {text, len}};
    *ret_root = NULL;
    if (!yaml_parser_initialize(&builder.parser)) {
        config_error(place, 0, "out of memory");
        return -1;
    }
    /* Not guessed from a byte order mark: everything after this takes UTF-8. */
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, len);
    int result = read_events(&builder);
    yaml_parser_delete(&builder.parser);
    if (result < 0)
        config_node_free(builder.root);
    else
        *ret_root = builder.root;
    return result;
}
