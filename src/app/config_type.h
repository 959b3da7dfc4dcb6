/* The types of configuration values: how each is read, written and freed. */
#ifndef ROOMLINE_APP_CONFIG_TYPE_H
#define ROOMLINE_APP_CONFIG_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "app/config_errors.h"
#include "app/config_node.h"
#include "base/buf.h"

struct config_key;

struct config_type {
    const char *name; /* in English, with its article */

    /* Reads `node` into the field. Returns 0, or -1 with errors and the field as it was. */
    int (*set)(const struct config_key *key, void *field, const struct config_node *node,
               const struct config_place *place);

    /* Appends the value as YAML: scalars inline, lists as indented lines, one or more per entry. */
    void (*write)(const struct config_key *key, const void *field, bool secrets, struct buf *out);

    /* Appends what is allowed. */
    void (*allowed)(const struct config_key *key, struct buf *out);
    const char *written; /* in which form, for messages; NULL: speaks for itself */

    size_t (*entries)(const void *field); /* of lists; NULL: not a list */
    void (*done)(void *field);            /* NULL: nothing to free */
};

extern const struct config_type config_type_count;
extern const struct config_type config_type_size;
extern const struct config_type config_type_duration;
extern const struct config_type config_type_flag;
extern const struct config_type config_type_word;
extern const struct config_type config_type_path;
extern const struct config_type config_type_text;
extern const struct config_type config_type_secret;
extern const struct config_type config_type_redis;
extern const struct config_type config_type_listeners;
extern const struct config_type config_type_udp_listeners;
extern const struct config_type config_type_origins;
extern const struct config_type config_type_networks;
extern const struct config_type config_type_ice_servers;
extern const struct config_type config_type_turn_urls;
extern const struct config_type config_type_secrets;
extern const struct config_type config_type_room_events;

#define CONFIG_HIDDEN "********" /* stands for a secret */

/* The node's text, fit for a C string: UTF-8 of at most `max` bytes without control characters.
 * NULL with an error otherwise. */
const char *config_read_text(const struct config_node *node, size_t max,
                             const struct config_place *place);

/* A copy, or NULL with an error. */
char *config_copy_text(const char *text, const struct config_place *place);

/* Is the node a list of at most `max`? If not, there is an error. */
bool config_is_list(const struct config_node *node, size_t max, const struct config_place *place);

/* Zeroed room for `count` items, also for none; NULL with an error: no memory. */
void *config_new_items(size_t count, size_t size, const struct config_place *place);

/* A URL of a STUN or TURN server, as a browser takes it (RFC 7064, RFC 7065); of which kind. */
bool config_is_ice_url(const char *url, bool *ret_turn);

/* Appends text as a YAML scalar, quoted where it must be. */
void config_write_text(const char *text, struct buf *out);

#endif
