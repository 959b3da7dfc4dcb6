/* Which worker belongs to which instance, by the cards of an answer to CONTROL_WORKERS. */
#ifndef ROOMLINE_API_ADMIN_INSTANCES_H
#define ROOMLINE_API_ADMIN_INSTANCES_H

#include "api/admin_call.h"
#include "core/control.h"

struct admin_instances {
    struct admin_worker *workers; /* ordered by ID */
    size_t count;
    struct control_listing listing;
};

struct admin_worker {
    worker_id id;
    bool fresh;
    struct slice card; /* JSON object, in the answer's memory */
    struct admin_name instance;
};

/* Reads an answer, which stays valid meanwhile; one that is none has no workers. */
void admin_instances_init(struct admin_instances *instances, const struct frame *answer);
void admin_instances_done(struct admin_instances *instances);

/* SLICE_NONE where it is not known. */
struct slice admin_instance_of(const struct admin_instances *instances, worker_id worker);

#endif
