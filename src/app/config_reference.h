/* Texts made from the table of keys alone. */
#ifndef ROOMLINE_APP_CONFIG_REFERENCE_H
#define ROOMLINE_APP_CONFIG_REFERENCE_H

#include "base/buf.h"

void config_write_example(struct buf *out);   /* config/roomline.yaml */
void config_write_reference(struct buf *out); /* docs/configuration.md */

#endif
