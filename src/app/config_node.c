#include "app/config_node.h"

#include <string.h>

#include "base/mem.h"

struct config_node *config_node_new(enum config_node_kind kind, const char *text, size_t len)
{
    struct config_node *node = mem_zero(sizeof(*node));
    if (node == NULL)
        return NULL;
    node->kind = kind;
    if (kind != CONFIG_NODE_TEXT)
        return node;
    node->text = mem_alloc(len + 1);
    if (node->text == NULL) {
        mem_free(node);
        return NULL;
    }
    memcpy(node->text, text, len);
    node->text[len] = '\0';
    node->len = len;
    return node;
}

void config_node_add(struct config_node *parent, struct config_node *child)
{
    if (parent->last == NULL)
        parent->first = child;
    else
        parent->last->next = child;
    parent->last = child;
    parent->len++;
}

/* Recursion goes no deeper than CONFIG_DEPTH_MAX. */
void config_node_free(struct config_node *node)
{
    if (node == NULL)
        return;
    struct config_node *child = node->first;
    while (child != NULL) {
        struct config_node *next = child->next;
        config_node_free(child);
        child = next;
    }
    mem_free(node->text);
    mem_free(node);
}

bool config_node_is_null(const struct config_node *node)
{
    if (node == NULL)
        return true;
    if (node->kind != CONFIG_NODE_TEXT || node->quoted)
        return false;
    return node->len == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0;
}

struct config_shown config_node_show(const struct config_node *node)
{
    struct config_shown shown = {"a list"};
    if (node->kind == CONFIG_NODE_TEXT)
        return config_quote(node->text);
    if (node->kind == CONFIG_NODE_MAP)
        strcpy(shown.text, "a map");
    return shown;
}
