/* A value as it was written: text, a list or a map, with the line it starts on. */
#ifndef ROOMLINE_APP_CONFIG_NODE_H
#define ROOMLINE_APP_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "app/config_errors.h"

#define CONFIG_NODES_MAX 8192 /* of one text */
#define CONFIG_DEPTH_MAX 8    /* lists and maps in each other */

enum config_node_kind { CONFIG_NODE_TEXT, CONFIG_NODE_LIST, CONFIG_NODE_MAP };

struct config_node {
    enum config_node_kind kind;
    unsigned line;
    bool quoted;               /* of texts: "" and "null" are then meant as they stand */
    size_t len;                /* of `text`, or how many children */
    char *text;                /* owned, NUL-terminated, no NUL in it */
    struct config_node *first; /* items of a list; of a map key, value, key, value */
    struct config_node *last;
    struct config_node *next;
};

/* NULL: no memory. `text` is copied and may be NULL for lists and maps. */
struct config_node *config_node_new(enum config_node_kind kind, const char *text, size_t len);

/* The parent owns the child from here on. */
void config_node_add(struct config_node *parent, struct config_node *child);

/* Frees the node and all below it; NULL is fine. */
void config_node_free(struct config_node *node);

/* Is it nothing at all, or null? */
bool config_node_is_null(const struct config_node *node);

/* "a list", "a map", or the text in quotes: how messages name what was given. */
struct config_shown config_node_show(const struct config_node *node);

/* Reads one YAML document: no anchors, aliases or tags, bounded in nodes and depth. *ret_root is
 * NULL where the text says nothing. Returns 0, or -1 with an error. */
int config_yaml_parse(const char *text, size_t len, const struct config_place *place,
                      struct config_node **ret_root);

#endif
