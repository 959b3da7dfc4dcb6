/* The first packet to a worker: who it is, and all it has to know. */
#ifndef ROOMLINE_APP_HELLO_H
#define ROOMLINE_APP_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "app/card.h"
#include "base/buf.h"
#include "base/slice.h"
#include "core/frame.h"
#include "net/tls.h"

/* What a worker inherits, by number. */
#define WORKER_FD_HUB 3
#define WORKER_FD_SHARED 4
#define WORKER_FD_LISTENERS 5 /* the first; in the order of server.listen */

#define WORKER_VARIABLE "ROOMLINE_WORKER" /* set in a worker's environment to its index */

struct hello {
    worker_id id;
    struct instance instance;
    uint32_t index;   /* 0 .. workers - 1; stays over restarts */
    uint32_t workers; /* one alone holds the directory itself */
    struct tls_ticket_keys keys;
    struct slice config; /* CONFIG_FORM_INTERNAL */
};

void hello_write(const struct hello *hello, struct buf *out);

/* False where this is none, such as one of another version of the program. ret_hello->config points
 * into the payload. */
bool hello_read(struct slice payload, struct hello *ret_hello);

#endif
