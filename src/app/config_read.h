/* Values from anywhere into the fields of struct config. */
#ifndef ROOMLINE_APP_CONFIG_READ_H
#define ROOMLINE_APP_CONFIG_READ_H

#include <stddef.h>

#include "app/config.h"
#include "app/config_table.h"

/* Sets every key that the YAML text has. Reports all faults through `place`, whose key is NULL;
 * returns 0 or -1. */
int config_read_yaml(struct config *config, const char *text, size_t len,
                     const struct config_place *place);

/* Sets one key from text: a scalar as it stands, a list as YAML in
 * [brackets] or comma-separated. */
int config_read_value(struct config *config, const struct config_key *key, const char *text,
                      struct config_source source, const struct config_place *place);

/* Sets a list key from several texts, one entry each. */
int config_read_entries(struct config *config, const struct config_key *key,
                        const char *const *texts, size_t count, struct config_source source,
                        const struct config_place *place);

/* The file as memory of the caller's, with a NUL after it; NULL with an error. */
char *config_read_file(const char *path, size_t *ret_len, const struct config_place *place);

#endif
