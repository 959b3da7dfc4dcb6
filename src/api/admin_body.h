/* The body of a request: one JSON object whose fields a table names. What is not known, given twice
 * or of the wrong kind is refused with 422 and a pointer to it. */
#ifndef ROOMLINE_API_ADMIN_BODY_H
#define ROOMLINE_API_ADMIN_BODY_H

#include "api/admin_call.h"

/* The C type behind `offset` depends on the kind. */
enum admin_field_kind {
    ADMIN_BOOLEAN, /* bool */
    ADMIN_COUNT,   /* uint64_t: a whole number up to `most` */
    ADMIN_OBJECT,  /* struct slice: JSON text of up to `most` bytes, which points into the body */
    ADMIN_ANY,     /* the same for any value */
    ADMIN_PEER,    /* struct admin_name: a peer ID */
};

struct admin_field {
    const char *name;
    enum admin_field_kind kind;
    uint64_t most;
    size_t offset; /* in `into` */
};

/* Reads them; those not given stay as they are, and *ret_given has a bit for each that is. False:
 * the response says what is wrong. */
bool admin_body_read(struct admin_call *call, const struct admin_field *fields, size_t count,
                     void *into, unsigned *ret_given);

/* 422 for a field that is wrong in a way that no kind knows of. False. */
bool admin_body_refuse(struct admin_call *call, const char *name, const char *detail);

/* 422 for a field that must be given. */
void admin_body_lacks(struct admin_call *call, const char *name);

#endif
