/* How many connections there are, in all and from each address. */
#ifndef ROOMLINE_NET_ADMISSION_H
#define ROOMLINE_NET_ADMISSION_H

#include <stddef.h>
#include <sys/socket.h>

struct address_count; /* of one address; an IPv6 network of 64 bits counts as one */

struct admission {
    size_t limit; /* 0: none */
    size_t limit_per_address;
    size_t count;
    struct address_count *by_address; /* map */
};

/* 0, with an entry to give back or NULL, or ERR_UNAVAILABLE: too many, or no memory. */
int admission_take(struct admission *admission, const struct sockaddr_storage *address,
                   struct address_count **ret_entry);

void admission_give_back(struct admission *admission, struct address_count *entry);

#endif
